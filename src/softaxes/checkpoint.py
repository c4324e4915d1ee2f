"""How do weights, axes and settings go to disk and come back?

Two kinds of safetensors file, both written whole or not at all (to a neighbour, then renamed):

    model.safetensors   a `Model`: encoder, decoder, axes; settings as JSON in the header
    state.safetensors   a training run in the middle: weights, optimizer, step

No pickle is read or written.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from softaxes.axes import Axes
from softaxes.kinds import Circle, Kind, Line
from softaxes.model import Model, Part

FORMAT = "1"
MODEL_FILE, STATE_FILE = "model.safetensors", "state.safetensors"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header so that ``path`` is always a whole file, old or new."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(flat, partial, metadata={"softaxes": json.dumps(header)})
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"cannot write {path}: {error}; what was there before is untouched") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file that `write_tensors` wrote; ValueError if it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("softaxes")
            if header is None:
                raise ValueError(f"{path} holds no softaxes header")
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(header)  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable checkpoint: {error}") from error


def save_model(model: Model, path: Path) -> None:
    """Write ``model`` to ``path``."""
    header = {
        "format": FORMAT,
        "parts": {name: dataclasses.asdict(part) for name, part in model.parts.items()},
        "kinds": [kind_record(kind) for kind in model.axes.kinds],
        "input_shape": list(model.input_shape),
        "threshold": model.threshold,
        "card": model.card,
    }
    axes = {f"axes.{name}": tensor for name, tensor in model.axes.state().items()}
    write_tensors(path, {**model.state_dict(), **axes}, header)


def load(name: str | Path) -> Model:
    """A trained model: the name of one that ships with softaxes, a run folder, or a model file.

    Raises:
        ValueError: nothing of that name, a run that has not finished, or a file that is no model.
    """
    tensors, header = read_tensors(_find(name))
    if header.get("format") != FORMAT:
        raise ValueError(f"{name} has format {header.get('format')!r}; this version of softaxes reads {FORMAT!r}")
    kinds = [kind_from_record(record) for record in header["kinds"]]
    axes = Axes.from_state(kinds, {k.removeprefix("axes."): v for k, v in tensors.items() if k.startswith("axes.")})
    parts = {name: Part(**record) for name, record in header["parts"].items()}
    model = Model(
        parts["encoder"],
        axes,
        tuple(header["input_shape"]),
        decoder=parts.get("decoder"),
        threshold=header["threshold"],
        card=header["card"],
    )
    model.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("axes.")})
    return model


def shipped() -> list[str]:
    """Names of the models that come with the package."""
    folder = resources.files("softaxes") / "models"
    return sorted(f.name.removesuffix(".safetensors") for f in folder.iterdir()) if folder.is_dir() else []


def _find(name: str | Path) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / MODEL_FILE).is_file():
            return path / MODEL_FILE
        if (path / STATE_FILE).is_file():
            raise ValueError(f"the run in {path} has not finished: run its training command again, it resumes")
        raise ValueError(f"{path} is no run folder: it holds no {MODEL_FILE}")
    if str(name) in shipped():
        return Path(str(resources.files("softaxes") / "models" / f"{name}.safetensors"))
    raise ValueError(
        f"no model {str(name)!r}: neither a path nor one of the shipped ones ({', '.join(shipped()) or 'none'})"
    )


def kind_record(kind: Kind) -> dict[str, Any]:
    """A kind as JSON."""
    return {"geometry": type(kind).__name__, **dataclasses.asdict(kind)}


def kind_from_record(record: Mapping[str, Any]) -> Kind:
    fields = {name: value for name, value in record.items() if name != "geometry"}
    return Circle(**fields) if record["geometry"] == "Circle" else Line(**fields)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": torch.as_tensor(value) for i, slots in state.items() for name, value in slots.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave; groups (and their learning rates) stay as the optimizer has them."""
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})

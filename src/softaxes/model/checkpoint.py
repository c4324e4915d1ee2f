"""How do weights, axes and settings go to disk and come back?

Two kinds of safetensors file, both written whole or not at all (to a neighbour, then renamed):

    model.safetensors   a `Model`: encoder, decoder, axes; settings as JSON in the header
    state.safetensors   a training run in the middle: weights, optimizer, step

No pickle is read or written.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from softaxes.data.files import write_bytes
from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Circle, Cycle, Kind, Line
from softaxes.model.model import Model
from softaxes.model.part import Part

FORMAT = "1"
MODEL_FILE, STATE_FILE = "model.safetensors", "state.safetensors"
REPLACED = {"pop909-melody": "melody", "pop909": "piano-roll"}
LARGE = 1000  # numbers in a weight that is worth halving


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header so that ``path`` is always a whole file, old or new.

    One process may write a path at a time. Raises OSError, naming the path, if the disk is full or refuses.
    """
    metadata = {"softaxes": json.dumps({"format": FORMAT, **header})}
    flat = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}  # tied ones apart
    write_bytes(path, safetensors_bytes(flat, metadata=metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file that `write_tensors` wrote.

    Raises:
        ValueError: the file is damaged, no softaxes checkpoint, or of another version's format.
        OSError: there is no such file or it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("softaxes")
            header = json.loads(text) if text is not None else None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable checkpoint: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path} holds no softaxes header")
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} has format {header.get('format')!r}; this version of softaxes reads {FORMAT!r}")
    return tensors, header


def save_model(model: Model, path: Path, *, half: bool = False) -> None:
    """Write ``model`` to ``path``; OSError if the disk refuses, TypeError if its card is not JSON.

    ``half`` writes large weights as float16: half the size; `load` gives float32 all the same. Axes and the few numbers
    that place things stay as they are.
    """
    header = {
        "parts": {name: dataclasses.asdict(part) for name, part in model.parts.items()},
        "kinds": [kind_record(kind) for kind in model.axes.kinds],
        "input_shape": list(model.input_shape),
        "threshold": model.threshold,
        "card": model.card,
    }
    axes = {f"axes.{name}": tensor for name, tensor in model.axes.state().items()}
    weights = model.state_dict()
    if half:
        weights = {name: w.half() if w.numel() > LARGE and w.is_floating_point() else w for name, w in weights.items()}
    write_tensors(path, {**weights, **axes}, header)


def load(name: str | Path) -> Model:
    """A trained model: the name of one that ships with softaxes, a run folder, or a model file.

    A shipped name wins over a folder of that name; write ``./name`` for the folder.

    Raises:
        ValueError: nothing of that name, a run that has not finished, or a file that is no model.
    """
    path = _find(name)
    tensors, header = read_tensors(path)
    if "parts" not in header:
        raise ValueError(f"{path} holds no model")
    if _is_of_0_3(header):
        todo = "train it again (softaxes train), or load a shipped model"
        raise ValueError(f"{path} is a model of music of softaxes 0.3, whose code does not turn with metre: {todo}")
    try:
        return _model_from(tensors, header)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch lists what is missing on lines of their own
        raise ValueError(f"{path} does not fit this version of softaxes: {reason}") from error


def _is_of_0_3(header: Mapping[str, Any]) -> bool:
    """Is it a model of music whose metre is one circle, in a bar?"""
    metres = [kind["geometry"] for kind in header.get("kinds", []) if kind.get("name") == "metre"]
    return header.get("card", {}).get("task") == "music" and metres == ["Circle"]


def _model_from(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Model:
    weights = {key: value for key, value in tensors.items() if not key.startswith("axes.")}
    axes = {key.removeprefix("axes."): value for key, value in tensors.items() if key.startswith("axes.")}
    parts = {role: Part(**record) for role, record in header["parts"].items()}
    model = Model(
        parts["encoder"],
        Axes.from_state([kind_from_record(record) for record in header["kinds"]], axes),
        tuple(header["input_shape"]),
        decoder=parts.get("decoder"),
        threshold=header["threshold"],
        card=header["card"],
    )
    model.load_state_dict(weights)
    return model


def shipped() -> list[str]:
    """Names of the models that come with the package."""
    folder = resources.files("softaxes") / "model" / "shipped"
    files = [f.name for f in folder.iterdir()] if folder.is_dir() else []
    return sorted(name.removesuffix(".safetensors") for name in files if name.endswith(".safetensors"))


def _find(name: str | Path) -> Path:
    if str(name) in shipped():
        return Path(str(resources.files("softaxes") / "model" / "shipped" / f"{name}.safetensors"))
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / MODEL_FILE).is_file():
            return path / MODEL_FILE
        if (path / STATE_FILE).is_file():
            raise ValueError(f"the run in {path} has not finished: run its training command again, it resumes")
        raise ValueError(f"{path} is no run folder: it holds no {MODEL_FILE}")
    if str(name) in REPLACED:
        raise ValueError(f"model {str(name)!r} of softaxes 0.3 is replaced by {REPLACED[str(name)]!r}: load that one")
    raise ValueError(
        f"no model {str(name)!r}: neither a path nor one of the shipped ones ({', '.join(shipped()) or 'none'})"
    )


def kind_record(kind: Kind) -> dict[str, Any]:
    """A kind as JSON."""
    return {"geometry": type(kind).__name__, **dataclasses.asdict(kind)}


def kind_from_record(record: Mapping[str, Any]) -> Kind:
    """The kind that `kind_record` wrote; ValueError for a geometry that this version does not know."""
    geometries: dict[str, type[Kind]] = {"Line": Line, "Circle": Circle, "Cycle": Cycle}
    fields = dict(record)
    geometry = fields.pop("geometry")
    if geometry not in geometries:
        raise ValueError(f"kind {fields.get('name')!r} has unknown geometry {geometry!r}")
    return geometries[geometry](**fields)

"""Where do a run's figures go? Always to ``metrics.jsonl``; to wandb, tensorboard or trackio when asked.

Every line of ``metrics.jsonl`` is one JSON object with ``step``. A resumed run first drops the lines after its
checkpoint, so the file reads as if the run had never stopped.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

Tracker = Literal["wandb", "tensorboard", "trackio"]
METRICS_FILE = "metrics.jsonl"


class Sink(Protocol):
    """Anything that takes a step's figures."""

    def log(self, step: int, figures: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """``metrics.jsonl`` of a run, cut back to ``resume_step``."""

    def __init__(self, folder: Path, resume_step: int = 0) -> None:
        path = folder / METRICS_FILE
        kept = [row for row in read_metrics(folder) if row["step"] <= resume_step] if resume_step else []
        partial = path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(partial, path)
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._file.write(json.dumps({"step": step, **figures}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Rows of a run's ``metrics.jsonl``; a last line that a kill cut short is left out."""
    path = folder / METRICS_FILE
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


class TensorBoard:
    """Event files in ``RUN/tensorboard``."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        _need("tensorboard", "tensorboard")
        writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(folder / "tensorboard"))
        self._writer.add_text("config", json.dumps(config))

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WandbOrTrackio:
    """The two share one interface: ``init``, ``log``, ``finish``. Both work offline."""

    def __init__(self, name: Literal["wandb", "trackio"], folder: Path, config: Mapping[str, Any]) -> None:
        self._module = _need(name, name)
        if name == "wandb":
            self._run = self._module.init(project="softaxes", name=folder.name, dir=str(folder), config=dict(config))
        else:
            self._run = self._module.init(project="softaxes", name=folder.name, config=dict(config))

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        self._run.finish()


def _need(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"tracking with {module} needs it installed: pip install 'softaxes[{extra}]'") from error


def open_sinks(folder: Path, trackers: Sequence[Tracker], config: Mapping[str, Any], resume_step: int) -> list[Sink]:
    """``metrics.jsonl`` first, then what was asked for."""
    sinks: list[Sink] = [JsonLines(folder, resume_step)]
    for name in trackers:
        sinks.append(TensorBoard(folder, config) if name == "tensorboard" else WandbOrTrackio(name, folder, config))
    return sinks

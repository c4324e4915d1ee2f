"""Where do a run's figures go? Always to ``metrics.jsonl``; to wandb, tensorboard or trackio when asked.

Every line of ``metrics.jsonl`` is one JSON object with ``step``. A resumed run first drops the lines after its
checkpoint, so the file reads as if the run had never stopped; a figure that is not finite is written as null. The
others resume as well as they can: tensorboard hides what came after the checkpoint, wandb and trackio go on with the
same run.
"""

from __future__ import annotations

import importlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from softaxes.data.files import write_text
from softaxes.data.optional import has, missing, need

Tracker = Literal["wandb", "tensorboard", "trackio"]
METRICS_FILE = "metrics.jsonl"


class Sink(Protocol):
    """Anything that takes a step's figures."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of one step."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class JsonLines:
    """``metrics.jsonl`` of a run, cut back to ``resume_step``; a line is on disk as soon as it is logged."""

    def __init__(self, folder: Path, resume_step: int = 0) -> None:
        path = folder / METRICS_FILE
        kept = [row for row in read_metrics(folder) if row["step"] <= resume_step] if resume_step else []
        write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        self._file.write(json.dumps({"step": step, **finite}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Rows of a run's ``metrics.jsonl``, [] if there is none. A last line that a kill cut short is left out.

    ValueError for any other line that is no JSON object.
    """
    path = folder / METRICS_FILE
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [""]
    rows = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last newline is nothing, or cut short
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} of {path} is no JSON: {line[:60]!r}") from error
    return rows


class TensorBoard:
    """Event files in ``RUN/tensorboard``."""

    def __init__(self, folder: Path, config: Mapping[str, Any], resume_step: int = 0) -> None:
        need("tensorboard", "tracking with tensorboard")
        writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(folder / "tensorboard"), purge_step=resume_step + 1 if resume_step else None)
        self._writer.add_text("config", json.dumps(config, default=str))

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WandbOrTrackio:
    """The two share one interface: ``init``, ``log``, ``finish``. Both work offline (wandb with WANDB_MODE=offline)."""

    def __init__(
        self, name: Literal["wandb", "trackio"], folder: Path, config: Mapping[str, Any], resume_step: int = 0
    ) -> None:
        settings: dict[str, Any] = {"project": "softaxes", "name": folder.resolve().name, "config": dict(config)}
        if name == "wandb":
            settings |= {"dir": str(folder), "id": _lasting_id(folder / "wandb-id"), "resume": "allow"}
        else:  # trackio knows runs by their name: another folder of that name must not join this one
            settings |= {"resume": "allow" if resume_step else "never", "embed": False}
        try:
            self._run = need(name, f"tracking with {name}").init(**settings)
        except Exception as error:  # whatever the tracker raises: no login, no network
            hint = "set WANDB_MODE=offline, or run `wandb login`" if name == "wandb" else "see its documentation"
            raise ValueError(f"{name} cannot start ({' '.join(str(error).split())[:200]}): {hint}") from None

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        self._run.finish()


def _lasting_id(path: Path) -> str:
    """A random name that is made once and then read."""
    if not path.is_file():
        write_text(path, uuid.uuid4().hex[:8])
    return path.read_text(encoding="utf-8")


def check_trackers(trackers: Sequence[Tracker]) -> None:
    """ValueError for an unknown or a missing one, before anything is read or written for a run; imports nothing."""
    for name in trackers:
        if name not in ("wandb", "tensorboard", "trackio"):
            raise ValueError(f"`trackers` must be of wandb, tensorboard, trackio, got {name!r}")
        if not has(name):
            raise missing(name, f"tracking with {name}")


def open_sinks(folder: Path, trackers: Sequence[Tracker], config: Mapping[str, Any], resume_step: int) -> list[Sink]:
    """``metrics.jsonl`` first, then what was asked for; ValueError for an unknown or a missing one."""
    check_trackers(trackers)
    sinks: list[Sink] = [JsonLines(folder, resume_step)]
    for name in trackers:
        if name == "tensorboard":
            sinks.append(TensorBoard(folder, config, resume_step))
        else:
            sinks.append(WandbOrTrackio(name, folder, config, resume_step))
    return sinks

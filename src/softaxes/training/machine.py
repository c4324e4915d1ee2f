"""Where and how does a run run? Devices, precision, threads, checkpoints, trackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from softaxes.model.devices import Device
from softaxes.training.settings import Range, check_settings
from softaxes.training.tracking import Tracker, check_trackers

Precision = Literal["32-true", "bf16-mixed"]
RANGES = dict.fromkeys(("devices", "nodes", "log_every"), Range(1)) | dict.fromkeys(
    ("threads", "checkpoint_seconds"), Range(0)
)


@dataclass(frozen=True)
class Machine:
    """Where and how to run; none of it changes what is learned (precision aside).

    Attributes:
        accelerator: "auto", "cpu", "cuda" or "mps".
        devices: processes on this machine; they share each batch.
        nodes: machines.
        precision: "32-true" or "bf16-mixed".
        threads: CPU threads of a process; 0 takes as many as other work leaves free. A resumed run keeps its number.
        checkpoint_seconds: time between checkpoints.
        log_every: steps between lines of metrics.jsonl.
        trackers: wandb, tensorboard, trackio; metrics.jsonl is always written.
        progress: show a progress bar.
    """

    accelerator: Device = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Precision = "32-true"
    threads: int = 0
    checkpoint_seconds: float = 30.0
    log_every: int = 10
    trackers: tuple[Tracker, ...] = ()
    progress: bool = True

    def __post_init__(self) -> None:
        check_settings(self, RANGES)
        check_trackers(self.trackers)

"""Where and how does a run run? Devices, precision, threads, checkpoints, trackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from softaxes.training.tracking import Tracker

Accelerator = Literal["auto", "cpu", "cuda", "mps"]


Precision = Literal["32-true", "bf16-mixed"]


@dataclass(frozen=True)
class Machine:
    """Where and how to run; none of it changes what is learned (precision aside).

    Attributes:
        accelerator: "auto", "cpu", "cuda" or "mps".
        devices: processes on this machine; they share each batch.
        nodes: machines.
        precision: "32-true" or "bf16-mixed".
        threads: CPU threads of a process; 0 leaves the choice to torch.
        checkpoint_seconds: time between checkpoints.
        log_every: steps between lines of metrics.jsonl.
        trackers: wandb, tensorboard, trackio; metrics.jsonl is always written.
        progress: show a progress bar.
    """

    accelerator: Accelerator = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Precision = "32-true"
    threads: int = 0
    checkpoint_seconds: float = 30.0
    log_every: int = 10
    trackers: tuple[Tracker, ...] = ()
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("nodes", 1), ("threads", 0), ("checkpoint_seconds", 0), ("log_every", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"`{name}` must be >= {least}, got {getattr(self, name)}")
        for name, allowed in (("accelerator", get_args(Accelerator)), ("precision", get_args(Precision))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for tracker in self.trackers:
            if tracker not in get_args(Tracker):
                raise ValueError(f"`trackers` must be of {', '.join(get_args(Tracker))}, got {tracker!r}")

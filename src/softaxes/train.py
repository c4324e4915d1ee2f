"""How does a task train: on which devices, resumed from where, logged to what?

A *task* says what to learn; this file runs it. Everything random in a step comes from (task seed, step), so a run that
is killed at any moment resumes from its last checkpoint and ends with the weights of a run that never stopped.

A run folder holds ``config.json``, ``metrics.jsonl``, ``state.safetensors`` while it runs, and ``model.safetensors``
once it is done. With several processes each one takes its slice of the same global batch.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn

from softaxes import checkpoint
from softaxes.model import Model
from softaxes.tracking import Tracker, open_sinks

Batch = Mapping[str, Tensor]


class Task(Protocol):
    """What to learn. ``config`` is a frozen dataclass; with the name it decides every weight."""

    name: str
    config: Any
    steps: int
    clip_norm: float | None

    def build_model(self) -> nn.Module: ...

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer: ...

    def learning_rate(self, step: int) -> float: ...

    def batch(self, step: int) -> Batch: ...

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        """Terms of the loss; ``"loss"`` is the one to descend."""
        ...

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on training data and make the model to save."""
        ...


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

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    devices: int = 1
    nodes: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: int = 0
    checkpoint_seconds: float = 30.0
    log_every: int = 10
    trackers: tuple[Tracker, ...] = ()
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("nodes", 1), ("threads", 0), ("checkpoint_seconds", 0), ("log_every", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be >= {least}, got {getattr(self, name)}")


class Interrupted(Exception):
    """Ctrl-C or SIGTERM arrived; the run was saved and can go on."""


class _Learner(nn.Module):
    """The task's loss as the forward pass of a module, which is what data-parallel wrappers wrap."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.model = task, task.build_model()

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return self.task.loss(self.model, batch, step)


def train(task: Task, out: str | Path, machine: Machine | None = None) -> Path:
    """Train ``task`` into the run folder ``out``, resuming what is there; returns the folder.

    Raises:
        ValueError: ``out`` holds a run with other settings, or is not a run folder.
        Interrupted: ctrl-C or SIGTERM; the same call resumes.
        OSError: the disk refuses; the last checkpoint stays whole.
    """
    machine, out = machine or Machine(), Path(out)
    config = {"task": task.name, **dataclasses.asdict(task.config)}
    open_run(out, config)
    if (out / checkpoint.MODEL_FILE).is_file():
        return out
    if machine.threads:
        torch.set_num_threads(machine.threads)
    fabric = _fabric(machine)
    fabric.launch()
    torch.manual_seed(task.config.seed)
    plain = _Learner(task)
    optimizer = task.configure_optimizer(plain.model)
    start = _resume(out, plain, optimizer)
    learner, optimizer = fabric.setup(plain, optimizer)
    _run(fabric, task, learner, plain, optimizer, out, machine, start, config)
    if fabric.is_global_zero:
        checkpoint.save_model(task.finish(plain.model.eval()), out / checkpoint.MODEL_FILE)
        (out / checkpoint.STATE_FILE).unlink(missing_ok=True)
    fabric.barrier()
    return out


def open_run(out: Path, config: Mapping[str, Any]) -> None:
    """Make the folder, or check that the run in it has the same settings."""
    record = json.loads(json.dumps(config, default=str))
    path = out / "config.json"
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(key for key in old.keys() | record.keys() if old.get(key) != record.get(key))
        if changed:
            raise ValueError(f"{out} holds a run with other settings ({', '.join(changed)}); choose another --out")
        return
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; --out must be a folder")
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty and no run folder; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _fabric(machine: Machine) -> Fabric:
    several = machine.devices * machine.nodes > 1
    return Fabric(
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        precision=machine.precision,
        strategy=DDPStrategy(find_unused_parameters=True) if several else "auto",
    )


def _run(
    fabric: Fabric,
    task: Task,
    learner: nn.Module,
    plain: _Learner,
    optimizer: Any,
    out: Path,
    machine: Machine,
    start: int,
    config: Mapping[str, Any],
) -> None:
    sinks = open_sinks(out, machine.trackers, config, start) if fabric.is_global_zero else []
    saved, began = time.monotonic(), time.monotonic()
    with _stop_signals() as stop, progress_bar(task.name, task.steps, start, show=_shows(fabric, machine)) as advance:
        for step in range(start, task.steps):
            terms = _step(fabric, task, learner, optimizer, step)
            done = step + 1
            if done % machine.log_every == 0 or done == task.steps:
                mean: Any = fabric.all_reduce(terms, reduce_op="mean")
                figures = {name: float(value) for name, value in mean.items()}
                figures |= {"learning_rate": task.learning_rate(step), "seconds": time.monotonic() - began}
                for sink in sinks:
                    sink.log(done, figures)
                advance(done, figures["loss"])
            due = time.monotonic() - saved > machine.checkpoint_seconds
            if fabric.is_global_zero and (stop.is_set() or due or done == task.steps):
                _save(out, plain, optimizer, done)
                saved = time.monotonic()
            if stop.is_set():
                raise Interrupted(f"stopped at step {done} of {task.steps}; the same command goes on from there")
    for sink in sinks:
        sink.close()


def _step(fabric: Fabric, task: Task, learner: nn.Module, optimizer: Any, step: int) -> dict[str, Tensor]:
    torch.manual_seed(task.config.seed * 1_000_003 + step)  # dropout and noise are functions of the step
    for group in optimizer.param_groups:
        group["lr"] = task.learning_rate(step)
    batch = {k: fabric.to_device(v.chunk(fabric.world_size)[fabric.global_rank]) for k, v in task.batch(step).items()}
    terms: dict[str, Tensor] = learner(batch, step)
    fabric.backward(terms["loss"])
    if task.clip_norm is not None:
        fabric.clip_gradients(learner, optimizer, max_norm=task.clip_norm, error_if_nonfinite=True)
    optimizer.step()
    optimizer.zero_grad()
    return {name: term.detach() for name, term in terms.items()}


def _save(out: Path, plain: _Learner, optimizer: Any, step: int) -> None:
    tensors = {f"model.{name}": value for name, value in plain.model.state_dict().items()}
    inner = getattr(optimizer, "optimizer", optimizer)
    tensors |= {f"optimizer.{name}": value for name, value in checkpoint.optimizer_tensors(inner).items()}
    checkpoint.write_tensors(out / checkpoint.STATE_FILE, tensors, {"step": step})


def _resume(out: Path, plain: _Learner, optimizer: torch.optim.Optimizer) -> int:
    path = out / checkpoint.STATE_FILE
    if not path.is_file():
        return 0
    tensors, header = checkpoint.read_tensors(path)
    by_part: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, rest = name.split(".", 1)
        by_part[part][rest] = value
    plain.model.load_state_dict(by_part["model"])
    checkpoint.restore_optimizer(optimizer, by_part["optimizer"])
    return int(header["step"])


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that ctrl-C and SIGTERM set; a second ctrl-C stops at once."""
    stop, old = threading.Event(), {}

    def note(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    in_main = threading.current_thread() is threading.main_thread()
    for number in (signal.SIGINT, signal.SIGTERM) if in_main else ():
        old[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _shows(fabric: Fabric, machine: Machine) -> bool:
    return machine.progress and fabric.is_global_zero


@contextmanager
def progress_bar(name: str, steps: int, start: int, *, show: bool) -> Iterator[Any]:
    """A bar on standard error with the loss and the time left; the body calls ``advance(step, loss)``."""
    if not show:
        yield lambda step, loss: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        bar = progress.add_task(name, total=steps, completed=start, loss=float("nan"))
        yield lambda step, loss: progress.update(bar, completed=step, loss=loss)

"""How does a task train: on which devices, resumed from where, logged to what?

A *task* says what to learn; this file runs it. Everything random in a step comes from (task seed, step), so a run that
is killed at any moment resumes from its last checkpoint and ends with the weights of a run that never stopped.

A run folder holds ``config.json``, ``metrics.jsonl``, ``state.safetensors`` while it runs, and ``model.safetensors``
once it is done. With several processes each one takes its slice of the same global batch; nodes share the folder.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn

from softaxes.data.files import one_writer, open_folder
from softaxes.model import checkpoint
from softaxes.model.threads import torch_threads
from softaxes.training.machine import Machine
from softaxes.training.progress import progress_bar
from softaxes.training.task import Batch, Task
from softaxes.training.tracking import open_sinks

CONFIG_FILE = "config.json"


class Interrupted(Exception):
    """Ctrl-C or SIGTERM arrived; the run was saved and can go on."""


class Diverged(ValueError):
    """The loss, the gradient or a weight is NaN or infinite; the last checkpoint is from before that."""


def train(task: Task, out: str | Path, machine: Machine | None = None) -> Path:
    """Train ``task`` into the run folder ``out``, resuming what is there; returns the folder.

    A finished run is left as it is. With several devices this very script is started once for each of them, and all
    return.

    Raises:
        ValueError: ``out`` holds a run with other settings or is not a run folder, a batch that the processes cannot
            share equally, a tracker that is not installed.
        Diverged: a ValueError too, see there.
        Interrupted: ctrl-C or SIGTERM; the same call resumes.
        OSError: the disk refuses; the last checkpoint stays whole.
    """
    machine, out = machine or Machine(), Path(out)
    config = {"task": task.name, **dataclasses.asdict(task.config)}
    open_folder(out, CONFIG_FILE, config, "a run")
    if (out / checkpoint.MODEL_FILE).is_file():
        return out
    fabric = _fabric(machine)
    fabric.launch()
    with torch_threads(machine.threads), one_writer(out) if fabric.is_global_zero else nullcontext():
        run = _Run(fabric, task, out)
        run.go(machine, config)
        if fabric.is_global_zero:
            run.finish()
        fabric.barrier()
    return out


def _fabric(machine: Machine) -> Fabric:
    several = machine.devices * machine.nodes > 1
    try:
        return Fabric(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            precision=machine.precision,
            strategy=DDPStrategy() if several else "auto",
        )
    except Exception as error:  # Fabric has exceptions of its own for devices that are not there
        reason = " ".join(str(error).split())[:200]
        asked = f"{machine.devices} device(s) of accelerator {machine.accelerator!r}"
        raise ValueError(f"no {asked} here: use --accelerator cpu ({reason})") from None


class _Learner(nn.Module):
    """The task's loss as the forward pass of a module, which is what data-parallel wrappers wrap."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.model = task, task.build_model()

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        terms = self.task.loss(self.model, batch, step)
        if "loss" not in terms:
            raise ValueError(f"`loss` of task {self.task.name!r} must return a term 'loss', got {sorted(terms)}")
        # A parameter that this step does not use gets gradient 0, not None: data-parallel training waits for each one.
        unused = sum(p.expand(0, *p.shape).sum() for p in self.parameters() if p.requires_grad)
        return {**terms, "loss": terms["loss"] + unused}


class _Run:
    """One process's part in a training run: ``done`` steps and ``seconds`` lie behind it."""

    def __init__(self, fabric: Fabric, task: Task, out: Path) -> None:
        self.fabric, self.task, self.out = fabric, task, out
        torch.manual_seed(task.config.seed)
        learner = _Learner(task)
        self.model = learner.model
        self._inner_optimizer = task.configure_optimizer(self.model)
        self.learner, self.optimizer = fabric.setup(learner, self._inner_optimizer)
        self.done, self.seconds = self._restore()
        fabric.barrier()  # nobody writes a checkpoint before all have read
        self.saved = self.done

    def go(self, machine: Machine, config: Mapping[str, Any]) -> None:
        """Take the steps that are left, logging and saving on the way."""
        shows = machine.progress and self.fabric.is_global_zero
        with ExitStack() as stack:
            sinks = open_sinks(self.out, machine.trackers, config, self.done) if self.fabric.is_global_zero else []
            for sink in sinks:
                stack.callback(sink.close)
            stop = stack.enter_context(_stop_signals())
            advance = stack.enter_context(progress_bar(self.task.name, self.task.steps, start=self.done, show=shows))
            began = time.monotonic() - self.seconds
            last_save = time.monotonic()
            while self.done < self.task.steps:
                terms, stopping = self._step(stop.is_set)
                self.done, self.seconds = self.done + 1, time.monotonic() - began
                advance(1, f"loss {float(terms['loss']):.4f}")
                end = self.done == self.task.steps
                if self.done % machine.log_every == 0 or end:
                    figures = self._figures(terms)
                    for sink in sinks:
                        sink.log(self.done, figures)
                if stopping or end or time.monotonic() - last_save > machine.checkpoint_seconds:
                    self._save()
                    last_save = time.monotonic()
                if stopping:
                    self.fabric.barrier()  # the process that saves may be the one that others' end would kill
                    raise Interrupted(
                        f"stopped at step {self.done} of {self.task.steps}; the same command goes on from there"
                    )

    def finish(self) -> None:
        """Write the model and drop the state."""
        torch.manual_seed(self.task.config.seed)  # a resumed run finishes like an unbroken one
        model = self.task.finish(self.model.cpu().eval())
        checkpoint.save_model(model, self.out / checkpoint.MODEL_FILE)
        (self.out / checkpoint.STATE_FILE).unlink(missing_ok=True)

    def _step(self, stops: Any) -> tuple[dict[str, Tensor], bool]:
        """One optimizer step; its terms, and whether any process was told to stop."""
        task, step = self.task, self.done
        torch.manual_seed(task.config.seed * 1_000_003 + step)  # dropout and noise are functions of the step
        for group in self.optimizer.param_groups:
            rests = not group.get("since", 0) <= step < group.get("until", task.steps)
            group["lr"] = 0.0 if rests else task.learning_rate(step) * group.get("share", 1.0)
        terms: dict[str, Tensor] = self.learner(self._share(task.batch(step)), step)
        value = float(terms["loss"].detach())
        stopping, diverged = self._any_process(stops(), not math.isfinite(value))
        if diverged:
            raise self._diverged(f"the loss is {value}", step + 1)
        self.fabric.backward(terms["loss"])
        if task.clip_norm is not None:
            norm = self.fabric.clip_gradients(
                self.learner, self.optimizer, max_norm=task.clip_norm, error_if_nonfinite=False
            )
            if norm is not None and not math.isfinite(float(norm)):
                raise self._diverged(f"the norm of the gradient is {float(norm)}", step + 1)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {name: term.detach() for name, term in terms.items()}, stopping

    def _share(self, batch: Batch) -> Batch:
        """This process's rows of the batch, on its device."""
        world, rank = self.fabric.world_size, self.fabric.global_rank
        if world > 1:
            for name, value in batch.items():
                if value.ndim == 0 or len(value) % world:
                    raise ValueError(
                        f"`batch` must have rows that {world} processes can share equally, "
                        f"got {name!r} of shape {tuple(value.shape)}"
                    )
            batch = {name: value.chunk(world)[rank] for name, value in batch.items()}
        return {name: self.fabric.to_device(value) for name, value in batch.items()}

    def _any_process(self, *flags: bool) -> list[bool]:
        """Each flag: is it up in any process?"""
        if self.fabric.world_size == 1:
            return list(flags)
        raised: Any = self.fabric.all_reduce(torch.tensor([float(flag) for flag in flags]), reduce_op="sum")
        return [bool(count > 0) for count in raised]

    def _figures(self, terms: Mapping[str, Tensor]) -> dict[str, float]:
        mean: Any = self.fabric.all_reduce({name: term.clone() for name, term in terms.items()}, reduce_op="mean")
        figures = {name: float(value) for name, value in mean.items()}
        return figures | {"learning_rate": self.task.learning_rate(self.done - 1), "seconds": self.seconds}

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
            slots = checkpoint.optimizer_tensors(self._inner_optimizer)
            tensors |= {f"optimizer.{name}": value for name, value in slots.items()}
            for name, value in tensors.items():
                if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                    raise self._diverged(f"{name} is not finite", self.done)
            header = {"step": self.done, "seconds": self.seconds}
            checkpoint.write_tensors(self.out / checkpoint.STATE_FILE, tensors, header)
        self.saved = self.done

    def _restore(self) -> tuple[int, float]:
        """Take weights and optimizer from the last checkpoint, if there is one; its step and seconds."""
        path = self.out / checkpoint.STATE_FILE
        if not path.is_file():
            return 0, 0.0
        tensors, header = checkpoint.read_tensors(path)
        by_part: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
        for name, value in tensors.items():
            part, rest = name.split(".", 1)
            by_part[part][rest] = value
        self.model.load_state_dict(by_part["model"])
        checkpoint.restore_optimizer(self._inner_optimizer, by_part["optimizer"])
        return int(header["step"]), float(header["seconds"])

    def _diverged(self, what: str, step: int) -> Diverged:
        kept = f"the checkpoint of step {self.saved} is kept" if self.saved else "there is no checkpoint yet"
        return Diverged(
            f"{what} at step {step} of {self.task.steps} ({kept}); "
            "lower the learning rate or clip the gradient, in another run folder"
        )


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that ctrl-C and SIGTERM set; a second one stops at once."""
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

"""How does a task train? The loop that runs any task, resumes it and logs it.

A *task* says what to learn; this file runs it. Everything random in a step comes from (task seed, step), so a run that
is killed at any moment resumes from its last checkpoint and ends with the weights of a run that never stopped.

A run folder holds ``config.json``, ``metrics.jsonl``, ``state.safetensors`` while it runs, and ``model.safetensors``
once it is done. With several processes each one takes its slice of the same global batch; nodes share the folder.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from softaxes.data.files import one_writer, open_folder
from softaxes.model import checkpoint
from softaxes.model.threads import free_threads, torch_threads
from softaxes.training import processes
from softaxes.training.interrupt import Interrupted, stop_signals
from softaxes.training.machine import Machine
from softaxes.training.progress import progress_bar
from softaxes.training.state import Progress, restore_state, write_state
from softaxes.training.task import Batch, Task
from softaxes.training.tracking import Sink, open_sinks

CONFIG_FILE = "config.json"


class Diverged(ValueError):
    """The loss, the gradient or a weight is NaN or infinite; the last checkpoint is from before that."""


def train(task: Task, out: str | Path, machine: Machine | None = None) -> Path:
    """Train ``task`` into the run folder ``out``, resuming what is there; returns the folder.

    A finished run is left as it is. With several devices this very script is started once for each of them, and all
    return.

    Raises:
        ValueError: ``out`` holds a run with other settings or is not a run folder, a batch that the processes cannot
            share equally, a device or a tracker that is not there.
        Diverged: a ValueError too, see there.
        Interrupted: ctrl-C or SIGTERM; the same call resumes.
        OSError: the disk refuses, or another process trains into ``out``; the last checkpoint stays whole.
    """
    machine, out = machine or Machine(), Path(out)
    config = {"task": task.name, **dataclasses.asdict(task.config)}
    open_folder(out, CONFIG_FILE, config, "a run")
    if (out / checkpoint.MODEL_FILE).is_file():
        return out
    fabric = processes.start(machine)
    with torch_threads(machine.threads or free_threads(machine.devices)), ExitStack() as stack:
        processes.in_first(fabric, lambda: stack.enter_context(one_writer(out)))
        run = _Run(fabric, task, out, machine)
        run.go(config)
        processes.in_first(fabric, run.finish)
    return out


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

    def __init__(self, fabric: processes.Processes, task: Task, out: Path, machine: Machine) -> None:
        self.fabric, self.task, self.out, self.machine = fabric, task, out, machine
        torch.manual_seed(task.config.seed)
        learner = _Learner(task)
        self.model = learner.model
        self._inner_optimizer = task.configure_optimizer(self.model)
        self.learner, self.optimizer = fabric.setup(learner, self._inner_optimizer)
        self.done, self.seconds, threads = restore_state(out, self.model, self._inner_optimizer)
        if threads and not machine.threads:
            torch.set_num_threads(threads)
        fabric.barrier()  # nobody writes a checkpoint before all have read
        self.saved, self.last_save = self.done, time.monotonic()

    def go(self, config: Mapping[str, Any]) -> None:
        """Take the steps that are left, logging and saving on the way."""
        machine, name = self.machine, f"{self.task.name} on {torch.get_num_threads()} thread(s)"
        shows = machine.progress and self.fabric.is_global_zero
        with ExitStack() as stack:
            made = processes.in_first(self.fabric, lambda: open_sinks(self.out, machine.trackers, config, self.done))
            sinks = made or []
            for sink in sinks:
                stack.callback(sink.close)
            stop = stack.enter_context(stop_signals())
            advance = stack.enter_context(progress_bar(name, self.task.steps, start=self.done, show=shows))
            began = time.monotonic() - self.seconds
            while self.done < self.task.steps:
                terms, stopping, saving = self._step(stop.is_set, machine.checkpoint_seconds)
                self.done, self.seconds = self.done + 1, time.monotonic() - began
                advance(1, f"loss {float(terms['loss']):.4f}")
                end = self.done == self.task.steps
                if self.done % machine.log_every == 0 or end:
                    self._log(sinks, terms)
                if stopping or saving or end:
                    self._save()
                if stopping:
                    raise Interrupted(
                        f"stopped at step {self.done} of {self.task.steps}; the same command goes on from there"
                    )

    def finish(self) -> None:
        """Write the model and drop the state."""
        torch.manual_seed(self.task.config.seed)  # a resumed run finishes like an unbroken one
        model = self.task.finish(self.model.cpu().eval())
        checkpoint.save_model(model, self.out / checkpoint.MODEL_FILE)
        (self.out / checkpoint.STATE_FILE).unlink(missing_ok=True)

    def _step(self, stops: Callable[[], bool], every: float) -> tuple[dict[str, Tensor], bool, bool]:
        """One optimizer step: its terms, whether any process was told to stop, and whether it is time to save."""
        task, step = self.task, self.done
        torch.manual_seed(task.config.seed * 1_000_003 + step)  # dropout and noise are functions of the step
        frozen = self._set_rates(step)
        terms: dict[str, Tensor] = self.learner(processes.share_of(self.fabric, task.batch(step)), step)
        value = float(terms["loss"].detach())
        due = self.fabric.is_global_zero and time.monotonic() - self.last_save > every
        stopping, diverged, saving = processes.in_any(self.fabric, stops(), not math.isfinite(value), due)
        if diverged:
            raise self._diverged(f"the loss is {value}", step + 1)
        self.fabric.backward(terms["loss"])
        for parameter in frozen:
            parameter.grad = None  # a gradient of 0 would age Adam's moments before they have seen any other
        if task.clip_norm is not None:
            norm = self.fabric.clip_gradients(
                self.learner, self.optimizer, max_norm=task.clip_norm, error_if_nonfinite=False
            )
            if norm is not None and not math.isfinite(float(norm)):
                raise self._diverged(f"the norm of the gradient is {float(norm)}", step + 1)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {name: term.detach() for name, term in terms.items()}, stopping, saving

    def _set_rates(self, step: int) -> list[Tensor]:
        """Give each group its learning rate at ``step``; the parameters of those that do not learn now."""
        frozen: list[Tensor] = []
        for group in self.optimizer.param_groups:
            learns = group.get("since", 0) <= step < group.get("until", self.task.steps)
            group["lr"] = self.task.learning_rate(step) * group.get("share", 1.0) if learns else 0.0
            frozen += [] if learns else group["params"]
        return frozen

    def _log(self, sinks: list[Sink], terms: Mapping[str, Tensor]) -> None:
        """The mean of the terms over all processes, and rate and time, to every sink."""
        mean: Any = self.fabric.all_reduce({name: term.clone() for name, term in terms.items()}, reduce_op="mean")
        figures = {name: float(value) for name, value in mean.items()}
        figures |= {"learning_rate": self.task.learning_rate(self.done - 1), "seconds": self.seconds}

        def log() -> None:
            for sink in sinks:
                sink.log(self.done, figures)

        processes.in_first(self.fabric, log)

    def _save(self) -> None:
        """Write a checkpoint, in the first process; Diverged in all of them if it is not finite."""
        processes.in_first(self.fabric, self._write)
        self.saved, self.last_save = self.done, time.monotonic()

    def _write(self) -> None:
        bad = write_state(
            self.out, self.model, self._inner_optimizer, Progress(self.done, self.seconds, torch.get_num_threads())
        )
        if bad:
            raise self._diverged(f"{bad} is not finite", self.done)

    def _diverged(self, what: str, step: int) -> Diverged:
        kept = f"the checkpoint of step {self.saved} is kept" if self.saved else "there is no checkpoint yet"
        return Diverged(
            f"{what} at step {step} of {self.task.steps} ({kept}); "
            "lower the learning rate or clip the gradient, in another run folder"
        )

"""How long until the published quality, against the original notebook's own loop?

    python benchmarks/quality.py [--json FILE]

The notebook's loop makes its triplets sample by sample and encodes anchor and views in three passes of fp32; ours is a
step of the recipe ``default``. Both are timed here in turn; each rate is extrapolated to the steps that its run takes:
5000 for the notebook, the recipe's own for ours (its quality at the end is in docs/RESULTS.md). Goal: 50.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from blobs import loop_triplet, print_figures

from softaxes.losses.factorization import triplet_factorization_loss
from softaxes.model.networks.images import PooledConvEncoder
from softaxes.training.tasks.blobs.config import toy_recipe
from softaxes.training.tasks.blobs.task import ToyTask

NOTEBOOK_STEPS, BATCH = 5000, 1024
REPETITIONS = 3


def notebook_step() -> Callable[[], None]:
    """The original loop: data a sample at a time, three forward passes, Adam."""
    encoder = PooledConvEncoder()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=4e-3)
    target = torch.ones(BATCH)

    def step() -> None:
        images = [torch.stack(part) for part in zip(*(loop_triplet() for _ in range(BATCH)), strict=True)]
        loss = triplet_factorization_loss(*(encoder(x) for x in images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def our_step() -> tuple[Callable[[], None], int]:
    """A step of the recipe ``default``, and how many it takes."""
    task = ToyTask(toy_recipe("default"))
    model = task.build_model()
    optimizer = task.configure_optimizer(model)
    number = iter(range(task.steps))

    def step() -> None:
        at = next(number)
        task.loss(model, task.batch(at), at)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step, task.steps


def seconds(step: Callable[[], None], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - began) / times


def measure() -> dict[str, float]:
    """Seconds of a step and of a whole run, and the ratio of whole runs: medians over interleaved repetitions."""
    slow_step, (fast_step, steps) = notebook_step(), our_step()
    seconds(fast_step, 5)
    slow, fast = [], []
    for _ in range(REPETITIONS):
        slow.append(seconds(slow_step, 2))
        fast.append(seconds(fast_step, 40))
    theirs, ours = NOTEBOOK_STEPS * statistics.median(slow), steps * statistics.median(fast)
    return {"notebook_seconds": theirs, "default_seconds": ours, "ratio": theirs / ours}


if __name__ == "__main__":
    line = "notebook's loop {notebook_seconds:,.0f} s, default {default_seconds:,.0f} s: {ratio:.0f}x (goal 50x)"
    print_figures(__doc__, measure, line)

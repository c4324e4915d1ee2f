"""``softaxes toy train``: train a recipe on random blobs."""

from __future__ import annotations

from pathlib import Path

from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.blobs.config import Recipe, toy_recipe
from softaxes.training.tasks.blobs.task import ToyTask


def train_toy(
    recipe: Recipe = "default",
    *,
    out: Path,
    seed: int = 0,
    steps: int | None = None,
    machine: Machine = Machine(),  # noqa: B008  a frozen dataclass
) -> str:
    """Train a recipe on random blobs into the run folder ``out``; an interrupted run goes on.

    Args:
        recipe: default, original, original-jepa or unclipped.
        out: the run folder.
        seed: of everything random.
        steps: another number of steps than the recipe's.
        machine: devices, precision, threads, checkpoints, trackers.

    Returns:
        A line that says where the run is.
    """
    folder = train(ToyTask(toy_recipe(recipe, seed=seed, steps=steps)), out, machine)
    return f"trained: {folder}"

"""What does factorization cost in content? The recipe ``default`` at several weights of its factorization, with seeds.

The original article claims that the method is *tunable*; the curve shows it. The weight multiplies every term that
shapes the axes (within, pairs, predict, symmetry and their like); the terms that keep content stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from softaxes.data.blobs import blob_images
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.report.sweep import kept_figures, sweep_report
from softaxes.report.toy_suite import FRESH, draw_blobs, encode_blobs, toy_suite
from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.blobs.config import ToyConfig, toy_recipe
from softaxes.training.tasks.blobs.task import ToyTask

SHAPING = ("within", "across", "size", "pairs", "predict", "proportion", "symmetry")
FIGURES = ("cross_cos", "same_cos", "opposite_cos", "content_recall", "ridge_r2", "effective_rank")


def sweep_toy(
    *,
    out: Path,
    weights: tuple[float, ...] = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0),
    seeds: int = 3,
    steps: int = 400,
    n: int = 3000,
    machine: Machine = Machine(),  # noqa: B008  a frozen dataclass
) -> str:
    """Train the default recipe at every weight and seed, and draw factorization against content.

    A sweep that was stopped goes on: finished runs stay, an unfinished one resumes.

    Args:
        out: folder for the runs and the report.
        weights: factors of the factorization's own weights; 1 is the recipe.
        seeds: runs at every weight, >= 1.
        steps: of every run.
        n: fresh triplets that each run is judged on.
        machine: where to run.

    Returns:
        A line that says where the report is.
    """
    if seeds < 1 or not weights or min(weights) < 0:
        raise ValueError(f"`seeds` must be >= 1 and `weights` >= 0, got {seeds} and {list(weights)}")
    rows = []
    for weight in weights:
        for seed in range(seeds):
            run = out / f"weight-{weight:g}-seed-{seed}"
            train(ToyTask(weighted(toy_recipe("default", seed=seed, steps=steps), weight)), run, machine)
            figures = kept_figures(run, {"n": n, "seed": seed}, lambda: measured(load(run), n, seed))  # noqa: B023
            rows.append({"weight": weight, "seed": seed, **figures})
    return f"the report is in {sweep_report(out, rows)}"


def weighted(config: ToyConfig, weight: float) -> ToyConfig:
    """``config`` with every weight that shapes the axes multiplied by ``weight``."""
    return replace(config, **{name: weight * getattr(config, name) for name in SHAPING})


def measured(model: Model, n: int, seed: int) -> dict[str, float]:
    """The figures of the sweep, by axes fitted on training blobs, and the decoder's own R^2 of the pixels."""
    blobs = draw_blobs(n, seed=FRESH + seed)
    suite = toy_suite(encode_blobs(model.encode, blobs), blobs.triplets.anchor, model.axes, draws=20)
    figures = {name: float(suite[name].value) for name in FIGURES}
    if model.decoder is not None:
        images = blob_images(n, seed=2 * FRESH + seed)
        guess = model.decode(model.encode(images))
        spread = (images - images.mean(0)).square().sum()
        figures["decoder_r2"] = 1 - float((images - guess).square().sum() / spread)
    return figures

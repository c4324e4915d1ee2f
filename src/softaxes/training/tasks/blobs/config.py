"""Which settings make a run on blobs? A `ToyConfig`, and the recipes that have names."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from softaxes.data.blobs import KINDS, MAX_SHIFT
from softaxes.training.settings import Range, check_settings, refuse_idle

Recipe = Literal["default", "original", "original-jepa", "unclipped"]
RANGES = {
    **dict.fromkeys(("within", "across", "size", "floor", "pairs", "predict", "proportion", "symmetry"), Range(0)),
    **dict.fromkeys(("content", "pixels", "jepa", "clip_norm", "depth", "margin", "steps", "seed"), Range(0)),
    "dim": Range(len(KINDS) + 1),
    "width": Range(1),
    "batch": Range(2),
    "learning_rate": Range(0, 1, open=True),
    "content_scale": Range(0, open=True),
    "content_clipped": Range(0, 1),
}


@dataclass(frozen=True)
class ToyConfig:
    """Settings of a toy run; with the seed they decide every weight. The defaults are the recipe ``default``.

    Attributes:
        encoder: "pooled" (the article's), "flat" or "residual".
        dim: latent size in floats.
        width, depth: of the flat and the residual encoder.
        views: "triplet" (the article's law), or "quartet": two pitch and two time views of every anchor.
        margin: pixels of empty canvas around the 16x16; 4 and more: nothing is ever clipped.
        steps, batch: optimiser steps and anchors in each.
        learning_rate, schedule: of Adam; "constant", or "cosine" after a warm-up over a tenth of the steps.
        within, across, size: weights of `SoftFactorization`, whose floor under |d| is ``floor``.
        pairs, predict, proportion, symmetry, content, pixels: weights of the terms above.
        content_scale: content this far apart counts as different, in pixels of shift.
        content_clipped: weight of a clipped view in ``content``, in 0..1.
        jepa: weight of the two LeJEPA terms.
        clip_norm: largest norm of the gradient; 0 leaves it alone.
        bfloat16: encode in bfloat16 while training; losses stay in float32.
        seed: of everything random.
    """

    encoder: Literal["pooled", "flat", "residual"] = "residual"
    dim: int = 16
    width: int = 256
    depth: int = 3
    views: Literal["triplet", "quartet"] = "quartet"
    margin: int = 0
    steps: int = 4500
    batch: int = 256
    learning_rate: float = 4e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    within: float = 1.5
    across: float = 0.0
    size: float = 0.0
    floor: float = 0.05
    pairs: float = 1.0
    predict: float = 0.15
    proportion: float = 0.2
    symmetry: float = 0.2
    content: float = 0.08
    content_scale: float = 0.5
    content_clipped: float = 0.15
    pixels: float = 0.05
    jepa: float = 0.0
    clip_norm: float = 2.0
    bfloat16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_settings(self, RANGES)
        if not self.content_clipped:
            raise ValueError(f"`content_clipped` must lie in 0..1, above 0, got {self.content_clipped}")
        for name in ("pairs", "proportion"):
            if getattr(self, name) and self.views == "triplet":
                raise ValueError(f"`{name}` must be 0 with views='triplet', got {getattr(self, name)}")
        if self.encoder == "pooled":
            refuse_idle(self, ["width", "depth"], "encoder 'pooled'")
        if not self.content:
            refuse_idle(self, ["content_scale", "content_clipped"], "a run without `content`")

    @property
    def side(self) -> int:
        """Pixels of an image's side."""
        return 16 + 2 * self.margin


ORIGINAL = ToyConfig(
    encoder="pooled",
    views="triplet",
    steps=5000,
    batch=1024,
    within=1.0,
    schedule="constant",
    floor=1e-8,
    pairs=0.0,
    predict=0.0,
    proportion=0.0,
    symmetry=0.0,
    content=0.0,
    pixels=0.0,
    clip_norm=0.0,
    bfloat16=False,
)


UNCLIPPED = ToyConfig(  # axes that nothing disturbs can be asked for more: smaller content, exact prediction
    margin=MAX_SHIFT,
    steps=2000,
    within=2.0,
    pairs=2.0,
    predict=2.0,
    proportion=0.0,
    content=0.04,
    content_scale=0.15,
    pixels=0.1,
)


def toy_recipe(recipe: Recipe, *, seed: int = 0, steps: int | None = None) -> ToyConfig:
    """The settings of a recipe; ``steps`` other than its own stretch its schedule."""
    if recipe not in get_args(Recipe):
        raise ValueError(f"`recipe` must be one of {', '.join(get_args(Recipe))}, got {recipe!r}")
    config = {
        "default": ToyConfig(),
        "original": ORIGINAL,
        "original-jepa": replace(ORIGINAL, jepa=0.2, steps=10_000),
        "unclipped": UNCLIPPED,
    }[recipe]
    return replace(config, seed=seed, steps=config.steps if steps is None else steps)


def config_record(config: ToyConfig) -> dict[str, object]:
    """A config as JSON holds it."""
    return {field.name: getattr(config, field.name) for field in fields(config)}

"""What does an encoder of blobs learn, and from which terms?

A *recipe* is a `ToyConfig`; a `ToyTask` turns it into batches and losses for `softaxes.train`. Two recipes are the
published experiment, two are ours:

    original       the article's law, encoder, loss and optimiser: Adam, 4e-3, batch 1024, 5000 steps
    original-jepa  the same with 0.2 (LeJEPA(z, z1) + LeJEPA(z, z2)), the article's SIGReg, which is blind to the mean
    default        ours: four views to an anchor, axes that are global, calibrated and open to 180 degrees, and content
                   that survives a shift and can be decoded
    unclipped      the same in a canvas with a margin, where nothing is lost at an edge

The terms beside `softaxes.factorization`, each with its weight:

    pairs      1 - target cos over the two views of each kind: as (cos - target)^2, but small angles count too, and
               four views make more cross than same pairs
    predict    f(T_s x) = f(x) + s u in squared error, on views that lost nothing; u has the length 1, so an axis is
               calibrated in pixels and the other scales have a unit
    proportion |t d_s - s d_t|^2 / max(s, t)^2 over the mean |d|^2, for two views of a kind that lost nothing: on every
               anchor the difference grows with the amount, whatever its unit there
    symmetry   1 + cos(mean + difference, mean - difference) of each kind: 0 when they open to 180 degrees
    content    InfoNCE: with the axes projected out, a view names its anchor among all anchors of the batch; a clipped
               view, whose content has changed, weighs ``content_clipped``
    pixels     cross entropy of the anchor decoded from z, over that of knowing the density alone

Everything random in step k is a function of (seed, k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.axes import fit_axes
from softaxes.blobs import KINDS, MAX_SHIFT, PITCH, TIME, BlobViews, blob_triplets, blob_views
from softaxes.factorization import SoftFactorization
from softaxes.lejepa import lejepa_article
from softaxes.model import Model, Part
from softaxes.operators import LearnedOperators, predict_squared_error
from softaxes.ranks import gather_rows, rank, sum_over_ranks
from softaxes.train import Batch, Machine, train

Recipe = Literal["default", "original", "original-jepa", "unclipped"]
AXES_BLOBS = 4000  # anchors that the axes are fitted on, drawn by training seeds
DENSITY_NATS = 0.187  # cross entropy of a pixel when only the density, 4.6 %, is known


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
        least = {"dim": len(KINDS) + 1, "width": 1, "depth": 0, "margin": 0, "steps": 0, "batch": 2, "seed": 0}
        least |= dict.fromkeys(("within", "across", "size", "floor", "pairs", "predict", "proportion"), 0)
        least |= dict.fromkeys(("symmetry", "content", "pixels", "jepa", "clip_norm"), 0)
        for name, value in least.items():
            if not value <= getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be >= {value} and finite, got {getattr(self, name)}")
        choices = {"encoder": ("pooled", "flat", "residual"), "views": ("triplet", "quartet")}
        choices["schedule"] = ("constant", "cosine")
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"`learning_rate` must lie between 0 and 1, got {self.learning_rate}")
        if not 0 < self.content_scale < math.inf:
            raise ValueError(f"`content_scale` must be positive and finite, got {self.content_scale}")
        if not 0 < self.content_clipped <= 1:
            raise ValueError(f"`content_clipped` must lie in 0..1, above 0, got {self.content_clipped}")
        for name in ("pairs", "proportion"):
            if getattr(self, name) and self.views == "triplet":
                raise ValueError(f"`{name}` must be 0 with views='triplet', got {getattr(self, name)}")

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


class ToyNetwork(nn.Module):
    """What is trained together: encoder, pixel decoder, operators."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, operators: LearnedOperators) -> None:
        super().__init__()
        self.encoder, self.decoder, self.operators = encoder, decoder, operators


class ToyTask:
    """Blobs to batches to losses; see the module."""

    name = "toy"

    def __init__(self, config: ToyConfig) -> None:
        self.config, self.steps = config, config.steps
        self.clip_norm = config.clip_norm or None
        c = config
        self.factorization = SoftFactorization(KINDS, within=c.within, across=c.across, size=c.size, floor=c.floor)

    def parts(self) -> dict[str, Part]:
        """Encoder and decoder as they are written into the checkpoint."""
        c = self.config
        shape = {"side": c.side, "dim": c.dim}
        encoders = {
            "pooled": Part("PooledConvEncoder", {"dim": c.dim}),
            "flat": Part("FlatEncoder", shape | {"width": c.width, "depth": c.depth}),
            "residual": Part("ResidualEncoder", shape | {"width": c.width, "depth": c.depth}),
        }
        return {"encoder": encoders[c.encoder]} | ({"decoder": Part("PixelDecoder", shape)} if c.pixels else {})

    def build_model(self) -> ToyNetwork:
        parts = self.parts()
        operators = LearnedOperators(KINDS, self.config.dim, step=1.0)
        operators.log_step.requires_grad_(False)  # the unit of the latent space: 1 a pixel
        decoder = parts["decoder"].build() if "decoder" in parts else nn.Identity()
        return ToyNetwork(parts["encoder"].build(), decoder, operators)

    def configure_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        trained = [p for p in model.parameters() if p.requires_grad]
        return torch.optim.Adam(trained, lr=self.config.learning_rate, fused=True)

    def learning_rate(self, step: int) -> float:
        if self.config.schedule == "constant":
            return self.config.learning_rate
        warm = min(1.0, (step + 1) / max(1.0, 0.1 * self.steps))
        return self.config.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))

    def batch(self, step: int) -> Batch:
        return self.views(step)._asdict()

    def views(self, step: int) -> BlobViews:
        """The labelled views of step ``step``; steps < 0 are other draws, used by no step."""
        c, generator = self.config, _generator(self.config.seed, step)
        if c.views == "triplet":
            return blob_triplets(c.batch, seed=generator, margin=c.margin)
        return blob_views(c.batch, kinds=(PITCH, PITCH, TIME, TIME), seed=generator, margin=c.margin)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
        assert isinstance(model, ToyNetwork)
        c, kind, amount, clipped = self.config, batch["kind"], batch["amount"], batch["clipped"]
        images = torch.cat([batch["anchor"][:, None], batch["views"]], dim=1)
        with torch.autocast(images.device.type, torch.bfloat16) if c.bfloat16 else nullcontext():
            latents = model.encoder(images.flatten(0, 1))
        latents = latents.float().unflatten(0, images.shape[:2])
        anchor, views = latents[:, 0], latents[:, 1:]
        terms = {"factorization": self.factorization(anchor=anchor, views=views, kind=kind, amount=amount).total}
        if c.pairs:
            terms["pairs"] = c.pairs * pair_loss(views - anchor[:, None], amount, c.floor)
        if c.predict:
            terms["predict"] = c.predict * _predict_whole(model.operators, anchor, views, kind, amount, clipped)
        if c.proportion:
            terms["proportion"] = c.proportion * proportion_loss(views - anchor[:, None], amount, clipped)
        if c.symmetry:
            terms["symmetry"] = c.symmetry * symmetry_loss(views - anchor[:, None], kind, amount)
        if c.content:
            content = model.operators.content(latents)
            view = 1 + step % views.shape[1]
            weight = 1.0 - (1.0 - c.content_clipped) * clipped[:, view - 1].float()
            terms["content"] = c.content * content_loss(content[:, view], content[:, 0], weight, c.content_scale)
        if c.pixels:
            terms["pixels"] = c.pixels * pixel_loss(model.decoder(anchor), batch["anchor"])
        if c.jepa:
            pulls = [lejepa_article(anchor, views[:, v], step=step) for v in range(views.shape[1])]
            terms["jepa"] = c.jepa * torch.stack(pulls).sum()
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def finish(self, model: nn.Module) -> Model:
        """Fit the axes on views that lost nothing, drawn by training seeds no step has used."""
        assert isinstance(model, ToyNetwork)
        c = self.config
        drawn = blob_triplets(AXES_BLOBS, seed=_generator(c.seed, -1), margin=c.margin)
        whole = ~drawn.clipped.any(1)
        anchor, views, kind, amount = (part[whole] for part in drawn[:4])
        with torch.no_grad():
            z, zv = model.encoder(anchor), model.encoder(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        axes = fit_axes(anchor=z, views=zv, kind=kind, amount=amount, kinds=KINDS)
        parts = self.parts()
        finished = Model(parts["encoder"], axes, (1, c.side, c.side), decoder=parts.get("decoder"), card=self.card())
        finished.encoder.load_state_dict(model.encoder.state_dict())
        if finished.decoder is not None:
            finished.decoder.load_state_dict(model.decoder.state_dict())
        return finished

    def card(self) -> Mapping[str, object]:
        """What the checkpoint says of its training."""
        return {"data": "random blobs, drawn anew at every step", "config": config_record(self.config)}


def config_record(config: ToyConfig) -> dict[str, object]:
    """A config as JSON holds it."""
    return {field.name: getattr(config, field.name) for field in fields(config)}


def pair_loss(difference: Float[Tensor, "B 4 D"], amount: Int[Tensor, "B 4"], floor: float) -> Float[Tensor, ""]:
    """Mean of 1 - sign(s t) cos over the pairs (0, 1) and (2, 3), each of one kind: 0 = on one line, 2 = reversed."""
    unit = difference / difference.norm(dim=-1, keepdim=True).clamp_min(floor)
    cosine = (unit[:, 0::2] * unit[:, 1::2]).sum(-1)
    return (1 - cosine * (amount[:, 0::2] * amount[:, 1::2]).sign()).mean()


def proportion_loss(
    difference: Float[Tensor, "B 4 D"], amount: Int[Tensor, "B 4"], clipped: Bool[Tensor, "B 4"]
) -> Float[Tensor, ""]:
    """|t d_s - s d_t|^2 / max(|s|, |t|)^2 of the pairs (0, 1) and (2, 3) that lost nothing, over their mean |d|^2.

    0: twice the amount moves twice as far on every anchor; no such pair: 0. The denominator takes no gradient.
    """
    s, t = amount[:, 0::2].float(), amount[:, 1::2].float()
    d_s, d_t = difference[:, 0::2], difference[:, 1::2]
    whole = ~(clipped[:, 0::2] | clipped[:, 1::2])
    error = ((t[..., None] * d_s - s[..., None] * d_t).square().sum(-1) / torch.maximum(s.abs(), t.abs()).square())[
        whole
    ]
    scale = (0.5 * (d_s.square() + d_t.square()).sum(-1))[whole].detach()
    total, spread = sum_over_ranks(torch.stack([error.sum(), scale.sum()])).unbind()
    return total / spread.clamp_min(1e-12)


def symmetry_loss(
    difference: Float[Tensor, "B V D"], kind: Int[Tensor, "B V"], amount: Int[Tensor, "B V"]
) -> Float[Tensor, ""]:
    """Mean over kinds of 1 + cos(mean + difference, mean - difference): 0 = 180 degrees apart, 2 = the same way.

    A kind without views of both signs counts as 0.
    """
    members = torch.stack([(kind == k) & (sign * amount > 0) for k in range(len(KINDS)) for sign in (1, -1)])
    sums = torch.einsum("gbv,bvd->gd", members.to(difference), difference)
    count = members.sum((1, 2)).to(difference)
    sums, count = sum_over_ranks(sums), sum_over_ranks(count)
    both = (count[0::2] > 0) & (count[1::2] > 0)
    opening = 1 + F.cosine_similarity(sums[0::2], sums[1::2], dim=-1)
    return (both * opening).sum() / len(KINDS)


def content_loss(
    view: Float[Tensor, "B D"], anchor: Float[Tensor, "B D"], weight: Float[Tensor, " B"], scale: float
) -> Float[Tensor, ""]:
    """Weighted mean cross entropy (nats) of naming each view's anchor by -|view - anchor|^2 / (2 scale^2).

    Candidates are the anchors of all processes; chance level: the log of their number. Some weight must be > 0.
    """
    gallery = gather_rows(anchor)
    score = (view @ gallery.T - 0.5 * gallery.square().sum(-1)) / scale**2  # |view|^2 is the same for every candidate
    own = torch.arange(len(view), device=view.device) + rank() * len(view)
    nats = F.cross_entropy(score, own, reduction="none")
    total, count = sum_over_ranks(torch.stack([(weight * nats).sum(), weight.sum()])).unbind()
    return total / count


def pixel_loss(logits: Float[Tensor, "B 1 side side"], image: Float[Tensor, "B 1 side side"]) -> Float[Tensor, ""]:
    """Cross entropy of the pixels over that of a constant density: 0 = exact, 1 = nothing decoded."""
    return F.binary_cross_entropy_with_logits(logits, image) / DENSITY_NATS


def _predict_whole(
    operators: LearnedOperators, anchor: Tensor, views: Tensor, kind: Tensor, amount: Tensor, clipped: Tensor
) -> Tensor:
    """Squared error of ``z + s u`` over the mean squared difference, for the views that lost nothing."""
    start = anchor[:, None].expand_as(views)[~clipped]
    amounts = F.one_hot(kind, len(KINDS)) * amount[..., None].float()
    return predict_squared_error(operators(start, amounts[~clipped])[:, None], views[~clipped][:, None], start)


def _generator(seed: int, step: int) -> torch.Generator:
    """Independent draws for every (seed, step); step -1 is for the axes."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step + 1)

"""How are two views of one thing pulled together without the latents collapsing to a point?

LeJEPA adds a pull between views to a push of the whole cloud towards N(0, I) (`softaxes.losses.sigreg`), as one convex
combination with a single weight:

    lejepa = (1 - w) * attraction(anchor, view) + w * (sigreg(anchor) + sigreg(view)) / 2

Attraction asks for invariance, so it works against axes. Its fall-off exp(-|amount|^2 / tau) lets far shifts go.

Conventions: ``anchor`` and ``view`` are latents (batch, dim). Attraction is a mean over batch *and* coordinates, as in
both published programs; SIGReg is a mean over unit directions likewise, so neither grows with the dimension.

Source: Balestriero and LeCun 2025 (arXiv 2511.08544), section 5 and its program; the fall-off: Hawley 2026.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Num
from torch import Tensor

from softaxes.geometry.labels import at_least_float32, check_latents, check_tensor
from softaxes.losses._ranks import rows_of_ranks
from softaxes.losses.sigreg import sigreg, sigreg_article
from softaxes.losses.variance import scale_term


def attraction(
    anchor: Float[Tensor, "batch dim"],
    view: Float[Tensor, "batch dim"],
    *,
    amount: Num[Tensor, " batch"] | Num[Tensor, "batch kinds"] | None = None,
    falloff: float | None = None,
) -> Float[Tensor, ""]:
    """Mean squared difference of ``anchor`` and ``view``: 0 where they agree.

    ``amount`` is how far the view was shifted, in one kind or several, and ``falloff`` (tau, in amount squared) weighs
    each pair by exp(-|amount|^2 / tau); give both or neither. The mean is over all pairs, not over the weights.
    """
    check_latents("anchor", anchor)
    check_tensor("view", view)
    if view.shape != anchor.shape:
        raise ValueError(f"`view` must have the shape of `anchor`, {tuple(anchor.shape)}, got {tuple(view.shape)}")
    check_latents("view", view)
    squared = (at_least_float32(anchor) - at_least_float32(view)).square().mean(1)
    return (squared * _falloff_weight(amount, falloff, squared)).mean()


def _falloff_weight(amount: Tensor | None, falloff: float | None, like: Float[Tensor, " batch"]) -> Tensor:
    if (amount is None) != (falloff is None):
        raise ValueError(f"`amount` and `falloff` must be given together, got {_given(amount)} and falloff={falloff}")
    if amount is None or falloff is None:
        return torch.ones_like(like)
    if not (math.isfinite(falloff) and falloff > 0):
        raise ValueError(f"`falloff` must be positive and finite, got {falloff}")
    check_tensor("amount", amount)
    if amount.ndim not in (1, 2) or len(amount) != len(like):
        raise ValueError(f"`amount` must have shape ({len(like)},) or ({len(like)}, kinds), got {tuple(amount.shape)}")
    return torch.exp(-amount.to(like).reshape(len(like), -1).square().sum(1) / falloff)


def _given(amount: Tensor | None) -> str:
    return "no amount" if amount is None else f"amount of shape {tuple(amount.shape)}"


def lejepa(
    anchor: Float[Tensor, "batch dim"],
    view: Float[Tensor, "batch dim"],
    *,
    step: int,
    sigreg_weight: float = 0.05,
    scale_weight: float = 0.0,
    amount: Num[Tensor, " batch"] | Num[Tensor, "batch kinds"] | None = None,
    falloff: float | None = None,
    slices: int = 256,
    knots: int = 17,
    t_max: float = 3.0,
) -> Float[Tensor, ""]:
    """(1 - w) * attraction + w * mean of the views' `sigreg` + ``scale_weight`` * mean of their `scale_term`.

    ``sigreg_weight`` is w, in [0, 1]; 0.05 is the published default. ``scale_weight`` > 0 keeps a push apart where that
    of SIGReg vanishes, at collapse. Processes: as in `sigreg`; the attraction of each is weighed by its number of rows,
    so the mean over processes of value and gradient is that of the whole batch.
    """
    if not 0 <= sigreg_weight <= 1:
        raise ValueError(f"`sigreg_weight` must be in [0, 1], got {sigreg_weight}")
    if not (math.isfinite(scale_weight) and scale_weight >= 0):
        raise ValueError(f"`scale_weight` must be >= 0 and finite, got {scale_weight}")
    pull = attraction(anchor, view, amount=amount, falloff=falloff)
    loss = (1 - sigreg_weight) * _share(anchor) * pull
    for z in (anchor, view):
        loss = loss + sigreg_weight / 2 * sigreg(z, step=step, slices=slices, knots=knots, t_max=t_max)
        if scale_weight:
            loss = loss + scale_weight / 2 * scale_term(z)
    return loss


def _share(z: Tensor) -> float:
    """Rows of this process against the mean number over processes: weighs a mean over them for DDP's average."""
    rows = rows_of_ranks(z)
    return len(z) * len(rows) / sum(rows)


def lejepa_article(
    anchor: Float[Tensor, "batch dim"],
    view: Float[Tensor, "batch dim"],
    *,
    step: int,
    amount: Num[Tensor, " batch"] | Num[Tensor, "batch kinds"] | None = None,
    falloff: float | None = None,
    slices: int = 256,
) -> Float[Tensor, ""]:
    """LeJEPA as in Hawley's program (Feb 2026), to reproduce it: 0.5 * attraction + 0.25 * `sigreg_article` of both.

    Both: one cloud of anchors and views. His fall-off is 100. Blind to the mean of the latents, as `sigreg_article` is.
    """
    pull = attraction(anchor, view, amount=amount, falloff=falloff)
    push = sigreg_article(torch.cat([anchor, view]), step=step, slices=slices)
    return 0.5 * _share(anchor) * pull + 0.25 * push

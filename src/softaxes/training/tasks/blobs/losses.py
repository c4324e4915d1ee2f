"""Which terms stand beside the factorization of blobs? Each a function of bare tensors; see the task for their sum."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from softaxes.data.blobs import KINDS
from softaxes.losses._ranks import gather_rows, rank, sum_over_ranks

DENSITY_NATS = 0.187  # cross entropy of a pixel when only the density, 4.6 %, is known


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

"""Soft factorization: how do differences of labelled shifts learn to share named axes?

For one anchor ``x`` and two views with kinds ``(a, b)`` and signed amounts ``(s, t)``, ``d = f(T x) - f(x)``:

    L_within = mean (cos(d_a,s , d_b,t) - target)^2
    target   = 0                                              if a != b
    target   = sign(s t)                                      if a = b is a line
    target   = cos((alpha-beta)/2) sign(sin(alpha/2) sin(beta/2))   if a = b is a circle, alpha = 2 pi s / period

The circle row is the angle between two chords that start at one point; ``period -> inf`` gives the line row, which with
the first row is the loss of S. H. Hawley ("Can a simple encoder learn soft-separable pitch vs time directions in latent
space?", 2026). Two companions, off by default:

    L_across  the same targets between differences of different anchors (circles: only against other kinds) -> one axis
    L_size    squared coefficient of variation of |d| / |promised d|, per kind                -> a calibrated axis

Conventions: ``anchor`` (B, D); ``views`` (B, V, D); ``amount`` (B, V) with ``kind`` (B, V) indices into ``kinds``, or
``amount`` (B, V, K) for views that shift several kinds at once. A view with no shift has no direction and is left out.
With more than one process, means run over the views of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from softaxes.kinds import Circle, Kind, check_kinds
from softaxes.ranks import sum_over_ranks


@dataclass(frozen=True)
class Terms:
    """The loss and its parts, each a scalar tensor; ``total`` is their weighted sum."""

    total: Tensor
    within: Tensor
    across: Tensor
    size: Tensor


class SoftFactorization(nn.Module):
    """The loss above on the latents of any encoder.

    Args:
        kinds: Line and Circle declarations; ``kind`` indexes them.
        within, across, size: weights of the terms, >= 0. A term of weight 0 is not computed and reads 0.
        drop_clipped: leave out views that lost content at an edge (``clipped`` must then be given).
        floor: smallest |d| that the cosine divides by. The gradient of a cosine grows as 1/|d|.

    Raises:
        ValueError: on shapes that do not fit, a ``kind`` out of range, non-finite latents, or negative weights.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        *,
        within: float = 1.0,
        across: float = 0.0,
        size: float = 0.0,
        drop_clipped: bool = False,
        floor: float = 1e-3,
    ) -> None:
        super().__init__()
        self.kinds = check_kinds(kinds)
        for name, value in (("within", within), ("across", across), ("size", size), ("floor", floor)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"`{name}` must be finite and >= 0, got {value}")
        self.within, self.across, self.size = within, across, size
        self.drop_clipped, self.floor = drop_clipped, floor

    def forward(
        self,
        *,
        anchor: Float[Tensor, "B D"],
        views: Float[Tensor, "B V D"],
        amount: Tensor,
        kind: Int[Tensor, "B V"] | None = None,
        clipped: Bool[Tensor, "B V"] | None = None,
    ) -> Terms:
        check_latents(anchor, views)
        amounts = amounts_by_kind(self.kinds, amount, kind, like=views)
        directions = promised_directions(self.kinds, amounts)
        used = directions.length > 0
        if self.drop_clipped:
            if clipped is None:
                raise ValueError("`clipped` must be given when drop_clipped=True, got None")
            used = used & ~clipped
        with torch.autocast(views.device.type, enabled=False):  # cosines of small differences need fp32
            difference = views.float() - anchor.float()[:, None]
            norm = difference.norm(dim=-1)
            unit = difference / norm.clamp_min(self.floor)[..., None]
            zero = difference.new_zeros(())
            within = within_anchor_loss(unit, directions, used) if self.within else zero
            across = across_anchor_loss(unit, directions, used) if self.across else zero
            size = size_loss(norm, directions, used) if self.size else zero
        total = self.within * within + self.across * across + self.size * size
        return Terms(total=total, within=within, across=across, size=size)


@dataclass(frozen=True)
class Directions:
    """What the kinds promise of each view: its ``length`` (B, V), the ``share`` of each kind in it (B, V, K), and
    the shift in turns: ``sign`` of the amount for lines, half angle in radians for circles, both (B, V, K)."""

    kinds: tuple[Kind, ...]
    length: Tensor
    share: Tensor
    sign: Tensor
    half_angle: Tensor

    def target(self) -> Float[Tensor, "B V V"]:
        """Promised cosine between every two views of an anchor."""
        share, sign, half = self.share, self.sign, self.half_angle
        chord = torch.cos(half[:, :, None] - half[:, None])  # 1 for lines, whose half angle is 0
        same_kind = sign[:, :, None] * sign[:, None] * chord
        return (share[:, :, None] * share[:, None] * same_kind).sum(-1)


def promised_directions(kinds: tuple[Kind, ...], amounts: Float[Tensor, "B V K"]) -> Directions:
    """Read amounts as displacements: ``size |s|`` along a line, ``2 size |sin(alpha/2)|`` across a circle."""
    lengths, signs, halves = [], [], []
    for index, kind in enumerate(kinds):
        s = amounts[..., index]
        if isinstance(kind, Circle):
            half = torch.where(s.remainder(kind.period) == 0, torch.zeros_like(s), kind.angle(s) / 2)
            sine = torch.sin(half)
            lengths.append(2 * kind.size * sine.abs())
            signs.append(torch.sign(sine))
            halves.append(half)
        else:
            lengths.append(kind.size * s.abs())
            signs.append(torch.sign(s))
            halves.append(torch.zeros_like(s))
    parts = torch.stack(lengths, dim=-1)
    length = parts.norm(dim=-1) if len(kinds) > 1 else parts[..., 0]
    one_kind = (parts > 0).sum(-1, keepdim=True) == 1
    share = torch.where(one_kind, (parts > 0).to(parts), parts / length.clamp_min(1e-30)[..., None])
    return Directions(kinds, length, share, torch.stack(signs, -1), torch.stack(halves, -1))


def within_anchor_loss(unit: Float[Tensor, "B V D"], directions: Directions, used: Bool[Tensor, "B V"]) -> Tensor:
    """Mean of (cos - target)^2 over the pairs of used views of one anchor; 0 if there is no pair."""
    cosine = unit @ unit.transpose(1, 2)
    pair = (used[:, :, None] & used[:, None]).triu(diagonal=1)
    error = (cosine - directions.target()).square().masked_fill(~pair, 0.0)
    total, count = sum_over_ranks(torch.stack([error.sum(), pair.sum().to(error)])).unbind()
    return total / count.clamp_min(1)


def across_anchor_loss(unit: Float[Tensor, "B V D"], directions: Directions, used: Bool[Tensor, "B V"]) -> Tensor:
    """Mean of (cos - target)^2 over pairs of used views of *different* anchors; 0 if there is no pair.

    Two chords of one circle that start at different points have no promised angle: such pairs are left out, and so
    are views that shift two circles at once (a circle and those that follow it count as one). The n^2 pairs are never
    formed: with U the unit differences of a group of views and T their targets' factors (share times sign), the sum
    of (cos - target)^2 over two groups g, h is <Ug'Ug, Uh'Uh> - 2 <Ug'Tg, Uh'Th> + <Tg'Tg, Th'Th>, which costs
    O(n D^2) and adds up over processes.
    """
    members = _across_groups(directions, used)
    factor = directions.share * directions.sign
    joined = torch.cat([unit, factor.to(unit)], dim=-1)  # (B, V, D + K)
    signature = torch.cat([torch.ones(unit.shape[-1]), -torch.ones(factor.shape[-1])]).to(unit)
    moments = torch.stack([_moment(joined, m) for m in members])
    counts = torch.stack([m.sum() for m in members]).to(unit)
    moments, counts = sum_over_ranks(moments), sum_over_ranks(counts)
    allowed = torch.ones(len(members), len(members), device=unit.device)
    allowed.fill_diagonal_(0.0)
    allowed[0, 0] = 1.0  # lines compare with lines; a circle never with itself
    # <J'J, S J'J S> expands to the three inner products above.
    pairs = torch.einsum("gij,hij,i,j->gh", moments, moments, signature, signature)
    error, count = (allowed * pairs).sum(), (allowed * counts[:, None] * counts[None]).sum()
    own_error, own_count = _own_anchor_share(unit, factor, members, allowed)
    return (error - own_error).clamp_min(0) / (count - own_count).clamp_min(1)


def _across_groups(directions: Directions, used: Tensor) -> list[Tensor]:
    """Views that touch only lines, then for each family of circles the views that touch it and no other."""
    circles = {kind.family for kind in directions.kinds if isinstance(kind, Circle)}
    touched = [
        (directions.share[..., [k.family == name for k in directions.kinds]] > 0).any(-1) for name in sorted(circles)
    ]
    number = torch.stack([used & False, *touched]).sum(0)
    return [used & (number == 0)] + [used & (number == 1) & t for t in touched]


def _moment(joined: Float[Tensor, "B V C"], member: Bool[Tensor, "B V"]) -> Float[Tensor, "C C"]:
    rows = (joined * member[..., None]).flatten(0, 1)
    return rows.T @ rows


def _own_anchor_share(unit: Tensor, factor: Tensor, members: list[Tensor], allowed: Tensor) -> tuple[Tensor, Tensor]:
    """What pairs of one anchor (a view with itself included) add to the sums over all pairs."""
    member = torch.stack(members, dim=-1).to(unit)  # (B, V, G)
    weight = torch.einsum("bvg,bwh,gh->bvw", member, member, allowed)
    error = (unit @ unit.transpose(1, 2) - factor @ factor.transpose(1, 2)).square()
    total, count = sum_over_ranks(torch.stack([(weight * error).sum(), weight.sum()])).unbind()
    return total, count


def size_loss(norm: Float[Tensor, "B V"], directions: Directions, used: Bool[Tensor, "B V"]) -> Tensor:
    """Mean over kinds of Var(r) / Mean(r)^2, r = |d| / promised length, over views of one kind; 0 = calibrated."""
    alone = used[..., None] & (directions.share == 1)
    weight = alone.to(norm)
    ratio = norm / directions.length.clamp_min(1e-30)
    ratio = torch.where(used, ratio, torch.zeros_like(ratio))[..., None]
    sums = torch.stack([weight.sum((0, 1)), (weight * ratio).sum((0, 1)), (weight * ratio.square()).sum((0, 1))])
    count, first, second = sum_over_ranks(sums)
    mean = first / count.clamp_min(1)
    variance = second / count.clamp_min(1) - mean.square()
    present = (count > 0).to(norm)
    return (present * variance.clamp_min(0) / mean.square().clamp_min(1e-12)).sum() / present.sum().clamp_min(1)


def triplet_factorization_loss(
    anchor: Float[Tensor, "B D"],
    view1: Float[Tensor, "B D"],
    view2: Float[Tensor, "B D"],
    target: Float[Tensor, B],
    *,
    floor: float = 1e-8,
) -> Tensor:
    """The article's form: mean over triplets of (cos(view1 - anchor, view2 - anchor) - target)^2, in [0, 4].

    ``target`` is +1 (same kind, same sign), -1 (same kind, opposite sign) or 0 (different kinds).
    """
    check_latents(anchor, torch.stack([view1, view2], dim=1) if view1.shape == view2.shape else view1[:, None])
    if target.shape != anchor.shape[:1]:
        raise ValueError(f"`target` must have shape ({anchor.shape[0]},), got {tuple(target.shape)}")
    cosine = nn.functional.cosine_similarity(view1 - anchor, view2 - anchor, dim=-1, eps=floor)
    return (cosine - target).square().mean()


def check_latents(anchor: Tensor, views: Tensor) -> None:
    """ValueError unless ``anchor`` is (B, D), ``views`` is (B, V, D), B > 0 and both are finite."""
    if anchor.ndim != 2 or anchor.shape[0] == 0:
        raise ValueError(f"`anchor` must have shape (B, D) with B > 0, got {tuple(anchor.shape)}")
    if views.ndim != 3 or views.shape[0] != anchor.shape[0] or views.shape[2] != anchor.shape[1]:
        b, d = anchor.shape
        raise ValueError(f"`views` must have shape ({b}, V, {d}) to fit `anchor`, got {tuple(views.shape)}")
    for name, value in (("anchor", anchor), ("views", views)):
        if not bool(torch.isfinite(value.detach().sum())) and not bool(torch.isfinite(value).all()):
            raise ValueError(f"`{name}` must be finite, got NaN or infinity")


def amounts_by_kind(
    kinds: tuple[Kind, ...], amount: Tensor, kind: Tensor | None, *, like: Float[Tensor, "B V D"]
) -> Float[Tensor, "B V K"]:
    """Amounts as one column per kind, zeros where a view does not shift that kind."""
    batch, views = like.shape[:2]
    if kind is None:
        if amount.shape != (batch, views, len(kinds)):
            raise ValueError(
                f"`amount` without `kind` must have shape ({batch}, {views}, {len(kinds)}), got {tuple(amount.shape)}"
            )
        return amount.to(device=like.device, dtype=torch.float32)
    for name, value in (("amount", amount), ("kind", kind)):
        if value.shape != (batch, views):
            raise ValueError(f"`{name}` must have shape ({batch}, {views}), got {tuple(value.shape)}")
    if kind.is_floating_point():
        raise TypeError(f"`kind` must hold integers, got {kind.dtype}")
    if int(kind.min()) < 0 or int(kind.max()) >= len(kinds):
        raise ValueError(f"`kind` must lie in 0..{len(kinds) - 1}, got {int(kind.min())}..{int(kind.max())}")
    column = nn.functional.one_hot(kind.long(), len(kinds)).to(like.device)
    return column * amount.to(device=like.device, dtype=torch.float32)[..., None]

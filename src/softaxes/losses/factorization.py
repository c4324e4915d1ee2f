"""Soft factorization: how do differences of labelled shifts learn to share named axes?

For one anchor ``x`` and two views with kinds ``(a, b)`` and signed amounts ``(s, t)``, ``d = f(T x) - f(x)``:

    L_within = mean (cos(d_a,s , d_b,t) - target)^2
    target   = 0                                                                            if a != b
    target   = (gamma(s) + gamma(t) - gamma(s - t)) / (2 sqrt(gamma(s) gamma(t)))           if a = b

with the kind's variogram gamma (`softaxes.geometry.kinds`): sign(s t) on a line, which with the first row is the loss
of S. H. Hawley ("Can a simple encoder learn soft-separable pitch vs time directions in latent space?", 2026); the chord
law cos((alpha-beta)/2) sign(sin(alpha/2) sin(beta/2)), alpha = 2 pi s / period, on a circle; a weighted sum over
harmonics on a cycle, which tends to the chance level 1/2 as their number grows. A view that shifts several kinds has
the sum of their variograms. The harmonic weights of a cycle are measured from the batch where the kind gives none
(`softaxes.losses.harmonics`). Two companions, off by default:

    L_across  the same targets between differences of different anchors (circles and cycles: only against other kinds)
              -> one axis
    L_size    squared coefficient of variation of |d| / |promised d|, per kind                -> a calibrated axis

Conventions: ``anchor`` (B, D); ``views`` (B, V, D); ``amount`` (B, V) with ``kind`` (B, V) indices into ``kinds``, or
``amount`` (B, V, K) for views that shift several kinds at once. A view with no shift has no direction and is left out.
With more than one process, means run over the views of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from softaxes.geometry.kinds import Cycle, Kind, Rotation, check_kinds
from softaxes.geometry.labels import amounts_by_kind, at_least_float32, check_clipped, check_tensor, check_views
from softaxes.losses._ranks import sum_over_ranks
from softaxes.losses.harmonics import harmonic_weights


@dataclass(frozen=True, eq=False)
class Terms:
    """The loss and its parts, each a scalar tensor; ``total`` is their weighted sum.

    ``within`` and ``across`` lie in [0, 4]: 0 = every cosine as promised, 4 = all opposite. ``size`` is >= 0: 0 =
    lengths in exact proportion to amounts. A term without any usable pair is 0, with gradient 0.
    """

    total: Tensor
    within: Tensor
    across: Tensor
    size: Tensor


class SoftFactorization(nn.Module):
    """The loss above on the latents of any encoder; float32 or better under any autocast.

    Args:
        kinds: Line, Circle and Cycle declarations; ``kind`` indexes them.
        within, across, size: weights of the terms, >= 0. A term of weight 0 is not computed and reads 0.
        drop_clipped: leave out views that lost content at an edge; ``clipped`` must then be given, and is ignored
            otherwise.
        floor: smallest |d| that a cosine divides by, > 0. The gradient of a cosine grows as 1/|d|; it stays below
            1/floor.

    Raises:
        ValueError: negative or infinite weights, a floor of 0, no kinds or two of one name.
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
        for name, value in (("within", within), ("across", across), ("size", size)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"`{name}` must be finite and >= 0, got {value}")
        check_floor(floor)
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
        """The terms on B anchors with V views each.

        Raises:
            ValueError: shapes that do not fit, a ``kind`` out of range, non-finite latents or amounts, or no
                ``clipped`` where clipped views are to be left out.
            TypeError: ``kind`` or ``clipped`` of the wrong type.
        """
        check_views(anchor, views)
        amounts = amounts_by_kind(self.kinds, amount, kind, like=views)
        directions = promised_directions(self.kinds, amounts, self._measured(anchor, views, amounts))
        used = directions.length > 0
        if self.drop_clipped:
            if clipped is None:
                raise ValueError("`clipped` must be given when drop_clipped=True, got None")
            used = used & ~check_clipped(clipped, used)
        with torch.autocast(views.device.type, enabled=False):  # cosines of small differences need fp32
            unit, norm = _unit_differences(anchor, views, self.floor)
            zero = norm[:0].sum()  # part of the graph: a batch without a pair can still go backward
            within = within_anchor_loss(unit, directions, used) if self.within else zero
            across = across_anchor_loss(unit, directions, used) if self.across else zero
            size = size_loss(norm, directions, used, floor=self.floor) if self.size else zero
        total = self.within * within + self.across * across + self.size * size
        return Terms(total=total, within=within, across=across, size=size)

    def _measured(self, anchor: Tensor, views: Tensor, amounts: Tensor) -> dict[str, Tensor]:
        """Harmonic weights of the cycles that give none, by name."""
        unknown = [kind for kind in self.kinds if isinstance(kind, Cycle) and not kind.weights]
        return {kind.name: harmonic_weights(self.kinds, kind, anchor, views, amounts) for kind in unknown}


def triplet_factorization_loss(
    anchor: Float[Tensor, "B D"],
    view1: Float[Tensor, "B D"],
    view2: Float[Tensor, "B D"],
    target: Float[Tensor, " B"],
    *,
    floor: float = 1e-8,
) -> Tensor:
    """The article's form: mean over triplets of (cos(view1 - anchor, view2 - anchor) - target)^2, in [0, 4].

    ``target`` is +1 (same kind, same sign), -1 (same kind, opposite sign) or 0 (different kinds). Takes the triplets
    of this process only. ``floor`` is the smallest |difference| that the cosine divides by.

    Raises:
        ValueError: shapes that do not fit, non-finite latents, or a floor of 0.
    """
    for name, value in (("anchor", anchor), ("view1", view1), ("view2", view2), ("target", target)):
        check_tensor(name, value)
    if view1.shape != view2.shape:
        raise ValueError(f"`view1` and `view2` must have one shape, got {tuple(view1.shape)} and {tuple(view2.shape)}")
    if view1.shape != anchor.shape:
        raise ValueError(f"`view1` must have the shape of `anchor`, {tuple(anchor.shape)}, got {tuple(view1.shape)}")
    if target.shape != anchor.shape[:1]:
        raise ValueError(f"`target` must have shape ({anchor.shape[0]},), got {tuple(target.shape)}")
    check_floor(floor)
    views = torch.stack([view1, view2], dim=1)
    check_views(anchor, views)
    unit, _ = _unit_differences(anchor, views, floor)
    return ((unit[:, 0] * unit[:, 1]).sum(-1) - target).square().mean()  # no matrix product: autocast leaves it alone


def _unit_differences(
    anchor: Float[Tensor, "B D"], views: Float[Tensor, "B V D"], floor: float
) -> tuple[Float[Tensor, "B V D"], Float[Tensor, "B V"]]:
    """Differences divided by their length (or by ``floor`` if they are shorter), and the length, in fp32 or better."""
    views = at_least_float32(views)
    difference = views - anchor.to(views)[:, None]
    norm = difference.norm(dim=-1)
    return difference / norm.clamp_min(floor)[..., None], norm


@dataclass(frozen=True, eq=False)
class Directions:
    """What the kinds promise of each view.

    Attributes:
        kinds: K of them.
        amounts: (B, V, K) signed.
        length: (B, V) of the promised difference; 0 where nothing is shifted.
        share: (B, V, K) of each kind in it, squares adding to 1; exactly 1 or 0 for views of one kind.
        weights: harmonic weights of cycles, by name, where they were measured.
    """

    kinds: tuple[Kind, ...]
    amounts: Tensor
    length: Tensor
    share: Tensor
    weights: Mapping[str, Tensor]

    def target(self) -> Float[Tensor, "B V V"]:
        """Promised cosine between every two views of an anchor, in [-1, 1]; exactly +-1 or 0 where all is lines."""
        total = torch.zeros_like(self.length[:, :, None] + self.length[:, None])
        for index, kind in enumerate(self.kinds):
            s, share = self.amounts[..., index], self.share[..., index]
            law = partial(kind.cosine, weights=self.weights.get(kind.name)) if isinstance(kind, Cycle) else kind.cosine
            total = total + share[:, :, None] * share[:, None] * law(s[:, :, None], s[:, None])
        return total


def promised_directions(
    kinds: tuple[Kind, ...], amounts: Float[Tensor, "B V K"], weights: Mapping[str, Tensor] | None = None
) -> Directions:
    """Read amounts as displacements; ``weights`` are the harmonic weights of cycles, by name."""
    weights = weights or {}
    parts = []
    for index, kind in enumerate(kinds):
        s = amounts[..., index]
        parts.append(kind.length(s, weights.get(kind.name)) if isinstance(kind, Cycle) else kind.length(s))
    lengths = torch.stack(parts, dim=-1)
    length = lengths.norm(dim=-1)
    one_kind = (lengths > 0).sum(-1, keepdim=True) == 1
    share = torch.where(one_kind, (lengths > 0).to(lengths), lengths / length.clamp_min(1e-30)[..., None])
    return Directions(kinds, amounts, length, share, weights)


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
    are views that shift two circles at once (a circle and those that follow the same shift count as one).

    The n^2 pairs are never formed. With U the unit differences of a group of views and T the factors of their targets
    (share times sign of the amount, so that a target is <t_i, t_j>), the sum of (cos - target)^2 over two groups g, h
    is <Ug'Ug, Uh'Uh> - 2 <Ug'Tg, Uh'Th> + <Tg'Tg, Th'Th>. That costs O(n D^2) and adds up over processes; what pairs of
    one anchor put into it is taken out again.
    """
    members = _across_groups(directions, used)
    allowed = 1 - torch.eye(len(members), device=unit.device, dtype=unit.dtype)
    allowed[0, 0] = 1.0  # lines compare with lines; a circle never with itself
    factor = (directions.share * directions.amounts.sign()).to(unit)
    joined = torch.cat([unit, factor], dim=-1)  # (B, V, D + K)
    moments = sum_over_ranks(torch.stack([_moment(joined, member) for member in members]))
    counts = sum_over_ranks(torch.stack([member.sum() for member in members]).to(unit))
    # With S = diag(1 for U, -1 for T), <J'J, S J'J S> expands to the three inner products above.
    signature = torch.ones_like(joined[0, 0])
    signature[unit.shape[-1] :] = -1
    error = (allowed * torch.einsum("gij,hij,i,j->gh", moments, moments, signature, signature)).sum()
    count = (allowed * counts[:, None] * counts).sum()
    own_error, own_count = _own_anchor_share(unit, factor, members, allowed)
    return (error - own_error).clamp_min(0) / (count - own_count).clamp_min(1)


def _across_groups(directions: Directions, used: Tensor) -> list[Bool[Tensor, "B V"]]:
    """Used views that touch only lines, then for each family of circles the views that touch it and no other."""
    moved = directions.share > 0
    circles = {kind.family: used & False for kind in directions.kinds if isinstance(kind, Rotation)}
    for index, kind in enumerate(directions.kinds):
        if isinstance(kind, Rotation):
            circles[kind.family] = circles[kind.family] | moved[..., index]
    number = torch.stack([used & False, *circles.values()]).sum(0)
    return [used & (number == 0)] + [used & (number == 1) & touched for touched in circles.values()]


def _moment(joined: Float[Tensor, "B V C"], member: Bool[Tensor, "B V"]) -> Float[Tensor, "C C"]:
    rows = (joined * member[..., None]).flatten(0, 1)
    return rows.T @ rows


def _own_anchor_share(unit: Tensor, factor: Tensor, members: list[Tensor], allowed: Tensor) -> tuple[Tensor, Tensor]:
    """What pairs of one anchor (a view with itself included) add to the sum of errors and to the count."""
    member = torch.stack(members, dim=-1).to(unit)  # (B, V, G)
    weight = torch.einsum("bvg,bwh,gh->bvw", member, member, allowed)
    error = (unit @ unit.transpose(1, 2) - factor @ factor.transpose(1, 2)).square()
    total, count = sum_over_ranks(torch.stack([(weight * error).sum(), weight.sum()])).unbind()
    return total, count


def size_loss(
    norm: Float[Tensor, "B V"], directions: Directions, used: Bool[Tensor, "B V"], *, floor: float = 1e-3
) -> Tensor:
    """Mean over kinds of Var(r) / Mean(r)^2, r = |d| / promised length; 0 = lengths in proportion to amounts.

    Taken over the views that shift one kind (its followers with it) and nothing else. Mean(r) counts as at least
    ``floor``, which keeps the gradient finite while latents collapse.
    """
    moved = directions.share > 0
    leaders = dict.fromkeys(kind.family for kind in directions.kinds)
    family = [kind.family for kind in directions.kinds]
    own = [[moved[..., i] for i, name in enumerate(family) if name == leader] for leader in leaders]
    touched = torch.stack([torch.stack(columns).any(0) for columns in own], dim=-1)
    weight = (touched & used[..., None] & (touched.sum(-1, keepdim=True) == 1)).to(norm)
    ratio = (norm / torch.where(used, directions.length, 1.0).to(norm))[..., None]
    count, total = sum_over_ranks(torch.stack([weight.sum((0, 1)), (weight * ratio).sum((0, 1))])).unbind()
    mean = total / count.clamp_min(1)
    variance = sum_over_ranks((weight * (ratio - mean).square()).sum((0, 1))) / count.clamp_min(1)
    return (variance / mean.clamp_min(floor).square()).sum() / (count > 0).sum().clamp_min(1)


def check_floor(floor: float) -> None:
    """ValueError unless ``floor`` is positive and finite."""
    if not 0 < floor < float("inf"):
        raise ValueError(f"`floor` must be positive and finite, got {floor}")

"""Does a kind have one axis for all images, or does every image have its own?

Goal: compare differences of *different* anchors, which the cosines of one anchor never do.

Conventions: those of ``labelled``; unit differences e, turned round for negative amounts. A difference is never
compared with its own group (its song; without groups its anchor), so chance is 0, not a matter of how many there are.

Metrics, per line:
    agreement        mean cosine of e with the mean direction of all other groups
    between_images   mean cosine of e and e' over all pairs of different groups; about agreement^2 if e scatters evenly
Per circle or cycle, where differences of one amount point everywhere and only their planes are shared:
    agreement        share of |d|^2 inside the 2 P directions (P planes) that the differences of the other half of the
                     groups span best
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.labelled import Array, Labelled, on_arrays
from softaxes.diagnostics.spectrum import principal_directions
from softaxes.geometry.kinds import Kind, Rotation


@dataclass(frozen=True)
class AxisAgreement:
    """Of one kind: ``agreement``, ``between_images`` (lines; else NaN), ``n`` differences, ``chance`` of agreement.

    Lines: in [-1, 1]; 1: one direction for all images, chance 0. Circles and cycles: in [0, 1]; 1: the same P
    planes, chance 2 P / D.
    NaN where there are fewer than two groups with a living difference. Cosines of one anchor leave this open: trained
    on them alone, an encoder of the article's toy has agreement .61-.66.
    """

    agreement: float
    between_images: float
    n: int
    chance: float


@on_arrays
def axis_agreement(batch: Labelled) -> dict[str, AxisAgreement]:
    """Agreement of each kind, by name."""
    found = {}
    for index, declared in enumerate(batch.kinds):
        values, _ = agreement_values(batch, index)
        mean = float(values.mean()) if len(values) else math.nan
        between = math.nan if isinstance(declared, Rotation) else between_images(*signed_units(batch, index)[:2])
        found[declared.name] = AxisAgreement(mean, between, len(values), chance(declared, batch.anchor.shape[1]))
    return found


def chance(kind: Kind, dims: int) -> float:
    """Agreement of differences that point anywhere: 0 for a line, 2 P / D for the P planes of a circle or cycle."""
    return min(1.0, 2 * len(kind.harmonics) / dims) if isinstance(kind, Rotation) else 0.0


def agreement_values(batch: Labelled, kind: int, where: Array | None = None) -> tuple[Array, Array]:
    """What ``agreement`` averages, (N,), and the item of each value; empty if there are fewer than two groups."""
    declared = batch.kinds[kind]
    if isinstance(declared, Rotation):
        return _plane_shares(batch, kind, where, 2 * len(declared.harmonics))
    unit, group, item = signed_units(batch, kind, where)
    sums = _sums_by_group(unit, group)
    others = sums.sum(axis=0) - sums[group]
    length = np.linalg.norm(others, axis=1)
    usable = length > 1e-12
    cos = np.einsum("nd,nd->n", unit[usable], others[usable]) / length[usable]
    return cos, item[usable]


def signed_units(batch: Labelled, kind: int, where: Array | None = None) -> tuple[Array, Array, Array]:
    """Unit differences of one kind turned to positive amounts, (N, D), and their groups and items (N,)."""
    mask = (batch.kind == kind) & batch.alive & batch.shifted
    item, view = np.nonzero(mask if where is None else mask & where)
    unit = batch.unit[item, view] * np.sign(batch.amount[item, view])[:, None]
    return unit, batch.group[item], item


def between_images(unit: Array, group: Array) -> float:
    """Mean cosine of pairs of rows of different groups, in O(N D); NaN if there is no such pair."""
    replicate = _between(_sums_by_group(unit, group), np.bincount(group), np.ones((1, _number(group))))
    return float(replicate[0]) if len(replicate) else math.nan


def between_images_interval(unit: Array, item: Array, draws: Bootstrap) -> tuple[float, float]:
    """Interval of ``between_images``; a group that is drawn twice is not compared with itself."""
    group, sums = draws.group[item], np.zeros((draws.groups, unit.shape[1]))
    np.add.at(sums, group, unit)
    size = np.bincount(group, minlength=draws.groups)
    return draws.percentiles(_between(sums, size, draws.counts), present=int((size > 0).sum()))


def _between(sums: Array, size: Array, counts: Array) -> Array:
    """Mean cosine between groups for each row of ``counts`` (n, G); rows with fewer than two groups are left out."""
    own = np.einsum("gd,gd->g", sums, sums)
    total = counts @ sums
    cosines = np.einsum("nd,nd->n", total, total) - counts**2 @ own
    pairs = (counts @ size) ** 2 - counts**2 @ size.astype(np.float64) ** 2
    return cosines[pairs > 0.5] / pairs[pairs > 0.5]


def _plane_shares(batch: Labelled, kind: int, where: Array | None, width: int) -> tuple[Array, Array]:
    unit, group, item = signed_units(batch, kind, where)
    half = np.unique(group, return_inverse=True)[1] % 2 == 0
    if half.all():
        return np.empty(0), item[:0]
    share = np.empty(len(unit))
    for here in (half, ~half):
        plane = principal_directions(unit[~here])[1][:width]
        share[here] = np.square(unit[here] @ plane.T).sum(axis=1)
    return share, item


def _sums_by_group(unit: Array, group: Array) -> Array:
    sums = np.zeros((_number(group), unit.shape[1]))
    np.add.at(sums, group, unit)
    return sums


def _number(group: Array) -> int:
    return int(group.max(initial=-1)) + 1

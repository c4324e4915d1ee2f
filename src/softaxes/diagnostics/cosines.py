"""Do differences that start at one anchor point where their kinds promise?

Goal: the cosine between every two differences of one anchor, sorted by what is promised of it.

    cross      two kinds: promised 0, the figure is mean |cos|
    same       one line, same sign: promised +1, the figure is mean cos
    opposite   one line, opposite signs: promised -1, the figure is mean cos
    circle     one circle: promised by the chord law, the figure is mean |cos - promised|
    cycle      one cycle: promised by its law, the figure is mean |cos - promised|; see ``law_curve`` too

Conventions: those of ``labelled``. Pairs with a dead or unshifted view have no cosine; they are left out and counted
(``Cosines.dead`` is a share of views). A pair is clipped if either view is.

Chance: two differences of one anchor share an end, so an encoder that sends every image to an independent place
scores about +0.5 in *all* of these, not 0 (``chance_same_anchor``); two unrelated directions have mean |cos| of about
sqrt(2 / (pi D)). These cosines compare differences of ONE anchor: they can be perfect while
every image has its own direction. ``global_axis`` asks that question.

The figures, and ``opening_angle`` between the mean + and the mean - difference of a line, are those of S. H. Hawley
("Can a simple encoder learn soft-separable pitch vs time directions in latent space?", 2026), who found 0.116, 0.954,
-0.884 and 162.8 degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import hyp2f1

from softaxes.diagnostics.labelled import Array, Labelled, on_arrays
from softaxes.geometry.kinds import Kind, Rotation

RELATIONS = ("cross", "same", "opposite", "circle", "cycle")


@dataclass(frozen=True)
class Cosines:
    """One row per pair of shifted views of one anchor, (P,) each.

    ``cos`` (0 if not ``alive``) and ``promised``; ``alive`` whether both views have a direction; ``item`` the anchor;
    ``amounts`` (P, 2) of both views; ``first`` and ``second`` the kinds, ``first <= second``; ``clipped`` whether a
    view of the two lost content (None if unknown). ``dead`` is the share of shifted views without a direction.
    """

    kinds: tuple[Kind, ...]
    cos: Array
    promised: Array
    alive: Array
    item: Array
    amounts: Array
    first: Array
    second: Array
    clipped: Array | None
    dead: float

    def relation(self, name: str) -> Array:
        """Mask (P,) of the living pairs of one relation of the table above."""
        return self.asked(name) & self.alive

    def asked(self, name: str) -> Array:
        """Mask (P,) of the pairs of one relation, dead ones included."""
        same_kind = self.first == self.second
        geometry = np.array([type(kind).__name__ for kind in self.kinds])[self.first]
        masks = {
            "cross": ~same_kind,
            "same": same_kind & (geometry == "Line") & (self.promised > 0),
            "opposite": same_kind & (geometry == "Line") & (self.promised < 0),
            "circle": same_kind & (geometry == "Circle"),
            "cycle": same_kind & (geometry == "Cycle"),
        }
        if name not in masks:
            raise ValueError(f"`name` must be one of {RELATIONS}, got {name!r}")
        return masks[name]

    def error(self, name: str) -> Array:
        """What the figure of a relation averages, (P,): |cos|, cos, cos, and |cos - promised| for the last two."""
        if name in ("same", "opposite"):
            return self.cos
        return np.abs(self.cos - self.promised)

    def figure(self, name: str, where: Array | None = None) -> float:
        """Mean of ``error(name)`` over the pairs of that relation (and of the mask ``where``); NaN if there is none."""
        mask = self.relation(name) if where is None else self.relation(name) & where
        return float(self.error(name)[mask].mean()) if mask.any() else float("nan")

    def parts(self) -> dict[str, Array]:
        """Masks (P,): "all", and if it is known which views are clipped "unclipped" and "clipped"."""
        every = np.ones(len(self.cos), dtype=bool)
        if self.clipped is None:
            return {"all": every}
        return {"all": every, "unclipped": ~self.clipped, "clipped": self.clipped}

    def histograms(self, bins: int = 50) -> tuple[Array, dict[str, Array]]:
        """Edges (bins + 1,) on [-1, 1] and, for each relation that occurs, the counts of its cosines (bins,)."""
        edges = np.linspace(-1.0, 1.0, bins + 1)
        cos = np.clip(self.cos, -1.0, 1.0)
        return edges, {n: np.histogram(cos[self.relation(n)], edges)[0] for n in RELATIONS if self.relation(n).any()}


@on_arrays
def cosines(batch: Labelled) -> Cosines:
    """Cosine and promised cosine of every pair of views of each anchor; V (V-1) / 2 pairs an item at most."""
    i, j = np.triu_indices(batch.kind.shape[1], k=1)
    item, pair = np.nonzero(batch.shifted[:, i] & batch.shifted[:, j])
    left, right = (item, i[pair]), (item, j[pair])
    alive = batch.alive[left] & batch.alive[right]
    lengths = batch.norm[left] * batch.norm[right]
    cos = np.where(alive, batch.inner[item, i[pair], j[pair]] / np.where(alive, lengths, 1.0), 0.0)
    kind_left, kind_right = batch.kind[left], batch.kind[right]
    inner = batch.promised_inner(batch.amounts[left], batch.amounts[right])
    promised = inner / (batch.promised_length[left] * batch.promised_length[right])
    clipped = None if batch.clipped is None else batch.clipped[left] | batch.clipped[right]
    dead = float((~batch.alive)[batch.shifted].mean()) if batch.shifted.any() else float("nan")
    amounts = np.stack([batch.amount[left], batch.amount[right]], axis=1)
    first, second = np.minimum(kind_left, kind_right), np.maximum(kind_left, kind_right)
    return Cosines(batch.kinds, cos, promised, alive, item, amounts, first, second, clipped, dead)


@dataclass(frozen=True)
class LawCurve:
    """One row per pair of amounts of one kind, (P,) each, ``first <= second``: what a law says, and what is measured.

    ``measured``: mean cosine of the differences that two amounts make from one anchor; ``promised`` by the kind, a
    cycle with the harmonic weights of the data; ``n`` pairs of views.
    """

    first: Array
    second: Array
    measured: Array
    promised: Array
    n: Array

    @property
    def error(self) -> float:
        """Mean |measured - promised| over pairs of different amounts, weighed by n; in [0, 2], NaN if there is none."""
        weight = self.n * (self.first != self.second)
        missed = np.abs(self.measured - self.promised)
        return float(missed @ weight / weight.sum()) if weight.any() else math.nan


@on_arrays
def law_curves(batch: Labelled) -> dict[str, LawCurve]:
    """The law curve of each kind that occurs, by name; pairs with a dead or unshifted view are left out."""
    found, curves = cosines(batch), {}
    for index, kind in enumerate(batch.kinds):
        own = found.alive & (found.first == index) & (found.second == index)
        if own.any():
            amounts = np.sort(found.amounts[own], axis=1)
            pairs, which, n = np.unique(amounts, axis=0, return_inverse=True, return_counts=True)
            means = [np.bincount(which.reshape(-1), values[own]) / n for values in (found.cos, found.promised)]
            curves[kind.name] = LawCurve(pairs[:, 0], pairs[:, 1], means[0], means[1], n)
    return curves


@on_arrays
def opening_angle(batch: Labelled) -> dict[str, float]:
    """Degrees between the mean + and the mean - difference of each line, by name; in [0, 180].

    180: up and down are one axis. 60 to 90: chance, for independent latents (60 where both signs share their anchors).
    0: both point the same way. NaN if a kind lacks one of the signs, or its differences cancel to nothing.
    """
    lines = [i for i, k in enumerate(batch.kinds) if not isinstance(k, Rotation)]
    means = {i: signed_differences(batch, i)[0].mean(axis=0, keepdims=True) for i in lines if (batch.kind == i).any()}
    return {batch.kinds[i].name: float(angle_of_halves(means[i])[0]) if i in means else math.nan for i in lines}


def signed_differences(batch: Labelled, kind: int, where: Array | None = None) -> tuple[Array, Array]:
    """Rows (N, 2 D) with a + difference in the first D columns or a - difference in the last, and their items (N,)."""
    mask = (batch.kind == kind) & (batch.amount != 0)
    item, view = np.nonzero(mask if where is None else mask & where)
    difference, up = batch.difference[item, view], (batch.amount[item, view] > 0)[:, None]
    return np.concatenate([difference * up, difference * ~up], axis=1), item


def angle_of_halves(means: Array) -> Array:
    """Degrees between the first and the second half of each row of ``means`` (n, 2 D); NaN if one is 0."""
    up, down = np.split(means, 2, axis=1)
    # atan2 keeps its digits near 180 degrees, where the arc cosine of a rounded cosine loses half of them
    length_up, length_down = np.linalg.norm(up, axis=1), np.linalg.norm(down, axis=1)
    valid = (length_up > 0) & (length_down > 0)
    u = up / np.where(valid, length_up, 1.0)[:, None]
    v = down / np.where(valid, length_down, 1.0)[:, None]
    angle = 2 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))
    return np.where(valid, np.degrees(angle), math.nan)


def chance_same_anchor(dims: int) -> float:
    """Mean cosine of a - x and b - x for independent Gaussian a, b, x in ``dims`` dimensions; tends to 1/2.

    E cos = rho 2/D (G((D+1)/2) / G(D/2))^2 2F1(1/2, 1/2; D/2 + 1; rho^2) with correlation rho = 1/2 (Hotelling 1953).
    """
    if dims < 1:
        raise ValueError(f"`dims` must be >= 1, got {dims}")
    ratio = math.exp(2 * (math.lgamma((dims + 1) / 2) - math.lgamma(dims / 2)))
    return 0.5 * 2 / dims * ratio * float(hyp2f1(0.5, 0.5, dims / 2 + 1, 0.25))

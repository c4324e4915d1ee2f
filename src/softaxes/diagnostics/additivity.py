"""Is an axis calibrated: do shifts add up, and does twice the amount move twice as far?

Goal: two laws that cosines cannot see.

Conventions: those of ``labelled``.

Metrics:
    additivity   for views of one anchor and one line at amounts s, t and s + t (all in one row; s + t = 0: the anchor)
                     |d_s + d_t - d_{s+t}| / max(|d_s|, |d_t|, |d_{s+t}|)
                 averaged over the triples. 0: shifts add. 1: the error is as large as the largest of the three.
                 Independent latents score about sqrt(2), and sqrt(3) where s + t = 0 (chance). In [0, 3].
    size_law     |d| against the length x the kind promises (|s|, or the chord 2 |sin(alpha/2)| of a circle).

Why the largest of the three and not |d_{s+t}| alone: when s and t have opposite signs, d_{s+t} is the short side, and
the plain ratio explodes at s + t = 0, or reports the noise of two long shifts as many times a short one. For equal
signs and a sound axis the largest *is* d_{s+t}. Mean of the ratios, not ratio of the means: every triple counts the
same, short shifts too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from softaxes.diagnostics.labelled import Array, Labelled, on_arrays
from softaxes.geometry.kinds import Rotation

# |a + b - c - x| / |a - x| for independent isotropic latents of many dimensions, and the same where c is x
CHANCE, CHANCE_CANCELLING = math.sqrt(2), math.sqrt(3)


@dataclass(frozen=True)
class Additivity:
    """One row per triple, (T,): ``error``, ``item``, ``kind``; ``clipped`` if any of its views is (None if unknown);
    ``signs_agree`` where s and t have one sign; ``chance``, the error of independent latents. ``error`` is NaN where
    all three differences are dead.
    """

    error: Array
    item: Array
    kind: Array
    clipped: Array | None
    signs_agree: Array
    chance: Array

    def figure(self, where: Array | None = None) -> float:
        """Mean error over all living triples, or those of the mask; NaN if there is none."""
        chosen = self.error if where is None else self.error[where]
        alive = chosen[~np.isnan(chosen)]
        return float(alive.mean()) if len(alive) else math.nan


@on_arrays
def additivity(batch: Labelled) -> Additivity:
    """Errors of all triples of views that add up; circles have none. Cost O(B V^3), memory O(B V D)."""
    lines = [i for i, declared in enumerate(batch.kinds) if not isinstance(declared, Rotation)]
    usable = np.isin(batch.kind, lines) & batch.shifted
    pairs = list(combinations(range(batch.kind.shape[1]), 2))
    if not pairs:  # one view a row: no triple
        pairs, usable = [(0, 0)], np.zeros_like(usable)
    found = [_triples_of_pair(batch, usable, i, j) for i, j in pairs]
    error, item, kind, clipped, agree, chance = (np.concatenate(column) for column in zip(*found, strict=True))
    return Additivity(error, item, kind, None if batch.clipped is None else clipped, agree, chance)


def _triples_of_pair(batch: Labelled, usable: Array, i: int, j: int) -> tuple[Array, ...]:
    """Triples whose parts are the views i and j; the sum is any third view, or the anchor itself (index V)."""
    pair = usable[:, i] & usable[:, j] & (batch.kind[:, i] == batch.kind[:, j])
    total = batch.amount[:, i] + batch.amount[:, j]
    is_sum = np.isclose(batch.amount, total[:, None]) & (batch.kind == batch.kind[:, [i]]) & usable & pair[:, None]
    item, view = np.nonzero(np.concatenate([is_sum, (pair & np.isclose(total, 0.0))[:, None]], axis=1))
    residual, largest = _residual(batch, item, i, j, view)
    lost = np.zeros(batch.kind.shape, dtype=bool) if batch.clipped is None else batch.clipped
    lost = np.concatenate([lost, np.zeros_like(lost[:, :1])], axis=1)
    clipped = lost[item, i] | lost[item, j] | lost[item, view]
    agree = batch.amount[item, i] * batch.amount[item, j] > 0
    error = np.where(largest > 0, residual / np.where(largest > 0, largest, 1.0), math.nan)
    chance = np.where(view == batch.kind.shape[1], CHANCE_CANCELLING, CHANCE)
    return error, item, batch.kind[item, i], clipped, agree, chance


def _residual(batch: Labelled, item: Array, i: int, j: int, view: Array) -> tuple[Array, Array]:
    """|d_i + d_j - d_view| and the largest living of the three lengths, 0 if none lives; view V is the anchor.

    The square is put together from inner products, so an exact sum reads as 1e-8 of the lengths, not as 0.
    """
    whole = view < batch.kind.shape[1]
    k = np.where(whole, view, 0)
    inner, square = batch.inner[item], np.square(batch.norm)[item]
    rows = np.arange(len(item))
    cross = inner[:, i, j] - whole * (inner[rows, i, k] + inner[rows, j, k])
    residual = np.sqrt(np.maximum(square[:, i] + square[:, j] + whole * square[rows, k] + 2 * cross, 0.0))
    living = np.where(batch.alive, batch.norm, 0.0)
    return residual, np.max([living[item, i], living[item, j], whole * living[item, k]], axis=0)


@dataclass(frozen=True)
class SizeLaw:
    """How |d| follows the promised length x, of one kind.

    ``r2``: of |d| = c x (through 0), 1 - sum (|d| - c x)^2 / sum (|d| - mean)^2; 1: calibrated, <= 0: the amount does
    not show in the length; NaN if |d| or x is one constant. ``exponent``: slope of log |d| on log x; 1: proportional,
    0: a constant step, NaN for a single x. ``ratio_cv``: standard deviation over mean of |d| / x; 0: one scale for all
    images and amounts. ``scale``: c, latent length of one unit. Chance: r2 <= 0, exponent 0. Dead views are counted in
    ``n`` but not in the exponent.
    """

    r2: float
    exponent: float
    ratio_cv: float
    scale: float
    n: int


@on_arrays
def size_law(batch: Labelled) -> dict[str, SizeLaw]:
    """The size law of each kind, by name."""
    found = {}
    for index, declared in enumerate(batch.kinds):
        moments, _ = size_moments(batch, index)
        if len(moments):
            mean = moments.mean(axis=0, keepdims=True)
            fit = [float(figure(mean)[0]) for figure in (r2, exponent, ratio_cv, scale)]
        else:
            fit = [math.nan] * 4
        found[declared.name] = SizeLaw(fit[0], fit[1], fit[2], fit[3], len(moments))
    return found


def size_moments(batch: Labelled, kind: int, where: Array | None = None) -> tuple[Array, Array]:
    """Rows (N, 12) whose means hold all that the figures below need, and their items (N,).

    Columns: y, y^2, x, x^2, xy, y/x, (y/x)^2, then over living views 1, log x, log y, and log x^2, log x log y.
    """
    mask = (batch.kind == kind) & batch.shifted
    item, view = np.nonzero(mask if where is None else mask & where)
    y, x, alive = batch.norm[item, view], batch.promised_length[item, view], batch.alive[item, view]
    log_x, log_y = np.log(x) * alive, np.log(np.where(alive, y, 1.0))
    columns = (y, y**2, x, x**2, x * y, y / x, (y / x) ** 2, alive, log_x, log_y, log_x**2, log_x * log_y)
    return np.stack(columns, axis=1).astype(np.float64), item


def scale(means: Array) -> Array:
    """Least-squares c of |d| = c x from mean ``size_moments`` (n, C)."""
    return means[:, 4] / means[:, 3]


def r2(means: Array) -> Array:
    """R^2 of |d| = c x from mean ``size_moments``."""
    y, y2, x, x2, xy = means[:, :5].T
    spread = y2 - y**2
    varies = (spread > 1e-12 * y2) & (x2 - x**2 > 1e-12 * x2)
    return np.where(varies, 1 - (y2 - xy**2 / x2) / np.where(varies, spread, 1.0), math.nan)


def exponent(means: Array) -> Array:
    """Slope of log |d| on log x from mean ``size_moments``."""
    count, log_x, log_y, log_x2, log_xy = means[:, 7:].T
    variance = log_x2 * count - log_x**2
    varies = variance > 1e-12
    return np.where(varies, (log_xy * count - log_x * log_y) / np.where(varies, variance, 1.0), math.nan)


def ratio_cv(means: Array) -> Array:
    """Coefficient of variation of |d| / x from mean ``size_moments``; NaN if every |d| is 0."""
    first, second = means[:, 5], means[:, 6]
    spread = np.sqrt(np.maximum(second - first**2, 0.0))
    return np.where(first > 0, spread / np.where(first > 0, first, 1.0), math.nan)

"""Does arithmetic on latents do what the edit of the music does?

Goal: judge predictions ``op(z, k)`` of ``z_k = f(T_k x)``, whoever made them.

Conventions: latents are rows, (N, D); ``start`` is z, ``target`` z_k, ``predicted`` op(z, k). R^2 of a coordinate alone
misleads: "no change" scores .93-.99 when the music varies far more than the shifts. So every figure has "did nothing"
at a known value, or beside it.

Metrics:
    relative_error   |op(z, k) - z_k| / |z_k - z|. 0: exact; 1: as bad as doing nothing; > 1: worse.
    skill            1 - sum |op(z, k) - z_k|^2 / sum |z_k - z|^2. 1: exact; 0: as bad as doing nothing.
    coordinate_r2    R^2 of the coordinate after the shift, and its skill against "no change"
    own_shift        is z_k the nearest to op(z, k) among the latents of the same crop under all its shifts?
    phase_cos        mean cos of the phase error of a circle. 1: exact; 0: chance; -1: opposite.
    disagreement     of two ways to one latent: composition of one operator, commutation of two
    drift            how far decode-encode cycles carry a latent, in units of its spread
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from softaxes.diagnostics.labelled import RESOLUTION, Array, Labelled, finite, label


def relative_errors(predicted: ArrayLike, start: ArrayLike, target: ArrayLike) -> Array:
    """|predicted - target| / |target - start| of each row, (N,); NaN where the shift does not move the latent.

    Report the mean over rows that are not NaN, and how many are.
    """
    p, z, t = _rows(predicted=predicted, start=start, target=target)
    moved = np.linalg.norm(t - z, axis=1)
    alive = moved > RESOLUTION * _largest(z, t)
    return np.where(alive, np.linalg.norm(p - t, axis=1) / np.where(alive, moved, 1.0), math.nan)


def relative_error(predicted: ArrayLike, start: ArrayLike, target: ArrayLike) -> float:
    """Mean of ``relative_errors``; NaN if no shift moves its latent. In [0, inf)."""
    errors = relative_errors(predicted, start, target)
    alive = ~np.isnan(errors)
    return float(errors[alive].mean()) if alive.any() else math.nan


def skill(predicted: ArrayLike, start: ArrayLike, target: ArrayLike) -> float:
    """Skill against "no change", in (-inf, 1]; NaN if no shift moves its latent."""
    p, z, t = _rows(predicted=predicted, start=start, target=target)
    if not np.linalg.norm(t - z, axis=1).max(initial=0.0) > RESOLUTION * _largest(z, t):
        return math.nan
    return float(1 - np.square(p - t).sum() / np.square(t - z).sum())


@dataclass(frozen=True)
class CoordinateFit:
    """``r2`` of predicting the coordinate after a shift as coordinate before + amount; ``no_change`` of predicting the
    coordinate before; ``skill`` = 1 - (1 - r2) / (1 - no_change): 1: exact, 0: as bad as no change.
    """

    r2: float
    no_change: float
    skill: float


def coordinate_r2(before: ArrayLike, after: ArrayLike, amount: ArrayLike) -> CoordinateFit:
    """How well ``before + amount`` predicts ``after``, all (N,) in units of a line; NaN if ``after`` is constant."""
    b, a, s = (
        finite(value, name, "(N,)", ndim=1)
        for name, value in (("before", before), ("after", after), ("amount", amount))
    )
    if not len(b) == len(a) == len(s) > 0:
        raise ValueError(f"`before`, `after`, `amount` must have one length > 0, got {len(b)}, {len(a)}, {len(s)}")
    spread = np.square(a - a.mean()).sum()
    if spread <= RESOLUTION**2 * np.square(a).sum():
        return CoordinateFit(math.nan, math.nan, math.nan)
    error, idle = np.square(a - b - s).sum(), np.square(a - b).sum()
    return CoordinateFit(*(float(f) for f in (1 - error / spread, 1 - idle / spread, _skill(error, idle))))


def _skill(error: float, idle: float) -> float:
    return 1 - error / idle if idle > 0 else math.nan


@dataclass(frozen=True)
class OwnShift:
    """(B, V) each: ``right``, was the true shift nearest of the crop's own; ``chance``, 1 / number of candidates."""

    right: Array
    chance: Array

    def accuracy(self, where: ArrayLike | None = None) -> float:
        """Share of right ones among all or those of a mask (B, V), say |amount| <= 12 for trained shifts."""
        chosen = self.right if where is None else self.right[np.asarray(where)]
        return float(chosen.mean()) if chosen.size else math.nan


def own_shift(
    predicted: ArrayLike, anchor: ArrayLike, views: ArrayLike, kind: ArrayLike, amount: ArrayLike
) -> OwnShift:
    """Which of the crop's own shifts is nearest to each prediction? A tie counts as wrong.

    Args:
        predicted: (B, V, D) op(z, amount) for each view.
        anchor: (B, D) a candidate too: predicting "no change" is never right.
        views: (B, V, D) the candidates of a prediction are the views of its crop and kind with another amount.
        kind, amount: (B, V) integers or names, numbers.
    """
    batch = label(anchor, views, kind, amount)
    p = finite(predicted, "predicted", "(B, V, D)", ndim=3)
    if p.shape != batch.views.shape:
        raise ValueError(f"`predicted` must have shape {batch.views.shape} to fit `views`, got {p.shape}")
    return nearest_own_shift(p - batch.anchor[:, None], batch)


def nearest_own_shift(moved: Array, batch: Labelled) -> OwnShift:
    """``own_shift`` of data that is already checked; ``moved`` = predicted - anchor, rows with NaN are wrong."""
    candidates = np.concatenate([batch.difference, np.zeros_like(batch.difference[:, :1])], axis=1)
    squares = np.square(candidates).sum(axis=-1)
    distance = squares[:, None] - 2 * moved @ candidates.swapaxes(1, 2)  # + |moved|^2, the same for all candidates
    truth = np.arange(moved.shape[1])
    same_kind = batch.kind[:, :, None] == batch.kind[:, None]
    rival = same_kind & (batch.amount[:, :, None] != batch.amount[:, None])
    rival = np.concatenate([rival, (batch.amount != 0)[..., None]], axis=-1)
    to_truth, to_rival = distance[:, truth, truth], np.where(rival, distance, np.inf).min(axis=-1)
    right = to_truth < to_rival - 1e-9 * squares.max()
    return OwnShift(right, 1 / (1 + rival.sum(axis=-1)))


def phase_cos(before: ArrayLike, after: ArrayLike, amount: ArrayLike, period: float) -> Array:
    """cos of (phase after - phase before - amount) of each row, (N,); all in steps of a circle of ``period`` steps."""
    if not period >= 2:
        raise ValueError(f"`period` must be >= 2 steps, got {period}")
    b, a, s = (finite(v, n, "(N,)", ndim=1) for n, v in (("before", before), ("after", after), ("amount", amount)))
    if not len(b) == len(a) == len(s):
        raise ValueError(f"`before`, `after`, `amount` must have one length, got {len(b)}, {len(a)}, {len(s)}")
    return np.asarray(np.cos((a - b - s) * (2 * np.pi / period)))


def disagreement(one: ArrayLike, other: ArrayLike, start: ArrayLike) -> float:
    """Mean |one - other| over mean distance moved from ``start`` by both: 0: one result; about sqrt(2): unrelated.

    Composition: ``one`` = op(op(z, s), t), ``other`` = op(z, s + t). Commutation: ``one`` = a(b(z)), ``other`` =
    b(a(z)). NaN if nothing moves.
    """
    a, b, z = _rows(one=one, other=other, start=start)
    moved = (np.linalg.norm(a - z, axis=1).mean() + np.linalg.norm(b - z, axis=1).mean()) / 2
    return float(np.linalg.norm(a - b, axis=1).mean() / moved) if moved > 0 else math.nan


def drift(start: ArrayLike, cycles: ArrayLike) -> Array:
    """Root mean square |z_c - z| over that of |z - mean z| after each of C decode-encode cycles, (C,).

    Args:
        start: (N, D).
        cycles: (C, N, D): latents after 1, 2, ... C cycles.

    0: a fixed point. sqrt(2): nothing of the item is left.
    """
    z, later = finite(start, "start", "(N, D)", ndim=2), finite(cycles, "cycles", "(C, N, D)", ndim=3)
    if later.shape[1:] != z.shape or not z.size:
        raise ValueError(f"`cycles` must have shape (C, {z.shape[0]}, {z.shape[1]}) to fit `start`, got {later.shape}")
    spread = np.square(z - z.mean(axis=0)).sum()
    moved = np.square(later - z).sum(axis=(1, 2))
    return np.sqrt(moved / spread) if spread > 0 else np.full(len(later), math.nan)


def _rows(**arrays: ArrayLike) -> tuple[Array, ...]:
    """All arguments as (N, D) of one shape, N > 0; ValueError names the one that does not fit the first."""
    checked = {name: finite(value, name, "(N, D)", ndim=2) for name, value in arrays.items()}
    first, shape = next((name, value.shape) for name, value in checked.items())
    for name, value in checked.items():
        if value.shape != shape:
            raise ValueError(f"`{name}` must have shape {shape} to fit `{first}`, got {value.shape}")
    if 0 in shape:
        raise ValueError(f"`{first}` must have shape (N, D) with N, D > 0, got {shape}")
    return tuple(checked.values())


def _largest(*rows: Array) -> float:
    return max(float(np.linalg.norm(row, axis=1).max(initial=0.0)) for row in rows)

"""How many directions does a set of latents use, and does a grid of shifts separate into two?

Goal: spectra of latents, of differences, and of the latents of one image under a grid of shifts.

Conventions: rows are items; means are subtracted; spectra are descending.

Metrics:
    effective_rank   exp of the entropy of the spectrum as shares of 1 (Roy & Vetterli 2007), here of the covariance
                     matrix, so that shares are shares of variance. In [1, D]; 1: all on a line, D: isotropic.
    pca_ratios       shares of variance of the leading principal directions of differences. The article: .278, .264.
    grid_spectra     singular values of a shift grid, unfolded by pitch and by time. The article: the first is .6-.8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from softaxes.diagnostics.bootstrap import Bootstrap, Statistic
from softaxes.diagnostics.labelled import RESOLUTION, Array, finite


def effective_rank(latents: ArrayLike) -> float:
    """Effective rank of the covariance of rows, in [1, min(N - 1, D)]; a constant latent has rank 0.

    Beware of few rows: N isotropic rows have a rank well below D until N >> D.

    Raises:
        ValueError: unless ``latents`` is (N, D), finite, with N >= 2.
    """
    z = finite(latents, "latents", "(N, D)", ndim=2)
    if len(z) < 2 or not z.shape[1]:
        raise ValueError(f"`latents` must have shape (N, D) with N >= 2, got {z.shape}")
    return float(rank_of_spectrum(variances_of(z)[None])[0])


def principal_directions(rows: Array) -> tuple[Array, Array]:
    """Sums of squares (R,), descending, along the orthonormal ``directions`` (R, D) that hold most of ``rows`` (N, D).

    R = min(N, D): time and memory go with the smaller side, by the eigenvectors of rows' rows or the SVD of few rows.
    """
    if len(rows) < rows.shape[1]:
        _, values, right = np.linalg.svd(rows, full_matrices=False)
        return values**2, right
    values, vectors = np.linalg.eigh(rows.T @ rows)
    return values[::-1], vectors.T[::-1]


def variances_of(rows: Array) -> Array:
    """Descending eigenvalues (D,) of the covariance of rows; those below the rounding of float32 latents are 0."""
    values = np.zeros(rows.shape[1])
    centred = _few_columns(rows)
    values[: centred.shape[1]] = np.linalg.eigvalsh(centred.T @ centred / len(rows))[::-1]
    return np.where(values > (RESOLUTION * np.abs(rows).max(initial=0.0)) ** 2, values, 0.0)


def _few_columns(rows: Array) -> Array:
    """Centred rows; fewer rows than columns are turned into coordinates of the space they span, (N, N)."""
    centred = rows - rows.mean(axis=0)
    return centred @ principal_directions(centred)[1].T if len(rows) < rows.shape[1] else centred


def spectrum_interval(
    rows: Array, draws: Bootstrap, item: Array, statistic: Statistic, *, high: float = math.inf
) -> tuple[float, float]:
    """Interval of a figure of the spectrum, ``statistic`` of descending variances (n, D), which lies in [0, high].

    A draw holds fewer distinct rows than the data, and so a more uneven spectrum. Percentiles would sit beside the
    value; the "basic" interval (2 value - percentiles; Davison & Hinkley 1997, 5.2) turns that bias round. One draw is
    held at a time: its memory is that of the rows.
    """
    group, centred = draws.group[item], _few_columns(rows)
    weights = draws.counts[:, group]
    variances = np.stack([_drawn_variances(centred, weight) for weight in weights if weight.any()])
    below, above = draws.percentiles(statistic(np.maximum(variances, 0.0)), present=len(np.unique(group)))
    value = float(statistic(variances_of(rows)[None])[0])
    return min(max(2 * value - above, 0.0), value), max(min(2 * value - below, high), value)


def _drawn_variances(rows: Array, weight: Array) -> Array:
    """Descending eigenvalues of the covariance of rows that occur ``weight`` (N,) times each."""
    drawn = np.sqrt(weight / weight.sum())[:, None] * rows
    mean = np.sqrt(weight / weight.sum()) @ drawn
    return np.linalg.eigvalsh(drawn.T @ drawn - np.outer(mean, mean))[::-1]


def rank_of_spectrum(variances: ArrayLike) -> Array:
    """exp(entropy) of each row of non-negative ``variances`` (n, D) as shares; 0 for a row of zeros."""
    values = np.maximum(np.asarray(variances, dtype=np.float64), 0.0)
    total = values.sum(axis=-1, keepdims=True)
    share = values / np.where(total > 0, total, 1.0)
    entropy = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=-1)
    return np.where(total[..., 0] > 0, np.exp(entropy), 0.0)


def pca_ratios(differences: ArrayLike, components: int = 2) -> Array:
    """Shares of variance of the leading principal directions, descending, (components,), each in [0, 1].

    Two equally used orthogonal axes give (.5, .5); isotropic differences give 1 / D each (chance). NaN if constant.
    """
    d = finite(differences, "differences", "(N, D)", ndim=2)
    if len(d) < 2 or not 1 <= components <= d.shape[1]:
        raise ValueError(f"`components` must lie in 1..D and N be >= 2, got {components} for {d.shape}")
    return shares_of_spectrum(variances_of(d)[None])[0, :components]


def shares_of_spectrum(variances: Array) -> Array:
    """Each row of ``variances`` (n, D) divided by its sum; NaN for a row of zeros."""
    total = variances.sum(axis=-1, keepdims=True)
    return np.where(total > 0, variances / np.where(total > 0, total, 1.0), math.nan)


@dataclass(frozen=True)
class GridSpectra:
    """Singular values as shares: ``pitch`` (n, min(P, T D)) of the P x (T D) unfolding, ``time`` of the T x (P D) one.

    Each row sums to 1. A first value of 1: along that shift the whole grid moves in step, one latent profile scaled.
    A grid of independent latents has a nearly flat spectrum, first value about 1 / P (1 / T).
    """

    pitch: Array
    time: Array

    @property
    def first(self) -> tuple[float, float]:
        """Mean over images of the first share, by pitch and by time."""
        return float(self.pitch[:, 0].mean()), float(self.time[:, 0].mean())


def grid_spectra(grid: ArrayLike, *, energy: bool = False) -> GridSpectra:
    """Spectra of latents on a grid of (pitch, time) shifts.

    Args:
        grid: (n, P, T, D): latents of n images at P pitch and T time offsets. Each image's mean is subtracted.
        energy: shares of squared singular values instead of singular values.

    A constant grid has NaN shares.
    """
    z = finite(grid, "grid", "(n, P, T, D)", ndim=4)
    if z.size == 0 or z.shape[1] * z.shape[2] < 2:
        raise ValueError(f"`grid` must have shape (n, P, T, D) with P T >= 2, got {z.shape}")
    centred = z - z.mean(axis=(1, 2), keepdims=True)
    n, pitches, times, dims = z.shape
    by_pitch = centred.reshape(n, pitches, times * dims)
    by_time = centred.swapaxes(1, 2).reshape(n, times, pitches * dims)
    floor = RESOLUTION * np.abs(z).max()
    return GridSpectra(*(_singular_shares(matrices, floor, 2 if energy else 1) for matrices in (by_pitch, by_time)))


def _singular_shares(matrices: Array, floor: float, power: int) -> Array:
    values = np.linalg.svd(matrices, compute_uv=False)
    alive = values[:, :1] > floor
    values = values**power
    return np.where(alive, values / np.where(alive, values.sum(axis=1, keepdims=True), 1.0), math.nan)

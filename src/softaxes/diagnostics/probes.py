"""What can a linear reader get out of the latents of songs it has never seen?

Goal: linear probes with group-wise cross-validation: the probe is fitted on some songs and judged on the others.

Conventions: ``group`` (N,) as everywhere; K folds of whole groups (by size, deterministic; fewer if there are fewer
groups, which must be at least two). Latents are centred and divided by one number, their overall spread, not column by
column, so that no figure depends on a rotation of the latent. The ridge weight is chosen on the training songs, by the
error of leaving one row out.

Metrics:
    ridge_r2          R^2 of ridge regression; with pixels as the target, the decoder R^2. 1: exact; 0: chance
    shift_r2          R^2 of the signed amount from the difference, per line. 1: exact; 0: chance.
    category          accuracy of logistic regression (key, root, ...), beside the share of the most common class
    cyclic            the same of classes that come round (steps of a bar), and the phase of its probabilities
    subspace_overlap  do the differences of two kinds share directions? 0: no, 1: one contains the other
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold

from softaxes.diagnostics.labelled import Array, Labelled, finite, group_index, on_arrays, to_numpy
from softaxes.diagnostics.spectrum import principal_directions
from softaxes.geometry.kinds import Rotation

ALPHAS = np.logspace(-6, 3, 10)  # ridge weights to choose from, per row


@dataclass(frozen=True)
class Probe:
    """Held-out ``score`` over all folds and its ``chance``; ``values`` (N, C), whose mean holds the score.

    Of regression, columns are squared error and squared deviation (``r2_of_means`` gives R^2); of classes, one column,
    right or wrong.
    """

    score: float
    chance: float
    values: Array


def r2_of_means(means: Array) -> Array:
    """R^2, (n,), from means (n, 2) of squared error and squared deviation; NaN where the deviation is 0."""
    spread = means[:, 1]
    return np.where(spread > 0, 1 - means[:, 0] / np.where(spread > 0, spread, 1.0), math.nan)


def ridge_r2(latents: ArrayLike, target: ArrayLike, group: ArrayLike | None = None, *, folds: int = 5) -> Probe:
    """Held-out R^2 of ``target`` (N,) or (N, M) from ``latents`` (N, D), pooled over targets: 1 - sum e^2 / sum dev^2.

    The deviation is from the mean of the *training* groups, so predicting that mean scores exactly 0. In (-inf, 1].
    Pooling weighs each pixel by its variance; constant pixels weigh nothing. NaN if the target is one constant.
    """
    x = finite(latents, "latents", "(N, D)", ndim=2)
    array = to_numpy(target)
    y = finite(array.reshape(len(array), -1) if array.ndim else array, "target", "(N,) or (N, M)", ndim=2)
    if len(y) != len(x):
        raise ValueError(f"`target` must have one row a latent, {len(x)}, got {len(y)}")
    values = np.empty((len(x), 2))
    for train, test in _folds(group_index(group, len(x)), folds):
        scaled, mean = _scale(x, train), y[train].mean(axis=0)
        predicted = scaled[test] @ ridge(scaled[train], y[train] - mean) + mean
        values[test] = np.stack([np.square(y[test] - p).sum(axis=1) for p in (predicted, mean)], axis=1)
    return Probe(float(r2_of_means(values.mean(axis=0, keepdims=True))[0]), 0.0, values)


@on_arrays
def shift_r2(batch: Labelled, *, folds: int = 5) -> dict[str, Probe]:
    """Held-out R^2 of the amount from the difference, per line by name; a constant latent scores 0.

    Lines without views are left out.
    """
    lines = [i for i, declared in enumerate(batch.kinds) if not isinstance(declared, Rotation)]
    probes = {i: shift_probe(batch, i, folds=folds)[0] for i in lines if (batch.kind == i).any()}
    return {batch.kinds[i].name: probe for i, probe in probes.items()}


def shift_probe(batch: Labelled, kind: int, *, folds: int = 5) -> tuple[Probe, Array]:
    """``shift_r2`` of one kind, and the item of each value."""
    item, view = np.nonzero(batch.kind == kind)
    difference, amount = batch.difference[item, view], batch.amount[item, view]
    return ridge_r2(difference, amount, batch.group[item], folds=folds), item


def category(latents: ArrayLike, target: ArrayLike, group: ArrayLike | None = None, *, folds: int = 5) -> Probe:
    """Held-out accuracy of multinomial logistic regression on class labels (N,) of any type; in [0, 1].

    ``chance`` is the accuracy of naming the training groups' most common class. One class scores 1, and so does chance.
    """
    _, y, posterior, prior = _posterior(latents, target, group, folds)
    return _accuracy(y, posterior, prior)


def cyclic(
    latents: ArrayLike, step: ArrayLike, period: int, group: ArrayLike | None = None, *, folds: int = 5
) -> tuple[Probe, Probe]:
    """``category`` of whole steps 0..period-1 (N,), and the mean cosine of the error of a soft phase, in [-1, 1].

    The phase is the angle of the mean of ``exp(2 pi i step / period)`` over the readout's probabilities; its chance,
    about 0 where steps are even, is that of the training groups' own mean for all.
    """
    steps = finite(step, "step", "(N,)", ndim=1)
    if len(steps) and not (steps.min() >= 0 and steps.max() < period and (steps == steps.round()).all()):
        raise ValueError(f"`step` must hold whole numbers of 0..{period - 1}, got {steps.min():g}..{steps.max():g}")
    classes, y, posterior, prior = _posterior(latents, steps, group, folds)
    waves = np.exp(2j * np.pi / period * classes)
    error, blind = (np.cos(np.angle(shares @ waves) - np.angle(waves[y])) for shares in (posterior, prior))
    return _accuracy(y, posterior, prior), Probe(float(error.mean()), float(blind.mean()), error[:, None])


def _accuracy(y: Array, posterior: Array, prior: Array) -> Probe:
    """Is the likeliest class the right one?"""
    right, common = posterior.argmax(axis=1) == y, prior.argmax(axis=1) == y
    return Probe(float(right.mean()), float(common.mean()), right[:, None].astype(np.float64))


def _posterior(
    latents: ArrayLike, target: ArrayLike, group: ArrayLike | None, folds: int
) -> tuple[Array, Array, Array, Array]:
    """Classes (C,), which of them each row is (N,), their held-out probabilities and the training shares (N, C)."""
    x = finite(latents, "latents", "(N, D)", ndim=2)
    labels = to_numpy(target)
    if labels.shape != (len(x),):
        raise ValueError(f"`target` must have shape ({len(x)},), one class a latent, got {labels.shape}")
    classes, y = np.unique(labels, return_inverse=True)
    posterior, prior = np.zeros((2, len(x), len(classes)))
    for train, test in _folds(group_index(group, len(x)), folds):
        prior[test] = posterior[test] = np.bincount(y[train], minlength=len(classes)) / len(train)
        known = np.unique(y[train])
        if len(known) > 1:
            scaled = _scale(x, train)
            fitted = LogisticRegression(max_iter=1000).fit(scaled[train], y[train])
            posterior[test] = 0.0
            posterior[np.ix_(test, known)] = fitted.predict_proba(scaled[test])
    return classes, y, posterior, prior


@dataclass(frozen=True)
class Overlap:
    """Of two difference subspaces of ``dims``: ``overlap``, the mean squared cosine of the principal angles, in [0, 1].

    0: orthogonal. 1: the smaller lies inside the larger. ``chance`` is its mean for random subspaces of these dims,
    max(dims) / D. ``angles``: the principal angles in degrees, ascending.
    """

    overlap: float
    chance: float
    dims: tuple[int, int]
    angles: Array


@on_arrays
def subspace_overlap(
    batch: Labelled, *, dims: int | None = None, variance: float = 0.9
) -> dict[tuple[str, str], Overlap]:
    """Overlap of every two kinds.

    Args:
        dims: size of every subspace, at most as many as there are differences; by default the fewest directions that
            hold ``variance`` of the sum of |d|^2.

    Kinds without a living difference are left out.
    """
    if dims is not None and not 1 <= dims <= batch.anchor.shape[1]:
        raise ValueError(f"`dims` must lie in 1..{batch.anchor.shape[1]}, got {dims}")
    if not 0 < variance <= 1:
        raise ValueError(f"`variance` must lie in (0, 1], got {variance}")
    bases = {k.name: _subspace(batch, i, dims, variance) for i, k in enumerate(batch.kinds)}
    names = [name for name, basis in bases.items() if len(basis)]
    return {(a, b): _overlap(bases[a], bases[b]) for a, b in combinations(names, 2)}


def _subspace(batch: Labelled, kind: int, dims: int | None, variance: float) -> Array:
    difference = batch.difference[(batch.kind == kind) & batch.alive & batch.shifted]
    values, directions = principal_directions(difference)
    if not len(difference):
        return directions[:0]
    wanted = int(np.searchsorted(np.cumsum(values) / values.sum(), variance - 1e-12)) + 1 if dims is None else dims
    return directions[:wanted]


def _overlap(a: Array, b: Array) -> Overlap:
    cosines = np.clip(np.linalg.svd(a @ b.T, compute_uv=False), 0.0, 1.0)
    chance = max(len(a), len(b)) / a.shape[1]
    return Overlap(float(np.square(cosines).mean()), chance, (len(a), len(b)), np.degrees(np.arccos(cosines)))


def _folds(group: Array, folds: int) -> Iterator[tuple[Array, Array]]:
    if folds < 2:
        raise ValueError(f"`folds` must be >= 2, got {folds}")
    groups = len(np.unique(group))
    if groups < 2:
        raise ValueError(f"`group` must hold at least two groups to hold one out, got {groups}")
    yield from GroupKFold(min(folds, groups)).split(group[:, None], groups=group)


def ridge(x: Array, y: Array) -> Array:
    """Weights (D, M) of ridge regression of centred ``y`` (n, M) on centred ``x`` (n, D).

    The penalty is the one of ``ALPHAS`` with the least squared error of leaving one row out, over all targets together.
    """
    fitted = RidgeCV(ALPHAS * len(x), fit_intercept=False).fit(x, y)
    return np.asarray(fitted.coef_).reshape(y.shape[1], -1).T


def _scale(x: Array, train: Array) -> Array:
    """Latents with the training rows' mean at 0 and their root mean square length at sqrt(D)."""
    mean = x[train].mean(axis=0)
    spread = np.sqrt(np.square(x[train] - mean).mean())
    return (x - mean) / (spread if spread > 0 else 1.0)

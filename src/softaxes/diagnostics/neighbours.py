"""Is the right item the nearest one: the same music under a shift, or the result of an operator?

Goal: retrieval in a gallery, which sees what the axes do not: content.

Conventions: Euclidean distance in float64; rank 1 is the nearest. A candidate as far as the right one is a *tie*, and
by default all ties rank before the right one ("worst"), so that a constant latent scores 1 / gallery and not 1. With
"half" they count half: use it where the gallery holds the same music twice. Distances are equal if they differ by less
than 1e-9 of the largest squared norm: float64 rounding of the shortcut |q|^2 - 2 q g + |g|^2.

Metrics:
    ranks          rank of the right candidate of each query, with an embargo of candidates that do not count
    content_ranks  the shifted views, axes removed, look for their own anchor among all anchors; chance of @1: 1 / B
    retrieval      H@1, H@5, MRR of predicted latents among true ones, beside two controls that every reader should see:
                   no operator (predict z itself) and a random direction of the operator's own length
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from softaxes.diagnostics.held_out import Folds, held_out_axes
from softaxes.diagnostics.labelled import Array, Labelled, finite, on_arrays
from softaxes.geometry.axes import Axes

TIES = ("worst", "half")
_CHUNK = 2_000_000  # distances held at once


def ranks(
    query: ArrayLike,
    gallery: ArrayLike,
    target: ArrayLike,
    *,
    own: ArrayLike | None = None,
    query_group: ArrayLike | None = None,
    gallery_group: ArrayLike | None = None,
    ties: str = "worst",
) -> Array:
    """Rank of the right candidate of each query, (N,), 1 = nearest; multiples of 1/2 if ties count half.

    Args:
        query: (N, D).
        gallery: (M, D).
        target: (N,) index of the right candidate in the gallery.
        own: (N, D) one more candidate for each query alone, for instance the latent the operator started from.
        query_group, gallery_group: (N,), (M,) labels; candidates of the query's group, other than the right one, are
            left out (the same song often holds the same music again).
        ties: "worst" or "half".

    Raises:
        ValueError: on shapes that do not fit, non-finite values, a target outside the gallery, an unknown ``ties``.
    """
    q = finite(query, "query", "(N, D)", ndim=2)
    g = finite(gallery, "gallery", "(M, D)", ndim=2)
    if g.shape[1] != q.shape[1] or not len(g):
        raise ValueError(f"`gallery` must have shape (M, {q.shape[1]}), M > 0, to fit `query`, got {g.shape}")
    right = _check_target(target, len(q), len(g))
    extra = None if own is None else finite(own, "own", "(N, D)", ndim=2)
    if extra is not None and extra.shape != q.shape:
        raise ValueError(f"`own` must have shape {q.shape} to fit `query`, got {extra.shape}")
    if ties not in TIES:
        raise ValueError(f"`ties` must be one of {TIES}, got {ties!r}")
    embargo = _groups(query_group, gallery_group, len(q), len(g))
    step = max(1, _CHUNK // len(g))
    found = []
    for start in range(0, len(q), step):
        rows = slice(start, start + step)
        distance = _squared_distances(q[rows], g)
        if embargo is not None:
            same = embargo[0][rows, None] == embargo[1][None]
            same[np.arange(len(distance)), right[rows]] = False
            distance[same] = np.inf
        if extra is not None:
            to_own = np.square(q[rows] - extra[rows]).sum(axis=1, keepdims=True)
            distance = np.concatenate([distance, to_own], axis=1)
        found.append(_rank_of(distance, right[rows], _tolerance(q, g), ties))
    return np.concatenate(found) if found else np.empty(0)


@dataclass(frozen=True)
class Hits:
    """The ``rank`` (N,) of the right one among ``candidates`` for N queries, and what it comes to.

    H@1, H@5 and mean reciprocal rank lie in [0, 1]; 1: always the nearest; NaN without queries. ``chance`` is that of
    H@1 for a blind guess.
    """

    rank: Array
    candidates: int

    @property
    def hit_at_1(self) -> float:
        return _mean(self.rank <= 1)

    @property
    def hit_at_5(self) -> float:
        return _mean(self.rank <= 5)

    @property
    def mrr(self) -> float:
        return _mean(1 / self.rank)

    @property
    def chance(self) -> float:
        return 1 / self.candidates


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


@dataclass(frozen=True)
class ContentRanks:
    """One row per shifted view, (N,): ``rank`` of its anchor, ``item``, ``kind``, ``clipped`` (None if unknown)."""

    rank: Array
    item: Array
    kind: Array
    clipped: Array | None
    candidates: int

    @property
    def recall(self) -> float:
        """Share of views whose anchor is nearest; 1: content is untouched by shifts, chance 1 / candidates."""
        return _mean(self.rank <= 1)


@on_arrays
def content_ranks(
    batch: Labelled,
    *,
    axes: Axes | None = None,
    folds: Folds | None = None,
    embargo: bool = False,
    ties: str = "worst",
) -> ContentRanks:
    """Rank of each view's own anchor among all anchors, once the axes are removed from both.

    Args:
        axes: fitted on other data; if None, each half of the groups gets axes fitted on the other half.
        folds: the same as items and their axes, where they are at hand.
        embargo: leave out other anchors of the same ``group``.
    """
    rank = np.zeros(batch.kind.shape)
    for items, fitted in held_out_axes(batch, axes) if folds is None else folds:
        row, view = np.nonzero(batch.shifted[items])
        content = fitted.remove(torch.from_numpy(batch.anchor)).numpy()
        moved = fitted.remove(torch.from_numpy(batch.views[items[row], view])).numpy()
        groups = (batch.group[items[row]], batch.group) if embargo else (None, None)
        found = ranks(moved, content, items[row], query_group=groups[0], gallery_group=groups[1], ties=ties)
        rank[items[row], view] = found
    item, view = np.nonzero(rank)
    clipped = None if batch.clipped is None else batch.clipped[item, view]
    return ContentRanks(rank[item, view], item, batch.kind[item, view], clipped, len(batch.anchor))


@dataclass(frozen=True)
class Retrieval:
    """Hits of an operator and of its controls in one gallery."""

    operator: Hits
    no_operator: Hits
    random_direction: Hits


def retrieval(
    predicted: ArrayLike,
    start: ArrayLike,
    gallery: ArrayLike,
    target: ArrayLike,
    *,
    with_query: bool = False,
    ties: str = "worst",
    seed: int = 0,
) -> Retrieval:
    """Does ``op(z, k)`` find ``f(T_k x)``?

    Args:
        predicted: (N, D) what the operator says.
        start: (N, D) what it started from, the control "no operator".
        gallery: (M, D) true latents. With every one shifted by the *same* amount, "no operator" does well: the whole
            gallery moved, and the nearest is the same crop. Shift them by different amounts, or add the query.
        target: (N,) index of the right one.
        with_query: add ``start`` itself to the candidates of its own query. The control then never wins.
        seed: of the control that moves as far as the operator, in a random direction.
    """
    p, z = finite(predicted, "predicted", "(N, D)", ndim=2), finite(start, "start", "(N, D)", ndim=2)
    if z.shape != p.shape:
        raise ValueError(f"`start` must have shape {p.shape} to fit `predicted`, got {z.shape}")
    direction = np.random.default_rng(seed).standard_normal(z.shape)
    direction *= np.linalg.norm(p - z, axis=1, keepdims=True) / np.linalg.norm(direction, axis=1, keepdims=True)
    own = z if with_query else None
    candidates = len(finite(gallery, "gallery", "(M, D)", ndim=2)) + with_query
    found = (Hits(ranks(query, gallery, target, own=own, ties=ties), candidates) for query in (p, z, z + direction))
    return Retrieval(*found)


def _squared_distances(query: Array, gallery: Array) -> Array:
    squares = np.square(query).sum(axis=1)[:, None] + np.square(gallery).sum(axis=1)
    return np.maximum(squares - 2 * query @ gallery.T, 0.0)


def _tolerance(query: Array, gallery: Array) -> float:
    return 1e-9 * float(max(np.square(query).sum(axis=1).max(), np.square(gallery).sum(axis=1).max()))


def _rank_of(distance: Array, target: Array, tolerance: float, ties: str) -> Array:
    right = distance[np.arange(len(distance)), target][:, None]
    closer = (distance < right - tolerance).sum(axis=1)
    tied = (np.abs(distance - right) <= tolerance).sum(axis=1) - 1
    return 1 + closer + (tied if ties == "worst" else tied / 2)


def _check_target(target: ArrayLike, queries: int, candidates: int) -> Array:
    right = np.asarray(target)
    if right.shape != (queries,) or right.dtype.kind not in "iu":
        raise ValueError(f"`target` must hold {queries} integers, got {right.dtype} of shape {right.shape}")
    if queries and not (right.min() >= 0 and right.max() < candidates):
        raise ValueError(f"`target` must lie in 0..{candidates - 1}, got {right.min()}..{right.max()}")
    return right


def _groups(query: ArrayLike | None, gallery: ArrayLike | None, n: int, m: int) -> tuple[Array, Array] | None:
    if (query is None) != (gallery is None):
        raise ValueError("`query_group` and `gallery_group` must be given together, got one of them")
    if query is None or gallery is None:
        return None
    left, right = np.asarray(query), np.asarray(gallery)
    if left.shape != (n,) or right.shape != (m,):
        raise ValueError(
            f"`query_group`, `gallery_group` must have shapes ({n},), ({m},), got {left.shape}, {right.shape}"
        )
    return left, right

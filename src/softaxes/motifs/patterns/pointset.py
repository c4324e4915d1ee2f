"""How is a piece a set of points, and when do two patterns count as the same?

Conventions: a point is (onset, pitch), both exact integers: onset in ticks of 1/480 beat, pitch chromatic (MIDI number)
or morphetic (diatonic step, C4 = 60). One note per point: unisons collapse. Points are sorted by onset, then pitch.
A vector is a difference of points; VEC(P) is the list of steps between neighbours of the sorted pattern, and P and Q
are translationally equivalent exactly when VEC(P) = VEC(Q). A TEC ("translational equivalence class") holds a pattern,
its first occurrence in the piece, and the translators that carry it to all its occurrences; the zero vector is one of
them.

Source: Meredith, Lemström, Wiggins (2002), JNMR 31(4), sections 2-3; conjugate and redundant translators: Meredith
(2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_BEAT = 480
Points = NDArray[np.int64]  # (n, 2): onset in ticks, pitch; sorted, no duplicates


def to_ticks(beats: ArrayLike) -> NDArray[np.int64]:
    """Onsets or durations in quarter-note beats, rounded to the nearest 1/480 beat."""
    values = np.asarray(beats, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("`beats` must be finite, got nan or inf")
    return np.rint(values * TICKS_PER_BEAT).astype(np.int64)


def points_from_notes(onset_beats: ArrayLike, pitch: ArrayLike) -> Points:
    """The point set of notes: onsets (n,) in beats, pitch numbers (n,) -> (k, 2) with k <= n."""
    onsets, pitches = to_ticks(onset_beats), np.asarray(pitch)
    if onsets.shape != pitches.shape or onsets.ndim != 1:
        raise ValueError(f"`onset_beats` and `pitch` must be equally long, got {onsets.shape} and {pitches.shape}")
    return as_points(np.stack([onsets.astype(float), pitches.astype(float)], axis=1))


def as_points(points: ArrayLike, limit: int | None = None, method: str = "this method") -> Points:
    """Sorted distinct integer points (n, 2); ValueError for other shapes, fractions, or more than ``limit`` points."""
    array = np.asarray(points)
    if array.size == 0:
        return np.zeros((0, 2), np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"`points` must have shape (n, 2): onset in ticks, pitch; got {array.shape}")
    if not np.isfinite(array.astype(float)).all() or (array != np.rint(array)).any():
        raise ValueError("`points` must be whole numbers (onsets in ticks of 1/480 beat): use points_from_notes")
    if np.abs(array).max() > 2**31:
        raise ValueError(f"`points` must lie within +-2^31 ticks, got {np.abs(array).max()}")
    unique = sort_points(array.astype(np.int64))
    if limit is not None and len(unique) > limit:
        raise ValueError(f"{method} takes at most {limit:,} notes (time, memory), got {len(unique):,}: cut the piece")
    return unique


def sort_points(points: Points) -> Points:
    """Integer points by onset, then pitch, duplicates dropped."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[new]


def vectors(pattern: Points) -> Points:
    """VEC(P): the m - 1 steps between neighbouring points of a sorted pattern (m, 2)."""
    return np.diff(as_points(pattern), axis=0)


def equivalent(first: Points, second: Points) -> bool:
    """Is one pattern a translation of the other?"""
    return np.array_equal(vectors(first), vectors(second)) and len(first) == len(second)


@dataclass(frozen=True, eq=False)
class TEC:
    """A pattern (m, 2) and its translators (k, 2), both sorted; the first translator is zero."""

    pattern: Points
    translators: Points

    def occurrences(self) -> NDArray[np.int64]:
        """All translated copies of the pattern, (k, m, 2)."""
        return self.translators[:, None, :] + self.pattern[None, :, :]

    def coverage(self) -> Points:
        """COV: the distinct points of all occurrences."""
        return np.unique(self.occurrences().reshape(-1, 2), axis=0)

    def conjugate(self) -> TEC:
        """Pattern and translators exchanged: the places of the first point, moved by the shape. Same coverage."""
        return TEC(self.pattern[0] + self.translators, self.pattern - self.pattern[0])

    def without_redundant_translators(self) -> TEC:
        """RRT: drop translators, last to first, wherever the coverage stays whole. Zero always stays."""
        _, inverse, counts = np.unique(
            self.occurrences().reshape(-1, 2), axis=0, return_inverse=True, return_counts=True
        )
        cell = inverse.reshape(len(self.translators), len(self.pattern))
        keep = np.ones(len(self.translators), bool)
        for k in range(len(keep) - 1, 0, -1):
            if (counts[cell[k]] >= 2).all():
                counts[cell[k]] -= 1
                keep[k] = False
        return TEC(self.pattern, self.translators[keep])

    def key(self) -> tuple[Any, ...]:
        """A hashable value: equal for equal TECs."""
        return tuple(map(tuple, self.pattern.tolist())), tuple(map(tuple, self.translators.tolist()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TEC) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return f"TEC({len(self.pattern)} points from {tuple(self.pattern[0].tolist())}, {len(self.translators)} times)"


def find_tec(pattern: Points, points: Points) -> TEC:
    """The TEC of one pattern in a piece: every translation of ``pattern`` that lies inside ``points``."""
    pattern, points = as_points(pattern), as_points(points)
    if len(pattern) == 0:
        raise ValueError("`pattern` must have at least one point, got none")
    present = set(map(tuple, points.tolist()))
    starts = [p for p in points if all(tuple(q) in present for q in (pattern - pattern[0] + p).tolist())]
    if not starts:
        raise ValueError("`pattern` must occur in `points`")
    return TEC(pattern - pattern[0] + starts[0], np.array(starts) - starts[0])

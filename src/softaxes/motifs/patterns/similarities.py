"""How alike are two occurrences, by the classic measures?

Every similarity maps two lists of clips to a matrix (queries, gallery) in [0, 1]; 1 = equal under what it ignores.

overlap      the most notes that one translation in time and pitch makes coincide, / the larger note count
rhythm       the same for onsets alone (one translation in time)
sequence     1 - edit distance / the longer length, of the intervals between successive notes (onset, then pitch)
common       longest common subsequence of those intervals / the longer length
combined     the sum of chromatic overlap, rhythm and chromatic sequence, / 3
chroma       cosine of pitch-class histograms, the best of twelve rotations (blind to order)
note_count   smaller / larger note count: the control that shows what size alone gives away

Sources: overlap: Ukkonen, Lemström, Mäkinen (2003), ISMIR, problem P2; sequence: Mongeau and Sankoff (1990), unit
costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.notes import Notes, Similarity

Scores = NDArray[np.float64]
Flat = tuple[NDArray[np.int64], NDArray[np.int64]]  # values of all clips, and where each clip starts


def overlap(queries: Sequence[Notes], gallery: Sequence[Notes], pitch: str = "chromatic") -> Scores:
    """Translation overlap in time and pitch ("chromatic" or "morphetic")."""
    return _overlaps(*_flat([_keys(c, pitch) for c in queries]), *_flat([_keys(c, pitch) for c in gallery]))


def rhythm(queries: Sequence[Notes], gallery: Sequence[Notes]) -> Scores:
    """Translation overlap of the onsets."""
    return _overlaps(*_flat([np.unique(c.onset) for c in queries]), *_flat([np.unique(c.onset) for c in gallery]))


def sequence(queries: Sequence[Notes], gallery: Sequence[Notes], pitch: str = "chromatic") -> Scores:
    """Interval sequences by edit distance; two clips of one note are equal."""
    return _edits(*_flat([intervals(c, pitch) for c in queries]), *_flat([intervals(c, pitch) for c in gallery]))


def common(queries: Sequence[Notes], gallery: Sequence[Notes], pitch: str = "chromatic") -> Scores:
    """Interval sequences by longest common subsequence; two clips of one note are equal."""
    return _subsequences(*_flat([intervals(c, pitch) for c in queries]), *_flat([intervals(c, pitch) for c in gallery]))


def combined(queries: Sequence[Notes], gallery: Sequence[Notes]) -> Scores:
    """Mean of chromatic overlap, rhythm and chromatic sequence: the best classic score on BPS-Motif."""
    return (overlap(queries, gallery) + rhythm(queries, gallery) + sequence(queries, gallery)) / 3


def chroma(queries: Sequence[Notes], gallery: Sequence[Notes]) -> Scores:
    """Pitch-class histograms under the best transposition."""
    first, second = _histograms(queries), _histograms(gallery)
    return np.max([first @ np.roll(second, k, axis=1).T for k in range(12)], axis=0)


def note_count(queries: Sequence[Notes], gallery: Sequence[Notes]) -> Scores:
    """Ratio of the note counts."""
    first = np.array([len(c.points()) for c in queries], float)[:, None]
    second = np.array([len(c.points()) for c in gallery], float)[None, :]
    return np.minimum(first, second) / np.maximum(first, second)


SIMILARITIES: dict[str, Similarity] = {
    "note count": note_count,
    "chroma": chroma,
    "rhythm": rhythm,
    "sequence chromatic": sequence,
    "sequence morphetic": partial(sequence, pitch="morphetic"),
    "common chromatic": common,
    "overlap chromatic": overlap,
    "overlap morphetic": partial(overlap, pitch="morphetic"),
    "combined": combined,
}


def intervals(clip: Notes, pitch: str = "chromatic") -> NDArray[np.int64]:
    """Pitch steps between successive distinct points."""
    return np.diff(clip.points(pitch)[:, 1])


def _keys(clip: Notes, pitch: str) -> NDArray[np.int64]:
    """One sorted integer a point; differences are vectors (pitch differences lie within +-2^10)."""
    points = clip.points(pitch)
    return points[:, 0] * 2**11 + points[:, 1]


def _histograms(clips: Sequence[Notes]) -> Scores:
    counts = np.array([np.bincount(c.midi % 12, minlength=12) for c in clips], float).reshape(-1, 12)
    norms = np.linalg.norm(counts, axis=1, keepdims=True)
    return counts / np.where(norms == 0, 1, norms)


def _flat(clips: Sequence[NDArray[np.int64]]) -> Flat:
    starts = np.cumsum([0] + [len(c) for c in clips])
    return np.concatenate([np.zeros(0, np.int64), *clips]), starts


@compiled
def _overlaps(first, first_starts, second, second_starts):  # type: ignore[no-untyped-def]
    out = np.zeros((len(first_starts) - 1, len(second_starts) - 1))
    for i in range(out.shape[0]):
        a = first[first_starts[i] : first_starts[i + 1]]
        for j in range(out.shape[1]):
            b = second[second_starts[j] : second_starts[j + 1]]
            shifts = np.empty(len(a) * len(b), np.int64)
            for p in range(len(a)):
                shifts[p * len(b) : (p + 1) * len(b)] = b - a[p]
            shifts.sort()
            run, best = 0, 0
            for k in range(len(shifts)):
                run = run + 1 if k and shifts[k] == shifts[k - 1] else 1
                best = max(best, run)
            if best:
                out[i, j] = best / max(len(a), len(b))
    return out


@compiled
def _edits(first, first_starts, second, second_starts):  # type: ignore[no-untyped-def]
    out = np.ones((len(first_starts) - 1, len(second_starts) - 1))
    for i in range(out.shape[0]):
        a = first[first_starts[i] : first_starts[i + 1]]
        for j in range(out.shape[1]):
            b = second[second_starts[j] : second_starts[j + 1]]
            row = np.arange(len(b) + 1)
            for p in range(len(a)):
                corner, row[0] = row[0], p + 1
                for q in range(len(b)):
                    cost = min(row[q + 1] + 1, row[q] + 1, corner + (a[p] != b[q]))
                    corner, row[q + 1] = row[q + 1], cost
            if len(a) or len(b):
                out[i, j] = 1 - row[len(b)] / max(len(a), len(b))
    return out


@compiled
def _subsequences(first, first_starts, second, second_starts):  # type: ignore[no-untyped-def]
    out = np.ones((len(first_starts) - 1, len(second_starts) - 1))
    for i in range(out.shape[0]):
        a = first[first_starts[i] : first_starts[i + 1]]
        for j in range(out.shape[1]):
            b = second[second_starts[j] : second_starts[j + 1]]
            row = np.zeros(len(b) + 1, np.int64)
            for p in range(len(a)):
                corner = row[0]
                for q in range(len(b)):
                    length = corner + 1 if a[p] == b[q] else max(row[q + 1], row[q])
                    corner, row[q + 1] = row[q + 1], length
            if len(a) or len(b):
                out[i, j] = row[len(b)] / max(len(a), len(b))
    return out

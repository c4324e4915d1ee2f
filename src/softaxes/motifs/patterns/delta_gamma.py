"""Where does a melody return with small changes of pitch?

Two equally long integer strings x, y match within (delta, gamma) when max |x_i - y_i| <= delta and sum |x_i - y_i| <=
gamma. Tasks: all matches of a pattern; all maximal repeats inside one string (a scan along the n diagonals of the
difference matrix, O(n^2)); adjacent repeats. Two ends of a repeat do not overlap. One voice only; at most 10,000 notes.
On pitches a match keeps the register; on intervals (``differences``) it is invariant to transposition.

Source: Cambouropoulos, Crochemore, Iliopoulos, Mouchard, Pinzón (2002), "Algorithms for computing approximate
repetitions in musical sequences", Int. J. Computer Math. 79(11).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.notes import check_monophonic
from softaxes.motifs.patterns.pointset import Points

MAX_NOTES = 10_000
Integers = NDArray[np.int64]


def matches(pattern: ArrayLike, text: ArrayLike, delta: int, gamma: int) -> Integers:
    """Ascending start indices where ``pattern`` matches ``text`` within (delta, gamma)."""
    p, t = _string(pattern, "pattern"), _string(text, "text")
    _check_bounds(delta, gamma)
    if len(p) == 0:
        raise ValueError("`pattern` must not be empty")
    if len(p) > len(t):
        return np.zeros(0, np.int64)
    gaps = np.abs(np.lib.stride_tricks.sliding_window_view(t, len(p)) - p)
    return np.flatnonzero((gaps.max(axis=1) <= delta) & (gaps.sum(axis=1) <= gamma))


def repeats(text: ArrayLike, min_length: int, delta: int, gamma: int) -> Integers:
    """All maximal repeats, rows (first start, second start, length), by distance of the two, then first start.

    A repeat is maximal if it cannot be made longer at its right end, nor at its left end with the right one kept.
    """
    t = _string(text, "text")
    _check_bounds(delta, gamma)
    if min_length < 1:
        raise ValueError(f"`min_length` must be >= 1, got {min_length}")
    return _scan_diagonals(t, min_length, delta, gamma)


def repeated_melodies(
    voice: ArrayLike,
    min_intervals: int = 4,
    delta: int = 1,
    gamma: int = 2,
    top: int = 100,
    most_repeats: int | None = None,
) -> list[list[Points]]:
    """Patterns of one voice by its intervals: lists of occurrences, best first, at most ``top``.

    Every maximal repeat proposes its first end; a proposal is accepted, best compression ratio first, when its matches
    cover more uncovered notes than its length plus its number of other matches (the rule of SIATECCompress). Of more
    than ``most_repeats`` proposals the shortest are kept: time grows with their number.
    """
    points = check_monophonic(voice, "delta-gamma matching", MAX_NOTES)
    steps = np.diff(points[:, 1])
    ends = repeats(steps, min_intervals, delta, gamma)
    keys = np.sort(ends[:, 0] * 2 * MAX_NOTES + ends[:, 2])
    first, lengths = np.divmod(keys[np.diff(keys, prepend=-1) > 0], 2 * MAX_NOTES)
    found = np.stack([first, lengths], axis=1)
    if most_repeats is not None and len(found) > most_repeats:
        found = found[np.argsort(found[:, 1], kind="stable")[:most_repeats]]
    counts = _count_matches(steps, found, delta, gamma)
    notes = found[:, 1] + 1
    order = np.lexsort((found[:, 0], -notes, -(notes * counts / (notes + counts - 1))))
    covered = np.zeros(len(points), bool)
    patterns: list[list[Points]] = []
    for (start, length), count in zip(found[order].tolist(), counts[order].tolist(), strict=True):
        if len(patterns) == top:
            break
        if (~covered).sum() <= length + count:  # not even if it covered all that is left
            continue
        starts = matches(steps[start : start + length], steps, delta, gamma)
        index = starts[:, None] + np.arange(length + 1)
        new = np.zeros(len(points), bool)
        new[index] = True
        if (new & ~covered).sum() > length + count:
            patterns.append([points[i] for i in index])
            covered |= new
    return patterns


def _string(values: ArrayLike, name: str) -> Integers:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or (array != np.rint(array)).any():
        raise ValueError(f"`{name}` must be a list of whole numbers, got shape {array.shape} of {array.dtype}")
    if len(array) > MAX_NOTES:
        raise ValueError(f"delta-gamma matching takes at most {MAX_NOTES:,} notes, got {len(array):,}: cut the piece")
    return array.astype(np.int64)


def _check_bounds(delta: int, gamma: int) -> None:
    if delta < 0 or gamma < 0:
        raise ValueError(f"`delta` and `gamma` must be >= 0, got {delta} and {gamma}")


@compiled
def _scan_diagonals(text, min_length, delta, gamma):  # type: ignore[no-untyped-def]
    """Two pointers along each diagonal; the window never grows beyond the diagonal's distance."""
    n = len(text)
    out = np.empty((64, 3), np.int64)
    found = 0
    for distance in range(min_length, n):
        end, total, previous = 0, 0, -1
        for start in range(n - distance):
            if end < start:
                end, total = start, 0
            while end < n - distance and end - start < distance:
                gap = abs(text[end] - text[end + distance])
                if gap > delta or total + gap > gamma:
                    break
                total += gap
                end += 1
            if end > previous and end - start >= min_length:
                if found == len(out):
                    out = np.concatenate((out, np.empty_like(out)))
                out[found] = start, start + distance, end - start
                found += 1
            previous = max(previous, end)
            if end > start:
                total -= abs(text[start] - text[start + distance])
    return out[:found]


@compiled
def _count_matches(text, proposals, delta, gamma):  # type: ignore[no-untyped-def]
    """How often each proposal (start, length) matches in the text."""
    counts = np.zeros(len(proposals), np.int64)
    for k in range(len(proposals)):
        start, length = proposals[k]
        for at in range(len(text) - length + 1):
            total, fits = 0, True
            for p in range(length):
                gap = abs(text[at + p] - text[start + p])
                total += gap
                if gap > delta or total > gamma:
                    fits = False
                    break
            counts[k] += fits
    return counts

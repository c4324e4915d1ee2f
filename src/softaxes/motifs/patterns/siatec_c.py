"""Which patterns without long gaps return, in time and memory that a whole movement allows?

``delta_ticks`` is both the longest allowed gap between neighbouring notes of a pattern and the width of the window in
which translations are searched, short translations first. Every MTP of a window is complete, because equal vectors have
equal onset differences; it is cut where the gap exceeds delta, and a piece of it is kept when it is larger than the
largest occurrence so far through at least one of its notes (source or target). Patterns have two points or more.

Memory is O(n m), m the most notes in any delta-long span: ``peak_bytes`` of the result says how much it was. Time
O(h n^2 log(n m)), h the largest pattern. At most 20,000 notes.

Source: Björklund (2022), "SIATEC-C: computationally efficient repeated pattern discovery in polyphonic music", ISMIR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns import _lattice
from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns._lattice import Integers, Lattice, Pairs
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT, as_points
from softaxes.motifs.patterns.tecs import TECList

MAX_NOTES = 20_000
FOUR_BEATS = 4 * TICKS_PER_BEAT
_BYTES_IN_INDEX = 36  # a pair: composite 8, source 4, and at worst its own vector 8 and hash slots 16
_BYTES_IN_WINDOW = 52  # a pair: composite 8, vector 8, source 4, run start 8, and its cuts 24


def siatec_c(points: ArrayLike, delta_ticks: int = FOUR_BEATS) -> TECList:
    """TECs in order of discovery (short translations first, large patterns first within a window)."""
    if delta_ticks < 1:
        raise ValueError(f"`delta_ticks` must be >= 1 tick of 1/{TICKS_PER_BEAT} beat, got {delta_ticks}")
    grid = _lattice.lattice(as_points(points, MAX_NOTES, "SIATEC-C"))
    index = near_pairs(grid, delta_ticks)
    onsets = np.ascontiguousarray(grid.points[:, 0])
    following = np.arange(1, grid.size + 1)  # first target of each source that no window has reached
    cover = np.zeros(grid.size, np.int32)
    parts: list[tuple[np.ndarray, ...]] = []
    reach, widest = 0, 0
    while grid.size and (following < grid.size).any():
        reach += delta_ticks
        composites, following = _window(grid.keys, onsets, following, reach)
        if len(composites) == 0:
            continue  # a rest longer than the window
        composites.sort()
        widest = max(widest, len(composites))
        parts.append(_read_window(grid, onsets, index, cover, composites, delta_ticks))
    return _join(grid, parts, _BYTES_IN_INDEX * len(index.sources) + _BYTES_IN_WINDOW * widest)


def near_pairs(grid: Lattice, delta_ticks: int) -> Pairs:
    """The difference index: forward pairs at most ``delta_ticks`` apart (simultaneous ones included), by vector."""
    onsets = grid.points[:, 0]
    composites, _ = _window(grid.keys, np.ascontiguousarray(onsets), np.arange(1, grid.size + 1), delta_ticks)
    composites.sort()
    vectors, starts, sources = _lattice.split_runs(composites, max(grid.size, 1))
    return Pairs(vectors, starts, sources, _lattice.build_slots(vectors))


def _read_window(
    grid: Lattice,
    onsets: Integers,
    index: Pairs,
    cover: NDArray[np.int32],
    composites: Integers,
    delta_ticks: int,
) -> tuple[np.ndarray, ...]:
    """The improving patterns of one window, as flat members, starts, places and ends."""
    vectors, starts, sources = _lattice.split_runs(composites, grid.size)
    low, high, run = _cut_at_gaps(onsets, starts, sources, delta_ticks)
    order = np.lexsort((low, -(high - low)))
    return _improving(
        grid.keys, grid.slots, vectors, sources, low[order], high[order], run[order],
        index.vectors, index.starts, index.sources, index.slots, cover,
    )  # fmt: skip


def _join(grid: Lattice, parts: list[tuple[np.ndarray, ...]], memory: int) -> TECList:
    members = np.concatenate([p[0] for p in parts] or [np.zeros(0, np.int32)])
    places = np.concatenate([p[2] for p in parts] or [np.zeros(0, np.int32)])
    sizes = np.concatenate([np.diff(p[1]) for p in parts] or [np.zeros(0, np.int64)])
    counts = np.concatenate([np.diff(p[3]) for p in parts] or [np.zeros(0, np.int64)])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return TECList(grid, members, starts, places, ends, memory)


@compiled
def _window(keys, onsets, following, reach):  # type: ignore[no-untyped-def]
    """Pairs from each source to its next targets up to ``reach`` after it, as vector * n + source; the new frontier."""
    n = len(keys)
    frontier = following.copy()
    total = 0
    for i in range(n):
        j = frontier[i]
        while j < n and onsets[j] <= onsets[i] + reach:
            j += 1
        total += j - frontier[i]
        frontier[i] = j
    out = np.empty(total, np.int64)
    at = 0
    for i in range(n):
        for j in range(following[i], frontier[i]):
            out[at] = (keys[j] - keys[i]) * n + i
            at += 1
    return out, frontier


@compiled
def _cut_at_gaps(onsets, starts, sources, delta):  # type: ignore[no-untyped-def]
    """Every MTP cut where neighbouring sources lie more than ``delta`` apart: low, high (into sources) and run."""
    low = np.empty(len(sources), np.int64)
    high = np.empty(len(sources), np.int64)
    run = np.empty(len(sources), np.int64)
    found = 0
    for r in range(len(starts) - 1):
        begin = starts[r]
        for p in range(starts[r], starts[r + 1]):
            last = p + 1 == starts[r + 1]
            if last or onsets[sources[p + 1]] - onsets[sources[p]] > delta:
                if p - begin >= 1:
                    low[found], high[found], run[found] = begin, p + 1, r
                    found += 1
                begin = p + 1
    return low[:found], high[:found], run[:found]


@compiled
def _improves(keys, slots, pattern, vector, cover):  # type: ignore[no-untyped-def]
    """Does any source or target lie in no occurrence as large as this pattern?"""
    m = len(pattern)
    for p in range(m):
        if cover[pattern[p]] < m or cover[_lattice.find(keys, slots, keys[pattern[p]] + vector)] < m:
            return True
    return False


@compiled
def _neighbour_run(keys, pattern, vectors, starts, slots):  # type: ignore[no-untyped-def]
    """The rarest step between neighbours of the pattern: its run in the difference index, and where in the pattern."""
    best, where = -1, 0
    for p in range(len(pattern) - 1):
        run = _lattice.find(vectors, slots, keys[pattern[p + 1]] - keys[pattern[p]])
        if best < 0 or starts[run + 1] - starts[run] < starts[best + 1] - starts[best]:
            best, where = run, p
    return best, where


@compiled
def _improving(keys, slots, vectors, sources, low, high, run, near, near_starts, near_sources, near_slots, cover):  # type: ignore[no-untyped-def]
    """Patterns that improve the cover, with all their places; ``cover`` is updated."""
    members = np.empty(1024, np.int32)
    flat = np.empty(1024, np.int32)
    starts = np.zeros(len(low) + 1, np.int64)
    ends = np.zeros(len(low) + 1, np.int64)
    found = 0
    for k in range(len(low)):
        pattern = sources[low[k] : high[k]]
        if not _improves(keys, slots, pattern, vectors[run[k]], cover):
            continue
        m = len(pattern)
        step, where = _neighbour_run(keys, pattern, near, near_starts, near_slots)
        candidates = near_sources[near_starts[step] : near_starts[step + 1]]
        a, b = starts[found], ends[found]
        if a + m > len(members):
            members = np.concatenate((members, np.empty(a + m, np.int32)))
        if b + len(candidates) > len(flat):
            flat = np.concatenate((flat, np.empty(b + len(candidates), np.int32)))
        for c in range(len(candidates)):
            shift = keys[candidates[c]] - keys[pattern[where]]
            fits = True
            for p in range(m - 1, -1, -1):
                if _lattice.find(keys, slots, keys[pattern[p]] + shift) < 0:
                    fits = False
                    break
            if not fits:
                continue
            for p in range(m):
                at = _lattice.find(keys, slots, keys[pattern[p]] + shift)
                cover[at] = max(cover[at], m)
                if p == 0:
                    flat[b] = at
            b += 1
        shift = keys[flat[ends[found]]] - keys[pattern[0]]
        for p in range(m):
            members[a + p] = _lattice.find(keys, slots, keys[pattern[p]] + shift)
        found += 1
        starts[found] = a + m
        ends[found] = b
    return members[: starts[found]], starts[: found + 1], flat[: ends[found]], ends[: found + 1]

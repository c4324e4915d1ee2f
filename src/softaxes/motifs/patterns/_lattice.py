"""Which pairs of points differ by the same vector, and where else does a shape fit? (compiled inner loops)

A point (x, y) becomes one integer key = x * stride + y with stride > 2 * (pitch range), so that key order is point
order, key differences are vectors, and difference order is vector order. Patterns live here as sorted indices into the
piece: many of them in one flat array ``members`` with ``starts`` (pattern k is members[starts[k]:starts[k + 1]]).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.pointset import Points

Integers = NDArray[np.int64]
_MIX = -7046029254386353131  # 2^64 / golden ratio, as a signed number


@dataclass(frozen=True)
class Lattice:
    """A piece with its integer keys and a hash table from key to index."""

    points: Points
    keys: Integers
    slots: NDArray[np.int32]

    @property
    def size(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Pairs:
    """All forward pairs grouped by vector: run k has vector ``vectors[k]`` and ``sources[starts[k]:starts[k + 1]]``."""

    vectors: Integers
    starts: Integers
    sources: NDArray[np.int32]
    slots: NDArray[np.int32]


def lattice(points: Points) -> Lattice:
    """Keys and hash table of sorted points; ValueError where keys would not fit 64 bits."""
    if len(points) == 0:
        return Lattice(points, np.zeros(0, np.int64), build_slots(np.zeros(0, np.int64)))
    shifted = points - points.min(axis=0)
    stride = 2 * int(shifted[:, 1].max()) + 3
    if (int(shifted[:, 0].max()) + 1) * stride * len(points) >= 2**62:
        raise ValueError("`points` span too much time and pitch for exact 64-bit vectors")
    keys = shifted[:, 0] * stride + shifted[:, 1]
    return Lattice(points, keys, build_slots(keys))


def all_pairs(grid: Lattice, reach: int | None = None) -> Pairs:
    """Forward pairs (i, j), i < j <= i + reach, sorted by vector, then source. Memory 12 bytes a pair."""
    reach = grid.size if reach is None else reach
    composites = pair_composites(grid.keys, reach)
    composites.sort()
    vectors, starts, sources = split_runs(composites, max(grid.size, 1))
    return Pairs(vectors, starts, sources, build_slots(vectors))


@compiled
def build_slots(keys):  # type: ignore[no-untyped-def]
    """Open-addressing hash table of distinct keys, at most a quarter full."""
    size = 8
    while size < 4 * len(keys):
        size *= 2
    slots = np.full(size, -1, np.int32)
    for i in range(len(keys)):
        mixed = keys[i] * _MIX
        at = (mixed ^ (mixed >> 29)) & (size - 1)
        while slots[at] >= 0:
            at = (at + 1) & (size - 1)
        slots[at] = i
    return slots


@compiled
def find(keys, slots, key):  # type: ignore[no-untyped-def]
    """Index of ``key`` in ``keys``, or -1."""
    mask = len(slots) - 1
    mixed = key * _MIX
    at = (mixed ^ (mixed >> 29)) & mask
    while slots[at] >= 0:
        if keys[slots[at]] == key:
            return slots[at]
        at = (at + 1) & mask
    return -1


@compiled
def pair_composites(keys, reach):  # type: ignore[no-untyped-def]
    """vector key * n + source index for every forward pair within ``reach`` sub-diagonals, unsorted."""
    n = len(keys)
    total = 0
    for i in range(n):
        total += min(reach, n - 1 - i)
    out = np.empty(total, np.int64)
    at = 0
    for i in range(n):
        for j in range(i + 1, min(i + reach, n - 1) + 1):
            out[at] = (keys[j] - keys[i]) * n + i
            at += 1
    return out


@compiled
def split_runs(composites, n):  # type: ignore[no-untyped-def]
    """Runs of one vector in sorted composites: vector keys, starts, source indices."""
    total = len(composites)
    runs = 0
    previous = -1
    for k in range(total):
        vector = composites[k] // n
        if vector != previous:
            runs += 1
            previous = vector
    vectors = np.empty(runs, np.int64)
    starts = np.empty(runs + 1, np.int64)
    sources = np.empty(total, np.int32)
    run = -1
    previous = -1
    for k in range(total):
        vector = composites[k] // n
        if vector != previous:
            run += 1
            vectors[run] = vector
            starts[run] = k
            previous = vector
        sources[k] = composites[k] - vector * n
    starts[runs] = total
    return vectors, starts, sources


@compiled
def distinct_shapes(keys, members, starts, smallest):  # type: ignore[no-untyped-def]
    """Indices of the patterns of at least ``smallest`` points that are no translation of an earlier one."""
    count = len(starts) - 1
    size = 8
    while size < 4 * count:
        size *= 2
    slots = np.full(size, -1, np.int64)
    hashes = np.empty(count, np.int64)
    chosen = np.empty(count, np.int64)
    found = 0
    for k in range(count):
        a, m = starts[k], starts[k + 1] - starts[k]
        if m < smallest:
            continue
        mixed = np.int64(m)
        for p in range(1, m):
            mixed = (mixed ^ (keys[members[a + p]] - keys[members[a]])) * _MIX
            mixed ^= mixed >> 29
        hashes[k] = mixed
        at = mixed & (size - 1)
        new = True
        while slots[at] >= 0:
            other = slots[at]
            b = starts[other]
            if hashes[other] == mixed and starts[other + 1] - b == m:
                same = True
                for p in range(1, m):
                    if keys[members[a + p]] - keys[members[a]] != keys[members[b + p]] - keys[members[b]]:
                        same = False
                        break
                if same:
                    new = False
                    break
            at = (at + 1) & (size - 1)
        if new:
            slots[at] = k
            chosen[found] = k
            found += 1
    return chosen[:found]


@compiled
def candidate_run(keys, pattern, vectors, starts, slots):  # type: ignore[no-untyped-def]
    """Run of the rarest vector from the pattern's first point to (up to eight of) its others; -1 if none is known."""
    m = len(pattern)
    best = -1
    fewest = np.int64(2**62)
    step = max(1, (m - 1) // 8)
    for p in range(m - 1, 0, -step):
        run = find(vectors, slots, keys[pattern[p]] - keys[pattern[0]])
        if run >= 0 and starts[run + 1] - starts[run] < fewest:
            fewest = starts[run + 1] - starts[run]
            best = run
    return best


@compiled
def places(keys, slots, pattern, anchors):  # type: ignore[no-untyped-def]
    """Those ``anchors`` where the pattern's first point can be put so that every point meets the piece."""
    out = np.empty(len(anchors), np.int32)
    found = 0
    for k in range(len(anchors)):
        shift = keys[anchors[k]] - keys[pattern[0]]
        fits = True
        for p in range(len(pattern) - 1, 0, -1):
            if find(keys, slots, keys[pattern[p]] + shift) < 0:
                fits = False
                break
        if fits:
            out[found] = anchors[k]
            found += 1
    return out[:found]


@compiled
def all_places(keys, slots, members, starts, chosen, vectors, run_starts, sources, vector_slots):  # type: ignore[no-untyped-def]
    """For each chosen pattern all places of its first point: flat places and their starts."""
    everywhere = np.arange(len(keys)).astype(np.int32)
    flat = np.empty(max(16, 4 * len(chosen)), np.int32)
    ends = np.zeros(len(chosen) + 1, np.int64)
    at = 0
    for k in range(len(chosen)):
        pattern = members[starts[chosen[k]] : starts[chosen[k] + 1]]
        run = candidate_run(keys, pattern, vectors, run_starts, vector_slots)
        anchors = everywhere if run < 0 else sources[run_starts[run] : run_starts[run + 1]]
        found = places(keys, slots, pattern, anchors)
        if at + len(found) > len(flat):
            wider = np.empty(2 * (at + len(found)), np.int32)
            wider[:at] = flat[:at]
            flat = wider
        flat[at : at + len(found)] = found
        at += len(found)
        ends[k + 1] = at
    return flat[:at].copy(), ends


@compiled
def first_occurrences(keys, slots, members, starts, chosen, flat, ends):  # type: ignore[no-untyped-def]
    """The chosen patterns, each moved to its first place: flat members and their starts."""
    new_starts = np.zeros(len(chosen) + 1, np.int64)
    for k in range(len(chosen)):
        new_starts[k + 1] = new_starts[k] + starts[chosen[k] + 1] - starts[chosen[k]]
    out = np.empty(new_starts[-1], np.int32)
    for k in range(len(chosen)):
        a = starts[chosen[k]]
        shift = keys[flat[ends[k]]] - keys[members[a]]
        for p in range(new_starts[k + 1] - new_starts[k]):
            out[new_starts[k] + p] = find(keys, slots, keys[members[a + p]] + shift)
    return out, new_starts

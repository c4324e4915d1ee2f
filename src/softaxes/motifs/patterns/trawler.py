"""Which compact patterns hide inside the scattered ones that SIA finds?

SIACT: walk through an MTP in order with the notes' indices in the piece; extend a run while it stays compact,
(notes in the run) / (notes of the piece from its first to its last) >= ``compactness``; a note that breaks this starts
the next run; runs of at least ``min_size`` notes are patterns. The notes of a span are counted in point order.

SIAR: SIA on the first ``reach`` sub-diagonals only (pairs at most ``reach`` notes apart); the difference vectors inside
those patterns, most frequent first, are then the vectors whose MTPs are listed.
Sources: Collins, Thurlow, Laney, Willis, Garthwaite (2010), ISMIR, a = 0.66-0.67, b = 3; Collins (2011), PhD thesis,
section 4.2 (SIAR, SIACT).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softaxes.motifs.patterns import _lattice
from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.sia import grouped_pairs
from softaxes.motifs.patterns.tecs import TECList, tecs_of_patterns


def siact(points: ArrayLike, compactness: float = 2 / 3, min_size: int = 3) -> TECList:
    """TECs of the compact runs inside the MTPs, in SIA's order."""
    _check(compactness, min_size)
    grid, pairs = grouped_pairs(points, "SIACT")
    members, starts = trawl(pairs.sources, pairs.starts, compactness, min_size)
    return tecs_of_patterns(grid, members, starts, pairs, min_size)


def siar(points: ArrayLike, reach: int = 3, min_size: int = 2) -> TECList:
    """TECs of the MTPs of the vectors that are frequent inside short-range patterns, most frequent vector first."""
    if reach < 1:
        raise ValueError(f"`reach` must be >= 1 sub-diagonal, got {reach}")
    grid, pairs = grouped_pairs(points, "SIAR", reach)
    inner = _inner_vectors(grid.keys, pairs.sources, pairs.starts)
    vectors, counts = np.unique(inner, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    members, starts = _mtps(grid.keys, grid.slots, vectors[order])
    return tecs_of_patterns(grid, members, starts, smallest=min_size)


def siarct(points: ArrayLike, reach: int = 3, compactness: float = 2 / 3, min_size: int = 3) -> TECList:
    """SIAR, then the compactness trawler on its MTPs."""
    _check(compactness, min_size)
    found = siar(points, reach, min_size)
    members, starts = trawl(found.members, found.starts, compactness, min_size)
    return tecs_of_patterns(found.grid, members, starts, smallest=min_size)


def _check(compactness: float, min_size: int) -> None:
    if not 0 < compactness <= 1:
        raise ValueError(f"`compactness` must be above 0 and at most 1, got {compactness}")
    if min_size < 1:
        raise ValueError(f"`min_size` must be >= 1 point, got {min_size}")


@compiled
def trawl(members, starts, compactness, min_size):  # type: ignore[no-untyped-def]
    """Compact runs of every pattern: flat members and starts."""
    out = np.empty(len(members), np.int32)
    ends = np.zeros(len(members) // min_size + 1, np.int64)
    found = 0
    for k in range(len(starts) - 1):
        begin = starts[k]
        for p in range(starts[k], starts[k + 1]):
            last = p + 1 == starts[k + 1]
            if last or p + 2 - begin < compactness * (members[p + 1] - members[begin] + 1):
                size = p + 1 - begin
                if size >= min_size:
                    out[ends[found] : ends[found] + size] = members[begin : p + 1]
                    ends[found + 1] = ends[found] + size
                    found += 1
                begin = p + 1
    return out[: ends[found]], ends[: found + 1]


@compiled
def _inner_vectors(keys, sources, starts):  # type: ignore[no-untyped-def]
    """Every difference inside every pattern, once for each pair of points."""
    total = 0
    for k in range(len(starts) - 1):
        m = starts[k + 1] - starts[k]
        total += m * (m - 1) // 2
    out = np.empty(total, np.int64)
    at = 0
    for k in range(len(starts) - 1):
        for p in range(starts[k], starts[k + 1]):
            for q in range(p + 1, starts[k + 1]):
                out[at] = keys[sources[q]] - keys[sources[p]]
                at += 1
    return out


@compiled
def _mtps(keys, slots, vectors):  # type: ignore[no-untyped-def]
    """The MTP of each vector: flat members and starts."""
    out = np.empty(len(keys), np.int32)
    starts = np.zeros(len(vectors) + 1, np.int64)
    at = 0
    for k in range(len(vectors)):
        if at + len(keys) > len(out):
            out = np.concatenate((out, np.empty(len(out) + len(keys), np.int32)))
        for i in range(len(keys)):
            if _lattice.find(keys, slots, keys[i] + vectors[k]) >= 0:
                out[at] = i
                at += 1
        starts[k + 1] = at
    return out[:at], starts

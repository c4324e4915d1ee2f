"""How are a million TECs held, measured and compared without a million Python objects?

``TECList`` is a read-only sequence of TECs stored as flat index arrays; an element becomes a ``TEC`` when asked for. In
index form a TEC is a pair of index lists that share their first entry: the pattern, and the places of its first point.
The conjugate is the same pair exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns import _lattice
from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns._lattice import Integers, Lattice, Pairs
from softaxes.motifs.patterns.pointset import TEC
from softaxes.motifs.patterns.ranking import check_region

NO_PAIRS = Pairs(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int32), np.full(8, -1, np.int32))


@dataclass(frozen=True)
class TECList(Sequence[TEC]):
    """TECs of one piece; ``members``/``starts`` hold the patterns, ``places``/``ends`` where their first points go."""

    grid: Lattice
    members: NDArray[np.int32]
    starts: Integers
    places: NDArray[np.int32]
    ends: Integers
    peak_bytes: int = 0  # SIATEC-C: bytes of its difference index and widest window; 0 for other algorithms

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> TEC: ...
    @overload
    def __getitem__(self, index: slice) -> TECList: ...
    def __getitem__(self, index: int | slice) -> TEC | TECList:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        k = range(len(self))[index]
        pattern = self.grid.points[self.members[self.starts[k] : self.starts[k + 1]]]
        places = self.grid.points[self.places[self.ends[k] : self.ends[k + 1]]]
        return TEC(pattern, places - pattern[0])

    def sizes(self) -> Integers:
        """Points in each pattern."""
        return np.diff(self.starts)

    def counts(self) -> Integers:
        """Occurrences of each pattern."""
        return np.diff(self.ends)

    def take(self, order: Integers) -> TECList:
        """The TECs at these positions, in this order."""
        members, starts = _gather(self.members, self.starts, np.asarray(order, np.int64))
        places, ends = _gather(self.places, self.ends, np.asarray(order, np.int64))
        return TECList(self.grid, members, starts, places, ends, self.peak_bytes)

    def conjugates(self) -> TECList:
        """Every TEC's conjugate."""
        return TECList(self.grid, self.places, self.ends, self.members, self.starts, self.peak_bytes)

    def measure(self, region: str = "box") -> NDArray[np.float64]:
        """The six criteria of ``ranking.RankingScore`` for every TEC, (len, 6)."""
        check_region(region)
        alive = np.ones(self.grid.size, bool)
        column, row, table = count_table(self.grid, alive)
        return measure_all(
            self.grid.keys, self.grid.slots, self.grid.points, self.members, self.starts, self.places, self.ends,
            column, row, table, region == "box",
        )  # fmt: skip


def tecs_of_patterns(
    grid: Lattice, members: NDArray[np.int32], starts: Integers, pairs: Pairs = NO_PAIRS, smallest: int = 2
) -> TECList:
    """One TEC per translational class of the patterns, in the order of each class's first pattern.

    ``pairs`` (all forward pairs of the piece) speeds the search for translators up; without them every point is tried.
    """
    chosen = _lattice.distinct_shapes(grid.keys, members, starts, smallest)
    flat, ends = _lattice.all_places(
        grid.keys, grid.slots, members, starts, chosen, pairs.vectors, pairs.starts, pairs.sources, pairs.slots
    )
    moved, new_starts = _lattice.first_occurrences(grid.keys, grid.slots, members, starts, chosen, flat, ends)
    return TECList(grid, moved, new_starts, flat, ends)


def count_table(grid: Lattice, alive: NDArray[np.bool_]) -> tuple[Integers, Integers, NDArray[np.uint16]]:
    """Summed-area table of the living points over distinct onsets x pitches: any box is counted in four look-ups."""
    if grid.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((1, 1), np.uint16)
    column = np.unique(grid.points[:, 0], return_inverse=True)[1].astype(np.int64)
    row = np.unique(grid.points[:, 1], return_inverse=True)[1].astype(np.int64)
    table = np.zeros((column.max() + 2, row.max() + 2), np.uint16)
    np.add.at(table, (column[alive] + 1, row[alive] + 1), np.uint16(1))
    return column, row, table.cumsum(axis=0, dtype=np.uint16).cumsum(axis=1, dtype=np.uint16)


def _gather(flat: NDArray[np.int32], starts: Integers, order: Integers) -> tuple[NDArray[np.int32], Integers]:
    lengths = np.diff(starts)[order]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    index = np.arange(ends[-1]) + np.repeat(starts[:-1][order] - ends[:-1], lengths)
    return flat[index], ends


@compiled
def cover_indices(keys, slots, pattern, places):  # type: ignore[no-untyped-def]
    """Index in the piece of every point of every occurrence, (occurrences, points)."""
    out = np.empty((len(places), len(pattern)), np.int32)
    for a in range(len(places)):
        shift = keys[places[a]] - keys[pattern[0]]
        for p in range(len(pattern)):
            out[a, p] = _lattice.find(keys, slots, keys[pattern[p]] + shift)
    return out


@compiled
def criteria(points, cells, column, row, table, box, covered, out):  # type: ignore[no-untyped-def]
    """Write the six criteria of the TEC with these cover indices and |COV| into ``out``."""
    occurrences, m = cells.shape
    top = table.shape[1] - 1
    fewest = len(points) + 1
    for a in range(occurrences):
        left, right = column[cells[a, 0]], column[cells[a, m - 1]] + 1
        low, high = top, 0
        for p in range(m):
            low = min(low, row[cells[a, p]])
            high = max(high, row[cells[a, p]] + 1)
        if not box:
            low, high = 0, top
        inside = np.int64(table[right, high]) - table[left, high] - np.int64(table[right, low]) + table[left, low]
        fewest = min(fewest, inside)
    lowest = points[cells[0, 0], 1]
    highest = lowest
    for p in range(m):
        lowest = min(lowest, points[cells[0, p], 1])
        highest = max(highest, points[cells[0, p], 1])
    width = points[cells[0, m - 1], 0] - points[cells[0, 0], 0]
    out[0] = covered / (m + occurrences - 1)
    out[1] = m / fewest
    out[2] = covered
    out[3] = m
    out[4] = -width
    out[5] = -width * (highest - lowest)


@compiled
def count_distinct(cells, seen, stamp):  # type: ignore[no-untyped-def]
    """Distinct indices in ``cells``; ``seen`` is scratch, one entry a point, ``stamp`` a number not used before."""
    total = 0
    for a in range(cells.shape[0]):
        for p in range(cells.shape[1]):
            if seen[cells[a, p]] != stamp:
                seen[cells[a, p]] = stamp
                total += 1
    return total


@compiled
def measure_all(keys, slots, points, members, starts, flat, ends, column, row, table, box):  # type: ignore[no-untyped-def]
    """The six criteria of every TEC, (len, 6)."""
    out = np.empty((len(starts) - 1, 6))
    seen = np.full(len(keys), -1, np.int64)
    for k in range(len(starts) - 1):
        cells = cover_indices(keys, slots, members[starts[k] : starts[k + 1]], flat[ends[k] : ends[k + 1]])
        covered = count_distinct(cells, seen, k)
        criteria(points, cells, column, row, table, box, covered, out[k])
    return out

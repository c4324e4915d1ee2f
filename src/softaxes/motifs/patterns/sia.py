"""Which points of a piece return, all moved by the same vector?

For a vector v the maximal translatable pattern is MTP(v, D) = {d in D : d + v in D}. SIA lists the MTP of every vector
between two points, forward vectors only (a negative vector gives the same MTP, translated). Order: ascending vector.
Time O(n^2 log n), memory O(n^2): 12 bytes a pair, at most 12,000 notes.

Source: Meredith, Lemström, Wiggins (2002), section 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softaxes.motifs.patterns import _lattice
from softaxes.motifs.patterns._lattice import Lattice, Pairs
from softaxes.motifs.patterns.pointset import Points, as_points

MAX_NOTES = 12_000


def sia(points: ArrayLike, min_size: int = 1) -> list[tuple[Points, Points]]:
    """The MTPs with at least ``min_size`` points: (vector (2,), pattern (m, 2)) pairs, vectors ascending.

    An empty piece and a single note have no vectors: an empty list.
    """
    grid, pairs = grouped_pairs(points, "SIA")
    sizes = np.diff(pairs.starts)
    result = []
    for run in np.flatnonzero(sizes >= min_size):
        sources = pairs.sources[pairs.starts[run] : pairs.starts[run + 1]]
        target = _lattice.find(grid.keys, grid.slots, grid.keys[sources[0]] + pairs.vectors[run])
        result.append((grid.points[target] - grid.points[sources[0]], grid.points[sources]))
    return result


def grouped_pairs(points: ArrayLike, method: str, reach: int | None = None) -> tuple[Lattice, Pairs]:
    """The piece and its forward pairs grouped by vector; ValueError naming ``method`` above ``MAX_NOTES`` notes."""
    grid = _lattice.lattice(as_points(points, MAX_NOTES, method))
    return grid, _lattice.all_pairs(grid, reach)

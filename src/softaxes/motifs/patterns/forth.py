"""Which few patterns cover the salient part of a piece?

Every TEC is weighted by w = w'_CR * w'_comp: compression ratio and compactness (notes of the time span that belong to
the pattern, best occurrence), each min-max normalised over the TECs. Then a greedy cover: take the TEC with the largest
(new points) * w, as long as it covers at least ``least_new`` new points. A chosen TEC that shares more than ``overlap``
of the points of an earlier one is filed under it as a secondary pattern. Ties: the earlier TEC. Sources: Forth (2012),
PhD thesis, Goldsmiths, equations 3.6-3.15; cover as in Meredith (2016), section 13.4.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.pointset import TEC
from softaxes.motifs.patterns.tecs import TECList, cover_indices


def forth(tecs: TECList, least_new: int = 15, overlap: float = 0.5, region: str = "segment") -> list[list[TEC]]:
    """Groups of TECs in order of choice; the first of a group is primary, the others are its secondaries.

    ``tecs`` come from ``siatec``, or from ``siact`` for Forth with the compactness trawler. No TEC: no group.
    """
    if least_new < 1:
        raise ValueError(f"`least_new` must be >= 1 point, got {least_new}")
    if not 0 <= overlap <= 1:
        raise ValueError(f"`overlap` must be between 0 and 1, got {overlap}")
    weights = salience(tecs, region)
    grid = tecs.grid
    chosen = _cover(grid.keys, grid.slots, tecs.members, tecs.starts, tecs.places, tecs.ends, weights, least_new)
    groups: list[list[TEC]] = []
    covers: list[set[tuple[int, int]]] = []
    for k in chosen:
        tec = tecs[int(k)]
        covered = set(map(tuple, tec.coverage().tolist()))
        home = next((g for g, cover in enumerate(covers) if len(cover & covered) > overlap * len(cover)), None)
        if home is None:
            groups.append([tec])
            covers.append(covered)
        else:
            groups[home].append(tec)
    return groups


def salience(tecs: TECList, region: str = "segment") -> NDArray[np.float64]:
    """w of every TEC, in [0, 1]; a criterion that is the same for all TECs counts as 1."""
    measures = tecs.measure(region)
    return unit_range(measures[:, 0]) * unit_range(measures[:, 1])


def unit_range(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Min-max normalised to [0, 1]; all ones where the values do not differ."""
    if len(values) == 0 or np.ptp(values) == 0:
        return np.ones(len(values))
    return (values - values.min()) / np.ptp(values)


@compiled
def _cover(keys, slots, members, starts, flat, ends, weights, least_new):  # type: ignore[no-untyped-def]
    """Greedy choice; gains only shrink, so a stale gain that is not the largest need not be counted again."""
    covered = np.zeros(len(keys), np.bool_)
    seen = np.full(len(keys), -1, np.int64)
    gains = np.full(len(weights), np.inf)
    chosen = np.empty(len(weights), np.int64)
    found, stamp = 0, 0
    while True:
        best, best_gain = -1, 0.0
        for k in range(len(weights)):
            if gains[k] <= best_gain:
                continue
            new = 0
            stamp += 1
            cells = cover_indices(keys, slots, members[starts[k] : starts[k + 1]], flat[ends[k] : ends[k + 1]])
            for index in cells.flat:
                if not covered[index] and seen[index] != stamp:
                    seen[index] = stamp
                    new += 1
            gains[k] = new * weights[k] if new >= least_new else 0.0
            if gains[k] > best_gain:
                best, best_gain = k, gains[k]
        if best < 0:
            return chosen[:found]
        chosen[found] = best
        found += 1
        gains[best] = 0.0
        for index in cover_indices(
            keys, slots, members[starts[best] : starts[best + 1]], flat[ends[best] : ends[best + 1]]
        ).flat:
            covered[index] = True

"""Which patterns cover a piece cheaply when they may overlap?

SIATECCompress: run SIATEC once; replace each TEC by its conjugate where that is better; sort by ranking score; accept a
TEC when it covers more new points than it takes vectors to write, |COV \\ covered| > |P| + |V| - 1; add what is left as
one TEC of a single point. With ``delta_ticks`` the TECs come from SIATEC-C instead ("SIATEC-CCompress"). Ties: SIATEC's
order. Source: Meredith (2013), MIREX, figure 4; Meredith (2016), section 13.4.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.cosiatec import residue
from softaxes.motifs.patterns.pointset import TEC
from softaxes.motifs.patterns.ranking import check_region
from softaxes.motifs.patterns.siatec import siatec
from softaxes.motifs.patterns.siatec_c import siatec_c
from softaxes.motifs.patterns.tecs import TECList, cover_indices


def siateccompress(points: ArrayLike, region: str = "box", delta_ticks: int | None = None) -> list[TEC]:
    """A cover of the piece by TECs, best first. Empty piece: no TEC; one note: one TEC of that note."""
    check_region(region)
    tecs = siatec(points) if delta_ticks is None else siatec_c(points, delta_ticks)
    ranked = better_of_conjugates(tecs, region)
    accepted, covered = _greedy_cover(
        ranked.grid.keys, ranked.grid.slots, ranked.members, ranked.starts, ranked.places, ranked.ends
    )
    return [ranked[int(k)] for k in accepted] + residue(ranked.grid.points[~covered])


def better_of_conjugates(tecs: TECList, region: str = "box") -> TECList:
    """Each TEC or its conjugate, whichever is better (the TEC on a tie), sorted best first."""
    own, dual = tecs.measure(region), tecs.conjugates().measure(region)
    first = by_ranking(own, dual)
    chosen = np.where(first[:, None], own, dual)
    order = np.lexsort(tuple(-chosen[:, c] for c in reversed(range(chosen.shape[1]))))
    return _select(tecs, first).take(order)


def by_ranking(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Row by row: is ``own`` lexicographically at least as good as ``other``?"""
    result = np.ones(len(own), bool)
    for c in reversed(range(own.shape[1])):
        result = np.where(own[:, c] == other[:, c], result, own[:, c] > other[:, c])
    return result


def _select(tecs: TECList, own: NDArray[np.bool_]) -> TECList:
    """The TECs where ``own``, their conjugates elsewhere."""
    n = len(tecs)
    stacked = TECList(
        tecs.grid,
        np.concatenate([tecs.members, tecs.places]),
        np.concatenate([tecs.starts, tecs.starts[-1] + tecs.ends[1:]]),
        np.concatenate([tecs.places, tecs.members]),
        np.concatenate([tecs.ends, tecs.ends[-1] + tecs.starts[1:]]),
        tecs.peak_bytes,
    )
    return stacked.take(np.arange(n) + np.where(own, 0, n))


@compiled
def _greedy_cover(keys, slots, members, starts, flat, ends):  # type: ignore[no-untyped-def]
    """Indices of the accepted TECs, and which points they cover."""
    covered = np.zeros(len(keys), np.bool_)
    seen = np.full(len(keys), -1, np.int64)
    accepted = np.empty(len(starts) - 1, np.int64)
    total, found = 0, 0
    for k in range(len(starts) - 1):
        if total == len(keys):
            break
        cells = cover_indices(keys, slots, members[starts[k] : starts[k + 1]], flat[ends[k] : ends[k + 1]])
        new = 0
        for index in cells.flat:
            if not covered[index] and seen[index] != k:
                seen[index] = k
                new += 1
        if new > cells.shape[0] + cells.shape[1] - 1:
            accepted[found] = k
            found += 1
            total += new
            for index in cells.flat:
                covered[index] = True
    return accepted[:found], covered

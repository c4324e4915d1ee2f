"""Which patterns, one after the other, describe a piece in the fewest vectors?

COSIATEC: find the best TEC of what is left (section 4 criteria of ranking.py; conjugates considered, redundant
translators removed), output it, take its points away, repeat. The output is a partition. When no TEC has a compression
ratio above 1 the rest goes out as one TEC of a single point. Ties: SIATEC's order, a TEC before its conjugate.
Source: Meredith (2013), MIREX, figures 1-3; Meredith (2016), section 13.4.2.

How it is fast and still exact: removing points never makes a new pair, so the sorted pairs are filtered instead of
sorted again, and a TEC of m points with k occurrences compresses by at most m k / (m + k - 1). That bound, from the
rarest inner vector first and from the true k next, is kept while the MTP is unchanged, and most are never looked at.
At most 12,000 notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softaxes.motifs.patterns import _lattice, siatec_c
from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns._lattice import Lattice
from softaxes.motifs.patterns.pointset import TEC, Points, as_points
from softaxes.motifs.patterns.ranking import RankingScore, check_region, ranking_score
from softaxes.motifs.patterns.sia import MAX_NOTES, grouped_pairs
from softaxes.motifs.patterns.tecs import count_table, cover_indices, criteria


def cosiatec(points: ArrayLike, region: str = "box") -> list[TEC]:
    """Partition of a piece into TECs, best first. Empty piece: no TEC; one note: one TEC of that note."""
    check_region(region)
    grid, pairs = grouped_pairs(points, "COSIATEC")
    alive = np.ones(grid.size, bool)
    piece = (grid.keys, grid.slots, alive, grid.points)
    lengths = np.diff(pairs.starts)
    runs = (pairs.vectors, pairs.slots, pairs.starts, lengths, pairs.sources, np.full(len(lengths), np.inf))
    active = np.flatnonzero(lengths >= 2)
    output = []
    while len(active):
        found = _best_tec(piece, runs, active, (*count_table(grid, alive), region == "box"))
        if found is None:
            break
        output.append(_as_tec(grid, *found))
        alive[np.unique(cover_indices(grid.keys, grid.slots, *found))] = False
        active = _filter_runs(piece, runs, active)
    return output + residue(grid.points[alive])


def cosiatec_c(points: ArrayLike, delta_ticks: int, region: str = "box") -> list[TEC]:
    """COSIATEC with SIATEC-C inside: the same partition loop over TECs whose gaps are at most ``delta_ticks``."""
    check_region(region)
    left = as_points(points, MAX_NOTES, "COSIATEC-C")
    output = []
    while len(left) > 1:
        best = best_of(siatec_c.siatec_c(left, delta_ticks), left, region)
        if best is None:
            break
        output.append(best)
        covered = set(map(tuple, best.coverage().tolist()))
        left = left[[tuple(p) not in covered for p in left.tolist()]]
    return output + residue(left)


def residue(left: Points) -> list[TEC]:
    """What no pattern covers, as one TEC of a single point; nothing if nothing is left."""
    return [TEC(left[:1], left - left[0])] if len(left) else []


def best_of(tecs: siatec_c.TECList, points: Points, region: str = "box") -> TEC | None:
    """The best TEC or conjugate, redundant translators removed; None if none compresses by more than 1."""
    upper = tecs.sizes() * tecs.counts() / (tecs.sizes() + tecs.counts() - 1)
    best, value = None, RankingScore(1.0, np.inf, 0, 0, 0, 0)
    for k in np.argsort(-upper, kind="stable"):
        if upper[k] < value.compression_ratio:
            break
        for tec in (tecs[k], tecs[k].conjugate()):
            reduced = tec.without_redundant_translators()
            its_value = ranking_score(reduced, points, region)
            if its_value > value:
                best, value = reduced, its_value
    return best


def _as_tec(grid: Lattice, pattern: np.ndarray, places: np.ndarray) -> TEC:
    return TEC(grid.points[pattern], grid.points[places] - grid.points[pattern[0]])


@compiled
def _filter_runs(piece, runs, active):  # type: ignore[no-untyped-def]
    """Take dead pairs out of every run, in place; a changed run loses its bound. Returns runs of two pairs or more."""
    keys, slots, alive, _ = piece
    vectors, _, starts, lengths, sources, bounds = runs
    kept = 0
    for k in range(len(active)):
        run = active[k]
        a, left = starts[run], 0
        for p in range(a, a + lengths[run]):
            i = sources[p]
            if alive[i] and alive[_lattice.find(keys, slots, keys[i] + vectors[run])]:
                sources[a + left] = i
                left += 1
        if left != lengths[run]:
            lengths[run] = left
            bounds[run] = np.inf
        if left >= 2:
            active[kept] = run
            kept += 1
    return active[:kept]


@compiled
def _living_places(keys, slots, alive, pattern, anchors):  # type: ignore[no-untyped-def]
    """Places of the pattern's first point for which the whole occurrence is alive."""
    found = _lattice.places(keys, slots, pattern, anchors)
    kept = 0
    for k in range(len(found)):
        shift = keys[found[k]] - keys[pattern[0]]
        lives = True
        for p in range(len(pattern)):
            if not alive[_lattice.find(keys, slots, keys[pattern[p]] + shift)]:
                lives = False
                break
        if lives:
            found[kept] = found[k]
            kept += 1
    return found[:kept]


@compiled
def _rarest_run(keys, pattern, vectors, slots, lengths):  # type: ignore[no-untyped-def]
    """The run of the rarest of up to eight vectors from the first point, by living length."""
    m = len(pattern)
    best = -1
    for p in range(m - 1, 0, -max(1, (m - 1) // 8)):
        run = _lattice.find(vectors, slots, keys[pattern[p]] - keys[pattern[0]])
        if best < 0 or lengths[run] < lengths[best]:
            best = run
    return best


@compiled
def _reduce(cells, count):  # type: ignore[no-untyped-def]
    """RRT on cover indices (occurrences, points): rows to keep, and |COV|. ``count`` is zeroed scratch, left zeroed."""
    rows, m = cells.shape
    covered = 0
    for a in range(rows):
        for p in range(m):
            covered += count[cells[a, p]] == 0
            count[cells[a, p]] += 1
    keep = np.ones(rows, np.bool_)
    for a in range(rows - 1, 0, -1):
        spare = True
        for p in range(m):
            if count[cells[a, p]] < 2:
                spare = False
                break
        if spare:
            keep[a] = False
            for p in range(m):
                count[cells[a, p]] -= 1
    for a in range(rows):
        for p in range(m):
            count[cells[a, p]] = 0
    return keep, covered


@compiled
def _beats(value, best):  # type: ignore[no-untyped-def]
    """Lexicographic comparison of two criteria vectors."""
    for c in range(6):
        if value[c] != best[c]:
            return value[c] > best[c]
    return False


@compiled
def _candidate(piece, runs, run, threshold):  # type: ignore[no-untyped-def]
    """Places of the MTP of ``run`` (none where its bound falls below ``threshold``); tightens the run's bound."""
    keys, slots, alive, _ = piece
    vectors, slots_of_vectors, starts, lengths, sources, bounds = runs
    m = lengths[run]
    pattern = sources[starts[run] : starts[run] + m]
    rarest = _rarest_run(keys, pattern, vectors, slots_of_vectors, lengths)
    bounds[run] = m * lengths[rarest] / (m + lengths[rarest] - 1)
    if bounds[run] < threshold:
        return pattern[:0]
    anchors = sources[starts[rarest] : starts[rarest] + lengths[rarest]]
    places = _living_places(keys, slots, alive, pattern, anchors)
    bounds[run] = m * len(places) / (m + len(places) - 1)
    return pattern[:0] if bounds[run] < threshold else places


@compiled
def _best_ratio(piece, runs, active):  # type: ignore[no-untyped-def]
    """The best compression ratio (1 if none is better), and each run's, inf where it was not worth finding out."""
    keys, slots, _, _ = piece
    _, _, starts, lengths, sources, bounds = runs
    count = np.zeros(len(keys), np.int32)
    ratios = np.full(len(active), np.inf)
    best = 1.0
    for k in range(len(active)):
        run = active[k]
        if bounds[run] <= best:
            continue
        places = _candidate(piece, runs, run, best)
        if len(places) == 0:
            continue
        cells = cover_indices(keys, slots, sources[starts[run] : starts[run] + lengths[run]], places)
        keep, covered = _reduce(cells, count)
        keep_dual, _ = _reduce(cells.T, count)
        fewest = min(cells.shape[1] + keep.sum(), len(places) + keep_dual.sum()) - 1
        ratios[k] = covered / fewest
        best = max(best, ratios[k])
    return best, ratios


@compiled
def _best_tec(piece, runs, active, boxes):  # type: ignore[no-untyped-def]
    """Pattern and places of the best TEC among the living points, or None if none compresses by more than 1.

    First sweep: the best compression ratio. Second sweep: the other criteria among the runs that reach it.
    """
    keys, slots, _, points = piece
    _, _, starts, lengths, sources, bounds = runs
    column, row, table, box = boxes
    best_ratio, ratios = _best_ratio(piece, runs, active)
    if best_ratio <= 1.0:
        return None
    count = np.zeros(len(keys), np.int32)
    best = np.full(6, -np.inf)
    value = np.empty(6)
    best_pattern = best_places = sources[:0].copy()
    for k in range(len(active)):
        run = active[k]
        if ratios[k] < best_ratio or bounds[run] < best_ratio:
            continue
        places = _candidate(piece, runs, run, best_ratio)
        if len(places) == 0:
            continue
        moved = cover_indices(keys, slots, sources[starts[run] : starts[run] + lengths[run]], places)
        for dual in range(2):
            cells = np.ascontiguousarray(moved.T) if dual else moved
            keep, covered = _reduce(cells, count)
            kept = cells[keep]
            if covered / (kept.shape[0] + kept.shape[1] - 1) < best_ratio:
                continue
            criteria(points, kept, column, row, table, box, covered, value)
            if _beats(value, best):
                best[:] = value
                best_pattern, best_places = kept[0].copy(), kept[:, 0].copy()
    return best_pattern, best_places

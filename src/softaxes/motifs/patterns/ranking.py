"""Which of two TECs says more about a piece with less?

Criteria, compared lexicographically (the next only on ties), larger is better:
1 compression ratio |COV| / (|P| + |V| - 1), V with zero; 1 = no gain, at most min(|P|, |V|);
2 compactness, the largest |Q| / |piece inside the region of Q| over occurrences Q, in (0, 1]; the region is the
bounding
  box ("box") or the time span with all pitches ("segment");
3 coverage |COV|;  4 pattern size |P|;  5 smaller width (time span);  6 smaller bounding-box area.

Ratios of integers below 2^26 are compared as doubles: distinct ratios stay distinct, equal ones stay equal.
Source: Meredith (2013), MIREX; Meredith (2016), "Analysing music with point-set compression algorithms", section 13.3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softaxes.motifs.patterns.pointset import TEC, Points

REGIONS = ("box", "segment")


class RankingScore(NamedTuple):
    """The six criteria, in order; tuples compare lexicographically, the larger is the better TEC."""

    compression_ratio: float
    compactness: float
    coverage: int
    size: int
    negative_width: int
    negative_area: int


def check_region(region: str) -> None:
    """ValueError unless ``region`` is "box" or "segment"."""
    if region not in REGIONS:
        raise ValueError(f"`region` must be one of {REGIONS}, got {region!r}")


def points_in_region(occurrence: Points, points: Points, region: str = "box") -> Points:
    """The points of the piece inside the bounding box, or inside the time span, of an occurrence."""
    check_region(region)
    low, high = occurrence.min(axis=0), occurrence.max(axis=0)
    axes = slice(0, 2) if region == "box" else slice(0, 1)
    inside = ((points[:, axes] >= low[axes]) & (points[:, axes] <= high[axes])).all(axis=1)
    return points[inside]


def compression_ratio(tec: TEC) -> float:
    """Points covered per vector that has to be written down."""
    return len(tec.coverage()) / (len(tec.pattern) + len(tec.translators) - 1)


def compactness(tec: TEC, points: Points, region: str = "box") -> float:
    """The share of the region's notes that belong to the pattern, for its most compact occurrence."""
    counts = [len(points_in_region(occurrence, points, region)) for occurrence in tec.occurrences()]
    return len(tec.pattern) / min(counts)


def ranking_score(tec: TEC, points: Points, region: str = "box") -> RankingScore:
    """All six criteria of a TEC within ``points``."""
    width, height = np.ptp(tec.pattern, axis=0).tolist()
    return RankingScore(
        compression_ratio(tec),
        compactness(tec, points, region),
        len(tec.coverage()),
        len(tec.pattern),
        -width,
        -width * height,
    )


def better(first: TEC, second: TEC, points: Points, region: str = "box") -> TEC:
    """The better of two TECs; the first on a tie."""
    return second if ranking_score(second, points, region) > ranking_score(first, points, region) else first


def widen(occurrences: np.ndarray, points: Points, region: str = "segment") -> list[Points]:
    """Segment (or box) mode of an output: every occurrence becomes all notes of the piece in its region."""
    return [points_in_region(occurrence, points, region) for occurrence in occurrences]

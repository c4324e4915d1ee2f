"""Compression ratio, compactness and their lexicographic order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from softaxes.motifs.patterns.pointset import TEC, as_points
from softaxes.motifs.patterns.ranking import (
    better,
    compactness,
    compression_ratio,
    points_in_region,
    ranking_score,
    widen,
)
from softaxes.motifs.patterns.siatec import siatec

from . import naive
from .strategies import few, nonempty


def test_a_square_grid_compresses_by_its_definition() -> None:
    grid = as_points([(x, y) for x in range(3) for y in range(3)])
    row = TEC(as_points([(0, 0), (1, 0), (2, 0)]), as_points([(0, 0), (0, 1), (0, 2)]))
    assert compression_ratio(row) == 9 / (3 + 3 - 1)
    assert compactness(row, grid) == 1.0
    assert compactness(row, grid, "segment") == 3 / 9


def test_compactness_takes_the_best_occurrence() -> None:
    points = as_points([(0, 0), (1, 5), (2, 0), (10, 0), (12, 0)])
    tec = TEC(as_points([(0, 0), (2, 0)]), as_points([(0, 0), (10, 0)]))
    assert compactness(tec, points, "segment") == 1.0
    assert compactness(TEC(tec.pattern, tec.translators[:1]), points, "segment") == 2 / 3
    assert compactness(TEC(tec.pattern, tec.translators[:1]), points, "box") == 1.0


@few
@given(nonempty)
def test_all_criteria_match_the_twin_alone_and_in_bulk(points: list) -> None:
    d = as_points(points)
    tecs = siatec(d, 1)
    for region in ("box", "segment"):
        table = tecs.measure(region)
        for k, tec in enumerate(tecs):
            twin = tuple(float(x) for x in naive.ranking_score(tec.key(), sorted(set(points)), region))
            assert tuple(ranking_score(tec, d, region)) == twin
            assert tuple(table[k]) == twin


def test_bulk_measures_of_conjugates() -> None:
    points = as_points([(0, 0), (0, 3), (1, 1), (2, 0), (2, 3), (3, 1), (5, 0), (5, 3)])
    tecs = siatec(points)
    expected = [tuple(ranking_score(t.conjugate(), points)) for t in tecs]
    assert [tuple(row) for row in tecs.conjugates().measure()] == expected


def test_next_criterion_only_on_ties() -> None:
    points = as_points([(0, 0), (1, 0), (2, 5), (3, 0), (4, 0), (1, 9), (4, 9)])
    near = TEC(as_points([(0, 0), (1, 0)]), as_points([(0, 0), (3, 0)]))
    far = TEC(as_points([(0, 0), (4, 0)]), as_points([(0, 0), (0, 0)]))
    assert better(near, far, points) is near
    assert better(far, near, points) is near
    assert better(near, TEC(near.pattern, near.translators), points) is near


def test_region_must_be_known() -> None:
    tec = TEC(as_points([(0, 0)]), as_points([(0, 0)]))
    with pytest.raises(ValueError, match="`region` must be one of"):
        ranking_score(tec, tec.pattern, "bar")
    with pytest.raises(ValueError, match="`region` must be one of"):
        siatec([(0, 0), (1, 0)]).measure("bar")


def test_segment_mode_takes_every_note_of_the_time_span() -> None:
    points = as_points([(0, 0), (1, 50), (2, 0), (3, 7), (4, 1)])
    occurrences = np.array([[(0, 0), (2, 0)]])
    assert widen(occurrences, points)[0].tolist() == [[0, 0], [1, 50], [2, 0]]
    assert widen(occurrences, points, "box")[0].tolist() == [[0, 0], [2, 0]]
    assert len(points_in_region(occurrences[0], points, "segment")) == 3

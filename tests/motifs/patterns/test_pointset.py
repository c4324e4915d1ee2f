"""Point sets: exact onsets, VEC, TECs and their conjugates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from softaxes.motifs.patterns import pointset
from softaxes.motifs.patterns.pointset import TEC, as_points, equivalent, find_tec, points_from_notes, to_ticks, vectors

from . import naive
from .strategies import few, nonempty, pieces, shifts


def test_thirds_and_fifths_of_a_beat_become_whole_ticks() -> None:
    beats = [0, 1 / 3, 0.3333333333, 0.2, -0.25, 1 / 48, 0.0625]
    assert to_ticks(beats).tolist() == [0, 160, 160, 96, -120, 10, 30]


def test_onsets_that_are_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        to_ticks([0.0, float("nan")])


def test_unisons_collapse_and_points_are_sorted() -> None:
    points = points_from_notes([1, 0, 0, 1 / 3, 1], [60, 67, 64, 60, 60])
    assert points.tolist() == [[0, 64], [0, 67], [160, 60], [480, 60]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, 2, 3], "shape"),
        ([[1, 2, 3]], "shape"),
        ([[0.5, 60]], "whole numbers"),
        ([[float("inf"), 60]], "whole numbers"),
        ([[2**40, 60]], "within"),
    ],
)
def test_other_arrays_are_refused(bad: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_points(bad)  # type: ignore[arg-type]


def test_unequal_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        points_from_notes([0, 1], [60])


def test_limit_names_the_method_and_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"SIA takes at most 2 notes .* got 3: cut"):
        as_points([(0, 0), (1, 0), (2, 0)], limit=2, method="SIA")


def test_empty_piece_is_an_empty_point_set() -> None:
    assert as_points([]).shape == (0, 2)


@few
@given(nonempty, nonempty, shifts)
def test_equivalence_is_equality_of_vec(p: list, q: list, shift: tuple) -> None:
    p, q = sorted(set(p)), sorted(set(q))
    moved = np.array(p) + np.array(shift)
    assert equivalent(as_points(p), as_points(moved))
    same = len(p) == len(q) and naive.vec(p) == naive.vec(q)
    assert equivalent(as_points(p), as_points(q)) == same
    assert [tuple(v) for v in vectors(as_points(p)).tolist()] == list(naive.vec(p))


@few
@given(nonempty)
def test_tec_matches_its_twin(points: list) -> None:
    pattern = sorted(set(points))[:2]
    found = find_tec(as_points(pattern), as_points(points))
    twin = naive.tec(pattern, points)
    assert found.key() == twin
    assert set(map(tuple, found.coverage().tolist())) == naive.covered(twin)
    assert found.conjugate().key() == naive.conjugate(twin)
    assert found.without_redundant_translators().key() == naive.drop_redundant(twin)


@few
@given(nonempty)
def test_conjugate_covers_the_same_and_is_an_involution(points: list) -> None:
    tec = find_tec(as_points(sorted(set(points))[:3]), as_points(points))
    assert np.array_equal(tec.coverage(), tec.conjugate().coverage())
    assert tec.conjugate().conjugate() == tec
    assert hash(tec.conjugate().conjugate()) == hash(tec)


def test_redundant_translators_go_last_first_and_zero_stays() -> None:
    """Steps 0-4 by pairs at 0, 1, 2, 3: from the end, 3 is needed, 2 is not, then 1 is; from the start 1 would go."""
    tec = TEC(as_points([(0, 0), (1, 0)]), as_points([(0, 0), (1, 0), (2, 0), (3, 0)]))
    assert tec.without_redundant_translators().translators.tolist() == [[0, 0], [1, 0], [3, 0]]


def test_pattern_that_is_empty_or_absent_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        find_tec(as_points([]), as_points([(0, 0)]))
    with pytest.raises(ValueError, match="must occur"):
        find_tec(as_points([(0, 0), (1, 1)]), as_points([(0, 0)]))


@few
@given(pieces)
def test_sorted_distinct(points: list) -> None:
    assert list(map(tuple, as_points(points).tolist())) == sorted(set(points))


def test_repr_says_size_place_and_count() -> None:
    assert repr(TEC(as_points([(3, 4)]), as_points([(0, 0)]))) == "TEC(1 points from (3, 4), 1 times)"
    assert TEC(as_points([(3, 4)]), as_points([(0, 0)])) != 3
    assert pointset.TICKS_PER_BEAT == 480

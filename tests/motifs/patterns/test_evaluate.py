"""The evaluation of all methods: rows a movement, means, intervals, and methods that others add."""

from __future__ import annotations

import numpy as np
import pytest

from softaxes.motifs.patterns import evaluate
from softaxes.motifs.patterns.datasets.bps_motif import Movement, Occurrence
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TEC
from softaxes.motifs.patterns.similarities import SIMILARITIES

from .test_scores import clip, movement


@pytest.fixture(scope="module")
def planted() -> Movement:
    """One motif of eight notes, five times, transposed, between random notes."""
    rng = np.random.default_rng(3)
    shape = [(0, 0), (120, 2), (240, 4), (480, 5), (600, 4), (720, 7), (840, 9), (960, 4)]
    points, occurrences = [], []
    for k in range(5):
        start = 2880 * k
        found = [(start + t, 60 + 2 * k + p) for t, p in shape]
        occurrences.append(Occurrence("A", k + 1, clip(found)))
        points += found + [(start + 1200 + 120 * i, int(rng.integers(50, 80))) for i in range(10)]
    return Movement("planted", clip(sorted(points)), occurrences)


@pytest.mark.parametrize("name", list(evaluate.DISCOVERY))
def test_every_method_reports_planted_motifs(name: str, planted: Movement) -> None:
    rows = evaluate.evaluate_discovery([planted], {name: evaluate.DISCOVERY[name]})
    assert set(rows[name][0]) == set(evaluate.DISCOVERY_MEASURES)
    assert rows[name][0]["est_f1"] > 0.1
    assert all(0 <= value <= 1 for value in rows[name][0].values())


@pytest.mark.parametrize("name", list(evaluate.DISCOVERY))
def test_every_method_takes_an_empty_movement_and_one_note(name: str) -> None:
    nothing = np.zeros(0, np.int64)
    assert evaluate.DISCOVERY[name](Notes(nothing, nothing, nothing)) == []
    assert evaluate.DISCOVERY[name](clip([(0, 60)])) == []


def test_segment_mode_holds_all_notes_of_the_span(planted: Movement) -> None:
    narrow, wide = (evaluate.cosiatec_patterns(planted.notes, segment=s) for s in (False, True))
    for thin, thick in zip(narrow, wide, strict=True):
        for a, b in zip(thin, thick, strict=True):
            assert set(map(tuple, a.tolist())) <= set(map(tuple, b.tolist()))
    assert sum(len(o) for p in wide for o in p) > sum(len(o) for p in narrow for o in p)


def test_patterns_that_occur_once_or_are_mere_intervals_are_not_reported() -> None:
    points = clip([(0, 60), (1, 62), (2, 64), (9, 60), (10, 62), (11, 64)]).points()
    once, interval = TEC(points, points[:1] * 0), TEC(points[:2], np.array([(0, 0), (9, 0)]))
    twice = TEC(points[:3], np.array([(0, 0), (9, 0)]))
    assert [len(p) for p in evaluate.patterns_of([once, interval, twice])] == [2]


def test_a_learned_method_is_one_more_key() -> None:
    pieces = [movement({"A": [4] * 3, "B": [7] * 3}), movement({"A": [5] * 3, "B": [6] * 3})]
    oracle = {id(o.notes): o.letter for piece in pieces for o in piece.occurrences}

    def learned(queries: list, gallery: list) -> np.ndarray:
        return np.array([[float(oracle.get(id(q)) == oracle.get(id(g))) for g in gallery] for q in queries])

    rows = evaluate.evaluate_retrieval(pieces, {**SIMILARITIES, "oracle": learned})
    table = evaluate.means(rows)
    assert table["oracle"] == {"map": 1.0, "p1": 1.0, "map_nonexact": 1.0}
    assert set(table) == {*SIMILARITIES, "oracle"}
    assert all(len(r) == 2 for r in rows.values())
    assert table["note count"]["map"] == 1.0


def test_a_discovery_method_that_returns_the_truth_scores_one(planted: Movement) -> None:
    rows = evaluate.evaluate_discovery([planted], {"truth": lambda notes: planted.patterns()})
    assert evaluate.means(rows)["truth"] == dict.fromkeys(evaluate.DISCOVERY_MEASURES, 1.0)


def test_intervals_hold_the_mean_and_skip_movements_without_a_value() -> None:
    rows = {"m": [{"map": v} for v in (0.2, 0.4, float("nan"), 0.9)]}
    mean, low, high = evaluate.summary(rows)["m"]["map"]
    assert mean == pytest.approx(0.5) == evaluate.means(rows)["m"]["map"]
    assert low < mean < high


def test_measures_without_any_value_are_nan() -> None:
    assert np.isnan(evaluate.summary({"m": [{"map": float("nan")}]})["m"]["map"]).all()
    assert np.isnan(evaluate.means({"m": [{"map": float("nan")}]})["m"]["map"])
    assert evaluate.means({"m": []}) == {}


@pytest.mark.data
def test_classic_retrieval_on_one_movement(bps_motif_zip: object) -> None:
    from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif

    rows = evaluate.evaluate_retrieval(load_bps_motif(bps_motif_zip, [14]))  # type: ignore[arg-type]
    table = evaluate.means(rows)
    assert table["combined"]["map"] > table["rhythm"]["map"] > table["note count"]["map"]
    assert table["combined"]["map_nonexact"] > table["note count"]["map_nonexact"] + 0.2

"""Discovery scores against mir_eval, retrieval scores against all orders, similarities against their twins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.motifs.patterns.datasets.bps_motif import Movement, Occurrence
from softaxes.motifs.patterns.notes import Notes, notes_from_columns
from softaxes.motifs.patterns.scores.discovery import discovery_scores, f1
from softaxes.motifs.patterns.scores.retrieval import (
    PER_RELEVANT,
    average_precision,
    exact_pairs,
    map_and_p1,
    map_nonexact,
    non_exact_tasks,
    precision_at_1,
    retrieval,
)
from softaxes.motifs.patterns.similarities import SIMILARITIES, note_count, overlap

from . import naive
from .strategies import few, nonempty, pieces, shifts

occurrence = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=5, unique=True)
patterns = st.lists(st.lists(occurrence, min_size=1, max_size=4), min_size=1, max_size=4)


def clip(points: list, morphetic: list[int] | None = None, staff: int = 0) -> Notes:
    onset, midi = np.array(points, np.int64).reshape(-1, 2).T
    steps = midi * 7 // 12 if morphetic is None else np.array(morphetic)
    return Notes(onset, midi, np.full(len(onset), 60), steps, np.full(len(onset), staff))


def movement(lengths: dict[str, list[int]]) -> Movement:
    """Occurrences of these letters and note counts, far apart, over a running accompaniment in staff 1."""
    rng = np.random.default_rng(0)
    occurrences, time = [], 0
    for letter, counts in lengths.items():
        for k, count in enumerate(counts):
            points = [(time + 120 * i, 70 + int(rng.integers(0, 12))) for i in range(count)]
            occurrences.append(Occurrence(letter, k + 1, clip(points)))
            time += 120 * count + 480
    left = clip([(t, 40 + t // 120 % 7) for t in range(0, time, 120)], staff=1)
    parts = [o.notes for o in occurrences] + [left]
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(left) if name != "measure"}
    return Movement("test", Notes(**columns), occurrences)


# --- discovery


@few
@given(patterns, patterns)
def test_discovery_scores_equal_mir_eval(reference: list, estimated: list) -> None:
    pattern = pytest.importorskip("mir_eval.pattern")
    expected = {
        "est": pattern.establishment_FPR(reference, estimated),
        "occ75": pattern.occurrence_FPR(reference, estimated, thres=0.75),
        "occ5": pattern.occurrence_FPR(reference, estimated, thres=0.5),
        "three_layer": pattern.three_layer_FPR(reference, estimated),
    }
    found = discovery_scores(reference, estimated)
    for name, (f, p, r) in expected.items():
        if name == "three_layer" or name == "est":
            assert found[f"{name}_p"] == pytest.approx(p)
            assert found[f"{name}_r"] == pytest.approx(r)
        assert found[f"{name}_f1"] == pytest.approx(f)


def test_pairs_below_the_threshold_do_not_count_however_precise() -> None:
    first, second = [(t, 60) for t in range(5)], [(t, 70) for t in range(5)]
    exact_once = [first]
    vague_twice = [[*first[:3], (90, 1), (91, 1)], [*second[:3], (92, 1), (93, 1)]]
    found = discovery_scores([exact_once, vague_twice], [[first, second]])
    assert found["occ75_p"] == pytest.approx(0.5)
    assert found["occ5_p"] == pytest.approx(0.6)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    draw = [[rng.integers(0, 5, (4, 2)) for _ in range(rng.integers(1, 4))] for _ in range(9)]
    whole = discovery_scores(draw[:4], draw[3:])
    monkeypatch.setattr("softaxes.motifs.patterns.scores.discovery.BATCH_OCCURRENCES", 2)
    assert discovery_scores(draw[:4], draw[3:]) == whole


@few
@given(patterns)
def test_perfect_discovery_scores_one(truth: list) -> None:
    assert all(discovery_scores(truth, truth)[name] == pytest.approx(1) for name in ("est_f1", "three_layer_f1"))


def test_nothing_found_scores_zero() -> None:
    assert set(discovery_scores([[[(0, 0)]]], []).values()) == {0.0}
    assert set(discovery_scores([], [[[(0, 0)]]]).values()) == {0.0}
    assert set(discovery_scores([[[(0, 0)]]], [[[(1, 1)]]]).values()) == {0.0}
    assert f1(0.0, 0.0) == 0.0


def test_empty_patterns_and_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="`estimated` pattern 1 has no occurrence"):
        discovery_scores([[[(0, 0)]]], [[[(0, 0)]], []])
    with pytest.raises(ValueError, match="`reference` pattern 0 has an occurrence without notes"):
        discovery_scores([[[]]], [[[(0, 0)]]])
    with pytest.raises(ValueError, match="whole numbers"):
        discovery_scores([[[(0.5, 0)]]], [[[(0, 0)]]])


# --- retrieval


@few
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6))
def test_average_precision_is_the_mean_over_orders(items: list) -> None:
    scores, relevant = [s for s, _ in items], [r for _, r in items]
    if any(relevant):
        assert average_precision(scores, relevant) == pytest.approx(naive.expected_average_precision(scores, relevant))
        top = [r for s, r in items if s == max(scores)]
        assert precision_at_1(scores, relevant) == pytest.approx(sum(top) / len(top))
    else:
        assert np.isnan(average_precision(scores, relevant))
        assert np.isnan(precision_at_1(scores, relevant))


def test_perfect_and_worst_ranking() -> None:
    assert average_precision([3, 2, 1], [True, True, False]) == 1.0
    assert average_precision([1, 2, 3], [True, False, False]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("bad", [([], []), ([1.0], [True, False]), ([[1.0]], [[True]])])
def test_unequal_lists_are_refused(bad: tuple) -> None:
    with pytest.raises(ValueError, match="equally long"):
        average_precision(*bad)


def test_nan_scores_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be nan"):
        average_precision([float("nan")], [True])
    with pytest.raises(ValueError, match="`scores` must be square"):
        map_and_p1(np.zeros((2, 3)), ["a", "b"])


def test_map_leaves_the_query_out_and_skips_single_letters() -> None:
    scores = np.array([[9, 1, 2, 0], [5, 9, 1, 0], [0, 3, 9, 1], [9, 9, 9, 9]])
    assert map_and_p1(scores, ["a", "a", "b", "c"]) == (pytest.approx((1 / 2 + 1) / 2), pytest.approx(1 / 2))
    assert np.isnan(map_and_p1(np.zeros((2, 2)), ["a", "b"])).all()


def test_exact_pairs_are_chromatic_or_morphetic_translations() -> None:
    base = clip([(0, 60), (1, 64), (2, 67)], [60, 62, 64])
    up = clip([(9, 62), (10, 66), (11, 69)], [61, 63, 66])
    minor = clip([(5, 62), (6, 65), (7, 69)], [61, 63, 65])
    other = clip([(5, 62), (6, 65), (7, 70)], [61, 63, 67])
    assert exact_pairs([base, up, minor, other]).astype(int).tolist() == [
        [1, 1, 1, 0],
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [0, 0, 0, 1],
    ]


def test_distractors_have_the_size_of_their_owner_and_touch_no_occurrence() -> None:
    piece = movement({"A": [4, 5, 4, 6], "B": [9, 8, 7], "C": [3, 3]})
    for task in non_exact_tasks(piece):
        taken = {tuple(p) for c in task.clips for p in c.points().tolist()}
        assert np.bincount(task.owner).tolist() == [PER_RELEVANT] * len(task.clips)
        for owner, distractor in zip(task.owner, task.distractors, strict=True):
            assert len(distractor.points()) == len(task.clips[owner].points())
            assert not taken & set(map(tuple, distractor.points().tolist()))


def test_note_count_is_at_chance_once_sizes_are_matched() -> None:
    piece = movement({"A": [4] * 6, "B": [9] * 6, "C": [6] * 6, "D": [12] * 6})
    constant = lambda q, g: np.zeros((len(q), len(g)))  # noqa: E731
    plain, matched = retrieval(piece, note_count), retrieval(piece, constant)
    assert plain.map == 1.0
    assert plain.map_nonexact == pytest.approx(matched.map_nonexact)
    assert matched.map < 0.5


def test_all_methods_see_the_same_distractors() -> None:
    piece = movement({"A": [4] * 3, "B": [9] * 3})
    tasks = non_exact_tasks(piece)
    alone = map_nonexact(tasks, overlap)
    assert alone == retrieval(piece, overlap).map_nonexact == retrieval(piece, overlap, tasks).map_nonexact


def test_movement_without_motifs_scores_nan() -> None:
    empty = Movement("empty", clip([(0, 60)]), [])
    assert np.isnan([retrieval(empty, overlap).map, retrieval(empty, overlap).map_nonexact]).all()


def test_movement_without_staves_draws_from_its_top_voice() -> None:
    piece = movement({"A": [4, 5], "B": [9]})
    bare = Movement("bare", Notes(piece.notes.onset, piece.notes.midi, piece.notes.duration), piece.occurrences)
    assert all(len(d.points()) in (4, 5) for task in non_exact_tasks(bare) for d in task.distractors)


# --- similarities


def score(name: str, a: list, b: list) -> float:
    return float(SIMILARITIES[name]([clip(a)], [clip(b)])[0, 0])


@few
@given(nonempty, nonempty)
def test_similarities_equal_their_twins(a: list, b: list) -> None:
    a, b = sorted(set(a)), sorted(set(b))
    assert score("overlap chromatic", a, b) == pytest.approx(naive.overlap(a, b))
    onsets = [[(t, 0) for t, _ in p] for p in (a, b)]
    assert score("rhythm", a, b) == pytest.approx(naive.overlap(*onsets))
    steps = [tuple(y[1] - x[1] for x, y in pairwise(p)) for p in (a, b)]
    longest = max(len(s) for s in steps)
    if longest:
        assert score("sequence chromatic", a, b) == pytest.approx(1 - naive.edit_distance(*steps) / longest)
        assert score("common chromatic", a, b) == pytest.approx(naive.longest_common(*steps) / longest)
    parts = ("overlap chromatic", "rhythm", "sequence chromatic")
    assert score("combined", a, b) == pytest.approx(sum(score(name, a, b) for name in parts) / 3)
    assert score("note count", a, b) == min(len(a), len(b)) / max(len(a), len(b))


@few
@given(nonempty, nonempty, shifts)
@pytest.mark.parametrize("name", list(SIMILARITIES))
def test_similarities_are_symmetric_bounded_and_ignore_translation(name: str, a: list, b: list, shift: tuple) -> None:
    value = score(name, a, b)
    assert 0 <= value <= 1 + 1e-12
    assert score(name, b, a) == pytest.approx(value)
    if "morphetic" not in name:
        assert score(name, a, [(t + shift[0], p + shift[1]) for t, p in b]) == pytest.approx(value)
    assert score(name, a, a) == pytest.approx(1)


def test_a_late_low_note_is_not_an_early_high_one() -> None:
    assert score("overlap chromatic", [(0, 60), (1, 28)], [(0, 60), (5, 60)]) == 0.5


def test_morphetic_overlap_hears_a_minor_answer() -> None:
    major, minor = clip([(0, 60), (1, 64), (2, 67)], [60, 62, 64]), clip([(0, 62), (1, 65), (2, 69)], [61, 63, 65])
    assert SIMILARITIES["overlap morphetic"]([major], [minor])[0, 0] == 1.0
    assert SIMILARITIES["overlap chromatic"]([major], [minor])[0, 0] == pytest.approx(2 / 3)
    assert SIMILARITIES["sequence morphetic"]([major], [minor])[0, 0] == 1.0


@pytest.mark.parametrize("name", list(SIMILARITIES))
def test_no_clip_gives_an_empty_matrix(name: str) -> None:
    assert SIMILARITIES[name]([], [clip([(0, 60)])]).shape == (0, 1)


def test_morphetic_scores_without_spelling_say_the_way_out() -> None:
    bare = notes_from_columns([0, 1], [60, 62])
    with pytest.raises(ValueError, match="use pitch='chromatic'"):
        SIMILARITIES["overlap morphetic"]([bare], [bare])


@few
@given(pieces)
def test_wide_pitches_do_not_collide(points: list) -> None:
    far = [(t, p + 100) for t, p in points]
    if points:
        assert score("overlap chromatic", points, far) == 1.0

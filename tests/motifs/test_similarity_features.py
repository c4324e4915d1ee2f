"""Similarity features: equal to loops, symmetric, 1 on equal clips, blind to place and register."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
import pytest

from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.similarity_features import FEATURES, similarity_features
from softaxes.motifs.spelling import guess_morphetic

from .pieces import MOTIF, clip, placed, random_clip

AT = {name: k for k, name in enumerate(FEATURES)}
BY_BEST_SHIFT = ("soft", "contour at soft", "loose", "beat")  # ties between shifts may be broken either way
SIZES = {"smaller count", "larger count", "smaller span", "larger span"}


def value(a, b, name):
    return similarity_features([a], [b])[0, 0, AT[name]]


def points(c):
    return sorted(set(zip(c.onset.tolist(), c.midi.tolist(), strict=True)))


def translation_twin(a, b):
    """Most points of a that one vector moves onto points of b."""
    vectors = {(q[0] - p[0], q[1] - p[1]) for p in a for q in b}
    return max(len({(x + v, y + w) for x, y in a} & set(b)) for v, w in vectors)


def edit_twin(a, b):
    @lru_cache(None)
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    longer = max(len(a), len(b))
    return 1 - distance(len(a), len(b)) / longer if longer else 1.0


def steps(values):
    return [y - x for x, y in itertools.pairwise(values)]


def test_translation_rhythm_and_edits_equal_their_loops(rng: np.random.Generator) -> None:
    for _ in range(40):
        a, b = random_clip(rng), random_clip(rng)
        p, q = points(a), points(b)
        longer, shorter = max(len(p), len(q)), min(len(p), len(q))
        count = translation_twin(p, q)
        assert value(a, b, "translation chromatic / longer") == pytest.approx(count / longer)
        assert value(a, b, "translation chromatic / shorter") == pytest.approx(count / shorter)
        onsets = [sorted({(x, 0) for x, _ in s}) for s in (p, q)]
        assert value(a, b, "rhythm / longer") == pytest.approx(translation_twin(*onsets) / max(map(len, onsets)))
        pitches = [[y for _, y in s] for s in (p, q)]
        assert value(a, b, "edit chromatic") == pytest.approx(edit_twin(*map(steps, pitches)))
        gaps = [steps([x for x, _ in s]) for s in (p, q)]
        assert value(a, b, "edit gaps") == pytest.approx(edit_twin(*gaps))


def test_measures_are_symmetric_bounded_and_one_on_equal_clips(rng: np.random.Generator) -> None:
    clips = [random_clip(rng) for _ in range(12)] + [clip(placed(0, 60))]
    all_pairs = similarity_features(clips, clips)
    sure = [k for k, name in enumerate(FEATURES) if not name.startswith(BY_BEST_SHIFT)]
    np.testing.assert_allclose(all_pairs[..., sure], all_pairs.transpose(1, 0, 2)[..., sure], atol=1e-12)
    assert all_pairs.min() >= 0
    assert all_pairs.max() <= 1 + 1e-9
    itself = similarity_features([clips[-1]], [clips[-1]])[0, 0]
    not_one = {name for name in FEATURES if abs(itself[AT[name]] - 1) > 1e-9}
    assert not_one == SIZES | {name for name in FEATURES if name.startswith("scaled")}


def test_place_and_octave_change_nothing() -> None:
    a, b = clip(placed(0, 60)), clip(placed(960, 72, MOTIF[:4]))
    moved = clip([(x + 12 * 480, y + 12) for x, y in points(b)])  # whole bars of 2, 3 and 4 beats
    np.testing.assert_allclose(similarity_features([a], [b]), similarity_features([a], [moved]), atol=1e-12)


def test_what_each_measure_forgives() -> None:
    a = clip(placed(0, 60))
    slow = clip([(2 * x, y) for x, y in placed(0, 60)])
    other_rhythm = clip([(130 * k, 60 + p) for k, (_, p) in enumerate(MOTIF)])
    octave = clip([(t, 60 + p + (12 if k > 2 else 0)) for k, (t, p) in enumerate(MOTIF)])
    head = clip(placed(0, 60, MOTIF[:4]))
    assert value(a, slow, "scaled translation / longer") == 1
    assert value(a, slow, "translation chromatic / longer") < 0.5
    assert value(a, other_rhythm, "edit chromatic") == 1
    assert value(a, other_rhythm, "local steps / longer") == 1
    assert value(a, octave, "octaves / longer") == 1
    assert value(a, octave, "rhythm / longer") == 1
    assert value(a, head, "translation chromatic / shorter") == 1
    assert value(a, head, "head both") == 1
    assert value(a, clip(placed(120, 60)), "beat 1") == 0
    assert value(a, clip(placed(480, 60)), "beat 1") == 1


def test_a_clip_without_notes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one note"):
        similarity_features([clip([])], [clip([(0, 60)])])
    assert similarity_features([], [clip([(0, 60)])]).shape == (0, 1, len(FEATURES))


def test_spelling_of_known_scales() -> None:
    up = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    for tonic in (55, 60, 62, 65):  # G, C, D, F
        assert np.diff(guess_morphetic(tonic + np.r_[up, up[::-1]])).tolist() == [1] * 7 + [0] + [-1] * 7
    assert guess_morphetic([60, 62, 64, 65, 67, 69, 71, 72]).tolist() == [60, 61, 62, 63, 64, 65, 66, 67]
    assert guess_morphetic([]).tolist() == []


def test_spelling_of_a_leading_note_and_a_flat_third() -> None:
    c_minor = [60, 62, 63, 65, 67, 68, 71, 72] * 2
    assert guess_morphetic(c_minor)[:8].tolist() == [60, 61, 62, 63, 64, 65, 66, 67]


def test_given_spelling_is_used() -> None:
    notes = clip([(0, 60), (240, 61), (480, 62)])
    one = Notes(notes.onset, notes.midi, notes.duration, np.array([60, 61, 62]))
    two = Notes(notes.onset, notes.midi, notes.duration, np.array([60, 60, 61]))
    assert value(one, two, "translation diatonic / longer") == pytest.approx(2 / 3)
    assert value(one, two, "translation chromatic / longer") == 1

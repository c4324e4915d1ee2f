"""n-gram lexicons: tokens, t statistic, and what the factored tokens lose."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from softaxes.motifs.patterns.ngrams import count_ngrams, lexicon, prediction, t_statistic, tokens

VOICE = [(0, 60), (240, 62), (480, 64), (960, 60)]


def test_tokens_are_intervals_times_or_both() -> None:
    assert tokens(VOICE, "pitch") == [2, 2, -4]
    assert tokens(VOICE, "rhythm") == [240, 240, 480]
    assert tokens(VOICE) == [(2, 240), (2, 240), (-4, 480)]
    assert tokens(VOICE, "rhythm", "ratio") == [Fraction(1), Fraction(2)]
    assert tokens(VOICE, "combined", "ratio") == [(2, Fraction(1)), (-4, Fraction(2))]
    assert tokens([(0, 60)]) == tokens([]) == []


def test_ratio_tokens_ignore_the_tempo() -> None:
    slow = [(3 * t, p + 7) for t, p in VOICE]
    assert tokens(slow, "combined", "ratio") == tokens(VOICE, "combined", "ratio")


def test_runs_do_not_cross_melodies() -> None:
    assert count_ngrams([[1, 2], [1, 2, 3]], 2) == Counter({(1, 2): 2, (2, 3): 1})


def test_t_statistic_by_hand() -> None:
    # 8 of 100 bigrams, expected .02: (.08 - .02) / sqrt(.08 * .92 / 100)
    assert t_statistic(8, 100, 0.02) == pytest.approx(0.06 / sqrt(0.08 * 0.92 / 100))
    assert t_statistic(2, 100, 0.02) == 0
    assert t_statistic(1, 100, 0.02) < 0
    assert t_statistic(4, 4, 0.25) == pytest.approx(0.75 / sqrt(1 / 4))


def test_lexicon_finds_the_run_that_chance_does_not_make() -> None:
    rng = np.random.default_rng(0)
    melodies = [rng.integers(0, 5, 200).tolist() for _ in range(5)]
    for melody in melodies:
        for at in range(0, 200, 25):
            melody[at : at + 3] = [4, 0, 3]
    found = lexicon(melodies, lengths=(2, 3, 12, 300), size=3)
    assert found[3][0].ngram == (4, 0, 3)
    assert {e.ngram for e in found[2][:2]} == {(4, 0), (0, 3)}
    assert found[3][0].t > found[3][1].t
    assert len(found[2]) == 3
    assert found[300] == []
    assert all(e.count >= 2 for entries in found.values() for e in entries)


def test_lexicon_of_nothing_is_empty() -> None:
    assert lexicon([], lengths=(2,)) == {2: []}
    assert lexicon([[1]], lengths=(2,)) == {2: []}


def test_combined_tokens_know_which_time_goes_with_which_interval() -> None:
    """Each (interval, time) pair names the next one; either part alone leaves two continuations open."""
    rng = np.random.default_rng(1)
    following = {(1, 1): (2, 1), (2, 1): (1, 2), (1, 2): (2, 2), (2, 2): (1, 1)}
    follow = {(1, 120): (2, 240), (2, 240): (1, 240), (1, 240): (2, 120), (2, 120): (1, 120)}
    assert set(following) == set(following.values())
    voices = []
    for _ in range(6):
        state, time, pitch, points = (1, 120), 0, 60, [(0, 60)]
        for _ in range(60):
            time, pitch = time + state[1], pitch + state[0]
            points.append((time, pitch))
            state = follow[state] if rng.random() < 0.95 else list(follow)[rng.integers(4)]
        voices.append(points)
    scores = prediction(voices[:5], voices[5:], longest=1)
    assert scores["combined"] > scores["factored"] + 0.2
    assert scores["combined"] > scores["no context"]
    assert scores["pitch of combined"] >= scores["combined"]


def test_prediction_without_test_tokens_is_nan() -> None:
    assert np.isnan(prediction([VOICE], [[(0, 60)]])["combined"])


def test_prediction_of_a_learned_melody_is_certain_after_its_start() -> None:
    assert prediction([VOICE], [VOICE])["combined"] == 1.0


@pytest.mark.parametrize("options", [{"kind": "timbre"}, {"rhythm": "swing"}])
def test_unknown_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        tokens(VOICE, **options)


def test_polyphony_and_bad_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="needs one voice"):
        tokens([(0, 60), (0, 64)])
    with pytest.raises(ValueError, match="`lengths` must be >= 1"):
        lexicon([[1, 2]], lengths=(0,))

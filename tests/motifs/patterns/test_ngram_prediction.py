"""Combined n-grams save bits exactly where pitch and rhythm depend on each other."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from softaxes.motifs.patterns.ngram_prediction import WittenBell, predict_next


def voice(rng: np.random.Generator, notes: int, bound: bool) -> np.ndarray:
    """Each step is one of four, never depending on the past; ``bound``: its time follows from its interval."""
    intervals = rng.choice([-2, -1, 1, 2], notes)
    times = np.abs(intervals) * 120 if bound else rng.choice([120, 240], notes)
    return np.stack([np.cumsum(np.r_[0, times]), 60 + np.cumsum(np.r_[0, intervals])], axis=1)


def test_probabilities_sum_to_one_with_the_unknown() -> None:
    model = WittenBell([list("abracadabra"), list("abba")], 3)
    for past in ("", "a", "ab", "zz", "bra"):
        known = sum(model.probability(past, token) for token in "abcdr")
        assert known + model.probability(past, "?") == pytest.approx(1, abs=1e-12)


def test_probabilities_by_hand() -> None:
    """Witten-Bell on "aab" with one token of context."""
    model = WittenBell([list("aab")], 1)
    alone = {"a": (2 + 2 / 3) / 5, "b": (1 + 2 / 3) / 5}
    assert model.probability("", "a") == pytest.approx(alone["a"])
    assert model.probability("a", "b") == pytest.approx((1 + 2 * alone["b"]) / 4)
    assert model.probability("b", "b") == pytest.approx(alone["b"])  # nothing ever followed "b"
    assert model.by_order("a", "b") == pytest.approx([alone["b"], (1 + 2 * alone["b"]) / 4])
    assert model.by_order("", "b") == pytest.approx([alone["b"]] * 2)


def test_pairs_sum_to_one_over_known_and_unknown_parts() -> None:
    pairs = [[(1, 10), (2, 20), (1, 10), (1, 20)]]
    model = WittenBell(pairs, 2, base=1 / 9)
    everything = product((1, 2, "?"), (10, 20, "?"))
    assert sum(model.probability([(1, 10)], pair) for pair in everything) == pytest.approx(1)


def test_bound_parts_are_what_combined_ngrams_carry(rng: np.random.Generator) -> None:
    """The time follows from the interval: the pair has 2 bits, the factored parts think it has 3."""
    voices = [voice(rng, 120, True) for _ in range(30)]
    found = predict_next(voices[:20], voices[20:], longest=3)
    bits = {name: sums.sum() / found.notes.sum() for name, sums in found.bits.items()}
    assert bits["combined"] == pytest.approx(2, abs=0.05)
    assert bits["factored"] == pytest.approx(3, abs=0.05)
    assert bits["both"] <= bits["combined"] + 0.02
    assert found.share >= 0.9
    assert bits["chance"] == pytest.approx(np.log2(5 * 3))


def test_free_parts_leave_nothing_to_combined_ngrams(rng: np.random.Generator) -> None:
    voices = [voice(rng, 120, False) for _ in range(30)]
    found = predict_next(voices[:20], voices[20:], longest=3)
    bits = {name: sums.sum() / found.notes.sum() for name, sums in found.bits.items()}
    assert bits["factored"] == pytest.approx(3, abs=0.05)
    assert bits["both"] == pytest.approx(bits["factored"], abs=0.03)
    assert bits["combined"] >= bits["factored"] - 0.01


def test_long_contexts_are_used_where_they_help_and_only_there(rng: np.random.Generator) -> None:
    """Intervals repeat every three notes; times are free."""
    voices = []
    for _ in range(12):
        intervals = np.tile([2, -1, 2, 3, -6], 20)
        times = rng.choice([120, 240], 100)
        voices.append(np.stack([np.cumsum(np.r_[0, times]), 60 + np.cumsum(np.r_[0, intervals])], axis=1))
    found = predict_next(voices[:9], voices[9:], longest=4)
    assert found.orders["pitch"] >= 2  # after a 2 comes -1 or 3
    assert found.orders["rhythm"] == 0
    assert found.bits["factored"].sum() / found.notes.sum() == pytest.approx(1, abs=0.3)


def test_right_guesses_are_counted_by_song() -> None:
    """One tune in every song: from the second step on the context says all."""
    tune = [(0, 60), (120, 62), (360, 59), (480, 64), (840, 60)]
    found = predict_next([tune] * 6, [tune, tune[:3], tune[:1]], longest=4)
    assert found.notes.tolist() == [4, 2, 0]
    assert found.right["combined"].tolist() == [4, 2, 0]
    assert found.right["no context"].tolist() == [1, 1, 0]


def test_bad_input(rng: np.random.Generator) -> None:
    tune = [(0, 60), (120, 62)]
    with pytest.raises(ValueError, match="`train` must hold >= 5 voices"):
        predict_next([tune] * 4, [tune])
    with pytest.raises(ValueError, match="`longest` be >= 1"):
        predict_next([tune] * 5, [tune], longest=0)
    with pytest.raises(ValueError, match="needs one voice"):
        predict_next([tune] * 5, [[(0, 60), (0, 64)]])
    assert predict_next([[(0, 60)]] * 5, []).notes.size == 0

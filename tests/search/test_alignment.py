"""The exact shift and its overlap, against loops over every translation."""

from __future__ import annotations

import numpy as np
import pytest

from softaxes.search.alignment import align, relation, shared_rhythm

QUERY = np.array([[0, 60], [4, 62], [6, 64], [8, 60]])


def slow_best(query: np.ndarray, notes: np.ndarray, guess: int, slack: int) -> int:
    """Most coinciding notes over all translations, by brute force."""
    have = {tuple(row) for row in notes.tolist()}
    return max(
        sum((onset + guess + delay, pitch + semitones) in have for onset, pitch in query.tolist())
        for delay in range(-slack, slack + 1)
        for semitones in range(-127, 128)
    )


def test_equal_to_every_translation_tried(rng: np.random.Generator) -> None:
    for _ in range(25):
        notes = np.unique(np.c_[rng.integers(0, 40, 30), rng.integers(50, 70, 30)], axis=0)
        query = np.unique(np.c_[rng.integers(0, 12, 6), rng.integers(50, 70, 6)], axis=0)
        found = align(query, notes, 12, 15, slack_steps=3)
        assert found.matched == slow_best(query, notes, 15, 3)
        there = {tuple(row) for row in notes.tolist()}
        moved = query + np.array([found.steps, found.semitones])
        assert sum(tuple(row) in there for row in moved.tolist()) == found.matched


@pytest.mark.parametrize(("delay", "semitones"), [(0, 0), (32, 7), (33, -5), (30, 12)])
def test_a_moved_copy_is_exact(delay: int, semitones: int) -> None:
    others = np.array([[100, 50], [104, 70]])
    notes = np.r_[QUERY + np.array([delay, semitones]), others]
    found = align(QUERY, notes, 10, delay + 1, slack_steps=2)
    assert (found.steps, found.semitones, found.overlap) == (delay, semitones, 1.0)
    assert shared_rhythm(QUERY, notes, 10, found.steps) == 1.0
    assert relation(1.0, 1.0) == "exact"


def test_more_notes_than_asked_lower_the_overlap() -> None:
    notes = np.r_[QUERY, [[1, 70], [2, 70], [3, 70], [5, 70]]]
    notes = notes[np.argsort(notes[:, 0], kind="stable")]
    assert align(QUERY, notes, 10, 0).overlap == 4 / 8


def test_rhythm_kept_and_varied() -> None:
    notes = QUERY * [1, 0] + [0, 60]
    found = align(QUERY, notes, 10, 0)
    assert found.overlap == 0.5
    assert relation(found.overlap, shared_rhythm(QUERY, notes, 10, found.steps)) == "rhythm kept"
    assert relation(0.5, 0.75) == "varied"


def test_ties_go_to_the_guess() -> None:
    """One note each: any interval matches one note, the guess decides."""
    notes = np.array([[0, 60], [0, 67]])
    assert align(np.array([[0, 55]]), notes, 1, 0, guess_semitones=11.2).semitones == 12
    assert align(np.array([[0, 55]]), notes, 1, 0, guess_semitones=6.0).semitones == 5


def test_nothing_there() -> None:
    found = align(QUERY, np.array([[500, 60]]), 10, 0, guess_semitones=2.6, slack_steps=4)
    assert found == (0, 3, 0, 0.0)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="`query` needs notes"):
        align(np.zeros((0, 2), int), QUERY, 10, 0)
    with pytest.raises(ValueError, match="`slack_steps` must be >= 0"):
        align(QUERY, QUERY, 10, 0, slack_steps=-1)


def test_a_hundred_thousand_notes_are_linear(rng: np.random.Generator) -> None:
    notes = np.c_[np.arange(100_000), rng.integers(40, 80, 100_000)]
    found = align(notes + np.array([0, -3]), notes, 100_000, 0, slack_steps=2)
    assert (found.steps, found.semitones, found.overlap) == (0, 3, 1.0)

"""Note lists: spelling, the top voice, and the way out of polyphony."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.motifs.patterns.notes import Notes, check_monophonic, notes_from_columns, skyline

from .strategies import few

note = st.tuples(st.integers(0, 8), st.integers(60, 66), st.integers(0, 5))


def naive_skyline(notes: list[tuple[int, int, int]]) -> set[tuple[int, int]]:
    """A note stays if no higher one starts with it or sounds through its onset."""
    return {(t, p) for t, p, _ in notes if not any(q > p and (u == t or u < t < u + length) for u, q, length in notes)}


@few
@given(st.lists(note, max_size=12))
def test_skyline_matches_its_twin(notes: list[tuple[int, int, int]]) -> None:
    onset, pitch, duration = (np.array([n[k] for n in notes], np.int64) for k in range(3))
    kept = skyline(onset, pitch, duration)
    assert {(int(onset[i]), int(pitch[i])) for i in kept} == naive_skyline(notes)
    assert (np.diff(onset[kept]) > 0).all()


def test_skyline_without_durations_compares_simultaneous_notes_only() -> None:
    assert skyline([0, 0, 1], [60, 72, 55]).tolist() == [1, 2]
    assert skyline([0, 0, 1], [60, 72, 55], [9, 9, 1]).tolist() == [1]


def test_grace_note_of_no_duration_stops_sounding_at_once() -> None:
    assert skyline([0, 1], [80, 60], [0, 4]).tolist() == [0, 1]


def test_polyphony_names_the_way_out() -> None:
    with pytest.raises(
        ValueError, match=r"the test needs one voice, but 2 notes .* softaxes.motifs.patterns.notes.skyline"
    ):
        check_monophonic([(0, 60), (0, 64), (0, 67), (1, 60)], "the test")
    assert len(check_monophonic([(0, 60), (1, 60), (1, 60)], "the test")) == 2


def test_unknown_spelling_is_said_and_chromatic_is_the_way_out() -> None:
    notes = notes_from_columns([0, 0.5], [60, 61])
    assert notes.points().tolist() == [[0, 60], [240, 61]]
    with pytest.raises(ValueError, match="use pitch='chromatic'"):
        notes.points("morphetic")
    with pytest.raises(ValueError, match="`pitch` must be one of"):
        notes.pitch("sounding")


def test_columns_must_be_equally_long() -> None:
    three, two = np.arange(3), np.arange(2)
    with pytest.raises(ValueError, match=r"equally long, got lengths \[2, 3\]"):
        Notes(three, three, two)


def test_take_keeps_missing_columns_missing() -> None:
    notes = notes_from_columns([0, 1, 2], [60, 62, 64], [1, 1, 1]).take(np.array([2, 0]))
    assert notes.onset.tolist() == [960, 0]
    assert notes.duration.tolist() == [480, 480]
    assert notes.staff is None
    assert len(notes) == 2

"""A fine song on a coarse grid is what reading it there gives, and notes come back where they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.data.music import NOTE_DTYPE, Song, Track
from softaxes.data.music.midi import midi_bytes, song_from_midi
from softaxes.data.music.regrid import regrid

ROWS = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 900), st.integers(40, 45)), max_size=20)


def song(rows: list[tuple[int, int, int]], **fields: object) -> Song:
    notes = np.array([(*row, 80, 0) for row in rows], dtype=NOTE_DTYPE)
    return Song("x", notes, (Track("a"),), 480, **fields)  # type: ignore[arg-type]


@given(ROWS, st.sampled_from([1, 3, 4, 12]))
def test_it_is_what_reading_on_that_grid_gives(rows: list[tuple[int, int, int]], steps_per_beat: int) -> None:
    fine = song(rows, tempi=((0, 90.0), (700, 60.0)), meters=((0, 4, 4), (1920, 3, 4)))
    laid, _, late = regrid(fine, steps_per_beat)
    read = song_from_midi(midi_bytes(fine), "x", steps_per_beat)
    assert late == 0 or 480 / 4 / 8 <= abs(late) <= 480 / 4 / 2, "in eighths and halves of a sixteenth"
    assert laid.notes.tolist() == read.notes.tolist()
    if rows:
        assert laid.counts.off_grid == pytest.approx(read.counts.off_grid, abs=2e-4)
        assert (laid.meters, [t[0] for t in laid.tempi]) == (read.meters, [t[0] for t in read.tempi])


def test_notes_go_back_where_they_came_from() -> None:
    rows = [(57 + 240 * i, 120 * (1 + i % 2), 60 + i) for i in range(8)]
    fine = song(rows)
    laid = regrid(fine, 4)
    assert (laid.factor, laid.late) == (120, 57)
    assert laid.back(laid.song.notes).tolist() == fine.notes.tolist()
    assert laid.onsets(fine.notes).tolist() == laid.song.notes["onset"].tolist() == [2 * i for i in range(8)]


def test_nothing_begins_before_the_song() -> None:
    laid = regrid(song([(0, 60, 60), *[(100 + 120 * i, 60, 61) for i in range(40)]]), 4)
    assert laid.late == -20
    assert laid.back(laid.song.notes)["onset"].min() == 0


@pytest.mark.parametrize("steps", [0, -4, 7, 960])
def test_a_grid_that_does_not_divide(steps: int) -> None:
    with pytest.raises(ValueError, match=f"`steps_per_beat` must divide the song's 480, got {steps}"):
        regrid(song([]), steps)

"""Rolls: the fast ones against walking twins, round trips, and the musical truth that transposing commutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import (
    NOTE_DTYPE,
    Song,
    Track,
    full_texture,
    melody,
    note_array,
    notes_to_roll,
    roll_to_notes,
)
from softaxes.data.music.midi import midi_bytes
from softaxes.data.music.read import Reading, read_song, song_from_midi
from softaxes.data.music.rolls import ONSET, SUSTAIN, texture_notes
from softaxes.data.music.skyline import highest_at, skyline

from .by_hand import midi_file, note_off, note_on, rows_of, slow_notes, slow_roll, slow_unisons

ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.integers(0, 127)), max_size=25)
NEAR_ROWS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(60, 63)), max_size=25)
HELD = ["entering", "all", "drop"]


def test_a_roll_by_hand() -> None:
    roll = notes_to_roll(note_array([(0, 2, 60), (2, 1, 60), (1, 2, 67)]))
    assert roll.shape == (2, 128, 3) and roll.dtype == np.uint8 and roll.sum() == 8
    assert roll[ONSET, 60].tolist() == [1, 0, 1] and roll[SUSTAIN, 60].tolist() == [1, 1, 1]
    assert roll[ONSET, 67].tolist() == [0, 1, 0] and roll[SUSTAIN, 67].tolist() == [0, 1, 1]


def test_repeated_notes_stay_repeated() -> None:
    rows = [(step, 1, 60) for step in range(8)]
    assert rows_of(roll_to_notes(notes_to_roll(note_array(rows)))) == rows


@given(NEAR_ROWS, st.integers(0, 30), st.integers(-5, 25))
def test_drawing_matches_the_slow_twin(rows: list[tuple[int, int, int]], length: int, start: int) -> None:
    np.testing.assert_array_equal(notes_to_roll(note_array(rows), length, start), slow_roll(rows, length, start))


@given(st.integers(0, 12), st.integers(0, 2**32), st.sampled_from(HELD))
def test_reading_matches_the_slow_twin(length: int, seed: int, held: str) -> None:
    roll = np.zeros((2, 128, length), dtype=np.uint8)
    roll[:, 60:64] = np.random.default_rng(seed).random((2, 4, length)) < 0.5
    assert rows_of(roll_to_notes(roll, held=held)) == slow_notes(roll, held)  # type: ignore[arg-type]


@given(ROWS)
def test_notes_survive_a_roll(rows: list[tuple[int, int, int]]) -> None:
    assert rows_of(roll_to_notes(notes_to_roll(note_array(rows)))) == slow_unisons(rows)


@settings(deadline=None)
@given(ROWS, st.integers(-40, 40))
def test_transposing_the_roll_and_transposing_the_midi_agree(rows: list[tuple[int, int, int]], semitones: int) -> None:
    song = song_from_midi(midi_bytes(Song("t", note_array(rows))), "t")
    length = song.length_steps
    roll = notes_to_roll(full_texture(song), length)
    moved = np.zeros_like(roll)
    if semitones >= 0:
        moved[:, semitones:] = roll[:, : 128 - semitones]
    else:
        moved[:, :semitones] = roll[:, -semitones:]
    np.testing.assert_array_equal(notes_to_roll(full_texture(song.transposed(semitones)), length), moved)


def test_probabilities_need_a_threshold_and_may_have_two() -> None:
    roll = np.zeros((2, 128, 4))
    roll[ONSET, 60, 0], roll[SUSTAIN, 60, :3] = 0.4, 0.7
    with pytest.raises(ValueError, match="zeros and ones when no `threshold`"):
        roll_to_notes(roll)
    assert rows_of(roll_to_notes(roll, 0.3)) == [(0, 3, 60)]
    assert rows_of(roll_to_notes(roll, 0.5, held="drop")) == []
    assert rows_of(roll_to_notes(roll, (0.3, 0.8))) == [(0, 1, 60)]


def test_held_notes_are_the_callers_choice() -> None:
    roll = np.zeros((2, 128, 6), dtype=bool)
    roll[SUSTAIN, 60, :2] = True  # held over from before
    roll[SUSTAIN, 62, 3:5] = True  # begins nowhere
    assert rows_of(roll_to_notes(roll)) == [(0, 2, 60)]
    assert rows_of(roll_to_notes(roll, held="all")) == [(0, 2, 60), (3, 2, 62)]
    assert rows_of(roll_to_notes(roll, held="drop")) == []
    late = roll_to_notes(roll, start=32, velocity=90, track=1)
    assert late.tolist() == [(32, 2, 60, 90, 1)]


@pytest.mark.parametrize(
    ("roll", "message"),
    [
        (np.zeros((128, 4)), r"shape \(2, 128, steps\), got \(128, 4\)"),
        (np.full((2, 128, 4), np.nan), "must be finite"),
        (np.full((2, 128, 4), 2), "zeros and ones"),
    ],
)
def test_what_is_no_roll(roll: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        roll_to_notes(roll)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="`held` must be 'entering', 'all' or 'drop', got 'some'"):
        roll_to_notes(np.zeros((2, 128, 1)), held="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`texture` must be 'melody' or 'full', got 'bass'"):
        texture_notes(Song("t", note_array([])), "bass")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`length_steps` must be >= 0, got -1"):
        notes_to_roll(note_array([]), -1)


def test_no_notes_make_an_empty_roll() -> None:
    assert notes_to_roll(note_array([])).shape == (2, 128, 0)
    assert notes_to_roll(note_array([]), 7).shape == (2, 128, 7)
    assert len(roll_to_notes(np.zeros((2, 128, 0)))) == 0


def band() -> Song:
    """A melody under a descant, a bass and a drum."""
    parts = [
        note_array([(0, 4, 90), (4, 4, 60)], track=0),
        note_array([(0, 4, 72), (4, 4, 74)], track=1),
        note_array([(0, 8, 60)], track=2),
        note_array([(2, 1, 120)], track=3),
    ]
    names = ("descant", "Melody", "bass")
    return Song("band", np.concatenate(parts), (*[Track(name) for name in names], Track("kit", 0, True)))


def test_melody_is_the_track_of_that_name_else_the_skyline() -> None:
    song = band()
    assert rows_of(melody(song)) == [(0, 4, 72), (4, 4, 74)]
    unnamed = Song("t", song.notes, tuple(Track("x", 0, track.is_drum) for track in song.tracks))
    assert rows_of(melody(unnamed)) == [(0, 4, 90), (4, 4, 74)]
    silent = Song("t", note_array([(0, 2, 60)], track=1), (Track("MELODY"), Track("piano")))
    assert rows_of(melody(silent)) == [(0, 2, 60)]


def test_full_texture_merges_voices_and_leaves_drums_out() -> None:
    notes = full_texture(band())
    assert rows_of(notes) == [(0, 4, 60), (0, 4, 72), (0, 4, 90), (4, 4, 60), (4, 4, 74)]
    assert rows_of(notes) == rows_of(texture_notes(band(), "full"))
    only_drums = Song("t", note_array([(0, 1, 36)]), (Track("kit", 0, True),))
    assert len(full_texture(only_drums)) == len(melody(only_drums)) == 0


@given(NEAR_ROWS)
def test_the_skyline_is_one_voice_and_follows_the_top(rows: list[tuple[int, int, int]]) -> None:
    line = skyline(note_array(rows))
    top = {step: max(p for o, d, p in rows if o <= step < o + d) for o, _, _ in rows for step in [o]}
    kept = {onset: pitch for onset, _, pitch in rows if pitch == top[onset]}
    assert {int(n["onset"]): int(n["pitch"]) for n in line} == kept
    ends = (line["onset"] + line["duration"]).tolist()
    assert all(end <= onset for end, onset in zip(ends, line["onset"].tolist()[1:], strict=False))


def test_a_unison_in_the_skyline_is_one_note() -> None:
    assert rows_of(skyline(note_array([(0, 2, 60), (0, 4, 60), (4, 2, 62)]))) == [(0, 4, 60), (4, 2, 62)]


def test_highest_at_is_minus_one_in_silence() -> None:
    notes = note_array([(0, 8, 60), (2, 2, 72)])
    assert highest_at(notes, np.array([0, 2, 3, 4, 7, 8, 30])).tolist() == [60, 72, 72, 60, 60, -1, -1]


@given(ROWS, st.sampled_from([(4, 480), (4, 960), (12, 960), (3, 96)]))
def test_midi_to_roll_to_midi_keeps_every_note_on_the_grid(
    rows: list[tuple[int, int, int]], grid: tuple[int, int]
) -> None:
    steps_per_beat, ticks = grid
    played = [(onset * ticks // steps_per_beat, (onset + length) * ticks // steps_per_beat, pitch)
              for onset, length, pitch in slow_unisons(rows)]  # fmt: skip
    events = [event for on, off, pitch in played for event in ((on, 1, note_on(pitch)), (off, 0, note_off(pitch)))]
    data = midi_file([(tick, event) for tick, _, event in sorted(events, key=lambda e: e[:2])], ticks=ticks)
    song = song_from_midi(data, "t", steps_per_beat, reading=Reading("ticks"))
    notes = roll_to_notes(notes_to_roll(full_texture(song)))
    written = midi_bytes(Song("t", notes, steps_per_beat=steps_per_beat))
    again = song_from_midi(written, "t", steps_per_beat, reading=Reading("ticks"))
    assert rows_of(again.notes) == slow_unisons(rows)


def test_a_melody_in_several_tracks_of_its_name_is_whole() -> None:
    """A track whose program changes is read as two of one name."""
    rows = [(0, 4, 60, 80, 0), (4, 4, 62, 80, 1), (8, 4, 64, 80, 0), (0, 12, 40, 80, 2)]
    two = Song("t", np.array(rows, NOTE_DTYPE), (Track("MELODY", 0), Track("melody ", 73), Track("PIANO")))
    assert melody(two)["pitch"].tolist() == [60, 62, 64]


@pytest.mark.parametrize(
    "name", ["Voice", "Singstimme\nVoice", "CHANT.", "Mezzo-soprano 1", "Ténor", "1st Voice", "Gesang"]
)
def test_the_melody_of_a_song_with_piano_is_sung(name: str) -> None:
    """The piano plays above the voice: the skyline of all would be the piano."""
    notes = np.concatenate([note_array([(0, 4, 60), (4, 4, 62)], track=1), note_array([(0, 2, 80), (6, 9, 84)])])
    song = Song("t", notes, tracks=(Track("Piano 1"), Track(name)))
    assert rows_of(melody(song)) == [(0, 4, 60), (4, 4, 62)]
    duet = np.concatenate([notes, note_array([(2, 8, 65)], track=2)])
    two = Song("t", duet, tracks=(Track("Piano 1"), Track(name), Track("Voice 2")))
    assert rows_of(melody(two)) == [(0, 2, 60), (2, 8, 65)], "of several voices their skyline"


@pytest.mark.parametrize(
    "name", ["Soprano Recorder", "Tenor Sax", "Alto", "Bass", "Synth Voice", "Violin 1", "Invoice"]
)
def test_instruments_are_not_sung(name: str) -> None:
    notes = np.concatenate([note_array([(0, 4, 60)], track=1), note_array([(0, 2, 80)])])
    assert rows_of(melody(Song("t", notes, tracks=(Track("Piano"), Track(name))))) == [(0, 2, 80)]


def test_a_silent_voice_is_no_melody() -> None:
    song = Song("t", note_array([(0, 2, 80)]), tracks=(Track("Piano"), Track("Voice")))
    assert rows_of(melody(song)) == [(0, 2, 80)]


@pytest.mark.slow
def test_the_melody_of_an_art_song_is_its_voice(openscore_folder: Path) -> None:
    """Every tenth song with one sung staff: the melody has that staff's onsets, and no others."""
    whole = []
    for path in sorted((openscore_folder / "lieder").glob("*.mid"))[::10]:
        song = read_song(path)
        if [track.name.split()[0] for track in song.tracks[1:]] == ["Piano", "Piano"] and "oice" in song.tracks[0].name:
            line, voice = melody(song), song.notes[song.notes["track"] == 0]
            assert set(line["track"].tolist()) == {0}
            whole.append(set(line["onset"].tolist()) == set(voice["onset"].tolist()))
    assert len(whole) > 50 and np.mean(whole) > 0.95

"""One rule lays a file on a grid, whatever the steps; fine and coarse grids have the same notes, bars and beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import Beats, Song, note_array, read_song
from softaxes.data.music.beats import read_beats
from softaxes.data.music.midi import Limits, parse
from softaxes.data.music.read import Reading, beats_fit, read_both, song_from_midi

from .by_hand import METER, meta, midi_file, note_off, note_on, rows_of

ROWS = st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 900), st.integers(40, 45)), max_size=20)


def notes(*rows: tuple[int, int, int]) -> list[tuple[int, bytes]]:
    events = [(tick + ticks, 0, note_off(pitch)) for tick, ticks, pitch in rows]
    events += [(tick, 1, note_on(pitch, 64)) for tick, ticks, pitch in rows]
    return [(tick, event) for tick, _, event in sorted(events)]


def table(seconds: np.ndarray, downbeats: np.ndarray) -> str:
    return "".join(f"{s:.6f} 1.0 {float(d)}\n" for s, d in zip(seconds, downbeats, strict=True))


@settings(deadline=None)
@given(ROWS, st.sampled_from([1, 3, 4, 12]), st.sampled_from([96, 480, 960, 1000]), st.integers(0, 200))
def test_both_grids_are_what_reading_on_each_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int]], steps: int, ticks: int, late: int
) -> None:
    path = tmp_path_factory.mktemp("read") / "x.mid"
    path.write_bytes(midi_file(notes(*[(at + late, length, pitch) for at, length, pitch in rows]), ticks=ticks))
    both = read_both(path, steps)
    assert both.song.notes.tolist() == read_song(path, steps).notes.tolist()
    fine = both.fine.steps_per_beat
    assert both.fine.notes.tolist() == read_song(path, fine, reading=Reading("ticks")).notes.tolist()
    assert both.late == 0 or fine / 4 / 8 - 1 <= abs(both.late) <= fine / 3 / 2 + 1, "an eighth of a sixteenth at least"
    assert set(both.onsets(both.fine.notes).tolist()) <= set(both.song.notes["onset"].tolist())


def test_notes_go_back_where_they_came_from(tmp_path: Path) -> None:
    rows = [(57 + 240 * i, 120 * (1 + i % 2), 60 + i) for i in range(8)]
    (tmp_path / "x.mid").write_bytes(midi_file(notes(*rows)))
    both = read_both(tmp_path / "x.mid", 4)
    assert (both.factor, both.late) == (120, 57)
    assert both.back(both.song.notes)[["onset", "duration", "pitch"]].tolist() == rows == rows_of(both.fine.notes)
    assert both.onsets(both.fine.notes).tolist() == both.song.notes["onset"].tolist() == [2 * i for i in range(8)]


def test_nothing_begins_before_the_song(tmp_path: Path) -> None:
    rows = [(0, 60, 60), *[(100 + 120 * i, 60, 61) for i in range(40)]]
    (tmp_path / "x.mid").write_bytes(midi_file(notes(*rows)))
    both = read_both(tmp_path / "x.mid", 4)
    assert both.late == -20
    assert both.back(both.song.notes)["onset"].min() == 0


# --- which grid ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_beat", [1, 2, 3, 4])
@pytest.mark.parametrize("steps", [3, 4, 24])
def test_a_late_start_is_found_alike_on_every_grid(per_beat: int, steps: int) -> None:
    """57 ticks are 2.85 of 24 steps and 0.475 of a sixteenth: the same beats must come of both."""
    rows = [(57 + 480 * i // per_beat, 60, 60 + i % 5) for i in range(8 * per_beat)]
    song = song_from_midi(midi_file(notes(*rows)), "x", steps)
    assert song.notes["onset"].tolist() == [(2 * i * steps + per_beat) // (2 * per_beat) for i in range(8 * per_beat)]


def test_one_rule_in_its_order(tmp_path: Path) -> None:
    """Beats beside it if they fit, else its ticks, else the phase of its notes; and each can be asked for."""
    path = tmp_path / "001.mid"
    path.write_bytes(midi_file(notes(*[(50 + 240 * i, 200, 60 + i % 5) for i in range(16)])))  # every note is late
    assert read_song(path).notes["onset"].tolist() == list(range(0, 32, 2)), "by the phase of its notes"
    assert read_song(path, reading=Reading("ticks")).counts.off_grid > 0.3
    with pytest.raises(ValueError, match=r"001\.mid: no beat_midi\.txt lies beside it, and `grid` is beats"):
        read_song(path, reading=Reading("beats"))
    seconds = 50 / 960 + 0.5 * np.arange(9)
    (tmp_path / "beat_midi.txt").write_text(table(seconds, np.arange(9) % 4 == 1))
    assert read_song(path).meters == ((0, 1, 4), (4, 4, 4)), "the first downbeat is the second beat"
    assert read_song(path, reading=Reading("notes")).meters == ((0, 4, 4),)
    (tmp_path / "beat_midi.txt").write_text(table(seconds + 100, np.arange(9) % 4 == 1))
    unfit = read_song(path)
    assert unfit.notes["onset"].tolist() == list(range(0, 32, 2)), "a table of another song is not believed"
    assert unfit.counts.unfit_beats and not read_song(path, reading=Reading("notes")).counts.unfit_beats


NINE = [(480 * i, 400, 60 + i % 5) for i in range(16)]


@pytest.mark.parametrize(
    ("seconds", "fits"),
    [
        (0.5 * np.arange(17), True),
        (0.5 * np.arange(10), False),  # ends long before the file does
        (0.5 * np.arange(17) - 3 + 3, True),
        (0.5 * np.arange(17) + 2, False),  # begins after the file has begun
        (0.5 * np.arange(40), False),  # of a song more than twice as long
        (0.5 * np.arange(28), True),  # silence at the end
        (0.5 * np.arange(17) + 0.06, False),  # half a sixteenth beside notes that lie on their ticks
        (0.47 * np.arange(18), False),  # of another tempo
        (0.5 * np.arange(17) + 0.005 * np.sin(np.arange(17)), True),
    ],
)
def test_a_table_that_does_not_fit_is_not_used(seconds: np.ndarray, fits: bool) -> None:
    file = parse(midi_file(notes(*NINE)), Limits())
    assert beats_fit(file, Beats(seconds, np.arange(len(seconds)) % 4 == 0)) == fits


def test_a_table_of_beats_by_hand(tmp_path: Path) -> None:
    (tmp_path / "beat_midi.txt").write_text("0.5 1.0 1.0\n1.0 0.0 0.0\n\n1.5 1.0 0.0\n2.5 1.0 1.0\n")
    beats = read_beats(tmp_path / "beat_midi.txt")
    assert beats.seconds[beats.is_downbeat].tolist() == [0.5, 2.5] and len(beats.seconds) == 4


def test_no_table_fits_a_file_without_notes() -> None:
    assert not beats_fit(parse(midi_file([]), Limits()), Beats(np.arange(4.0), np.arange(4) == 0))


@pytest.mark.data
def test_every_table_of_pop909_fits_its_song(pop909_folder: Path) -> None:
    for path in sorted(pop909_folder.glob("[0-9]*/[0-9]*.mid")):
        file = parse(path.read_bytes(), Limits())
        assert beats_fit(file, read_beats(path.parent / "beat_midi.txt")), path.name


@pytest.mark.data
def test_the_table_of_the_song_before_fits_hardly_any(pop909_folder: Path) -> None:
    paths = sorted(pop909_folder.glob("[0-9]*/[0-9]*.mid"))[:200]
    others = [read_beats(path.parent / "beat_midi.txt") for path in paths]
    wrong = [
        beats_fit(parse(path.read_bytes(), Limits()), other) for path, other in zip(paths[1:], others, strict=False)
    ]
    assert np.mean(wrong) < 0.1


# --- what the caller says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"grid": "beat"}, "`grid` must be one of auto, beats, ticks, notes, got 'beat'"),
        ({"time_signature": "6:8"}, "a time signature must be like 6/8, got '6:8'"),
        ({"time_signature": "6/9"}, "over a power of two"),
        ({"downbeat": -1.0}, "`downbeat` must be 0 quarter notes or more"),
        ({"downbeat": float("nan")}, "`downbeat` must be 0 quarter notes or more"),
    ],
)
def test_a_reading_out_of_range_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reading(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [4, 24, 480])
@pytest.mark.parametrize(
    ("how", "meters", "places"),
    [
        ({}, ((0, 3, 4), (6, 2, 4)), ["1:1", "1:3", "3:1"]),
        ({"time_signature": "3/8"}, ((0, 3, 8),), ["1:1", "2:2", "5:1"]),
        ({"time_signature": "6/8", "downbeat": 0.5}, ((0, 6, 8), (0.5, 6, 8)), ["0:6", "1:4", "2:6"]),
        ({"downbeat": 1.0}, ((0, 3, 4), (1, 3, 4), (6, 2, 4)), ["0:3", "1:2", "3:1"]),
        ({"downbeat": 7.0}, ((0, 2, 4), (1, 2, 4)), ["0:2", "1:2", "3:2"]),
    ],
)
def test_metre_and_downbeat_can_be_given(
    how: dict[str, object], meters: tuple[tuple[float, int, int], ...], places: list[str], steps: int
) -> None:
    """Two bars of 3/4, then 2/4; places of quarter notes 0, 2 and 6."""
    metres = [(0, meta(METER, bytes([3, 2, 24, 8]))), (6 * 480, meta(METER, bytes([2, 2, 24, 8])))]
    data = midi_file(metres, notes(*[(240 * i, 200, 60) for i in range(20)]))
    song = song_from_midi(data, "x", steps, reading=Reading(**how))  # type: ignore[arg-type]
    assert song.meters == tuple((at * steps, *metre) for at, *metre in meters)
    assert [song.place(beat * steps) for beat in (0, 2, 6)] == places


@pytest.mark.parametrize("steps", [4, 24])
def test_the_grid_runs_through_a_given_downbeat(steps: int) -> None:
    rows = [(150 + 240 * i, 200, 60) for i in range(16)]  # 150 ticks: five sixteenths of a quarter note
    song = song_from_midi(midi_file(notes(*rows)), "x", steps, reading=Reading(downbeat=150 / 480))
    assert song.notes["onset"].tolist() == [steps // 4 * (1 + 2 * i) for i in range(16)]
    assert song.place(int(song.notes["onset"][0])) == "1:1" and song.first_bar() == 0


def test_a_downbeat_is_counted_in_the_beats_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    path.write_bytes(midi_file(notes(*[(330 + 480 * i, 400, 60) for i in range(12)])))
    (tmp_path / "beat_midi.txt").write_text(table(330 / 960 + 0.5 * np.arange(12), np.arange(12) % 4 == 0))
    assert read_song(path, reading=Reading(downbeat=3)).meters == ((0, 4, 4), (12, 4, 4))
    assert read_song(path, reading=Reading(time_signature="3/4", downbeat=2)).meters == ((0, 3, 4), (8, 3, 4))
    assert read_song(path, reading=Reading(time_signature="3/4")).meters == ((0, 3, 4),)


# --- bars and beats as musicians count them --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meters", "places"),
    [
        (((0, 4, 4),), {-17: "-1:4.75", -16: "0:1", -2: "0:4.5", 0: "1:1", 18: "2:1.5"}),
        (((0, 1, 4), (4, 3, 4)), {-4: "0:2", -9: "-1:3.75", 0: "0:3", 2: "0:3.5", 4: "1:1", 15: "1:3.75", 16: "2:1"}),
        (((0, 4, 4), (4, 4, 4)), {-13: "-1:4.75", 0: "0:4", 4: "1:1", 20: "2:1"}),  # the metre is said anew
        (((0, 1, 8), (2, 6, 8)), {0: "0:6", 1: "0:6.5", 2: "1:1", 12: "1:6", 14: "2:1"}),
        (((0, 3, 4), (24, 4, 4)), {0: "1:1", 24: "3:1"}),  # two whole bars of 3/4 are no pickup
    ],
)
def test_a_pickup_is_bar_0_and_time_goes_back_before_the_song(
    meters: tuple[tuple[int, int, int], ...], places: dict[int, str]
) -> None:
    song = Song("x", note_array([(0, 40, 60)]), meters=meters)
    assert {step: song.place(step) for step in places} == places


def test_rounded_bars_are_no_pickup() -> None:
    song = Song("x", note_array([(0, 40, 60)]), steps_per_beat=1, meters=((0, 9, 16),))  # 2 steps, then 3, ...
    assert song.first_bar() == 1 and song.place(0) == "1:1"

"""Notes, bars, metres: known answers, and unisons against a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.data.music import Song, Track, merge_unisons, note_array
from softaxes.data.music.song import meters_from_downbeats, spell_meter

from .by_hand import rows_of, slow_unisons

ROWS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(60, 63)), max_size=25)


def song(*rows: tuple[int, int, int], **fields: object) -> Song:
    return Song("tune", note_array(rows), **fields)  # type: ignore[arg-type]


@given(ROWS)
def test_unisons_match_the_slow_twin(rows: list[tuple[int, int, int]]) -> None:
    notes, merged, _ = merge_unisons(note_array(rows))
    assert rows_of(notes) == slow_unisons(rows)
    assert merged == len(rows) - len({(onset, pitch) for onset, _, pitch in rows})
    assert len(notes) == len(rows) - merged
    again, more, cuts = merge_unisons(notes)
    assert rows_of(again) == rows_of(notes) and more == cuts == 0


def test_unisons_count_cuts_keep_the_loudest_and_part_tracks() -> None:
    notes = np.concatenate([note_array([(0, 8, 60)], 50, 0), note_array([(0, 2, 60), (4, 2, 60)], 90, 1)])
    merged_notes, merged, cut = merge_unisons(notes)
    assert rows_of(merged_notes) == [(0, 4, 60), (4, 4, 60)]
    assert (merged, cut) == (1, 1)
    assert merged_notes["velocity"].tolist() == [90, 90] and merged_notes["track"].tolist() == [0, 1]
    apart, merged, cut = merge_unisons(notes, within_tracks=True)
    assert (len(apart), merged, cut) == (3, 0, 0)


def test_a_song_is_sorted_merged_counted_and_read_only() -> None:
    tune = song((4, 4, 62), (0, 6, 60), (2, 2, 60), (0, 1, 72))
    assert rows_of(tune.notes) == [(0, 2, 60), (0, 1, 72), (2, 4, 60), (4, 4, 62)]
    assert tune.counts.cut == 1 and tune.counts.merged == 0
    assert tune.length_steps == 8
    with pytest.raises(ValueError, match="read-only"):
        tune.notes["pitch"] = 0


def test_bars_of_four_four_and_of_an_empty_song() -> None:
    tune = song((0, 4, 60), (16, 17, 60))
    assert tune.bars()["start"].tolist() == [0, 16, 32] == tune.downbeats().tolist()
    assert tune.bars()["steps"].tolist() == [16, 16, 16]
    assert len(song().bars()) == 0 and song().length_steps == 0


def test_bars_follow_the_metre_and_a_change_cuts_a_bar_short() -> None:
    tune = song((0, 60, 60), meters=((0, 3, 4), (18, 7, 8), (46, 4, 4)))
    bars = [tuple(bar) for bar in tune.bars().tolist()]
    assert bars == [(0, 12, 3, 4), (12, 6, 3, 4), (18, 14, 7, 8), (32, 14, 7, 8), (46, 16, 4, 4)]


def test_bars_that_are_no_whole_steps_are_rounded_half_up() -> None:
    tune = song((0, 7, 60), steps_per_beat=1, meters=((0, 7, 8),))  # a bar is 3.5 steps
    assert tune.bars()["start"].tolist() == [0, 4]
    assert tune.bars()["steps"].tolist() == [4, 3]


def test_bars_shorter_than_a_step_are_a_step() -> None:
    tune = song((0, 3, 60), meters=((0, 1, 64),))  # a bar is a quarter of a step
    assert [tuple(bar)[:2] for bar in tune.bars().tolist()] == [(0, 1), (1, 1), (2, 1)]


def test_transposition_drops_what_leaves_midi_and_spares_drums() -> None:
    notes = np.concatenate([note_array([(0, 2, 60), (0, 2, 126)]), note_array([(0, 2, 36)], track=1)])
    tune = Song("t", notes, (Track("piano"), Track("kit", is_drum=True)))
    up = tune.transposed(2)
    assert up.notes["pitch"].tolist() == [36, 62] and up.counts.dropped == 1
    assert tune.transposed(0).notes.tolist() == tune.notes.tolist()
    assert tune.transposed(-61).notes["pitch"].tolist() == [36, 65]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps_per_beat": 0}, "`steps_per_beat` must be >= 1, got 0"),
        ({"tempi": ()}, "`tempi` must begin at step 0"),
        ({"tempi": ((0, 120.0), (0, 90.0))}, "`tempi` must begin at step 0 and rise"),
        ({"tempi": ((0, float("nan")),)}, "tempo must be"),
        ({"meters": ((4, 4, 4),)}, "`meters` must begin at step 0"),
        ({"meters": ((0, 4, 3),)}, "4/3"),
        ({"meters": ((0, 0, 4),)}, "0/4"),
        ({"tracks": ()}, "`track` of notes must be 0..-1"),
        ({"tracks": (Track("x", 128),)}, "program must be 0..127, got 128 in 'x'"),
        ({"notes": note_array([(-1, 2, 60)])}, "`onset` of notes must be 0"),
        ({"notes": note_array([(0, 0, 60)])}, "`duration` of notes must be 1"),
        ({"notes": note_array([(0, 1, 128)])}, "`pitch` of notes must be 0..127, got 128..128"),
        ({"notes": note_array([(0, 1, 60)], velocity=0)}, "`velocity` of notes must be 1..127"),
        ({"notes": np.zeros(3)}, "NOTE_DTYPE"),
    ],
)
def test_a_field_out_of_range_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Song(**({"name": "t", "notes": note_array([(0, 1, 60)])} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("downbeats", "meters"),
    [
        ([], ((0, 4, 4),)),
        ([0, 16, 32], ((0, 4, 4),)),
        ([4, 20, 36], ((0, 1, 4), (4, 4, 4))),  # a pickup of one beat
        ([0, 4, 20, 36], ((0, 1, 4), (4, 4, 4))),  # the same, the pickup being marked as well
        ([20, 36], ((0, 1, 4), (4, 4, 4))),  # five beats before: a pickup and a bar
        ([0, 16, 48], ((0, 4, 4),)),  # a bar line is missing
        ([0, 16, 28, 32], ((0, 4, 4),)),  # a short bar and the pickup after it are one bar
        ([0, 16, 28, 44], ((0, 4, 4), (16, 3, 4), (28, 4, 4))),  # a bar of three
        ([0, 16, 18, 34], ((0, 4, 4), (16, 1, 8), (18, 4, 4))),
    ],
)
def test_metres_put_bar_lines_at_the_downbeats(downbeats: list[int], meters: tuple[tuple[int, int, int], ...]) -> None:
    assert meters_from_downbeats(np.array(downbeats, dtype=np.int64), (4, 4), 4) == meters


@given(st.lists(st.integers(1, 40), max_size=12), st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2)]))
def test_bar_lines_come_back_from_any_downbeats(gaps: list[int], usual: tuple[int, int]) -> None:
    lines = np.cumsum(np.array(gaps, dtype=np.int64))
    tune = song((0, 700, 60), meters=meters_from_downbeats(lines, usual, 4))
    found = set(tune.downbeats().tolist())
    whole = 16 * usual[0] // usual[1]
    gap_before = dict(zip(lines.tolist(), gaps, strict=True))
    lost = [line for line in lines.tolist() if line not in found]
    assert all(gap_before[line] < whole for line in lost), "only a line inside one whole bar may go"


@pytest.mark.parametrize(("steps", "meter"), [(16, (4, 4)), (6, (3, 8)), (1, (1, 16)), (4, (1, 4)), (20, (5, 4))])
def test_spelling_of_metres(steps: int, meter: tuple[int, int]) -> None:
    assert spell_meter(steps, 4) == meter


def test_a_bar_that_no_metre_can_spell() -> None:
    assert spell_meter(1, 12) is None and spell_meter(3, 12) == (1, 16)
    assert spell_meter(1, 7) is None and spell_meter(4 * 256, 4) is None
    unspeakable_pickup = meters_from_downbeats(np.array([1, 29, 57]), (4, 4), 7)
    assert unspeakable_pickup == ((0, 4, 4),)

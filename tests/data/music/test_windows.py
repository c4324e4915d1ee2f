"""Windows: places by hand, rolls against drawing each window alone, metres, padding, context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import Song, cut_windows, isolate, note_array

from .by_hand import slow_roll

ROWS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30), st.integers(60, 64)), min_size=1, max_size=20)
METERS = st.sampled_from([((0, 4, 4),), ((0, 3, 4),), ((0, 1, 4), (4, 4, 4)), ((0, 4, 4), (32, 2, 4), (40, 4, 4))])


def scale(n_bars: int, meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)) -> Song:
    """A quarter note on every beat."""
    return Song("t", note_array([(4 * i, 4, 60 + i % 12) for i in range(4 * n_bars)]), meters=meters)


def one_voice(song: Song) -> list[tuple[int, int, int]]:
    return [(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in song.notes]


def test_two_bars_each_without_overlap() -> None:
    windows = cut_windows([scale(4), scale(5)], 32)
    assert windows.song.tolist() == [0, 0, 1, 1] and windows.bar.tolist() == [0, 2, 0, 2]
    assert windows.start.tolist() == [0, 32, 0, 32] and windows.steps.tolist() == [32] * 4
    assert windows.meter.tolist() == [[4, 4]] * 4 and windows.left_out == (("bars too near the end of the song", 1),)
    assert windows.rolls.shape == (4, 2, 128, 32) and windows.rolls.dtype == np.uint8
    np.testing.assert_array_equal(windows.rolls[1], slow_roll(one_voice(scale(4)), 32, 32))


def test_hop_and_context_and_centre() -> None:
    windows = cut_windows([scale(4)], 16, hop_bars=1, context_steps=10)
    assert windows.bar.tolist() == [0, 1, 2, 3] and windows.rolls.shape == (4, 2, 128, 36)
    assert windows.offset == 10 and windows.window_steps == 16
    for i in range(4):
        np.testing.assert_array_equal(windows.rolls[i], slow_roll(one_voice(scale(4)), 36, 16 * i - 10))
        np.testing.assert_array_equal(windows.center()[i], slow_roll(one_voice(scale(4)), 16, 16 * i))
    assert windows.rolls[0, :, :, :10].sum() == 0 == windows.rolls[3, :, :, 26:].sum(), "silence outside the song"
    assert np.shares_memory(windows.center(), windows.rolls)
    assert cut_windows([scale(5)], 32, hop_bars=1).bar.tolist() == [0, 1, 2, 3]
    assert cut_windows([scale(8)], 32, hop_bars=3).bar.tolist() == [0, 3, 6]


def test_bars_that_fill_the_window() -> None:
    two_four = scale(4, ((0, 2, 4),))
    assert cut_windows([two_four], 32).bar.tolist() == [0, 4]
    only_two_bars = cut_windows([two_four], 32, bars=2)
    assert len(only_two_bars) == 0
    assert only_two_bars.left_out == (
        ("bars of 2/4 that do not add up to 32 steps", 7),
        ("bars too near the end of the song", 1),
    )
    assert cut_windows([two_four], 16, bars=2).bar.tolist() == [0, 2, 4, 6]
    assert len(cut_windows([scale(2)], 32, bars=4)) == 0, "two bars are as long, but they are not four"


def test_three_four_has_its_own_length() -> None:
    waltz = scale(3, ((0, 3, 4),))
    assert cut_windows([waltz], 24, bars=2).start.tolist() == [0, 24]
    assert len(cut_windows([waltz], 32)) == 0
    padded = cut_windows([waltz], 32, bars=2, odd="pad", context_steps=3)
    assert padded.steps.tolist() == [24, 24] and padded.meter.tolist() == [[3, 4]] * 2
    for i in range(2):
        want = slow_roll(one_voice(waltz), 38, 24 * i - 3)
        want[..., 27:] = 0
        np.testing.assert_array_equal(padded.rolls[i], want)
    too_long = cut_windows([waltz], 16, bars=2, odd="pad")
    assert too_long.start.tolist() == [36], "bars are never cut short; the song's last bar alone has room"


def test_windows_go_around_an_odd_bar() -> None:
    song = scale(6, ((0, 4, 4), (16, 3, 4), (28, 4, 4)))
    windows = cut_windows([song], 32)
    assert windows.start.tolist() == [28, 60] and windows.bar.tolist() == [2, 4]
    assert ("bars of irregular length, or beside one", 1) in windows.left_out


def test_windows_need_notes_of_their_own() -> None:
    song = Song("t", note_array([(0, 100, 60), (64, 4, 62)]))
    assert cut_windows([song], 32).start.tolist() == [0, 64], "the second window only holds a note over"
    assert cut_windows([song], 32, min_notes=0).start.tolist() == [0, 32, 64]
    none = cut_windows([song], 32, min_notes=2)
    assert len(none) == 0 and none.rolls.shape == (0, 2, 128, 32)
    assert none.left_out == (("bars too near the end of the song", 1), ("windows with fewer than 2 notes", 3))


def test_songs_without_notes_and_no_songs() -> None:
    empty = cut_windows([Song("t", note_array([]))], 32, context_steps=4)
    assert empty.rolls.shape == (0, 2, 128, 40) and empty.left_out == (("songs without notes", 1),)
    assert len(cut_windows([], 32)) == 0


def test_texture_is_heeded() -> None:
    chord = Song("t", note_array([(0, 16, 60), (0, 16, 64)]))
    assert cut_windows([chord], 16).center()[:, 0].sum() == 1
    assert cut_windows([chord], 16, texture="full").center()[:, 0].sum() == 2


def test_select_by_index_and_by_mask() -> None:
    windows = cut_windows([scale(8)], 16)
    some = windows.select(np.array([3, 1]))
    assert some.bar.tolist() == [3, 1] and some.offset == windows.offset and len(some) == 2
    np.testing.assert_array_equal(some.rolls[0], windows.rolls[3])
    assert windows.select(windows.bar > 5).bar.tolist() == [6, 7]


@settings(deadline=None)
@given(st.lists(st.tuples(ROWS, METERS), max_size=3), st.sampled_from([8, 16, 24, 32]), st.integers(0, 9))
def test_every_window_is_the_song_at_its_place(
    pieces: list[tuple[list[tuple[int, int, int]], tuple[tuple[int, int, int], ...]]], steps: int, context: int
) -> None:
    songs = [Song("t", note_array(rows), meters=meters) for rows, meters in pieces]
    windows = cut_windows(songs, steps, context_steps=context, texture="full", min_notes=0)
    for i in range(len(windows)):
        song, start = songs[windows.song[i]], int(windows.start[i])
        want = slow_roll(one_voice(song), steps + 2 * context, start - context)
        np.testing.assert_array_equal(windows.rolls[i], want)
        assert song.bars()["start"][windows.bar[i]] == start
        lines = [*song.downbeats().tolist(), int(song.bars()["start"][-1] + song.bars()["steps"][-1])]
        assert start + steps in lines, "a window ends at a bar line"


def test_isolate_keeps_own_notes_only() -> None:
    roll = slow_roll([(-2, 5, 60), (-2, 3, 62), (1, 2, 62), (2, 9, 64)], 4)[None]
    alone = isolate(roll, 3)
    np.testing.assert_array_equal(alone[0], slow_roll([(4, 2, 62), (5, 2, 64)], 10))
    assert roll[0, 1, 60, 0] == 1, "the given rolls are left as they were"


def test_isolate_takes_a_note_that_begins_under_a_held_one() -> None:
    roll = slow_roll([(-2, 3, 62), (1, 3, 62)], 4)[None]  # held over, then struck again
    np.testing.assert_array_equal(isolate(roll, 0)[0], slow_roll([(1, 3, 62)], 4))
    with pytest.raises(ValueError, match="`margin_steps` must be >= 0, got -1"):
        isolate(roll, -1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window_steps": 0}, "`window_steps` must be >= 1, got 0"),
        ({"bars": 0}, "`bars` must be >= 1 or None, got 0"),
        ({"hop_bars": -1}, "`hop_bars` must be >= 1 or None, got -1"),
        ({"context_steps": -1}, "`context_steps` must be >= 0, got -1"),
        ({"min_notes": -1}, "`min_notes` must be >= 0, got -1"),
        ({"odd": "stretch"}, "`odd` must be 'skip' or 'pad', got 'stretch'"),
        ({"odd": "pad"}, "'pad' needs `bars`"),
        ({"texture": "bass"}, "`texture` must be 'melody' or 'full', got 'bass'"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut_windows([scale(2)], **wrong)  # type: ignore[arg-type]

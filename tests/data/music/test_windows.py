"""Windows: places by hand, rolls against drawing each window alone, metres, padding, context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import Corpus, Song, cut_windows, isolate, load_corpus, note_array, read_abc
from softaxes.data.music.packed import PackedRolls, window_rolls

from .by_hand import slow_roll

ROWS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30), st.integers(60, 64)), min_size=1, max_size=20)
METERS = st.sampled_from([((0, 4, 4),), ((0, 3, 4),), ((0, 1, 4), (4, 4, 4)), ((0, 4, 4), (32, 2, 4), (40, 4, 4))])


def scale(n_bars: int, meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)) -> Song:
    """A quarter note on every beat."""
    return Song("t", note_array([(4 * i, 4, 60 + i % 12) for i in range(4 * n_bars)]), meters=meters)


def tunes() -> Corpus:
    try:
        return load_corpus("tunes")
    except ValueError as error:
        pytest.skip(str(error))


def one_voice(song: Song) -> list[tuple[int, int, int]]:
    return [(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in song.notes]


def test_two_bars_each_without_overlap() -> None:
    windows = cut_windows([scale(4), scale(5)], 32)
    assert windows.song.tolist() == [0, 0, 1, 1] and windows.bar.tolist() == [0, 2, 0, 2]
    assert windows.start.tolist() == [0, 32, 0, 32] and windows.step.tolist() == [0] * 4
    assert windows.meter.tolist() == [[4, 4]] * 4 and windows.left_out == (("bars too near the end of the song", 1),)
    assert windows.rolls().shape == (4, 2, 128, 32) and windows.rolls().dtype == np.uint8
    np.testing.assert_array_equal(windows.rolls()[1], slow_roll(one_voice(scale(4)), 32, 32))


def test_hop_and_context_and_centre() -> None:
    windows = cut_windows([scale(4)], 16, hop_bars=1, context_steps=10)
    assert windows.bar.tolist() == [0, 1, 2, 3] and windows.rolls().shape == (4, 2, 128, 36)
    assert windows.offset == 10 and windows.window_steps == 16
    for i in range(4):
        np.testing.assert_array_equal(windows.rolls()[i], slow_roll(one_voice(scale(4)), 36, 16 * i - 10))
        np.testing.assert_array_equal(windows.center()[i], slow_roll(one_voice(scale(4)), 16, 16 * i))
    assert windows.rolls()[0, :, :, :10].sum() == 0 == windows.rolls()[3, :, :, 26:].sum(), "silence outside the song"
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
    assert len(cut_windows([waltz], 16, bars=2)) == 0, "bars are never cut short"


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
    assert len(none) == 0 and none.rolls().shape == (0, 2, 128, 32)
    assert none.left_out == (("bars too near the end of the song", 1), ("windows with fewer than 2 notes", 3))


def test_songs_without_notes_and_no_songs() -> None:
    empty = cut_windows([Song("t", note_array([]))], 32, context_steps=4)
    assert empty.rolls().shape == (0, 2, 128, 40) and empty.left_out == (("songs without notes", 1),)
    assert len(cut_windows([], 32)) == 0


def test_texture_is_heeded() -> None:
    chord = Song("t", note_array([(0, 16, 60), (0, 16, 64)]))
    assert cut_windows([chord], 16).center()[:, 0].sum() == 1
    assert cut_windows([chord], 16, texture="full").center()[:, 0].sum() == 2


def test_select_by_index_and_by_mask() -> None:
    windows = cut_windows([scale(8)], 16)
    some = windows.select(np.array([3, 1]))
    assert some.bar.tolist() == [3, 1] and some.offset == windows.offset and len(some) == 2
    np.testing.assert_array_equal(some.rolls()[0], windows.rolls()[3])
    assert windows.select(windows.bar > 5).bar.tolist() == [6, 7]


def test_any_place_in_any_metre() -> None:
    waltz = scale(3, ((0, 3, 4),))  # 48 steps
    windows = cut_windows([waltz], 16, hop_steps=5, context_steps=2)
    assert windows.start.tolist() == [0, 5, 10, 15, 20, 25, 30, 35], "to the first window that reaches the end"
    assert windows.bar.tolist() == [0, 0, 0, 1, 1, 2, 2, 2] and windows.step.tolist() == [0, 5, 10, 3, 8, 1, 6, 11]
    assert windows.meter.tolist() == [[3, 4]] * 8 and windows.left_out == ()
    short = cut_windows([scale(1)], 32, hop_steps=4)
    assert short.start.tolist() == [0], "a song shorter than a window is one window, the rest of it silence"
    np.testing.assert_array_equal(short.rolls()[0], slow_roll(one_voice(scale(1)), 32))
    beyond = cut_windows([scale(3)], 32, hop_steps=7)
    assert beyond.start.tolist() == [0, 7, 14, 21], "the last window ends in silence"
    np.testing.assert_array_equal(beyond.rolls()[3], slow_roll(one_voice(scale(3)), 32, 21))


def test_a_pickup_shifts_no_bar() -> None:
    """Two tunes, equal but for a pickup of two steps: the same music has the same place in its bar."""
    plain = [(3 * i, 3, 60 + i % 7) for i in range(32)]
    upbeat = [(0, 2, 55), *((onset + 2, duration, pitch) for onset, duration, pitch in plain)]
    with_pickup = Song("t", note_array(upbeat), meters=((0, 1, 8), (2, 6, 8)))
    a = cut_windows([Song("t", note_array(plain), meters=((0, 6, 8),))], 24, hop_steps=1)
    b = cut_windows([with_pickup], 24, hop_steps=1)
    assert b.step[:4].tolist() == [10, 11, 0, 1] and b.bar[:4].tolist() == [0, 0, 1, 1]
    assert b.step[2:].tolist() == a.step.tolist() and b.start[2:].tolist() == (a.start + 2).tolist()
    np.testing.assert_array_equal(b.rolls(slice(2, None)), a.rolls())


JIG = "X:1\nT:a jig\nM:6/8\nL:1/8\nK:G\nd|" + "gfg dBG|ABc d2d|" * 4
REEL = "X:2\nT:a reel\nM:4/4\nL:1/8\nK:D\nAG|" + "FAdA FAdA|GBdB e2de|" * 4


def test_a_jig_and_a_reel_with_pickups() -> None:
    jig, reel = read_abc(JIG + "\n\n" + REEL + "\n")
    windows = cut_windows([jig, reel], 32, hop_steps=2, min_notes=4)
    for index, (song, bar, pickup) in enumerate([(jig, 12, 2), (reel, 16, 4)]):
        mine = windows.select(windows.song == index)
        assert mine.start.tolist() == list(range(0, song.length_steps - 32 + 2, 2)), "every second step to the end"
        assert song.pickup_steps() == pickup
        assert mine.step.tolist() == [(start - pickup) % bar for start in mine.start.tolist()]
        assert mine.meter.tolist() == [[6, 8] if index == 0 else [4, 4]] * len(mine)


@pytest.mark.slow
def test_every_fiddle_tune_has_windows_and_bars_where_it_says() -> None:
    songs = tunes().songs
    windows = cut_windows(songs, 32, hop_steps=2, min_notes=4)
    assert len(songs) > 4200 and len(np.unique(windows.song)) == len(songs)
    names = [f"{a}/{b}" for a, b in windows.meter.tolist()]
    number = dict(zip(*np.unique(names, return_counts=True), strict=True))
    assert all(number[meter] > 20_000 for meter in ("6/8", "2/2", "2/4", "4/4", "3/4", "9/8"))
    lines = {
        (index, int(line)) for index, song in enumerate(songs) for line in song.downbeats()[song.pickup_steps() > 0 :]
    }
    begins = np.array([pair in lines for pair in zip(windows.song.tolist(), windows.start.tolist(), strict=True)])
    np.testing.assert_array_equal(begins, windows.step == 0)


def test_windows_of_a_hop_need_notes_too() -> None:
    song = Song("t", note_array([(0, 100, 60), (64, 4, 62)]))
    assert cut_windows([song], 32, hop_steps=16).start.tolist() == [0, 48, 64]
    assert cut_windows([Song("t", note_array([]))], 32, hop_steps=2).left_out == (("songs without notes", 1),)


@settings(deadline=None)
@given(st.lists(st.tuples(ROWS, METERS), max_size=3), st.sampled_from([8, 24]), st.integers(1, 9), st.integers(0, 9))
def test_every_window_of_a_hop_is_the_song_at_its_place(
    pieces: list[tuple[list[tuple[int, int, int]], tuple[tuple[int, int, int], ...]]],
    steps: int,
    hop: int,
    context: int,
) -> None:
    songs = [Song("t", note_array(rows), meters=meters) for rows, meters in pieces]
    windows = cut_windows(songs, steps, hop_steps=hop, context_steps=context, texture="full", min_notes=0)
    rolls = windows.rolls()
    for i in range(len(windows)):
        song, start = songs[windows.song[i]], int(windows.start[i])
        np.testing.assert_array_equal(rolls[i], slow_roll(one_voice(song), steps + 2 * context, start - context))
        bar, beat = song.bar_and_beat(start)
        assert windows.bar[i] + song.first_bar() == bar
        denominator = int(windows.meter[i, 1])
        assert windows.step[i] * denominator / 16 == pytest.approx(beat - 1, abs=0.01)
    for index, song in enumerate(songs):
        mine = windows.start[windows.song == index].tolist()
        assert mine == list(range(0, max(mine) + 1, hop)) and max(mine) + steps >= song.length_steps
        assert max(mine) - hop + steps < song.length_steps or len(mine) == 1, "and none beyond the end"


def test_only_the_songs_that_are_asked_for() -> None:
    songs = [scale(n) for n in (3, 4, 5, 6)]
    windows, all_windows = cut_windows(songs, 16, which=np.array([3, 1])), cut_windows(songs, 16)
    chosen = np.isin(all_windows.song, [1, 3])
    assert windows.song.tolist() == [1] * 4 + [3] * 6
    np.testing.assert_array_equal(windows.rolls(), all_windows.rolls(chosen))
    assert windows.source.bits.nbytes == 32 * (1 + 16 * 10), "only they are kept"


def test_windows_are_drawn_in_any_order_again_and_again(rng: np.random.Generator) -> None:
    songs = [scale(n, ((0, 3, 4),)) for n in (1, 5, 9)]
    windows = cut_windows(songs, 20, hop_steps=1, context_steps=30)
    every, which = windows.rolls(), rng.integers(len(windows), size=300)
    np.testing.assert_array_equal(windows.rolls(which), every[which])
    np.testing.assert_array_equal(windows.center(which), every[which][..., 30:50])
    np.testing.assert_array_equal(
        windows.select(which).rolls(windows.song[which] == 1), every[which][windows.song[which] == 1]
    )
    assert windows.source.bits.nbytes == 32 * (1 + sum(song.length_steps for song in songs))


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
        np.testing.assert_array_equal(windows.rolls()[i], want)
        assert song.bars()["start"][windows.bar[i]] == start
        lines = [*song.downbeats().tolist(), int(song.bars()["start"][-1] + song.bars()["steps"][-1])]
        assert start + steps in lines, "a window ends at a bar line"


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(-40, 140), max_size=5), st.integers(1, 40))
def test_windows_of_one_song(rows: list[tuple[int, int, int]], starts: list[int], width: int) -> None:
    song = Song("t", note_array(rows))
    rolls = window_rolls(song.notes, np.array(starts, dtype=np.int64), width)
    packed = PackedRolls.pack([scale(2).notes, song.notes, scale(1).notes])
    np.testing.assert_array_equal(rolls, packed.draw(np.full(len(starts), 1), np.array(starts, dtype=np.int64), width))
    assert rolls.shape == (len(starts), 2, 128, width)
    for roll, start in zip(rolls, starts, strict=True):
        np.testing.assert_array_equal(roll, slow_roll(one_voice(song), width, start))


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
        ({"hop_steps": 0}, "`hop_steps` must be >= 1 or None, got 0"),
        ({"hop_steps": 2, "bars": 2}, "`hop_steps` stands instead of `bars` and `hop_bars`"),
        ({"hop_steps": 2, "hop_bars": 1}, "`hop_steps` stands instead of `bars` and `hop_bars`"),
        ({"texture": "bass"}, "`texture` must be 'melody' or 'full', got 'bass'"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut_windows([scale(2)], **wrong)  # type: ignore[arg-type]

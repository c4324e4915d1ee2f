"""Files to songs and back: hand-written bytes, round trips, and everything that is not a MIDI file."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import softaxes.data.music
from softaxes.data.music import NOTE_DTYPE, Beats, Limits, Song, Track, note_array, read_song, write_song
from softaxes.data.music.grids import last_at_each_step
from softaxes.data.music.midi import DRUM_CHANNEL, channels_of, midi_bytes
from softaxes.data.music.read import Reading, song_from_midi

from .by_hand import METER, NAME, TEMPO, meta, midi_file, note_off, note_on, rows_of


def read(*tracks: list[tuple[int, bytes]], ticks: int = 480, **how: object) -> Song:
    how = {"reading": Reading("beats" if "beats" in how else "ticks")} | how  # no rule, unless a test asks for it
    return song_from_midi(midi_file(*tracks, ticks=ticks), "t", **how)  # type: ignore[arg-type]


def notes(*rows: tuple[int, int, int], channel: int = 0) -> list[tuple[int, bytes]]:
    events = [(tick + ticks, 0, note_off(pitch, channel)) for tick, ticks, pitch in rows]
    events += [(tick, 1, note_on(pitch, 64, channel)) for tick, ticks, pitch in rows]
    return [(tick, event) for tick, _, event in sorted(events)]


@pytest.mark.parametrize("ticks", [96, 480, 960])
def test_hand_written_bytes(ticks: int) -> None:
    beat = ticks
    tune = read(
        [(0, meta(NAME, b"solo")), (0, bytes([0xC0, 40])), *notes((0, beat, 60), (beat, beat // 4, 62))],
        [(0, meta(TEMPO, (500_000).to_bytes(3, "big"))), (2 * beat, meta(TEMPO, (1_000_000).to_bytes(3, "big")))],
        [(0, meta(METER, bytes([3, 2, 24, 8]))), *notes((0, beat, 36), channel=9)],
        ticks=ticks,
    )
    assert rows_of(tune.notes) == [(0, 4, 36), (0, 4, 60), (4, 1, 62)]
    assert tune.tracks[0] == Track("solo", 40, False) and tune.tracks[1].is_drum
    assert tune.tempi == ((0, 120.0), (8, 60.0)) and tune.meters == ((0, 3, 4),)
    assert tune.notes["velocity"].tolist() == [64] * 3


def test_steps_per_beat_sets_the_grid() -> None:
    events = notes((0, 160, 60), (160, 160, 62), (320, 160, 64))  # a triplet
    assert rows_of(read(events, steps_per_beat=3).notes) == [(0, 1, 60), (1, 1, 62), (2, 1, 64)]
    assert rows_of(read(events, steps_per_beat=12).notes) == [(0, 4, 60), (4, 4, 62), (8, 4, 64)]


def test_halves_round_up_everywhere_and_short_notes_get_a_step() -> None:
    tune = read(notes((59, 240, 60), (60, 240, 61), (180, 60, 62), (300, 30, 63)))
    # ticks to steps: 59 -> .49, 299 -> 2.49; 60 -> .5, 300 -> 2.5; 180 -> 1.5, 240 -> 2; 300 -> 2.5, 330 -> 2.75
    assert rows_of(tune.notes) == [(0, 2, 60), (1, 2, 61), (2, 1, 62), (3, 1, 63)]
    assert tune.counts.lengthened == 2 and tune.counts.read == 4
    assert tune.counts.off_grid == pytest.approx((59 / 120 + 0.5 + 0.5 + 0.5) / 4, abs=1e-4)


def test_notes_that_fall_together_are_merged_and_counted() -> None:
    tune = read(notes((0, 20, 60), (30, 300, 60), (480, 480, 60)))
    assert rows_of(tune.notes) == [(0, 3, 60), (4, 4, 60)]
    assert (tune.counts.merged, tune.counts.cut) == (1, 0)


def test_events_that_say_nothing_are_ignored_and_counted() -> None:
    tune = read(
        [
            (0, meta(TEMPO, b"\0\0\0")),
            (0, meta(METER, bytes([0, 2, 24, 8]))),
            (0, meta(METER, bytes([6, 3, 24, 8]))),
            (10, meta(METER, bytes([2, 2, 24, 8]))),
            (480, meta(METER, bytes([4, 40, 24, 8]))),
            (480, meta(METER, bytes([0, 2, 24, 8]))),
            *notes((480, 480, 60)),
        ]
    )
    assert tune.tempi == ((0, 120.0),) and tune.meters == ((0, 2, 4),)
    assert tune.counts.ignored_events == 5  # no tempo, no numerator twice, overruled at step 0, no denominator


def test_a_song_without_notes_keeps_its_tempo() -> None:
    tune = read([(0, meta(TEMPO, (600_000).to_bytes(3, "big")))])
    assert len(tune.notes) == 0 and tune.tempi == ((0, 100.0),) and tune.tracks == ()
    again = song_from_midi(midi_bytes(tune), "t")
    assert again.tempi == tune.tempi and again.meters == tune.meters
    no_tracks = Song("t", note_array([]), (), tempi=((0, 120.0), (4, 60.0)), meters=((0, 4, 4), (16, 3, 4)))
    again = song_from_midi(midi_bytes(no_tracks), "t")
    assert again.tempi == no_tracks.tempi and again.meters == no_tracks.meters


def test_notes_that_never_end_and_empty_tracks_are_not_kept() -> None:
    tune = read([(0, note_on(60))], [(0, meta(NAME, b"empty"))], notes((0, 480, 64)))
    assert rows_of(tune.notes) == [(0, 4, 64)] and len(tune.tracks) == 1


def test_every_tempo_that_midi_can_say_comes_back() -> None:
    microseconds = [1, 2, 2**24 - 1, *range(400_000, 401_000)]
    tempi = tuple((step, 60e6 / value) for step, value in enumerate(microseconds))
    again = song_from_midi(midi_bytes(Song("t", note_array([(0, 4000, 60)]), tempi=tempi)), "t")
    assert again.tempi == tempi


def test_names_in_any_script_survive_and_broken_ones_do_not_stop_a_read(tmp_path: Path) -> None:
    path = write_song(Song("x", note_array([(0, 4, 60)]), (Track("Café 音楽", 3),)), tmp_path / "Größe 音 楽.mid")
    assert read_song(path).tracks[0].name == "Café 音楽" and read_song(path).name == "Größe 音 楽"
    broken = read([(0, meta(NAME, b"Caf\xe9")), *notes((0, 480, 60))])
    assert broken.tracks[0].name.startswith("Caf")
    assert song_from_midi(midi_bytes(broken), "t").notes.tolist() == broken.notes.tolist()


SONGS = st.builds(
    lambda rows, spb, tempi, meters: Song(
        "t",
        np.concatenate([note_array([row[:3]], row[3], row[4]) for row in rows]) if rows else note_array([]),
        (Track("a", 1), Track("a", 1), Track("drums", 0, True)),
        spb,
        ((0, 60e6 / 500_000), *[(s, 60e6 / m) for s, m in sorted(dict(tempi).items())]),
        ((0, 3, 4), *[(s, n, 2**d) for s, (n, d) in sorted(dict(meters).items())]),
    ),
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(1, 99), st.integers(0, 127), st.integers(1, 127), st.integers(0, 2)),
        max_size=30,
    ),
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 12, 24, 96]),
    st.lists(st.tuples(st.integers(1, 600), st.integers(1, 2**24 - 1)), max_size=4),
    st.lists(st.tuples(st.integers(1, 600), st.tuples(st.integers(1, 255), st.integers(0, 7))), max_size=4),
)


@settings(deadline=None)
@given(SONGS)
def test_midi_is_lossless_on_the_grid(song: Song) -> None:
    again = song_from_midi(midi_bytes(song), "t", song.steps_per_beat, reading=Reading("ticks"))
    used = sorted(set(song.notes["track"].tolist()))
    renumbered = song.notes.copy()
    renumbered["track"] = np.searchsorted(used, song.notes["track"])  # tracks without notes are not kept
    assert again.notes.tolist() == renumbered.tolist()
    assert again.tracks == tuple(song.tracks[index] for index in used)
    assert again.meters == song.meters
    assert [step for step, _ in again.tempi] == [step for step, _ in song.tempi]
    np.testing.assert_allclose([bpm for _, bpm in again.tempi], [bpm for _, bpm in song.tempi], rtol=1e-12)
    assert again.counts.merged == again.counts.cut == again.counts.lengthened == 0 and again.counts.off_grid == 0
    assert midi_bytes(again) == midi_bytes(
        song_from_midi(midi_bytes(again), "t", song.steps_per_beat, reading=Reading("ticks"))
    )


def test_beats_lay_the_grid_through_a_performance() -> None:
    # beats every 0.5 s from 0.2 s on at 120 bpm: tick 192 is the first beat; a note a beat earlier comes before it
    events = notes((192, 480, 60), (672, 240, 62), (912, 240, 64))
    seconds = 0.2 + 0.5 * np.arange(9)
    tune = read(events, beats=Beats(seconds, np.arange(9) % 3 == 1))
    assert rows_of(tune.notes) == [(0, 4, 60), (4, 2, 62), (6, 2, 64)]
    assert tune.meters == ((0, 1, 4), (4, 3, 4)) and tune.tempi == ((0, 120.0),)
    assert tune.counts.off_grid == 0
    early = read(notes((100, 92, 59), *[(192, 480, 60)]), beats=Beats(seconds, np.arange(9) % 3 == 1))
    assert rows_of(early.notes) == [(3, 1, 59), (4, 4, 60)]
    assert early.meters == ((0, 2, 4), (8, 3, 4)), "one beat more before the first downbeat"


def test_beats_of_changing_pace_bend_the_grid_and_the_tempo() -> None:
    seconds = np.array([0.0, 0.5, 1.0, 2.0, 3.0])
    ticks = [0, 480, 960, 1920, 2880]  # at 120 bpm throughout: the file does not know that the player slowed down
    tune = read(notes(*[(tick, 240, 60 + i) for i, tick in enumerate(ticks)]), beats=Beats(seconds, seconds == 0))
    assert tune.notes["onset"].tolist() == [0, 4, 8, 12, 16]
    assert tune.tempi == ((0, 120.0), (8, 60.0))


def test_the_most_common_bar_is_the_metre() -> None:
    downbeats = np.isin(np.arange(20), [0, 3, 6, 10, 13, 16, 19])
    tune = read(notes((0, 480, 60)), beats=Beats(0.5 * np.arange(20), downbeats))
    assert tune.meters == ((0, 3, 4), (24, 4, 4), (40, 3, 4))


def test_halves_between_beats_do_not_flicker() -> None:
    """Beat times carry errors of microseconds; thirty-second notes half a step off the grid must all go one way."""
    seconds = 0.5 * np.arange(17) + 1e-6 * np.cos(np.arange(17) * 2.3)
    tune = read(notes(*[(480 * i + 60, 60, 60) for i in range(16)]), beats=Beats(seconds, seconds < 0.1))
    assert tune.notes["onset"].tolist() == [4 * i + 1 for i in range(16)]


def test_beats_use_the_tempo_map_of_the_file() -> None:
    tempo = [(0, meta(TEMPO, (500_000).to_bytes(3, "big"))), (960, meta(TEMPO, (1_000_000).to_bytes(3, "big")))]
    seconds = np.array([0.25, 0.75, 1.5, 2.5])  # ticks 240, 720, 1200, 1680
    tune = read(tempo, notes((240, 480, 60), (720, 480, 61), (1200, 480, 62)), beats=Beats(seconds, seconds < 0.3))
    assert rows_of(tune.notes) == [(0, 4, 60), (4, 4, 61), (8, 4, 62)]


@pytest.mark.parametrize(
    ("seconds", "flags"),
    [([0.0], [True]), ([0.0, 0.0], [True, True]), ([0.0, 1.0], [True]), ([0, float("nan")], [1, 1])],
)
def test_beats_must_rise(seconds: list[float], flags: list[bool]) -> None:
    with pytest.raises(ValueError, match="`seconds` must be two or more rising times"):
        Beats(np.array(seconds), np.array(flags))


def test_grid_of_the_notes_undoes_a_late_start() -> None:
    late = [(tick + 50, 100, 60 + i) for i, tick in enumerate(range(0, 1920, 120))]
    assert read(notes(*late)).counts.off_grid == pytest.approx(50 / 120, abs=1e-4)
    tune = read(notes(*late), reading=Reading("notes"))
    assert tune.counts.off_grid == 0 and tune.notes["onset"].tolist() == list(range(16))
    early = read(notes(*[(max(tick - 80, 0), 100, pitch) for tick, _, pitch in late]), reading=Reading("notes"))
    assert early.notes["onset"].min() == 0
    scattered = [(tick * 7 % 1920, 100, 40 + i) for i, tick in enumerate(range(0, 1920, 77))]
    assert read(notes(*scattered), reading=Reading("notes")).notes.tolist() == read(notes(*scattered)).notes.tolist()


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    good = midi_file(notes((0, 480, 60)))
    two_tracks = midi_file(notes((0, 480, 60)), notes((0, 480, 61)))
    cases = {
        "gone.mid": (None, "no such file"),
        "empty.mid": (b"", "the file is empty"),
        "a song.mid": (b"RIFF----WAVE", r"not a MIDI file \(it does not begin with MThd\)"),
        "header.mid": (b"MThd", "broken or cut short"),
        "cut.mid": (two_tracks[:-9], "broken or cut short"),
        "cut between tracks.mid": (two_tracks[: len(good)], "holds 1 of 2 tracks"),
        "cut later.mid": (good[:30], "broken or cut short"),
        "no ticks.mid": (good[:12] + b"\0\0" + good[14:], "0 ticks per quarter"),
        "frames.mid": (good[:12] + b"\xe7\x28" + good[14:], "not ticks per quarter"),
        "noise.mid": (good[:22] + b"\xff" * (len(good) - 22), "broken or cut short"),
    }
    for name, (data, message) in cases.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ValueError, match=message) as caught:
            read_song(path)
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="is a folder, not a file"):
        read_song(tmp_path)
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(ValueError, match="is no regular file"):
        read_song(tmp_path / "pipe.mid")


def test_limits_refuse_the_huge(tmp_path: Path) -> None:
    path = tmp_path / "big.mid"
    path.write_bytes(midi_file(notes(*[(120 * i, 120, 60) for i in range(50)])))
    assert len(read_song(path, limits=Limits(notes=50, steps=50)).notes) == 50
    with pytest.raises(ValueError, match="50 notes are more than the limit of 49"):
        read_song(path, limits=Limits(notes=49))
    with pytest.raises(ValueError, match="50 steps of music are more than the limit of 49"):
        read_song(path, limits=Limits(steps=49))
    with pytest.raises(ValueError, match=r"\d+ bytes is more than the limit of 99"):
        read_song(path, limits=Limits(bytes=99))
    path.write_bytes(midi_file(notes((2**28 - 500, 480, 60))))  # 97 days of silence, then a note
    with pytest.raises(ValueError, match="steps of music are more than the limit of 200000"):
        read_song(path)


def test_a_tempo_far_beyond_the_music_does_no_harm() -> None:
    tune = read([(0, note_on(60)), (480, note_off(60)), (2**27, meta(TEMPO, b"\1\1\1"))])
    assert tune.tempi == ((0, 120.0),) and tune.counts.ignored_events == 1


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_file_cut_anywhere_is_refused_or_read(cut: int) -> None:
    data = midi_file(notes(*[(120 * i, 120, 60 + i) for i in range(8)]), notes((0, 480, 40)))
    with pytest.raises(ValueError, match="broken or cut short"):
        song_from_midi(data[:cut], "t")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    tune = Song("t", note_array([(0, 4, 60)]))
    with pytest.raises(OSError, match=r"cannot write .*nowhere/t.mid: No such file or directory"):
        write_song(tune, tmp_path / "nowhere" / "t.mid")
    with pytest.raises(OSError, match=r"cannot write .*: Is a directory"):
        write_song(tune, tmp_path)
    assert not list(tmp_path.parent.glob(".*.partial")), "nothing half written is left"
    with pytest.raises(ValueError, match="more than a MIDI file can hold"):
        write_song(Song("t", note_array([(2**24, 4, 60)])), tmp_path / "t.mid")
    with pytest.raises(ValueError, match="16777216 steps at 4 a beat are more than a MIDI file can hold"):
        write_song(Song("t", note_array([]), tempi=((0, 120.0), (2**24, 60.0))), tmp_path / "t.mid")


@pytest.mark.parametrize("wrong", [{"steps_per_beat": 0}, {"steps_per_beat": 40_000}])
def test_settings_out_of_range_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        read(notes((0, 480, 60)), **wrong)


def test_only_one_module_knows_the_midi_library_and_music_needs_no_torch() -> None:
    package = Path(softaxes.data.music.__file__).parent.parent
    knows = [
        path.name for path in package.rglob("*.py") if re.search(r"^\s*(import|from) symusic", path.read_text(), re.M)
    ]
    assert knows == ["midi.py"]
    heavy = ("torch", "music21", "scipy", "pooch")
    code = f"import sys, softaxes.data.music; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_twin_files_of_one_song_agree(tmp_path: Path) -> None:
    """480 and 960 ticks, and running status, say the same."""
    rows = [(0, 240, 60), (240, 240, 64)]
    double = [(2 * tick, 2 * ticks, pitch) for tick, ticks, pitch in rows]
    running = b"\x00\x90\x3c\x40" + b"\x81\x70\x3c\x00" + b"\x00\x40\x40" + b"\x81\x70\x40\x00" + b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    bare = song_from_midi(header + b"MTrk" + struct.pack(">I", len(running)) + running, "t")
    assert rows_of(bare.notes) == rows_of(read(notes(*rows)).notes) == rows_of(read(notes(*double), ticks=960).notes)


def test_headers_that_lie() -> None:
    two = midi_file(notes((0, 480, 60)), notes((0, 480, 64)))
    promises_one = two[:10] + b"\0\1" + two[12:]
    assert sorted(song_from_midi(promises_one, "t").notes["pitch"].tolist()) == [60, 64]
    with pytest.raises(ValueError, match="MIDI of format 2 holds songs side by side"):
        song_from_midi(two[:8] + b"\0\2" + two[10:], "t")
    odd = midi_file([(0, meta(0x58, bytes([4, 33, 24, 8]))), *notes((0, 480, 60))])
    assert song_from_midi(odd, "t").meters == ((0, 4, 4),), "a metre over 2^33 says nothing"
    longer = two[:4] + b"\0\0\0\x08" + two[8:14] + b"\0\0" + two[14:]
    assert song_from_midi(longer, "t").notes.tolist() == song_from_midi(two, "t").notes.tolist()


@pytest.mark.parametrize("power", [8, 31, 32, 33, 255])
def test_a_metre_over_more_than_midi_says_is_ignored(power: int) -> None:
    tune = read([(0, meta(METER, bytes([3, power, 24, 8])))], notes((0, 480, 60)))
    assert tune.meters == ((0, 4, 4),) and tune.counts.ignored_events == 1


@pytest.mark.parametrize("deltas", [7, 8, 9, 16, 17, 33])
def test_ticks_beyond_31_bits_are_refused_however_often_they_wrap(deltas: int) -> None:
    """The library counts in 32 bits: 17 times 2^28 would come back as 2^28."""
    far = 2**28 - 1
    waits = [(i * far, b"\xb0\x07\x40") for i in range(1, deltas + 1)]
    data = midi_file([(0, note_on(60)), (480, note_off(60)), *waits, (deltas * far + 480, note_on(62))])
    if deltas >= 8:
        with pytest.raises(ValueError, match=r"broken \(events beyond tick 2147483647\)"):
            song_from_midi(data, "t")
    else:
        assert len(song_from_midi(data, "t").notes) == 1


def test_many_words_are_not_taken_for_ticks() -> None:
    """Bytes of a text can look like very long delta times; only then are the events counted one by one."""
    words = [(0, meta(0x05, "ああああ音楽".encode() + b"a"))] * 200
    assert len(read([*words, *notes((0, 480, 60))]).notes) == 1


def test_a_track_that_changes_its_program_is_one_track() -> None:
    """Its first note says which; channels of one track stay apart, and so do tracks of one name."""
    play = [(480 * i, 400, 60 + i) for i in range(4)]
    change = [(0, b"\xc0\x28"), (960, b"\xc0\x49")]
    one = sorted([(0, meta(NAME, b"MELODY")), *change, *notes(*play)], key=lambda event: event[0])
    tune = read(one, [(0, meta(NAME, b"MELODY")), (0, b"\xc1\x05"), *notes((0, 480, 40), channel=1)])
    assert [(track.name, track.program) for track in tune.tracks] == [("MELODY", 40), ("MELODY", 5)]
    assert tune.notes["track"].tolist().count(0) == 4
    two_hands = [(0, b"\xc1\x05"), *sorted([*notes((0, 480, 60)), *notes((0, 480, 40), channel=1)])]
    assert sorted(track.program for track in read(sorted(two_hands, key=lambda event: event[0])).tracks) == [0, 5]


def test_many_tempi_take_time_in_proportion() -> None:
    """What was a table rebuilt for each event is made once: twenty thousand events of a ramp are read at once."""

    rows = [(step, 120.0 + step % 7) for step in range(20_000)]
    kept, lost = last_at_each_step(rows, np.ones(len(rows), bool), (0, 120.0), 10**6)
    assert len(kept) == 20_000 and lost == 0


def programs_by_channel(data: bytes) -> dict[int, set[int]]:
    """Read off the bytes by hand: which programs each channel is given."""
    found: dict[int, set[int]] = {}
    at = 14
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        body, i, status = data[at + 8 : end], 0, 0
        while i < len(body):
            while body[i] & 0x80:
                i += 1
            i += 1
            if body[i] == 0xFF:
                i += 3 + body[i + 2]
                continue
            if body[i] & 0x80:
                status, i = body[i], i + 1
            if status & 0xF0 == 0xC0:
                found.setdefault(status & 15, set()).add(body[i])
            i += 1 if status & 0xE0 == 0xC0 else 2
        at = end
    return found


@pytest.mark.parametrize("tracks", [1, 15, 16, 20, 40])
@pytest.mark.parametrize("drums", [False, True])
def test_one_program_a_channel(tracks: int, drums: bool) -> None:
    instruments = [(0, 40, 56, 73, 32)[i % 5] for i in range(tracks)]
    voices = [Track(f"t{i}", program) for i, program in enumerate(instruments)] + [Track("kit", 0, True)] * drums
    rows = [(i, 2, 40 + i, 80, i) for i in range(len(voices))]
    data = midi_bytes(Song("t", np.array(rows, NOTE_DTYPE), tuple(voices)))
    assert all(len(programs) == 1 for programs in programs_by_channel(data).values())
    back = song_from_midi(data, "t")
    assert sorted(t.program for t in back.tracks if not t.is_drum) == sorted(instruments)
    assert sum(t.is_drum for t in back.tracks) == drums


def test_twenty_programs_share_the_fifteen_channels_evenly() -> None:
    channels = channels_of([Track(str(i), i) for i in range(20)])
    assert DRUM_CHANNEL not in channels and max(map(channels.count, channels)) == 2


def test_what_a_file_waits_before_its_first_beat_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "001.mid"
    path.write_bytes(midi_file(notes(*[(round(1.77 * 960) + 480 * i, 400, 60 + i % 5) for i in range(16)])))
    table = "".join(f"{1.77 + 0.5 * k:.6f} 1.0 {float(k % 4 == 0)}\n" for k in range(20))
    (tmp_path / "beat_midi.txt").write_text(table)
    tune = read_song(path)
    assert tune.start_seconds == pytest.approx(1.77) and tune.notes["onset"].tolist() == list(range(0, 64, 4))
    again = read_song(write_song(tune, tmp_path / "again.mid"))
    assert again.notes.tolist() == tune.notes.tolist(), "beside the same beats it lies where it lay"
    (tmp_path / "beat_midi.txt").unlink()
    alone = read_song(tmp_path / "again.mid")
    assert alone.notes["onset"].tolist() == list(range(16, 80, 4)), "by itself a bar later, which lasts 1.77 s"
    assert 4 * 60 / alone.tempi[0][1] == pytest.approx(1.77, abs=1e-3)

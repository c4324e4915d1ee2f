"""Pedals, bends, keys and words of a steered song stay beside their notes, and what is not kept is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.commands import steer as steering
from softaxes.data.music import write_song
from softaxes.data.music.extras import Extra, extras_of
from softaxes.songs.steer_extras import transposed_key
from softaxes.songs.steer_file import SteeredFile, steer_file
from tests.data.music.by_hand import NAME, meta, midi_file, note_off, note_on
from tests.songs.song_models import Perfect

KEY = 0x59
SIXTEENTH = 120


def voice(name: bytes, channel: int, pitch: int, *events: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    played = [(480 * beat, note_on(pitch + beat % 3, channel=channel)) for beat in range(16)]
    played += [(480 * beat + 400, note_off(pitch + beat % 3, channel)) for beat in range(16)]
    return [
        (0, meta(NAME, name)),
        *sorted([*events, *played], key=lambda event: (event[0], event[1][0] & 0x90 == 0x90)),
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A melody that is sung, a piano with pedal, volume and bends, drums, a key signature and a marker."""
    sung = [(480 * beat, meta(0x05, b"la")) for beat in range(16)]
    pedal = [(0, b"\xb1\x07\x28"), (480, b"\xb1\x40\x7f"), (1900, b"\xb1\x40\x00"), (960, b"\xe1\x00\x60")]
    head = [(0, meta(KEY, b"\x02\x00")), (1920, meta(0x06, b"verse"))]
    path = tmp_path / "song.mid"
    path.write_bytes(
        midi_file(
            head,
            voice(b"MELODY", 0, 72, *sung, (490, b"\xa0\x49\x20")),
            voice(b"PIANO", 1, 48, *pedal),
            voice(b"kit", 9, 36, (480, b"\xb9\x40\x7f"), (490, b"\xa9\x25\x20")),
        )
    )
    return path


def rows(result: SteeredFile, kind: str, track: int | None = None) -> list[int]:
    return [e.at for e in result.extras.events if e.kind == kind and track in (None, e.track)]


def keys(result: SteeredFile) -> list[tuple[int, int]]:
    return [(e.at, int.from_bytes(e.data[2:3], signed=True)) for e in result.extras.events if e.kind == "key signature"]


def test_steering_by_nothing_keeps_everything(file: Path) -> None:
    out = file.with_name("out.mid")
    for others in ("move", "keep"):
        result = steer_file(Perfect(), file, others=others)
        assert "not kept" not in result.line
        write_song(result.edited, out, result.extras)
        fresh = [e for e in extras_of(out.read_bytes()).events if e.kind != "program change"]
        assert fresh == list(extras_of(file.read_bytes()).events)


def test_events_move_in_time_with_their_notes_and_keys_with_the_pitch(file: Path) -> None:
    result = steer_file(Perfect(), file, pitch=3, metre=2)
    assert rows(result, "lyric") == [480 * beat + 2 * SIXTEENTH for beat in range(16)]
    assert rows(result, "controller", 1) == [0, 480 + 2 * SIXTEENTH, 1900 + 2 * SIXTEENTH], (
        "the volume begins the track"
    )
    assert rows(result, "pitch bend") == [960 + 2 * SIXTEENTH]
    assert rows(result, "controller", 2) == [480 + 2 * SIXTEENTH]
    assert rows(result, "marker") == [1920]
    assert keys(result) == [(0, -1)], "D major, three semitones up, is F major"
    touched = [(e.at, e.track, e.data[0]) for e in result.extras.events if e.kind == "aftertouch"]
    assert touched == [(490 + 2 * SIXTEENTH, 0, 0x49 + 3), (490 + 2 * SIXTEENTH, 2, 0x25)], "drums keep their pitches"
    assert "not kept" not in result.line


def test_what_stays_keeps_its_events_and_a_key_that_holds_no_longer_is_dropped(file: Path) -> None:
    result = steer_file(Perfect(), file, pitch=3, metre=2, others="keep")
    assert rows(result, "controller", 1) == [0, 480, 1900] and rows(result, "lyric")[0] == 2 * SIXTEENTH
    assert keys(result) == [] and "not kept: 1 key signature" in result.line
    assert keys(steer_file(Perfect(), file, metre=2, others="keep")) == [(0, 2)]


def test_what_is_dropped_takes_its_events_along(file: Path) -> None:
    result = steer_file(Perfect(), file, pitch=-2, others="drop")
    assert {e.track for e in result.extras.events if e.status < 0xF0} == {0}
    assert keys(result) == [(0, 0)], "the melody is all there is, and it moved"
    assert "not kept: 1 aftertouch, 4 controllers, 1 pitch bend" in result.line


def test_a_word_that_would_begin_before_the_song_goes_with_its_note(file: Path) -> None:
    result = steer_file(Perfect(), file, metre=-4)
    assert rows(result, "lyric") == [480 * beat for beat in range(15)]
    assert rows(result, "controller", 1) == [0, 0, 1900 - 480], "a pedal does not"
    assert "not kept: 1 lyric" in result.line


def test_the_command_writes_them(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("softaxes.commands.steer.load", lambda _: Perfect())
    steering.steer(file, out=file.with_name("out.mid"), pitch=2, metre=1)
    written = extras_of(file.with_name("out.mid").read_bytes()).events
    assert [e.at for e in written if e.kind == "lyric"][:2] == [SIXTEENTH, 480 + SIXTEENTH]
    assert "not kept" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sharps", "semitones", "expected"),
    [(0, 2, 2), (2, 3, -1), (-3, 1, 4), (6, 1, 1), (5, 2, -5), (-7, 0, -7), (0, 6, 6)],
)
def test_keys_are_transposed_by_fifths(sharps: int, semitones: int, expected: int) -> None:
    event = Extra(0, -1, 0xFF, b"\x59\x02" + sharps.to_bytes(1, signed=True) + b"\x01")
    assert transposed_key(event, semitones).data == b"\x59\x02" + expected.to_bytes(1, signed=True) + b"\x01"

"""What lies beside the notes is found, with the track it belongs to, and is written where it was found."""

from __future__ import annotations

from pathlib import Path

from softaxes.data.music import read_song, write_song
from softaxes.data.music.extras import NOWHERE, Extra, Extras, extras_of
from softaxes.data.music.read import read_both
from tests.data.music.by_hand import METER, NAME, TEMPO, meta, midi_file, note_off, note_on

HEAD = [(0, meta(NAME, b"Piece")), (0, meta(TEMPO, b"\x07\xa1\x20")), (0, meta(METER, bytes([3, 2, 24, 8])))]
KEY, LYRIC, MARKER = meta(0x59, b"\x02\x00"), meta(0x05, b"la"), meta(0x06, b"verse")


def notes(channel: int, *rows: tuple[int, int, int]) -> list[tuple[int, bytes]]:
    both = [(at, note_on(pitch, channel=channel)) for at, _, pitch in rows]
    return sorted(both + [(end, note_off(pitch, channel)) for _, end, pitch in rows], key=lambda event: event[0])


def voice(name: bytes, channel: int, *events: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    played = notes(channel, (0, 480, 60), (480, 960, 62), (960, 1440, 64))
    return [(0, meta(NAME, name)), *sorted([*events, *played], key=lambda event: event[0])]


def rows(extras: Extras) -> list[tuple[int, int, str]]:
    return [(event.at, event.track, event.kind) for event in extras.events]


def test_events_belong_to_the_notes_of_their_chunk_and_channel() -> None:
    data = midi_file(
        [*HEAD, (0, KEY), (240, MARKER)],
        voice(
            b"A", 3, (0, b"\xb3\x40\x7f"), (0, b"\xb5\x07\x40"), (10, b"\xe3\x00\x60"), (480, b"\xc3\x09"), (480, LYRIC)
        ),
        [(5, b"\xb4\x40\x00"), (6, b"\xf0\x03\x43\x01\xf7"), (7, b"\xb7\x01\x01")],
        voice(b"B", 4, (960, b"\xd4\x22"), (961, b"\xa4\x40\x10")),
        voice(b"C", 5),
    )
    extras = extras_of(data)
    assert extras.channels == (3, 4, 5)
    assert rows(extras) == [
        (0, NOWHERE, "track name"),
        (0, NOWHERE, "key signature"),
        (0, 0, "controller"),
        (0, 2, "controller"),  # of channel 5, whose notes are in another chunk
        (5, 1, "controller"),
        (6, NOWHERE, "system message"),
        (7, NOWHERE, "controller"),  # of a channel without notes
        (10, 0, "pitch bend"),
        (240, NOWHERE, "marker"),
        (480, 0, "program change"),
        (480, 0, "lyric"),
        (960, 1, "aftertouch"),
        (961, 1, "aftertouch"),
    ]
    assert extras.events[-1] == Extra(961, 1, 0xA4, b"\x40\x10")


def test_a_written_song_has_them_where_the_file_had_them(tmp_path: Path) -> None:
    """Ticks, tracks, channels and bytes; running status and hands that share a channel too."""
    pedal = [(0, b"\xb0\x40\x7f"), (470, b"\x40\x00"), (480, b"\xc0\x05")]
    path = tmp_path / "a.mid"
    path.write_bytes(midi_file([*HEAD, (0, KEY)], voice(b"R", 0, *pedal[:1], *pedal[2:]), voice(b"L", 0, (700, LYRIC))))
    both = read_both(path, 4)
    again = tmp_path / "b.mid"
    write_song(both.fine, again, both.extras)
    assert extras_of(again.read_bytes())[1] == (0, 0)
    known = [event for event in extras_of(again.read_bytes()).events if event.at or event.kind != "program change"]
    assert known == list(extras_of(path.read_bytes()).events)
    assert read_song(again, 480).notes.tolist() == both.fine.notes.tolist()
    assert read_song(again, 480).tracks == both.fine.tracks and read_song(again).meters == ((0, 3, 4),)
    chunks = again.read_bytes().split(b"MTrk")
    assert b"\xff\x51" in chunks[1] and not any(b"\xff\x51" in chunk for chunk in chunks[2:]), (
        "tempi stand in the first"
    )


def test_at_one_tick_notes_end_first_and_begin_last(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(midi_file(HEAD, voice(b"A", 0, (480, b"\xb0\x40\x00"), (480, b"\xb0\x40\x7f"))))
    both = read_both(path, 4)
    data = write_song(both.fine, path, both.extras).read_bytes()
    order = [data.index(part) for part in (b"\x80\x3c", b"\xb0\x40\x00", b"\xb0\x40\x7f", b"\x90\x3e")]
    assert order == sorted(order)


def test_channels_that_do_not_fit_the_tracks_are_dealt_anew(tmp_path: Path) -> None:
    """Two programs that begin on one channel cannot both be heard there: the pedal goes to its track's new channel."""
    path = tmp_path / "a.mid"
    two = [voice(b"A", 0, (0, b"\xc0\x05")), voice(b"B", 0, (0, b"\xc0\x07"), (9, b"\xb0\x40\x7f"))]
    path.write_bytes(midi_file(HEAD, *two))
    both = read_both(path, 4)
    assert both.extras.channels == ()
    again = extras_of(write_song(both.fine, path, both.extras).read_bytes())
    assert again.channels == (0, 1) and (9, 1, "controller") in rows(again)


def test_beside_beats_they_lie_where_the_notes_lie(tmp_path: Path) -> None:
    """A performance that begins 1.77 s late: a lyric on a note stays on it, and what begins the file still does."""
    start = round(1.77 * 960)
    played = notes(0, *[(start + 480 * i, start + 480 * i + 400, 60 + i % 5) for i in range(16)])
    words = [(0, b"\xb0\x07\x50"), (start + 960, LYRIC)]
    path = tmp_path / "001.mid"
    path.write_bytes(midi_file(sorted([*words, *played], key=lambda event: event[0])))
    (tmp_path / "beat_midi.txt").write_text(
        "".join(f"{1.77 + 0.5 * k:.6f} 1.0 {float(k % 4 == 0)}\n" for k in range(20))
    )
    both = read_both(path, 4)
    assert [event.at for event in both.extras.events if event.kind == "lyric"] == [960]
    (tmp_path / "beat_midi.txt").unlink()
    again = read_both(write_song(both.fine, tmp_path / "b.mid", both.extras), 4)
    assert [(event.at, event.kind) for event in again.extras.events if event.kind != "program change"] == [
        (0, "controller"),
        (1920 + 960, "lyric"),
    ]
    assert 2880 in again.fine.notes["onset"]

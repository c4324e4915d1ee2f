"""How does a file become a Song on the grid, and a Song a file? The only module that knows the MIDI library (symusic).

Every entrance of the package reads MIDI through `read_song`, and by one rule lays it on a grid:

    1. through the beats of a ``beat_midi.txt`` in the file's own folder, if they fit the file (`beats.fits`);
    2. else on the file's own ticks, tempo map and time signatures, if its notes lie on that grid;
    3. else on the same, moved by up to half a sixteenth to where the notes are, if they agree (resultant of their
       phases >= 0.85), so that a late start does not smear every rhythm.

Reading rounds every start and every end to the nearest step, halves up.
On the grid the way back is exact: a song that was written and is read by its ticks has the same notes, tracks, tempi
and metres.
Tracks without notes are not kept (MIDI files are full of them). A note that never ends is not a note. Controllers
(pedals among them), pitch bends, key signatures and lyrics are not read, but counted.

Limits: what a file may weigh and hold; beyond them it is refused with a ValueError, like a missing, empty, cut or
otherwise broken one. Messages are one line: the path, and what is wrong.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import symusic
from numpy.typing import NDArray

from softaxes.data.files import write_bytes
from softaxes.data.music.beats import Beats, beats_beside, fits
from softaxes.data.music.clocks import BeatClock, Events, Grid, TickClock, late_ticks, ticks_of
from softaxes.data.music.song import (
    FASTEST_BPM,
    NOTE_DTYPE,
    SLOWEST_BPM,
    Counts,
    Song,
    Track,
    parse_time_signature,
    with_time_signature,
)

DRUM_CHANNEL = 9
NO_METRE = re.compile(rb"\xff\x58\x04.[\x08-\xff]", re.DOTALL)  # over more than 2^7; the library would wrap it
MAX_STEPS_PER_BEAT = 32767  # a MIDI file has as many ticks to the quarter note


@dataclass(frozen=True)
class Limits:
    """The largest file that is read: bytes on disk, notes, and steps of music (7 hours at 120 bpm and 4 steps)."""

    bytes: int = 20_000_000
    notes: int = 200_000
    steps: int = 200_000


@dataclass(frozen=True)
class Reading:
    """How a file is laid on the grid, where its own word is not to be taken.

    Attributes:
        grid: "auto": beats beside the file if they fit, else its ticks, else its notes' phase. "ticks": the file's own
            ticks, whatever lies beside it. "notes": moved to where the notes are, without a table of beats.
        time_signature: such as 6/8: the metre of the whole song, instead of the file's.
        downbeat: quarter notes before the first bar line (a pickup's length), with a ``time_signature``.
    """

    grid: Grid = "auto"
    time_signature: str = ""
    downbeat: float = 0.0

    def __post_init__(self) -> None:
        if self.grid not in get_args(Grid):
            raise ValueError(f"`grid` must be one of {', '.join(get_args(Grid))}, got {self.grid!r}")
        if not 0 <= self.downbeat < 1000:
            raise ValueError(f"`downbeat` must be 0 quarter notes or more, got {self.downbeat}")
        if self.downbeat and not self.time_signature:
            raise ValueError(f"`downbeat` needs a `time_signature`, got {self.downbeat} alone")
        parse_time_signature(self.time_signature or "4/4")


def read_song(
    path: str | os.PathLike[str],
    steps_per_beat: int = 4,
    *,
    reading: Reading | None = None,
    limits: Limits | None = None,
) -> Song:
    """Read one MIDI file by the rule of the module, or as ``reading`` says.

    Args:
        path: a .mid or .midi file (known by its content, not by its name).
        steps_per_beat: steps in a quarter note; 4 is a grid of sixteenths.
        limits: refuse larger files.

    Raises:
        ValueError: missing, empty, cut short, broken, too large or not MIDI; the message is one line with the path.
    """
    path, limits, reading = Path(path), limits or Limits(), reading or Reading()
    data = read_bytes(path, limits.bytes)
    beats = beats_beside(path) if reading.grid == "auto" else None
    try:
        return song_from_midi(data, path.stem, steps_per_beat, reading=reading, beats=beats, limits=limits)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, or a ValueError that says in one line why there are none to be had."""
    try:
        if path.is_dir() and os.access(path, os.R_OK | os.X_OK):
            raise ValueError(f"{path}: is a folder, not a file")
        size = path.stat().st_size
        if path.is_dir():
            raise ValueError(f"{path}: permission denied")
        if not path.is_file():  # reading a pipe or a device may never end
            raise ValueError(f"{path}: is no regular file")
        if size > max_bytes:
            raise ValueError(f"{path}: {size} bytes is more than the limit of {max_bytes}")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if not data:
        raise ValueError(f"{path}: the file is empty")
    return data


def song_from_midi(
    data: bytes,
    name: str,
    steps_per_beat: int = 4,
    *,
    reading: Reading | None = None,
    beats: Beats | None = None,
    limits: Limits | None = None,
) -> Song:
    """Read a Song from the bytes of a MIDI file, see `read_song`; ``beats`` beside the file are used if they fit."""
    limits, reading = limits or Limits(), reading or Reading()
    if not 1 <= steps_per_beat <= MAX_STEPS_PER_BEAT:
        raise ValueError(f"`steps_per_beat` must be 1..{MAX_STEPS_PER_BEAT}, got {steps_per_beat}")
    score = _parse(data)
    if score.note_num() > limits.notes:
        raise ValueError(f"{score.note_num()} notes are more than the limit of {limits.notes}")
    tracks = [track for track in score.tracks if len(track.notes)]
    clock = _clock(score, steps_per_beat, reading.grid, beats)
    notes, counts = _grid_notes(tracks, clock)
    end = int((notes["onset"].astype(np.int64) + notes["duration"]).max(initial=0))
    if end > limits.steps:
        raise ValueError(f"{end} steps of music are more than the limit of {limits.steps}")
    tempi, lost_tempi = clock.tempi(limits.steps)
    meters, lost_meters = clock.meters(limits.steps)
    song = Song(
        name=name,
        notes=notes.astype(NOTE_DTYPE),
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in tracks),
        steps_per_beat=steps_per_beat,
        tempi=tempi,
        meters=meters,
        counts=counts._replace(ignored_events=lost_tempi + lost_meters, **_unread(score)),
        start_seconds=clock.start_seconds,
    )
    return with_time_signature(song, reading.time_signature, reading.downbeat) if reading.time_signature else song


def _clock(score: Any, steps_per_beat: int, grid: Grid, beats: Beats | None) -> TickClock | BeatClock:
    """The clock that the module's rule gives a file."""
    events, starts = _events(score), _starts(score)
    if beats is not None and fits(ticks_of(events, beats.seconds), starts):
        return BeatClock(events, steps_per_beat, beats, first_tick=float(starts.min()))
    late = 0 if grid == "ticks" else late_ticks(starts, score.ticks_per_quarter, always=grid == "notes")
    return TickClock(events, steps_per_beat, late)


def _unread(score: Any) -> dict[str, int]:
    """How many events of a file are not read, by the names of `Counts`."""
    return {
        "controllers": sum(len(track.controls) for track in score.tracks),
        "pitch_bends": sum(len(track.pitch_bends) for track in score.tracks),
        "key_signatures": len(score.key_signatures),
        "lyrics": sum(len(track.lyrics) for track in score.tracks),
    }


def _starts(score: Any) -> NDArray[np.int64]:
    """Ticks at which notes begin, track after track."""
    return np.concatenate([track.notes.numpy()["time"] for track in score.tracks] or [np.zeros(0)]).astype(np.int64)


def beats_before(path: str | os.PathLike[str], beats: Beats, steps_per_beat: int = 4) -> int:
    """How many whole beats `read_song` puts before the first of ``beats``: those that the first notes need."""
    score = _parse(read_bytes(Path(path), Limits().bytes))
    first = _starts(score).min(initial=2**62)
    return BeatClock(_events(score), steps_per_beat, beats, first_tick=float(first)).beats_before


def write_song(song: Song, path: str | os.PathLike[str]) -> Path:
    """Write a Song as a MIDI file; returns its path. ValueError: MIDI cannot hold it. OSError: the disk refuses."""
    path = Path(path)
    try:
        write_bytes(path, midi_bytes(song))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return path


def midi_bytes(song: Song) -> bytes:
    """The song as the bytes of a MIDI file, with about 480 ticks to the quarter note.

    Raises:
        ValueError: the song is too long, or its grid too fine, for a MIDI file.
    """
    ticks_per_step = max(1, 480 // song.steps_per_beat)
    last_step = max(song.length_steps, song.tempi[-1][0], song.meters[-1][0])
    if last_step * ticks_per_step >= 2**28 or song.steps_per_beat > MAX_STEPS_PER_BEAT:
        raise ValueError(f"{last_step} steps at {song.steps_per_beat} a beat are more than a MIDI file can hold")
    score: Any = symusic.Score(ticks_per_step * song.steps_per_beat)
    song = _with_start(song)
    for step, bpm in song.tempi:
        microseconds = min(max(round(60e6 / bpm), 1), 2**24 - 1)
        score.tempos.append(symusic.Tempo(step * ticks_per_step, mspq=microseconds))
    for step, numerator, denominator in song.meters:
        score.time_signatures.append(symusic.TimeSignature(step * ticks_per_step, numerator, denominator))
    for index, track in enumerate(song.tracks or (Track(""),)):  # without tracks the library would not sort events
        notes = song.notes[song.notes["track"] == index]
        voice: Any = symusic.Track(track.name, track.program, track.is_drum, ttype="tick")
        voice.notes = symusic.Note.from_numpy(
            notes["onset"] * np.int32(ticks_per_step),
            notes["duration"] * np.int32(ticks_per_step),
            notes["pitch"].astype(np.int8),
            notes["velocity"].astype(np.int8),
            "tick",
        )
        score.tracks.append(voice)
    return _on_channels(bytes(score.dumps_midi()), channels_of(song.tracks))


def _with_start(song: Song) -> Song:
    """The song after one empty bar that lasts as long as its file waited before step 0."""
    if song.start_seconds < 1e-3:
        return song
    _, numerator, denominator = song.meters[0]
    bar = max(1, round(4 * song.steps_per_beat * numerator / denominator))
    bpm = min(max(60 * bar / song.steps_per_beat / song.start_seconds, SLOWEST_BPM), FASTEST_BPM)
    notes = song.notes.copy()
    notes["onset"] += bar
    tempi = ((0, bpm), *((step + bar, pace) for step, pace in song.tempi))
    meters = ((0, numerator, denominator), *((step + bar, n, d) for step, n, d in song.meters))
    return dataclasses.replace(song, notes=notes, tempi=tempi, meters=meters, start_seconds=0.0)


def channels_of(tracks: Sequence[Track]) -> list[int]:
    """A channel 0..15 for each track: its own while there are enough, else one for each program; drums on channel 9.

    A channel plays one program at a time. With more than fifteen programs at once some must share.
    """
    pitched = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    voices: list[Any] = [index for index, track in enumerate(tracks) if not track.is_drum]
    if len(voices) > len(pitched):
        voices = list(dict.fromkeys(track.program for track in tracks if not track.is_drum))
        keys: list[Any] = [track.program for track in tracks]
    else:
        keys = list(range(len(tracks)))
    place = {voice: pitched[at % len(pitched)] for at, voice in enumerate(voices)}
    return [DRUM_CHANNEL if track.is_drum else place[key] for track, key in zip(tracks, keys, strict=True)]


def _on_channels(data: bytes, channels: list[int]) -> bytes:
    """The file with the events of each track of notes on its channel: the library deals channels out by itself."""
    out, at, left = bytearray(data), 14, iter(channels)
    while at < len(out):
        end, at = at + 8 + int.from_bytes(out[at + 4 : at + 8], "big"), at + 8
        events = list(_channel_events(out, at, end))
        channel = next(left, 0) if events else 0
        for place in events:
            out[place] = out[place] & 0xF0 | channel
        at = end
    return bytes(out)


def _channel_events(data: bytearray, at: int, end: int) -> Iterator[int]:
    """Places of the status bytes of a track's channel events."""
    status = 0
    while at < end:
        while data[at] & 0x80:  # the time since the last event, seven bits a byte
            at += 1
        at += 1
        if data[at] & 0x80:
            status = data[at]
            if status < 0xF0:
                yield at
            at += 1
        if status >= 0xF0:  # a system or meta event: its length follows
            at += status == 0xFF
            length = 0
            while True:
                length = length << 7 | data[at] & 0x7F
                at += 1
                if not data[at - 1] & 0x80:
                    break
            at += length
        else:
            at += 1 if status & 0xE0 == 0xC0 else 2


def abc_to_midi_program() -> Path:
    """The ABC translator that comes with the MIDI library (abc2midi)."""
    return Path(symusic.__file__).parent / "bin" / ("abc2midi.exe" if os.name == "nt" else "abc2midi")


def _parse(data: bytes) -> Any:
    """The library's score, or a ValueError of one line that says what is broken."""
    if not data.startswith(b"MThd"[: max(1, len(data))]) and data:
        raise ValueError("not a MIDI file (it does not begin with MThd)")
    if len(data) < 14:
        raise ValueError("broken or cut short (no whole header)")
    data, file_format, promised, held = _whole_chunks(data)
    if file_format > 1:
        raise ValueError(
            f"MIDI of format {file_format} holds songs side by side, not one: save each as a file of its own"
        )
    if held < promised:  # the library would read a file cut between two tracks as a whole one
        raise ValueError(f"broken or cut short (holds {held} of {promised} tracks)")
    try:
        score: Any = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        reason = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise ValueError(f"broken or cut short ({' '.join(reason.split())})") from None
    if score.ticks_per_quarter < 1:
        raise ValueError(f"broken ({score.ticks_per_quarter} ticks per quarter note)")
    if any((track.notes.numpy()["time"] < 0).any() for track in score.tracks):  # the library counts ticks in 32 bits
        raise ValueError("broken (notes beyond tick 2147483647)")
    return score


def _events(score: Any) -> Events:
    tempi, meters = score.tempos.numpy(), score.time_signatures.numpy()
    rows = (tempi["time"], tempi["mspq"], meters["time"], meters["numerator"], meters["denominator"])
    return Events(score.ticks_per_quarter, *rows)


def _whole_chunks(data: bytes) -> tuple[bytes, int, int, int]:
    """The file with a plain header that tells the truth; its format, the tracks it promises and those it holds.

    A header may be longer than six bytes (what is beyond is to be skipped) and promise fewer tracks than follow (all
    are read). The last track may be cut: that is for the library to say.
    """
    length = int.from_bytes(data[4:8], "big")
    file_format, promised, division = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    at, held = 8 + max(length, 6), 0
    body = NO_METRE.sub(b"\xff\x58\x04\0\1", data[at:])
    while len(data) >= at + 8:
        held += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    fields = (file_format, max(promised, held), division)
    return b"MThd\0\0\0\6" + b"".join(n.to_bytes(2, "big") for n in fields) + body, file_format, promised, held


def _grid_notes(tracks: list[Any], clock: TickClock | BeatClock) -> tuple[NDArray[np.void], Counts]:
    """All notes on the grid in 64 bits, and what rounding did to them."""
    wide = np.dtype([(name, np.int64) for name in NOTE_DTYPE.names or ()])
    columns = [track.notes.numpy() for track in tracks]
    notes = np.zeros(sum(len(column["time"]) for column in columns), dtype=wide)
    if not columns:
        return notes, Counts()
    start = np.concatenate([column["time"] for column in columns]).astype(np.int64)
    ticks = np.concatenate([column["duration"] for column in columns]).astype(np.int64)
    exact, notes["onset"] = clock.exact(start), clock.steps(start)
    duration = clock.steps(start + ticks) - notes["onset"]
    notes["duration"] = np.maximum(duration, 1)
    notes["pitch"] = np.concatenate([column["pitch"] for column in columns])
    notes["velocity"] = np.concatenate([column["velocity"] for column in columns])
    notes["track"] = np.repeat(np.arange(len(columns)), [len(column["time"]) for column in columns])
    valid = (notes["onset"] >= 0) & (notes["pitch"] >= 0) & (notes["velocity"] >= 1) & (ticks >= 0)
    off_grid = float(np.abs(exact - np.floor(exact + 0.5)).mean())
    counts = Counts(len(notes), 0, 0, int((duration < 1).sum()), int((~valid).sum()), 0, round(off_grid, 4))
    return notes[valid], counts

"""How does a file become a Song on the grid, and a Song a file? The only module that knows the MIDI library (symusic).

Reading rounds every start and every end to the nearest step, halves up, on the file's own clock: beat 0 is tick 0.
Where a file was played rather than written (POP909), give the times of its beats: the grid is laid through those. A
file that was played to a click but begins between two ticks of the grid is read with ``grid="notes"``.
On the grid the way back is exact: ``read_song(write_song(song))`` has the song's notes, tracks, tempi and metres.
Tracks without notes are not kept (MIDI files are full of them). A note that never ends is not a note. Pedals,
controllers, pitch bends and lyrics are not read.

Limits: what a file may weigh and hold; beyond them it is refused with a ValueError, like a missing, empty, cut or
otherwise broken one. Messages are one line: the path, and what is wrong.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import symusic
from numpy.typing import NDArray

from softaxes.data.music.clocks import BeatClock, Beats, Events, Grid, TickClock, late_ticks
from softaxes.data.music.song import NOTE_DTYPE, Counts, Song, Track

MAX_STEPS_PER_BEAT = 32767  # a MIDI file has as many ticks to the quarter note


@dataclass(frozen=True)
class Limits:
    """The largest file that is read: bytes on disk, notes, and steps of music (7 hours at 120 bpm and 4 steps)."""

    bytes: int = 20_000_000
    notes: int = 200_000
    steps: int = 200_000


def read_song(
    path: str | os.PathLike[str],
    steps_per_beat: int = 4,
    *,
    grid: Grid = "ticks",
    beats: Beats | None = None,
    limits: Limits | None = None,
) -> Song:
    """Read one MIDI file.

    Args:
        path: a .mid or .midi file (known by its content, not by its name).
        steps_per_beat: steps in a quarter note; 4 is a grid of sixteenths.
        grid: "ticks": the grid begins at tick 0. "notes": it is moved by less than a step to where the notes are, if
            they agree (resultant of their phases >= 0.85), so that a late start does not smear every rhythm.
        beats: times of the beats of a performance, instead of ``grid``: one beat of the grid falls on each, bars follow
            the downbeats, and there is one tempo a beat. None: the file's own ticks, tempi and metres.
        limits: refuse larger files.

    Raises:
        ValueError: missing, empty, cut short, broken, too large or not MIDI; the message is one line with the path.
    """
    path, limits = Path(path), limits or Limits()
    data = read_bytes(path, limits.bytes)
    if not data.startswith(b"MThd"):
        raise ValueError(f"{path}: not a MIDI file (it does not begin with MThd)")
    try:
        return song_from_midi(data, path.stem, steps_per_beat, grid=grid, beats=beats, limits=limits)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, or a ValueError that says in one line why there are none to be had."""
    try:
        if path.is_dir():
            raise ValueError(f"{path}: is a folder, not a file")
        size = path.stat().st_size
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
    grid: Grid = "ticks",
    beats: Beats | None = None,
    limits: Limits | None = None,
) -> Song:
    """Read a Song from the bytes of a MIDI file; see `read_song`."""
    limits = limits or Limits()
    if not 1 <= steps_per_beat <= MAX_STEPS_PER_BEAT:
        raise ValueError(f"`steps_per_beat` must be 1..{MAX_STEPS_PER_BEAT}, got {steps_per_beat}")
    if grid not in ("ticks", "notes"):
        raise ValueError(f"`grid` must be 'ticks' or 'notes', got {grid!r}")
    score = _parse(data)
    if score.note_num() > limits.notes:
        raise ValueError(f"{score.note_num()} notes are more than the limit of {limits.notes}")
    tracks = [track for track in score.tracks if len(track.notes)]
    starts = np.concatenate([track.notes.numpy()["time"] for track in tracks] or [np.zeros(0)])
    clock: TickClock | BeatClock
    if beats is not None:
        clock = BeatClock(_events(score), steps_per_beat, beats, first_tick=starts.astype(float).min(initial=np.inf))
    else:
        late = late_ticks(starts, score.ticks_per_quarter, steps_per_beat) if grid == "notes" else 0
        clock = TickClock(_events(score), steps_per_beat, late)
    notes, counts = _grid_notes(tracks, clock)
    end = int((notes["onset"].astype(np.int64) + notes["duration"]).max(initial=0))
    if end > limits.steps:
        raise ValueError(f"{end} steps of music are more than the limit of {limits.steps}")
    tempi, lost_tempi = clock.tempi(limits.steps)
    meters, lost_meters = clock.meters(limits.steps)
    return Song(
        name=name,
        notes=notes.astype(NOTE_DTYPE),
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in tracks),
        steps_per_beat=steps_per_beat,
        tempi=tempi,
        meters=meters,
        counts=counts._replace(ignored_events=lost_tempi + lost_meters),
    )


def beats_before(path: str | os.PathLike[str], beats: Beats, steps_per_beat: int = 4) -> int:
    """How many whole beats `read_song` puts before the first of ``beats``: those that the first notes need."""
    score = _parse(read_bytes(Path(path), Limits().bytes))
    starts = [float(track.notes.numpy()["time"].min()) for track in score.tracks if len(track.notes)]
    first = min(starts, default=np.inf)
    return BeatClock(_events(score), steps_per_beat, beats, first_tick=first).beats_before


def write_song(song: Song, path: str | os.PathLike[str]) -> Path:
    """Write a Song as a MIDI file and return its path. Raises ValueError (one line) where it cannot be written."""
    path = Path(path)
    try:
        path.write_bytes(midi_bytes(song))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
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
    return bytes(score.dumps_midi())


def abc_to_midi_program() -> Path:
    """The ABC translator that comes with the MIDI library (abc2midi)."""
    return Path(symusic.__file__).parent / "bin" / ("abc2midi.exe" if os.name == "nt" else "abc2midi")


def _parse(data: bytes) -> Any:
    """The library's score, or a ValueError of one line that says what is broken."""
    promised, held = int.from_bytes(data[10:12], "big"), _count_tracks(data)
    if held < promised:  # the library would read a file cut between two tracks as a whole one
        raise ValueError(f"broken or cut short (holds {held} of {promised} tracks)")
    try:
        score: Any = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        reason = str(error).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise ValueError(f"broken or cut short ({' '.join(reason.split())})") from None
    if score.ticks_per_quarter < 1:
        raise ValueError(f"broken ({score.ticks_per_quarter} ticks per quarter note)")
    return score


def _events(score: Any) -> Events:
    tempi, meters = score.tempos.numpy(), score.time_signatures.numpy()
    rows = (tempi["time"], tempi["mspq"], meters["time"], meters["numerator"], meters["denominator"])
    return Events(score.ticks_per_quarter, *rows)


def _count_tracks(data: bytes) -> int:
    """How many track chunks follow one another after the header, the last one perhaps cut."""
    at, tracks = 14, 0
    while len(data) >= at + 8:
        tracks += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    return tracks


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

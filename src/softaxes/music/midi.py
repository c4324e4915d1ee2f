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
from typing import Any, Literal

import numpy as np
import symusic
from jaxtyping import Float, Int
from numpy.typing import NDArray

from softaxes.music.song import (
    DENOMINATORS,
    FASTEST_BPM,
    NOTE_DTYPE,
    SLOWEST_BPM,
    Counts,
    Song,
    Track,
    meters_from_downbeats,
)

MAX_STEPS_PER_BEAT = 32767  # a MIDI file has as many ticks to the quarter note
Ticks = Int[np.ndarray, " n"]
Seconds = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Limits:
    """The largest file that is read: bytes on disk, notes, and steps of music (7 hours at 120 bpm and 4 steps)."""

    bytes: int = 20_000_000
    notes: int = 200_000
    steps: int = 200_000


Grid = Literal["ticks", "notes"]
STEADY = 0.85  # least mean resultant length (0 scattered .. 1 equal) of the notes' phases that makes a grid of them


@dataclass(frozen=True)
class Beats:
    """Where a performance's beats fall: ``seconds`` (n,) rising, n >= 2, and whether each begins a bar (n,)."""

    seconds: NDArray[np.float64]
    is_downbeat: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n, flags = len(self.seconds), len(self.is_downbeat)
        if n < 2 or n != flags or not np.isfinite(self.seconds).all() or np.diff(self.seconds).min() <= 0:
            raise ValueError(f"`seconds` must be two or more rising times with a flag each, got {n} with {flags} flags")


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
    late = _late_ticks(tracks, score.ticks_per_quarter, steps_per_beat) if grid == "notes" else 0
    clock: _TickClock | _BeatClock = _TickClock(score.ticks_per_quarter, steps_per_beat, late)
    if beats is not None:
        clock = _BeatClock(score, beats, steps_per_beat)
    notes, counts = _grid_notes(tracks, clock)
    end = int((notes["onset"].astype(np.int64) + notes["duration"]).max(initial=0))
    if end > limits.steps:
        raise ValueError(f"{end} steps of music are more than the limit of {limits.steps}")
    tempi, lost_tempi = clock.tempi(score, limits.steps)
    meters, lost_meters = clock.meters(score, limits.steps)
    return Song(
        name=name,
        notes=notes.astype(NOTE_DTYPE),
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in tracks),
        steps_per_beat=steps_per_beat,
        tempi=tempi,
        meters=meters,
        counts=counts._replace(ignored_events=lost_tempi + lost_meters),
    )


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


class _TickClock:
    """Steps counted on the file's own ticks, in whole numbers so that halves always round up."""

    def __init__(self, ticks_per_beat: int, steps_per_beat: int, late_ticks: int = 0) -> None:
        self.ticks_per_beat, self.steps_per_beat, self.late_ticks = ticks_per_beat, steps_per_beat, late_ticks

    def steps(self, ticks: Ticks) -> Ticks:
        doubled = 2 * (ticks.astype(np.int64) - self.late_ticks) * self.steps_per_beat
        return np.maximum((doubled + self.ticks_per_beat) // (2 * self.ticks_per_beat), 0)

    def exact(self, ticks: Ticks) -> Seconds:
        return (ticks - self.late_ticks) * (self.steps_per_beat / self.ticks_per_beat)

    def tempi(self, score: Any, last_step: int) -> tuple[tuple[tuple[int, float], ...], int]:
        events = score.tempos.numpy()
        bpm = 60e6 / np.maximum(events["mspq"], 1e-9)
        valid = bpm <= FASTEST_BPM
        rows = list(zip(self.steps(events["time"]).tolist(), bpm.tolist(), strict=True))
        return _last_at_each_step(rows, valid, (0, 120.0), last_step)

    def meters(self, score: Any, last_step: int) -> tuple[tuple[tuple[int, int, int], ...], int]:
        events = score.time_signatures.numpy()
        numerator, denominator = events["numerator"].tolist(), events["denominator"].tolist()
        valid = (events["numerator"] >= 1) & np.isin(events["denominator"], DENOMINATORS)
        rows = list(zip(self.steps(events["time"]).tolist(), numerator, denominator, strict=True))
        return _last_at_each_step(rows, valid, (0, 4, 4), last_step)


class _BeatClock:
    """Steps counted through the beats of a performance; before the first and after the last beat the pace stays."""

    def __init__(self, score: Any, beats: Beats, steps_per_beat: int) -> None:
        self.steps_per_beat = steps_per_beat
        self.beat_ticks = _ticks_of(score, beats.seconds)
        self.beat_seconds, self.is_downbeat = beats.seconds, beats.is_downbeat
        starts = [track.notes.numpy()["time"].min() for track in score.tracks if len(track.notes)]
        self.beats_before = 0
        first = self.exact(np.array([min(starts, default=0)]))[0]
        self.beats_before = max(0, int(np.ceil(-(first + 0.5) / steps_per_beat)))

    def exact(self, ticks: Ticks) -> Seconds:
        at, last = self.beat_ticks, len(self.beat_ticks) - 1
        beat = np.interp(ticks, at, np.arange(last + 1))
        beat = np.where(ticks < at[0], (ticks - at[0]) / (at[1] - at[0]), beat)
        beat = np.where(ticks > at[-1], last + (ticks - at[-1]) / (at[-1] - at[-2]), beat)
        return (beat + self.beats_before) * self.steps_per_beat

    def steps(self, ticks: Ticks) -> Ticks:
        hundredths = np.round(self.exact(ticks), 2)  # beat times are given to microseconds: halves must not flicker
        return np.floor(hundredths + 0.5).astype(np.int64)

    def tempi(self, score: Any, last_step: int) -> tuple[tuple[tuple[int, float], ...], int]:
        bpm = np.round(60 / np.diff(self.beat_seconds), 2).clip(SLOWEST_BPM, FASTEST_BPM)
        new = np.flatnonzero(np.r_[True, bpm[1:] != bpm[:-1]])
        at = np.where(new > 0, (new + self.beats_before) * self.steps_per_beat, 0)
        return tuple(zip(at.tolist(), bpm[new].tolist(), strict=True)), 0

    def meters(self, score: Any, last_step: int) -> tuple[tuple[tuple[int, int, int], ...], int]:
        downbeats = np.flatnonzero(self.is_downbeat) + self.beats_before
        gaps, how_many = np.unique(np.diff(downbeats), return_counts=True)
        usual = int(gaps[how_many.argmax()]) if len(gaps) else 4
        return meters_from_downbeats(downbeats * self.steps_per_beat, (usual, 4), self.steps_per_beat), 0


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


def _count_tracks(data: bytes) -> int:
    """How many track chunks follow one another after the header, the last one perhaps cut."""
    at, tracks = 14, 0
    while len(data) >= at + 8:
        tracks += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    return tracks


def _grid_notes(tracks: list[Any], clock: _TickClock | _BeatClock) -> tuple[NDArray[np.void], Counts]:
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


def _ticks_of(score: Any, seconds: Seconds) -> Seconds:
    """Where times in seconds fall on the file's ticks, through its tempo map (120 bpm until the first tempo)."""
    events = score.tempos.numpy()
    at = np.r_[0, events["time"]].astype(float)
    per_tick = np.r_[500_000, np.maximum(events["mspq"], 1)] / 1e6 / score.ticks_per_quarter
    at_seconds = np.r_[0, np.cumsum(np.diff(at) * per_tick[:-1])]
    segment = np.maximum(np.searchsorted(at_seconds, seconds, side="right") - 1, 0)
    return at[segment] + (seconds - at_seconds[segment]) / per_tick[segment]


def _late_ticks(tracks: list[Any], ticks_per_beat: int, steps_per_beat: int) -> int:
    """By how many ticks (up to half a step, either way) the notes lie behind the grid; 0 where they do not agree."""
    if not tracks:
        return 0
    ticks = np.concatenate([track.notes.numpy()["time"] for track in tracks])
    mean = np.exp(2j * np.pi * ticks * steps_per_beat / ticks_per_beat).mean()
    late = np.angle(mean) / (2 * np.pi) * ticks_per_beat / steps_per_beat
    return round(late) if np.abs(mean) >= STEADY else 0


def _last_at_each_step(
    rows: list[Any], valid: NDArray[np.bool_], default: Any, last_step: int
) -> tuple[tuple[Any, ...], int]:
    """Sorted events, the last one where several share a step, from step 0 on; and how many were left out."""
    usable = (row for row, ok in zip(rows, valid.tolist(), strict=True) if ok and row[0] <= last_step)
    in_order = sorted(usable, key=lambda row: row[0])
    kept = {row[0]: row for row in in_order}
    lost = len(rows) - len(kept)
    return tuple(({0: default} | kept)[step] for step in sorted({0, *kept})), lost

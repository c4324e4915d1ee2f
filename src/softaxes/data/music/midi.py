"""What does a MIDI file say, and how does a Song become one? The only module that knows the MIDI library (symusic).

On the grid the way back is exact: a song that was written and is read by its ticks has the same notes, tracks, tempi
and metres. Songs are read by `softaxes.data.music.read`, which lays what this module finds on a grid.

Limits: what a file may weigh and hold; beyond them it is refused with a ValueError, like a missing, empty, cut or
otherwise broken one. Messages are one line: the path, and what is wrong.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import symusic
from jaxtyping import Int

from softaxes.data.files import write_bytes
from softaxes.data.music.chunks import one_program_a_channel, plain_file, track_events, track_spans
from softaxes.data.music.extras import Extras, with_extras
from softaxes.data.music.grids import Events
from softaxes.data.music.song import FASTEST_BPM, SLOWEST_BPM, Song, Track

DRUM_CHANNEL = 9
MAX_STEPS_PER_BEAT = 32767  # a MIDI file has as many ticks to the quarter note


@dataclass(frozen=True)
class Limits:
    """The largest file that is read: bytes on disk, notes, and steps of music (7 hours at 120 bpm and 4 steps)."""

    bytes: int = 20_000_000
    notes: int = 200_000
    steps: int = 200_000


class MidiFile(NamedTuple):
    """A file in its own ticks: its notes as columns (n,) in the order of ``tracks``, and what it says of time."""

    events: Events
    tracks: tuple[Track, ...]
    time: Int[np.ndarray, " n"]
    duration: Int[np.ndarray, " n"]
    pitch: Int[np.ndarray, " n"]
    velocity: Int[np.ndarray, " n"]
    track: Int[np.ndarray, " n"]


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


def write_song(song: Song, path: str | os.PathLike[str], extras: Extras | None = None) -> Path:
    """Write a Song as a MIDI file; returns its path. ValueError: MIDI cannot hold it. OSError: the disk refuses."""
    path = Path(path)
    try:
        write_bytes(path, midi_bytes(song, extras))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return path


def midi_bytes(song: Song, extras: Extras | None = None) -> bytes:
    """The song as the bytes of a MIDI file, with about 480 ticks to the quarter note.

    Args:
        song: notes, tempi, metres, and the names of tracks.
        extras: what lies beside the notes, ``at`` in the song's steps; what is before step 0 begins the file.

    Raises:
        ValueError: the song is too long, or its grid too fine, for a MIDI file.
    """
    ticks_per_step = max(1, 480 // song.steps_per_beat)
    last_step = max(song.length_steps, song.tempi[-1][0], song.meters[-1][0])
    if last_step * ticks_per_step >= 2**28 or song.steps_per_beat > MAX_STEPS_PER_BEAT:
        raise ValueError(f"{last_step} steps at {song.steps_per_beat} a beat are more than a MIDI file can hold")
    score: Any = symusic.Score(ticks_per_step * song.steps_per_beat)
    steps_before = song.start_seconds * song.tempi[0][1] * song.steps_per_beat / 60
    song, start = _with_start(song)
    pace = start / max(steps_before, 1)  # what happens before step 0 happens in the bar that stands for that time
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
    data = bytes(score.dumps_midi())
    if extras is None or not song.tracks:
        return _on_channels(data, channels_of(song.tracks))
    places = [start + (event.at if event.at >= 0 else round(event.at * pace)) for event in extras.events]
    events = [e._replace(at=max(0, at) * ticks_per_step) for e, at in zip(extras.events, places, strict=True)]
    return with_extras(data, events, extras.channels or channels_of(song.tracks))


def _with_start(song: Song) -> tuple[Song, int]:
    """The song after one empty bar that lasts as long as its file waited before step 0, and that bar's steps."""
    if song.start_seconds < 1e-3:
        return song, 0
    _, numerator, denominator = song.meters[0]
    bar = max(1, round(4 * song.steps_per_beat * numerator / denominator))
    bpm = min(max(60 * bar / song.steps_per_beat / song.start_seconds, SLOWEST_BPM), FASTEST_BPM)
    notes = song.notes.copy()
    notes["onset"] += bar
    tempi = ((0, bpm), *((step + bar, pace) for step, pace in song.tempi))
    meters = ((0, numerator, denominator), *((step + bar, n, d) for step, n, d in song.meters))
    return dataclasses.replace(song, notes=notes, tempi=tempi, meters=meters, start_seconds=0.0), bar


def channels_fit(tracks: Sequence[Track], channels: Sequence[int]) -> bool:
    """Whether the tracks can be played on these channels: one program a channel, drums on theirs."""
    programs = {(channel, track.program) for channel, track in zip(channels, tracks, strict=False)}
    drums = all(track.is_drum == (channel == DRUM_CHANNEL) for channel, track in zip(channels, tracks, strict=False))
    return len(channels) == len(tracks) and len(programs) == len(set(channels)) and drums


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
    out, left = bytearray(data), iter(channels)
    for span in track_spans(data):
        named = [event for event in track_events(data, *span) if event.status < 0xF0 and event.named]
        channel = next(left, 0) if named else 0
        for event in named:
            out[event.at - 1] = event.status & 0xF0 | channel
    return bytes(out)


def abc_to_midi_program() -> Path:
    """The ABC translator that comes with the MIDI library (abc2midi)."""
    return Path(symusic.__file__).parent / "bin" / ("abc2midi.exe" if os.name == "nt" else "abc2midi")


def parse(data: bytes, limits: Limits) -> MidiFile:
    """What the bytes of a MIDI file say, in its own ticks.

    Tracks without notes are not kept (MIDI files are full of them). A note that never ends is not a note. Controllers
    (pedals among them), pitch bends, key signatures, lyrics and changes of program in mid-course are not read
    (`softaxes.data.music.extras` has them).

    Raises:
        ValueError: broken, cut short, beyond the limits, or not MIDI; one line.
    """
    data = plain_file(data)
    score = _score(data)
    if score.note_num() > limits.notes:
        raise ValueError(f"{score.note_num()} notes are more than the limit of {limits.notes}")
    sounding = [track for track in score.tracks if len(track.notes)]
    if len({(track.name, track.is_drum) for track in sounding}) < len(sounding):
        sounding = [track for track in _score(one_program_a_channel(data)).tracks if len(track.notes)]
    columns = [track.notes.numpy() for track in sounding]
    joined = {
        name: np.concatenate([np.zeros(0), *(column[name] for column in columns)]).astype(np.int64)
        for name in ("time", "duration", "pitch", "velocity")
    }
    return MidiFile(
        events=_events(score),
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in sounding),
        track=np.repeat(np.arange(len(columns)), [len(column["time"]) for column in columns]),
        **joined,
    )


def _score(data: bytes) -> Any:
    """The library's score, or a ValueError of one line that says what is broken."""
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

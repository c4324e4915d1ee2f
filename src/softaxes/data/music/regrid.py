"""How does a song that was read finely come onto a coarser grid, and its notes back?

A model hears sixteenths; a musician wants the tracks that it does not touch back as they were played. So a file is read
once on a fine grid, laid on the model's grid from there, and what the model says is laid back.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from softaxes.data.music.beats import beats_beside
from softaxes.data.music.clocks import Grid, last_at_each_step, late_ticks
from softaxes.data.music.midi import Limits, Reading, read_bytes, song_from_midi
from softaxes.data.music.song import NOTE_DTYPE, Song

FINE_STEPS = 480


class Regridded(NamedTuple):
    """A ``song`` on a grid of which one step is ``factor`` steps of the finer one, beginning ``late`` of those after 0.

    ``late`` may be negative, and is at most half a sixteenth either way.
    """

    song: Song
    factor: int
    late: int

    def back(self, notes: NDArray[np.void]) -> NDArray[np.void]:
        """Notes of the coarser grid on the finer one; what would begin before step 0 begins there."""
        fine = notes.copy()
        fine["onset"] = np.maximum(notes["onset"] * self.factor + self.late, 0)
        fine["duration"] = notes["duration"] * self.factor
        return fine

    def onsets(self, notes: NDArray[np.void]) -> Int[np.ndarray, " n"]:
        """Steps of this grid at which notes of the finer one begin."""
        return _round(notes["onset"].astype(np.int64) - self.late, self.factor)


def regrid(song: Song, steps_per_beat: int, grid: Grid = "auto") -> Regridded:
    """Lay a song on a coarser grid; starts and ends are rounded, halves up, as `read_song` does.

    The grid begins where `softaxes.data.music.midi.read_song` would begin it, unless ``grid`` is "ticks".

    Raises:
        ValueError: the song's steps_per_beat is no multiple of ``steps_per_beat``.
    """
    factor, rest = divmod(song.steps_per_beat, max(steps_per_beat, 1))
    if rest or factor < 1 or steps_per_beat < 1:
        raise ValueError(f"`steps_per_beat` must divide the song's {song.steps_per_beat}, got {steps_per_beat}")
    late = 0 if grid == "ticks" else late_ticks(song.notes["onset"], song.steps_per_beat, always=grid == "notes")
    onset = song.notes["onset"].astype(np.int64) - late
    notes = song.notes.astype(NOTE_DTYPE)
    notes["onset"] = _round(onset, factor)
    notes["duration"] = np.maximum(_round(onset + song.notes["duration"], factor) - notes["onset"], 1)
    tempi, meters = (_events(events, factor, late) for events in (song.tempi, song.meters))
    off = np.abs(onset - notes["onset"].astype(np.int64) * factor).mean() / factor if len(notes) else 0.0
    counts = song.counts._replace(off_grid=round(float(off), 4))
    coarse = Song(song.name, notes, song.tracks, steps_per_beat, tempi, meters, counts)
    return Regridded(coarse, factor, late)


def read_both(
    path: str | os.PathLike[str], steps_per_beat: int, reading: Reading | None = None
) -> tuple[Song, Regridded]:
    """The file on a fine grid of about `FINE_STEPS` to the beat, and the same on the grid of ``steps_per_beat``.

    ValueError as `read_song`.
    """
    reading = reading or Reading()
    fine = steps_per_beat * max(1, FINE_STEPS // steps_per_beat)
    limits = Limits(steps=Limits().steps * fine // steps_per_beat)
    beats = beats_beside(path) if reading.grid == "auto" else None
    own_ticks = dataclasses.replace(reading, grid="ticks")
    try:
        data = read_bytes(Path(path), limits.bytes)
        song = song_from_midi(data, Path(path).stem, fine, reading=own_ticks, beats=beats, limits=limits)
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(f"{path}") else f"{path}: {error}") from None
    return song, regrid(song, steps_per_beat, reading.grid)


def _round(steps: Int[np.ndarray, " n"], factor: int) -> Int[np.ndarray, " n"]:
    return np.maximum((2 * steps + factor) // (2 * factor), 0)


def _events(events: tuple[Any, ...], factor: int, late: int) -> tuple[Any, ...]:
    at = _round(np.array([event[0] for event in events], dtype=np.int64) - late, factor).tolist()
    rows = [(step, *event[1:]) for step, event in zip(at, events, strict=True)]
    return last_at_each_step(rows, np.ones(len(rows), dtype=bool), (0, *events[0][1:]), max(at))[0]

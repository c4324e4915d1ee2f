"""How does a song that was read finely come onto a coarser grid, and its notes back?

A model hears sixteenths; a musician wants the tracks that it does not touch back as they were played. So a file is read
once on a fine grid, laid on the model's grid from there, and what the model says is laid back.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from softaxes.music.clocks import last_at_each_step, late_ticks
from softaxes.music.song import NOTE_DTYPE, Song


class Regridded(NamedTuple):
    """A ``song`` on a grid of which one step is ``factor`` steps of the finer one, beginning ``late`` of those after 0.

    ``late`` may be negative, and is at most half a step either way.
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


def regrid(song: Song, steps_per_beat: int) -> Regridded:
    """Lay a song on a coarser grid; starts and ends are rounded, halves up, as `read_song` does with ``grid="notes"``.

    Raises:
        ValueError: the song's steps_per_beat is no multiple of ``steps_per_beat``.
    """
    factor, rest = divmod(song.steps_per_beat, max(steps_per_beat, 1))
    if rest or factor < 1 or steps_per_beat < 1:
        raise ValueError(f"`steps_per_beat` must divide the song's {song.steps_per_beat}, got {steps_per_beat}")
    late = late_ticks(song.notes["onset"], song.steps_per_beat, steps_per_beat)
    onset = song.notes["onset"].astype(np.int64) - late
    notes = song.notes.astype(NOTE_DTYPE)
    notes["onset"] = _round(onset, factor)
    notes["duration"] = np.maximum(_round(onset + song.notes["duration"], factor) - notes["onset"], 1)
    tempi, meters = (_events(events, factor, late) for events in (song.tempi, song.meters))
    coarse = dataclasses.replace(song, notes=notes, tempi=tempi, meters=meters, steps_per_beat=steps_per_beat)
    return Regridded(coarse, factor, late)


def _round(steps: Int[np.ndarray, " n"], factor: int) -> Int[np.ndarray, " n"]:
    return np.maximum((2 * steps + factor) // (2 * factor), 0)


def _events(events: tuple[Any, ...], factor: int, late: int) -> tuple[Any, ...]:
    at = _round(np.array([event[0] for event in events], dtype=np.int64) - late, factor).tolist()
    rows = [(step, *event[1:]) for step, event in zip(at, events, strict=True)]
    return last_at_each_step(rows, np.ones(len(rows), dtype=bool), (0, *events[0][1:]), max(at))[0]

"""Which step does a tick fall on? Two grids: through a file's own ticks, or through the beats of a performance.

Conventions
    A grid gives the step of a tick, ``steps`` (rounded, halves up, never before 0) and ``exact``, the step of a beat
    counted from the file's beginning or from the table's first row, the ``first_bar_line``, and the song's tempi and
    metres by those steps, with the number of events left out because they say nothing or lie beyond ``last_step``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from softaxes.data.music.beats import Beats
from softaxes.data.music.song import DENOMINATORS, FASTEST_BPM, SLOWEST_BPM, meters_from_downbeats

Ticks = Int[np.ndarray, " n"]
Steps = Int[np.ndarray, " n"]
Exact = Float[np.ndarray, " n"]
Tempi = tuple[tuple[int, float], ...]
Meters = tuple[tuple[int, int, int], ...]
EARLY = 0.125  # of a beat: what is no earlier than this begins with the first beat of a table
STEADY = 0.85  # least mean resultant length (0 scattered .. 1 equal) of the notes' phases that makes a grid of them
PHASES = (4, 3, 12)  # to the beat: sixteenths, triplets, both: grids whose phase notes are asked for, in this order


class Events(NamedTuple):
    """What a file says of time: ticks to the quarter note, tempi (microseconds to the quarter note), metres."""

    ticks_per_beat: int
    tempo_ticks: Ticks
    microseconds: Ticks
    meter_ticks: Ticks
    numerators: Ticks
    denominators: Ticks


class TickGrid:
    """Steps counted on the file's own ticks, in whole numbers so that halves always round up."""

    start_seconds = 0.0

    def __init__(self, events: Events, steps_per_beat: int, late_ticks: int = 0) -> None:
        self.events, self.steps_per_beat, self.late_ticks = events, steps_per_beat, late_ticks

    def steps(self, ticks: Ticks) -> Steps:
        ticks_per_beat = self.events.ticks_per_beat
        doubled = 2 * (ticks.astype(np.int64) - self.late_ticks) * self.steps_per_beat
        return np.maximum((doubled + ticks_per_beat) // (2 * ticks_per_beat), 0)

    def exact(self, ticks: Ticks | Exact) -> Exact:
        return (ticks - self.late_ticks) * (self.steps_per_beat / self.events.ticks_per_beat)

    def step_of_beat(self, beat: float) -> int:
        return int(self.steps(np.array([round(beat * self.events.ticks_per_beat)]))[0])

    def first_bar_line(self) -> int:
        return 0

    def tempi(self, last_step: int) -> tuple[Tempi, int]:
        bpm = 60e6 / np.maximum(self.events.microseconds, 1e-9)
        rows = list(zip(self.steps(self.events.tempo_ticks).tolist(), bpm.tolist(), strict=True))
        return last_at_each_step(rows, bpm <= FASTEST_BPM, (0, 120.0), last_step)

    def meters(self, last_step: int) -> tuple[Meters, int]:
        numerators, denominators = self.events.numerators, self.events.denominators
        at = self.steps(self.events.meter_ticks).tolist()
        rows = list(zip(at, numerators.tolist(), denominators.tolist(), strict=True))
        valid = (numerators >= 1) & np.isin(denominators, DENOMINATORS)
        return last_at_each_step(rows, valid, (0, 4, 4), last_step)


class BeatGrid:
    """Steps counted through the beats of a performance; before the first and after the last beat the pace stays.

    Whole beats are put before the first one given, as many as the note at ``first_tick`` needs.
    """

    def __init__(self, events: Events, steps_per_beat: int, beats: Beats, first_tick: float = np.inf) -> None:
        self.steps_per_beat = steps_per_beat
        self.beat_ticks = ticks_of(events, beats.seconds)
        self.beat_seconds, self.is_downbeat = beats.seconds, beats.is_downbeat
        self.beats_before = 0
        first = self.exact(np.array([min(first_tick, self.beat_ticks[0])]))[0] / steps_per_beat
        self.beats_before = max(0, int(np.ceil(-(first + EARLY))))

    def exact(self, ticks: Ticks | Exact) -> Exact:
        at, last = self.beat_ticks, len(self.beat_ticks) - 1
        beat = np.interp(ticks, at, np.arange(last + 1))
        beat = np.where(ticks < at[0], (ticks - at[0]) / (at[1] - at[0]), beat)
        beat = np.where(ticks > at[-1], last + (ticks - at[-1]) / (at[-1] - at[-2]), beat)
        return (beat + self.beats_before) * self.steps_per_beat

    def steps(self, ticks: Ticks) -> Steps:
        hundredths = np.round(self.exact(ticks), 2)  # beat times are given to microseconds: halves must not flicker
        return np.maximum(np.floor(hundredths + 0.5), 0).astype(np.int64)

    def step_of_beat(self, beat: float) -> int:
        return round((beat + self.beats_before) * self.steps_per_beat)

    def first_bar_line(self) -> int:
        return self.step_of_beat(float(self.is_downbeat.argmax())) if self.is_downbeat.any() else 0

    def tempi(self, last_step: int) -> tuple[Tempi, int]:
        bpm = np.round(60 / np.diff(self.beat_seconds), 2).clip(SLOWEST_BPM, FASTEST_BPM)
        new = np.flatnonzero(np.r_[True, bpm[1:] != bpm[:-1]])
        at = np.where(new > 0, (new + self.beats_before) * self.steps_per_beat, 0)
        return tuple(zip(at.tolist(), bpm[new].tolist(), strict=True)), 0

    @property
    def start_seconds(self) -> float:
        """Time of step 0: what a performance waits before its first beat."""
        pace = float(self.beat_seconds[1] - self.beat_seconds[0])
        return max(0.0, float(self.beat_seconds[0]) - self.beats_before * pace)

    def meters(self, last_step: int) -> tuple[Meters, int]:
        downbeats = np.flatnonzero(self.is_downbeat) + self.beats_before
        gaps, how_many = np.unique(np.diff(downbeats), return_counts=True)
        usual = int(gaps[how_many.argmax()]) if len(gaps) else 4
        return meters_from_downbeats(downbeats * self.steps_per_beat, (usual, 4), self.steps_per_beat), 0


def ticks_of(events: Events, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where times in seconds fall on the file's ticks, through its tempo map (120 bpm until the first tempo)."""
    at = np.r_[0, events.tempo_ticks].astype(float)
    per_tick = np.r_[500_000, np.maximum(events.microseconds, 1)] / 1e6 / events.ticks_per_beat
    at_seconds = np.r_[0, np.cumsum(np.diff(at) * per_tick[:-1])]
    segment = np.maximum(np.searchsorted(at_seconds, seconds, side="right") - 1, 0)
    return at[segment] + (seconds - at_seconds[segment]) / per_tick[segment]


def phase_of(ticks: Ticks | Exact, ticks_per_beat: int, per_beat: int = PHASES[0]) -> complex:
    """Mean of the notes' phases on a grid of ``per_beat``: length 0 (scattered) .. 1 (equal), angle 0 on the grid."""
    return complex(np.exp(2j * np.pi * ticks * per_beat / ticks_per_beat).mean()) if len(ticks) else 0j


def late_ticks(ticks: Ticks, ticks_per_beat: int) -> int:
    """By how many ticks (up to half a sixteenth, either way) notes lie behind the grid; 0 where they do not agree."""
    for per_beat in PHASES:
        phase = phase_of(ticks, ticks_per_beat, per_beat)
        if abs(phase) >= STEADY:
            return round(float(np.angle(phase)) / (2 * np.pi) * ticks_per_beat / per_beat)
    return 0


def last_at_each_step(
    rows: list[Any], valid: NDArray[np.bool_], default: Any, last_step: int
) -> tuple[tuple[Any, ...], int]:
    """Sorted events, the last one where several share a step, from step 0 on; and how many were left out."""
    usable = (row for row, ok in zip(rows, valid.tolist(), strict=True) if ok and row[0] <= last_step)
    in_order = sorted(usable, key=lambda row: row[0])
    kept = {row[0]: row for row in in_order}
    events = {0: default} | kept
    return tuple(events[step] for step in sorted(events)), len(rows) - len(kept)

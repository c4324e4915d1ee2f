"""What is a piece of music to this library? Notes on a grid of steps, with tracks, tempi and metres beside them.

Conventions
    A *step* is the unit of time: ``steps_per_beat`` steps make one quarter note, whatever the metre says.
    Notes are one numpy array of ``NOTE_DTYPE`` sorted by onset, pitch, track; a note sounds from ``onset`` up to, not
    including, ``onset + duration``, and ``duration >= 1``.
    One pitch sounds once at a time within a track: where notes of one pitch overlap, the earlier ends where the later
    begins and the later sounds on to the end of both (``merge_unisons``). MIDI cannot say more, and rolls neither.
    Tempi are ``(step, quarter notes a minute)``, metres ``(step, numerator, denominator)``; both begin at step 0.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTE_DTYPE = np.dtype(
    [("onset", np.int32), ("duration", np.int32), ("pitch", np.int16), ("velocity", np.uint8), ("track", np.int16)]
)
BAR_DTYPE = np.dtype([("start", np.int32), ("steps", np.int32), ("numerator", np.int16), ("denominator", np.int16)])
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64, 128)
SLOWEST_BPM, FASTEST_BPM = 60e6 / (2**24 - 1), 60e6  # what the three bytes of a MIDI tempo can say


class Track(NamedTuple):
    """One voice or instrument: its name, General MIDI program 0..127, and whether its pitches are drums."""

    name: str
    program: int = 0
    is_drum: bool = False


class Counts(NamedTuple):
    """What happened to the notes on their way here. ``off_grid`` is the mean distance to the grid, 0..0.5 steps."""

    read: int = 0
    merged: int = 0  # same track, pitch and onset once on the grid: one note, the longest
    cut: int = 0  # ended early because the same pitch began again
    lengthened: int = 0  # shorter than half a step: made one step long
    dropped: int = 0  # left the 128 MIDI pitches, or came to nothing
    ignored_events: int = 0  # tempi and metres that say nothing, or are overruled at the same step
    off_grid: float = 0.0
    unfit_beats: bool = False  # a table of beats lies beside the file and does not fit it: it was not used


@dataclass(frozen=True, eq=False)
class Song:
    """A piece on the grid. Build it by hand or read it with `read_song`; notes are sorted, checked and read-only.

    Args:
        name: what to call it.
        notes: (N,) array of NOTE_DTYPE; unison overlaps within a track are merged here, and counted.
        tracks: what ``notes["track"]`` points into.
        steps_per_beat: steps in a quarter note, >= 1.
        tempi, meters: sorted by step, first at step 0.
        start_seconds: time before step 0 in the file that it was read from, >= 0; it is written as an empty bar.

    Raises:
        ValueError: a field outside its range; the message names it.
    """

    name: str
    notes: NDArray[np.void]
    tracks: tuple[Track, ...] = (Track("piano"),)
    steps_per_beat: int = 4
    tempi: tuple[tuple[int, float], ...] = ((0, 120.0),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    counts: Counts = field(default_factory=Counts)
    start_seconds: float = 0.0

    def __post_init__(self) -> None:
        _check_settings(self)
        notes = np.asarray(self.notes)
        if notes.dtype != NOTE_DTYPE:
            raise ValueError(f"`notes` must have NOTE_DTYPE, got dtype {notes.dtype}")
        _check_notes(notes, len(self.tracks))
        notes, merged, cut = merge_unisons(notes, within_tracks=True)
        notes.flags.writeable = False
        counts = self.counts._replace(merged=self.counts.merged + merged, cut=self.counts.cut + cut)
        for name, value in (("notes", notes), ("counts", counts)):
            object.__setattr__(self, name, value)
        for name in ("tempi", "meters"):
            object.__setattr__(self, name, tuple(tuple(event) for event in getattr(self, name)))
        object.__setattr__(self, "tracks", tuple(Track(*track) for track in self.tracks))

    def __repr__(self) -> str:
        return f"Song({self.name!r}, {len(self.notes)} notes, {len(self.tracks)} tracks, {self.length_steps} steps)"

    @property
    def length_steps(self) -> int:
        """Step at which the last note ends; 0 for a song without notes."""
        return int((self.notes["onset"] + self.notes["duration"]).max(initial=0))

    def bars(self, until_step: int | None = None) -> NDArray[np.void]:
        """Bars that begin before ``until_step`` (default: the song's end) as (bars,) array of BAR_DTYPE.

        A change of metre begins a bar, and cuts the one before it short. Where a bar is no whole number of steps (7/8
        at one step per beat) bar lines are rounded, halves up. A song without notes has no bars.
        """
        until = self.length_steps if until_step is None else until_step
        rows: list[tuple[int, int, int, int]] = []
        stops = [step for step, _, _ in self.meters[1:]] + [2**31]
        for (start, numerator, denominator), stop in zip(self.meters, stops, strict=True):
            exact = 4 * self.steps_per_beat * numerator / denominator
            n_bars = max(0, math.ceil((min(stop, until) - start) / exact))
            lines = np.minimum(start + np.floor(np.arange(n_bars + 1) * exact + 0.5).astype(int), stop).tolist()
            rows += [(a, b - a, numerator, denominator) for a, b in itertools.pairwise(lines) if b > a]
        return np.array(rows, dtype=BAR_DTYPE)

    def downbeats(self) -> NDArray[np.int32]:
        """First step of every bar, shape (bars,)."""
        return self.bars()["start"]

    def pickup_steps(self) -> int:
        """Length of a pickup: one bar, shorter than the next, before a change of metre; 0 without one."""
        if len(self.meters) == 1:
            return 0
        change = self.meters[1][0]
        lengths = self.bars(until_step=change + 1)["steps"].tolist()
        return change if len(lengths) == 2 and lengths[0] < lengths[1] else 0

    def first_bar(self) -> int:
        """The number of the bar at step 0: 0 for a pickup, else 1."""
        return 0 if self.pickup_steps() else 1

    def bar_and_beat(self, step: int) -> tuple[int, float]:
        """Bar and beat of a step, as musicians count: the first whole bar is 1, and so is a bar's first beat.

        A beat is the metre's unit; its fractions are given to 1/100. A pickup stands at the end of bar 0. Steps before
        the song are counted on backwards: bar 0 (with a pickup too, if it has room), -1, ...
        """
        pickup = self.pickup_steps()
        if step < pickup or step < 0:
            _, numerator, denominator = [meter for meter in self.meters if meter[0] <= pickup][-1]
            bars_before, into = divmod(step - pickup, 4 * self.steps_per_beat * numerator / denominator)
            bar = int(bars_before) + 1
        else:
            bars = self.bars(until_step=step + 1)
            bar, into, denominator = len(bars) - bool(pickup), step - int(bars["start"][-1]), bars["denominator"][-1]
        return bar, round(1 + into * int(denominator) / (4 * self.steps_per_beat), 2)

    def place(self, step: int) -> str:
        """``"12:3"``: bar 12, beat 3; ``"12:3.5"`` is half a beat later. See `bar_and_beat`."""
        bar, beat = self.bar_and_beat(step)
        return f"{bar}:{beat:g}"

    def transposed(self, semitones: int) -> Song:
        """The song moved by ``semitones``. Drums stay. Notes that leave MIDI's 0..127 are dropped and counted."""
        notes = self.notes.copy()
        is_drum = np.array([track.is_drum for track in self.tracks], dtype=bool)
        pitch = notes["pitch"].astype(int) + np.where(is_drum[notes["track"]], 0, int(semitones))
        inside = (pitch >= 0) & (pitch <= 127)
        notes["pitch"] = np.where(inside, pitch, 0)
        counts = self.counts._replace(dropped=self.counts.dropped + int((~inside).sum()))
        return dataclasses.replace(self, notes=notes[inside], counts=counts)


def note_array(rows: Iterable[tuple[int, int, int]], velocity: int = 80, track: int = 0) -> NDArray[np.void]:
    """Notes from ``(onset, duration, pitch)`` rows, all with one velocity and track."""
    return np.array([(*row, velocity, track) for row in rows], dtype=NOTE_DTYPE)


def is_one_voice(notes: NDArray[np.void]) -> bool:
    """Whether notes follow one another in time and never overlap; true of none at all."""
    return bool((notes["onset"][:-1] + notes["duration"][:-1] <= notes["onset"][1:]).all())


def merge_unisons(notes: NDArray[np.void], within_tracks: bool = False) -> tuple[NDArray[np.void], int, int]:
    """Let every pitch sound once at a time; returns ``(notes, merged, cut)``, sorted by onset, pitch, track.

    Notes of one pitch that begin together become one, as long as the longest and as loud as the loudest, in the lowest
    track. Where one begins while another sounds, the earlier is cut there and the later lasts to the end of both.
    ``within_tracks`` keeps tracks apart. O(n log n).
    """
    if is_one_voice(notes):
        return notes.copy(), 0, 0
    lane = notes["pitch"].astype(np.int64) + (128 * notes["track"].astype(np.int64) if within_tracks else 0)
    order = np.lexsort((notes["track"], notes["onset"], lane))
    notes, lane = notes[order], lane[order]
    onset = notes["onset"].astype(np.int64)
    end = onset + notes["duration"]
    first = np.flatnonzero(np.r_[True, (lane[1:] != lane[:-1]) | (onset[1:] != onset[:-1])])
    end, loudest = np.maximum.reduceat(end, first), np.maximum.reduceat(notes["velocity"], first)
    merged = len(notes) - len(first)
    notes, lane, onset = notes[first], lane[first], onset[first]
    span = int(end.max()) + 1  # offsets that keep one lane's ends below the next lane's: running maxima stay in a lane
    rank = np.cumsum(np.r_[0, lane[1:] != lane[:-1]])
    sounding_until = np.maximum.accumulate(end + rank * span) - rank * span
    limit = np.where(np.r_[lane[1:] == lane[:-1], False], np.r_[onset[1:], 0], np.iinfo(np.int64).max)
    cut = int((sounding_until > limit).sum())
    notes["duration"] = np.minimum(sounding_until, limit) - onset
    notes["velocity"] = loudest
    return notes[np.lexsort((notes["track"], notes["pitch"], notes["onset"]))], merged, cut


def meters_from_downbeats(
    downbeats: NDArray[np.int64], usual: tuple[int, int], steps_per_beat: int
) -> tuple[tuple[int, int, int], ...]:
    """Metres that put a bar line at every given step, ``usual`` = (numerator, denominator) being the common bar.

    Gaps of several usual bars are that many bars; a short bar and the pickup after it that fill one bar between them
    are one bar; any other gap is a bar of its own length. What comes before the first downbeat is a pickup.
    """
    whole = 4 * steps_per_beat * usual[0] // usual[1]
    if whole < 1 or len(downbeats) == 0:
        return ((0, *usual),)
    meters: list[tuple[int, int, int]] = []
    for start, length in _bars_between(np.unique(np.r_[0, downbeats]).tolist(), whole):
        meter = usual if length % whole == 0 else spell_meter(length, steps_per_beat)
        if meter is not None and (not meters or meters[-1][1:] != meter):
            meters.append((start if meters else 0, *meter))
    return tuple(meters)


def _bars_between(lines: list[int], whole: int) -> list[tuple[int, int]]:
    """(start, length) of the bars between bar lines; the last line begins a whole bar."""
    pickup = lines[1] % whole if len(lines) > 1 else 0
    bars = [(0, pickup)] if pickup else []
    lines = sorted({pickup, *lines[1:]})
    index = 0
    while index < len(lines) - 1:
        start, gap = lines[index], lines[index + 1] - lines[index]
        if gap < whole and lines[index + 2 : index + 3] == [start + whole]:
            gap, index = whole, index + 1
        bars.append((start, gap))
        index += 1
    return [*bars, (lines[-1], whole)]


def spell_meter(steps: int, steps_per_beat: int) -> tuple[int, int] | None:
    """The metre of a bar of ``steps``, in quarters if it can be, else in 8ths, 16ths...; None if MIDI has no word."""
    for denominator in DENOMINATORS[2:]:
        numerator, rest = divmod(steps * denominator, 4 * steps_per_beat)
        if rest == 0 and 1 <= numerator <= 255:
            return numerator, denominator
    return None


def parse_time_signature(text: str) -> tuple[int, int]:
    """``"6/8"`` -> (6, 8); ValueError if it is none."""
    numerator, _, denominator = text.partition("/")
    if not (numerator.isdecimal() and denominator.isdecimal() and len(text) < 8):
        raise ValueError(f"a time signature must be like 6/8, got {text!r}")
    if not 1 <= int(numerator) <= 255 or int(denominator) not in DENOMINATORS:
        raise ValueError(f"a time signature must be 1..255 over a power of two up to 128, got {text}")
    return int(numerator), int(denominator)


def _check_settings(song: Song) -> None:
    if song.steps_per_beat < 1:
        raise ValueError(f"`steps_per_beat` must be >= 1, got {song.steps_per_beat}")
    for what, events in (("tempi", song.tempi), ("meters", song.meters)):
        steps = [event[0] for event in events]
        if not steps or steps[0] != 0 or any(a >= b for a, b in itertools.pairwise(steps)):
            raise ValueError(f"`{what}` must begin at step 0 and rise, got steps {steps[:8]}")
    if not 0 <= song.start_seconds < 3600:
        raise ValueError(f"`start_seconds` must be 0 to 3600, got {song.start_seconds}")
    for _, bpm in song.tempi:
        if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
            raise ValueError(f"a tempo must be {SLOWEST_BPM:.4f} to {FASTEST_BPM:.0f} bpm, got {bpm}")
    for _, numerator, denominator in song.meters:
        if not 1 <= numerator <= 255 or denominator not in DENOMINATORS:
            raise ValueError(f"a metre must be 1..255 over a power of two up to 128, got {numerator}/{denominator}")
    for track in song.tracks:
        if not 0 <= track.program <= 127:
            raise ValueError(f"a track's program must be 0..127, got {track.program} in {track.name!r}")


def _check_notes(notes: NDArray[np.void], n_tracks: int) -> None:
    limits = {"onset": (0, 2**30), "duration": (1, 2**30), "pitch": (0, 127), "velocity": (1, 127)}
    for name, (low, high) in (limits | {"track": (0, n_tracks - 1)}).items():
        if len(notes) and (notes[name].min() < low or notes[name].max() > high):
            found = f"{notes[name].min()}..{notes[name].max()}"
            raise ValueError(f"`{name}` of notes must be {low}..{high}, got {found}")

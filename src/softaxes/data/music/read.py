"""On which step, beat and bar does each note of a file fall? Every entrance of the package reads MIDI through here.

One rule lays a file on a grid, the same whatever the steps:

    1. through the beats of a ``beat_midi.txt`` in the file's own folder, if they fit the file (`beats_fit`);
    2. else on the file's own ticks, tempo map and time signatures, if its notes lie on that grid;
    3. else on the same, moved by up to half a sixteenth to where the notes are, if they agree (resultant of their
       phases >= 0.85; triplets have their own), so that a late start does not smear every rhythm; if they do not agree,
       on its ticks as they are.

`Reading` says otherwise. Every start and every end is rounded to the nearest step, halves up, once: a song that is read
on a coarse grid and on a fine one has the same bars and beats.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from softaxes.data.music.beats import BEATS_FILE, Beats, beats_beside
from softaxes.data.music.chunks import plain_file
from softaxes.data.music.extras import NOWHERE, Extras, extras_of
from softaxes.data.music.grids import BeatGrid, Meters, TickGrid, late_ticks, phase_of, ticks_of
from softaxes.data.music.midi import MAX_STEPS_PER_BEAT, Limits, MidiFile, channels_fit, parse, read_bytes
from softaxes.data.music.song import NOTE_DTYPE, Counts, Song, parse_time_signature

Grid = Literal["auto", "beats", "ticks", "notes"]
FINE_STEPS = 480
PROMPT = 0.125  # of a sixteenth: notes that are this little late are on time: moved, they would come back a little off
MARGIN_BEATS = 2  # a table of beats fits notes that begin within it, so many beats either way,
LEAST_SHARE = 0.5  # and fill this share of it,
WORSE = 0.3  # and lie on it no worse than on the file's ticks, by this much of a mean cosine (POP909: 0.23 at worst)


@dataclass(frozen=True)
class Reading:
    """How a file is laid on the grid, where the rule is not to be taken.

    Attributes:
        grid: "auto": the rule. "beats": through the table of beats beside the file, fit or not. "ticks": on the file's
            own ticks, whatever lies beside it. "notes": moved to where the notes are, whatever lies beside it.
        time_signature: such as 6/8: the metre throughout, instead of the file's; "" takes the file's.
        downbeat: quarter notes from the file's beginning (beats from the first of a table) to a bar line, through which
            the grid then runs; None takes the file's.
    """

    grid: Grid = "auto"
    time_signature: str = ""
    downbeat: float | None = None

    def __post_init__(self) -> None:
        if self.grid not in get_args(Grid):
            raise ValueError(f"`grid` must be one of {', '.join(get_args(Grid))}, got {self.grid!r}")
        if self.downbeat is not None and not 0 <= self.downbeat < 10_000:
            raise ValueError(f"`downbeat` must be 0 quarter notes or more, got {self.downbeat}")
        if self.time_signature:
            parse_time_signature(self.time_signature)


class Regridded(NamedTuple):
    """A file on a ``fine`` grid, near its own timing, and as a ``song`` on a coarser one.

    One step of the coarser grid is ``factor`` fine steps; it begins ``late`` of those after step 0 (at most half a
    sixteenth, either way). ``starts`` (m, 2) holds the fine and the coarse step at which notes begin, sorted.
    ``extras`` lie at fine steps, before step 0 too, and have channels if the file's own fit its tracks.
    """

    fine: Song
    song: Song
    factor: int
    late: int
    starts: Int[np.ndarray, "m 2"]
    extras: Extras

    def back(self, notes: NDArray[np.void]) -> NDArray[np.void]:
        """Notes of the coarser grid on the finer one; what would begin before step 0 begins there."""
        fine = notes.copy()
        fine["onset"] = np.maximum(notes["onset"] * self.factor + self.late, 0)
        fine["duration"] = notes["duration"] * self.factor
        return fine

    def onsets(self, notes: NDArray[np.void]) -> Int[np.ndarray, " n"]:
        """Steps of the coarser grid at which notes of ``fine`` begin."""
        return self.starts[np.searchsorted(self.starts[:, 0], notes["onset"]), 1]


class _Laid(NamedTuple):
    """A file and the grid that the rule, or a reading, gives it."""

    file: MidiFile
    reading: Reading
    beats: Beats | None
    late: int
    unfit: bool

    def grid(self, steps_per_beat: int, late: int) -> TickGrid | BeatGrid:
        if self.beats is None:
            return TickGrid(self.file.events, steps_per_beat, late)
        first = float(self.file.time.min(initial=2**62))
        return BeatGrid(self.file.events, steps_per_beat, self.beats, first_tick=first)


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
    data, beats = read_bytes(path, limits.bytes), _beats_for(path, reading)
    try:
        return song_from_midi(data, path.stem, steps_per_beat, reading=reading, beats=beats, limits=limits)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def song_from_midi(
    data: bytes,
    name: str,
    steps_per_beat: int = 4,
    *,
    reading: Reading | None = None,
    beats: Beats | None = None,
    limits: Limits | None = None,
) -> Song:
    """Read a Song from the bytes of a MIDI file, see `read_song`; ``beats`` are those beside the file."""
    limits, reading = limits or Limits(), reading or Reading()
    laid = _lay(parse(data, limits), beats, reading)
    return _song(laid, name, steps_per_beat, laid.late, limits)[0]


def read_both(path: str | os.PathLike[str], steps_per_beat: int, reading: Reading | None = None) -> Regridded:
    """The file on a fine grid of about `FINE_STEPS` to the beat, and as `read_song` gives it. ValueError as there."""
    path, limits, reading = Path(path), Limits(), reading or Reading()
    data, beats = read_bytes(path, limits.bytes), _beats_for(path, reading)
    factor = max(1, FINE_STEPS // max(steps_per_beat, 1))
    fine_limits = Limits(steps=limits.steps * factor)
    try:
        laid = _lay(parse(data, limits), beats, reading)
        song, coarse = _song(laid, path.stem, steps_per_beat, laid.late, limits)
        fine, exact = _song(laid, path.stem, steps_per_beat * factor, 0, fine_limits)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    starts = np.stack([exact["onset"], coarse["onset"]], axis=1)
    starts = starts[np.unique(starts[:, 0], return_index=True)[1]]
    late = 0 if laid.beats else round(laid.late * steps_per_beat * factor / laid.file.events.ticks_per_beat)
    grid = laid.grid(steps_per_beat * factor, 0)
    return Regridded(fine, song, factor, late, starts, _extras(data, grid, fine, fine_limits.steps))


def beats_fit(file: MidiFile, beats: Beats) -> bool:
    """Whether a table of beats can speak of this file: its notes fill the table, and lie on it as on their ticks."""
    if len(file.time) == 0:
        return False
    at, ends = ticks_of(file.events, beats.seconds), file.time + file.duration
    margin = MARGIN_BEATS * float(np.median(np.diff(at)))
    within = at[0] - margin <= file.time.min() and file.time.max() <= at[-1] + margin
    filled = ends.max() - at[0] >= LEAST_SHARE * (at[-1] - at[0])
    on_beats = phase_of(BeatGrid(file.events, 1, beats).exact(file.time), 1).real
    on_ticks = abs(phase_of(file.time, file.events.ticks_per_beat))
    return bool(within and filled and on_beats >= on_ticks - WORSE)


def beats_before(path: str | os.PathLike[str], beats: Beats) -> int:
    """How many whole beats `read_song` puts before the first of ``beats``: those that the first notes need."""
    file = parse(read_bytes(Path(path), Limits().bytes), Limits())
    return BeatGrid(file.events, 1, beats, first_tick=float(file.time.min(initial=2**62))).beats_before


def _extras(data: bytes, grid: TickGrid | BeatGrid, song: Song, last_step: int) -> Extras:
    """What lies beside the notes, at the grid's steps; nothing lies beyond ``last_step``."""
    events, channels = extras_of(plain_file(data))
    exact = grid.exact(np.array([event.at for event in events], dtype=np.int64))
    steps = np.minimum(np.floor(np.round(exact, 2) + 0.5), last_step).astype(int).tolist()
    known = len(channels) == len(song.tracks)
    placed = tuple(
        event._replace(at=step, track=event.track if known else NOWHERE)
        for event, step in zip(events, steps, strict=True)
    )
    return Extras(placed, channels if channels_fit(song.tracks, channels) else ())


def _beats_for(path: Path, reading: Reading) -> Beats | None:
    """The table beside a file, where the reading may ask for it."""
    if reading.grid not in ("auto", "beats"):
        return None
    beats = beats_beside(path)
    if beats is None and reading.grid == "beats":
        raise ValueError(f"{path}: no {BEATS_FILE} lies beside it, and `grid` is beats")
    return beats


def _lay(file: MidiFile, beats: Beats | None, reading: Reading) -> _Laid:
    """The grid that the module's rule gives a file."""
    asked = beats if reading.grid in ("auto", "beats") else None
    if asked is not None and (reading.grid == "beats" or beats_fit(file, asked)):
        return _Laid(file, reading, asked, 0, False)
    ticks_per_beat = file.events.ticks_per_beat
    if reading.grid == "ticks":
        late = 0
    elif reading.downbeat is not None:
        sixteenths = round(4 * reading.downbeat)
        late = round((reading.downbeat - sixteenths / 4) * ticks_per_beat)
    else:
        late = late_ticks(file.time, ticks_per_beat)
        late = late if reading.grid == "notes" or 4 * abs(late) >= PROMPT * ticks_per_beat else 0
    return _Laid(file, reading, None, late, unfit=asked is not None and len(file.time) > 0)


def _song(laid: _Laid, name: str, steps_per_beat: int, late: int, limits: Limits) -> tuple[Song, NDArray[np.void]]:
    """The song on a grid that begins ``late`` ticks after the file, and its notes before unisons are merged."""
    if not 1 <= steps_per_beat <= MAX_STEPS_PER_BEAT:
        raise ValueError(f"`steps_per_beat` must be 1..{MAX_STEPS_PER_BEAT}, got {steps_per_beat}")
    grid = laid.grid(steps_per_beat, late)
    notes, counts = _grid_notes(laid.file, grid)
    end = int((notes["onset"] + notes["duration"]).max(initial=0))
    if end > limits.steps:
        raise ValueError(f"{end} steps of music are more than the limit of {limits.steps}")
    tempi, lost_tempi = grid.tempi(limits.steps)
    meters, lost_meters = grid.meters(limits.steps)
    song = Song(
        name=name,
        notes=notes.astype(NOTE_DTYPE),
        tracks=laid.file.tracks,
        steps_per_beat=steps_per_beat,
        tempi=tempi,
        meters=_bar_lines(grid, meters, laid.reading),
        counts=counts._replace(ignored_events=lost_tempi + lost_meters, unfit_beats=laid.unfit),
        start_seconds=grid.start_seconds,
    )
    return song, notes


def _bar_lines(grid: TickGrid | BeatGrid, meters: Meters, reading: Reading) -> Meters:
    """The metres as the reading wants them: of one kind throughout, from a bar line on; what is before is a pickup."""
    if not reading.time_signature and reading.downbeat is None:
        return meters
    line = grid.first_bar_line() if reading.downbeat is None else grid.step_of_beat(reading.downbeat)
    usual = (
        parse_time_signature(reading.time_signature)
        if reading.time_signature
        else [meter[1:] for meter in meters if meter[0] <= line][-1]
    )
    pickup = round(line % (4 * grid.steps_per_beat * usual[0] / usual[1]))
    later = () if reading.time_signature else tuple(meter for meter in meters if meter[0] > line)
    return ((0, *usual), *(((pickup, *usual),) if pickup else ()), *later)


def _grid_notes(file: MidiFile, grid: TickGrid | BeatGrid) -> tuple[NDArray[np.void], Counts]:
    """All notes on the grid in 64 bits, and what rounding did to them."""
    wide = np.dtype([(name, np.int64) for name in NOTE_DTYPE.names or ()])
    notes = np.zeros(len(file.time), dtype=wide)
    exact, notes["onset"] = grid.exact(file.time), grid.steps(file.time)
    duration = grid.steps(file.time + file.duration) - notes["onset"]
    notes["duration"] = np.maximum(duration, 1)
    for name in ("pitch", "velocity", "track"):
        notes[name] = getattr(file, name)
    valid = (notes["pitch"] >= 0) & (notes["velocity"] >= 1) & (file.duration >= 0)
    off_grid = float(np.abs(exact - np.floor(exact + 0.5)).mean()) if len(notes) else 0.0
    counts = Counts(len(notes), 0, 0, int((duration < 1).sum()), int((~valid).sum()), 0, round(off_grid, 4))
    return notes[valid], counts

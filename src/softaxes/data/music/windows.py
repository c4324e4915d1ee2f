"""How are songs cut into the windows a model sees?

A window begins at a bar line and holds whole bars that add up to exactly ``window_steps``; a song's bars are as long
as its metre says, so windows for 4/4 (32 steps: two bars of sixteenths) and for 3/4 (24 steps) are cut apart. What
does not fit is left out and counted by reason, or padded with silence on demand. Every window brings ``context_steps``
of its real neighbours on both sides (silence outside the song), so that a shift in time lets real music stream in.

An isolated motif is the opposite: the window's own notes in the middle of silence (`isolate`), for which a position in
time makes sense as a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8
from numpy.typing import NDArray

from softaxes.data.music.rolls import N_PITCHES, ONSET, SUSTAIN, Texture, notes_to_roll, texture_notes
from softaxes.data.music.song import Song


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of songs, n of them, in song and bar order.

    Attributes:
        rolls: (n, 2, 128, window_steps + 2 * offset) uint8; the window itself starts at column ``offset``.
        window_steps: steps of a window.
        offset: columns of context before it, and as many after.
        song: (n,) index into the songs that were cut.
        bar: (n,) index of the window's first bar in its song, from 0.
        start: (n,) song step of the window's first column.
        steps: (n,) steps of music in the window; less than ``window_steps`` only for padded ones.
        meter: (n, 2) metre of the first bar.
        left_out: (reason, number) pairs: why bars begin no window, or windows were left out.
    """

    rolls: UInt8[np.ndarray, "n 2 128 width"]
    window_steps: int
    offset: int
    song: Int[np.ndarray, " n"]
    bar: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " n"]
    steps: Int[np.ndarray, " n"]
    meter: Int[np.ndarray, "n 2"]
    left_out: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.song)

    def center(self) -> UInt8[np.ndarray, "n 2 128 window_steps"]:
        """The windows without their context; a view."""
        return self.rolls[..., self.offset : self.offset + self.window_steps]

    def select(self, which: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> Windows:
        """The windows at ``which`` indices, or where a mask is true."""
        rows = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name in _PER_WINDOW}
        return replace(self, **rows)


_PER_WINDOW = ("rolls", "song", "bar", "start", "steps", "meter")


def cut_windows(
    songs: Sequence[Song],
    window_steps: int = 32,
    *,
    bars: int | None = None,
    hop_bars: int | None = None,
    context_steps: int = 0,
    texture: Texture = "melody",
    min_notes: int = 1,
    odd: Literal["skip", "pad"] = "skip",
) -> Windows:
    """Cut songs into windows at bar lines.

    Args:
        songs: anything with songs in order; their index is what `Windows.song` says.
        window_steps: length of every window.
        bars: bars in a window. None: as many as add up to ``window_steps`` (two of 4/4, four of 2/4).
        hop_bars: bars from one window to the next; None: windows do not overlap.
        context_steps: real neighbours on each side.
        texture: "melody" or "full", see `softaxes.data.music.rolls`.
        min_notes: windows with fewer onsets are left out.
        odd: bars that do not add up to ``window_steps``, and a song's last ones if they are fewer than ``bars``: "skip"
            them, or "pad" the shorter ones with silence on the right (longer ones are always skipped). Padding needs
            ``bars``.

    Raises:
        ValueError: a number out of range, or an unknown ``odd`` or ``texture``.
    """
    _check_cut(window_steps, bars, hop_bars, context_steps, min_notes, odd)
    kept, rows, left_out = [], [], Counter[str]()
    for index, song in enumerate(songs):
        notes = texture_notes(song, texture)
        places, reasons = _places(song, window_steps, bars, hop_bars, odd)
        begin, end = places[:, 1], places[:, 1] + places[:, 2]
        onsets = np.sort(notes["onset"])
        enough = np.searchsorted(onsets, end) - np.searchsorted(onsets, begin) >= min_notes
        left_out.update(reasons)
        left_out[f"windows with fewer than {min_notes} notes"] += int((~enough).sum())
        if enough.any():
            kept.append((notes, places[enough]))
            rows.append(np.c_[np.full(enough.sum(), index), places[enough]])
    table = np.concatenate(rows) if rows else np.zeros((0, 6), dtype=np.int64)
    rolls = np.empty((len(table), 2, N_PITCHES, window_steps + 2 * context_steps), dtype=np.uint8)
    done = 0
    for notes, places in kept:
        rolls[done : done + len(places)] = _rolls(notes, places, window_steps, context_steps)
        done += len(places)
    return Windows(
        rolls=rolls,
        window_steps=window_steps,
        offset=context_steps,
        song=table[:, 0],
        bar=table[:, 1],
        start=table[:, 2],
        steps=table[:, 3],
        meter=table[:, 4:],
        left_out=tuple((reason, number) for reason, number in sorted(left_out.items()) if number),
    )


def isolate(rolls: Shaped[np.ndarray, "n 2 128 steps"], margin_steps: int) -> UInt8[np.ndarray, "n 2 128 wider"]:
    """Each window's own notes in silence: ``margin_steps`` empty columns before and after.

    Notes that were held over from before the window are left out (nothing begins them), and notes end with the window.
    Any shift by up to ``margin_steps`` keeps every note.
    """
    if margin_steps < 0:
        raise ValueError(f"`margin_steps` must be >= 0, got {margin_steps}")
    rolls = np.array(rolls, dtype=np.uint8)
    begun = np.maximum.accumulate(rolls[:, ONSET], axis=-1)
    entering = np.minimum.accumulate(rolls[:, SUSTAIN], axis=-1) & (begun == 0)
    rolls[:, SUSTAIN] &= ~entering & 1
    return np.pad(rolls, ((0, 0), (0, 0), (0, 0), (margin_steps, margin_steps)))


def _rolls(
    notes: NDArray[np.void], places: Int[np.ndarray, "k 5"], window_steps: int, context_steps: int
) -> UInt8[np.ndarray, "k 2 128 width"]:
    start, steps = places[:, 1] - context_steps, places[:, 2]
    width = window_steps + 2 * context_steps
    first = int(start.min())
    roll = notes_to_roll(notes, int(start.max()) + width - first, first)
    every = np.lib.stride_tricks.sliding_window_view(roll, width, axis=2).transpose(2, 0, 1, 3)
    rolls = every[start - first]
    for index in np.flatnonzero(steps < window_steps):
        rolls[index, ..., context_steps + steps[index] :] = 0
    return rolls


def _places(
    song: Song, window_steps: int, bars: int | None, hop_bars: int | None, odd: str
) -> tuple[Int[np.ndarray, "k 5"], list[str]]:
    """(bar, start, steps, numerator, denominator) of a song's windows, and a reason for each bar that begins none."""
    table = song.bars()
    if len(table) == 0:
        return np.zeros((0, 5), dtype=np.int64), ["songs without notes"]
    lines = np.append(table["start"], table["start"][-1] + table["steps"][-1]).astype(np.int64)
    filled = np.searchsorted(lines, lines + window_steps).tolist()
    meters = list(zip(table["numerator"].tolist(), table["denominator"].tolist(), strict=True))
    usual = Counter(meters).most_common(1)[0][0]
    places, reasons = [], []
    bar = 0
    while bar < len(table):
        stop = bar + bars if bars else max(bar + 1, filled[bar])
        steps = int(lines[min(stop, len(table))] - lines[bar])
        fits = stop <= len(table) and steps == window_steps
        if fits or (odd == "pad" and steps < window_steps):
            places.append((bar, lines[bar], steps, *meters[bar]))
            bar += hop_bars or stop - bar
            continue
        if stop > len(table):
            reasons.append("bars too near the end of the song")
        elif meters[bar] == usual and (steps > window_steps or bars):
            reasons.append(f"bars of {usual[0]}/{usual[1]} that do not add up to {window_steps} steps")
        else:
            reasons.append("bars of irregular length, or beside one")
        bar += 1
    return np.array(places, dtype=np.int64).reshape(-1, 5), reasons


def _check_cut(
    window_steps: int, bars: int | None, hop_bars: int | None, context_steps: int, min_notes: int, odd: str
) -> None:
    if window_steps < 1:
        raise ValueError(f"`window_steps` must be >= 1, got {window_steps}")
    for name, value in (("bars", bars), ("hop_bars", hop_bars)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be >= 1 or None, got {value}")
    for name, value in (("context_steps", context_steps), ("min_notes", min_notes)):
        if value < 0:
            raise ValueError(f"`{name}` must be >= 0, got {value}")
    if odd not in ("skip", "pad"):
        raise ValueError(f"`odd` must be 'skip' or 'pad', got {odd!r}")
    if odd == "pad" and bars is None:
        raise ValueError("`odd`='pad' needs `bars`: without it every window is filled by whole bars")

"""How are songs cut into the windows a model sees?

Two ways. At *bar lines*: a window holds whole bars that add up to exactly ``window_steps``; a song's bars are as long
as its metre says, so windows for 4/4 (32 steps: two bars of sixteenths) and for 3/4 (24 steps) are cut apart. What
does not fit is left out and counted by reason. Or *every* ``hop_steps``, whatever the
metre, from step 0 (a pickup included) to the first window that reaches the song's end: nothing is left out.

Every window brings ``context_steps`` of its real neighbours on both sides (silence outside the song), so that a shift
in time lets real music stream in. Songs are kept once, bit-packed, and windows are drawn when they are asked for: a
corpus at every second step takes no more memory than its songs.

An isolated motif is the opposite: the window's own notes in the middle of silence (`isolate`), for which a position in
time makes sense as a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from softaxes.data.music.packed import PackedRolls
from softaxes.data.music.rolls import ONSET, SUSTAIN, Texture, texture_notes
from softaxes.data.music.song import NOTE_DTYPE, Song

Which = Int[np.ndarray, " k"] | Bool[np.ndarray, " n"] | slice


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of songs, n of them, in song and bar order: where they begin, and the songs to draw them from.

    Attributes:
        source: the songs' rolls, packed; ``song`` points into it.
        window_steps: steps of a window.
        offset: columns of context before it, and as many after.
        song: (n,) index into the songs that were cut.
        bar: (n,) index of the bar in which the window begins, from 0.
        start: (n,) song step of the window's first column.
        step: (n,) steps from the bar line to ``start``. In a pickup they are counted as if its bar were whole, so
            windows in equal places of a bar have equal steps. It is as true as the bar lines of the file are.
        meter: (n, 2) metre of the bar; of a pickup that of the bar after it.
        left_out: (reason, number) pairs: why bars begin no window, or windows were left out.
    """

    source: PackedRolls
    window_steps: int
    offset: int
    song: Int[np.ndarray, " n"]
    bar: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " n"]
    step: Int[np.ndarray, " n"]
    meter: Int[np.ndarray, "n 2"]
    left_out: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.song)

    def rolls(self, which: Which = slice(None)) -> UInt8[np.ndarray, "k 2 128 width"]:
        """The windows at ``which`` indices (default all), (k, 2, 128, window_steps + 2 * offset) of 0 and 1.

        The window itself starts at column ``offset``.
        """
        return self._draw(which, self.offset)

    def center(self, which: Which = slice(None)) -> UInt8[np.ndarray, "k 2 128 window_steps"]:
        """The windows without their context."""
        return self._draw(which, 0)

    def _draw(self, which: Which, context: int) -> UInt8[np.ndarray, "k 2 128 width"]:
        return self.source.draw(self.song[which], self.start[which] - context, self.window_steps + 2 * context)

    def select(self, which: Which) -> Windows:
        """The windows at ``which`` indices, or where a mask is true."""
        return replace(self, **{name: getattr(self, name)[which] for name in _PER_WINDOW})


_PER_WINDOW = ("song", "bar", "start", "step", "meter")


def cut_windows(
    songs: Sequence[Song],
    window_steps: int = 32,
    *,
    which: Int[np.ndarray, " k"] | None = None,
    bars: int | None = None,
    hop_bars: int | None = None,
    hop_steps: int | None = None,
    context_steps: int = 0,
    texture: Texture = "melody",
    min_notes: int = 1,
) -> Windows:
    """Cut songs into windows at bar lines, or every ``hop_steps``.

    Args:
        songs: anything with songs in order; their index is what `Windows.song` says.
        window_steps: length of every window.
        which: indices of the songs to cut; None: all.
        bars: bars in a window. None: as many as add up to ``window_steps`` (two of 4/4, four of 2/4).
        hop_bars: bars from one window to the next; None: windows do not overlap.
        hop_steps: steps from one window to the next, wherever bars begin; instead of ``bars`` and ``hop_bars``.
        context_steps: real neighbours on each side.
        texture: "melody" or "full", see `softaxes.data.music.rolls`.
        min_notes: windows with fewer onsets are left out.

    Raises:
        ValueError: a number out of range, an unknown ``texture``, or ``hop_steps`` beside ``bars`` or ``hop_bars``.
    """
    _check_cut(window_steps, bars, hop_bars, hop_steps, context_steps, min_notes)
    chosen = range(len(songs)) if which is None else np.unique(which).tolist()
    textures, left_out = [np.zeros(0, NOTE_DTYPE)] * len(songs), Counter[str]()
    tables = [np.zeros((0, 6), dtype=np.int32)]
    for index in chosen:
        song, notes = songs[index], texture_notes(songs[index], texture)
        reasons: list[str] = []
        if hop_steps:
            places = _hops(song, window_steps, hop_steps)
        else:
            places, reasons = _whole_bars(song, window_steps, bars, hop_bars)
        onsets, begin = np.sort(notes["onset"]), places[:, 1]
        enough = np.searchsorted(onsets, begin + window_steps) - np.searchsorted(onsets, begin) >= min_notes
        left_out.update(reasons if len(song.notes) else ["songs without notes"])
        left_out[f"windows with fewer than {min_notes} notes"] += int((~enough).sum())
        textures[index] = notes
        tables.append(np.c_[np.full(enough.sum(), index), places[enough]].astype(np.int32))
    table = np.concatenate(tables)
    return Windows(
        source=PackedRolls.pack(textures),
        window_steps=window_steps,
        offset=context_steps,
        song=table[:, 0],
        bar=table[:, 1],
        start=table[:, 2],
        step=table[:, 3],
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


def _hops(song: Song, window_steps: int, hop_steps: int) -> Int[np.ndarray, "k 5"]:
    """(bar, start, step, numerator, denominator) of the windows at every ``hop_steps``."""
    table = song.bars()
    if len(table) == 0:
        return np.zeros((0, 5), dtype=np.int64)
    hops = -(-max(0, song.length_steps - window_steps) // hop_steps)
    start = hop_steps * np.arange(hops + 1)
    bar = np.searchsorted(table["start"], start, side="right") - 1
    step = start - table["start"][bar]
    like = np.maximum(bar, bool(song.pickup_steps()))  # a pickup is the end of a bar like the next
    step[like > bar] += int(table["steps"][:2].max()) - song.pickup_steps()
    return np.stack([bar, start, step, table["numerator"][like], table["denominator"][like]], axis=1).astype(np.int64)


def _whole_bars(
    song: Song, window_steps: int, bars: int | None, hop_bars: int | None
) -> tuple[Int[np.ndarray, "k 5"], list[str]]:
    """The same of the windows that begin and end at bar lines, and a reason for each bar that begins none."""
    table = song.bars()
    if len(table) == 0:
        return np.zeros((0, 5), dtype=np.int64), []
    lines = np.append(table["start"], table["start"][-1] + table["steps"][-1]).astype(np.int64)
    filled = np.searchsorted(lines, lines + window_steps).tolist()
    meters = list(zip(table["numerator"].tolist(), table["denominator"].tolist(), strict=True))
    usual = Counter(meters).most_common(1)[0][0]
    places, reasons = [], []
    bar = 0
    while bar < len(table):
        stop = bar + bars if bars else max(bar + 1, filled[bar])
        steps = int(lines[min(stop, len(table))] - lines[bar])
        if stop <= len(table) and steps == window_steps:
            places.append((bar, lines[bar], 0, *meters[bar]))
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
    window_steps: int, bars: int | None, hop_bars: int | None, hop_steps: int | None, context_steps: int, min_notes: int
) -> None:
    if window_steps < 1:
        raise ValueError(f"`window_steps` must be >= 1, got {window_steps}")
    for name, value in (("bars", bars), ("hop_bars", hop_bars), ("hop_steps", hop_steps)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be >= 1 or None, got {value}")
    for name, value in (("context_steps", context_steps), ("min_notes", min_notes)):
        if value < 0:
            raise ValueError(f"`{name}` must be >= 0, got {value}")
    if hop_steps is not None and (bars is not None or hop_bars is not None):
        raise ValueError("`hop_steps` stands instead of `bars` and `hop_bars`: windows begin at any step")

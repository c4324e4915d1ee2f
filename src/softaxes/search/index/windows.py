"""Which excerpts of a song are encoded? One of every length at every beat, alone in silence.

A *clip* holds the notes that begin inside its span, cut where it ends; what was held over from before is left out. It
stands in the middle of the model's window. Clips that begin before the song's first step start in silence. Several
lengths are indexed because a query is compared with clips of at most its own length: a shorter clip never asks for
notes that the query does not have.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt8
from numpy.typing import NDArray

from softaxes.data.music.packed import window_rolls
from softaxes.data.music.windows import isolate


def clip_lengths(window_steps: int, hop_steps: int) -> tuple[int, ...]:
    """The model's window, half and a quarter of it, as far as they are at least one hop: longest first."""
    lengths = [window_steps // part for part in (1, 2, 4) if window_steps // part >= max(2, hop_steps)]
    return tuple(dict.fromkeys(lengths or [window_steps]))


def clip_rolls(
    notes: NDArray[np.void], starts: Int[np.ndarray, " n"], length_steps: int, window_steps: int
) -> UInt8[np.ndarray, "n 2 128 window_steps"]:
    """The clips that begin at ``starts`` (song steps, may be negative), each in the middle of a silent window."""
    if not 1 <= length_steps <= window_steps:
        raise ValueError(f"`length_steps` must lie in 1..{window_steps} (the model's window), got {length_steps}")
    alone = isolate(window_rolls(notes, starts, length_steps), 0)
    before = (window_steps - length_steps) // 2
    return np.pad(alone, ((0, 0), (0, 0), (0, 0), (before, window_steps - length_steps - before)))


def clip_starts(
    notes: NDArray[np.void], length_steps: int, hop_steps: int, min_notes: int = 2
) -> Int[np.ndarray, " n"]:
    """Steps 0, hop, 2 hop, ... at which a clip of this length has at least ``min_notes`` onsets."""
    if hop_steps < 1:
        raise ValueError(f"`hop_steps` must be >= 1, got {hop_steps}")
    onsets = np.sort(notes["onset"].astype(np.int64))
    starts = np.arange(0, int(onsets.max(initial=-1)) + 1, hop_steps, dtype=np.int64)
    inside = np.searchsorted(onsets, starts + length_steps) - np.searchsorted(onsets, starts)
    return starts[inside >= min_notes]

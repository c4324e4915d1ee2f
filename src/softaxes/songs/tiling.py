"""Where do the windows of a song begin? At its bars, or at parts of bars too long for a window."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Int, UInt8
from numpy.typing import NDArray

from softaxes.data.music.song import Song

Notes = NDArray[np.void]


def tile(
    song: Song, window_steps: int, until_step: int | None = None, *, longest: int | None = None
) -> tuple[Int[np.ndarray, "m 2"], int]:
    """The song's pieces (m, 2), one after another from step 0, and the step at which the first window begins.

    Bars longer than ``longest`` (default: a window) are cut. A first bar shorter than the second is a pickup: its
    window begins earlier, where a whole bar would.
    """
    bars, longest = song.bars(until_step if len(song.notes) else 0), longest or window_steps
    rows = []
    for begin, steps in zip(bars["start"].tolist(), bars["steps"].tolist(), strict=True):
        edges = [*range(begin, begin + steps, longest), begin + steps]
        rows += list(itertools.pairwise(edges))
    lengths = bars["steps"][:2].tolist()
    pickup = len(lengths) == 2 and lengths[0] < lengths[1] <= window_steps
    return np.array(rows, dtype=np.int64).reshape(-1, 2), lengths[0] - lengths[1] if pickup else 0


def window_starts(pieces: Int[np.ndarray, "m 2"], first: int, window_steps: int) -> Int[np.ndarray, " n"]:
    """Where windows begin so that each piece lies wholly in one of them."""
    begins = pieces[:, 0].copy()
    begins[:1] = first
    starts: list[int] = []
    for begin, end in zip(begins.tolist(), pieces[:, 1].tolist(), strict=True):
        if not starts or end > starts[-1] + window_steps:
            starts.append(begin)
    return np.array(starts, dtype=np.int64)


def sounding(rolls: UInt8[np.ndarray, "n 2 128 steps"]) -> NDArray[np.bool_]:
    """Whether anything sounds in each window, (n,)."""
    return np.asarray(rolls.any(axis=(1, 2, 3)))

"""How do the rolls of thousands of songs fit into memory, and windows come out of them quickly?

Each song's roll is kept once, one bit a cell: 32 bytes a step (2 channels of 128 pitches), end to end in one array,
with one silent step in front that stands for everything outside a song. A window is a gather of rows and an unpacking
of bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8
from numpy.typing import NDArray

from softaxes.data.music.rolls import N_PITCHES, notes_to_roll

DRAW_CELLS = 2**24  # cells unpacked at a time


@dataclass(frozen=True, eq=False)
class PackedRolls:
    """The rolls of songs, a bit a cell.

    Attributes:
        bits: (1 + steps, 2, 16) uint8: a step's channels, eight pitches to the byte; step 0 is silence.
        first: (songs + 1,) where each song begins in ``bits``, and where the last one ends.
    """

    bits: UInt8[np.ndarray, "steps 2 16"]
    first: Int[np.ndarray, " songs_1"]

    @classmethod
    def pack(cls, songs: Sequence[NDArray[np.void]]) -> PackedRolls:
        """Pack songs given as (N,) arrays of NOTE_DTYPE; a song's first column is step 0."""
        rows = [np.zeros((1, 2, N_PITCHES // 8), dtype=np.uint8)]
        rows += [np.packbits(notes_to_roll(notes).transpose(2, 0, 1), axis=-1) for notes in songs]
        return cls(np.concatenate(rows), np.cumsum([len(row) for row in rows]))

    def draw(
        self, song: Int[np.ndarray, " n"], start: Int[np.ndarray, " n"], width: int
    ) -> UInt8[np.ndarray, "n 2 128 width"]:
        """The windows of ``width`` steps that begin at ``start`` of each ``song``; silence outside the songs.

        Args:
            song: which song, 0..songs - 1.
            start: song step of the first column; may be negative.
        """
        rolls = np.empty((len(song), 2, N_PITCHES, width), dtype=np.uint8)
        most = max(1, DRAW_CELLS // max(1, 2 * N_PITCHES * width))
        for at in range(0, len(song), most):
            part = slice(at, at + most)
            first, end = self.first[:-1][song[part]], self.first[1:][song[part]]
            rows = (first + start[part])[:, None] + np.arange(width)
            rows[(rows < first[:, None]) | (rows >= end[:, None])] = 0
            rolls[part] = np.unpackbits(self.bits[rows], axis=-1).transpose(0, 2, 3, 1)
        return rolls


def window_rolls(
    notes: NDArray[np.void], start: Int[np.ndarray, " n"], width: int
) -> UInt8[np.ndarray, "n 2 128 width"]:
    """Windows (n, 2, 128, width) of one song's notes that begin at ``start``; only that part of the song is drawn."""
    origin = int(start.min()) if len(start) else 0
    roll = notes_to_roll(notes, int(start.max(initial=origin)) + width - origin, origin)
    every = np.lib.stride_tricks.sliding_window_view(roll, width, axis=2).transpose(2, 0, 1, 3)
    return every[start - origin]

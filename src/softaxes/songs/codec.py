"""How does a whole song become a sequence of latents, and a sequence of latents a song again?

    song -> windows of real music at bar lines -> latents -> steered latents -> windows -> one roll -> notes

A song is tiled by *pieces*: its bars, or parts of bars too long for a window. A window begins with a piece and holds as
many whole ones as fit; what it holds beyond them is the song going on, and silence where the song is over. A pickup
stands at the end of a window's first bar. Every piece is read from one window only, so no note can double at a seam,
and the notes are read off the song's one roll, where a note that is held over a seam goes on.

A delay moves music across the borders of a window, and no code knows its neighbours. So for a delay every piece has a
window of its own, which begins as much earlier as the music comes later: the window holds all that belongs into its
piece, and nothing of it wraps round.

Windows in which nothing sounds are encoded (a sequence has no holes) and decoded to silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from softaxes.data.music.packed import window_rolls
from softaxes.data.music.rolls import N_PITCHES, Texture, roll_to_notes, texture_notes
from softaxes.data.music.song import Song
from softaxes.model.model import Model
from softaxes.songs.tiling import Notes, sounding, tile, window_starts

PITCH, METRE = "pitch", "metre"


@dataclass(frozen=True)
class Grid:
    """How a model's music is cut: which notes, and steps a beat."""

    texture: Texture
    steps_per_beat: int


def grid_of(model: Model) -> Grid:
    """How the model's music was cut; ValueError if this is no model of music."""
    if model.input_shape[:2] != (2, N_PITCHES) or "config" not in model.card:
        raise ValueError(f"this model reads inputs of shape {model.input_shape}, not windows of music")
    config = model.card["config"]
    return Grid(config["texture"], config["steps_per_beat"])


@dataclass(frozen=True, eq=False)
class SongLatents:
    """One latent a window, in order.

    Attributes:
        z: (n, D) latents.
        start: (n,) song step at which each window begins; the first may be negative (silence before a pickup).
        sounds: (n,) whether anything sounds in the window.
        pieces: (m, 2) steps at which the tiles of the song begin and end.
        window_steps: length of a window.
    """

    z: Float[Tensor, "n D"]
    start: Int[np.ndarray, " n"]
    sounds: NDArray[np.bool_]
    pieces: Int[np.ndarray, "m 2"]
    window_steps: int

    def __len__(self) -> int:
        return len(self.start)


def encode_song(model: Model, song: Song, *, delay_steps: int = 0, until_step: int | None = None) -> SongLatents:
    """The latents of a song's windows.

    Args:
        song: on the model's grid (`softaxes.data.music.read`).
        delay_steps: by how much the latents will be moved in metre; less than a window.
        until_step: tile the song so far; default: to its end.

    A song without notes has no windows.

    Raises:
        ValueError: no model of music, or a song on another grid.
    """
    grid = grid_of(model)
    if song.steps_per_beat != grid.steps_per_beat:
        raise ValueError(f"`song` must have {grid.steps_per_beat} steps a beat, got {song.steps_per_beat}")
    pieces, start, rolls = cut_song(
        song, grid.texture, model.window_steps, delay_steps=delay_steps, until_step=until_step
    )
    return SongLatents(model.encode(rolls), start, sounding(rolls), pieces, model.window_steps)


def cut_song(
    song: Song, texture: Texture, window_steps: int, *, delay_steps: int = 0, until_step: int | None = None
) -> tuple[Int[np.ndarray, "m 2"], Int[np.ndarray, " n"], UInt8[np.ndarray, "n 2 128 steps"]]:
    """A song's pieces, the steps at which its windows begin, and the windows; see `encode_song`."""
    if not abs(delay_steps) < window_steps:
        raise ValueError(f"`delay_steps` must be less than a window of {window_steps} steps, got {delay_steps}")
    if delay_steps:
        pieces, _ = tile(song, window_steps, until_step, longest=window_steps - abs(delay_steps))
        start = pieces[:, 0] - max(delay_steps, 0)
    else:
        pieces, first = tile(song, window_steps, until_step)
        start = window_starts(pieces, first, window_steps)
    return pieces, start, window_rolls(texture_notes(song, texture), start, window_steps)


def decode_song(model: Model, latents: SongLatents, *, delay_steps: int = 0) -> UInt8[np.ndarray, "2 128 steps"]:
    """One roll of 0 and 1 from a song's latents.

    Args:
        delay_steps: by how much the latents were moved in metre; says which window holds the music of a piece.

    Raises:
        ValueError: a model without a decoder, or latents that do not fit it.
    """
    roll = np.zeros((2, N_PITCHES, int(latents.pieces[-1, 1]) if len(latents.pieces) else 0), dtype=np.uint8)
    decoded = model.decode(latents.z[torch.from_numpy(latents.sounds)])
    binary = (decoded >= model.threshold).numpy()
    place = np.cumsum(latents.sounds) - 1
    for (begin, end), window in zip(latents.pieces.tolist(), read_from(latents, delay_steps).tolist(), strict=True):
        if latents.sounds[window]:
            at = int(latents.start[window])
            roll[..., begin:end] = binary[place[window], ..., begin - at : end - at]
    return roll


def roll_notes(roll: UInt8[np.ndarray, "2 128 steps"]) -> Notes:
    """The notes of a song's roll: nothing is held over from before a song, so every note begins with an onset."""
    return roll_to_notes(roll, held="drop")


def read_from(latents: SongLatents, delay_steps: int = 0) -> Int[np.ndarray, " m"]:
    """Which window each piece is read from: of those that hold it, the one that held most of what belongs there."""
    size, start = latents.window_steps, latents.start
    chosen = np.zeros(len(latents.pieces), dtype=np.int64)
    for index, (begin, end) in enumerate(latents.pieces.tolist()):
        low = np.searchsorted(start, end - size, side="left")
        high = np.searchsorted(start, begin, side="right")
        window = start[low:high]
        held = np.minimum(end - delay_steps, window + size) - np.maximum(begin - delay_steps, window)
        chosen[index] = low + int(np.argmax(held))
    return chosen

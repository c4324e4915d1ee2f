"""How does a whole song become a sequence of latents, and a sequence of latents a song again?

    song -> windows of real music at bar lines -> latents -> steered latents -> windows -> one roll -> notes

A song is tiled by *pieces*: its bars, or parts of bars too long for a window. A window begins with a piece and holds as
many whole ones as fit; what it holds beyond them is the song going on, and silence where the song is over. A pickup
stands at the end of a window's first bar. Every piece is read from one window only, so no note can double at a seam,
and the notes are read off the song's one roll, where a note that is held over a seam goes on.

A delay moves music across the borders of a window, and no code knows its neighbours. So for metre windows begin at
every piece and overlap, and each piece is read from the window that holds most of the music that belongs there.

Windows in which nothing sounds are encoded (a sequence has no holes) and decoded to silence.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from softaxes.kinds import Circle
from softaxes.model import Model
from softaxes.music.rolls import N_PITCHES, Texture, notes_to_roll, roll_to_notes, texture_notes
from softaxes.music.song import Song

PITCH, METRE = "pitch", "metre"
Notes = NDArray[np.void]


@dataclass(frozen=True)
class Grid:
    """How a model's music was cut: ``texture``, ``steps_per_beat``, and ``bar_steps``, the bar that metre turns in."""

    texture: Texture
    steps_per_beat: int
    bar_steps: float


def grid_of(model: Model) -> Grid:
    """How the model's music was cut; ValueError if this is no model of music."""
    if model.input_shape[:2] != (2, N_PITCHES) or "config" not in model.card:
        raise ValueError(f"this model reads inputs of shape {model.input_shape}, not windows of music")
    config = model.card["config"]
    return Grid(config["texture"], config["steps_per_beat"], config["window_steps"] / config["bars"])


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


def encode_song(model: Model, song: Song, *, overlap: bool = False, until_step: int | None = None) -> SongLatents:
    """The latents of a song's windows.

    Args:
        song: on the model's grid (`softaxes.music.regrid`).
        overlap: a window begins at every piece; else windows follow one another.
        until_step: tile the song so far; default: to its end.

    A song without notes has no windows.

    Raises:
        ValueError: no model of music, or a song on another grid.
    """
    grid = grid_of(model)
    if song.steps_per_beat != grid.steps_per_beat:
        raise ValueError(f"`song` must have {grid.steps_per_beat} steps a beat, got {song.steps_per_beat}")
    pieces, start, rolls = cut_song(song, grid.texture, model.window_steps, overlap=overlap, until_step=until_step)
    return SongLatents(model.encode(rolls), start, sounding(rolls), pieces, model.window_steps)


def cut_song(
    song: Song, texture: Texture, window_steps: int, *, overlap: bool = False, until_step: int | None = None
) -> tuple[Int[np.ndarray, "m 2"], Int[np.ndarray, " n"], UInt8[np.ndarray, "n 2 128 steps"]]:
    """A song's pieces, the steps at which its windows begin, and the windows; see `encode_song`."""
    pieces, first = tile(song, window_steps, until_step)
    start = window_starts(pieces, first, window_steps, overlap=overlap)
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


def tile(song: Song, window_steps: int, until_step: int | None = None) -> tuple[Int[np.ndarray, "m 2"], int]:
    """The song's pieces (m, 2), one after another from step 0, and the step at which the first window begins.

    A first bar shorter than the second is a pickup: its window begins earlier, where a whole bar would.
    """
    bars = song.bars(until_step if len(song.notes) else 0)
    rows = []
    for begin, steps in zip(bars["start"].tolist(), bars["steps"].tolist(), strict=True):
        edges = [*range(begin, begin + steps, window_steps), begin + steps]
        rows += list(itertools.pairwise(edges))
    lengths = bars["steps"][:2].tolist()
    pickup = len(lengths) == 2 and lengths[0] < lengths[1] <= window_steps
    return np.array(rows, dtype=np.int64).reshape(-1, 2), lengths[0] - lengths[1] if pickup else 0


def window_starts(
    pieces: Int[np.ndarray, "m 2"], first: int, window_steps: int, *, overlap: bool
) -> Int[np.ndarray, " n"]:
    """Where windows begin so that each piece lies wholly in one of them."""
    begins = pieces[:, 0].copy()
    begins[:1] = first
    if overlap:
        return begins
    starts: list[int] = []
    for begin, end in zip(begins.tolist(), pieces[:, 1].tolist(), strict=True):
        if not starts or end > starts[-1] + window_steps:
            starts.append(begin)
    return np.array(starts, dtype=np.int64)


def window_rolls(notes: Notes, start: Int[np.ndarray, " n"], window_steps: int) -> UInt8[np.ndarray, "n 2 128 steps"]:
    """The windows (n, 2, 128, window_steps) that begin at ``start``."""
    if len(start) == 0:
        return np.zeros((0, 2, N_PITCHES, window_steps), dtype=np.uint8)
    origin = int(start.min())
    roll = notes_to_roll(notes, int(start.max()) + window_steps - origin, origin)
    every = np.lib.stride_tricks.sliding_window_view(roll, window_steps, axis=2).transpose(2, 0, 1, 3)
    return every[start - origin]


def sounding(rolls: UInt8[np.ndarray, "n 2 128 steps"]) -> NDArray[np.bool_]:
    """Whether anything sounds in each window, (n,)."""
    return np.asarray(rolls.any(axis=(1, 2, 3)))


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


@dataclass(frozen=True, eq=False)
class SteeredSong:
    """The notes that a steered song decodes to, beside those of the true edit, all on the model's grid.

    Attributes:
        before: the notes that the model heard.
        notes: decode(op(z)), ``ceiling``: decode(f(true edit)), ``wanted``: the true edit.
        windows, silent: how many windows, and how many without a sound.
        odd_bars: bars (of ``bars``) whose length is not the model's.
    """

    before: Notes
    notes: Notes
    ceiling: Notes
    wanted: Notes
    windows: int
    silent: int
    bars: int
    odd_bars: int


def steer_song(model: Model, song: Song, *, pitch: int = 0, metre: int = 0) -> SteeredSong:
    """Steer every window of a song and decode it.

    Args:
        song: on the model's grid.
        pitch: semitones, positive is up.
        metre: steps by which the music moves against its bar lines, positive is later.

    Raises:
        ValueError: a kind that the model does not know, a metre that the model's circle does not fit, no decoder, or a
            song on another grid.
    """
    amounts = {name: amount for name, amount in ((PITCH, pitch), (METRE, metre)) if amount}
    for name in amounts:
        _ = model.axes[name]  # an unknown kind is told before anything is encoded
    if abs(pitch) >= N_PITCHES:
        raise ValueError(f"`pitch` must be less than {N_PITCHES} semitones, got {pitch}")
    bars, odd = _bars(model, song)
    if metre:
        _check_metre(model, song, metre)
    end = song.length_steps + max(metre, 0)
    before = encode_song(model, song, overlap=metre != 0, until_step=end)
    moved = replace(before, z=model.steer(before.z, **amounts))
    edited = shifted(texture_notes(song, grid_of(model).texture), pitch, metre)
    rolls = window_rolls(edited, before.start, model.window_steps)
    ideal = replace(before, z=model.encode(rolls), sounds=sounding(rolls))
    return SteeredSong(
        before=texture_notes(song, grid_of(model).texture),
        notes=roll_notes(decode_song(model, moved, delay_steps=metre)),
        ceiling=roll_notes(decode_song(model, ideal)),
        wanted=edited,
        windows=len(before),
        silent=int((~before.sounds).sum()),
        bars=bars,
        odd_bars=odd,
    )


def shifted(notes: Notes, semitones: int, steps: int) -> Notes:
    """Notes moved in pitch and time; those that leave MIDI's 0..127 or begin before step 0 are left out."""
    pitch, onset = notes["pitch"].astype(int) + semitones, notes["onset"].astype(int) + steps
    inside = (pitch >= 0) & (pitch < N_PITCHES) & (onset >= 0)
    moved = notes[inside].copy()
    moved["pitch"], moved["onset"] = pitch[inside], onset[inside]
    return moved


def _bars(model: Model, song: Song) -> tuple[int, int]:
    lengths = song.bars()["steps"]
    return len(lengths), int((lengths != grid_of(model).bar_steps).sum())


def _check_metre(model: Model, song: Song, metre: int) -> None:
    """Whether the song's usual bar is the circle's turn, and the steps less than a window."""
    kind = model.axes[METRE].kind
    rows = Counter(song.bars()[["steps", "numerator", "denominator"]].tolist()).most_common(1)
    if rows and isinstance(kind, Circle) and rows[0][0][0] != kind.period:
        (steps, numerator, denominator), _ = rows[0]
        raise ValueError(
            f"`metre` turns in {kind.period:g} steps and cannot move bars of {numerator}/{denominator} ({steps} steps):"
            f" steer this song by pitch, or train a model on its metre"
        )
    if abs(metre) >= model.window_steps:
        raise ValueError(f"`metre` must be less than a window of {model.window_steps} steps, got {metre}")

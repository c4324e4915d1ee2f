"""A model whose codes are known by hand, and songs with motifs planted in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from softaxes.data.music import Song, note_array, write_song
from softaxes.geometry.axes import Axes, CycleAxis, LineAxis
from softaxes.geometry.kinds import Cycle, Line
from softaxes.model.model import Model
from softaxes.model.part import Part

STEPS, DIM = 32, 48
TURNS = list(range(1, 13))  # harmonics of the turning model


class ByHand(nn.Module):
    """Mean pitch, mean onset, and the magnitude of the onsets' Fourier transform, which no shift changes.

    Pitches must lie within 34..97.
    """

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.register_buffer("mix", torch.randn(128 * 33, DIM - 2, generator=generator) / 10)
        self.calls = 0

    def forward(self, rolls: Tensor) -> Tensor:
        self.calls += len(rolls)
        onset = rolls[:, 0, 34:98]
        assert onset.sum() == rolls[:, 0].sum()
        size = onset.sum((1, 2)).clamp_min(1)
        pitch = (onset.sum(2) @ torch.arange(34.0, 98.0)) / size
        step = (onset.sum(1) @ torch.arange(float(rolls.shape[-1]))) / size
        spectrum = torch.fft.rfft2(onset, s=(128, 64)).abs().flatten(1)
        return torch.cat([pitch[:, None], step[:, None], spectrum @ self.mix], dim=1)


def model_by_hand(seed: int = 0) -> Model:
    """A `Model` whose register (semitones) and place (steps) are its first two latent coordinates."""
    e = torch.eye(DIM)
    origin = torch.zeros(DIM)
    origin[0], origin[1], origin[2:] = 64.0, 15.5, 0.01 * (1 + seed)
    axes = Axes([LineAxis(Line("pitch"), e[0], origin), LineAxis(Line("time"), e[1], origin)])
    shared = {"steps": STEPS, "dim": DIM, "width": 16, "reach": 2}
    card = {"task": "music", "config": {"texture": "melody", "steps_per_beat": 4}}
    made = Model(Part("RowPoolEncoder", shared), axes, (2, 128, STEPS), card=card)
    made.encoder = ByHand()
    return made


class Turning(nn.Module):
    """Mean pitch, then the spectrum along time of the onsets, a row for each pitch above the lowest: it turns."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.register_buffer("mix", torch.randn(64, 4, generator=generator) / 8)

    def forward(self, rolls: Tensor) -> Tensor:
        onset = rolls[:, 0]
        sounding = onset.amax(2) > 0
        lowest = torch.where(sounding.any(1), sounding.float().argmax(1), 60)
        rows = (lowest[:, None] + torch.arange(64)).clamp(max=127)
        frame = onset.gather(1, rows[..., None].expand(-1, -1, onset.shape[2]))
        pitch = (onset.sum(2) @ torch.arange(128.0)) / onset.sum((1, 2)).clamp_min(1)
        planes = torch.fft.fft(frame, dim=2)[:, :, TURNS].conj()  # a delay turns them forwards
        mixed = torch.einsum("brh,rm->bhm", planes, self.mix.to(planes)).flatten(1)
        return torch.cat([pitch[:, None], torch.view_as_real(mixed).flatten(1)], dim=1)


def turning_model() -> Model:
    """A `Model` whose content turns with the delay, in planes that are its latent's own coordinates."""
    harmonics = tuple(h for h in TURNS for _ in range(4))
    dim = 1 + 2 * len(harmonics)
    e, origin = torch.eye(dim), torch.zeros(dim)
    origin[0] = 64.0
    delay = CycleAxis(Cycle("metre", STEPS, harmonics=harmonics), e[1:].reshape(-1, 2, dim), torch.zeros(dim))
    axes = Axes([LineAxis(Line("pitch"), e[0], origin), delay])
    card = {"task": "music", "config": {"texture": "melody", "steps_per_beat": 4}}
    made = Model(Part("RowPoolEncoder", {"steps": STEPS, "dim": dim, "width": 16}), axes, (2, 128, STEPS), card=card)
    made.encoder = Turning()
    return made


def random_song(rng: np.random.Generator, bars: int = 8, name: str = "song") -> Song:
    """One voice of notes on the grid of sixteenths, no bar like another."""
    rows, at = [], 0
    while at < 16 * bars - 4:
        length = int(rng.choice([1, 2, 3, 4]))
        rows.append((at, length, int(rng.integers(55, 80))))
        at += length
    return Song(name, note_array(rows))


def motif(rng: np.random.Generator, steps: int) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) rows that begin at 0 and end at ``steps``."""
    rows, at = [], 0
    while at < steps:
        length = min(int(rng.choice([1, 2, 2, 3])), steps - at)
        rows.append((at, length, int(rng.integers(58, 74))))
        at += length
    return rows


def planted(song: Song, rows: list[tuple[int, int, int]], at: int, semitones: int = 0) -> Song:
    """The song with a motif in the place of whatever it had there."""
    end = at + max(onset + duration for onset, duration, _ in rows)
    kept = [
        (int(n["onset"]), min(int(n["duration"]), at - int(n["onset"]) if n["onset"] < at else 99), int(n["pitch"]))
        for n in song.notes
        if n["onset"] < at or n["onset"] >= end
    ]
    moved = [(onset + at, duration, pitch + semitones) for onset, duration, pitch in rows]
    return Song(song.name, note_array(sorted(kept + moved)))


def song_of(rows: list[tuple[int, int, int]], name: str = "query") -> Song:
    return Song(name, note_array(rows))


def corpus(folder: Path, rng: np.random.Generator, songs: int = 6, bars: int = 8) -> list[Song]:
    """``songs`` random songs written to ``folder`` as 00.mid, 01.mid, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [random_song(rng, bars, name=f"{number:02d}") for number in range(songs)]
    for song in made:
        write_song(song, folder / f"{song.name}.mid")
    return made

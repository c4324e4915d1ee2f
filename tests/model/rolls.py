"""What the tests of networks of piano rolls share: windows made up here, moves, and a model of a few floats."""

from __future__ import annotations

import torch
from torch import Tensor

from softaxes.geometry.operators import LearnedOperators
from softaxes.geometry.shifts import shift
from softaxes.model.model import Model
from softaxes.model.networks.frames import SEMITONE
from softaxes.model.part import Part
from softaxes.training.tasks.music.config import NETWORKS, MusicConfig, music_kinds, planes_of

STEPS = 32


def melodies(n: int = 4, steps: int = STEPS, low: int = 50, high: int = 75) -> Tensor:
    """Random melodies (n, 2, 128, steps) of notes up to four steps long, between two pitches."""
    rolls = torch.zeros(n, 2, 128, steps)
    for roll in rolls:
        for step in range(0, steps - 4, 3):
            pitch = int(torch.randint(low, high, ()))
            roll[0, pitch, step] = 1
            roll[1, pitch, step : step + int(torch.randint(1, 5, ()))] = 1
    return rolls


def odd_windows(steps: int = STEPS) -> Tensor:
    """Silence, one note, a note that is held all through, all 128 pitches at once, the lowest and the highest pitch."""
    rolls = torch.zeros(5, 2, 128, steps)
    rolls[1, :, 60, 3] = 1
    rolls[2, 1, 61] = 1
    rolls[3, 0, :, 0], rolls[3, 1, :, :2] = 1, 1
    rolls[4, :, 0, 1], rolls[4, :, 127, 2] = 1, 1
    return rolls


def transposed(rolls: Tensor, semitones: int) -> Tensor:
    return shift(rolls, torch.full((len(rolls),), semitones), dim=-2, edge="zero")[0]


def framed_model(encoder: str, dim: int = 31, steps: int = STEPS, rows: int = 26, width: int = 16) -> Model:
    """An untrained model of music, as `softaxes train` builds it, with its axes."""
    config = MusicConfig(encoder=encoder, dim=dim, window_steps=steps, rows=rows, width=width, depth=1)  # type: ignore[arg-type]
    names, takes = NETWORKS[encoder]
    planes, invariants = planes_of(config)
    settings = {"dim": dim, "planes": planes, "invariants": invariants, "rows": rows, "width": width, "depth": 1}
    parts = [Part(name, {"steps": steps} | {key: settings[key] for key in takes}) for name in names]
    axes = LearnedOperators(music_kinds(config), dim, step=SEMITONE, learned=False).fitted(torch.zeros(dim))
    return Model(parts[0], axes, (2, 128, steps), decoder=parts[1])

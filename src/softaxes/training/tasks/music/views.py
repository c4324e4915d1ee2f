"""How are labelled views of a window of music made? Amounts by a law, transposition, hidden rectangles."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from softaxes.geometry.shifts import shift

HIDDEN_STEPS, HIDDEN_ROWS = (4, 8), (12, 24)  # sizes of a hidden rectangle


def _evenly(rng: np.random.Generator, largest: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers drawn evenly from -largest..largest without 0."""
    return rng.integers(1, largest + 1, size=shape) * rng.choice([-1, 1], size=shape)


def _normally(rng: np.random.Generator, largest: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers of -largest..largest without 0, from a normal distribution of deviation ``largest / 2``."""
    amounts = np.arange(-largest, largest + 1)
    weight = np.exp(-2 * np.square(amounts / largest)) * (amounts != 0)
    return rng.choice(amounts, size=shape, p=weight / weight.sum())


LAWS = {"uniform": _evenly, "gaussian": _normally}


def hide_rectangles(rolls: Tensor) -> Tensor:
    """Rolls (B, 2, 128, steps) with one rectangle of silence each, around a note (He et al. 2022, on notes)."""
    size, _, rows, steps = rolls.shape
    sounding = rolls.amax(1).flatten(1).float() + 1e-6  # a rectangle where nothing is hides nothing
    cell = torch.multinomial(sounding, 1)[:, 0]
    centre = torch.stack([cell // steps, cell % steps], dim=1)
    reach = torch.stack([torch.randint(*most, (size,), device=rolls.device) for most in (HIDDEN_ROWS, HIDDEN_STEPS)], 1)
    away_rows = (torch.arange(rows, device=rolls.device) - centre[:, :1]).abs() * 2 > reach[:, :1]
    away_steps = (torch.arange(steps, device=rolls.device) - centre[:, 1:]).abs() * 2 > reach[:, 1:]
    return rolls * (away_rows[:, :, None] | away_steps[:, None])[:, None].to(rolls.dtype)


def transposed(rolls: Tensor, semitones: Int[Tensor, " B"]) -> Tensor:
    """Rolls (B, 2, 128, steps) moved along pitch; nothing wraps."""
    return shift(rolls, semitones, dim=-2, edge="zero")[0]

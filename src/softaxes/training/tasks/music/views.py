"""How are labelled views of windows of music made? By one function in training and in judging: `moved_windows`.

Conventions: wide windows (B, 2, 128, context + steps + context), a roll with real neighbours on both sides; amounts by
kind: semitones for ``pitch``, steps for ``metre``, ``beat`` (which moves as metre does) and ``time``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from softaxes.geometry.kinds import Kind
from softaxes.geometry.shifts import shift

REGISTER = 6  # anchors move by up to so many semitones, so that register is even
SHORTEST_MOTIF = 6  # steps
HIDDEN_STEPS, HIDDEN_ROWS = (4, 8), (12, 24)  # sizes of a hidden rectangle


def moved_windows(
    wide: Shaped[Tensor, "B 2 128 width"], semitones: Int[Tensor, "B V"], steps: Int[Tensor, "B V"], context: int
) -> Shaped[Tensor, "B 1+V 2 128 steps"]:
    """The windows themselves, then V views of each: transposed (nothing wraps), then delayed (neighbours stream in).

    ValueError for a delay beyond ``context``.
    """
    views = [_delayed(wide, torch.zeros(len(wide), dtype=torch.long), context)]
    for view in range(semitones.shape[1]):
        views.append(_delayed(transposed(wide, semitones[:, view]), steps[:, view], context))
    return torch.stack(views, dim=1)


def transposed(
    rolls: Shaped[Tensor, "B channels 128 steps"], semitones: Int[Tensor, " B"]
) -> Shaped[Tensor, "B channels 128 steps"]:
    """Rolls moved along pitch; nothing wraps."""
    return shift(rolls, semitones, dim=-2, edge="zero")[0] if bool(semitones.any()) else rolls


def _delayed(wide: Tensor, steps: Int[Tensor, " B"], context: int) -> Tensor:
    return shift(wide, steps, dim=-1, edge="stream", context=context)[0]


def amounts_by_name(kinds: Sequence[Kind], amounts: Float[Tensor, "*B K"]) -> dict[str, Float[Tensor, "*B"]]:
    """The columns of ``amounts`` by the names of their kinds."""
    return {kind.name: column for kind, column in zip(kinds, amounts.unbind(-1), strict=True)}


def amounts_in_order(kinds: Sequence[Kind], amounts: Mapping[str, Tensor]) -> Float[Tensor, "*B K"]:
    """Amounts by name as columns in the order of the kinds."""
    return torch.stack([amounts[kind.name].float() for kind in kinds], dim=-1)


def training_views(
    wide: Shaped[Tensor, "B 2 128 width"],
    rng: np.random.Generator,
    kinds: Sequence[Kind],
    *,
    context: int,
    semitones: int,
    steps: int,
    law: str,
    isolated: float,
) -> dict[str, Tensor]:
    """Anchors and three views each, ``rolls`` (B, 4, 2, 128, steps), with ``amounts`` (B, 3, K) and ``lone`` (B,).

    The views shift pitch, time, and both. A share ``isolated`` of the anchors are motifs in silence, which move in
    ``time``; the others are running music, which moves in ``metre``.
    """
    lone = torch.from_numpy(rng.random(len(wide)) < isolated)
    wide = transposed(wide, torch.from_numpy(rng.integers(-REGISTER, REGISTER + 1, size=len(wide))))
    wide = torch.where(lone[:, None, None, None], _random_motifs(wide, rng, context, steps), wide)
    draw, shape = LAWS[law], (len(wide), 3)
    pitch, delay = (torch.from_numpy(draw(rng, largest, shape)) for largest in (semitones, steps))
    pitch[:, 1], delay[:, 0] = 0, 0
    running = delay * ~lone[:, None]
    amounts = {"pitch": pitch, "metre": running, "beat": running, "time": delay * lone[:, None]}
    rolls = moved_windows(wide, pitch, delay, context)
    return {"rolls": rolls, "amounts": amounts_in_order(kinds, amounts), "lone": lone}


def _random_motifs(wide: Tensor, rng: np.random.Generator, context: int, shift_steps: int) -> Tensor:
    """A motif of 6 steps up to half a window in silence, where no shift by ``shift_steps`` moves it out."""
    start = context + shift_steps
    room = max(2, wide.shape[-1] - 2 * (context + shift_steps))
    length = torch.from_numpy(rng.integers(min(SHORTEST_MOTIF, room), room + 1, size=len(wide)))
    place = torch.arange(wide.shape[-1])
    inside = (place >= start) & (place < start + length[:, None])
    motif = wide * inside[:, None, None].to(wide.dtype)
    motif[:, 0, :, start] |= motif[:, 1, :, start]  # what was held over begins here
    return motif


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

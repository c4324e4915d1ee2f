"""How are labelled views of windows of music made? By one function in training and in judging: `moved_windows`.

Conventions: wide windows (B, 2, 128, context + steps + context), a roll with real neighbours on both sides; amounts by
kind: semitones for ``pitch`` and what follows it, steps for ``metre``.
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
    views: int,
) -> dict[str, Tensor]:
    """Anchors and their views, ``rolls`` (B, 1 + V, 2, 128, steps), with ``amounts`` (B, V, K), ``semitones`` and
    ``steps`` (B, V).

    Views are delayed by up to ``steps``. Where ``semitones`` is not 0, anchors move by up to half an octave, so that
    register is even, and of every three views the first is delayed, the second transposed, the third both.
    """
    shape = (len(wide), views)
    delay = torch.from_numpy(_evenly(rng, steps, shape))
    pitch = torch.zeros_like(delay)
    if semitones:
        wide = transposed(wide, torch.from_numpy(rng.integers(-REGISTER, REGISTER + 1, size=len(wide))))
        pitch = torch.from_numpy(_evenly(rng, semitones, shape))
        pitch[:, 0::3], delay[:, 1::3] = 0, 0
    by_kind = {kind.name: pitch if kind.family == "pitch" else delay for kind in kinds}
    return {
        "rolls": moved_windows(wide, pitch, delay, context),
        "amounts": amounts_in_order(kinds, by_kind),
        "semitones": pitch,
        "steps": delay,
    }


def circularly_moved(
    rolls: Shaped[Tensor, "B 2 128 steps"], semitones: Int[Tensor, " B"], steps: Int[Tensor, " B"]
) -> Shaped[Tensor, "B 2 128 steps"]:
    """Windows transposed (nothing wraps) and delayed; what leaves at one end comes in at the other."""
    source = (torch.arange(rolls.shape[-1], device=rolls.device) - steps[:, None]).remainder(rolls.shape[-1])
    turned = rolls.gather(3, source[:, None, None].expand(-1, rolls.shape[1], rolls.shape[2], -1))
    return transposed(turned, semitones)


def _evenly(rng: np.random.Generator, largest: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers drawn evenly from -largest..largest without 0."""
    return rng.integers(1, largest + 1, size=shape) * rng.choice([-1, 1], size=shape)

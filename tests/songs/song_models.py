"""Models of windows of music whose every answer is known: a latent that is the roll itself, moved exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from softaxes.geometry.axes import Axes, CycleAxis, LineAxis
from softaxes.geometry.kinds import Cycle, Line
from softaxes.model.model import Model
from softaxes.model.part import Part

STEPS, DIM = 32, 12
CONFIG = {"texture": "melody", "steps_per_beat": 4, "window_steps": STEPS}


def axes(dim: int = DIM, steps: int = STEPS) -> Axes:
    """Axes along the first coordinates: a line for pitch, two planes for metre."""
    eye, zero = torch.eye(dim), torch.zeros(dim)
    metre = Cycle("metre", steps, harmonics=(1, 2))
    return Axes([LineAxis(Line("pitch"), eye[0], zero), CycleAxis(metre, eye[1:5].unflatten(0, (2, 2)), zero)])


def small_model(steps: int = STEPS, *, decoder: bool = True, **config: Any) -> Model:
    """The default networks, tiny and untrained."""
    shared = {"steps": steps, "dim": DIM, "width": 16, "reach": 2}
    torch.manual_seed(0)
    part = Part("PoseDecoder", shared | {"rank": 2}) if decoder else None
    card: Mapping[str, Any] = {"task": "music", "config": CONFIG | {"window_steps": steps} | config}
    return Model(Part("RowPoolEncoder", shared), axes(steps=steps), (2, 128, steps), decoder=part, card=card)


class Perfect(Model):
    """Remembers the roll itself. Pitch moves its rows, metre turns its columns: what leaves comes back in."""

    def __init__(self, steps: int = STEPS, **config: Any) -> None:
        part = Part("FlatEncoder", {"side": 4, "width": 2, "dim": DIM})
        card = {"config": CONFIG | {"window_steps": steps} | config}
        super().__init__(part, axes(steps=steps), (2, 128, steps), decoder=part, card=card)

    def encode(self, windows: Any, *, batch: int = 512) -> Tensor:
        return torch.as_tensor(windows).flatten(1).float()

    def steer(self, z: Any, /, **amounts: Any) -> Tensor:
        rolls = torch.as_tensor(z).unflatten(1, self.input_shape).numpy()
        pitch, metre = (int(amounts.get(name, 0)) for name in ("pitch", "metre"))
        moved = np.zeros_like(rolls)
        for row in range(max(0, pitch), min(rolls.shape[2], rolls.shape[2] + pitch)):
            moved[:, :, row] = np.roll(rolls[:, :, row - pitch], metre, axis=-1)
        return torch.from_numpy(moved).flatten(1)

    def decode(self, z: Any, *, batch: int = 512) -> Tensor:
        return torch.as_tensor(z).unflatten(1, self.input_shape)

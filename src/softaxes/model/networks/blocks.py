"""What do the networks share? A residual block, attention over the pitches of a roll, and the size of a roll."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

N_PITCHES = 128
OCTAVE = 12.0


class ResidualBlock(nn.Module):
    """LayerNorm, linear, GELU, linear, plus the input. ``identity``: the input alone, at the start."""

    def __init__(self, width: int, *, identity: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        if identity:
            nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def attend(score: Tensor, sounding: Tensor) -> Float[Tensor, "B 128 K"]:
    """Softmax over sounding rows, in fp32; uniform over all rows where nothing sounds."""
    return score.float().masked_fill(~sounding, -1e4).softmax(dim=1)


def autocast_dtype(weight: Tensor) -> torch.dtype:
    """The type that a layer with this ``weight`` computes in: autocast's where it is on, else the weight's."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype

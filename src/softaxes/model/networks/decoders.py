"""Which network turns a latent back into a piano roll, where the encoder has no mirror image?

Latents (B, dim) in, *log odds* (B, 2, 128, steps) out: onset and sustain. The roll is an outer product of pitch and
time profiles, ``sum_r a_r(pitch; z) b_r(time; z)``, which learns notes faster than dense or convolutional heads. The
bias starts at the density of notes, so that the first steps are not spent on learning that most of a roll is silence.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softaxes.model.networks.blocks import N_PITCHES, OCTAVE, ResidualBlock

DENSITY = (0.003, 0.015)  # onset and sounding cells in a window of melody


class PoseDecoder(nn.Module):
    """Outer products make the frame around a register; a linear reading of ``z`` gives the pose, which pitch it is at.

    The frame (2 reach + 1 rows) is moved by a soft position over the 128 pitches, ``softmax(-sharpness (p - mu)^2)``
    with ``mu`` linear in z. So one frame serves every transposition, as far as the latent's register axis is a line.
    """

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 512,
        depth: int = 2,
        rank: int = 32,
        reach: int = 24,
        density: tuple[float, float] = DENSITY,
    ) -> None:
        super().__init__()
        self.reach, self.span = reach, 2 * reach + 1
        self.trunk = _Trunk(dim, width, depth)
        self.products = OuterProducts(width, rank, self.span, steps)
        self.register = nn.Linear(dim, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(1.0))
        self.bias = nn.Parameter(log_odds(density))
        self.register_buffer("heights", torch.arange(-reach, N_PITCHES + reach).float(), persistent=False)

    def forward(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B 2 128 steps"]:
        frame = self.products(self.trunk(z))  # (B, 2, span, steps)
        height = self.height(z).to(frame.dtype)  # (B, 128 + 2 reach)
        toeplitz = height.unfold(1, self.span, 1)  # (B, 128, span); offsets run from high to low
        flat = frame.transpose(1, 2).flatten(2)  # (B, span, 2 steps)
        roll = (toeplitz @ flat).unflatten(2, (2, -1)).transpose(1, 2)
        return roll.float() + self.bias[:, None, None]

    def height(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B heights"]:
        """Where the frame's middle row lies: weights over the pitches and ``reach`` rows beyond both ends."""
        with torch.autocast(z.device.type, enabled=False):  # a position needs more than bf16's 8 bits
            middle = N_PITCHES / 2 + OCTAVE * self.register(z.float())
            return torch.softmax(-self.log_sharpness.exp() * (self.heights - middle).square(), dim=-1)


class OuterProducts(nn.Module):
    """``sum_r a_r(row) b_r(step)`` for onset and sustain from a hidden vector, scaled by 1/sqrt(rank)."""

    def __init__(self, width: int, rank: int, rows: int, steps: int) -> None:
        super().__init__()
        self.rank, self.rows, self.steps = rank, rows, steps
        self.profiles = nn.Linear(width, 2 * rank * (rows + steps))

    def forward(self, hidden: Float[Tensor, "B width"]) -> Float[Tensor, "B 2 rows steps"]:
        profiles = self.profiles(hidden).unflatten(1, (2, self.rank, self.rows + self.steps))
        over_rows, over_steps = profiles.split([self.rows, self.steps], dim=-1)
        return over_rows.transpose(-1, -2) @ over_steps / math.sqrt(self.rank)


class _Trunk(nn.Module):
    def __init__(self, dim: int, width: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, width), *(ResidualBlock(width) for _ in range(depth)), nn.LayerNorm(width), nn.GELU()
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


def log_odds(density: tuple[float, float]) -> Tensor:
    if not all(0 < d < 1 for d in density):
        raise ValueError(f"`density` must lie between 0 and 1, got {density}")
    return torch.tensor([math.log(d / (1 - d)) for d in density])

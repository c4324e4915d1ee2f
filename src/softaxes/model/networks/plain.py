"""What does the loss give alone? A residual MLP on the flattened frame, in which nothing of time is built.

Register is taken out (`softaxes.model.networks.frames`); that a delay turns the code must be learned, from the loss.
"""

from __future__ import annotations

import torch
from torch import nn

from softaxes.model.networks.blocks import ResidualBlock
from softaxes.model.networks.decoders import DENSITY, log_odds
from softaxes.model.networks.frames import FRAMED, FramedDecoder, FramedEncoder


class PlainEncoder(FramedEncoder):
    """Windows (B, 2, 128, steps) to latents (B, dim): register, chroma, and ``dim - FRAMED`` numbers of an MLP.

    Args:
        steps: window length.
        dim: latent size.
        rows: of the frame.
        width, depth: of the MLP.
    """

    def __init__(self, steps: int = 32, dim: int = 128, rows: int = 48, width: int = 512, depth: int = 3) -> None:
        if dim <= FRAMED:
            raise ValueError(f"`dim` must be > {FRAMED} to hold register and chroma, got {dim}")
        blocks = (ResidualBlock(width) for _ in range(depth))
        content = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * rows * steps, width),
            *blocks,
            nn.LayerNorm(width),
            nn.Linear(width, dim - FRAMED),
        )
        super().__init__(content, rows)


class PlainDecoder(FramedDecoder):
    """Latents of a `PlainEncoder` of the same arguments to log odds of notes; ``density``: of onsets and sustain."""

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        rows: int = 48,
        width: int = 512,
        depth: int = 3,
        density: tuple[float, float] = DENSITY,
    ) -> None:
        blocks = (ResidualBlock(width) for _ in range(depth))
        out = nn.Linear(width, 2 * rows * steps)
        nn.init.normal_(out.weight, std=0.02)
        with torch.no_grad():
            out.bias.copy_(log_odds(density).repeat_interleave(rows * steps))
        content = nn.Sequential(
            nn.Linear(dim - FRAMED, width),
            *blocks,
            nn.LayerNorm(width),
            nn.GELU(),
            out,
            nn.Unflatten(1, (2, rows, steps)),
        )
        super().__init__(content, rows)

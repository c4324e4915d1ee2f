"""What does the loss give alone? A residual MLP on the flattened frame, in which nothing of time is built.

Register is taken out (`softaxes.model.networks.frames`); that a delay turns the code must be learned, from the loss.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from softaxes.model.networks.blocks import ResidualBlock
from softaxes.model.networks.decoders import DENSITY, log_odds
from softaxes.model.networks.frames import CONTRAST, FRAMED, STRETCH, FramedDecoder, FramedEncoder, frame, lowest_row

OVERSAMPLED = 16  # components that are sought beyond those wanted, so that the last of these are right


class PlainEncoder(FramedEncoder):
    """Windows (B, 2, 128, steps) to latents (B, dim): register, chroma, and ``dim - FRAMED`` numbers of an MLP.

    Args:
        steps: window length.
        dim: latent size.
        rows: of the frame.
        width, depth: of the MLP.
    """

    def __init__(self, steps: int = 32, dim: int = 128, rows: int = 48, width: int = 512, depth: int = 3) -> None:
        super().__init__(rows)
        if dim <= FRAMED:
            raise ValueError(f"`dim` must be > {FRAMED} to hold register and chroma, got {dim}")
        blocks = (ResidualBlock(width) for _ in range(depth))
        self.linear = nn.Linear(2 * rows * steps, dim - FRAMED)
        self.layers = nn.Sequential(
            nn.Linear(2 * rows * steps, width), *blocks, nn.LayerNorm(width), nn.Linear(width, dim - FRAMED)
        )

    def content(self, frames: Float[Tensor, "B 2 rows steps"]) -> Float[Tensor, "B content"]:
        flat = frames.flatten(1)
        return self.linear(flat).float() + self.layers(flat).float()


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
        super().__init__(rows)
        blocks = (ResidualBlock(width) for _ in range(depth))
        out = nn.Linear(width, 2 * rows * steps)
        nn.init.normal_(out.weight, std=0.02)
        self.steps = steps
        self.linear = nn.Linear(dim - FRAMED, 2 * rows * steps, bias=False)
        self.layers = nn.Sequential(nn.Linear(dim - FRAMED, width), *blocks, nn.LayerNorm(width), nn.GELU(), out)
        self.bias = nn.Parameter(log_odds(density))

    def content(self, code: Float[Tensor, "B content"]) -> Float[Tensor, "B 2 rows steps"]:
        logits = (self.linear(code).float() + self.layers(code).float()).unflatten(1, (2, self.rows, self.steps))
        return logits + self.bias[:, None, None]


@torch.no_grad()
def start_from_components(encoder: PlainEncoder, decoder: PlainDecoder, windows: Num[Tensor, "B 2 128 steps"]) -> None:
    """Let the linear paths begin at the principal components of ``windows``, in their order: no plane is a harmonic."""
    flat = frame(windows, lowest_row(windows), encoder.rows).flatten(1).float()
    number = min(encoder.linear.out_features, *flat.shape)
    _, _, found = torch.pca_lowrank(flat, q=min(number + OVERSAMPLED, *flat.shape), center=False, niter=3)
    components = found[:, :number]
    encoder.linear.bias.zero_()
    encoder.linear.weight.zero_()[:number] = STRETCH * components.T
    decoder.linear.weight.zero_()[:, :number] = CONTRAST / STRETCH * components

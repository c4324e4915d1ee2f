"""Which networks turn a small image into a latent?

Plain ``nn.Module``s: images (B, 1, side, side) in, latents (B, dim) out. The loss asks for no architecture, so nothing
here knows of kinds or axes: every latent coordinate is an ordinary output of the last layer.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softaxes.model.networks.blocks import ResidualBlock


class PooledConvEncoder(nn.Module):
    """The article's encoder: four 3x3 convolutions (two of stride 2), global average pool, linear; 61,264 parameters.

    The pool forgets where things are, up to what zero padding at the edges leaks: slow to learn position, and kept for
    reproduction. Convolutions run channels-last, and the head in fp32: differences of latents are small against them.
    """

    def __init__(self, dim: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.GELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GELU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.GELU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.GELU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(64, dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b dim"]:
        pooled = self.features(images.contiguous(memory_format=torch.channels_last))
        with torch.autocast(images.device.type, enabled=False):
            return self.head(pooled.float())


class FlatEncoder(nn.Module):
    """All pixels at once through an MLP: position is there from the first step, nothing has to get past a pool."""

    def __init__(self, side: int = 16, dim: int = 16, width: int = 512, depth: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        fan_in = side * side
        for _ in range(depth):
            layers += [nn.Linear(fan_in, width), nn.GELU()]
            fan_in = width
        self.layers = nn.Sequential(*layers, nn.Linear(fan_in, dim))

    def forward(self, images: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b dim"]:
        return self.layers(images)


class ResidualEncoder(nn.Module):
    """``FlatEncoder`` with residual blocks, each normalised first: the same quality in half the steps."""

    def __init__(self, side: int = 16, dim: int = 16, width: int = 256, depth: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(side * side, width))
        self.blocks = nn.Sequential(*(ResidualBlock(width, identity=True) for _ in range(depth)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim))

    def forward(self, images: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b dim"]:
        return self.head(self.blocks(self.stem(images)))


class PixelDecoder(nn.Module):
    """Latents (B, dim) back to image logits (B, 1, side, side), through an MLP."""

    def __init__(self, side: int = 16, dim: int = 16, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, width), nn.GELU(),
            nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, side * side), nn.Unflatten(1, (1, side, side)),
        )  # fmt: skip

    def forward(self, z: Float[Tensor, "b dim"]) -> Float[Tensor, "b 1 side side"]:
        return self.layers(z)

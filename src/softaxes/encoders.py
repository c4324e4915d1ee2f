"""Which networks turn a small image into a latent?

Plain ``nn.Module``s: images (B, 1, side, side) in, latents (B, dim) out. The loss asks for no architecture, so nothing
here knows of kinds or axes: every latent coordinate is an ordinary output of the last layer.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class PooledConvEncoder(nn.Module):
    """The article's encoder: four 3x3 convolutions (two of stride 2), global average pool, linear; 61,264 parameters.

    The pool forgets where things are, up to what zero padding at the edges leaks: slow to learn position, and kept for
    reproduction.
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

    def forward(self, images: Float[Tensor, "b 1 side side"]) -> Float[Tensor, "b dim"]:
        return self.head(self.features(images))


class FlatEncoder(nn.Module):
    """All pixels at once through an MLP: position is there from the first step, nothing has to leak past a pool."""

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

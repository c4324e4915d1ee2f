"""Which networks show what the others gain? Two that know less of music, each (B, 2, 128, steps) -> (B, dim).

RollViT          a small vision transformer with semitone resolution, for GPUs.
StridedEncoder   patches of several semitones, the usual stem. A shift by less than a patch is no shift of its
                 grid, so it is aliased.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor, nn

from softaxes.model.networks.blocks import N_PITCHES, ResidualBlock


class RollViT(nn.Module):
    """A transformer over tokens of one pitch and ``patch`` steps; silent tokens are not attended to.

    128 rows times ``steps / patch`` tokens with learned positions, a class token, and a head on the class token beside
    the mean of the sounding tokens. Far slower than the default on CPUs; attention is exact and has no stride in
    pitch, so nothing is aliased, but nothing commutes with transposition either before it is learned.

    Args:
        steps, dim: as everywhere; ``patch`` must divide ``steps``.
        width: of a token, a multiple of ``heads``.
        depth, heads: of the transformer.
        patch: steps to a token.
    """

    def __init__(
        self, steps: int = 32, dim: int = 128, width: int = 192, depth: int = 6, heads: int = 6, patch: int = 8
    ) -> None:
        super().__init__()
        if patch < 1 or steps % patch:
            raise ValueError(f"`patch` must divide the window of {steps} steps, got {patch}")
        if width % heads:
            raise ValueError(f"`width` must be a multiple of {heads} heads, got {width}")
        self.patch = patch
        self.embed = nn.Linear(2 * patch, width)
        self.row = nn.Parameter(torch.randn(N_PITCHES, 1, width) * 0.02)
        self.column = nn.Parameter(torch.randn(1, steps // patch, width) * 0.02)
        self.summary = nn.Parameter(torch.randn(width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(2 * width)
        self.head = nn.Linear(2 * width, dim)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        patches = windows.to(_dtype(self)).unflatten(3, (-1, self.patch))  # (B, 2, 128, columns, patch)
        patches = patches.permute(0, 2, 3, 1, 4).flatten(3)
        sounds = (patches.amax(-1) > 0).flatten(1)
        tokens = (self.embed(patches) + self.row + self.column).flatten(1, 2)
        tokens = torch.cat([self.summary.to(tokens.dtype).expand(len(tokens), 1, -1), tokens], dim=1)
        tokens = self.layers(tokens, src_key_padding_mask=_silent(sounds))
        number = sounds.sum(1, keepdim=True).clamp_min(1)
        mean = (tokens[:, 1:] * sounds[..., None].to(tokens.dtype)).sum(1) / number.to(tokens.dtype)
        return self.head(self.norm(torch.cat([tokens[:, 0], mean], dim=1))).float()


def _silent(sounds: Bool[Tensor, "B n"]) -> Bool[Tensor, "B n_1"]:
    """What attention leaves out: silent tokens, never the class token in front."""
    return torch.cat([torch.zeros_like(sounds[:, :1]), ~sounds], dim=1)


class StridedEncoder(nn.Module):
    """Patches of ``rows`` semitones by ``columns`` steps, convolutions over their grid, then an MLP: it aliases.

    Args:
        steps, dim: as everywhere; ``columns`` must divide ``steps`` and ``rows`` the 128 pitches.
        channels: of the convolutions.
        width, depth: of the MLP.
    """

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 256,
        depth: int = 2,
        channels: int = 48,
        rows: int = 4,
        columns: int = 4,
    ) -> None:
        super().__init__()
        if rows < 1 or columns < 1 or N_PITCHES % rows or steps % columns:
            raise ValueError(f"`rows` and `columns` must divide {N_PITCHES} and {steps}, got {rows} and {columns}")
        self.stem = nn.Conv2d(2, channels, (rows, columns), stride=(rows, columns))
        self.mix = nn.Sequential(
            nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.GELU(), nn.Conv2d(channels, channels, 3, padding=1), nn.GELU(),
        )  # fmt: skip
        self.head = _mlp(channels * (N_PITCHES // rows) * (steps // columns), width, depth, dim)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        return self.head(self.mix(self.stem(windows.to(_dtype(self)))).flatten(1)).float()


def _mlp(fan_in: int, width: int, depth: int, fan_out: int) -> nn.Sequential:
    blocks = (ResidualBlock(width) for _ in range(depth))
    return nn.Sequential(nn.Linear(fan_in, width), *blocks, nn.LayerNorm(width), nn.GELU(), nn.Linear(width, fan_out))


def _dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype

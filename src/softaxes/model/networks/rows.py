"""Which network turns a window of piano roll into a latent without blurring its shifts?

Windows (B, 2, 128, steps) in, latents (B, dim) out. A shift that the network's grid cannot represent is aliased, and
every axis with it. The default therefore treats each of the 128 pitches as a position and commutes with transposition
until it pools. What it pools is partly blind to register and partly register itself; nothing says which latent
coordinate gets what: that is the loss's business.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.model.networks.blocks import N_PITCHES, OCTAVE, ResidualBlock, attend, autocast_dtype


class RowPoolEncoder(nn.Module):
    """Rows of the roll are mixed, then learned attention pools them.

    Each pitch is a row with the window's steps as features. Each takes in the sum of all rows below and above it, which
    commutes with transposition at any distance. Then three kinds of pool over sounding rows: mean and maximum; the roll
    around an attended row (``heads`` of them, ``reach`` semitones each way); and the mean height of attended rows
    (``centroids``). A residual MLP mixes them all.

    Args:
        steps: window length.
        dim: latent size.
        width, depth: of the MLP.
        rows: features of a row.
        heads, reach, centroids: see above.
    """

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 512,
        depth: int = 2,
        rows: int = 32,
        heads: int = 1,
        reach: int = 24,
        centroids: int = 8,
    ) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.row = nn.Linear(2 * steps, rows)
        self.mix = nn.Linear(3 * rows, rows)
        self.score = nn.Linear(rows, heads + centroids)
        self.feature = nn.Linear(rows, rows)
        self.around = nn.Linear(heads * (2 * reach + 1) * 2 * steps, width)
        self.pooled = nn.Linear(2 * rows, width)
        self.height = nn.Linear(heads + centroids, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.head = nn.Linear(width, dim)
        self.register_buffer("octaves", (torch.arange(N_PITCHES) - N_PITCHES / 2) / OCTAVE, persistent=False)
        self.register_buffer("under", torch.ones(N_PITCHES, N_PITCHES).tril(-1), persistent=False)

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        sounding = (windows.amax((1, 3)) > 0)[..., None]  # (B, 128, 1)
        roll = windows.transpose(1, 2).flatten(2).to(autocast_dtype(self.head.weight))  # (B, 128, 2 steps)
        rows = self._rows(roll, sounding)
        attention = attend(self.score(rows), sounding)  # (B, 128, heads + centroids), fp32
        height = torch.einsum("bpk,p->bk", attention, self.octaves)
        around = self._around(roll, attention[..., : self.heads])
        mixed = self.around(around) + self.pooled(_mean_and_max(self.feature(rows), sounding))
        mixed = mixed + self.height(height.to(mixed.dtype))
        return self.head(self.blocks(F.gelu(self.norm(mixed))))

    def _rows(self, roll: Tensor, sounding: Tensor) -> Float[Tensor, "B 128 rows"]:
        """Each row's features, mixed with the sums of what sounds below and above it."""
        rows = F.gelu(self.row(roll)) * sounding.to(roll.dtype)
        number = sounding.sum(1, keepdim=True).clamp_min(1).to(rows.dtype)
        under = torch.as_tensor(self.under, dtype=rows.dtype)
        return F.gelu(self.mix(torch.cat([rows, under @ rows / number, under.T @ rows / number], dim=-1)))

    def _around(self, roll: Tensor, attention: Float[Tensor, "B 128 heads"]) -> Float[Tensor, "B features"]:
        """The roll around the attended row: sum over p of attention[p] roll[p + q], |q| <= reach.

        The attention becomes a Toeplitz matrix, so this is one matrix product; offsets run from high to low.
        """
        span = 2 * self.reach + 1
        padded = F.pad(roll, (0, 0, self.reach, self.reach))
        kernel = F.pad(attention.transpose(1, 2).to(roll.dtype), (span - 1, span - 1))
        toeplitz = kernel.unfold(-1, N_PITCHES + 2 * self.reach, 1)  # (B, heads, span, 128 + 2 reach)
        return (toeplitz.flatten(1, 2) @ padded).flatten(1)


def _mean_and_max(features: Tensor, sounding: Tensor) -> Float[Tensor, "B features"]:
    """Mean and maximum over sounding rows; zeros where nothing sounds."""
    number = sounding.sum(1).clamp_min(1).to(features.dtype)
    mean = (features * sounding.to(features.dtype)).sum(1) / number
    largest = features.masked_fill(~sounding, -1e4).amax(1)
    return torch.cat([mean, torch.where(sounding.any(1), largest, torch.zeros_like(largest))], dim=-1)

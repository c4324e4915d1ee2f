"""Which network turns its code when music is delayed? One that commutes with delay, and has nothing to learn of it.

    frame -> 1x1 convolution -> residual circular convolutions along time -> Fourier transform along time
          -> harmonic k: a complex linear map to as many numbers as it has planes

A circular delay by j steps turns every plane of harmonic k by ``2 pi k j / steps``, exactly, whatever the weights are.
The decoder is the mirror image. A delay of real music is circular but for what streams in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softaxes.model.networks.decoders import DENSITY, log_odds
from softaxes.model.networks.frames import FramedDecoder, FramedEncoder


class TurningEncoder(FramedEncoder):
    """Windows to latents: register, chroma, ``2 sum(planes)`` numbers that turn, ``invariants`` that do not.

    Args:
        steps: window length, even.
        planes: how many planes harmonic 1, 2, ... steps/2 has.
        invariants: numbers of harmonic 0.
        rows: of the frame.
        width, depth, kernel, groups: of the convolutions along time.
    """

    def __init__(
        self,
        steps: int = 32,
        planes: Sequence[int] = (3, 4) * 8,
        invariants: int = 7,
        rows: int = 48,
        width: int = 192,
        depth: int = 3,
        kernel: int = 5,
        groups: int = 4,
    ) -> None:
        blocks = (CircularBlock(width, kernel, groups) for _ in range(depth))
        content = nn.Sequential(
            nn.Flatten(1, 2),
            nn.Conv1d(2 * rows, width, 1),
            *blocks,
            nn.GroupNorm(1, width),
            ToPlanes(width, steps, planes, invariants),
        )
        super().__init__(content, rows)


class TurningDecoder(FramedDecoder):
    """Latents of a `TurningEncoder` of the same arguments to log odds of notes; ``density``: of onsets and sustain."""

    def __init__(
        self,
        steps: int = 32,
        planes: Sequence[int] = (3, 4) * 8,
        invariants: int = 7,
        rows: int = 48,
        width: int = 192,
        depth: int = 3,
        kernel: int = 5,
        groups: int = 4,
        density: tuple[float, float] = DENSITY,
    ) -> None:
        blocks = (CircularBlock(width, kernel, groups) for _ in range(depth))
        out = nn.Conv1d(width, 2 * rows, 1)
        nn.init.normal_(out.weight, std=0.02)
        with torch.no_grad():
            out.bias.copy_(log_odds(density).repeat_interleave(rows))  # type: ignore[union-attr]
        content = nn.Sequential(
            FromPlanes(width, steps, planes, invariants),
            *blocks,
            nn.GroupNorm(1, width),
            nn.GELU(),
            out,
            nn.Unflatten(1, (2, rows)),
        )
        super().__init__(content, rows)


class CircularBlock(nn.Module):
    """Norm, circular convolution along time, GELU, 1x1 convolution, plus the input."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, padding_mode="circular", groups=groups),
            nn.GELU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Float[Tensor, "B width steps"]) -> Float[Tensor, "B width steps"]:
        return x + self.layers(x)


class _Harmonics(nn.Module):
    """One complex matrix (width, planes) a harmonic, padded to the most planes of any; which of them are there."""

    def __init__(self, width: int, steps: int, planes: Sequence[int], invariants: int, scale: float) -> None:
        super().__init__()
        if steps % 2 or len(planes) != steps // 2:
            raise ValueError(f"`planes` must have one number for each harmonic 1..{steps / 2:g}, got {len(planes)}")
        self.steps, counts = steps, [*planes, -(-invariants // 2)]
        most = max(counts)
        self.weight = nn.Parameter(scale * torch.randn(len(counts), width, most, 2))
        used = torch.arange(most) < torch.tensor(counts)[:, None]
        place = used[..., None].expand(-1, -1, 2).flatten().nonzero()[:, 0]
        self.register_buffer("place", place[: 2 * sum(planes) + invariants], persistent=False)
        self.shape = (len(counts), most, 2)

    def maps(self) -> Tensor:
        """Complex (1 + steps/2, width, most): harmonic 0 last, as its numbers stand last in the code."""
        return torch.view_as_complex(self.weight.float())


class ToPlanes(_Harmonics):
    """Sequences (B, width, steps) to ``2 sum(planes) + invariants`` numbers, lowest harmonic first, invariants last.

    Of harmonics 0 and steps/2, whose spectrum is real, a complex map makes pairs of real numbers.
    """

    def __init__(self, width: int, steps: int, planes: Sequence[int], invariants: int) -> None:
        super().__init__(width, steps, planes, invariants, (2 * width) ** -0.5)

    def forward(self, sequence: Float[Tensor, "B width steps"]) -> Float[Tensor, "B content"]:
        with torch.autocast(sequence.device.type, enabled=False):
            spectrum = torch.fft.rfft(sequence.float(), dim=2, norm="ortho").conj()  # a delay turns forwards
            spectrum = spectrum.roll(-1, dims=2).permute(2, 0, 1)
            code = torch.view_as_real((spectrum @ self.maps()).transpose(0, 1).contiguous())
            return code.flatten(1)[:, self.place]


class FromPlanes(_Harmonics):
    """The way back: numbers of a code to sequences (B, width, steps)."""

    def __init__(self, width: int, steps: int, planes: Sequence[int], invariants: int) -> None:
        super().__init__(width, steps, planes, invariants, (2 * max(planes)) ** -0.5)

    def forward(self, code: Float[Tensor, "B content"]) -> Float[Tensor, "B width steps"]:
        with torch.autocast(code.device.type, enabled=False):
            padded = code.new_zeros(len(code), math.prod(self.shape), dtype=torch.float32)
            padded[:, self.place] = code.float()
            planes = torch.view_as_complex(padded.unflatten(1, self.shape)).transpose(0, 1)
            spectrum = (planes @ self.maps().transpose(1, 2)).permute(1, 2, 0).roll(1, dims=2).conj()
            return torch.fft.irfft(spectrum, n=self.steps, dim=2, norm="ortho")

"""Which network turns its code when music is delayed? One that commutes with delay, and has nothing to learn of it.

    frame -> 1x1 convolution -> residual circular convolutions along time, beside the frame itself
          -> Fourier transform along time -> harmonic k: a complex linear map to as many numbers as it has planes

A circular delay by j steps turns every plane of harmonic k by ``2 pi k j / steps``, exactly, whatever the weights are.
The decoder is the mirror image. A delay of real music is circular but for what streams in.

`start_from_components` lets both begin as the best linear code, from which the convolutions go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.model.networks.decoders import DENSITY, log_odds
from softaxes.model.networks.frames import CONTRAST, STRETCH, FramedDecoder, FramedEncoder, frame, lowest_row

BESIDE = 0.1  # weight of the convolutions beside the frame at the start
GROUPS = 8  # of channels that are normalised together
PLANES = (3, 4) * 7 + (3, 2)  # of harmonics 1..16 in a window of 32 steps


class TurningEncoder(FramedEncoder):
    """Windows to latents: register, chroma, ``2 sum(planes)`` numbers that turn, ``invariants`` that do not.

    Args:
        steps: window length, even.
        planes: how many planes harmonic 1, 2, ... steps/2 has.
        invariants: numbers of harmonic 0.
        rows: of the frame.
        width, depth, kernel, groups: of the convolutions along time; ``width`` is a multiple of 8.
    """

    def __init__(
        self,
        steps: int = 32,
        planes: Sequence[int] = PLANES,
        invariants: int = 7,
        rows: int = 48,
        width: int = 192,
        depth: int = 3,
        kernel: int = 5,
        groups: int = 4,
    ) -> None:
        blocks = (CircularBlock(width, kernel, groups) for _ in range(depth))
        super().__init__(rows)
        self.along = nn.Sequential(nn.Conv1d(2 * rows, width, 1), *blocks, nn.GroupNorm(GROUPS, width))
        self.to_planes = ToPlanes(width + 2 * rows, steps, planes, invariants)
        with torch.no_grad():
            self.to_planes.weight[:, :width] *= BESIDE

    def content(self, frames: Float[Tensor, "B 2 rows steps"]) -> Float[Tensor, "B content"]:
        rows = frames.flatten(1, 2)
        return self.to_planes(torch.cat([self.along(rows).float(), rows], dim=1))


class TurningDecoder(FramedDecoder):
    """Latents of a `TurningEncoder` of the same arguments to log odds of notes; ``density``: of onsets and sustain."""

    def __init__(
        self,
        steps: int = 32,
        planes: Sequence[int] = PLANES,
        invariants: int = 7,
        rows: int = 48,
        width: int = 192,
        depth: int = 3,
        kernel: int = 5,
        groups: int = 4,
        density: tuple[float, float] = DENSITY,
    ) -> None:
        super().__init__(rows)
        blocks = (CircularBlock(width, kernel, groups) for _ in range(depth))
        out = nn.Conv1d(width, 2 * rows, 1)
        nn.init.normal_(out.weight, std=0.02)
        self.width = width
        self.from_planes = FromPlanes(width + 2 * rows, steps, planes, invariants)
        self.along = nn.Sequential(*blocks, nn.GroupNorm(GROUPS, width), nn.GELU(), out)
        self.bias = nn.Parameter(log_odds(density))

    def content(self, code: Float[Tensor, "B content"]) -> Float[Tensor, "B 2 rows steps"]:
        along, rows = self.from_planes(code).split([self.width, 2 * self.rows], dim=1)
        return (self.along(along).float() + rows).unflatten(1, (2, -1)) + self.bias[:, None, None]


class CircularBlock(nn.Module):
    """Norm, circular convolution along time, GELU, 1x1 convolution, plus the input."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        if width < GROUPS or width % GROUPS:
            raise ValueError(f"`width` must be a multiple of {GROUPS}, got {width}")
        self.layers = nn.Sequential(
            nn.GroupNorm(GROUPS, width),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, padding_mode="circular", groups=groups),
            nn.GELU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Float[Tensor, "B width steps"]) -> Float[Tensor, "B width steps"]:
        return x + self.layers(x)


class _Harmonics(nn.Module):
    """One complex matrix (channels, planes) a harmonic, padded to the most planes of any; which of them are there.

    Harmonic 0 stands last, as its numbers stand last in the code.
    """

    place: Tensor

    def __init__(self, channels: int, steps: int, planes: Sequence[int], invariants: int, scale: float) -> None:
        super().__init__()
        if steps % 2:
            raise ValueError(f"`steps` must be even, got {steps}")
        if len(planes) != steps // 2 or min(planes, default=-1) < 0 or invariants < 0:
            need = f"`planes` must have a number >= 0 for each harmonic 1..{steps // 2}, `invariants` one"
            raise ValueError(f"{need}, got {tuple(planes)}, {invariants}")
        if not any(planes) and not invariants:
            raise ValueError("`planes` and `invariants` must leave a code, got none")
        self.steps, self.counts, self.code = steps, [*planes, -(-invariants // 2)], 2 * sum(planes) + invariants
        most = max(self.counts)
        self.weight = nn.Parameter(scale * torch.randn(len(self.counts), channels, most, 2))
        used = torch.arange(most) < torch.tensor(self.counts)[:, None]
        place = used[..., None].expand(-1, -1, 2).flatten().nonzero()[: self.code, 0]
        self.register_buffer("place", place, persistent=False)

    def maps(self) -> Tensor:
        """Complex (1 + steps/2, channels, most)."""
        return torch.view_as_complex(self.weight.float())


class ToPlanes(_Harmonics):
    """Sequences (B, channels, steps) to ``2 sum(planes) + invariants`` numbers, lowest harmonic first, invariants last.

    Of harmonics 0 and steps/2, whose spectrum is real, a complex map makes pairs of real numbers.
    """

    def __init__(self, channels: int, steps: int, planes: Sequence[int], invariants: int) -> None:
        super().__init__(channels, steps, planes, invariants, (2 * channels) ** -0.5)

    def forward(self, sequence: Float[Tensor, "B channels steps"]) -> Float[Tensor, "B content"]:
        with torch.autocast(sequence.device.type, enabled=False):
            code = torch.view_as_real((spectrum_of(sequence) @ self.maps()).transpose(0, 1).contiguous())
            return code.flatten(1)[:, self.place]


class FromPlanes(_Harmonics):
    """The way back: numbers of a code to sequences (B, channels, steps)."""

    def __init__(self, channels: int, steps: int, planes: Sequence[int], invariants: int) -> None:
        super().__init__(channels, steps, planes, invariants, (2 * max(1, *planes)) ** -0.5)

    def forward(self, code: Float[Tensor, "B content"]) -> Float[Tensor, "B channels steps"]:
        with torch.autocast(code.device.type, enabled=False):
            shape = (len(self.counts), max(self.counts), 2)
            padded = code.new_zeros(len(code), math.prod(shape), dtype=torch.float32)
            padded[:, self.place] = code.float()
            planes = torch.view_as_complex(padded.unflatten(1, shape)).transpose(0, 1)
            spectrum = (planes @ self.maps().transpose(1, 2)).permute(1, 2, 0).roll(1, dims=2).conj()
            return torch.fft.irfft(spectrum, n=self.steps, dim=2, norm="ortho")


def spectrum_of(sequence: Float[Tensor, "B channels steps"]) -> Tensor:
    """Complex (1 + steps/2, B, channels): harmonics 1, 2, ..., 0; a delay turns them forwards."""
    spectrum = torch.fft.rfft(sequence.float(), dim=2, norm="ortho").conj()
    return spectrum.roll(-1, dims=2).permute(2, 0, 1)


@torch.no_grad()
def start_from_components(
    encoder: TurningEncoder, decoder: TurningDecoder, windows: Num[Tensor, "B 2 128 steps"]
) -> None:
    """Let both begin as the best linear code of ``windows``: the principal components of each harmonic's spectrum.

    Minutes of gradient descent from a random start do not get as far (docs/LOG.md, 2026-11-28).
    """
    rows, width = 2 * encoder.rows, decoder.width
    spectra = spectrum_of(frame(windows, lowest_row(windows), encoder.rows).flatten(1, 2).float())
    for harmonic, (count, spectrum) in enumerate(zip(encoder.to_planes.counts, spectra, strict=True)):
        real = harmonic >= len(spectra) - 2  # harmonics steps/2 and 0: each of two real components takes half a plane
        x = spectrum.real if real else spectrum
        wanted = 2 * count if real else count
        components = torch.linalg.eigh(x.mH @ x)[1].flip(1)[:, :wanted]
        components = F.pad(components, (0, wanted - components.shape[1]))  # there are no more than channels
        if real:
            components = torch.complex(components[:, 0::2], -components[:, 1::2])
        encoder.to_planes.weight[harmonic, width : width + rows, :count] = STRETCH * torch.view_as_real(components)
        back = CONTRAST / STRETCH * torch.view_as_real(components.conj().resolve_conj())
        decoder.from_planes.weight[harmonic, width : width + rows, :count] = back

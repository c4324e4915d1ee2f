"""Which code reads a window in its own register and from its own bar line, yet forces neither?

`AlignedEncoder` canonicalizes before it codes (Kaba et al. 2023, learned canonicalization). Attention over sounding
rows, which commutes with transposition, gives the pitch to which the window is moved; a circular convolution along the
steps, which commutes with delay, gives the bar line. The window moved to both is the *frame*. The frame, and the
interval-lag autocorrelation of the onsets (which no shift changes), are coded by linear maps and a residual MLP: the
canonical features. The *pose*, by which the window was moved, enters the latent linearly. `AlignedDecoder` is the way
back: decode the frame, then move it to its pose.

Both have an analytic starting point, see `softaxes.model.networks.aligned_start`.

Conventions: rolls (B, 2, 128, steps); latents (B, dim); frame (B, 2, span, steps), rows ``-low .. high`` semitones
around the attended row, its first row the lowest. ``downbeat`` (B, period): weights of the places in the window's first
bar where a bar line may lie, adding to 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.model.networks.blocks import N_PITCHES, OCTAVE, ResidualBlock, attend, autocast_dtype
from softaxes.model.networks.decoders import DENSITY, log_odds

SHARPNESS = 5.0  # of the first guess, the lowest sounding row: each row below costs exp(-5)
INTERVALS, LAGS = 12, 16  # semitones up and down, steps
AUTOCORRELATIONS = (2 * INTERVALS + 1) * LAGS
REGISTER_GRADIENT, WAVES_GRADIENT = 0.02, 0.2  # a frame at a wrong pose misses every note: it would drown all others


class Canonical(NamedTuple):
    """A window moved to its attended pitch, and the pose by which it was moved.

    ``row`` and ``downbeat`` are probabilities of the attended pitch and of the places of bar lines.
    """

    frame: Float[Tensor, "B 2 span steps"]
    autocorrelation: Float[Tensor, "B autocorrelations"]
    row: Float[Tensor, "B 128"]
    downbeat: Float[Tensor, "B period"]
    height: Float[Tensor, "B heights"]
    time: Float[Tensor, "B times"]
    running: Float[Tensor, "B 1"]


class AlignedEncoder(nn.Module):
    """See the module.

    Args:
        steps: window length; a multiple of ``period``.
        dim: latent size.
        width, depth: of the MLP.
        low, high: semitones of the frame below and above the attended row.
        rows: features of a row of the roll.
        period: steps of a bar.
        channels: of the convolutions along rows and steps.
        places: mean heights and mean times in the pose besides the attended row and the bar line.
    """

    octaves: Tensor
    bars: Tensor

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 384,
        depth: int = 2,
        low: int = 12,
        high: int = 24,
        rows: int = 16,
        period: int = 16,
        channels: int = 32,
        places: int = 4,
    ) -> None:
        super().__init__()
        if steps % period:
            raise ValueError(f"`steps` must be a multiple of `period` ({period}), got {steps}")
        self.low, self.high, self.span, self.steps, self.period = low, high, low + high + 1, steps, period
        self.row = nn.Linear(2 * steps, rows)
        self.beside = nn.Conv1d(rows, rows, 2 * int(OCTAVE) + 1, padding=int(OCTAVE))
        self.row_score = nn.Linear(rows, 1 + places)
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.column = nn.Conv1d(2 * self.span, channels, 1)
        self.along = nn.Sequential(
            *(nn.Conv1d(channels, channels, 17, padding=8, padding_mode="circular"), nn.GELU()),
            *(nn.Conv1d(channels, channels, 9, padding=4, padding_mode="circular"), nn.GELU()),
        )
        self.downbeat_score = nn.Conv1d(channels, 1, 1)
        self.time_score = nn.Conv1d(channels, places, 1)
        self.silence = nn.Linear(1, 1)
        self.frame_linear = nn.Linear(2 * self.span * steps, dim)
        self.frame_hidden = nn.Linear(2 * self.span * steps, width)
        self.autocorrelation_linear = nn.Linear(AUTOCORRELATIONS, dim)
        self.autocorrelation_hidden = nn.Linear(AUTOCORRELATIONS, width)
        self.blocks = nn.Sequential(nn.GELU(), *(ResidualBlock(width) for _ in range(depth)), nn.LayerNorm(width))
        self.head = nn.Linear(width, dim)
        self.pose = nn.Linear(1 + places + period + places, dim, bias=False)
        self.register_buffer("octaves", (torch.arange(N_PITCHES) - N_PITCHES / 2) / OCTAVE, persistent=False)
        self.register_buffer("bars", (torch.arange(steps) - (steps - 1) / 2) / period, persistent=False)
        nn.init.normal_(self.pose.weight, std=0.01)
        nn.init.zeros_(self.head.weight)  # nothing of the MLP may blur the pose at the start
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.row_score.weight, std=0.01)  # the lowest row is the first guess
        nn.init.constant_(self.silence.weight, -16.0)
        nn.init.constant_(self.silence.bias, 4.0)  # running, unless a quarter of the window is silent at its ends

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        canonical = self.canonicalize(windows)
        return self.code(canonical, straight_through(canonical.downbeat))

    def canonicalize(self, windows: Num[Tensor, "B 2 128 steps"], *, autocorrelation: bool = True) -> Canonical:
        """The window moved to its attended pitch, and its pose. ``autocorrelation`` False leaves that one empty."""
        roll = windows.transpose(1, 2).flatten(2).to(autocast_dtype(self.head.weight))  # (B, 128, 2 steps)
        sounding = (windows.amax((1, 3)) > 0)[..., None]  # (B, 128, 1)
        attention = attend(self._row_scores(roll, sounding), sounding)
        row = attention[..., 0]
        attention = torch.cat([straight_through(row)[..., None], attention[..., 1:]], dim=-1)
        height = torch.einsum("bpk,p->bk", attention, self.octaves)
        frame = self._frame(roll, attention[..., 0])
        hidden = F.gelu(self.column(frame.flatten(1, 2)))
        hidden = hidden + self.along(hidden)
        silent = frame.amax((1, 2)) <= 0  # (B, steps)
        downbeat = self.downbeat_score(hidden).float()[:, 0].unflatten(1, (-1, self.period)).sum(1).softmax(-1)
        steps = self.time_score(hidden).float().masked_fill(silent[:, None], -1e4).softmax(-1)
        ends = (silent.cummin(1).values.sum(1) + silent.flip(1).cummin(1).values.sum(1))[:, None] / self.steps
        running = torch.sigmoid(self.silence(ends.float()).float())
        lags = interval_lag_autocorrelation(windows[:, 0]) if autocorrelation else windows.new_zeros(len(windows), 0)
        return Canonical(frame, lags, row, downbeat, height, steps @ self.bars, running)

    def code(self, canonical: Canonical, downbeat: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The latent: `content` and `pose_code`."""
        return self.content(canonical, downbeat) + self.pose_code(canonical, downbeat)

    def content(self, canonical: Canonical, downbeat: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The code of the canonical features: the frame, rolled back by ``downbeat``, and the autocorrelation."""
        frame = self.frame_at_bar_line(canonical, downbeat).flatten(1)
        lags = canonical.autocorrelation.to(frame.dtype)
        hidden = self.blocks(self.frame_hidden(frame) + self.autocorrelation_hidden(lags))
        return self.frame_linear(frame).float() + self.autocorrelation_linear(lags).float() + self.head(hidden).float()

    def frame_at_bar_line(
        self, canonical: Canonical, downbeat: Float[Tensor, "B period"]
    ) -> Float[Tensor, "B 2 span steps"]:
        """The frame, rolled back circularly so that it starts at its bar line."""
        back = circular_shifts(downbeat, self.steps).to(canonical.frame.dtype).transpose(1, 2)
        return canonical.frame @ back[:, None]

    def pose_code(self, canonical: Canonical, downbeat: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The code of the pose, in fp32: a place needs more than bf16's 8 bits."""
        with torch.autocast(downbeat.device.type, enabled=False):
            weights = downbeat.float() * canonical.running
            return self.pose(torch.cat([canonical.height, weights, canonical.time], dim=-1).float())

    def _row_scores(self, roll: Tensor, sounding: Tensor) -> Float[Tensor, "B 128 places"]:
        mask = sounding.to(roll.dtype)
        rows = F.gelu(self.row(roll)) * mask
        rows = rows + F.gelu(self.beside(rows.transpose(1, 2)).transpose(1, 2)) * mask
        below = sounding.float().cumsum(1) - 1
        first = F.pad(self.sharpness * below, (0, self.row_score.out_features - 1))
        return self.row_score(rows).float() - first

    def _frame(self, roll: Tensor, attention: Float[Tensor, "B 128"]) -> Float[Tensor, "B 2 span steps"]:
        """Row i: ``sum_p attention[p] roll[p + i - low]``; the attention as a Toeplitz matrix makes it one product."""
        padded = F.pad(roll, (0, 0, self.low, self.high))  # row p + i of it is roll row p + i - low
        kernel = F.pad(attention.to(roll.dtype), (self.span - 1, self.span - 1))
        toeplitz = kernel.unfold(-1, N_PITCHES + self.span - 1, 1).flip(1)  # [i, q] = attention[q - i]
        return (toeplitz @ padded).unflatten(2, (2, -1)).transpose(1, 2)


class AlignedDecoder(nn.Module):
    """See the module. Logits (B, 2, 128, steps) of onset and sustain.

    The place in pitch is a soft position, ``softmax(-sharpness (p - mu)^2)`` with ``mu`` linear in z. The log-odds of
    the places in the bar are waves of the bar and the beat, linear in z, so that turning the circles' planes turns
    them; a small network corrects them for isolated motifs, whose place is on a line.
    """

    wave: Tensor
    heights: Tensor

    def __init__(
        self,
        steps: int = 32,
        dim: int = 128,
        width: int = 384,
        depth: int = 2,
        low: int = 12,
        high: int = 24,
        period: int = 16,
        harmonics: tuple[int, ...] = (1, 4),
        density: tuple[float, float] = DENSITY,
    ) -> None:
        super().__init__()
        self.low, self.high, self.span, self.steps, self.period = low, high, low + high + 1, steps, period
        self.frame_linear = nn.Linear(dim, 2 * self.span * steps)
        self.hidden = nn.Sequential(
            nn.Linear(dim, width), *(ResidualBlock(width) for _ in range(depth)), nn.LayerNorm(width), nn.GELU()
        )  # fmt: skip
        self.frame_residual = nn.Linear(width, 2 * self.span * steps)
        self.register = nn.Linear(dim, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(1.5))
        self.waves = nn.Linear(dim, 2 * len(harmonics))
        corrects = nn.Linear(64, period)
        self.correction = nn.Sequential(nn.Linear(dim, 64), nn.GELU(), corrects)
        self.bias = nn.Parameter(log_odds(density))
        angle = 2 * math.pi * torch.outer(torch.tensor(harmonics).float(), torch.arange(period).float()) / period
        self.register_buffer("wave", torch.stack([angle.cos(), angle.sin()], 1).flatten(0, 1), persistent=False)
        self.register_buffer("heights", torch.arange(-high, N_PITCHES + low).float(), persistent=False)
        for layer in (self.frame_residual, corrects):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B 2 128 steps"]:
        frame = self.frame_linear(z) + self.frame_residual(self.hidden(z))
        frame = frame.unflatten(1, (2 * self.span, self.steps))
        frame = frame @ circular_shifts(self.downbeat(z), self.steps).to(frame.dtype)
        frame = frame.unflatten(1, (2, self.span)).transpose(1, 2).flatten(2)  # (B, span, 2 steps)
        toeplitz = self.height(z).to(frame.dtype).unfold(1, self.span, 1).flip(2)  # [p, i]: row i lies at p
        roll = (toeplitz @ frame).unflatten(2, (2, -1)).transpose(1, 2)
        return roll.float() + self.bias[:, None, None]

    def height(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B heights"]:
        """Where the attended row lies: weights over pitches -high .. 127 + low."""
        with torch.autocast(z.device.type, enabled=False):  # a position needs more than bf16's 8 bits
            middle = N_PITCHES / 2 + OCTAVE * scale_gradient(self.register(z.float()), REGISTER_GRADIENT)
            return torch.softmax(-self.log_sharpness.exp() * (self.heights - middle).square(), dim=-1)

    def downbeat(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B period"]:
        """Where the bar line lies: softmax over the places in a bar."""
        with torch.autocast(z.device.type, enabled=False):
            waves = scale_gradient(self.waves(z.float()), WAVES_GRADIENT)
            return (waves @ self.wave + self.correction(z.float())).softmax(-1)


def scale_gradient(x: Tensor, share: float) -> Tensor:
    """``x`` with ``share`` of its gradient."""
    return share * x + (1 - share) * x.detach()


def straight_through(probability: Float[Tensor, "B n"]) -> Float[Tensor, "B n"]:
    """1 where the probability is largest, else 0, with the gradient of the probability (Bengio et al. 2013)."""
    hard = F.one_hot(probability.argmax(-1), probability.shape[-1]).to(probability)
    return hard + probability - probability.detach()


@torch.no_grad()
def interval_lag_autocorrelation(onsets: Num[Tensor, "B 128 steps"]) -> Float[Tensor, "B autocorrelations"]:
    """Square root of how often an onset is followed by one ``d`` semitones higher (-12 .. 12) after 0 .. 15 steps.

    Two-point statistics of the window: transposition leaves them alone, and delay all but what enters and leaves. Rows
    0 and 127 count as neighbours, which no music notices.
    """
    steps = onsets.shape[-1]
    with torch.autocast(onsets.device.type, enabled=False):
        spectrum = torch.fft.rfft2(onsets.float(), s=(N_PITCHES, 2 * steps))
        counts = torch.fft.irfft2(spectrum.real.square() + spectrum.imag.square(), s=(N_PITCHES, 2 * steps))
        near = torch.cat([counts[:, -INTERVALS:], counts[:, : INTERVALS + 1]], dim=1)[..., :LAGS]
        return F.pad(near, (0, LAGS - near.shape[-1])).clamp_min(0).sqrt().flatten(1)


def circular_shifts(downbeat: Float[Tensor, "B period"], steps: int) -> Float[Tensor, "B steps steps"]:
    """Matrices [t, u] of the weight of place ``u - t``; places count -period/2 .. period/2 - 1, circularly over steps.

    ``x @ matrix`` moves a frame from its bar line to its place; ``x @ matrix.T`` moves it back.
    """
    half = downbeat.shape[1] // 2
    early, late = downbeat.split([downbeat.shape[1] - half, half], dim=1)
    kernel = torch.cat([early, downbeat.new_zeros(len(downbeat), steps - downbeat.shape[1]), late], dim=1)
    return torch.cat([kernel, kernel], dim=1).unfold(1, steps, 1)[:, 1:].flip(1)

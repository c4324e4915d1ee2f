"""Which code sees a window from its own register and its own place in the bar, yet forces neither?

`AlignedEncoder` looks twice before it codes. Attention over sounding rows, which commutes with transposition, says from
which pitch to look; a circular convolution along the steps, which commutes with delay, says where bars begin. What is
seen from there, and which intervals recur after which delays (which no shift changes), is coded by linear maps and a
residual MLP; where it was seen from enters the latent linearly. `AlignedDecoder` is the way back: draw the window in
its own frame, then place the drawing in pitch and in the bar.

Both have an analytic starting point (`start_from_music`): the linear maps are the principal components of what is seen
and heard, in the directions that the kinds' operators leave free. Gradient descent goes on from there: from a random
start no encoder we tried came in minutes to what principal components know at once (docs/LOG.md).

Conventions: rolls (B, 2, 128, steps); latents (B, dim); frame (B, 2, span, steps), rows ``-low .. high`` semitones
around the attended row, its first row the lowest. ``begins`` (B, period): weights of the places in the window's first
bar where a bar line may lie, adding to 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.geometry.axes import Axes, Axis, CircleAxis, LineAxis
from softaxes.model.networks.blocks import N_PITCHES, OCTAVE, ResidualBlock, attend
from softaxes.model.networks.decoders import DENSITY, log_odds

SHARPNESS = 5.0  # of the first guess, the lowest sounding row: each row below costs exp(-5)
INTERVALS, DELAYS = 12, 16  # semitones up and down, steps
RECURRENCES = (2 * INTERVALS + 1) * DELAYS
REGISTER_GRADIENT, WAVES_GRADIENT = 0.02, 0.2  # a misplaced drawing misses every note: its gradient drowns all others
ONSET_SCALE, SUSTAIN_SCALE = 1.0, 0.35  # in the principal components: what begins matters more than what lasts


class View(NamedTuple):
    """What the encoder sees before it codes.

    ``row`` and ``begins`` are where it looks from: the attended pitch and the places of bar lines, as probabilities.
    """

    frame: Float[Tensor, "B 2 span steps"]
    recurrence: Float[Tensor, "B recurrences"]
    row: Float[Tensor, "B 128"]
    begins: Float[Tensor, "B period"]
    height: Float[Tensor, "B heights"]
    time: Float[Tensor, "B times"]
    running: Float[Tensor, "B 1"]


class AlignedEncoder(nn.Module):
    """See the module.

    Args:
        steps: window length; a multiple of ``period``.
        dim: latent size.
        width, depth: of the MLP.
        low, high: semitones that are seen below and above the attended row.
        rows: features of a row of the roll.
        period: steps of a bar.
        channels: of the convolutions along rows and steps.
        places: mean heights and mean times that are read besides the attended row and the bar line.
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
        self.score = nn.Linear(rows, 1 + places)
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.column = nn.Conv1d(2 * self.span, channels, 1)
        self.along = nn.Sequential(
            *(nn.Conv1d(channels, channels, 17, padding=8, padding_mode="circular"), nn.GELU()),
            *(nn.Conv1d(channels, channels, 9, padding=4, padding_mode="circular"), nn.GELU()),
        )
        self.begin = nn.Conv1d(channels, 1, 1)
        self.when = nn.Conv1d(channels, places, 1)
        self.silence = nn.Linear(1, 1)
        self.linear = nn.Linear(2 * self.span * steps, dim)
        self.seen = nn.Linear(2 * self.span * steps, width)
        self.recurring = nn.Linear(RECURRENCES, dim)
        self.heard = nn.Linear(RECURRENCES, width)
        self.blocks = nn.Sequential(nn.GELU(), *(ResidualBlock(width) for _ in range(depth)), nn.LayerNorm(width))
        self.head = nn.Linear(width, dim)
        self.direct = nn.Linear(1 + places + period + places, dim, bias=False)
        self.register_buffer("octaves", (torch.arange(N_PITCHES) - N_PITCHES / 2) / OCTAVE, persistent=False)
        self.register_buffer("bars", (torch.arange(steps) - (steps - 1) / 2) / period, persistent=False)
        nn.init.normal_(self.direct.weight, std=0.01)
        nn.init.zeros_(self.head.weight)  # nothing of the MLP may blur the places at the start
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.score.weight, std=0.01)  # the lowest row is the first guess
        nn.init.constant_(self.silence.weight, -16.0)
        nn.init.constant_(self.silence.bias, 4.0)  # running, unless a quarter of the window is silent at its ends

    def forward(self, windows: Float[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        view = self.look(windows)
        return self.code(view, decided(view.begins))

    def look(self, windows: Float[Tensor, "B 2 128 steps"], *, listen: bool = True) -> View:
        """The window from its own register, and where its bars may begin. Without ``listen`` no recurrences (empty)."""
        roll = windows.transpose(1, 2).flatten(2).to(self._dtype())  # (B, 128, 2 steps)
        sounding = (windows.amax((1, 3)) > 0)[..., None]  # (B, 128, 1)
        attention = attend(self._row_scores(roll, sounding), sounding)
        row = attention[..., 0]
        attention = torch.cat([decided(row)[..., None], attention[..., 1:]], dim=-1)
        height = torch.einsum("bpk,p->bk", attention, self.octaves)
        frame = self._frame(roll, attention[..., 0])
        hidden = F.gelu(self.column(frame.flatten(1, 2)))
        hidden = hidden + self.along(hidden)
        silent = frame.amax((1, 2)) <= 0  # (B, steps)
        begins = self.begin(hidden).float()[:, 0].unflatten(1, (-1, self.period)).sum(1).softmax(-1)
        steps = self.when(hidden).float().masked_fill(silent[:, None], -1e4).softmax(-1)
        ends = (silent.cummin(1).values.sum(1) + silent.flip(1).cummin(1).values.sum(1))[:, None] / self.steps
        running = torch.sigmoid(self.silence(ends.float()).float())
        heard = recurrences(windows[:, 0]) if listen else windows.new_zeros(len(windows), 0)
        return View(frame, heard, row, begins, height, steps @ self.bars, running)

    def code(self, view: View, begins: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The latent: `content` and `placed`."""
        return self.content(view, begins) + self.placed(view, begins)

    def content(self, view: View, begins: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The code of what is seen, rolled back to its bar line by ``begins``, and of what is heard."""
        own = self.own_frame(view, begins).flatten(1)
        heard = view.recurrence.to(own.dtype)
        hidden = self.blocks(self.seen(own) + self.heard(heard))
        return self.linear(own).float() + self.recurring(heard).float() + self.head(hidden).float()

    def own_frame(self, view: View, begins: Float[Tensor, "B period"]) -> Float[Tensor, "B 2 span steps"]:
        """What is seen, rolled back circularly so that it starts at its bar line."""
        back = circular_places(begins, self.steps).to(view.frame.dtype).transpose(1, 2)
        return view.frame @ back[:, None]

    def placed(self, view: View, begins: Float[Tensor, "B period"]) -> Float[Tensor, "B dim"]:
        """The code of where it is seen from, in fp32: a place needs more than bf16's 8 bits."""
        with torch.autocast(begins.device.type, enabled=False):
            return self.direct(self._places(view, begins))

    def _places(self, view: View, begins: Tensor) -> Float[Tensor, "B places"]:
        return torch.cat([view.height, begins.float() * view.running, view.time], dim=-1).float()

    def _row_scores(self, roll: Tensor, sounding: Tensor) -> Float[Tensor, "B 128 1+places"]:
        mask = sounding.to(roll.dtype)
        rows = F.gelu(self.row(roll)) * mask
        rows = rows + F.gelu(self.beside(rows.transpose(1, 2)).transpose(1, 2)) * mask
        below = sounding.float().cumsum(1) - 1
        first = F.pad(self.sharpness * below, (0, self.score.out_features - 1))
        return self.score(rows).float() - first

    def _frame(self, roll: Tensor, attention: Float[Tensor, "B 128"]) -> Float[Tensor, "B 2 span steps"]:
        """Row i: ``sum_p attention[p] roll[p + i - low]``; the attention as a Toeplitz matrix makes it one product."""
        padded = F.pad(roll, (0, 0, self.low, self.high))  # row p + i of it is roll row p + i - low
        kernel = F.pad(attention.to(roll.dtype), (self.span - 1, self.span - 1))
        toeplitz = kernel.unfold(-1, N_PITCHES + self.span - 1, 1).flip(1)  # [i, q] = attention[q - i]
        return (toeplitz @ padded).unflatten(2, (2, -1)).transpose(1, 2)

    def _dtype(self) -> torch.dtype:
        device = self.head.weight.device.type
        return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.head.weight.dtype


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
        self.linear = nn.Linear(dim, 2 * self.span * steps)
        self.hidden = nn.Sequential(
            nn.Linear(dim, width), *(ResidualBlock(width) for _ in range(depth)), nn.LayerNorm(width), nn.GELU()
        )  # fmt: skip
        self.drawing = nn.Linear(width, 2 * self.span * steps)
        self.register = nn.Linear(dim, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(1.5))
        self.waves = nn.Linear(dim, 2 * len(harmonics))
        corrects = nn.Linear(64, period)
        self.correction = nn.Sequential(nn.Linear(dim, 64), nn.GELU(), corrects)
        self.bias = nn.Parameter(log_odds(density))
        angle = 2 * math.pi * torch.outer(torch.tensor(harmonics).float(), torch.arange(period).float()) / period
        self.register_buffer("wave", torch.stack([angle.cos(), angle.sin()], 1).flatten(0, 1), persistent=False)
        self.register_buffer("heights", torch.arange(-high, N_PITCHES + low).float(), persistent=False)
        for layer in (self.drawing, corrects):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B 2 128 steps"]:
        drawing = (self.linear(z) + self.drawing(self.hidden(z))).unflatten(1, (2 * self.span, self.steps))
        drawing = drawing @ circular_places(self.begins(z), self.steps).to(drawing.dtype)
        drawing = drawing.unflatten(1, (2, self.span)).transpose(1, 2).flatten(2)  # (B, span, 2 steps)
        toeplitz = self.place(z).to(drawing.dtype).unfold(1, self.span, 1).flip(2)  # [p, i]: row i lies at p
        placed = (toeplitz @ drawing).unflatten(2, (2, -1)).transpose(1, 2)
        return placed.float() + self.bias[:, None, None]

    def place(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B heights"]:
        """Where the attended row lies: weights over pitches -high .. 127 + low."""
        with torch.autocast(z.device.type, enabled=False):  # a position needs more than bf16's 8 bits
            middle = N_PITCHES / 2 + OCTAVE * _gently(self.register(z.float()), REGISTER_GRADIENT)
            return torch.softmax(-self.log_sharpness.exp() * (self.heights - middle).square(), dim=-1)

    def begins(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B period"]:
        """Softmax over the places in a bar."""
        with torch.autocast(z.device.type, enabled=False):
            waves = _gently(self.waves(z.float()), WAVES_GRADIENT)
            return (waves @ self.wave + self.correction(z.float())).softmax(-1)


def _gently(x: Tensor, share: float) -> Tensor:
    """``x`` with ``share`` of its gradient."""
    return share * x + (1 - share) * x.detach()


def decided(probability: Float[Tensor, "B n"]) -> Float[Tensor, "B n"]:
    """1 where the probability is largest, else 0, with the gradient of the probability (Bengio et al. 2013)."""
    hard = F.one_hot(probability.argmax(-1), probability.shape[-1]).to(probability)
    return hard + probability - probability.detach()


@torch.no_grad()
def recurrences(onsets: Float[Tensor, "B 128 steps"]) -> Float[Tensor, "B recurrences"]:
    """Square root of how often an onset is followed by one ``d`` semitones higher (-12 .. 12) after 0 .. 15 steps.

    Two-point statistics of the window: transposition leaves them alone, and delay all but what enters and leaves. Rows
    0 and 127 count as neighbours, which no music notices.
    """
    steps = onsets.shape[-1]
    with torch.autocast(onsets.device.type, enabled=False):
        spectrum = torch.fft.rfft2(onsets.float(), s=(N_PITCHES, 2 * steps))
        counts = torch.fft.irfft2(spectrum.real.square() + spectrum.imag.square(), s=(N_PITCHES, 2 * steps))
        near = torch.cat([counts[:, -INTERVALS:], counts[:, : INTERVALS + 1]], dim=1)[..., :DELAYS]
        return F.pad(near, (0, DELAYS - near.shape[-1])).clamp_min(0).sqrt().flatten(1)


def circular_places(begins: Float[Tensor, "B period"], steps: int) -> Float[Tensor, "B steps steps"]:
    """Matrices [t, u] of the weight of place ``u - t``; places count -period/2 .. period/2 - 1, circularly over steps.

    ``x @ matrix`` moves a drawing from its bar line to its place; ``x @ matrix.T`` moves it back.
    """
    half = begins.shape[1] // 2
    early, late = begins.split([begins.shape[1] - half, half], dim=1)
    kernel = torch.cat([early, begins.new_zeros(len(begins), steps - begins.shape[1]), late], dim=1)
    return torch.cat([kernel, kernel], dim=1).unfold(1, steps, 1)[:, 1:].flip(1)


@torch.no_grad()
def start_from_music(
    encoder: AlignedEncoder,
    decoder: AlignedDecoder,
    basis: Float[Tensor, "R dim"],
    windows: Float[Tensor, "N 2 128 steps"],
    *,
    recurring: int = 24,
    detail: float = 0.5,
    semitone: float = 0.5,
    step: float = 0.5,
    radius: float = 2.0,
    gain: float = 12.0,
) -> None:
    """Start both networks from the principal components of ``windows``, seen from where the encoder looks.

    ``basis`` holds orthonormal rows: the line of pitch, the planes of bar and beat, the line of time. Places go there
    (``semitone`` and ``step`` long, circles of ``radius``). Into the directions left free go ``recurring`` components
    of the recurrences at standard deviation 1, and components of the frames at ``detail``. A drawing's log-odds are
    ``gain`` times what the latter draw, less .4.
    """
    free = torch.linalg.svd(basis)[2][len(basis) :]  # (dim - R, dim)
    recurring = min(recurring, len(free) // 3)
    heard, drawn = free[:recurring], free[recurring:]
    views = [encoder.look(rows.float()) for rows in windows.split(512)]
    frames = torch.cat([encoder.own_frame(view, decided(view.begins)).flatten(1) for view in views])
    scale = torch.full((2, encoder.span, encoder.steps), ONSET_SCALE)
    scale[1] = SUSTAIN_SCALE
    scale = scale.flatten()
    mean, components, deviation = _principal(frames, scale, len(drawn))
    encoder.linear.weight.copy_(detail * drawn.T @ (components / deviation).T * scale)
    encoder.linear.bias.copy_(-encoder.linear.weight @ mean)
    decoder.linear.weight.copy_(gain / detail * (components * deviation) @ drawn / scale[:, None])
    outside = decoder.bias.repeat_interleave(encoder.span * encoder.steps)
    decoder.linear.bias.copy_(gain * (mean - 0.4) - outside)
    counts = torch.cat([recurrences(rows[:, 0]) for rows in windows.split(512)])
    mean, components, deviation = _principal(counts, torch.ones(RECURRENCES), recurring)
    encoder.recurring.weight.copy_(heard.T @ (components / deviation).T)
    encoder.recurring.bias.copy_(-encoder.recurring.weight @ mean)
    _install_places(encoder, decoder, basis, semitone, step, radius)


def _principal(rows: Float[Tensor, "N F"], scale: Float[Tensor, " F"], n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (F,), the first ``n`` principal directions (F, n) of the scaled rows, and deviations along them (n,).

    Where there are fewer directions than ``n``, the rest are zeros.
    """
    mean = rows.mean(0)
    _, values, directions = torch.svd_lowrank((rows - mean) * scale, q=min(n + 20, *rows.shape), niter=3)
    missing = max(0, n - len(values))
    values, directions = F.pad(values, (0, missing)), F.pad(directions, (0, missing))
    return mean, directions[:, :n], (values[:n] / len(rows) ** 0.5).clamp_min(1e-3)


def _install_places(
    encoder: AlignedEncoder, decoder: AlignedDecoder, basis: Tensor, semitone: float, step: float, radius: float
) -> None:
    heights = encoder.score.out_features
    direct = encoder.direct.weight
    direct.zero_()
    direct[:, 0] = OCTAVE * semitone * basis[0]
    direct[:, heights : heights + encoder.period] = radius * (decoder.wave.T @ basis[1:5]).T
    times = direct.shape[1] - heights - encoder.period
    direct[:, -times:] = (step * encoder.period / times) * basis[5][:, None]
    decoder.register.weight.copy_(basis[:1] / (OCTAVE * semitone))
    decoder.register.bias.zero_()
    decoder.waves.weight.copy_(6.0 / radius * basis[1:5])
    decoder.waves.bias.zero_()


@torch.no_grad()
def placing_circles(encoder: AlignedEncoder, decoder: AlignedDecoder, axes: Axes) -> Axes:
    """``axes`` with each circle in the plane where the encoder itself puts the place in the bar or the beat.

    A circle fitted to differences leans towards whatever comes with a wrong bar line; the decoder does not. Circles
    must have a wave of the decoder each, longest period first, as the kinds of a music run have them.
    """
    heights, waves = encoder.score.out_features, iter(decoder.wave.split(2))
    places = encoder.direct.weight[:, heights : heights + encoder.period]
    placed: list[Axis] = []
    for axis in axes.values():
        if isinstance(axis, CircleAxis):
            left, _, right = torch.linalg.svd(places @ next(waves).T, full_matrices=False)
            plane = (left @ right).T.contiguous()
            axis = CircleAxis(axis.kind, plane, torch.zeros_like(axis.centre))
        placed.append(axis)
    return Axes(placed)


@torch.no_grad()
def stretch(encoder: AlignedEncoder, decoder: AlignedDecoder, axes: Axes, kind: str, length: float) -> Axes:
    """Give a unit of a line the ``length`` it shall have in the latent; the axes of the stretched latent.

    What the encoder writes along the line is stretched, and what the decoder reads is shrunk as much, so nothing else
    changes: the length of a semitone is a choice of units, which weighs register against content in every distance.
    """
    line = axes[kind]
    assert isinstance(line, LineAxis)
    factor = length / float(line.direction.norm())
    along = line.basis.T @ line.basis
    wider, narrower = (factor - 1) * along, (1 / factor - 1) * along
    for writes in (encoder.linear, encoder.recurring, encoder.head, encoder.direct):
        writes.weight.add_(wider @ writes.weight)
        if writes.bias is not None:
            writes.bias.add_(wider @ writes.bias)
    for reads in (decoder.linear, decoder.hidden[0], decoder.register, decoder.waves, decoder.correction[0]):
        assert isinstance(reads, nn.Linear)
        reads.weight.add_(reads.weight @ narrower)
    stretched = [
        LineAxis(axis.kind, axis.direction + wider @ axis.direction, axis.origin + wider @ axis.origin)
        if isinstance(axis, LineAxis)
        else axis
        for axis in axes.values()
    ]
    return placing_circles(encoder, decoder, Axes(stretched))

"""Where do `AlignedEncoder` and `AlignedDecoder` start from, and where do their axes lie?

The analytic starting point (`start_from_music`): linear maps are the principal components of the canonical features,
in the directions that the kinds' operators leave free. Gradient descent goes on from there: from a random start no
encoder we tried came in minutes to what principal components know at once (docs/LOG.md). Afterwards the axes are read
off the networks (`pose_circles`) and scaled (`stretch`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.geometry.axes import Axes, Axis, CircleAxis, LineAxis
from softaxes.model.networks.aligned import (
    AUTOCORRELATIONS,
    AlignedDecoder,
    AlignedEncoder,
    interval_lag_autocorrelation,
    straight_through,
)
from softaxes.model.networks.blocks import OCTAVE

UNIT_LENGTHS = {"pitch": 0.5, "time": 0.5}  # of a semitone and of a step in the latent, at the start
CIRCLES = ("metre", "beat")  # the kinds of the decoder's waves, in the order of its harmonics
ONSET_SCALE, SUSTAIN_SCALE = 1.0, 0.35  # in the principal components: what begins matters more than what lasts


@torch.no_grad()
def start_from_music(
    encoder: AlignedEncoder,
    decoder: AlignedDecoder,
    basis: Mapping[str, Float[Tensor, "rows dim"]],
    windows: Num[Tensor, "N 2 128 steps"],
    *,
    lag_components: int = 24,
    detail: float = 0.5,
    lengths: Mapping[str, float] = UNIT_LENGTHS,
    radius: float = 2.0,
    gain: float = 12.0,
) -> None:
    """Start both networks from the principal components of the canonical features of ``windows``.

    ``basis`` holds orthonormal rows by kind: the lines ``pitch`` and ``time``, the planes ``metre`` and ``beat``. The
    pose goes there (a unit of a line as long as ``lengths`` says, circles of ``radius``). Into the directions left free
    go ``lag_components`` components of the autocorrelations at standard deviation 1, and components of the frames at
    ``detail``. A frame's log-odds are ``gain`` times what the latter decode to, less .4.
    """
    used = torch.cat(list(basis.values()))
    free = torch.linalg.svd(used)[2][len(used) :]  # (dim - R, dim)
    lag_components = min(lag_components, len(free) // 3)
    lag_rows, frame_rows = free[:lag_components], free[lag_components:]
    canonical = [encoder.canonicalize(rows.float()) for rows in windows.split(512)]
    frames = torch.cat([encoder.frame_at_bar_line(c, straight_through(c.downbeat)).flatten(1) for c in canonical])
    scale = torch.full((2, encoder.span, encoder.steps), ONSET_SCALE)
    scale[1] = SUSTAIN_SCALE
    scale = scale.flatten()
    mean, components, deviation = _principal(frames, scale, len(frame_rows))
    encoder.frame_linear.weight.copy_(detail * frame_rows.T @ (components / deviation).T * scale)
    encoder.frame_linear.bias.copy_(-encoder.frame_linear.weight @ mean)
    decoder.frame_linear.weight.copy_(gain / detail * (components * deviation) @ frame_rows / scale[:, None])
    outside = decoder.bias.repeat_interleave(encoder.span * encoder.steps)
    decoder.frame_linear.bias.copy_(gain * (mean - 0.4) - outside)
    counts = torch.cat([interval_lag_autocorrelation(rows[:, 0]) for rows in windows.split(512)])
    mean, components, deviation = _principal(counts, torch.ones(AUTOCORRELATIONS), lag_components)
    encoder.autocorrelation_linear.weight.copy_(lag_rows.T @ (components / deviation).T)
    encoder.autocorrelation_linear.bias.copy_(-encoder.autocorrelation_linear.weight @ mean)
    _start_pose(encoder, decoder, basis, lengths, radius)


def _principal(rows: Float[Tensor, "N F"], scale: Float[Tensor, " F"], n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (F,), the first ``n`` principal directions (F, n) of the scaled rows, and deviations along them (n,).

    Where there are fewer directions than ``n``, the rest are zeros.
    """
    mean = rows.mean(0)
    _, values, directions = torch.svd_lowrank((rows - mean) * scale, q=min(n + 20, *rows.shape), niter=3)
    missing = max(0, n - len(values))
    values, directions = F.pad(values, (0, missing)), F.pad(directions, (0, missing))
    return mean, directions[:, :n], (values[:n] / len(rows) ** 0.5).clamp_min(1e-3)


def _start_pose(
    encoder: AlignedEncoder,
    decoder: AlignedDecoder,
    basis: Mapping[str, Tensor],
    lengths: Mapping[str, float],
    radius: float,
) -> None:
    planes = torch.cat([basis[name] for name in CIRCLES])
    encoder.pose.weight.zero_()
    heights, downbeat, times = _pose_columns(encoder)
    heights[:, 0] = OCTAVE * lengths["pitch"] * basis["pitch"][0]
    downbeat.copy_(radius * (decoder.wave.T @ planes).T)
    times.copy_((lengths["time"] * encoder.period / times.shape[1]) * basis["time"].T)
    decoder.register.weight.copy_(basis["pitch"] / (OCTAVE * lengths["pitch"]))
    decoder.register.bias.zero_()
    decoder.waves.weight.copy_(6.0 / radius * planes)
    decoder.waves.bias.zero_()


def _pose_columns(encoder: AlignedEncoder) -> tuple[Tensor, ...]:
    """The columns of ``encoder.pose`` that code heights, places of the bar line and times."""
    heights = encoder.row_score.out_features
    times = encoder.pose.in_features - heights - encoder.period
    return encoder.pose.weight.split([heights, encoder.period, times], dim=1)


@torch.no_grad()
def pose_circles(encoder: AlignedEncoder, decoder: AlignedDecoder, axes: Axes) -> Axes:
    """``axes`` with each of `CIRCLES` in the plane where the encoder itself puts the place in the bar or the beat.

    A circle fitted to differences leans towards whatever comes with a wrong bar line; the decoder does not.
    """
    downbeat = _pose_columns(encoder)[1]
    posed: list[Axis] = []
    for name, wave in zip(CIRCLES, decoder.wave.split(2), strict=True):
        axis = axes[name]
        assert isinstance(axis, CircleAxis)
        left, _, right = torch.linalg.svd(downbeat @ wave.T, full_matrices=False)
        posed.append(CircleAxis(axis.kind, (left @ right).T.contiguous(), torch.zeros_like(axis.centre)))
    return Axes(list({**axes, **{axis.kind.name: axis for axis in posed}}.values()))


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
    for writes in (encoder.frame_linear, encoder.autocorrelation_linear, encoder.head, encoder.pose):
        writes.weight.add_(wider @ writes.weight)
        if writes.bias is not None:
            writes.bias.add_(wider @ writes.bias)
    for reads in (decoder.frame_linear, decoder.hidden[0], decoder.register, decoder.waves, decoder.correction[0]):
        assert isinstance(reads, nn.Linear)
        reads.weight.add_(reads.weight @ narrower)
    stretched = [
        LineAxis(axis.kind, axis.direction + wider @ axis.direction, axis.origin + wider @ axis.origin)
        if isinstance(axis, LineAxis)
        else axis
        for axis in axes.values()
    ]
    return pose_circles(encoder, decoder, Axes(stretched))

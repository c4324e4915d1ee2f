"""How is a window of music seen apart from its register? As a *frame*: the rows from its lowest sounding pitch upwards.

A transposed window has the same frame, so a code of the frame is the code of the window's content, and its lowest
pitch, a line, is all that a transposition changes; the pitch classes, a cycle of 12, turn with it. Both are read off
the roll and nothing is learned of them. A window in which nothing sounds has an empty frame from `SILENCE` upwards.

Latents of framed networks (B, dim) are ``register (1), chroma (2 x 6), content (the rest)``.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int, Num, Shaped
from torch import Tensor, nn

from softaxes.model.networks.blocks import N_PITCHES

SILENCE = 60  # middle C
SEMITONE = 0.35  # length of a semitone in the latent
CHROMA = 4.0  # length of the chroma planes if one pitch class sounds alone, over sqrt(6)
CHROMA_HARMONICS = 6
FRAMED = 1 + 2 * CHROMA_HARMONICS  # coordinates before the content
OUTSIDE = -12.0  # log odds of a note outside the frame
STRETCH, CONTRAST = 2.0, 6.0  # of a linear code, and of the log odds that it decodes to, at the start


class FramedEncoder(nn.Module):
    """Windows (B, 2, 128, steps) to latents (B, FRAMED + content); what a subclass's ``content`` sees are frames alone.

    Args:
        rows: of the frame, in semitones; notes further above the lowest are not coded.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = _checked(rows)

    def content(self, frames: Float[Tensor, "B 2 rows steps"]) -> Float[Tensor, "B content"]:
        raise NotImplementedError

    def forward(self, windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B dim"]:
        lowest = lowest_row(windows)
        content = self.content(frame(windows, lowest, self.rows).float())
        register = SEMITONE * (lowest - SILENCE).float()
        return torch.cat([register[:, None], chroma_planes(windows), content.float()], dim=1)


class FramedDecoder(nn.Module):
    """Latents to the log odds of notes: ``content`` gives the frame, the register the row at which it stands.

    A register between two rows stands at the nearer, and what it puts outside 0..127 is silent, all of it far outside.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = _checked(rows)

    def content(self, code: Float[Tensor, "B content"]) -> Float[Tensor, "B 2 rows steps"]:
        raise NotImplementedError

    def forward(self, z: Float[Tensor, "B dim"]) -> Float[Tensor, "B 2 128 steps"]:
        semitones = (z[:, 0].float() / SEMITONE).round().clamp(-2 * N_PITCHES, 2 * N_PITCHES)
        lowest = semitones.long() + SILENCE
        return placed(self.content(z[:, FRAMED:]).float(), lowest)


def _checked(rows: int) -> int:
    if not 1 <= rows <= N_PITCHES:
        raise ValueError(f"`rows` of a frame must be 1..{N_PITCHES}, got {rows}")
    return rows


def lowest_row(windows: Num[Tensor, "B 2 128 steps"]) -> Int[Tensor, " B"]:
    """The lowest pitch that sounds; `SILENCE` where none does."""
    sounding = windows.amax((1, 3)) > 0
    return torch.where(sounding.any(1), sounding.float().argmax(1), SILENCE)


def frame(
    windows: Shaped[Tensor, "B 2 128 steps"], lowest: Int[Tensor, " B"], rows: int
) -> Shaped[Tensor, "B 2 rows steps"]:
    """``rows`` rows from ``lowest`` upwards; silence above pitch 127."""
    row = lowest[:, None] + torch.arange(rows, device=windows.device)
    inside = (row >= 0) & (row < N_PITCHES)
    index = row.clamp(0, N_PITCHES - 1)[:, None, :, None].expand(-1, windows.shape[1], -1, windows.shape[3])
    return windows.gather(2, index) * inside[:, None, :, None].to(windows.dtype)


def placed(frames: Float[Tensor, "B 2 rows steps"], lowest: Int[Tensor, " B"]) -> Float[Tensor, "B 2 128 steps"]:
    """Log odds of a frame that stands at ``lowest``, `OUTSIDE` elsewhere; rows outside 0..127 are lost."""
    row = torch.arange(N_PITCHES, device=frames.device) - lowest[:, None]
    inside = (row >= 0) & (row < frames.shape[2])
    index = row.clamp(0, frames.shape[2] - 1)[:, None, :, None].expand(-1, frames.shape[1], -1, frames.shape[3])
    return frames.gather(2, index).where(inside[:, None, :, None], torch.full((), OUTSIDE, device=frames.device))


def chroma_planes(windows: Num[Tensor, "B 2 128 steps"]) -> Float[Tensor, "B 12"]:
    """The share of sounding time of each pitch class as harmonics 1..6 of a cycle of 12: cosine and sine of each.

    Harmonic h turns by ``2 pi h s / 12`` when all notes move by s semitones; a fifth turns harmonic 7, that is 5
    backwards, by one place of the circle of fifths. The last harmonic's sine is 0.
    """
    time = windows[:, 1].float().sum(-1)  # (B, 128)
    share = time / time.sum(1, keepdim=True).clamp_min(1)
    angle = torch.outer(torch.arange(N_PITCHES), torch.arange(1, CHROMA_HARMONICS + 1)) * (2 * math.pi / 12)
    waves = torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1).to(share)
    with torch.autocast(share.device.type, enabled=False):
        return CHROMA / CHROMA_HARMONICS**0.5 * share @ waves

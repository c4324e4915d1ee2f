"""Which vector stands for a motif, wherever and however high it is played? A small encoder of clips of notes.

A clip is a list of notes, not a window: 1 to ``MAX_NOTES`` notes by onset and pitch, each seen with its own pitch and
onset and with its steps from the note before. Two convolutions along the notes, mean and maximum, a two-layer head:
z (64). Soft factorization made shifts in pitch (semitones) and position (beats) lines of z; the *code* of a clip is z
with both axes removed, at unit length, so that two returns of a motif lie near each other whatever register and beat
they begin on. Trained by contrasting variations of tunes (``runs/clip_code.py``), never on annotated motifs.

Position is counted from the last multiple of ``POSITION_BEATS`` beats, as in a window cut at a bar line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Line
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT

KINDS = (Line("pitch"), Line("position"))
MAX_NOTES, POSITION_BEATS = 64, 4
INTERVALS, GAPS, PHASES = 25, 14, 5
FEATURES = 2 + INTERVALS + GAPS + PHASES
WIDTH, DIMENSIONS = 96, 64


class ClipEncoder(nn.Module):
    """Features (B, N, FEATURES) of N notes, of which ``valid`` (B, N) are there, to z (B, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.note = nn.Linear(FEATURES, WIDTH)
        self.near = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=1) for _ in range(2))
        self.head = nn.Sequential(nn.Linear(2 * WIDTH + 2, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, DIMENSIONS))

    def forward(self, notes: Float[Tensor, "B N F"], valid: Bool[Tensor, "B N"]) -> Float[Tensor, "B 64"]:
        there = valid[..., None].to(notes.dtype)
        x = F.gelu(self.note(notes)) * there
        for layer in self.near:
            x = (x + F.gelu(layer(x.transpose(1, 2)).transpose(1, 2))) * there
        count = there.sum(1).clamp_min(1.0)
        highest = x.masked_fill(~valid[..., None], -1e4).amax(1)
        place = (notes[..., :2] * there).sum(1) / count
        z: Tensor = self.head(torch.cat([x.sum(1) / count, highest, place], dim=1))
        return z


def note_features(clips: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> tuple[Tensor, Tensor]:
    """Features (B, N, FEATURES) and which notes are there (B, N), of clips given as (onset in beats, MIDI pitch)."""
    longest = max((min(len(pitch), MAX_NOTES) for _, pitch in clips), default=1)
    onset = np.zeros((len(clips), longest))
    pitch = np.zeros((len(clips), longest), np.int64)
    valid = np.zeros((len(clips), longest), bool)
    for row, (onsets, pitches) in enumerate(clips):
        size = min(len(pitches), MAX_NOTES)
        onset[row, :size], pitch[row, :size], valid[row, :size] = onsets[:size], pitches[:size], True
    step = np.clip(np.diff(pitch, axis=1, prepend=pitch[:, :1]), -12, 12) + 12
    gap = np.diff(onset, axis=1, prepend=onset[:, :1])
    bins = np.where(gap <= 0, 0, np.clip(np.rint(2 * np.log2(np.maximum(gap, 1e-3))) + 8, 1, GAPS - 1)).astype(int)
    quarter = (onset % 1) * 4
    phase = np.where(np.abs(quarter - np.rint(quarter)) < 0.1, np.rint(quarter) % 4, 4).astype(int)
    hot = [np.eye(n, dtype=np.float32)[i] for n, i in ((INTERVALS, step), (GAPS, bins), (PHASES, phase))]
    raw = np.stack([(pitch - 60) / 12, onset / POSITION_BEATS], axis=-1).astype(np.float32)
    return torch.from_numpy(np.concatenate([raw, *hot], axis=-1)), torch.from_numpy(valid)


def codes(clips: Sequence[Notes]) -> NDArray[np.float32]:
    """The codes (clips, 64) by the weights in the package."""
    encoder, axes = learned_encoder()
    if not clips:
        return np.zeros((0, DIMENSIONS), np.float32)
    with torch.no_grad():
        z = torch.cat([encoder(*note_features(part)) for part in _parts([_placed(c) for c in clips])])
        return F.normalize(axes.remove(z) - axes["pitch"].rest, dim=1).numpy()


def code_similarity(queries: Sequence[Notes], gallery: Sequence[Notes]) -> NDArray[np.float64]:
    """Cosine of the codes, (queries, gallery) in [-1, 1]."""
    return codes(queries).astype(float) @ codes(gallery).astype(float).T


def save_encoder(encoder: ClipEncoder, axes: Axes, path: str | Path) -> None:
    """Weights and axes as .npz, no pickle."""
    state = {f"encoder.{k}": v.detach().half().numpy() for k, v in encoder.state_dict().items()}
    np.savez_compressed(path, allow_pickle=False, **state, **{f"axes.{k}": v.numpy() for k, v in axes.state().items()})


def load_encoder(path: str | Path) -> tuple[ClipEncoder, Axes]:
    """What ``save_encoder`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        state = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    encoder = ClipEncoder()
    encoder.load_state_dict({k.removeprefix("encoder."): v for k, v in state.items() if k.startswith("encoder.")})
    axes = Axes.from_state(KINDS, {k.removeprefix("axes."): v for k, v in state.items() if k.startswith("axes.")})
    return encoder.eval(), axes


@cache
def learned_encoder() -> tuple[ClipEncoder, Axes]:
    """The weights in the package."""
    with resources.as_file(resources.files("softaxes.motifs") / "clip_code.npz") as path:
        return load_encoder(path)


def _placed(clip: Notes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    points = clip.points()
    if len(points) == 0:
        raise ValueError("a clip must have at least one note, got none")
    beats = points[:, 0] / TICKS_PER_BEAT
    return beats - beats[0] // POSITION_BEATS * POSITION_BEATS, points[:, 1]


def _parts(
    clips: list[tuple[NDArray[np.float64], NDArray[np.int64]]], size: int = 256
) -> list[list[tuple[NDArray[np.float64], NDArray[np.int64]]]]:
    return [clips[k : k + size] for k in range(0, len(clips), size)]

"""Which shifts of which windows is an encoder of music judged on?

Windows come as rolls with real neighbours around them. Two sets of labelled views are made of them:

    running        pitch by whole semitones (nothing wraps) and metre by whole steps (neighbours stream in)
    shift_sweeps   fewer windows at every shift: own-shift identification, success at each amount
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from softaxes.diagnostics.labelled import Array, Labelled, label
from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Kind, Rotation
from softaxes.model.model import Model
from softaxes.training.tasks.music.views import moved_windows

PITCH = "pitch"
AMOUNTS_A_KIND = 6  # views of each kind in the running set
SWEEP_WINDOWS = 300


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Windows to judge on.

    Attributes:
        rolls: (n, 2, 128, steps + 2 * context) of 0 and 1.
        group: (n,) song of each, or the group of songs that are one music.
        context: real neighbours on each side, in steps.
        pitch_semitones, shift_steps: largest shifts; ``shift_steps`` <= ``context``.
    """

    rolls: Tensor
    group: Array
    context: int
    pitch_semitones: int = 12
    shift_steps: int = 8

    def __post_init__(self) -> None:
        if self.rolls.ndim != 4 or tuple(self.rolls.shape[1:3]) != (2, 128) or len(self.rolls) == 0:
            raise ValueError(f"`rolls` must have shape (n, 2, 128, steps) with n > 0, got {tuple(self.rolls.shape)}")
        if self.group.shape != (len(self.rolls),):
            raise ValueError(f"`group` must have shape ({len(self.rolls)},), got {self.group.shape}")
        if not 1 <= self.shift_steps <= self.context:
            raise ValueError(f"`shift_steps` must lie in 1..{self.context}, the context, got {self.shift_steps}")
        if self.rolls.shape[-1] <= 2 * self.context:
            raise ValueError(f"`rolls` must be wider than two contexts of {self.context}, got {self.rolls.shape[-1]}")

    @property
    def steps(self) -> int:
        """Steps of a window."""
        return self.rolls.shape[-1] - 2 * self.context

    @property
    def centre(self) -> Tensor:
        """The windows without their neighbours."""
        return self.rolls[..., self.context : self.context + self.steps]

    def rows(self, kept: Array) -> HeldOut:
        """The windows at some indices."""
        return replace(self, rolls=self.rolls[kept], group=self.group[kept])

    def some(self, most: int, seed: int) -> HeldOut:
        """At most ``most`` of the windows, drawn evenly, in order."""
        if len(self.rolls) <= most:
            return self
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self.rolls))[:most]))

    def different(self) -> HeldOut:
        """Without windows that repeat an earlier one, transposed or not: their latents tie, and no search tells them
        apart."""
        first: dict[bytes, int] = {}
        for index, roll in enumerate(self.centre.numpy() > 0):
            lowest = int(roll.any(axis=(0, 2)).argmax())
            first.setdefault(np.packbits(np.roll(roll, -lowest, axis=1)).tobytes(), index)
        return self.rows(np.array(list(first.values())))


@dataclass(frozen=True, eq=False)
class LabelledRolls:
    """Windows (B, ...) and their views (B, V, ...) with labels (kind and amount of each) and their groups."""

    anchor: Tensor
    views: Tensor
    kind: Tensor
    amount: Tensor
    group: Array
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, eq=False)
class MusicLatents:
    """Latents of both sets."""

    running: Labelled
    shift_sweeps: Labelled


def draw_views(axes: Axes, held_out: HeldOut, *, seed: int = 0) -> dict[str, LabelledRolls]:
    """The sets "running" and "shift_sweeps".

    Raises:
        ValueError: axes without ``pitch``.
    """
    if PITCH not in set(axes):
        raise ValueError(f"a model of music must know the kind {PITCH!r}, got {', '.join(axes)}")
    rng = np.random.default_rng(seed)
    few = held_out.some(SWEEP_WINDOWS, seed)
    return {
        "running": running_views(axes.kinds, held_out, rng, AMOUNTS_A_KIND),
        "shift_sweeps": running_views(axes.kinds, few, rng, None),
    }


def running_views(
    kinds: Sequence[Kind], held_out: HeldOut, rng: np.random.Generator, each: int | None
) -> LabelledRolls:
    """``each`` views (None: one for every amount) of pitch and of each leading circle and cycle, in random order."""
    moved = tuple(kind for kind in kinds if kind.name == PITCH or isinstance(kind, Rotation))
    leaders = [index for index, kind in enumerate(moved) if kind.family == kind.name]
    most = {index: held_out.shift_steps if isinstance(moved[index], Rotation) else held_out.pitch_semitones
            for index in leaders}  # fmt: skip
    kind, amount = _labels(rng, len(held_out.rolls), most, each)
    return _labelled(held_out.rolls, held_out.context, moved, kind, amount, held_out.group)


def _labelled(
    wide: Tensor, context: int, kinds: tuple[Kind, ...], kind: Tensor, amount: Tensor, group: Array
) -> LabelledRolls:
    """Windows and their views, each moved along one kind: in pitch, or in time."""
    in_pitch = kind == [k.name for k in kinds].index(PITCH)
    rolls = moved_windows(wide, amount.where(in_pitch, 0), amount.where(~in_pitch, 0), context)
    return LabelledRolls(rolls[:, 0], rolls[:, 1:], kind, amount, group, kinds)


def _labels(rng: np.random.Generator, n: int, most: dict[int, int], each: int | None) -> tuple[Tensor, Tensor]:
    """Kinds and amounts (n, V): for each kind, different amounts of -most..most without 0, in random order."""
    kind, amount = [], []
    for index, largest in most.items():
        choices = np.array([s for s in range(-largest, largest + 1) if s])
        number = len(choices) if each is None else min(each, len(choices))
        amount.append(choices[rng.random((n, len(choices))).argsort(axis=1)[:, :number]])
        kind.append(np.full((n, number), index))
    return torch.from_numpy(np.concatenate(kind, axis=1)), torch.from_numpy(np.concatenate(amount, axis=1))


def encode_views(model: Model, drawn: LabelledRolls) -> Labelled:
    """Latents of a set."""
    z = model.encode(drawn.anchor)
    views = model.encode(drawn.views.flatten(0, 1)).reshape(*drawn.kind.shape, -1)
    return label(z, views, drawn.kind, drawn.amount, group=drawn.group, kinds=drawn.kinds)


def encode_all(model: Model, drawn: dict[str, LabelledRolls]) -> MusicLatents:
    """Latents of all sets."""
    latents = {name: encode_views(model, rolls) for name, rolls in drawn.items()}
    return MusicLatents(latents["running"], latents["shift_sweeps"])

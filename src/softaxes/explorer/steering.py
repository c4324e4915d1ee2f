"""What does moving a window's latent along the axes give, beside the edit that it should have been?

The true edit of a window, as far as music has one:

    pitch   every note moved by as many semitones; what leaves MIDI's 128 pitches is gone
    metre   the window moved against the song: what is delayed leaves at the right, its neighbours stream in at the left
    time    the window's own notes moved through silence, after the other two

Any other kind ("beat" turned without its bar), and any blend of two windows, has no true edit. A slider of a kind that
follows another adds to what its leader turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from softaxes.diagnostics.notes import note_counts
from softaxes.kinds import Circle, Kind
from softaxes.model import Model
from softaxes.music.rolls import ONSET, notes_to_roll, roll_to_notes
from softaxes.shifts import shift

EDITED = ("pitch", "metre", "time")  # kinds with a true edit
SAME = 1e-4  # relative distance below which two latents are one: what rounding does
LINE_REACH = {"pitch": 18}  # largest amount of a slider; other lines reach 8, circles half a turn
Roll = UInt8[np.ndarray, "2 128 steps"]
Notes = NDArray[np.void]


@dataclass(frozen=True)
class Edit:
    """Where the sliders stand: whole ``amounts`` by kind; ``blend`` 0..1 of the way to the window at ``other``."""

    amounts: Mapping[str, int] = field(default_factory=dict)
    other: int | None = None
    blend: float = 0.0

    @property
    def has_truth(self) -> bool:
        """Whether music has such an edit."""
        moved = [name for name, amount in self.amounts.items() if amount]
        return all(name in EDITED for name in moved) and (self.other is None or self.blend == 0)


@dataclass(frozen=True)
class Steered:
    """The rolls (2, 128, steps) of 0 and 1: the window, the decoded edit, the true edit; and how they compare."""

    window: Roll
    decoded: Roll
    truth: Roll | None
    figures: dict[str, float | None]
    coordinates: dict[str, dict[str, float | None]]


def reach(kind: Kind) -> int:
    """The largest amount that a kind's slider gives, in whole units."""
    if isinstance(kind, Circle):
        return max(1, math.floor(kind.period / 2))
    return LINE_REACH.get(kind.name, 8)


def check_edit(model: Model, edit: Edit) -> None:
    """ValueError for an unknown kind, an amount beyond the slider's reach, or a blend outside 0..1."""
    for name, amount in edit.amounts.items():
        largest = reach(model.axes[name].kind)
        if abs(amount) > largest:
            raise ValueError(f"`{name}` must be -{largest}..{largest}, got {amount}")
    if not 0 <= edit.blend <= 1:
        raise ValueError(f"`blend` must be 0..1, got {edit.blend}")


def steer_window(model: Model, notes: Notes, start: int, edit: Edit) -> Steered:
    """Steer the window of ``notes`` that begins at step ``start``, decode it, and compare with the true edit."""
    check_edit(model, edit)
    steps = model.window_steps
    window = notes_to_roll(notes, steps, start)
    truth = true_edit(notes, start, steps, edit.amounts) if edit.has_truth else None
    other = notes_to_roll(notes, steps, start if edit.other is None else edit.other)
    latents = model.encode(np.stack([window, other, window if truth is None else truth]))
    at, moved, ideal = latents[:1], _moved(model, latents, edit), latents[2:]
    sounding = _binary(model, model.decode(torch.cat([moved, ideal])))
    known = truth is not None
    coordinates = {
        name: {
            "at": _number(axis.coordinate(at)),
            "moved": _number(axis.coordinate(moved)),
            "true": _number(axis.coordinate(ideal)) if known else None,
        }
        for name, axis in model.axes.items()
    }
    figures = _figures(at, moved, ideal, sounding, truth)
    return Steered(window, sounding[0], truth, figures, coordinates)


def true_edit(notes: Notes, start: int, steps: int, amounts: Mapping[str, int]) -> Roll:
    """The roll that the amounts of `EDITED` kinds should give; see the module."""
    pitch, metre, time = (amounts.get(name, 0) for name in EDITED)
    edited = notes[(notes["pitch"] + pitch >= 0) & (notes["pitch"] + pitch <= 127)].copy()
    edited["pitch"] += pitch
    roll = notes_to_roll(edited, steps, start - metre)
    moved, _ = shift(torch.from_numpy(roll[None]), torch.tensor([time]), dim=-1, edge="zero")
    return moved[0].numpy()


def marked_notes(roll: Roll, against: Roll | None, extra: str) -> list[list[Any]]:
    """Notes of ``roll`` as [onset, duration, pitch, mark]: "right" if ``against`` begins one there too, else ``extra``.

    Notes held over from before the window begin at its edge and are marked "held": nobody counts them. Without
    ``against`` every mark is "".
    """
    rows = []
    for note in roll_to_notes(roll):
        onset, pitch = int(note["onset"]), int(note["pitch"])
        mark = ""
        if against is not None:
            mark = "right" if against[ONSET, pitch, onset] else extra
            mark = mark if roll[ONSET, pitch, onset] else "held"
        rows.append([onset, int(note["duration"]), pitch, mark])
    return rows


def _moved(model: Model, latents: Tensor, edit: Edit) -> Tensor:
    """(1, D): blended, then steered; a follower's amount comes on top of its leader's."""
    z = torch.lerp(latents[:1], latents[1:2], edit.blend)
    amounts = {name: amount for name, amount in edit.amounts.items() if amount}
    for name in amounts:
        leader = model.axes[name].kind.family
        if leader != name and leader in amounts:
            amounts[name] += amounts[leader]
    return model.steer(z, **amounts)


def _binary(model: Model, probabilities: Tensor) -> UInt8[np.ndarray, "n 2 128 steps"]:
    return (probabilities >= model.threshold).numpy().astype(np.uint8)


def _figures(
    at: Tensor, moved: Tensor, ideal: Tensor, decoded: np.ndarray, truth: Roll | None
) -> dict[str, float | None]:
    """Note F1 of the decoded edit, its ceiling (the true edit encoded and decoded), and the latent's relative error.

    The error is |moved - ideal| / |ideal - at|: 0 is exact, 1 what doing nothing costs; None where nothing moves.
    """
    if truth is None:
        return {"f1": None, "ceiling": None, "error": None}
    expected = float((ideal - at).norm())
    error = float((moved - ideal).norm()) / expected if expected > SAME * (1 + float(at.norm())) else None
    f1, ceiling = (note_counts(truth[None], roll[None]).f1 for roll in decoded)
    return {"f1": f1, "ceiling": ceiling, "error": error}


def _number(value: Tensor) -> float:
    return round(float(value), 4)

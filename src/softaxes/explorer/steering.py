"""What does moving a window's latent along the axes give, beside the edit that it should have been?

The true edit of a window, as far as music has one:

    pitch   every note moved by as many semitones; what leaves MIDI's 128 pitches is gone
    metre   the window moved against the song: what is delayed leaves at the right, its neighbours stream in at the left

Any other kind, and any blend of two windows, has no true edit. What follows a kind (chroma the pitch) turns with it
and has no amount of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from softaxes.data.music.rolls import ONSET, notes_to_roll, roll_to_notes
from softaxes.diagnostics.notes import note_counts
from softaxes.geometry.kinds import Kind, Rotation
from softaxes.model.model import Model

EDITED = ("pitch", "metre")  # kinds with a true edit
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
    if isinstance(kind, Rotation):
        return max(1, math.floor(kind.period / 2))
    return LINE_REACH.get(kind.name, 8)


def check_edit(model: Model, edit: Edit) -> None:
    """ValueError for an unknown kind, an amount of one that follows another or beyond the slider's reach, or a blend
    outside 0..1."""
    for name, amount in edit.amounts.items():
        kind = model.axes[name].kind
        if amount and kind.family != name:
            raise ValueError(f"`{name}` follows `{kind.family}` and has no amount of its own, got {amount}")
        largest = reach(kind)
        if abs(amount) > largest:
            raise ValueError(f"`{name}` must be -{largest}..{largest}, got {amount}")
    if not 0 <= edit.blend <= 1:
        raise ValueError(f"`blend` must be 0..1, got {edit.blend}")


def steer_windows(model: Model, notes: Notes, start: int, edits: Sequence[Edit]) -> list[Steered]:
    """The same for several edits of one window, in one batch.

    Raises:
        ValueError: no edits, or one that `check_edit` refuses.
    """
    for edit in edits:
        check_edit(model, edit)
    steps = model.window_steps
    window = notes_to_roll(notes, steps, start)
    truths = [true_edit(notes, start, steps, edit.amounts) if edit.has_truth else None for edit in edits]
    starts = sorted({edit.other for edit in edits if edit.other is not None and edit.blend})
    others = [notes_to_roll(notes, steps, at) for at in starts]
    known = [truth for truth in truths if truth is not None]
    latents = model.encode(np.stack([window, *others, *known]))
    at, rest = latents[:1], latents[1 + len(starts) :]
    second = {start: latents[1 + k : 2 + k] for k, start in enumerate(starts)}
    moved = torch.cat(
        [_moved(model, at, None if edit.other is None else second.get(edit.other), edit) for edit in edits]
    )
    sounding = _binary(model, model.decode(torch.cat([moved, rest])))
    places = {name: [axis.coordinate(z) for z in (at, moved, rest)] for name, axis in model.axes.items()}
    steered, row = list[Steered](), 0
    for k, truth in enumerate(truths):
        ideal, ceiling, here = (None, None, None) if truth is None else (rest[row], sounding[len(edits) + row], row)
        row += truth is not None
        coordinates = {
            name: {
                "at": _number(z_at),
                "moved": _number(z_moved[k]),
                "true": None if here is None else _number(z_true[here]),
            }
            for name, (z_at, z_moved, z_true) in places.items()
        }
        turned = circular_edit(notes, start, steps, edits[k].amounts)
        figures = _figures(at[0], moved[k], ideal, sounding[k], ceiling, truth, turned)
        steered.append(Steered(window, sounding[k], truth, figures, coordinates))
    return steered


def true_edit(notes: Notes, start: int, steps: int, amounts: Mapping[str, int]) -> Roll:
    """The roll that the amounts of `EDITED` kinds should give; see the module."""
    pitch, metre = (amounts.get(name, 0) for name in EDITED)
    edited = notes[(notes["pitch"] + pitch >= 0) & (notes["pitch"] + pitch <= 127)].copy()
    edited["pitch"] += pitch
    return notes_to_roll(edited, steps, start - metre)


def circular_edit(notes: Notes, start: int, steps: int, amounts: Mapping[str, int]) -> Roll:
    """The window's own notes moved, those that leave at one end coming in at the other: all that its code can know."""
    roll = true_edit(notes, start, steps, {**amounts, "metre": 0})
    return np.roll(roll, amounts.get("metre", 0), axis=2)


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


def _moved(model: Model, z: Tensor, other: Tensor | None, edit: Edit) -> Tensor:
    """(1, D): blended with the other window, then steered."""
    if other is not None:
        z = torch.lerp(z, other, edit.blend)
    return model.steer(z, **{name: amount for name, amount in edit.amounts.items() if amount})


def _binary(model: Model, probabilities: Tensor) -> UInt8[np.ndarray, "n 2 128 steps"]:
    return (probabilities >= model.threshold).numpy().astype(np.uint8)


def _figures(
    at: Tensor,
    moved: Tensor,
    ideal: Tensor | None,
    decoded: Roll,
    ceiling: Roll | None,
    truth: Roll | None,
    turned: Roll,
) -> dict[str, float | None]:
    """Note F1 of the decoded edit, of its oracle (the window's own notes, turned) and of its ceiling (the true edit
    encoded and decoded), and the latent's relative error.

    The error is |moved - ideal| / |ideal - at|: 0 is exact, 1 what doing nothing costs; None where nothing moves.
    F1 is None where there is no note on either side: silence for silence is no achievement.
    """
    if truth is None or ideal is None or ceiling is None:
        return dict.fromkeys(("f1", "oracle", "ceiling", "error"))
    expected = float((ideal - at).norm())
    error = float((moved - ideal).norm()) / expected if expected > SAME * (1 + float(at.norm())) else None
    rolls = {"f1": decoded, "oracle": turned, "ceiling": ceiling}
    scores = {
        name: note_counts(truth[None], roll[None]).f1 if truth[ONSET].any() or roll[ONSET].any() else None
        for name, roll in rolls.items()
    }
    return {**scores, "error": error}


def _number(value: Tensor) -> float:
    return round(float(value), 4)

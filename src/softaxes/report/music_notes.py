"""Are the right notes there after decoding, and after steering and decoding?

For every operation four rolls are compared with the true edit of the window:

    steered    decode(op(z, k)): what the model offers
    ceiling    decode(f(T_k x)): the true edit, encoded and decoded; steering cannot be expected to beat it
    no change  decode(z): the reconstruction of the window before the edit
    copy       the window itself, before the edit

Chance is the F1 between the true edits of different windows. Intervals are over songs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from softaxes.diagnostics import Figure, Report
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.labelled import Array
from softaxes.diagnostics.notes import (
    Counts,
    f1_of_means,
    frame_counts,
    note_counts,
    onset_leakage,
    pitch_leakage,
    transposition,
)
from softaxes.geometry.kinds import Rotation
from softaxes.geometry.shifts import Shift, labelled_views
from softaxes.model.model import Model
from softaxes.report.music_views import PITCH, HeldOut

METHODS = ("steered", "ceiling", "no change", "copy")
DECODED = 400  # most windows that are decoded


@dataclass(frozen=True, eq=False)
class Edited:
    """One operation on n windows: ``before``, ``true_edit`` and rolls of each method, (n, 2, 128, steps) of bool."""

    kind: str
    amount: Array
    before: Array
    true_edit: Array
    decoded: dict[str, Array]


def binary(model: Model, latents: Tensor) -> Array:
    """Decoded rolls of 0 and 1, by the model's own threshold."""
    return (model.decode(latents) >= model.threshold).numpy()


def edit(model: Model, held_out: HeldOut, kind: str, *, seed: int = 0) -> Edited:
    """Shift every window by a random amount of ``kind``, in truth and in the latent."""
    rng = np.random.default_rng(seed)
    circle = isinstance(model.axes[kind].kind, Rotation)
    largest = held_out.shift_steps if circle else held_out.pitch_semitones
    amount = torch.from_numpy(rng.integers(1, largest + 1, size=len(held_out.rolls)))
    amount = amount * torch.from_numpy(rng.choice([-1, 1], size=len(amount)))
    how = {kind: Shift(-1, "stream") if circle else Shift(-2)}
    declared = [model.axes[kind].kind]
    labels = torch.zeros(len(amount), 1, dtype=torch.long), amount[:, None]
    views = labelled_views(held_out.rolls, *labels, kinds=declared, shifts=how, context={-1: held_out.context})
    z, before = model.encode(views.anchor), views.anchor.bool().numpy()
    decoded = {
        "steered": binary(model, model.steer(z, **{kind: amount.float()})),
        "ceiling": binary(model, model.encode(views.views[:, 0])),
        "no change": binary(model, z),
        "copy": before,
    }
    return Edited(kind, amount.numpy(), before, views.views[:, 0].bool().numpy(), decoded)


def edit_figures(edited: Edited, group: Array, *, draws: int = 1000) -> dict[str, Report]:
    """By method: F1 of cells and onsets, and what the operation must not touch."""
    bootstrap = Bootstrap(group, n=draws)
    other = np.roll(edited.true_edit, max(1, len(edited.true_edit) // 2), axis=0)
    return {
        method: Report([
            *_f1_figures(edited.true_edit, rolls, other, edited.kind, bootstrap),
            *_side_figures(edited, rolls, bootstrap),
        ])
        for method, rolls in edited.decoded.items()
    }  # fmt: skip


def reconstruction_figures(edited: Edited, group: Array, *, draws: int = 1000) -> Report:
    """F1 of the windows decoded from their own latents."""
    other = np.roll(edited.before, max(1, len(edited.before) // 2), axis=0)
    rolls = edited.decoded["no change"]
    bootstrap = Bootstrap(group, n=draws)
    near, blind = (note_counts(edited.before, guess, tolerance_steps=1) for guess in (rolls, other))
    low, high = bootstrap.interval(near.values, statistic=f1_of_means)
    within_a_step = Figure("note_f1", near.f1, low, high, _notes(near), blind.f1, "within a step")
    return Report([*_f1_figures(edited.before, rolls, other, "", bootstrap), within_a_step])


def _f1_figures(true_edit: Array, rolls: Array, other: Array, kind: str, bootstrap: Bootstrap) -> list[Figure]:
    figures = []
    for name, count in (("frame_f1", frame_counts), ("note_f1", note_counts)):
        found, blind = count(true_edit, rolls), count(true_edit, other)
        low, high = bootstrap.interval(found.values, statistic=f1_of_means)
        figures.append(Figure(name, found.f1, low, high, _notes(found), blind.f1, kind))
    return figures


def _notes(found: Counts) -> int:
    return int(found.reference.sum())


def _side_figures(edited: Edited, rolls: Array, bootstrap: Bootstrap) -> list[Figure]:
    """A pitch edit: is its best-matching transposition right, did onsets move? A time edit: did pitches change?"""
    if edited.kind != PITCH:
        return [_mean("pitch_leakage", pitch_leakage(rolls, edited.true_edit), float("nan"), edited.kind, bootstrap)]
    reach = 24
    right = transposition(rolls, edited.before, edited.amount, reach=reach)
    leakage = onset_leakage(rolls, edited.true_edit)
    return [
        _mean("transposition", right, 1 / (2 * reach + 1), edited.kind, bootstrap),
        _mean("onset_leakage", leakage, float("nan"), edited.kind, bootstrap),
    ]


def _mean(name: str, values: Array, chance: float, kind: str, bootstrap: Bootstrap) -> Figure:
    low, high = bootstrap.interval(values)
    return Figure(name, float(values.mean()), low, high, len(values), chance, kind)

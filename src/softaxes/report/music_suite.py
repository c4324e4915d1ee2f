"""What is measured of an encoder of music, on songs it has never seen?

``music_suite`` asks everything: the figures of ``diagnose`` on shifted windows, own-shift
identification among all shifts, and the notes that come back after steering. Intervals are over songs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from softaxes.diagnostics import Figure, Report, diagnose
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.held_out import held_out_axes, predict
from softaxes.diagnostics.labelled import Array, Labelled, group_index, to_numpy
from softaxes.diagnostics.neighbours import retrieval
from softaxes.diagnostics.operators import nearest_own_shift
from softaxes.geometry.axes import Axes, CycleAxis
from softaxes.geometry.kinds import Rotation
from softaxes.model.model import Model
from softaxes.report.controls import untrained
from softaxes.report.music_joint import extrapolation_figures, joint_figures
from softaxes.report.music_notes import DECODED, Edited, edit, edit_figures, reconstruction_figures
from softaxes.report.music_views import PITCH, SWEEP_WINDOWS, HeldOut, MusicLatents, draw_views, encode_all
from softaxes.report.tables import joined

GALLERY = 1500  # windows among which two operations at once must find the right one


@dataclass(frozen=True, eq=False)
class MusicFindings:
    """What is known of a model of music.

    ``suites`` holds "running", "joint" and "extrapolation"; ``controls`` the first of other encoders by name; ``edits``
    the decoded operations by kind with ``edit_suites`` by kind and method, and ``reconstruction``, all empty without a
    decoder.
    """

    model: Model
    held_out: HeldOut
    latents: MusicLatents
    suites: Mapping[str, Report]
    controls: Mapping[str, Mapping[str, Report]]
    edits: Mapping[str, Edited]
    edit_suites: Mapping[str, Mapping[str, Report]]
    reconstruction: Report


def music_suite(
    model: Model,
    windows_with_context: ArrayLike | Tensor,
    song: ArrayLike,
    *,
    pitch_semitones: int = 12,
    shift_steps: int = 8,
    windows: int = 1000,
    seed: int = 0,
    controls: bool = True,
    draws: int = 1000,
) -> MusicFindings:
    """Measure a model on windows of songs that it was not trained on.

    Args:
        windows_with_context: (n, 2, 128, steps + 2 c) rolls of 0 and 1 with c >= ``shift_steps`` real neighbours on
            each side; ``steps`` is the model's window.
        song: (n,) song of each window, any labels; intervals are over them.
        pitch_semitones, shift_steps: largest shifts to judge.
        windows: most windows to use; repeats, transposed or not, are left out before.
        seed: of all that is drawn.
        controls: measure an untrained encoder as well.
        draws: of the bootstrap.

    Raises:
        ValueError: shapes that do not fit, or a model without a pitch axis.
    """
    every = _held_out(model, windows_with_context, song, pitch_semitones, shift_steps).different()
    held_out, gallery = every.some(windows, seed), every.some(max(windows, GALLERY), seed)
    drawn = draw_views(model.axes, held_out, seed=seed)
    latents = encode_all(model, drawn)
    others = {"untrained encoder": untrained(model)} if controls else {}
    edits = decoded_edits(model, held_out.some(DECODED, seed), seed=seed) if model.decoder is not None else {}
    group = held_out.some(DECODED, seed).group
    first = next(iter(edits.values()), None)
    return MusicFindings(
        model=model,
        held_out=held_out,
        latents=latents,
        suites=music_figures(latents, model.axes, draws=draws)
        | {"joint": joint_figures(model, gallery, seed=seed, draws=draws)}
        | {"extrapolation": extrapolation_figures(model, held_out.some(SWEEP_WINDOWS, seed), draws=draws)},
        controls={
            name: music_figures(encode_all(other, drawn), _fixed(model.axes), draws=draws)
            for name, other in others.items()
        },
        edits=edits,
        edit_suites={kind: edit_figures(edited, group, draws=draws) for kind, edited in edits.items()},
        reconstruction=reconstruction_figures(first, group, draws=draws) if first else Report([]),
    )


def _fixed(axes: Axes) -> Axes | None:
    """The axes of a code that turns: its planes stand where they were put before training, so a control's do as well.

    None, fit the control's own, without a cycle; hundreds of planes would take minutes to fit.
    """
    return axes if any(isinstance(axis, CycleAxis) for axis in axes.values()) else None


def decoded_edits(model: Model, held_out: HeldOut, *, seed: int = 0) -> dict[str, Edited]:
    """Operations of pitch and of every leading circle or cycle, decoded, by kind."""
    kinds = [kind for kind in model.axes.kinds if kind.family == kind.name]
    named = [kind.name for kind in kinds if kind.name == PITCH or isinstance(kind, Rotation)]
    return {name: edit(model, held_out, name, seed=seed) for name in named}


def _held_out(model: Model, rolls: ArrayLike | Tensor, song: ArrayLike, semitones: int, steps: int) -> HeldOut:
    array = rolls if isinstance(rolls, Tensor) else torch.from_numpy(np.ascontiguousarray(to_numpy(rolls)))
    extra, odd = divmod(array.shape[-1] - model.window_steps, 2)
    if array.ndim != 4 or odd or extra < 0:
        wanted = f"(n, 2, 128, {model.window_steps} + twice the context)"
        raise ValueError(f"`windows_with_context` must have shape {wanted}, got {tuple(array.shape)}")
    return HeldOut(array, group_index(song, len(array)), extra, semitones, steps)


def music_figures(latents: MusicLatents, axes: Axes | None = None, *, draws: int = 1000) -> dict[str, Report]:
    """The suite "running".

    Args:
        axes: fitted on training songs; by default each half of the songs is judged by axes of the other half.
    """
    suite = _diagnose(latents.running, axes, draws)
    names = list(dict.fromkeys(figure.name for figure in suite.values() if figure.name != "own_shift"))
    return {"running": joined((suite, names), (own_shift_figures(latents.shift_sweeps, axes, draws=draws), ()))}


def _diagnose(batch: Labelled, axes: Axes | None, draws: int) -> Report:
    return diagnose(
        anchor=batch.anchor, views=batch.views, kind=batch.kind, amount=batch.amount, group=batch.group,
        kinds=batch.kinds, axes=axes, draws=draws,
    )  # fmt: skip


def own_shift_figures(shift_sweeps: Labelled, axes: Axes | None, *, draws: int = 1000) -> Report:
    """Is the right one of *all* shifts of a window the nearest to what the operator says? By kind."""
    moved = predict(shift_sweeps, held_out_axes(shift_sweeps, axes)) - shift_sweeps.anchor[:, None]
    found, bootstrap = nearest_own_shift(moved, shift_sweeps), Bootstrap(shift_sweeps.group, n=draws)
    figures = []
    for index, kind in enumerate(shift_sweeps.kinds):
        item, view = np.nonzero((shift_sweeps.kind == index) & shift_sweeps.shifted)
        if len(item):
            right = found.right[item, view]
            low, high = bootstrap.interval(right, item)
            chance = float(found.chance[item, view].mean())
            figures.append(Figure("own_shift", float(right.mean()), low, high, len(item), chance, kind.name))
    return Report(figures)


@dataclass(frozen=True)
class Success:
    """Of one kind: ``amount`` (N,) and, by method, whether the nearest candidate was the right one (N,)."""

    amount: Array
    right: dict[str, Array]
    candidates: int


def success_at_amounts(shift_sweeps: Labelled, axes: Axes, kind: int, *, seed: int = 0) -> Success:
    """H@1 at each amount, in the gallery of all windows *shifted by that same amount*: register alone does not help."""
    predicted = predict(shift_sweeps, held_out_axes(shift_sweeps, axes))
    amounts, right = [], {"operator": [], "no operator": [], "random direction": []}  # type: ignore[var-annotated]
    everyone = np.arange(len(shift_sweeps.anchor))
    for level in np.unique(shift_sweeps.amount[shift_sweeps.kind == kind]):
        item, view = np.nonzero((shift_sweeps.kind == kind) & (shift_sweeps.amount == level))
        assert np.array_equal(item, everyone)  # a shift_sweep holds every amount of every window once
        found = retrieval(
            predicted[item, view], shift_sweeps.anchor, shift_sweeps.views[item, view], everyone, seed=seed
        )
        amounts.append(np.full(len(item), level))
        for method, hits in zip(right, (found.operator, found.no_operator, found.random_direction), strict=True):
            right[method].append(hits.rank <= 1)
    columns = {method: np.concatenate(parts) if parts else np.empty(0, dtype=bool) for method, parts in right.items()}
    return Success(np.concatenate(amounts) if amounts else np.empty(0), columns, len(everyone))


def chance_of(candidates: int) -> float:
    """H@1 of a blind guess."""
    return 1 / candidates if candidates else math.nan

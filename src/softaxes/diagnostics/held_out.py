"""What do axes predict for songs they were not fitted on?

Goal: axes for every item of a set of labelled latents, fitted on other items, and the views they predict.

Conventions: those of ``labelled``. Given axes (of the training data) serve all items. Otherwise groups are halved, by
turns, and each half gets axes fitted on the other; with a single group there is no other half, and its own axes serve.
"""

from __future__ import annotations

import numpy as np
import torch

from softaxes.diagnostics.labelled import Array, Labelled
from softaxes.geometry.axes import Axes
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Rotation

Folds = list[tuple[Array, Axes]]  # items, and axes that were not fitted on them


def held_out_axes(batch: Labelled, axes: Axes | None = None) -> Folds:
    """Pairs of items (indices) and axes for them; together the items are all of 0..B-1."""
    every = np.arange(len(batch.anchor))
    if axes is not None:
        return [(every, axes)]
    even = batch.group % 2 == 0
    if even.all():
        return [(every, fit(batch))]
    halves = np.flatnonzero(even), np.flatnonzero(~even)
    return [(halves[0], fit(batch.rows(halves[1]))), (halves[1], fit(batch.rows(halves[0])))]


def fit(batch: Labelled) -> Axes:
    """Axes of the kinds that occur, by least squares on unclipped views (on all, if a kind has clipped views only).

    Circles and cycles for whose planes the latent has no dimensions left get no axis.
    """
    moved = [i for i in range(len(batch.kinds)) if (batch.amounts[..., i] != 0).any()]
    free = batch.anchor.shape[1] - sum(not isinstance(batch.kinds[i], Rotation) for i in moved)
    for i in list(moved):
        if isinstance(kind := batch.kinds[i], Rotation):
            free -= 2 * len(kind.harmonics)
            if free < 0:
                moved.remove(i)
                free += 2 * len(kind.harmonics)
    if not moved:
        return Axes([])
    clipped = batch.clipped
    if clipped is not None and any(not (batch.amounts[~clipped][:, i] != 0).any() for i in moved):
        clipped = None
    return fit_axes(
        anchor=torch.from_numpy(batch.anchor),
        views=torch.from_numpy(batch.views),
        amount=torch.from_numpy(batch.amounts[..., moved]),
        kinds=[batch.kinds[i] for i in moved],
        clipped=None if clipped is None else torch.from_numpy(clipped),
    )


def predict(batch: Labelled, folds: Folds) -> Array:
    """op(z, amount) of every view, (B, V, D); NaN where no axis of its kind was fitted."""
    predicted = np.full(batch.views.shape, np.nan)
    for items, axes in folds:
        for index, declared in enumerate(batch.kinds):
            row, view = np.nonzero(batch.kind[items] == index)
            if declared.name in axes and len(row):
                z = torch.from_numpy(batch.anchor[items[row]])
                amount = torch.from_numpy(batch.amount[items[row], view])
                predicted[items[row], view] = axes.shift(z, **{declared.name: amount}).numpy()
    return predicted


def coordinates(batch: Labelled, folds: Folds, kind: int) -> tuple[Array, Array, Array, Array]:
    """Coordinate before and after each view that moves a kind, its amount, and its item; (N,) each.

    Lines in units, circles and cycles in steps. Views without an axis of that kind, or that move it by 0, are left out.
    """
    columns: list[tuple[Array, ...]] = [(np.empty(0),) * 3 + (np.empty(0, dtype=np.int64),)]
    for items, axes in folds:
        if batch.kinds[kind].name not in axes:
            continue
        axis = axes[batch.kinds[kind].name]
        row, view = np.nonzero(batch.amounts[items][..., kind])
        item = items[row]
        before, after = (
            axis.coordinate(torch.from_numpy(z)).numpy() for z in (batch.anchor[item], batch.views[item, view])
        )
        columns.append((before, after, batch.amounts[item, view, kind], item))
    before, after, amount, item = (np.concatenate(column) for column in zip(*columns, strict=True))
    return before, after, amount, item

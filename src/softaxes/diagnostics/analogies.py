"""a : T a :: b : ?  Does the shift of one song, seen as a difference of latents, carry over to another?

Goal: predict z_b + mean(f(T_s x) - f(x)) over donors x from other groups, with the same kind and amount. No axis is
fitted: few donors show how far differences are shared as they are, many how far their mean is.

Conventions: those of ``labelled``. Donors are drawn without replacement from the views of other groups. On a circle a
difference depends on where it starts, so analogies must fail there even for a perfect encoder: that is geometry.
Judge predictions with ``operators`` (``relative_errors``, ``own_shift``, ``skill``) and ``neighbours.retrieval``.

Source: Mikolov, Yih & Zweig 2013 for the offset method; donors from other songs only, as leave-one-out.
"""

from __future__ import annotations

import math

import numpy as np

from softaxes.diagnostics.labelled import Array, Labelled, on_arrays
from softaxes.diagnostics.operators import relative_errors


@on_arrays
def analogies(batch: Labelled, *, donors: int = 5, seed: int = 0) -> Array:
    """Predicted latent of every view, (B, V, D); NaN where other groups hold fewer than ``donors`` such views.

    Args:
        donors: number of other crops whose difference is averaged, >= 1.
        seed: of the draw of donors.
    """
    if donors < 1:
        raise ValueError(f"`donors` must be >= 1, got {donors}")
    rng = np.random.default_rng(seed)
    predicted = np.full(batch.views.shape, math.nan)
    shifts = np.stack([batch.kind, batch.amount], axis=-1)[batch.shifted]
    for kind, amount in np.unique(shifts, axis=0):
        item, view = np.nonzero((batch.kind == kind) & (batch.amount == amount) & batch.shifted)
        group, difference = batch.group[item], batch.difference[item, view]
        key = rng.random((len(item), len(item)))
        key[group[:, None] == group] = np.inf
        enough = np.isfinite(key).sum(axis=1) >= donors
        if enough.any():
            drawn = np.argpartition(key[enough], donors - 1, axis=1)[:, :donors]
            predicted[item[enough], view[enough]] = batch.anchor[item[enough]] + difference[drawn].mean(axis=1)
    return predicted


@on_arrays
def analogy_error(batch: Labelled, *, donors: int = 5, seed: int = 0) -> dict[str, float]:
    """Mean relative error of the analogies of each kind, by name; 0: exact, 1: did nothing, NaN: not enough donors.

    Chance, for differences that point anywhere and for independent latents: sqrt(1 + 1 / donors).
    """
    predicted = analogies(batch, donors=donors, seed=seed)
    found = {index: donor_errors(batch, predicted, index)[0] for index in range(len(batch.kinds))}
    return {batch.kinds[i].name: float(e.mean()) if len(e) else math.nan for i, e in found.items()}


def donor_errors(batch: Labelled, predicted: Array, kind: int) -> tuple[Array, Array]:
    """Relative errors of the predicted and living views of one kind, (N,), and their items."""
    item, view = np.nonzero((batch.kind == kind) & batch.alive & ~np.isnan(predicted).any(axis=-1))
    if not len(item):
        return np.empty(0), item
    return relative_errors(predicted[item, view], batch.anchor[item], batch.views[item, view]), item

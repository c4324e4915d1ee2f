"""What must a page know to draw a report's pictures itself, so that a reader can move in them?

Counts and curves as plain numbers, small enough for metrics.json (some kB):

    cosines   histograms of the cosines between two differences of one item, by what was promised, with chance
    moves     a line: how far each amount moved the coordinate; a circle: histogram of the phase error
    success   how often the operator finds the right one at each amount, beside controls and chance
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softaxes.diagnostics.cosines import Cosines, chance_same_anchor
from softaxes.diagnostics.held_out import coordinates, held_out_axes
from softaxes.diagnostics.labelled import Array, Labelled
from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Line

BINS = 50
CLOCK_BINS = 32
EXPECTED = {"cross": 0.0, "same": 1.0, "opposite": -1.0}
QUANTILES = (0.05, 0.5, 0.95)


def cosine_bins(found: Cosines, *, dims: int) -> dict[str, Any]:
    """Counts of cosines in ``BINS`` even bins on [-1, 1], by part of the data and by group of pairs.

    Args:
        dims: of the latents; independent ones score ``chance`` in every group, whatever was promised.

    Returns:
        {"chance", "parts": {part: [{"kind", "relation", "expected", "counts"}]}}; ``kind`` is "" for pairs of two
        kinds, ``expected`` None for circles and cycles, whose differences may have any cosine.
    """
    edges = np.linspace(-1.0, 1.0, BINS + 1)
    cos = np.clip(found.cos, -1.0, 1.0)
    groups = [("", "cross", found.relation("cross"))]
    for index, kind in enumerate(found.kinds):
        own = (found.first == index) & (found.second == index)
        names = ("same", "opposite") if isinstance(kind, Line) else (type(kind).__name__.lower(),)
        groups += [(kind.name, name, own & found.relation(name)) for name in names]
    parts = {
        part: [
            {
                "kind": kind,
                "relation": relation,
                "expected": EXPECTED.get(relation),
                "counts": np.histogram(cos[pairs & mask], edges)[0].tolist(),
            }
            for kind, relation, pairs in groups
            if pairs.any()
        ]
        for part, mask in found.parts().items()
    }
    return {"chance": chance_same_anchor(dims), "parts": parts}


def moves(batch: Labelled, axes: Axes | None, units: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each kind that occurs, what shifts did to its coordinate.

    Args:
        axes: fitted on training data; by default each half of the items is judged by axes of the other half.
        units: by kind; others are steps.

    Returns:
        Lines: {"kind", "unit", "amount", "low", "median", "high"}, the middle 90 % of the moves of each amount.
        Others: {"kind", "unit", "period", "counts"}, phase errors in ``CLOCK_BINS`` even bins on half a turn each way.
    """
    folds, rows = held_out_axes(batch, axes), list[dict[str, Any]]()
    for index, kind in enumerate(batch.kinds):
        if not (batch.amounts[..., index] != 0).any():
            continue
        before, after, amount, _ = coordinates(batch, folds, index)
        row: dict[str, Any] = {"kind": kind.name, "unit": units.get(kind.name, "steps")}
        if not isinstance(kind, Line):
            period = kind.coordinate_period
            rows.append(row | {"period": period, "counts": phase_errors(before, after, amount, period)})
        elif len(before):
            levels = np.unique(amount)
            spread = np.array([np.quantile((after - before)[amount == level], QUANTILES) for level in levels])
            low, median, high = (column.tolist() for column in spread.T)
            rows.append(row | {"amount": levels.tolist(), "low": low, "median": median, "high": high})
    return rows


def phase_errors(before: Array, after: Array, amount: Array, period: float) -> list[int]:
    """Counts of after - (before + amount) in ``CLOCK_BINS`` even bins on [-period / 2, period / 2)."""
    error = np.remainder(after - before - amount + period / 2, period)
    counts: list[int] = np.histogram(error, CLOCK_BINS, (0, period))[0].tolist()
    return counts


def success_row(
    kind: str, unit: str, amount: Array, right: Mapping[str, Array], *, chance: float, candidates: int
) -> dict[str, Any]:
    """Share of right answers at each amount, by method: {"kind", "unit", "amount", "methods", "chance", "candidates"}.

    Args:
        amount: (N,) signed shifts.
        right: (N,) booleans by method.
    """
    levels: Sequence[float] = np.unique(amount).tolist()
    methods = {name: [float(hit[amount == level].mean()) for level in levels] for name, hit in right.items()}
    return {
        "kind": kind, "unit": unit, "amount": levels, "methods": methods, "chance": chance, "candidates": candidates,
    }  # fmt: skip

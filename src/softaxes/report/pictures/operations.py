"""Does arithmetic on latents do what the edit does? Shift sweeps, a circle's clock, success at each amount."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from softaxes.report.page import NEUTRAL, kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank, legend, name, say_nothing, some


def shift_sweep(before: Array, after: Array, amount: Array, *, kind: str, unit: str) -> Figure:
    """Coordinate on a line after a shift: predicted (before + amount) against true, and what each amount moved.

    Left, one dot a view on the diagonal if the axis is calibrated. Right, the median move of each amount with the
    middle 90 % of views.

    Args:
        before, after, amount: (N,) in ``unit``.
    """
    figure, plots = _two_plots(kind, len(before))
    if not len(before):
        return figure
    colour = kind_colour(kind)
    predicted = before + amount
    low, high = np.quantile(np.concatenate([predicted, after]), [0.001, 0.999])
    _on_the_diagonal(plots[0, 0], predicted, after, (low, high), colour)
    name(plots[0, 0], f"{kind} coordinate of the shifted view", f"predicted, {unit}", f"encoded, {unit}")
    levels = np.unique(amount)
    spread = np.array([np.quantile((after - before)[amount == level], [0.05, 0.5, 0.95]) for level in levels])
    plots[0, 1].plot(levels, levels, color=INK, linewidth=0.8, linestyle="--", label="exact")
    plots[0, 1].vlines(levels, spread[:, 0], spread[:, 2], color=colour, alpha=0.45, linewidth=3, label="90 % of views")
    plots[0, 1].plot(levels, spread[:, 1], color=colour, marker="o", markersize=3.5, linewidth=1.2, label="median")
    name(plots[0, 1], f"how far each shift moved it (n = {len(before):,})", f"shift, {unit}", f"moved, {unit}")
    for plot in plots.flat:
        plot.grid(color=FAINT, alpha=0.2, linewidth=0.6)
        legend(plot, loc="upper left")
    return figure


def phase_clock(before: Array, after: Array, amount: Array, *, kind: str, period: float, unit: str = "steps") -> Figure:
    """A circle's phase: predicted against encoded (left), and the error as a histogram on the clock (right).

    Args:
        before, after: (N,) phases in steps, in [0, period).
        amount: (N,) signed shifts in steps.
    """
    figure, plots = _two_plots(kind, len(before))
    if not len(before):
        return figure
    colour = kind_colour(kind)
    predicted = np.remainder(before + amount, period)
    error = np.remainder(after - predicted + period / 2, period) - period / 2
    _on_the_diagonal(plots[0, 0], predicted, after, (0, period), colour)
    name(plots[0, 0], f"{kind} phase of the shifted view", f"predicted, {unit} of {period:g}", f"encoded, {unit}")
    edges = np.linspace(-period / 2, period / 2, 33)
    weights = np.full(len(error), 100 / len(error))
    plots[0, 1].hist(error, edges, weights=weights, color=colour, alpha=0.7)
    plots[0, 1].axhline(100 / 32, color=INK, linestyle="--", linewidth=0.8, label="chance")
    cosine = np.cos(2 * np.pi * error / period).mean()
    name(plots[0, 1], f"phase error (mean cos {cosine:.2f}, n = {len(error):,})", f"error, {unit}", "share of views, %")
    for plot in plots.flat:
        legend(plot, loc="upper left")
    return figure


def _two_plots(kind: str, number: int) -> tuple[Figure, Array]:
    """A figure of two plots, which say so where there are no shifts to draw."""
    figure, plots = blank(1, 2, width=10, height=4.2)
    if not number:
        for plot in plots.flat:
            say_nothing(plot, f"no shifts of {kind}")
    return figure, plots


def _on_the_diagonal(plot: Any, predicted: Array, after: Array, limits: tuple[float, float], colour: str) -> None:
    """Dots of some views, encoded against predicted; all on the dashed line if the axis is exact."""
    shown = some(len(predicted))
    plot.plot(limits, limits, color=INK, linewidth=0.8, linestyle="--", label="exact")
    plot.scatter(predicted[shown], after[shown], s=6, color=colour, alpha=0.35, linewidth=0, rasterized=True)
    plot.set(xlim=limits, ylim=limits, aspect="equal")


def success_by_amount(amount: Array, right: Mapping[str, Array], *, kind: str, unit: str, chance: float) -> Figure:
    """Share of right answers at each shift, one line per method; the first is the operator, the others controls.

    Args:
        amount: (N,) signed shifts.
        right: (N,) booleans by method.
        chance: of a blind guess, drawn dotted.
    """
    figure, plots = blank(width=8, height=3.4)
    plot, levels = plots[0, 0], np.unique(amount)
    styles = [(kind_colour(kind), "-", 2.0), (INK, "--", 1.0), (NEUTRAL, "-.", 1.0), (NEUTRAL, ":", 1.4)]
    for (method, hit), (colour, style, width) in zip(right.items(), styles * len(right), strict=False):
        share = [100 * hit[amount == level].mean() for level in levels]
        plot.plot(levels, share, color=colour, linestyle=style, linewidth=width, label=method)
    plot.axhline(100 * chance, color=FAINT, linestyle=":", linewidth=1, label=f"chance {100 * chance:.2g} %")
    name(plot, "", f"{kind} shift, {unit}", "nearest is the right one, %")
    plot.set_ylim(-2, 102)
    figure.legend(*plot.get_legend_handles_labels(), frameon=False, fontsize=8.5, labelcolor=INK, ncols=5,
                  loc="outside lower center")  # fmt: skip
    return figure

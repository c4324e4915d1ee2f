"""How did it get there, and what does it cost? Loss over steps, and factorization against content."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from softaxes.diagnostics.report import Figure as FigureOfReport
from softaxes.report.page import NEUTRAL, kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank, legend, name, say_nothing

_SERIES = [INK, "#c4505c", "#9a8a2e", "#5a7f8c", "#a9745a", "#7a7f87", "#6f8f4e", "#9c5f86"]  # terms are no kinds


TRAINING = "Terms of the loss on training batches, both axes logarithmic: as logged in pale, moving means in full."
NOT_TERMS = ("step", "learning_rate", "seconds")


def training_curve(history: Sequence[Mapping[str, Any]]) -> Figure:
    """``loss_curve`` of the rows of a run's metrics.jsonl."""
    names = dict.fromkeys(key for row in history for key in row if key not in NOT_TERMS)
    terms = {name: [row.get(name, math.nan) for row in history] for name in names}
    return loss_curve([row["step"] for row in history], terms)


def loss_curve(steps: Sequence[float], terms: Mapping[str, Sequence[float]], *, window: int = 0) -> Figure:
    """Terms of the loss over steps, both logarithmic: as logged in pale, smoothed in full colour.

    Args:
        steps: (N,) > 0.
        terms: by name, (N,); values that are not positive have no place on a logarithm and are left out.
        window: rows that a moving mean takes together; 0: a twentieth of all.
    """
    figure, plots = blank(width=10, height=3.6)
    plot, x = plots[0, 0], np.asarray(steps, dtype=np.float64)
    width = window or max(1, len(x) // 20)
    for colour, (term, values) in zip(_SERIES * len(terms), terms.items(), strict=False):
        y = np.asarray(values, dtype=np.float64)
        keep = np.isfinite(y) & (y > 0)
        if not keep.any():
            continue
        smooth = moving_mean(y[keep], width)
        plot.plot(x[keep], y[keep], color=colour, alpha=0.25, linewidth=0.8)
        plot.plot(x[keep], smooth, color=colour, linewidth=1.6, label=f"{term} (last {smooth[-1]:.3g})")
    if not plot.lines:
        say_nothing(plot, "no steps were logged")
        return figure
    plot.set_xscale("log")
    plot.set_yscale("log")
    name(plot, "", "training step", "loss")
    handles, labels = plot.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8.5, labelcolor=INK, loc="outside right upper")
    return figure


def moving_mean(values: Array, width: int) -> Array:
    """Mean of each value and up to ``width`` - 1 before it, (N,)."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - width, 0)
    return np.asarray((total[end] - total[start]) / (end - start))


def tradeoff_curve(
    weight: Sequence[float],
    factorization: Array,
    content: Mapping[str, Array],
    *,
    measure: str = "mean |cos| of two kinds",
) -> Figure:
    """Content against factorization as the loss weight grows, one plot per measure of content.

    Args:
        weight: (W,) weights of the factorization loss, ascending.
        factorization: (W, S) over S seeds, lower is better.
        content: by name, (W, S).
        measure: what ``factorization`` is.
    """
    figure, plots = blank(1, max(len(content), 1), width=4.6 * max(len(content), 1), height=3.8)
    cost = np.asarray(factorization, dtype=np.float64)
    for plot, (title, values) in zip(plots[0], content.items(), strict=False):
        kept = np.asarray(values, dtype=np.float64)
        plot.scatter(cost, kept, s=14, color=NEUTRAL, alpha=0.7, label="one seed")
        middle = cost.mean(axis=1), kept.mean(axis=1)
        plot.plot(*middle, color=INK, linewidth=1.4, marker="o", markersize=4, label="mean of seeds")
        for index, value in enumerate(weight):
            spot = middle[0][index], middle[1][index]
            plot.annotate(f"{value:g}", spot, (5, 5), textcoords="offset points", color=INK, fontsize=8)
        name(plot, "at each weight of the loss", f"{measure} (0: orthogonal)", title)
        plot.grid(color=FAINT, alpha=0.2, linewidth=0.6)
        legend(plot)
    return figure


def noise_strips(
    draws: Mapping[str, Sequence[float]],
    whole: Mapping[str, FigureOfReport],
    published: Mapping[str, float],
    labels: Mapping[str, str],
) -> Figure:
    """One strip a figure, each on its own scale: its values in small draws, in all of the data, and as published.

    All arguments go by the figure's key; ``published`` may lack some.
    """
    figure, plots = blank(max(len(draws), 1), 1, width=9, height=0.62 * max(len(draws), 1) + 0.5)
    for plot, (key, values) in zip(plots[:, 0], draws.items(), strict=False):
        of_all = whole[key]
        plot.scatter(
            values,
            np.zeros(len(values)),
            s=22,
            color=kind_colour(of_all.kind),
            alpha=0.6,
            linewidth=0,
            label="small draws",
        )
        if np.isfinite(of_all.low):
            plot.plot([of_all.low, of_all.high], [0.35, 0.35], color=INK, linewidth=2)
        plot.scatter([of_all.value], [0.35], s=20, color=INK, label="all images")
        if key in published:
            plot.scatter([published[key]], [-0.35], s=46, marker="^", color=FAINT, label="published")
        plot.set(ylim=(-0.8, 0.8), yticks=[])
        plot.spines["left"].set_visible(False)
        plot.set_ylabel(labels[key], rotation=0, ha="right", va="center")
    if draws:
        plots[-1, 0].set_xlabel("cosine, degrees or share of variance, each strip on its own scale")
        handles, labels = plots[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, fontsize=8.5, labelcolor=INK, ncols=3, loc="outside upper right")
    return figure

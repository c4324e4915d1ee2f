"""How many notes does a code keep at each size? One line a method, with intervals over songs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from baselines import RatePoint
from matplotlib.figure import Figure

from softaxes.report.page import KIND_COLOURS, NEUTRAL
from softaxes.report.pictures.canvas import INK, blank, legend, name, say_nothing

PANELS = (("note_f1", "onset at its step"), ("note_f1_near", "onset within one step"), ("frame_f1", "sounding cells"))
_COLOURS = [INK, *KIND_COLOURS.values(), NEUTRAL]
_MARKERS = "osD^vP"


def rate_curve(points: Sequence[RatePoint]) -> Figure:
    """F1 on held-out songs against floats a window, one panel a way of counting; a point a size, the mean over seeds.

    Bars reach from the lowest to the highest end of the seeds' 95 % intervals over songs.
    """
    figure, plots = blank(1, len(PANELS), width=11, height=3.6, sharex=True, sharey=True)
    methods = list(dict.fromkeys(point.method for point in points))
    for plot, (figure_name, title) in zip(plots[0], PANELS, strict=True):
        if not points:
            say_nothing(plot, "no points yet")
            continue
        for index, method in enumerate(methods):
            rows = [point for point in points if point.method == method]
            dims = sorted({point.dim for point in rows})
            values = [[getattr(p, figure_name) for p in rows if p.dim == dim] for dim in dims]
            low = [min(getattr(p, f"{figure_name}_low") for p in rows if p.dim == dim) for dim in dims]
            high = [max(getattr(p, f"{figure_name}_high") for p in rows if p.dim == dim) for dim in dims]
            mean = np.array([np.mean(v) for v in values])
            reach = np.nan_to_num(np.stack([mean - low, np.array(high) - mean]).clip(min=0))
            seeds = max(len(v) for v in values)
            plot.errorbar(
                dims, mean, yerr=reach, color=_COLOURS[index % len(_COLOURS)], marker=_MARKERS[index % len(_MARKERS)],
                markersize=4, linewidth=1.4, capsize=2, label=f"{method} ({seeds} seed{'s' * (seeds > 1)})",
            )  # fmt: skip
        plot.set_xscale("log", base=2)
        ticks = sorted({point.dim for point in points})
        plot.set_xticks(ticks, [str(tick) for tick in ticks])
        plot.set_ylim(0, 1)
        name(plot, title, "latent size, floats a window")
    plots[0, 0].set_ylabel("F1, held-out songs")
    legend(plots[0, 0], loc="lower right")
    return figure

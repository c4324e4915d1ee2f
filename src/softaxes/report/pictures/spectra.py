"""Does a grid of shifts separate into a pitch profile and a time profile? Its singular values, unfolded both ways."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from softaxes.report.page import kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank, legend, name, say_nothing

_SHOWN = 60  # single images drawn in pale


def grid_spectra_curves(spectra: Mapping[str, Array], control: Mapping[str, Array] | None = None) -> Figure:
    """Singular values as shares of their sum, one plot an unfolding: each image in pale, their mean in full.

    Args:
        spectra: (n, R) shares by the kind whose offsets are the rows of the matrix; rows of NaN are left out.
        control: the same for an untrained encoder, whose mean is drawn dashed.
    """
    figure, plots = blank(1, len(spectra), width=10, height=3.6, sharey=True)
    for plot, (kind, shares) in zip(plots[0], spectra.items(), strict=True):
        alive = shares[~np.isnan(shares).any(axis=1)]
        if not len(alive):
            say_nothing(plot, "the latent does not change with the shifts")
            continue
        index = np.arange(1, alive.shape[1] + 1)
        for row in alive[:_SHOWN]:
            plot.plot(index, row, color=kind_colour(kind), alpha=0.12, linewidth=0.8)
        mean = alive.mean(axis=0)
        plot.plot(index, mean, color=kind_colour(kind), linewidth=2.2, marker="o", markersize=4, label="mean of images")
        if control is not None:
            other = np.nanmean(control[kind], axis=0)
            plot.plot(index, other, color=INK, linestyle="--", linewidth=1, label="untrained encoder")
        plot.axhline(1 / len(index), color=FAINT, linewidth=1, linestyle=":", label="flat")
        others = " × ".join([k for k in spectra if k != kind] + ["latent"])
        name(plot, f"{kind} × ({others}): first value {mean[0]:.2f}", "singular value", "share of the sum")
        plot.set_ylabel("share of the sum" if plot is plots[0, 0] else "")
        plot.set_xticks(index)
        plot.set_ylim(0, 1)
        legend(plot)
    return figure


def variance_spectrum(shares: Mapping[str, Array]) -> Figure:
    """Shares of variance of each principal direction, descending: one line per set of latents (D,), logarithmic."""
    figure, plots = blank(width=7, height=3.2)
    plot = plots[0, 0]
    for (label, values), style in zip(shares.items(), ("-", "--", ":", "-.") * len(shares), strict=False):
        kept = np.asarray(values)[np.asarray(values) > 0]
        plot.plot(np.arange(1, len(kept) + 1), kept, color=INK, linestyle=style, linewidth=1.6, label=label)
    plot.set_yscale("log")
    name(plot, "", "principal direction", "share of variance")
    legend(plot)
    return figure

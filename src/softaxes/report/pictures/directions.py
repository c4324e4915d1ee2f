"""Where do the differences point? Cosines, principal components, and up against down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from softaxes.diagnostics.cosines import Cosines, angle_of_halves, chance_same_anchor, signed_differences
from softaxes.diagnostics.labelled import Labelled
from softaxes.geometry.kinds import Circle, Rotation
from softaxes.report.page import NEUTRAL, kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank, legend, name, say_nothing, some

_EDGES = np.linspace(-1.0, 1.0, 51)


def cosine_histograms(found: Cosines, *, dims: int) -> Figure:
    """Cosines of pairs of one anchor, for all, unclipped and clipped pairs; promised values are at -1, 0 and +1.

    Two kinds in the neutral colour; one kind in its own, opposite signs hatched. Dashed: what independent latents of
    ``dims`` dimensions score, whatever was promised.
    """
    parts = found.parts()
    figure, plots = blank(1, len(parts), width=10, height=3.2, sharey=True)
    for plot, (part, mask) in zip(plots[0], parts.items(), strict=True):
        for label, colour, hatch, chosen in _groups(found, mask):
            weights = np.full(chosen.sum(), 100.0 / max(chosen.sum(), 1))
            cos = np.clip(found.cos[chosen], -1.0, 1.0)
            style: dict[str, Any] = {"color": colour, "alpha": 0.5, "hatch": hatch, "edgecolor": INK, "linewidth": 0}
            plot.hist(cos, _EDGES, weights=weights, label=label, **style)
        plot.axvline(chance_same_anchor(dims), color=INK, linestyle="--", linewidth=1, label="chance")
        name(plot, f"{part} pairs (n = {int((mask & found.alive).sum()):,})", "cosine of two differences")
        plot.set_xlim(-1.04, 1.04)
    plots[0, 0].set_ylabel("share of pairs, % a bin")
    handles, labels = plots[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8.5, labelcolor=INK, ncols=4, loc="outside lower center")
    return figure


def _groups(found: Cosines, mask: Array) -> list[tuple[str, str, str, Array]]:
    """(label, colour, hatch, pairs) of each histogram that any pair of the whole set falls into."""
    groups = [("two kinds (want 0)", NEUTRAL, "", found.relation("cross"))]
    for index, kind in enumerate(found.kinds):
        colour, own = kind_colour(kind.name), (found.first == index) & (found.second == index)
        if isinstance(kind, Rotation):
            law = "chord law" if isinstance(kind, Circle) else "law of a cycle"
            groups.append((f"{kind.name} ({law})", colour, "", own & found.alive))
        else:
            groups.append((f"{kind.name}, same sign (want +1)", colour, "", own & found.relation("same")))
            groups.append((f"{kind.name}, opposite (want −1)", colour, "////", own & found.relation("opposite")))
    return [(label, colour, hatch, pairs & mask) for label, colour, hatch, pairs in groups if pairs.any()]


def difference_plane(differences: Array, kind: Array, amount: Array, *, kinds: Sequence[str]) -> Figure:
    """Differences on their first two principal components, by kind (left) and by size and sign of the amount (right).

    Args:
        differences: (N, D).
        kind, amount: (N,).
        kinds: names that ``kind`` indexes.
    """
    figure, plots = blank(1, 2, width=10, height=4.6)
    centred = differences - differences.mean(axis=0)
    _, values, axes = np.linalg.svd(centred[some(len(centred), 20_000)], full_matrices=False)
    if len(axes) < 2 or not values[0] > 0:
        for plot in plots.flat:
            say_nothing(plot, "the differences do not vary")
        return figure
    share = 100 * values**2 / (values**2).sum()
    xy, shown = centred @ axes[:2].T, some(len(centred))
    largest = np.abs(amount).max()
    for index, kind_name in enumerate(kinds):
        rows = shown[kind[shown] == index]
        if not len(rows):
            continue
        colour = kind_colour(kind_name)
        plots[0, 0].scatter(*xy[rows].T, s=7, color=colour, alpha=0.45, linewidth=0, label=kind_name, rasterized=True)
        for sign, marker in ((1, "^"), (-1, "v")):
            part = rows[np.sign(amount[rows]) == sign]
            size = 26 * np.abs(amount[part]) / largest
            plots[0, 1].scatter(*xy[part].T, s=size, color=colour, alpha=0.3, linewidth=0, marker=marker,
                                label=f"{kind_name} {'+' if sign > 0 else '−'}", rasterized=True)  # fmt: skip
    for plot, title in zip(plots[0], ("by kind", "by sign; larger mark, larger amount"), strict=True):
        name(plot, title, f"component 1 ({share[0]:.1f} % of variance)", f"component 2 ({share[1]:.1f} %)")
        plot.set_aspect("equal", adjustable="datalim")
        legend(plot, markerscale=1.6)
    return figure


def mean_halves(batch: Labelled) -> tuple[dict[str, tuple[Array, Array]], dict[str, float]]:
    """Mean + and mean - difference (D,) of each line that occurs, and the degrees between them."""
    halves, angles = {}, {}
    for index, kind in enumerate(batch.kinds):
        rows, _ = signed_differences(batch, index)
        if isinstance(kind, Rotation) or not len(rows):
            continue
        mean = rows.mean(axis=0, keepdims=True)
        up, down = np.split(mean[0], 2)
        halves[kind.name], angles[kind.name] = (up, down), float(angle_of_halves(mean)[0])
    return halves, angles


def asymmetry(halves: Mapping[str, tuple[Array, Array]], angles: Mapping[str, float]) -> Figure:
    """Mean + and mean - difference of each line, drawn in the plane that they span, + to the right.

    Args:
        halves: mean + and mean - difference (D,), (D,) by kind.
        angles: degrees between them by kind; NaN if there is none.
    """
    figure, plots = blank(1, max(len(halves), 1), width=5 * max(len(halves), 1), height=2.7)
    for plot, (kind, (up, down)) in zip(plots[0], halves.items(), strict=False):
        angle, longest = angles[kind], max(np.linalg.norm(up), np.linalg.norm(down))
        if not np.isfinite(angle) or longest == 0:
            say_nothing(plot, f"{kind}: no mean + or no mean − difference")
            continue
        turn = np.radians(angle)
        for length, at, sign in ((np.linalg.norm(up), 0.0, "+"), (np.linalg.norm(down), turn, "−")):
            tip = np.array([np.cos(at), np.sin(at)]) * length / longest
            plot.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": kind_colour(kind), "lw": 2})
            plot.text(*(tip * 1.09), f"mean {sign}", color=INK, fontsize=8.5, ha="center", va="bottom")
        arc = np.linspace(0, turn, 60)
        plot.plot(0.3 * np.cos(arc), 0.3 * np.sin(arc), color=FAINT, linewidth=1)
        plot.plot([-1, 0], [0, 0], color=FAINT, linewidth=1, linestyle=":")
        middle = turn / 2
        plot.text(0.36 * np.cos(middle), 0.36 * np.sin(middle), f"{angle:.1f}°", color=INK, ha="center", va="bottom")
        name(plot, f"{kind}: {angle:.1f}° between mean + and mean − (want 180°)")
        plot.set(xlim=(-1.35, 1.35), ylim=(-0.18, 1.1 if angle < 150 else 0.75), aspect="equal", xticks=[], yticks=[])
        for spine in plot.spines.values():
            spine.set_visible(False)
    return figure

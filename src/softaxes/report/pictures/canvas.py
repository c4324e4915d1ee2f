"""How does every figure look, and how does it get into a page?

Figures are drawn in two inks that a page turns into its own colours: ``INK`` becomes the text colour of the page, light
or dark, and the background stays clear. ``FAINT`` is for grids and references and reads on both.
"""

from __future__ import annotations

import colorsys
import io
import itertools
import re
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]
INK, FAINT = "#010203", "#8b9099"
POINTS = 2400  # most points that a scatter plot shows


def blank(
    rows: int = 1, columns: int = 1, *, width: float = 10.0, height: float = 3.4, **grid: Any
) -> tuple[Figure, Array]:
    """An empty figure of ``rows`` x ``columns`` plots, and the plots; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    FigureCanvasAgg(figure)
    plots = figure.subplots(rows, columns, squeeze=False, **grid)
    for plot in plots.flat:
        quiet(plot)
    return figure, plots


def quiet(plot: Axes) -> None:
    """No box around a plot, small text, clear ground."""
    plot.patch.set_alpha(0.0)
    plot.tick_params(which="both", colors=INK, labelsize=8.5, width=0.7)
    plot.tick_params(length=3)
    for side, spine in plot.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
        spine.set_linewidth(0.7)
    plot.xaxis.label.set(color=INK, size=9)
    plot.yaxis.label.set(color=INK, size=9)
    plot.title.set(color=INK, size=9.5)


def name(plot: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Title and labels of a plot."""
    plot.set_title(title, color=INK, fontsize=9.5)
    plot.set_xlabel(x)
    plot.set_ylabel(y)


def legend(plot: Axes, **where: Any) -> None:
    """A legend without a box, if anything in the plot has a label."""
    handles, labels = plot.get_legend_handles_labels()
    if labels:
        plot.legend(handles, labels, frameon=False, fontsize=8.5, labelcolor=INK, **where)


def say_nothing(plot: Axes, why: str) -> None:
    """Fill a plot that has no data with the reason."""
    plot.text(0.5, 0.5, why, ha="center", va="center", color=FAINT, fontsize=9, transform=plot.transAxes)
    plot.set_xticks([])
    plot.set_yticks([])


def amount_colours(colour: str) -> LinearSegmentedColormap:
    """Colours of signed amounts of a kind: its colour for positive ones, its complement for negative, faint at 0."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    other = colorsys.hls_to_rgb((hue + 0.5) % 1, light, strength)
    return LinearSegmentedColormap.from_list("amount", [other, (0.72, 0.73, 0.75), (red, green, blue)])


def some(rows: int, most: int = POINTS) -> Array:
    """At most ``most`` row indices, evenly spread: which points of many to draw."""
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)


def to_png(figure: Figure, *, dpi: int = 110, paper: str = "#ffffff") -> bytes:
    """The figure as PNG on ``paper``."""
    stream = io.BytesIO()
    figure.patch.set_alpha(1.0)
    figure.savefig(stream, format="png", dpi=dpi, facecolor=paper)
    figure.patch.set_alpha(0.0)
    return stream.getvalue()


def to_svg(figure: Figure, *, prefix: str) -> str:
    """The figure as an ``<svg>`` element to inline: text stays text, names begin with ``prefix``, ``INK`` follows the
    page's text colour. The same figure gives the same characters."""
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "softaxes"}):
        FigureCanvasSVG(figure).print_svg(
            stream, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    FigureCanvasAgg(figure)  # give the figure its own canvas back
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\s(xmlns|xmlns:xlink|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    number = itertools.count()
    svg = re.sub(
        r'(<image[^>]*?\sid="image)', lambda found: f"{found[1]}{next(number)}-", svg
    )  # equal pictures, one name
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = svg.replace('href="#', f'href="#{prefix}').replace("url(#", f"url(#{prefix}")
    width = f'<svg style="max-width:{96 * figure.get_figwidth():.0f}px"'  # text is then of one size in all figures
    return svg.replace("<svg", width, 1).replace(INK, "currentColor").strip()

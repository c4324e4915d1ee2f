"""What do the shifts do to an image, and what does the loss get to see?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from softaxes.report.page import kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank


def show_image(plot: Axes, image: Array, colour: str = FAINT, width: float = 0.7) -> None:
    """An image (rows, columns) of values in 0..1 in a border; row 0 at the bottom: higher rows are higher pitches."""
    filled = np.nonzero(image > 0.04)
    add_cells(plot, *filled, colour=INK, alpha=np.clip(image[filled], 0, 1))
    rows, columns = image.shape
    plot.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5), aspect="equal", xticks=[], yticks=[])
    for spine in plot.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
        spine.set_linewidth(width)


def add_cells(
    plot: Axes,
    rows: Array,
    columns: Array,
    *,
    colour: str,
    alpha: float | Array = 1.0,
    left: float = -0.5,
    width: float = 1.0,
) -> None:
    """Fill the cells at ``rows`` and ``columns``: one collection of squares, which stays sharp and follows the page's
    colours. A cell begins ``left`` of its column and is ``width`` wide."""
    corners = np.array([[left, -0.5], [left + width, -0.5], [left + width, 0.5], [left, 0.5]])
    cells = np.stack([columns, rows], axis=1)[:, None] + corners
    if len(cells):
        filled = PolyCollection(list(cells), facecolors=colour, edgecolors="face", linewidths=0.2, alpha=alpha)
        plot.add_collection(filled, autolim=False)


def shift_gallery(images: Array, amounts: Sequence[float], kinds: Sequence[str], units: Sequence[str]) -> Figure:
    """One image under each amount (a column) of each kind (a row).

    Args:
        images: (K, A, rows, columns).
        amounts: A signed amounts, 0 for the image itself.
        kinds, units: K names and units.
    """
    figure, plots = blank(len(kinds), len(amounts), width=10, height=10 * len(kinds) / len(amounts) + 0.5)
    for row, kind in enumerate(kinds):
        for column, amount in enumerate(amounts):
            plot = plots[row, column]
            show_image(plot, images[row, column], kind_colour(kind) if amount else FAINT, 1.8 if amount else 0.7)
            plot.set_title(f"{amount:+g}" if amount else "anchor", color=kind_colour(kind) if amount else INK, size=9)
        plots[row, 0].set_ylabel(f"{kind}, {units[row]}", color=kind_colour(kind))
    return figure


def triplet_gallery(
    anchor: Array, views: Array, kind: Array, amount: Array, clipped: Array, *, kinds: Sequence[str], columns: int = 3
) -> Figure:
    """Triplets side by side, each an anchor and two views framed in the colour of their kind.

    Args:
        anchor: (n, rows, columns).
        views: (n, 2, rows, columns).
        kind, amount, clipped: (n, 2).
        kinds: names that ``kind`` indexes.
        columns: triplets in a row.
    """
    n = len(anchor)
    lines = -(-n // columns)
    figure, plots = blank(lines, 4 * columns - 1, width=10, height=1.28 * lines + 0.1,
                          width_ratios=([1, 1, 1, 0.25] * columns)[:-1])  # fmt: skip
    for plot in plots.flat:
        plot.set_visible(False)
    for index in range(n):
        line, first = divmod(index, columns)
        place = plots[line, 4 * first : 4 * first + 3]
        for plot in place:
            plot.set_visible(True)
        show_image(place[0], anchor[index])
        place[0].set_title("anchor", color=INK, size=8.5)
        for view in range(2):
            colour = kind_colour(kinds[int(kind[index, view])])
            show_image(place[1 + view], views[index, view], colour, 2.0)
            lost = ", clipped" if clipped[index, view] else ""
            title = f"{kinds[int(kind[index, view])]} {amount[index, view]:+.0f}{lost}"
            place[1 + view].set_title(title, color=colour, size=7.5)
    return figure


def decoded_gallery(lines: Mapping[str, Array], titles: Sequence[str], colours: Sequence[str]) -> Figure:
    """A line of images for each of what is compared, a column for each example; pixels as dark as they are likely.

    Args:
        lines: (n, rows, columns) of probabilities by name, say the true edit and what is decoded.
        titles, colours: n, what was done to each example and the colour of its kind.
    """
    n = len(titles)
    figure, plots = blank(len(lines), n, width=10, height=10 * len(lines) / n + 0.3)
    for row, (text, images) in enumerate(lines.items()):
        for column in range(n):
            show_image(plots[row, column], images[column])
        plots[row, 0].set_ylabel(text)
    for column, (title, colour) in enumerate(zip(titles, colours, strict=True)):
        plots[0, column].set_title(title, color=colour, size=9)
    return figure

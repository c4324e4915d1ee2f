"""What do the shifts do to an image, and what does the loss get to see? Rows of small images in one plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from softaxes.report.page import kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank

GAP = 2.0  # pixels between images


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
        filled = PolyCollection(list(cells), facecolors=colour, edgecolors="none", alpha=alpha)
        plot.add_collection(filled, autolim=False)


class Wall:
    """A plot on which images of one size hang in lines; place (0, 0) is at the top left."""

    def __init__(self, lines: int, columns: float, side: int, *, room: float = 4.0) -> None:
        self.step, self.room, self.lines = side + GAP, room, lines
        across, down = columns * self.step, lines * (self.step + room)
        figure, plots = blank(width=10, height=10 * down / across)
        figure.set_layout_engine("none")
        self.figure, self.plot = figure, plots[0, 0]
        self.plot.set_position((0, 0, 1, 1))
        self.plot.set(xlim=(-GAP, across - GAP), ylim=(-0.5, down - 0.5), aspect="equal")
        self.plot.axis("off")

    def hang(
        self,
        image: Array,
        line: int,
        column: float,
        title: str,
        colour: str = FAINT,
        width: float = 0.7,
        size: float = 8,
    ) -> None:
        """An image (rows, columns) of values in 0..1 in a frame; row 0 at the bottom: higher rows are higher pitches."""
        x, y = column * self.step, (self.lines - 1 - line) * (self.step + self.room)
        filled = np.nonzero(image > 0.04)
        add_cells(self.plot, filled[0] + y, filled[1] + x, colour=INK, alpha=np.clip(image[filled], 0, 1))
        rows, columns = image.shape
        frame = Rectangle((x - 0.5, y - 0.5), columns, rows, fill=False, edgecolor=colour, linewidth=width)
        self.plot.add_patch(frame)
        ink = INK if colour == FAINT else colour
        self.plot.text(x - 0.5 + columns / 2, y + rows, title, color=ink, fontsize=size, ha="center", va="bottom")

    def label(self, line: int, side: int, text: str, colour: str = INK) -> None:
        """What a line shows, upright at its left."""
        y = (self.lines - 1 - line) * (self.step + self.room) - 0.5 + side / 2
        self.plot.text(-1.0, y, text, color=colour, fontsize=8.5, rotation=90, ha="right", va="center")


def shift_gallery(images: Array, amounts: Sequence[float], kinds: Sequence[str], units: Sequence[str]) -> Figure:
    """One image under each amount (a column) of each kind (a line).

    Args:
        images: (K, A, side, side).
        amounts: A signed amounts, 0 for the image itself.
        kinds, units: K names and units.
    """
    side = images.shape[-1]
    wall = Wall(len(kinds), len(amounts), side)
    for line, kind in enumerate(kinds):
        for column, amount in enumerate(amounts):
            look = (kind_colour(kind), 1.8, 9) if amount else (FAINT, 0.7, 9)
            wall.hang(images[line, column], line, column, f"{amount:+g}" if amount else "anchor", *look)
        wall.label(line, side, f"{kind}, {units[line]}", kind_colour(kind))
    return wall.figure


def triplet_gallery(
    anchor: Array, views: Array, kind: Array, amount: Array, clipped: Array, *, kinds: Sequence[str], columns: int = 3
) -> Figure:
    """Triplets side by side, each an anchor and two views framed in the colour of their kind.

    Args:
        anchor: (n, side, side).
        views: (n, 2, side, side).
        kind, amount, clipped: (n, 2).
        kinds: names that ``kind`` indexes.
        columns: triplets in a line.
    """
    wall = Wall(-(-len(anchor) // columns), 3.3 * columns - 0.3, anchor.shape[-1])
    for index in range(len(anchor)):
        line, place = divmod(index, columns)
        wall.hang(anchor[index], line, 3.3 * place, "anchor")
        for view in range(2):
            name = kinds[int(kind[index, view])]
            lost = ", clipped" if clipped[index, view] else ""
            title = f"{name} {amount[index, view]:+.0f}{lost}"
            wall.hang(views[index, view], line, 3.3 * place + 1 + view, title, kind_colour(name), 2.0, 7.5)
    return wall.figure


def decoded_gallery(lines: Mapping[str, Array], titles: Sequence[str], colours: Sequence[str]) -> Figure:
    """A line of images for each of what is compared, a column for each example; pixels as dark as they are likely.

    Args:
        lines: (n, side, side) of probabilities by name, say the true edit and what is decoded.
        titles, colours: n, what was done to each example and the colour of its kind.
    """
    side = next(iter(lines.values())).shape[-1]
    wall = Wall(len(lines), len(titles), side)
    for line, (text, images) in enumerate(lines.items()):
        for column, (title, colour) in enumerate(zip(titles, colours, strict=True)):
            wall.hang(images[column], line, column, title if line == 0 else "", colour)
        wall.label(line, side, text)
    return wall.figure

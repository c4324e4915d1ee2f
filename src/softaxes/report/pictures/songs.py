"""What did steering do to a song? Its first bars before and after, and as the true edit has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from softaxes.data.music.song import Song
from softaxes.report.page import NEUTRAL, kind_colour
from softaxes.report.pictures.canvas import FAINT, INK, blank, legend, name, say_nothing
from softaxes.songs.steer import SteeredSong

BARS = 8
TITLES = ("before", "steered", "the true edit")
_MISSED = "#d64550"
Notes = NDArray[np.void]


def song_before_and_after(
    song: Song,
    steered: SteeredSong,
    *,
    titles: Sequence[str] = ("before", "steered", "the true edit"),
    bars: int = BARS,
) -> Figure:
    """Three rolls over one another: the song, what its steered latents decode to, the true edit.

    Shows ``bars`` bars from the first one with a note. In the middle, notes that the true edit has too are in the
    colour of steering, others in red.

    Args:
        song: on the grid of ``steered``; its bar lines are drawn and numbered.
        titles: of the three.
    """
    figure, plots = blank(3, 1, width=10, height=6.6, sharex=True, sharey=True)
    everything = np.concatenate([steered.before, steered.notes, steered.true_edit])
    if not len(everything):
        for plot in plots.flat:
            say_nothing(plot, "no notes")
        return figure
    begin, end, lines = _shown(song, everything, bars)
    true = {(int(n["onset"]), int(n["pitch"])) for n in steered.true_edit}
    right = np.array([(int(n["onset"]), int(n["pitch"])) in true for n in steered.notes], dtype=bool)
    layers = (
        [(steered.before, NEUTRAL, "")],
        [
            (steered.notes[right], kind_colour("pitch"), "notes of the true edit"),
            (steered.notes[~right], _MISSED, "others"),
        ],
        [(steered.true_edit, INK, "")],
    )
    for plot, title, rows in zip(plots[:, 0], titles, layers, strict=True):
        for notes, colour, label in rows:
            _bars_of(plot, notes, colour, label)
        _lines(plot, begin, end, lines)
        name(plot, title, y="MIDI pitch")
    seen = everything[(everything["onset"] < end) & (everything["onset"] + everything["duration"] > begin)]
    plots[0, 0].set(xlim=(begin, end), ylim=(int(seen["pitch"].min()) - 2, int(seen["pitch"].max()) + 2))
    legend(plots[1, 0], loc="upper right", ncols=2)
    plots[2, 0].set_xlabel("bar")
    return figure


def _shown(song: Song, notes: Notes, bars: int) -> tuple[int, int, list[int]]:
    """Steps from which and up to which to draw, and the bar lines of the whole song and one bar beyond."""
    last = int((notes["onset"] + notes["duration"]).max())
    table = song.bars(until_step=last)
    lines = [*table["start"].tolist(), int(table["start"][-1] + table["steps"][-1])]
    first = int(np.searchsorted(lines, int(notes["onset"].min()), side="right")) - 1
    return lines[first], lines[min(first + bars, len(lines) - 1)], lines


def _bars_of(plot: Axes, notes: Notes, colour: str, label: str) -> None:
    """Notes as bars of their length, a little shorter so that repeated notes are seen as two."""
    x, y = notes["onset"].astype(float), notes["pitch"].astype(float)
    end = x + notes["duration"] - 0.15
    corners = np.stack(
        [np.stack([a, b], -1) for a, b in ((x, y - 0.42), (end, y - 0.42), (end, y + 0.42), (x, y + 0.42))], 1
    )
    plot.add_collection(PolyCollection(list(corners), facecolors=colour, edgecolors="none", label=label or None))


def _lines(plot: Axes, begin: int, end: int, lines: list[int]) -> None:
    shown = [(index + 1, at) for index, at in enumerate(lines) if begin <= at <= end]
    for _, at in shown:
        plot.axvline(at, color=FAINT, alpha=0.6, linewidth=0.7)
    plot.set_xticks([at for _, at in shown], [str(number) for number, _ in shown])
    plot.yaxis.set_major_locator(MaxNLocator(6, integer=True))

"""What did an operation do to the notes? Piano rolls before, as the true edit has it, and as the latent has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from softaxes.report.page import NEUTRAL
from softaxes.report.pictures.canvas import FAINT, INK, Array, blank, say_nothing
from softaxes.report.pictures.galleries import add_cells

ONSET, SUSTAIN = 0, 1
_MISSED = "#d64550"


def show_roll(plot: Axes, roll: Array, colour: str, *, low: int, high: int, beat_steps: int = 4) -> None:
    """A roll (2, 128, T) of 0 and 1: sounding cells in pale, onsets in full; MIDI pitches ``low``..``high``."""
    add_cells(plot, *np.nonzero(roll[SUSTAIN] > 0.5), colour=colour, alpha=0.45, left=0.0)
    add_cells(plot, *np.nonzero(roll[ONSET] > 0.5), colour=colour, left=0.0, width=0.45)
    plot.set(xlim=(0, roll.shape[-1]), ylim=(low - 0.5, high + 0.5))
    for step in range(0, roll.shape[-1] + 1, beat_steps):
        plot.axvline(step, color=FAINT, alpha=0.35 if step % (4 * beat_steps) else 0.9, linewidth=0.6)


def pitch_range(rolls: Sequence[Array], *, margin: int = 2) -> tuple[int, int]:
    """Lowest and highest sounding pitch of the rolls, with a margin; the middle octaves if nothing sounds."""
    pitches = np.concatenate([np.nonzero((roll > 0.5).any(axis=(0, 2)))[0] for roll in rolls])
    if not len(pitches):
        return 54, 78
    return max(int(pitches.min()) - margin, 0), min(int(pitches.max()) + margin, 127)


def before_and_after(
    before: Array,
    true_edit: Array,
    decoded: Array,
    titles: Sequence[str],
    *,
    colours: Sequence[str],
    beat_steps: int = 4,
) -> Figure:
    """A line per example: the roll before, the true edit, and what the steered latent decodes to.

    In the last column, cells that the true edit has and the decoder lacks are framed.

    Args:
        before, true_edit, decoded: (n, 2, 128, T) of 0 and 1.
        titles, colours: n, what each edit is and the colour of its kind.
    """
    figure, plots = blank(max(len(before), 1), 3, width=10, height=1.9 * max(len(before), 1) + 0.4, sharex=True)
    if not len(before):
        for plot in plots.flat:
            say_nothing(plot, "no examples")
    for row, title in enumerate(titles):
        low, high = pitch_range([before[row], true_edit[row], decoded[row]])
        columns = (
            (before, NEUTRAL, "before"),
            (true_edit, INK, "true edit"),
            (decoded, colours[row], "decoded from steered z"),
        )
        for plot, (rolls, colour, what) in zip(plots[row], columns, strict=True):
            show_roll(plot, rolls[row], colour, low=low, high=high, beat_steps=beat_steps)
            plot.set_title(f"{title}: {what}" if what != "before" else what, color=INK, fontsize=8.5)
        missed = (true_edit[row, SUSTAIN] > 0.5) & (decoded[row, SUSTAIN] <= 0.5)
        for pitch, step in zip(*np.nonzero(missed), strict=True):
            plots[row, 2].add_patch(
                Rectangle((step + 0.1, pitch - 0.4), 0.8, 0.8, fill=False, edgecolor=_MISSED, linewidth=0.8)
            )
        plots[row, 0].set_ylabel("MIDI pitch")
        for plot in plots[row]:
            plot.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    for plot in plots[-1]:
        plot.set_xlabel("step")
    return figure

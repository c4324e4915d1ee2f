"""Which stretches of a piece's lines return exactly? Found by SIATEC-C, they are the first candidates for motifs.

The lines are laid behind one another in time, far apart, and SIATEC-C finds what returns within and between them under
diatonic transposition. A repeat is the stretch of a line from a pattern's first note to its last, if the pattern has
most of the stretch's notes. Repeats that nearly coincide are one; they come in order of notes saved.

Time and memory are bounded: up to ``WHOLE_NOTES`` notes of lines at once, in blocks of ``BLOCK_NOTES`` beyond (what
returns only between blocks is then no repeat, though ``returns`` still finds it for one that is).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.lines import Lines
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.motifs.patterns.siatec_c import FOUR_BEATS, siatec_c
from softaxes.motifs.patterns.tecs import TECList

SMALLEST, LARGEST = 3, 32  # notes
LONGEST_TICKS = 16 * TICKS_PER_BEAT
LEAST_SHARE = 0.75  # of the stretch's notes that a pattern must have
WHOLE_NOTES, BLOCK_NOTES = 8_000, 2_000
MOST_PERIODS = 50
SAME = 0.7  # repeats are one if their stretches share this much


@dataclass(frozen=True)
class Repeat:
    """The stretch from note ``first`` to ``last`` of ``Lines``, both included, and how often it returns exactly."""

    first: int
    last: int
    count: int
    share: float


def exact_repeats(lines: Lines, most: int = 120, least_notes: int = SMALLEST) -> list[Repeat]:
    """At most ``most`` repeats, best first; what comes round without a rest in stretches of ``least_notes`` or more."""
    size = len(lines) if len(lines) <= WHOLE_NOTES else BLOCK_NOTES
    rows = [_in_block(lines, start, min(start + size, len(lines))) for start in range(0, len(lines), max(1, size))]
    table = np.concatenate([np.zeros((0, 4)), *rows])
    if len(table) == 0 and len(lines):
        table = _periods(lines, least_notes)
    saved = (table[:, 1] - table[:, 0]) * table[:, 3] * (table[:, 2] - 1)
    chosen: list[Repeat] = []
    kept: list[tuple[int, int]] = []
    for row in table[np.argsort(-saved, kind="stable")]:
        first, last = int(row[0]), int(row[1])
        if all(_shared(first, last, a, b) < SAME for a, b in kept):
            chosen.append(Repeat(first, last, int(row[2]), float(row[3])))
            kept.append((first, last))
        if len(chosen) == most:
            break
    return chosen


def _in_block(lines: Lines, start: int, end: int) -> NDArray[np.float64]:
    """Rows (first, last, count, share) of the TECs of the notes start .. end - 1."""
    points = _displaced(lines, start, end)
    tecs = siatec_c(points, FOUR_BEATS)
    if len(tecs) == 0:
        return np.zeros((0, 4))
    return _stretches(tecs, points, start)


def _periods(lines: Lines, least_notes: int) -> NDArray[np.float64]:
    """Rows as of `_in_block`, for music that comes round without a rest: what returns is then nearly all of it, and the
    stretch is what lies before the next return, or as many rounds as hold ``least_notes``. Of the first `BLOCK_NOTES`
    notes.
    """
    end = min(len(lines), BLOCK_NOTES)
    points = _displaced(lines, 0, end)
    tecs, rows = siatec_c(points, FOUR_BEATS), []
    for index in np.argsort(-tecs.sizes(), kind="stable")[:MOST_PERIODS] if len(tecs) else ():
        onset = points[tecs.members[tecs.starts[index] : tecs.starts[index + 1]], 0]
        moves = tecs[int(index)].translators[:, 0]
        later = moves[moves > 0]
        if len(later) and onset[-1] - onset[0] >= later.min():
            first, *ends = np.searchsorted(points[:, 0], onset[0] + later.min() * np.arange(LARGEST + 1)).tolist()
            last = next((end for end in ends if end - first >= least_notes), first)
            if SMALLEST <= last - first <= LARGEST and points[last - 1, 0] - points[first, 0] <= LONGEST_TICKS:
                rows.append((first, last - 1, len(moves), 1.0))
    table = np.array(rows, float).reshape(-1, 4)
    size = table[:, 1] - table[:, 0]
    return table[size == size.max(initial=0)]  # its fragments return as often and say less


def _displaced(lines: Lines, start: int, end: int) -> NDArray[np.int64]:
    """The notes as points (onset, diatonic pitch), each line far behind the one before: sorted as they are."""
    onset, line = lines.notes.onset[start:end], lines.line[start:end]
    gap = int(np.ptp(onset)) + 8 * FOUR_BEATS
    pitch = lines.notes.pitch("morphetic")[start:end]
    return np.stack([onset - onset.min() + (line - line[0]) * gap, pitch], axis=1)


def _stretches(tecs: TECList, points: NDArray[np.int64], start: int) -> NDArray[np.float64]:
    sizes, counts = tecs.sizes(), tecs.counts()
    first, last = tecs.members[tecs.starts[:-1]], tecs.members[tecs.starts[1:] - 1]
    share = sizes / (last - first + 1)
    span = points[last, 0] - points[first, 0]
    good = (counts > 1) & (sizes >= SMALLEST) & (last - first < LARGEST) & (share >= LEAST_SHARE)
    good &= span <= LONGEST_TICKS
    return np.stack([first + start, last + start, counts, share], axis=1)[good].astype(float)


def _shared(a: int, b: int, c: int, d: int) -> float:
    """Notes in both stretches over notes in either."""
    both = min(b, d) - max(a, c) + 1
    return max(0, both) / (max(b, d) - min(a, c) + 1)

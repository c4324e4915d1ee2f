"""Where does a stretch of a line return, exactly or varied? Cheap fit everywhere, then the classifier where it fits.

Every stretch of the same length in time, in any line, is a place. Its fit counts the onsets that it shares with the
prototype when both begin together, and how near their pitches are after the best transposition; places that fit best
among those they overlap are judged by the learned log-odds. Of the places that are more likely a return than not, those
that overlap a better one are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.lines import Lines
from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.notes import Similarity

LEAST_FIT = 0.45
MOST_PLACES = 150  # of a candidate, while candidates compete; a chosen motif is looked for everywhere


@dataclass(frozen=True)
class Place:
    """A stretch of ``Lines``, both ends included, and the log-odds that it is a return of the prototype."""

    first: int
    last: int
    log_odds: float


def returns(
    lines: Lines,
    first: int,
    last: int,
    classifier: Similarity,
    least_log_odds: float = 0.0,
    most: int | None = MOST_PLACES,
) -> list[Place]:
    """Places of the prototype ``first`` .. ``last`` in order of time, itself among them; at most ``most``."""
    notes = lines.notes
    span = int(notes.onset[last] - notes.onset[first])
    ends = lines.last_within(span)
    fit = _fits(notes.onset, notes.pitch("morphetic"), ends, first, last)
    fit[first] = 2.0  # the prototype itself comes first
    order = np.argsort(-fit, kind="stable")
    likely = apart(order[fit[order] >= LEAST_FIT], ends, most)
    odds = classifier([lines.clip(first, last)], [lines.clip(i, int(ends[i])) for i in likely])[0]
    odds[0] = max(float(odds[0]), least_log_odds, 8.0)
    good = [k for k in np.argsort(-odds, kind="stable") if odds[k] >= least_log_odds]
    places = [Place(likely[k], int(ends[likely[k]]), float(odds[k])) for k in good]
    return sorted(places, key=lambda p: (notes.onset[p.first], p.first))


def apart(order: NDArray[np.int64], ends: NDArray[np.int64], most: int | None) -> list[int]:
    """The first starts of ``order`` whose stretches do not overlap an earlier one, at most ``most``."""
    taken = np.zeros(len(ends), bool)
    chosen: list[int] = []
    for start in order.tolist():
        stretch = slice(start, int(ends[start]) + 1)
        if not taken[stretch].any():
            taken[stretch] = True
            chosen.append(start)
            if len(chosen) == most:
                break
    return chosen


@compiled
def _fits(onset, pitch, ends, first, last):  # type: ignore[no-untyped-def]
    """Share of shared onsets (half) and of nearness in pitch (half), / the larger note count; (n,)."""
    size = last - first + 1
    out = np.zeros(len(onset))
    moved = np.empty(size, np.int64)
    for i in range(len(onset)):
        places = ends[i] - i + 1
        if 2 * places < size or places > 2 * size:
            continue
        shift = onset[i] - onset[first]
        m, j = 0, i
        for k in range(first, last + 1):
            while j <= ends[i] and onset[j] < onset[k] + shift:
                j += 1
            if j <= ends[i] and onset[j] == onset[k] + shift:
                moved[m] = pitch[j] - pitch[k]
                m += 1
        if m == 0:
            continue
        middle = np.sort(moved[:m])[m // 2]
        near = 0.0
        for k in range(m):
            near += np.exp(-0.7 * abs(moved[k] - middle))
        out[i] = 0.5 * (m + near) / max(size, places)
    return out

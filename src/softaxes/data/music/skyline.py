"""Which line would one sing? The skyline of a texture: always the highest note (Uitdenbogerd & Zobel, 1999).

A note is kept if at its onset nothing higher sounds, whether it began then or earlier; every kept note is cut where the
next kept one begins, so the result is one voice. A rule of thumb: it follows a descant over a tune.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softaxes.data.music.song import is_one_voice, merge_unisons


def skyline(notes: NDArray[np.void]) -> NDArray[np.void]:
    """The highest voice of ``notes`` ((N,) array of NOTE_DTYPE): one note at a time, sorted by onset."""
    if is_one_voice(notes):
        return notes.copy()
    notes, _, _ = merge_unisons(notes)
    kept = notes[notes["pitch"] >= highest_at(notes, notes["onset"])]
    following = np.r_[kept["onset"][1:], np.iinfo(np.int32).max]
    kept["duration"] = np.minimum(kept["duration"], following - kept["onset"])
    return kept


def highest_at(notes: NDArray[np.void], steps: NDArray[np.int32]) -> NDArray[np.int64]:
    """Highest pitch that sounds at each of ``steps``; -1 in silence. Paints notes on a line of time, low to high."""
    end = notes["onset"] + notes["duration"]
    top = np.full(int(max(end.max(initial=0), steps.max(initial=0) + 1)), -1, dtype=np.int64)
    for index in np.argsort(notes["pitch"], kind="stable"):
        top[notes["onset"][index] : end[index]] = notes["pitch"][index]
    return top[steps]

"""What is a note list, and what is its top voice?

Conventions: onsets and durations in ticks of 1/480 beat; chromatic pitch is the MIDI number; morphetic pitch counts
diatonic steps (C4 = 60), None where the spelling is unknown, as in a MIDI file; staff 0 is the top one; duration 0 is a
grace note. A note belongs to the skyline if nothing higher sounds at its onset.
Source of the skyline: Uitdenbogerd and Zobel (1999), "Melodic matching techniques for large music databases".
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns.pointset import Points, as_points, to_ticks

PITCHES = ("chromatic", "morphetic")


@dataclass(frozen=True)
class Notes:
    """Columns of equal length; see the module for their units."""

    onset: NDArray[np.int64]
    midi: NDArray[np.int64]
    duration: NDArray[np.int64]
    morphetic: NDArray[np.int64] | None = None
    staff: NDArray[np.int64] | None = None
    measure: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        lengths = {len(c) for c in vars(self).values() if c is not None}
        if len(lengths) > 1:
            raise ValueError(f"columns of `Notes` must be equally long, got lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.onset)

    def pitch(self, kind: str = "chromatic") -> NDArray[np.int64]:
        """The pitch column "chromatic" or "morphetic"; ValueError where the spelling is unknown."""
        if kind not in PITCHES:
            raise ValueError(f"`pitch` must be one of {PITCHES}, got {kind!r}")
        if kind == "chromatic":
            return self.midi
        if self.morphetic is None:
            raise ValueError("morphetic pitch needs spelled notes, and these have none: use pitch='chromatic'")
        return self.morphetic

    def points(self, kind: str = "chromatic") -> Points:
        """The point set (k, 2), k <= n: duplicates collapse."""
        return as_points(np.stack([self.onset, self.pitch(kind)], axis=1))

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Notes:
        """The notes at these positions."""
        chosen: dict[str, Any] = {name: None if c is None else c[index] for name, c in vars(self).items()}
        return Notes(**chosen)

    def skyline(self) -> Notes:
        """The top voice: one note an onset."""
        return self.take(skyline(self.onset, self.midi, self.duration))


Similarity = Callable[[Sequence[Notes], Sequence[Notes]], NDArray[np.float64]]  # larger = more similar


def skyline(onset: ArrayLike, pitch: ArrayLike, duration: ArrayLike | None = None) -> NDArray[np.int64]:
    """Indices of the top voice, by onset. Without durations only simultaneous notes are compared."""
    onsets, pitches = np.asarray(onset), np.asarray(pitch)
    lengths = np.zeros(len(onsets), np.int64) if duration is None else np.asarray(duration)
    kept: list[int] = []
    sounding: list[tuple[int, int]] = []  # heap of (-pitch, end): the highest note on top
    last_onset = None
    for i in np.lexsort((-pitches, onsets)):
        while sounding and sounding[0][1] <= onsets[i]:
            heapq.heappop(sounding)
        if onsets[i] != last_onset and not (sounding and -sounding[0][0] > pitches[i]):
            kept.append(int(i))
        last_onset = onsets[i]
        heapq.heappush(sounding, (-int(pitches[i]), int(onsets[i] + lengths[i])))
    return np.array(kept, np.int64)


def check_monophonic(points: ArrayLike, method: str, limit: int | None = None) -> Points:
    """Sorted points of one voice; ValueError naming the way out where onsets carry several notes."""
    voice = as_points(points, limit, method)
    crowded = int((np.diff(voice[:, 0]) == 0).sum())
    if crowded:
        raise ValueError(
            f"{method} needs one voice, but {crowded:,} notes share their onset with another: "
            "take the top voice first, with softaxes.motifs.patterns.notes.skyline"
        )
    return voice


def notes_from_columns(onset_beats: ArrayLike, midi: ArrayLike, duration_beats: ArrayLike | None = None) -> Notes:
    """Notes without spelling, from onsets and durations in beats."""
    onsets = to_ticks(onset_beats)
    durations = np.zeros(len(onsets), np.int64) if duration_beats is None else to_ticks(duration_beats)
    return Notes(onsets, np.asarray(midi).astype(np.int64), durations)

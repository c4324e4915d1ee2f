"""For every window of a melody, how far is its nearest other window, whatever the transposition?

Signal: the pitch that sounds, on a regular grid. Transposing a window adds a constant, so windows are compared after
removing something constant shifts do not touch, never after z-normalising (that would rescale intervals, and a held
note has no deviation to divide by): D(i, j)^2 = sum of squared differences of the two windows, each less its mean.
P[i] = min over j outside |i - j| <= ceil(m / 4) of D(i, j), m the window's length in steps. One voice only.

Source: Yeh, Zhu, Ulanova, Begum, Ding, Dau, Silva, Mueen, Keogh (2016), "Matrix Profile I", ICDM.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns._compiled import compiled
from softaxes.motifs.patterns.notes import check_monophonic
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT, Points

MAX_STEPS = 50_000
Profile = tuple[NDArray[np.float64], NDArray[np.int64]]


def pitch_signal(voice: ArrayLike, step_ticks: int = TICKS_PER_BEAT // 4) -> NDArray[np.int64]:
    """Pitch at every grid step from the first onset on; each note is held until the next. Empty for no note."""
    points = check_monophonic(voice, "the matrix profile")
    if step_ticks < 1:
        raise ValueError(f"`step_ticks` must be >= 1 tick, got {step_ticks}")
    if len(points) == 0:
        return np.zeros(0, np.int64)
    steps = (points[-1, 0] - points[0, 0]) // step_ticks + 1
    if steps > MAX_STEPS:
        raise ValueError(f"the matrix profile takes at most {MAX_STEPS:,} steps, got {steps:,}: use longer steps")
    times = points[0, 0] + step_ticks * np.arange(steps)
    return points[np.searchsorted(points[:, 0], times, side="right") - 1, 1]


def matrix_profile(signal: ArrayLike, window: int) -> Profile:
    """Distance to the nearest other window, and its start, both (n - m + 1,); inf and -1 where none is far enough."""
    values = np.asarray(signal)
    if window < 3:
        raise ValueError(f"`window` must be >= 3 steps, got {window}")
    if len(values) < window:
        raise ValueError(f"`signal` must have at least one window of {window} steps, got {len(values)}")
    profile, index = _mean_removed(values.astype(np.int64), window)
    return profile, index


def profile_motifs(
    voice: ArrayLike,
    windows: tuple[int, ...] = (8, 16, 32),
    step_ticks: int = TICKS_PER_BEAT // 4,
    tolerance: float = 0.5,
    top: int = 50,
) -> list[list[Points]]:
    """Patterns of one voice: the windows nearest to another one and all windows as near to them, longest first.

    ``tolerance`` is the largest root-mean-square deviation in semitones; every grid step serves one pattern a length.
    """
    points = check_monophonic(voice, "the matrix profile")
    signal = pitch_signal(points, step_ticks)
    patterns: list[list[Points]] = []
    for window in sorted((w for w in windows if 2 * w <= len(signal)), reverse=True):
        profile, _ = matrix_profile(signal, window)
        free = np.isfinite(profile)
        for start in np.argsort(profile, kind="stable"):
            if len(patterns) == top or profile[start] > tolerance * np.sqrt(window):
                break
            if not free[start]:
                continue
            places = _near(signal, window, int(start), tolerance, free)
            if len(places) > 1:
                found = [_notes_in(points, p, window, step_ticks) for p in places]
                patterns.append([o for o in found if len(o) > 1] or found)
            for place in places:
                free[max(0, place - window + 1) : place + window] = False
    return [p for p in patterns if all(len(o) for o in p)]


def distances_to(signal: NDArray[np.int64], window: int, start: int) -> NDArray[np.float64]:
    """Mean-removed distance of the window at ``start`` to every window."""
    views = np.lib.stride_tricks.sliding_window_view(signal, window)
    gaps = views - views[start]
    return np.sqrt(np.maximum(0.0, (gaps**2).sum(axis=1) - gaps.sum(axis=1) ** 2 / window))


def _near(signal: NDArray[np.int64], window: int, start: int, tolerance: float, free: NDArray[np.bool_]) -> list[int]:
    """Free windows within the tolerance of the one at ``start``, nearest first, none overlapping another."""
    distance = distances_to(signal, window, start)
    chosen: list[int] = []
    for place in np.argsort(distance, kind="stable"):
        if distance[place] > tolerance * np.sqrt(window):
            break
        if free[place] and all(abs(place - other) >= window for other in chosen):
            chosen.append(int(place))
    return sorted(chosen)


def _notes_in(points: Points, start: int, window: int, step_ticks: int) -> Points:
    first = points[0, 0] + start * step_ticks
    return points[(points[:, 0] >= first) & (points[:, 0] < first + window * step_ticks)]


@compiled
def _mean_removed(signal, window):  # type: ignore[no-untyped-def]
    """Running integer sums of the difference and its square along every diagonal."""
    n = len(signal) - window + 1
    profile = np.full(n, np.inf)
    index = np.full(n, -1, np.int64)
    for distance in range(-(-window // 4) + 1, n):
        total, squares = 0, 0
        for i in range(n - distance + window - 1):
            gap = signal[i] - signal[i + distance]
            total += gap
            squares += gap * gap
            start = i - window + 1
            if start < 0:
                continue
            squared = squares - total * total / window
            if squared < profile[start]:
                profile[start], index[start] = squared, start + distance
            if squared < profile[start + distance]:
                profile[start + distance], index[start + distance] = squared, start
            gap = signal[start] - signal[start + distance]
            total -= gap
            squares -= gap * gap
    return np.sqrt(np.maximum(profile, 0.0)), index

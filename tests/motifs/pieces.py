"""Small pieces whose motifs are known."""

from __future__ import annotations

import numpy as np

from softaxes.motifs.patterns.notes import Notes

MOTIF = [(0, 0), (240, 4), (480, 7), (600, 5), (720, 4), (960, 12)]  # (ticks, semitones)


def clip(points, duration=120, staff=None):
    """Notes from (onset in ticks, MIDI pitch)."""
    array = np.array(points, np.int64).reshape(-1, 2)
    staves = None if staff is None else np.full(len(array), staff, np.int64)
    return Notes(array[:, 0], array[:, 1], np.full(len(array), duration, np.int64), staff=staves)


def placed(onset, pitch, motif=MOTIF):
    return [(onset + t, pitch + p) for t, p in motif]


def random_clip(rng, most=9):
    size = int(rng.integers(1, most))
    onset = np.cumsum(rng.choice([0, 120, 240, 240, 480], size)) + int(rng.integers(0, 20)) * 120
    return clip(sorted(set(zip(onset.tolist(), rng.integers(55, 72, size).tolist(), strict=True))))


def planted(rng, starts=((0, 60), (3840, 65), (7680, 60), (11520, 53))):
    """The motif at these places, with random notes between: (notes, places)."""
    points = [p for onset, pitch in starts for p in placed(onset, pitch)]
    for onset, _ in starts:
        times = onset + 1440 + np.sort(rng.choice(np.arange(0, 2160, 120), 9, replace=False))
        points += list(zip(times.tolist(), rng.integers(48, 80, 9).tolist(), strict=True))
    return clip(sorted(points)), starts

"""Which key, and which root, does POP909 say sounds at each step of a song?

Beside a song's MIDI lie key_audio.txt and chord_midi.txt: rows of start (s), end (s) and a label, "Gb:maj" or "C:sus2".
The seconds are those of its beats, so the beats put them on the song's grid.

Conventions: keys are 0..23, pitch class of the tonic plus 12 for minor; roots are pitch classes 0..11, C = 0. What has
no label ("N", "X", a gap, a missing file) is `NONE`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from softaxes.data.music.beats import BEATS_FILE, Beats, read_beats
from softaxes.data.music.read import beats_before

NONE = -1
KEYS_FILE, CHORDS_FILE = "key_audio.txt", "chord_midi.txt"
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
Span = tuple[float, float, int]


class StepLabels(NamedTuple):
    """Key and root at each step of a song, (length,) each."""

    key: Int[np.ndarray, " length"]
    root: Int[np.ndarray, " length"]


def song_labels(folder: str | os.PathLike[str], song: str, length_steps: int, steps_per_beat: int = 4) -> StepLabels:
    """The labels of a song of POP909 on the grid on which it is read; NONE where files are missing.

    Args:
        folder: the one that holds 001, 002, ...
        song: its id, "001".

    Raises:
        ValueError: a file that is there but is no such table; one line.
    """
    where = Path(folder) / song
    silent = np.full(length_steps, NONE)
    midi = where / f"{where.name}.mid"
    if not ((where / BEATS_FILE).is_file() and midi.is_file()):
        return StepLabels(silent, silent.copy())
    beats = read_beats(where / BEATS_FILE)
    seconds = step_seconds(beats, beats_before(midi, beats), length_steps, steps_per_beat)
    tables = []
    for name, read in ((KEYS_FILE, key_number), (CHORDS_FILE, root_number)):
        spans = read_spans(where / name, read) if (where / name).is_file() else []
        tables.append(labels_at(seconds, spans))
    return StepLabels(*tables)


def step_seconds(beats: Beats, before: int, length_steps: int, steps_per_beat: int) -> np.ndarray:
    """When the middle of each step sounds, (length,); before the first and after the last beat the pace stays."""
    beat = (np.arange(length_steps) + 0.5) / steps_per_beat - before
    at, last = beats.seconds, len(beats.seconds) - 1
    seconds = np.interp(beat, np.arange(last + 1), at)
    seconds = np.where(beat < 0, at[0] + beat * (at[1] - at[0]), seconds)
    return np.where(beat > last, at[-1] + (beat - last) * (at[-1] - at[-2]), seconds)


def labels_at(seconds: np.ndarray, spans: list[Span]) -> Int[np.ndarray, " n"]:
    """The label at each time; the later span where two overlap."""
    labels = np.full(len(seconds), NONE)
    for start, end, label in spans:
        labels[(seconds >= start) & (seconds < end)] = label
    return labels


def window_labels(
    labels: Int[np.ndarray, " length"], start: Int[np.ndarray, " n"], window_steps: int
) -> Int[np.ndarray, " n"]:
    """The most common label of each window (the lowest of several); NONE if that is none."""
    found = np.full(len(start), NONE)
    for row, at in enumerate(np.asarray(start).tolist()):
        inside = labels[max(at, 0) : max(at + window_steps, 0)]
        if len(inside):
            numbers, count = np.unique(inside, return_counts=True)
            found[row] = numbers[count.argmax()]
    return found


def read_spans(path: Path, number: Callable[[str], int]) -> list[Span]:
    """Rows of start, end and label; ValueError (one line) if the file holds anything else."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [(float(row[0]), float(row[1]), number(row[2])) for row in rows]
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{path}: not a table of labels ({' '.join(str(error).split())})") from None


def key_number(label: str) -> int:
    """ "Gb:maj" to 6, "A:min" to 21; NONE for "N"; ValueError for anything else."""
    tonic, _, mode = label.partition(":")
    root = root_number(tonic)
    if root == NONE:
        return NONE
    if mode not in ("maj", "min"):
        raise ValueError(f"no key: {label!r}")
    return root + 12 * (mode == "min")


def root_number(label: str) -> int:
    """ "Bb:min7/5" to 10; NONE for "N" and "X"; ValueError for anything else."""
    name = label.partition(":")[0].partition("/")[0]
    if name in ("N", "X"):
        return NONE
    accidentals = name[1:]
    if name[:1] not in _STEPS or accidentals.strip("#b"):
        raise ValueError(f"no chord: {label!r}")
    return (_STEPS[name[0]] + accidentals.count("#") - accidentals.count("b")) % 12

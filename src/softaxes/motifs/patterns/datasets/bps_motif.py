"""Which motifs did musicians mark in Beethoven's sonata movements? (BPS-Motif, from the user's own copy)

Layout: ``csv_notes/NN-1.csv`` (header; onset, MIDI, morphetic, duration, staff, measure, type),
``motif_notes/NN/L-k.csv`` (no header; one file an occurrence: the ground truth), ``csv_label/NN-1.csv`` (spans),
``pickup.csv`` (time signatures).

Defects that are handled: pickup.csv ends its lines with a bare CR; some label files say beat_start for start_beat;
grace notes have duration 0 (kept); notes and occurrence files hold duplicates (points collapse, counted);
the ``type`` column of csv_notes disagrees with the occurrence files (never read); onsets are decimals of thirds and
fifths of a beat (rounded to 1/480, the same way everywhere). A blank morphetic cell takes the spelling of the note of
the same MIDI number that is nearest in time (counted). Occurrence notes that are in no movement are counted.

Source: Hsiao, Hung, Chen, Su (2023), "BPS-Motif: a dataset for repeated pattern discovery of polyphonic symbolic
music", ISMIR. No licence is stated: evaluation only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns.datasets.csv_files import Source, numbers, open_source
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import Points, to_ticks

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Occurrence:
    """One annotated return of a motif; letters are local to a movement."""

    letter: str
    number: int
    notes: Notes


@dataclass(frozen=True)
class Movement:
    """A piece, its annotated occurrences by letter and number, and what was odd in its files."""

    name: str
    notes: Notes
    occurrences: list[Occurrence]
    defects: Counter[str] = field(default_factory=Counter)

    def patterns(self, kind: str = "chromatic") -> list[list[Points]]:
        """Ground truth for discovery: one pattern a letter, each a list of occurrences (m, 2)."""
        letters = dict.fromkeys(o.letter for o in self.occurrences)
        return [[o.notes.points(kind) for o in self.occurrences if o.letter == letter] for letter in letters]


def load_bps_motif(path: str | Path, movements: Iterable[int] | None = None) -> list[Movement]:
    """The movements (all, or these sonata numbers) of a BPS-Motif folder or zip, in order."""
    source = open_source(path, "csv_notes")
    present = [int(m[1]) for n in source.under("csv_notes") if (m := re.fullmatch(r"csv_notes/(\d\d)-1\.csv", n))]
    if not present:
        raise ValueError(f"{path} has no movement at csv_notes/NN-1.csv, such as csv_notes/01-1.csv")
    wanted = sorted(present) if movements is None else list(movements)
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise ValueError(f"{path} has no movement {missing}; it has {sorted(present)}")
    return [read_movement(source, n) for n in wanted]


def read_movement(source: Source, sonata: int) -> Movement:
    """One movement with its occurrences."""
    name = f"{sonata:02d}-1"
    rows = source.read(f"csv_notes/{name}.csv")
    if rows and rows[0][0] == "onset":
        rows = rows[1:]
    defects: Counter[str] = Counter()
    notes = _notes(rows, f"csv_notes/{name}.csv", 2, defects)
    occurrences = []
    defects["duplicate notes"] = len(notes) - len(notes.points())
    piece = set(map(tuple, notes.points().tolist()))
    for file in source.under(f"motif_notes/{sonata:02d}"):
        found = re.fullmatch(r"(.+)-(\d+)\.csv", file.rsplit("/", 1)[1])
        cells = source.read(file)
        if found is None or not cells:
            defects["unreadable occurrence files"] += 1
            continue
        occurrence = _notes(cells, file, 1, defects)
        points = occurrence.points()
        defects["duplicate occurrence notes"] += len(occurrence) - len(points)
        defects["occurrence notes not in the movement"] += sum(tuple(p) not in piece for p in points.tolist())
        occurrences.append(Occurrence(found[1].upper(), int(found[2]), occurrence))
    defects["grace notes"] = int((notes.duration == 0).sum())
    return Movement(name, notes, sorted(occurrences, key=lambda o: (o.letter, o.number)), +defects)


def _notes(rows: list[list[str]], name: str, first_line: int, defects: Counter[str]) -> Notes:
    """Columns onset, MIDI, morphetic, duration, staff, measure, sorted by onset, then pitch."""
    blank = [len(row) > 2 and row[2] == "" for row in rows]
    filled = [[*row[:2], "0", *row[3:]] if empty else row for row, empty in zip(rows, blank, strict=True)]
    array = np.array(numbers(filled, 6, name, first_line), float).reshape(-1, 6)
    onset, duration = to_ticks(array[:, 0]), to_ticks(array[:, 3])
    midi, morphetic, staff, measure = (np.rint(array[:, c]).astype(np.int64) for c in (1, 2, 4, 5))
    unknown = np.array(blank, bool)
    if unknown.any():
        defects["blank spellings"] += int(unknown.sum())
        morphetic[unknown] = [
            _nearest_spelling(int(i), onset, midi, morphetic, ~unknown) for i in np.flatnonzero(unknown)
        ]
    order = np.lexsort((midi, onset))
    return Notes(onset, midi, duration, morphetic, staff, measure).take(order)


def _nearest_spelling(i: int, onset: Column, midi: Column, morphetic: Column, known: NDArray[np.bool_]) -> int:
    """Morphetic pitch of the same MIDI number nearest in time, of the nearest MIDI number where there is none."""
    if not known.any():
        raise ValueError("no note has a morphetic pitch: the spelling of the piece is unknown")
    candidates = np.flatnonzero(known)
    distance = np.abs(midi[candidates] - midi[i]) * 2**32 + np.abs(onset[candidates] - onset[i])
    return int(morphetic[candidates[distance.argmin()]])

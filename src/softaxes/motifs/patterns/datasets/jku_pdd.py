"""Which patterns did scholars mark in the five pieces of the JKU development set? (JKU-PDD, from the user's own copy)

Layout: ``groundTruth/<piece>/<monophonic|polyphonic>/csv/<name>.csv`` (no header: ontime, MIDI, morphetic, duration,
staff) and ``repeatedPatterns/<annotator>/<PATTERN>/occurrences/csv/occK.csv`` beside ``csv`` (ontime, MIDI; occ1 is the
prototype). Onsets have ten decimals on a grid of 1/24 beat; rounding to 1/480 keeps them exact.

Source: Collins (2013), "JKU Patterns Development Database", August 2013; used by MIREX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from softaxes.motifs.patterns.datasets.csv_files import Source, numbers, open_source
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import Points, as_points, points_from_notes, to_ticks

VERSIONS = ("polyphonic", "monophonic")


@dataclass(frozen=True)
class Piece:
    """A piece, and its annotated patterns by "annotator/pattern", prototype first."""

    name: str
    notes: Notes
    annotations: dict[str, list[Points]]

    def patterns(self) -> list[list[Points]]:
        """Ground truth for discovery."""
        return list(self.annotations.values())


def versions_of(path: str | Path) -> list[str]:
    """Which of ``VERSIONS`` a JKU-PDD folder or zip has."""
    source = open_source(path, "groundTruth")
    return [v for v in VERSIONS if any(re.fullmatch(rf"groundTruth/[^/]+/{v}/csv/[^/]+\.csv", n) for n in source.names)]


def load_jku_pdd(path: str | Path, version: str = "polyphonic") -> list[Piece]:
    """The pieces of a JKU-PDD folder or zip, by name."""
    if version not in VERSIONS:
        raise ValueError(f"`version` must be one of {VERSIONS}, got {version!r}")
    source = open_source(path, "groundTruth")
    files = [n for n in source.names if re.fullmatch(rf"groundTruth/[^/]+/{version}/csv/[^/]+\.csv", n)]
    if not files:
        raise ValueError(f"{path} has no piece at groundTruth/<piece>/{version}/csv/<name>.csv")
    return [_piece(source, file) for file in sorted(files)]


def _piece(source: Source, file: str) -> Piece:
    table = np.array(numbers(source.read(file), 5, file), float).reshape(-1, 5)
    midi, morphetic, staff = (np.rint(table[:, c]).astype(np.int64) for c in (1, 2, 4))
    notes = Notes(to_ticks(table[:, 0]), midi, to_ticks(table[:, 3]), morphetic, staff)
    folder = file.rsplit("/csv/", 1)[0] + "/repeatedPatterns"
    annotations: dict[str, list[tuple[int, Points]]] = {}
    for name in source.under(folder):
        found = re.fullmatch(re.escape(folder) + r"/([^/]+/[^/]+)/occurrences/csv/occ(\d+)\.csv", name)
        if found:
            pairs = np.array(numbers(source.read(name), 2, name), float).reshape(-1, 2)
            points = points_from_notes(pairs[:, 0], pairs[:, 1]) if len(pairs) else as_points([])
            annotations.setdefault(found[1], []).append((int(found[2]), points))
    ordered = {key: [points for _, points in sorted(found, key=lambda o: o[0])] for key, found in annotations.items()}
    return Piece(file.split("/")[1], notes, ordered)

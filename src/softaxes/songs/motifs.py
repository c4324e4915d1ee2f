"""Which motifs does a whole song hold, and where, in bars and beats as musicians count them? As rows, JSON, CSV, MIDI.

Notes are read on a grid of ``STEPS_PER_BEAT`` steps: sixteenths, triplets and 32nds fall on it exactly.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from softaxes.data.files import write_text
from softaxes.data.music.midi import Limits, write_song
from softaxes.data.music.song import NOTE_DTYPE, Song, Track
from softaxes.motifs.find import Motif, Return, find_motifs
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT

STEPS_PER_BEAT = 24


TICKS_PER_STEP = TICKS_PER_BEAT // STEPS_PER_BEAT


LIMITS = Limits(steps=1_200_000)  # as long as the reader's own limit at 4 steps a beat


COLUMNS = (
    "motif", "bar", "beat", "place", "onset_beats", "notes", "transposition_semitones", "relation", "probability",
    "track",
)  # fmt: skip


@dataclass(frozen=True)
class SongMotifs:
    """A song, its motifs, and where each return is: rows of ``COLUMNS`` in the order of motifs and returns."""

    song: Song
    motifs: list[Motif]
    rows: list[list[dict[str, Any]]]


def motifs_of_song(song: Song, most: int = 12, least_notes: int = 3) -> SongMotifs:
    """Find the motifs of a song read at any grid."""
    motifs = find_motifs(notes_of_song(song), most, least_notes)
    return SongMotifs(song, motifs, [[_row(song, m.name, r) for r in m.returns] for m in motifs])


def notes_of_song(song: Song) -> Notes:
    """The pitched notes of a song in ticks; tracks become staves."""
    drums = np.array([track.is_drum for track in song.tracks], bool)
    notes = song.notes[~drums[song.notes["track"]]] if len(drums) else song.notes
    ticks = TICKS_PER_BEAT / song.steps_per_beat
    onset, duration = (np.rint(notes[c].astype(float) * ticks).astype(np.int64) for c in ("onset", "duration"))
    return Notes(onset, notes["pitch"].astype(np.int64), duration, staff=notes["track"].astype(np.int64))


def as_json(found: SongMotifs) -> dict[str, Any]:
    """Everything that the table shows, and the notes."""
    motifs = [
        {
            "motif": motif.name,
            "ranking_score": round(motif.ranking_score, 4),
            "prototype": note_rows(motif.prototype),
            "returns": [
                {**{k: v for k, v in row.items() if k != "motif"}, "pitches": r.notes.midi.tolist()}
                for row, r in zip(rows, motif.returns, strict=True)
            ],
        }
        for motif, rows in zip(found.motifs, found.rows, strict=True)
    ]
    return {"song": found.song.name, "notes": len(found.song.notes), "bars": len(found.song.bars()), "motifs": motifs}


def note_rows(notes: Notes) -> list[list[float]]:
    """[onset in beats from the first note, duration in beats, MIDI pitch] of every note."""
    onset, duration = (notes.onset - notes.onset[0]) / TICKS_PER_BEAT, notes.duration / TICKS_PER_BEAT
    return [
        [round(float(o), 4), round(float(d), 4), int(p)] for o, d, p in zip(onset, duration, notes.midi, strict=True)
    ]


def write_csv(found: SongMotifs, path: Path) -> None:
    """One row a return, columns ``COLUMNS``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(row for rows in found.rows for row in rows)
    write_text(path, file.getvalue())


def write_midi(found: SongMotifs, folder: Path) -> list[Path]:
    """One file a motif: all its returns where they are in the song, with the song's tempi and metres."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "_", found.song.name) or "song"
    return [
        write_song(_motif_song(found.song, motif), folder / f"{stem}-motif-{motif.name}.mid") for motif in found.motifs
    ]


def _motif_song(song: Song, motif: Motif) -> Song:
    ticks = TICKS_PER_BEAT / song.steps_per_beat
    columns = [
        (round(o / ticks), max(1, round(d / ticks)), p, 80, 0)
        for r in motif.returns
        for o, d, p in zip(r.notes.onset.tolist(), r.notes.duration.tolist(), r.notes.midi.tolist(), strict=True)
    ]
    notes = np.array(columns, dtype=NOTE_DTYPE)
    name = f"{song.name}, motif {motif.name}"
    track = Track(f"motif {motif.name}")
    return dataclasses.replace(song, name=name, notes=notes, tracks=(track,))


def _row(song: Song, name: str, found: Return) -> dict[str, Any]:
    step = round(int(found.notes.onset[0]) * song.steps_per_beat / TICKS_PER_BEAT)
    bar, beat = song.bar_and_beat(step)
    track = int(found.notes.staff[0]) if found.notes.staff is not None else 0
    return {
        "motif": name,
        "bar": bar,
        "beat": beat,
        "place": song.place(step),
        "onset_beats": round(int(found.notes.onset[0]) / TICKS_PER_BEAT, 4),
        "notes": len(found.notes),
        "transposition_semitones": found.transposition_semitones,
        "relation": found.relation,
        "probability": round(found.probability, 3),
        "track": song.tracks[track].name or f"track {track + 1}",
    }

"""``softaxes motifs find SONG.mid``: a song's motifs as a table, a page to see and hear, JSON, CSV, MIDI.

The file is read on a grid of ``STEPS_PER_BEAT`` steps (sixteenths, triplets and 32nds fall on it exactly); tracks are
staves, drums are left out. Where POP909's table of beats lies beside it, beats and bars are those (as for ``steer``).
What comes out counts bars and beats from 1, as musicians do.
"""

from __future__ import annotations

import csv
import json as json_format
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from softaxes.motifs.find import Motif, Return, find_motifs
from softaxes.music.midi import Limits, read_song, write_song
from softaxes.music.pop909 import beats_beside
from softaxes.music.song import NOTE_DTYPE, Song, Track
from softaxes.patterns.notes import Notes
from softaxes.patterns.pointset import TICKS_PER_BEAT

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


def find(
    song: Annotated[Path, tyro.conf.Positional],
    *,
    most: int = 12,
    least_notes: int = 3,
    page: Path | None = None,
    json: bool = False,
    csv: Path | None = None,
    midi: Path | None = None,
) -> str:
    """The repeated motifs of a song: where each returns, transposed by how much, and what is kept.

    Args:
        song: a MIDI file; a beat_midi.txt beside it (POP909) says where its beats and bars are.
        most: motifs at most, best first.
        least_notes: notes of a motif at least.
        page: where to write the page to see and hear (default: SONG-motifs.html in this folder; with --json none).
        json: print JSON instead of the table.
        csv: write one row a return to this file.
        midi: write one MIDI file a motif, its returns in place, into this folder.
    """
    written = [path.resolve() for path in (page, csv) if path is not None]
    if song.resolve() in written or len(set(written)) < len(written):
        raise ValueError("`page` and `csv` must be files of their own, and not the song")
    read = read_song(song, STEPS_PER_BEAT, grid="notes", beats=beats_beside(song), limits=LIMITS)
    found = motifs_of_song(read, most, least_notes)
    if csv is not None:
        write_csv(found, csv)
    if midi is not None:
        write_midi(found, midi)
    if page is None and not json:
        page = Path(f"{song.stem}-motifs.html")
    if page is not None:
        from softaxes.report.motif_page import write_motif_page

        write_motif_page(found.song, found.motifs, found.rows, page)
    if json:
        return json_format.dumps(as_json(found), indent=1)
    return f"{table(found)}\nthe page to see and hear them is {page}"


def table(found: SongMotifs) -> str:
    """One line a return, under one line a motif."""
    song = found.song
    if not found.motifs:
        return f"{song.name}: {len(song.notes):,} notes, and no motif was found"
    lines = [f"{song.name}: {len(found.motifs)} motifs in {len(song.notes):,} notes, {len(song.bars()):,} bars", ""]
    for motif, rows in zip(found.motifs, found.rows, strict=True):
        lines.append(f"{motif.name}  {len(motif.prototype)} notes, returns {len(rows)} times")
        lines += [
            f"   {row['place']:>9}  {shift_text(row['transposition_semitones']):>4}  {row['relation']:<12}"
            f"  {row['probability']:.2f}  {row['track']}"
            for row in rows
        ]
    return "\n".join([*lines, "", "columns: bar:beat, semitones, what is kept, probability, track"])


def shift_text(semitones: int) -> str:
    """ "0", "+7", "-5"."""
    return f"{semitones:+d}" if semitones else "0"


def as_json(found: SongMotifs) -> dict[str, Any]:
    """Everything that the table shows, and the notes."""
    motifs = [
        {
            "motif": motif.name,
            "quality": round(motif.quality, 4),
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
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row for rows in found.rows for row in rows)


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
    return Song(name, notes, (Track(f"motif {motif.name}"),), song.steps_per_beat, song.tempi, song.meters)


def _row(song: Song, name: str, found: Return) -> dict[str, Any]:
    step = round(int(found.notes.onset[0]) * song.steps_per_beat / TICKS_PER_BEAT)
    bar, beat = bar_and_beat(song, step)
    track = int(found.notes.staff[0]) if found.notes.staff is not None else 0
    return {
        "motif": name,
        "bar": bar,
        "beat": beat,
        "place": f"{bar}:{beat:g}",
        "onset_beats": round(int(found.notes.onset[0]) / TICKS_PER_BEAT, 4),
        "notes": len(found.notes),
        "transposition_semitones": found.transposition_semitones,
        "relation": found.relation,
        "probability": round(found.probability, 3),
        "track": song.tracks[track].name or f"track {track + 1}",
    }


def bar_and_beat(song: Song, step: int) -> tuple[int, float]:
    """Bar and beat of a step, both from 1; a beat is the metre's unit, and a fraction of it is told to 1/100."""
    bars = song.bars(until_step=step + 1)
    bar = bars[-1]
    beat_steps = 4 * song.steps_per_beat / int(bar["denominator"])
    return len(bars), round(1 + (step - int(bar["start"])) / beat_steps, 2)

"""``softaxes motifs find SONG.mid``: a song's motifs as a table, a page to see and hear, JSON, CSV, MIDI.

The file is read on a grid of ``STEPS_PER_BEAT`` steps (sixteenths, triplets and 32nds fall on it exactly); tracks are
staves, drums are left out. Beats and bars are those of `softaxes.data.music.read`, and counted as musicians do.
"""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import Annotated

import tyro

from softaxes.data.files import check_outputs, printable
from softaxes.data.music.manifest import OFF_GRID, reading_remarks
from softaxes.data.music.read import Reading, read_song
from softaxes.songs.motifs import LIMITS, STEPS_PER_BEAT, SongMotifs, as_json, motifs_of_song, write_csv, write_midi


def find(
    song: Annotated[Path, tyro.conf.Positional],
    *,
    most: int = 12,
    least_notes: int = 3,
    page: Path | None = None,
    json: bool = False,
    csv: Path | None = None,
    midi: Path | None = None,
    reading: Reading = Reading(),  # noqa: B008  a frozen dataclass
) -> str:
    """The repeated motifs of a song: where each returns, transposed by how much, and what is kept.

    Args:
        song: a MIDI file; a beat_midi.txt beside it (POP909) says where its beats and bars are.
        most: motifs at most, best first.
        least_notes: notes of a motif at least.
        page: write a page to see and hear them to this file.
        json: print JSON instead of the table.
        csv: write one row a return to this file.
        midi: write one MIDI file a motif, its returns in place, into this folder.
        reading: how the file is laid on the grid.
    """
    check_outputs([song], {"page": page, "csv": csv})
    read = read_song(song, STEPS_PER_BEAT, reading=reading, limits=LIMITS)
    for line in reading_remarks(1, read.counts.off_grid > OFF_GRID, read.counts.unfit_beats):
        print(line, file=sys.stderr)
    found = motifs_of_song(read, most, least_notes)
    if csv is not None:
        write_csv(found, csv)
    if midi is not None:
        write_midi(found, midi)
    if page is not None:
        from softaxes.report.motif_page import write_motif_page

        write_motif_page(found.song, found.motifs, found.rows, page)
    if json:
        return json_format.dumps(as_json(found), indent=1)
    seen = (
        f"the page to see and hear them is {printable(str(page))}"
        if page
        else "--page FILE.html writes a page to see and hear them"
    )
    return f"{table(found)}\n{seen}"


def table(found: SongMotifs) -> str:
    """One line a return, under one line a motif."""
    song = found.song
    if not found.motifs:
        return f"{printable(song.name)}: {len(song.notes):,} notes, and no motif was found"
    lines = [
        f"{printable(song.name)}: {len(found.motifs)} motifs in {len(song.notes):,} notes, {len(song.bars()):,} bars",
        "",
    ]
    for motif, rows in zip(found.motifs, found.rows, strict=True):
        lines.append(f"{motif.name}  {len(motif.prototype)} notes, returns {len(rows)} times")
        lines += [
            f"   {row['place']:>9}  {shift_text(row['transposition_semitones']):>4}  {row['relation']:<12}"
            f"  {row['probability']:.2f}  {printable(row['track'])}"
            for row in rows
        ]
    return "\n".join([*lines, "", "columns: bar:beat, semitones, what is kept, probability, track"])


def shift_text(semitones: int) -> str:
    """ "0", "+7", "-5"."""
    return f"{semitones:+d}" if semitones else "0"

"""``softaxes motifs search QUERY.mid FOLDER``: where in a corpus does something like this occur?"""

from __future__ import annotations

import dataclasses
import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from softaxes.data.files import printable
from softaxes.data.music.folders import check_folder
from softaxes.data.music.manifest import OFF_GRID, reading_remarks
from softaxes.data.music.read import Reading, read_song
from softaxes.model.checkpoint import load
from softaxes.model.devices import Device, device_named
from softaxes.model.threads import torch_threads
from softaxes.search.index.build import Built, index_settings
from softaxes.search.index.choice import BackendName, check_backend
from softaxes.search.index.store import Index
from softaxes.search.query import DEFAULT_MODEL, Hit, Searcher, _check_top, open_index, query_from_song


def search_motifs(
    query: Path,
    folder: Path,
    /,
    *,
    model: str = DEFAULT_MODEL,
    index: Path | None = None,
    bars: str = "",
    top: int = 10,
    thorough: bool = False,
    backend: BackendName = "auto",
    qdrant: str = "",
    hop_steps: int | None = None,
    device: Device = "auto",
    json: bool = False,
    reading: Reading = Reading(),  # noqa: B008  a frozen dataclass
) -> str:
    """Find the places in a folder of MIDI files most like a query, in any register and at any place in the bar.

    The first search of a folder makes an index of it; later ones read only files that are new or have changed.

    Args:
        query: a MIDI file.
        folder: searched with all folders below it.
        model: a shipped model, or a run folder.
        index: where the index is kept; by default in the user's cache.
        bars: only these bars of the query, as FIRST-LAST (from 1; a pickup is bar 0).
        top: how many places to show.
        thorough: look for the query's shorter clips as well: finds more varied returns, in about three times the time.
        backend: auto is exact up to a million clips, FAISS beyond.
        qdrant: folder or URL of a Qdrant database to search in.
        hop_steps: clips begin every so many steps; by default a beat.
        device: where the model runs; "auto" is a GPU if there is one.
        json: print JSON, and nothing else on standard output.
        reading: how query and files are laid on the grid.

    Raises:
        ValueError: a query without two notes, no such folder or model, a package that is missing.
    """
    with torch_threads(1):  # windows come in small batches: two threads would wait for each other
        _check_top(top)  # what can be refused is refused before an index is made
        check_backend(backend, qdrant)
        wanted = parse_bars(bars)
        check_folder(folder, "folder")
        loaded = load(model).to(device_named(device))
        settings = index_settings(loaded, hop_steps, reading)
        song = read_song(query, settings.steps_per_beat, reading=reading)
        asked = query_from_song(song, settings.texture, wanted)
        opened, built = open_index(folder, loaded, index, hop_steps, reading=reading, progress=not json)
        doubts = reading_remarks(1, song.counts.off_grid > OFF_GRID, song.counts.unfit_beats)
        for line in [*(f"the query: {line}" for line in doubts), *opened.manifest.remarks()]:
            print(line, file=sys.stderr)
        hits = Searcher(opened, loaded, backend, qdrant).search(asked, top, thorough=thorough)
        return as_json(opened, built, hits) if json else as_table(opened, built, hits)


def parse_bars(text: str) -> tuple[int, int] | None:
    """ "5-8" or "5" as (first, last); None for nothing; ValueError otherwise."""
    if not text:
        return None
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise ValueError(f"`bars` must be FIRST-LAST such as 5-8, got {text!r}")
    return int(first), int(last or first)


def as_json(index: Index, built: Built | None, hits: Sequence[Hit]) -> str:
    """{"songs", "index", "refused", "hits"}: every field of every hit, and its score."""
    rows = [dataclasses.asdict(hit) | {"score": round(hit.score, 4)} for hit in hits]
    refused = [dataclasses.asdict(record) for record in index.manifest.refused]
    record: dict[str, Any] = {"songs": index.songs, "index": str(index.folder), "refused": refused, "hits": rows}
    return json_format.dumps(record, indent=1, ensure_ascii=False)


def as_table(index: Index, built: Built | None, hits: Sequence[Hit]) -> str:
    """Hits as lines for people."""
    lines = [summary(index, built)]
    if not hits:
        return lines[0] + "\nnothing in this folder has a clip to compare with"
    names = [printable(hit.file) for hit in hits]
    width = max(map(len, names))
    lines.append(f"{'':>3} {'song':<{width}}  {'bar:beat':<9} {'shift':>6} {'axis':>6}  sim.  overlap  relation")
    for number, (name, hit) in enumerate(zip(names, hits, strict=True), 1):
        lines.append(
            f"{number:>3} {name:<{width}}  {hit.place:<9} {hit.semitones:>+6d} {hit.axes.get('pitch', 0.0):>+6.1f}"
            f"  {hit.similarity:>4.2f}  {hit.overlap:>7.2f}  {hit.relation}"
        )
    return "\n".join(lines)


def summary(index: Index, built: Built | None) -> str:
    """One line on the index, and one for every reason that files were not read."""
    line = f"{index.songs:,} songs"
    if built:
        line += f" ({built.new} new, {built.changed} changed, {built.removed} gone)"
    reasons: dict[str, list[str]] = {}
    for record in index.manifest.refused:
        reasons.setdefault(record.reason, []).append(record.file)
    skipped = [f"  skipped {len(files)}: {reason} (such as {printable(files[0])})" for reason, files in reasons.items()]
    return "\n".join([line, *skipped])

"""``softaxes motifs vocabulary FOLDER``: the clusters of like clips of a corpus, beside its n-grams."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import Annotated

import tyro

from softaxes.commands.motifs_search import summary
from softaxes.data.music.read import Reading
from softaxes.model.checkpoint import load
from softaxes.model.threads import torch_threads
from softaxes.search.query import DEFAULT_MODEL, open_index
from softaxes.search.vocabulary import cluster_rolls, find_vocabulary, vocabulary_record


def motif_vocabulary(
    folder: Path,
    /,
    *,
    model: str = DEFAULT_MODEL,
    index: Path | None = None,
    clusters: Annotated[int, tyro.conf.arg(aliases=("--words",))] = 64,  # the flag's name until 0.3.0
    steps: int | None = None,
    seeds: int = 3,
    out: Path | None = None,
    json: bool = False,
    reading: Reading = Reading(),  # noqa: B008  a frozen dataclass
) -> str:
    """Group a folder's motifs into clusters: count, songs and a picture of each, beside pitch and rhythm n-grams.

    Args:
        folder: MIDI files, searched with all folders below it.
        model: a shipped model, or a run folder.
        index: where the index of the folder is kept; by default in the user's cache.
        clusters: how many clusters.
        steps: length of a clip in steps of the grid; by default half the model's window (a bar).
        seeds: splits of the songs on which the n-grams predict the next note; 0 leaves that out.
        out: folder for report.html and metrics.json; by default motif-vocabulary, with --json none.
        json: print JSON, and nothing else on standard output.
        reading: how files are laid on the grid.

    Raises:
        ValueError: no such folder or model, a length that the index does not hold, or no clip to group.
    """
    with torch_threads(1):  # windows come in small batches: two threads would wait for each other
        loaded = load(model)
        opened, built = open_index(folder, loaded, index, reading=reading, progress=not json)
        for line in opened.manifest.remarks():
            print(line, file=sys.stderr)
        found = find_vocabulary(opened, loaded, clusters=clusters, steps=steps, seeds=seeds)
        record = vocabulary_record(found)
        if out is not None or not json:
            from softaxes.report.page import write_page
            from softaxes.report.vocabulary_page import vocabulary_page

            page = write_page(out or Path("motif-vocabulary"), vocabulary_page(record, cluster_rolls(found)), record)
        if json:
            return json_format.dumps(record, indent=1, ensure_ascii=False)
        return f"{summary(opened, built)}\n{len(found.clusters)} clusters of {len(found.clips.row):,} clips: {page}"

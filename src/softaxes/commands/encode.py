"""``softaxes encode FOLDER --out CODES``: the latents of every song in a folder of MIDI files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from softaxes.data.files import printable
from softaxes.data.music.manifest import reading_remarks
from softaxes.data.music.read import Reading
from softaxes.model.checkpoint import load
from softaxes.model.devices import Device, device_named
from softaxes.model.model import Precision
from softaxes.model.threads import torch_threads
from softaxes.songs.folder import FILES_A_SHARD, MANIFEST_FILE, encode_files

LISTED = 20  # most skipped files that are named on the terminal


def encode_folder(
    folder: Path,
    /,
    *,
    out: Path,
    model: str = "melody",
    device: Device = "auto",
    precision: Precision = "fp32",
    shard: int = FILES_A_SHARD,
    progress: bool = True,
    reading: Reading = Reading(),  # noqa: B008  a frozen dataclass
) -> str:
    """Encode every MIDI file below a folder, window by window.

    A run that was stopped, by ctrl-C or by force, goes on when the same command is given again. Files that cannot be
    read, or in which the model hears no notes, are listed at the end and in the manifest.

    Args:
        folder: searched for .mid and .midi files, recursively.
        out: folder for the latents.
        model: a shipped model, a run folder or a model file.
        device: where the model runs; "auto" is a GPU if there is one.
        precision: "bf16" is about twice as fast where the processor knows it, and a little less exact.
        shard: files to a shard; what is lost if the run is killed.
        progress: show a progress bar.
        reading: how files are laid on the grid.
    """
    began = time.monotonic()
    with torch_threads(1):  # on two busy cores, two threads took five times as long: they wait for each other
        tables = encode_files(
            load(model).to(device_named(device)),
            folder,
            out,
            precision=precision,
            files_a_shard=shard,
            progress=progress,
            reading=reading,
        )
    skipped = [row for table in tables for row in table.skipped]
    for row in skipped[:LISTED]:
        print(f"skipped {printable(row.name)}: {printable(row.reason)}", file=sys.stderr)
    if len(skipped) > LISTED:
        print(f"... and {len(skipped) - LISTED} more, see {out / MANIFEST_FILE}", file=sys.stderr)
    songs, windows = sum(len(table.songs) for table in tables), sum(table.windows for table in tables)
    for line in reading_remarks(songs, sum(t.off_grid for t in tables), sum(t.unfit_beats for t in tables)):
        print(line, file=sys.stderr)
    seconds = time.monotonic() - began
    return f"{songs:,} songs, {windows:,} windows, {len(skipped):,} files skipped, {seconds:.1f} s: {out}"

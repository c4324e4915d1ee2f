"""``softaxes encode FOLDER --out CODES``: the latents of every song in a folder of MIDI files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from softaxes.data.files import printable
from softaxes.data.music.read import Reading
from softaxes.model.checkpoint import load
from softaxes.model.devices import Device, device_named
from softaxes.model.model import Precision
from softaxes.model.threads import torch_threads
from softaxes.songs.coded import MANIFEST
from softaxes.songs.folder import FILES_A_SHARD, encode_files

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
        latents = encode_files(
            load(model).to(device_named(device)),
            folder,
            out,
            precision=precision,
            files_a_shard=shard,
            progress=progress,
            reading=reading,
        )
    manifest, skipped = latents.manifest, latents.manifest.refused
    for record in skipped[:LISTED]:
        print(f"skipped {printable(record.file)}: {printable(record.reason)}", file=sys.stderr)
    if len(skipped) > LISTED:
        print(f"... and {len(skipped) - LISTED} more, see {printable(str(out / MANIFEST))}", file=sys.stderr)
    for line in manifest.remarks():
        print(line, file=sys.stderr)
    songs, windows = len(manifest.songs()), latents.windows
    seconds = time.monotonic() - began
    return f"{songs:,} songs, {windows:,} windows, {len(skipped):,} files skipped, {seconds:.1f} s: {out}"

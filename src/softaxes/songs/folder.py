"""``softaxes encode FOLDER --out CODES``: the latents of every song in a folder of MIDI files.

CODES holds one shard a chunk of files, and at the end a manifest:

    shard-00000.npy    (windows, D) float32: the windows of its songs, song after song, in the order of time
    shard-00000.json   its songs (name, first row, the step at which each window begins), and the files skipped
    manifest.json      settings, shards, counts, and all files skipped

A shard's table is written when its array is whole and names the content of its files, and a table that fits them is
done: a run that is killed at any time goes on where it was, and one given again encodes what has changed.
`read_latents` gives everything back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from softaxes import __version__
from softaxes.data.files import one_writer, open_folder, whole_file, write_text
from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.manifest import OFF_GRID, Skipped, content_key
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.song import Counts
from softaxes.model.model import Model, Precision
from softaxes.songs.codec import Grid, cut_song, grid_of
from softaxes.training.progress import progress_bar

SETTINGS_FILE, MANIFEST_FILE = "settings.json", "manifest.json"
FILES_A_SHARD = 64
PENDING_WINDOWS = 1024  # windows that wait to be encoded together
Encode = Callable[[UInt8[np.ndarray, "n 2 128 steps"]], Float[np.ndarray, "n D"]]


class CodedSong(NamedTuple):
    """A song of a folder: its file's name, its latents (n, D), and the step at which each window begins (n,)."""

    name: str
    z: Float[np.ndarray, "n D"]
    start: Int[np.ndarray, " n"]


@dataclass
class Table:
    """What a shard holds: per song its name, first row and the windows' first steps; and what was skipped.

    ``off_grid`` and ``unfit_beats`` count songs (`reading_remarks`); ``key`` is that of the files' content.
    """

    songs: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    off_grid: int = 0
    unfit_beats: int = 0
    key: str = ""

    @property
    def windows(self) -> int:
        return sum(len(song["start"]) for song in self.songs)


def encode_files(
    model: Model,
    folder: Path,
    out: Path,
    *,
    precision: Precision = "fp32",
    files_a_shard: int = FILES_A_SHARD,
    progress: bool = False,
    reading: Reading | None = None,
) -> list[Table]:
    """Write all shards that are missing or whose files have changed, and the manifest; returns all tables.

    Raises:
        ValueError: no such folder, no MIDI files in it, no model of music, or ``out`` holds other latents.
        BlockingIOError: another process writes into ``out``.
        Interrupted: ctrl-C; the same call goes on.
    """
    if files_a_shard < 1:
        raise ValueError(f"`shard` must be >= 1 file, got {files_a_shard}")
    root = check_folder(folder, "folder")
    names = find_files(root)
    if not names:
        raise ValueError(f"{root}: holds no MIDI files (.mid, .midi)")
    reading = reading or Reading()
    settings = _settings(model, root) | {"files_a_shard": files_a_shard, "precision": precision, **asdict(reading)}
    open_folder(out, SETTINGS_FILE, settings, "latents")
    chunks = [names[at : at + files_a_shard] for at in range(0, len(names), files_a_shard)]
    tables: list[Table] = []

    def encode(rolls: UInt8[np.ndarray, "n 2 128 steps"]) -> Float[np.ndarray, "n D"]:
        return model.encode(rolls, precision=precision).numpy()

    with one_writer(out), progress_bar("files", len(names), show=progress) as advance:
        try:
            for number, chunk in enumerate(chunks):
                key = _chunk_key(root, chunk)
                table = _read_table(_shard(out, number, "json"))
                if table is None or table.key != key:
                    _shard(out, number, "json").unlink(missing_ok=True)  # a table that is there speaks of its array
                    table, latents = _encode_chunk(encode, model, root, chunk, reading, advance)
                    table.key = key
                    with whole_file(_shard(out, number, "npy")) as file:
                        np.save(file, latents, allow_pickle=False)
                    write_text(_shard(out, number, "json"), json.dumps(asdict(table)))
                else:
                    advance(len(chunk))
                tables.append(table)
        except KeyboardInterrupt:
            from softaxes.training.interrupt import Interrupted

            done = f"stopped after {len(tables)} of {len(chunks)} shards; the same command goes on from there"
            raise Interrupted(done) from None
        _forget_from(out, len(chunks))
        write_text(out / MANIFEST_FILE, json.dumps(_manifest(settings, tables), indent=1) + "\n")
    return tables


def _chunk_key(root: Path, names: list[str]) -> str:
    """Changes with the name or the content of any file of a chunk."""
    keys = [(name, content_key(root / name)) for name in names]
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:16]


def _forget_from(out: Path, number: int) -> None:
    """Delete the shards of files that are no longer there."""
    while _shard(out, number, "json").is_file():
        _shard(out, number, "json").unlink()
        _shard(out, number, "npy").unlink(missing_ok=True)
        number += 1


def read_latents(folder: Path) -> Iterator[CodedSong]:
    """The songs of a folder that `encode_folder` wrote, in order; arrays are mapped from disk, not read.

    Raises:
        ValueError: ``folder`` holds no finished latents.
    """
    try:
        manifest = json.loads((Path(folder) / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise ValueError(f"{folder} holds no finished latents (no {MANIFEST_FILE}): run `softaxes encode`") from None
    for number in range(len(manifest["shards"])):
        table, path = _read_table(_shard(folder, number, "json")), _shard(folder, number, "npy")
        array = np.load(path, mmap_mode="r")
        if table is None or array.shape[0] != table.windows:
            raise ValueError(f"{path} does not fit its table: encode the folder anew")
        for song in table.songs:
            start = np.array(song["start"], dtype=np.int64)
            yield CodedSong(song["name"], array[song["row"] : song["row"] + len(start)], start)


def _encode_chunk(
    encode: Encode, model: Model, root: Path, names: list[str], reading: Reading, advance: Callable[[int], None]
) -> tuple[Table, Float[np.ndarray, "n D"]]:
    """A shard's table and latents. Songs wait for each other so that the network sees large batches."""
    table, grid, row = Table(), grid_of(model), 0
    latents, waiting = [np.zeros((0, model.axes_dim), dtype=np.float32)], []
    for name in names:
        found = read_windows(root, name, grid, model.window_steps, reading)
        if isinstance(found, Skipped):
            table.skipped.append(found)
        else:
            start, rolls, counts = found
            table.songs.append({"name": name, "row": row, "start": start.tolist()})
            table.off_grid += counts.off_grid > OFF_GRID
            table.unfit_beats += counts.unfit_beats
            waiting.append(rolls)
            row += len(start)
        if waiting and (sum(map(len, waiting)) >= PENDING_WINDOWS or name == names[-1]):
            latents.append(encode(np.concatenate(waiting)))
            waiting.clear()
        advance(1)
    return table, np.concatenate(latents)


def read_windows(
    root: Path, name: str, grid: Grid, window_steps: int, reading: Reading | None = None
) -> tuple[Int[np.ndarray, " n"], UInt8[np.ndarray, "n 2 128 steps"], Counts] | Skipped:
    """First steps and rolls of a file's windows, as `softaxes steer` cuts them, and how it was read; or why none."""
    path = root / name
    try:
        song = read_song(path, grid.steps_per_beat, reading=reading)
        _, start, rolls = cut_song(song, grid.texture, window_steps)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{path}: ")
        return Skipped(name, reason.replace(f"{root}{os.sep}", ""))
    return (start, rolls, song.counts) if rolls.any() else Skipped(name, "no notes that this model hears")


def _settings(model: Model, root: Path) -> dict[str, Any]:
    """What decides the latents beside the files: the weights, and how music is cut."""
    return {
        "encoder": model.digest(),
        "folder": str(root.resolve()),
        "dim": model.axes_dim,
        "window_steps": model.window_steps,
        **asdict(grid_of(model)),
    }


def _manifest(settings: dict[str, Any], tables: list[Table]) -> dict[str, Any]:
    shards = [
        {"file": f"shard-{number:05d}.npy", "songs": len(table.songs), "windows": table.windows}
        for number, table in enumerate(tables)
    ]
    skipped = [row._asdict() for table in tables for row in table.skipped]
    totals = {name: sum(shard[name] for shard in shards) for name in ("songs", "windows")}  # type: ignore[misc]
    return {"softaxes": __version__, "settings": settings, **totals, "shards": shards, "skipped": skipped}


def _shard(out: Path, number: int, suffix: str) -> Path:
    return Path(out) / f"shard-{number:05d}.{suffix}"


def _read_table(path: Path) -> Table | None:
    """A shard's table; None if it is not there or not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Table(**found | {"skipped": [Skipped(*row) for row in found["skipped"]]})
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return None

"""``softaxes encode FOLDER --out CODES``: the latents of every song in a folder of MIDI files.

CODES holds one shard a chunk of files, and at the end a manifest:

    shard-00000.npy    (windows, D) float32: the windows of its songs, song after song, in the order of time
    shard-00000.json   its songs (name, first row, the step at which each window begins), and the files skipped
    manifest.json      settings, shards, counts, and all files skipped

A shard's table is written when its array is whole, and a table that is there is done: a run that is killed at any time
goes on with the first chunk that has none. `read_latents` gives everything back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from softaxes import __version__
from softaxes.data.files import PARTIAL, write_text
from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.manifest import Skipped
from softaxes.data.music.regrid import read_fine, regrid
from softaxes.model.model import Model, Precision
from softaxes.songs.codec import Grid, cut_song, grid_of

SETTINGS_FILE, MANIFEST_FILE = "settings.json", "manifest.json"
FILES_A_SHARD = 64
PENDING_WINDOWS = 1024  # windows that wait to be encoded together
Encode = Callable[[UInt8[np.ndarray, "n 2 128 steps"]], Float[np.ndarray, "n D"]]


class CodedSong(NamedTuple):
    """A song of a folder: its file's name, its latents (n, D), and the step at which each window begins (n,)."""

    name: str
    z: Float[np.ndarray, "n D"]
    start: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class Table:
    """What a shard holds: per song its name, first row and the windows' first steps; and what was skipped."""

    songs: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

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
) -> list[Table]:
    """Write all shards that are missing, and the manifest; returns the tables of all shards.

    Raises:
        ValueError: no such folder, no MIDI files in it, no model of music, or ``out`` holds other latents.
        Interrupted: ctrl-C; the same call goes on.
    """
    if files_a_shard < 1:
        raise ValueError(f"`shard` must be >= 1 file, got {files_a_shard}")
    root = check_folder(folder, "folder")
    names = find_files(root)
    if not names:
        raise ValueError(f"{root}: holds no MIDI files (.mid, .midi)")
    settings = _settings(model, root, names) | {"files_a_shard": files_a_shard, "precision": precision}
    _open(out, settings)
    chunks = [names[at : at + files_a_shard] for at in range(0, len(names), files_a_shard)]
    tables = []

    def encode(rolls: UInt8[np.ndarray, "n 2 128 steps"]) -> Float[np.ndarray, "n D"]:
        return model.encode(rolls, precision=precision).numpy()

    with _bar(len(names), show=progress) as advance:
        try:
            for number, chunk in enumerate(chunks):
                table = _read_table(_shard(out, number, "json"))
                if table is None:
                    table, latents = _encode_chunk(encode, model, root, chunk, advance)
                    _write_array(_shard(out, number, "npy"), latents)
                    write_text(_shard(out, number, "json"), json.dumps(asdict(table)))
                else:
                    advance(len(chunk))
                tables.append(table)
        except KeyboardInterrupt:
            from softaxes.training.loop import Interrupted

            told = f"stopped after {len(tables)} of {len(chunks)} shards; the same command goes on from there"
            raise Interrupted(told) from None
    write_text(out / MANIFEST_FILE, json.dumps(_manifest(settings, tables), indent=1) + "\n")
    return tables


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
    encode: Encode, model: Model, root: Path, names: list[str], advance: Callable[[int], None]
) -> tuple[Table, Float[np.ndarray, "n D"]]:
    """A shard's table and latents. Songs wait for each other so that the network sees large batches."""
    table, grid, row = Table(), grid_of(model), 0
    latents, waiting = [np.zeros((0, model.axes_dim), dtype=np.float32)], []
    for name in names:
        found = read_windows(root, name, grid, model.window_steps)
        if isinstance(found, Skipped):
            table.skipped.append(found)
        else:
            start, rolls = found
            table.songs.append({"name": name, "row": row, "start": start.tolist()})
            waiting.append(rolls)
            row += len(start)
        if waiting and (sum(map(len, waiting)) >= PENDING_WINDOWS or name == names[-1]):
            latents.append(encode(np.concatenate(waiting)))
            waiting.clear()
        advance(1)
    return table, np.concatenate(latents)


def read_windows(
    root: Path, name: str, grid: Grid, window_steps: int
) -> tuple[Int[np.ndarray, " n"], UInt8[np.ndarray, "n 2 128 steps"]] | Skipped:
    """First steps and rolls of a file's windows, as `softaxes steer` cuts them; or why there are none."""
    path = root / name
    try:
        song = regrid(read_fine(path, grid.steps_per_beat), grid.steps_per_beat).song
        _, start, rolls = cut_song(song, grid.texture, window_steps)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{path}: ")
        return Skipped(name, reason.replace(f"{root}{os.sep}", ""))
    return (start, rolls) if rolls.any() else Skipped(name, "no notes that this model hears")


def _settings(model: Model, root: Path, names: list[str]) -> dict[str, Any]:
    """What decides the latents: the weights, and the files by name and size."""
    weights = hashlib.sha256()
    for name, tensor in sorted(model.encoder.state_dict().items()):
        weights.update(name.encode() + tensor.cpu().numpy().tobytes())
    files = hashlib.sha256(json.dumps([(name, _size(root / name)) for name in names]).encode())
    return {
        "encoder": weights.hexdigest()[:16],
        "files": files.hexdigest()[:16],
        "dim": model.axes_dim,
        "window_steps": model.window_steps,
        **asdict(grid_of(model)),
    }


def _size(path: Path) -> int:
    """The file's bytes; -1 where it cannot be read (a dead link): it is skipped with its reason later."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _open(out: Path, settings: dict[str, Any]) -> None:
    """Make the folder, or check that what is in it comes of the same settings; ValueError if not."""
    path = out / SETTINGS_FILE
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; latents need a folder")
    out.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        if any(not file.name.endswith(PARTIAL) for file in out.iterdir()):
            raise ValueError(f"{out} is not empty and holds no latents; choose another folder")
        write_text(path, json.dumps(settings, indent=2) + "\n")
        return
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    changed = sorted(key for key in old.keys() | settings.keys() if old.get(key) != settings.get(key))
    if changed:
        told = f"{out} holds latents of another model or folder ({', '.join(changed)} differ)"
        raise ValueError(f"{told}; choose another one")


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
        return Table(found["songs"], [Skipped(*row) for row in found["skipped"]])
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return None


def _write_array(path: Path, array: Float[np.ndarray, "n D"]) -> None:
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"cannot write {path}: {error}; the shards before it are whole") from error


@contextmanager
def _bar(files: int, *, show: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; the body calls ``advance(files done)``."""
    if not show:
        yield lambda number: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    left = TextColumn("left")
    columns = (TextColumn("files"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), left)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("files", total=files)
        yield lambda number: progress.advance(bar, number)

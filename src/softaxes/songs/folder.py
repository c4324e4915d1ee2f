"""``softaxes encode FOLDER --out CODES``: the latents of every song in a folder of MIDI files.

CODES is a coded folder (`softaxes.songs.coded`) with two arrays: ``latents`` (windows, D) float32, song after song in
the order of time, and ``starts`` (windows,), the step at which each window begins. A run that is killed at any time
goes on where it was, and one given again encodes what has changed. `read_latents` gives everything back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.song import Song
from softaxes.model.model import Model, Precision
from softaxes.songs.codec import Grid, cut_song, grid_of
from softaxes.songs.coded import CodedFolder, Segment
from softaxes.songs.update import Coded, one_line, update_folder
from softaxes.training.progress import progress_bar

FILES_A_SHARD = 64
PENDING_WINDOWS = 1024  # windows that wait to be encoded together
Windows = tuple[Int[np.ndarray, " n"], UInt8[np.ndarray, "n 2 128 steps"], Song]


class SongCode(NamedTuple):
    """A song of a folder: its file's name, its latents (n, D), and the step at which each window begins (n,)."""

    name: str
    z: Float[np.ndarray, "n D"]
    start: Int[np.ndarray, " n"]


class Latents(CodedFolder[Segment]):
    """What `encode_files` wrote, open for reading."""

    what: ClassVar[str] = "latents"

    @property
    def windows(self) -> int:
        """Windows of the songs that count."""
        return sum(song.rows["latents"][1] for song in self.manifest.songs())


def encode_files(
    model: Model,
    folder: Path,
    out: Path,
    *,
    precision: Precision = "fp32",
    files_a_shard: int = FILES_A_SHARD,
    progress: bool = False,
    reading: Reading | None = None,
) -> Latents:
    """Encode all files that are new or changed; returns the latents of all, open for reading.

    Raises:
        ValueError: no such folder, no MIDI files in it, no model of music, or ``out`` holds other latents.
        BlockingIOError: another process writes into ``out``.
        Interrupted: ctrl-C; the same call goes on.
    """
    if files_a_shard < 1:
        raise ValueError(f"`shard` must be >= 1 file, got {files_a_shard}")
    root, reading = check_folder(folder, "folder"), reading or Reading()
    if not find_files(root):
        raise ValueError(f"{root}: holds no MIDI files (.mid, .midi)")

    def code(names: list[str]) -> Iterator[tuple[str, Coded | str]]:
        """Songs wait for each other so that the network gets large batches."""
        waiting: dict[str, Windows] = {}
        for name in names:
            found = read_windows(root, name, grid_of(model), model.window_steps, reading)
            if isinstance(found, str):
                yield name, found
            else:
                waiting[name] = found
            if len(waiting) >= files_a_shard or sum(len(rolls) for _, rolls, _ in waiting.values()) >= PENDING_WINDOWS:
                yield from _encoded(model, waiting, precision)
                waiting = {}
        yield from _encoded(model, waiting, precision)

    settings = _settings(model, root) | {"precision": precision, **asdict(reading)}
    update_folder(
        root,
        out,
        settings,
        code,
        kind=Latents,
        is_full=lambda pending: len(pending) >= files_a_shard,
        progress=partial(progress_bar, "files", show=progress),
    )
    return Latents.open(out)


def read_latents(folder: Path) -> Iterator[SongCode]:
    """The songs of a folder that `encode_files` wrote, by name; arrays are mapped from disk, not read.

    Raises:
        ValueError: ``folder`` holds no finished latents.
    """
    latents = Latents.open(folder)
    if not latents.manifest.complete:
        raise ValueError(f"{folder} holds no finished latents: run `softaxes encode` again, it goes on")
    for segment, place in latents.each_song():
        name = segment.record.songs[place].file
        yield SongCode(name, segment.of_song(place, "latents"), segment.of_song(place, "starts"))


def _encoded(model: Model, songs: dict[str, Windows], precision: Precision) -> Iterator[tuple[str, Coded]]:
    """The songs' latents, from one batch."""
    if not songs:
        return
    rolls = np.concatenate([rolls for _, rolls, _ in songs.values()])
    latents = model.encode(rolls, precision=precision).float().numpy()
    parts = np.split(latents, np.cumsum([len(start) for start, _, _ in songs.values()])[:-1])
    for (name, (start, _, song)), z in zip(songs.items(), parts, strict=True):
        yield name, Coded(song, {"latents": z, "starts": start})


def read_windows(root: Path, name: str, grid: Grid, window_steps: int, reading: Reading | None = None) -> Windows | str:
    """First steps and rolls of a file's windows, as `softaxes steer` cuts them, and the song; or why there are none."""
    try:
        song = read_song(root / name, grid.steps_per_beat, reading=reading)
        _, start, rolls = cut_song(song, grid.texture, window_steps)
    except (ValueError, OSError) as error:
        return one_line(error, root, name)
    return (start, rolls, song) if rolls.any() else "no notes that this model hears"


def _settings(model: Model, root: Path) -> dict[str, Any]:
    """What decides the latents beside the files: the weights, and how music is cut."""
    return {
        "encoder": model.digest(),
        "folder": str(root.resolve()),
        "dim": model.axes_dim,
        "window_steps": model.window_steps,
        **asdict(grid_of(model)),
    }

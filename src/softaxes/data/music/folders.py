"""How does a folder of MIDI files become songs, one after another, in bounded memory?

Folders are searched recursively in sorted order; links to folders are not followed. A file that cannot be read becomes
a `Skipped` with its reason in the place of a song: nothing is dropped in silence and nothing stops the run.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from softaxes.data.music.manifest import FileRecord, Skipped, record
from softaxes.data.music.midi import Limits
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.song import Song

MIDI_SUFFIXES = (".mid", ".midi")
CHUNK_FILES = 32

Read = tuple[str, Song, FileRecord]


def check_folder(folder: str | os.PathLike[str] | None, corpus: str) -> Path:
    """The folder as a Path; ValueError (one line) where it is none."""
    if folder is None:
        raise ValueError(f"corpus {corpus!r} needs `folder`: the folder that holds it")
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{path}: " + ("is a file, not a folder" if path.exists() else "no such folder"))
    return path


def find_files(folder: Path, suffixes: tuple[str, ...] = MIDI_SUFFIXES) -> list[str]:
    """Names of the files below ``folder`` with one of these endings in any case, relative, with /, sorted.

    A folder that may not be read stands among them under its own name with a / behind: reading it says why.
    """
    names: list[str] = []

    def refused(error: OSError) -> None:
        names.append(Path(error.filename).relative_to(folder).as_posix() + "/")

    for where, _, files in os.walk(folder, onerror=refused):
        here = Path(where).relative_to(folder)
        names += [(here / file).as_posix() for file in files if file.lower().endswith(suffixes)]
    return sorted(names)


def iter_songs(
    folder: str | os.PathLike[str],
    steps_per_beat: int = 4,
    *,
    reading: Reading | None = None,
    limits: Limits | None = None,
    processes: int = 1,
) -> Iterator[Read | Skipped]:
    """Read every MIDI file below a folder, in sorted order.

    Args:
        folder: searched recursively; names with spaces or in any script are fine.
        reading, limits: see `softaxes.data.music.read.read_song`.
        processes: more than 1 reads in as many processes; only a few chunks of songs are ever in memory.

    Yields:
        ``(name, song, record)`` or ``Skipped(name, reason)`` for each file; name is relative to the folder.
    """
    root = check_folder(folder, "folder")
    yield from read_files(root, find_files(root), steps_per_beat, reading, limits, processes)


def read_files(
    root: Path,
    names: list[str],
    steps_per_beat: int,
    reading: Reading | None = None,
    limits: Limits | None = None,
    processes: int = 1,
) -> Iterator[Read | Skipped]:
    """Read the files below ``root`` that are named, in that order; see `iter_songs`."""
    chunks = [names[at : at + CHUNK_FILES] for at in range(0, len(names), CHUNK_FILES)]
    if processes < 1:
        raise ValueError(f"`processes` must be >= 1, got {processes}")
    if processes == 1 or len(chunks) < 2:
        for name in names:
            yield _read_file(root, name, steps_per_beat, reading, limits)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that has started torch's threads can hang
    waiting: deque[Future[list[Read | Skipped]]] = deque()
    with ProcessPoolExecutor(min(processes, len(chunks)), mp_context=context) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(_read_chunk, root, chunk, steps_per_beat, reading, limits))
            if len(waiting) > 2 * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _read_chunk(root: Path, names: list[str], *how: Any) -> list[Read | Skipped]:
    return [_read_file(root, name, *how) for name in names]


def _read_file(
    root: Path, name: str, steps_per_beat: int, reading: Reading | None, limits: Limits | None
) -> Read | Skipped:
    path = root / name
    try:
        song = read_song(path, steps_per_beat, reading=reading, limits=limits)
        if len(song.notes) == 0:
            return Skipped(name, "no notes in the file")
        return name, song, record(path, name)
    except ValueError as error:
        return Skipped(name, str(error).removeprefix(f"{path}: ").replace(f"{root}{os.sep}", ""))
    except OSError as error:
        return Skipped(name, str(error.strerror or error).lower())

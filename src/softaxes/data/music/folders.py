"""How does a folder of MIDI files become songs, one after another, in bounded memory?

Folders are searched recursively in sorted order; links to folders are not followed. A file that cannot be read becomes
a `Skipped` with its reason in the place of a song: nothing is dropped in silence and nothing stops the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from softaxes.data.music.manifest import FileRecord, Skipped, record
from softaxes.data.music.midi import Limits
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.song import Song

MIDI_SUFFIXES = (".mid", ".midi")

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


def read_files(
    root: Path, names: list[str], steps_per_beat: int = 4, reading: Reading | None = None, limits: Limits | None = None
) -> Iterator[Read | Skipped]:
    """Read the MIDI files below ``root`` that are named, in that order; see `softaxes.data.music.read.read_song`.

    Yields:
        ``(name, song, record)`` or ``Skipped(name, reason)`` for each file.
    """
    for name in names:
        yield _read_file(root, name, steps_per_beat, reading, limits)


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

"""How do paths enter and files leave this package? Names as bytes, outputs whole or not at all, one writer a folder.

A file name need not be UTF-8: inside it carries surrogates, as Python's file functions give it; where it is written or
printed, `printable` or the encoding's "backslashreplace" spells them out. A file is written to a neighbour, brought to
the disk, then renamed, so that a full disk or a kill leaves what was there before.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

PARTIAL = ".partial"  # ends the name of a file that is being written
NAME_LENGTH = 50  # characters of its name that stand before: systems take 255 bytes in all
LOCK_FILE = ".writing.lock"


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes its name ``path`` when the block ends, and leaves nothing if the block fails.

    A link is followed: what it names is written anew. What is no regular file (a pipe, a device) is written as it is.

    Raises:
        OSError: the disk refuses; the message names ``path``, and what was there before is untouched.
    """
    path, place = Path(path), Path(os.path.realpath(path))
    if place.exists() and not place.is_file() and not place.is_dir():
        with place.open("wb") as file:
            yield file
        return
    partial = place.with_name(f".{place.name[:NAME_LENGTH]}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # lest a power cut leaves a renamed but empty file
        os.replace(partial, place)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}; what was there before is untouched") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all; OSError as `whole_file`."""
    with whole_file(path) as file:
        file.write(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    r"""Write UTF-8 whole or not at all; bytes of names that are none become ``\udc..``, as JSON reads them back."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def remove_partials(folder: Path) -> None:
    """Delete what killed writers left in ``folder``; only its one writer may call this."""
    for path in folder.glob(f".*{PARTIAL}"):
        with contextlib.suppress(OSError):
            path.unlink()


def check_outputs(inputs: list[Path], outputs: dict[str, Path | None]) -> None:
    """Refuse to write over what is read, or two outputs into one file, through whatever links.

    Raises:
        ValueError: an output is an input or another output, or is a folder.
    """
    taken = [("the song itself", path) for path in inputs]
    for name, path in outputs.items():
        if path is None:
            continue
        for other, place in taken:
            if _same_file(path, place):
                raise ValueError(f"`{name}` must not be {other}, got {path}")
        if path.is_dir():
            raise ValueError(f"`{name}` must be a file, got the folder {path}")
        taken.append((f"`{name}` as well", path))


def _same_file(one: Path, two: Path) -> bool:
    try:
        return one.samefile(two)
    except OSError:  # one of them is not there yet
        return one.resolve() == two.resolve()


def printable(text: str) -> str:
    """A name as one line of a terminal can show it: control characters and bytes that are no UTF-8 are spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def open_folder(folder: Path, settings_file: str, settings: Mapping[str, Any], what: str) -> None:
    """Make the folder of ``what`` (a run, latents), or check that what is in it was made with the same settings.

    Raises:
        ValueError: it is a file, holds other things, or ``what`` was made with other settings; the message names them.
    """
    wanted, path = json.loads(json.dumps(settings, default=str)), folder / settings_file
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not the folder of {what}")
    folder.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        if any(not file.name.endswith(PARTIAL) and file.name != LOCK_FILE for file in folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no {what.split()[-1]}; choose another folder")
        write_text(path, json.dumps(wanted, indent=2) + "\n")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    changed = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    if changed:
        raise ValueError(f"{folder} holds {what} with other settings ({', '.join(changed)}); choose another folder")


@contextlib.contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Be the only process that writes into ``folder``, which is made; what killed writers left is removed.

    Raises:
        BlockingIOError: another process is writing there.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / LOCK_FILE
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"another process is writing into {folder}: wait for it, or name another folder"
        ) from None
    try:
        remove_partials(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()  # before the lock is given up: nobody can hold the name of a file that is gone
        lock.release()

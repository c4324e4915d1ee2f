"""How does a file leave this package? Whole or not at all: to a neighbour, to the disk, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL = ".partial"  # ends the name of a file that is being written


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        partial.write_text(text, encoding="utf-8")
        _to_disk(partial)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"cannot write {path}: {error}") from error


def _to_disk(path: Path) -> None:
    """Wait until the file has left the system's buffers, lest a power cut leaves a renamed but empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())

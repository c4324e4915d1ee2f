"""How are the data sets' CSV files read, from a folder or a zip, whatever their line ends?

A ``Source`` is a folder or a zip file with the same relative paths; a common parent folder inside it does not matter.
Text is UTF-8 with or without a mark, line ends are \\n, \\r\\n or a bare \\r, blank lines are skipped. A cell that is
no number is a ValueError naming file and line.
"""

from __future__ import annotations

import csv
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """Files by their path from the data set's top folder."""

    path: Path
    names: dict[str, str]  # path inside the data set -> path inside the folder or zip
    zipped: dict[str, bytes]  # content of the CSV files of a zip, read at once

    def read(self, name: str) -> list[list[str]]:
        """Cells of every non-blank line."""
        if name not in self.names:
            raise FileNotFoundError(f"{self.path} has no file {name}")
        raw = self.zipped[name] if self.zipped else (self.path / self.names[name]).read_bytes()
        lines = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return [[cell.strip() for cell in row] for row in csv.reader(lines) if any(cell.strip() for cell in row)]

    def under(self, folder: str, ending: str = ".csv") -> list[str]:
        """Names of the files below a folder."""
        return sorted(n for n in self.names if n.startswith(folder + "/") and n.endswith(ending))


def open_source(path: str | Path, anchor: str) -> Source:
    """A folder or zip whose top is the folder that holds ``anchor``; one-line errors where it is neither."""
    path = Path(path)
    found = _listed(path)
    tops = _tops(found, anchor)
    if len(tops) != 1:
        raise ValueError(f"{path} must hold one folder named {anchor}, found {len(tops)}")
    top = tops.pop()
    names = {n[len(top) :]: n for n in found if n.startswith(top)}
    return Source(path, names, {} if path.is_dir() else _contents(path, names))


def holds(path: str | Path, anchor: str) -> bool:
    """Is there a folder of this name in the folder or zip? Errors as `open_source`."""
    return bool(_tops(_listed(Path(path)), anchor))


def _listed(path: Path) -> list[str]:
    """All files below a folder or in a zip, by their path there."""
    if not path.exists():
        raise FileNotFoundError(f"no folder or zip file at {path}")
    if path.is_dir():
        return [str(p.relative_to(path).as_posix()) for p in path.rglob("*") if p.is_file()]
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is neither a folder nor a zip file")
    with zipfile.ZipFile(path) as archive:
        return [n for n in archive.namelist() if not n.endswith("/")]


def _tops(found: list[str], anchor: str) -> set[str]:
    """The folders that hold ``anchor``."""
    return {n[: ("/" + n).index(f"/{anchor}/")] for n in found if f"/{anchor}/" in "/" + n and "__MACOSX" not in n}


def _contents(path: Path, names: dict[str, str]) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(inside) for name, inside in names.items() if name.endswith(".csv")}


def number(cell: str, name: str, line: int) -> float:
    """The cell as a finite number; ValueError naming file and line otherwise."""
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{name} line {line}: expected a number, got {cell!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} line {line}: expected a finite number, got {cell!r}")
    return value


def numbers(rows: list[list[str]], columns: int, name: str, first_line: int = 1) -> list[list[float]]:
    """The first ``columns`` cells of every row as numbers."""
    for k, row in enumerate(rows):
        if len(row) < columns:
            raise ValueError(f"{name} line {first_line + k}: expected {columns} cells, got {len(row)}")
    return [[number(cell, name, first_line + k) for cell in row[:columns]] for k, row in enumerate(rows)]

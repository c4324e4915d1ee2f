"""Do README and docs say what the runs left? Reads them against JSON files and fails on a difference.

    python runs/check_results.py [FILE.md ...]

A table is marked by a comment above it that says which column stands in which file, and by which key:

    <!-- results: seed 0 = pop909.metrics.json; untrained = pop909.metrics.json: controls/untrained encoder/* -->

Files lie in docs/results or beside the shipped models; ``mix-{0,1,2}.json`` are three seeds. ``*`` is the row's own key
(alone if nothing is said), which stands in the column ``key`` or in a comment in the row, and is what `table.py` calls
the figure (``running/hit_at_1.pitch``). ``a; b`` are two figures, and the row's cells then hold two, ``.50 / .44``. A
cell says the value (of several seeds their mean), then as it likes the range of the seeds ``(.48 .. .51)`` and the 95 %
interval ``[.45, .55]`` (of several seeds the widest reach). A number in running text is marked where it stands:
``77<!-- results: pop909.metrics.json settings/songs -->``.

A number agrees if it is the file's, rounded to the decimals that are printed. Tables without a mark are listed as not
checked; so are rows without a key and cells without a number.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from table import Record, figure

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "docs" / "results", ROOT / "src" / "softaxes" / "model" / "shipped")
FILES = (ROOT / "README.md", ROOT / "docs" / "RESULTS.md", ROOT / "docs" / "motifs.md")
MARK = re.compile(r"^<!-- results: (?P<body>.*) -->$")
INLINE = re.compile(r"(?P<number>[-+]?[\d.,]*\d)<!-- results: (?P<file>\S+) (?P<key>.+?) -->")
ROW_KEY = re.compile(r"<!-- (?!results: )(?P<key>.+?) -->")
NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)"
CELL = re.compile(
    rf"^(?P<value>{NUMBER})\s*[%°]?(?:\s*\((?P<least>{NUMBER}) \.\. (?P<most>{NUMBER})\))?"
    rf"(?:\s*\[(?P<low>{NUMBER}), (?P<high>{NUMBER})\])?"
)


@dataclass(frozen=True)
class Source:
    """The files of a column, one a seed, and its keys, in which ``*`` stands for the row's."""

    runs: tuple[dict[str, Any], ...]
    keys: str
    name: str

    def records(self, key: str) -> list[Record]:
        """The figure in every run; ValueError for one that lacks it."""
        path = self.keys.replace("*", key)
        found = [figure(run, path) for run in self.runs]
        if any(record is None for record in found):
            raise ValueError(f"{self.name} holds no figure {path}")
        return [record for record in found if record]


def source(words: str) -> Source:
    """``FILE`` or ``FILE: keys`` as its runs; ValueError if there is no such file."""
    name, _, keys = (word.strip() for word in words.partition(":"))
    head, brace, rest = name.partition("{")
    seeds, _, tail = rest.partition("}")
    names = [head + seed + tail for seed in seeds.split(",")] if brace else [name]
    return Source(tuple(_read(each) for each in names), keys or "*", name)


def _read(name: str) -> dict[str, Any]:
    for folder in FOLDERS:
        if (folder / name).is_file():
            return dict(json.loads((folder / name).read_text(encoding="utf-8")))
    raise ValueError(f"no file {name} in {' or '.join(str(folder.relative_to(ROOT)) for folder in FOLDERS)}")


def agrees(printed: str, value: float) -> bool:
    """Is ``printed`` the value, rounded to its own decimals?"""
    text = printed.replace(",", "")
    decimals = len(text.partition(".")[2])
    return abs(float(text) - value) <= 0.5 * 10.0**-decimals + 1e-9


def wanted(records: list[Record]) -> dict[str, float | None]:
    """What a cell may say of a figure."""
    values = [record["value"] for record in records]
    lows, highs = ([record.get(end) for record in records] for end in ("low", "high"))
    return {
        "value": statistics.mean(values),
        "least": min(values),
        "most": max(values),
        "low": min(lows) if None not in lows else None,
        "high": max(highs) if None not in highs else None,
    }


def check_cell(cell: str, column: Source, key: str) -> tuple[int, list[str]]:
    """How many numbers of a cell agree, and what differs."""
    parts, keys = cell.replace("*", "").split(" / "), key.split("; ")
    if len(parts) != len(keys):
        parts = [cell.replace("*", "")] if len(keys) == 1 else parts + [""] * (len(keys) - len(parts))
    agree, differ = 0, []
    for part, name in zip(parts, keys, strict=False):
        said = CELL.match(part.strip())
        if said is None:
            continue
        found = wanted(column.records(name))
        for what, printed in said.groupdict().items():
            value = found[what]
            if printed is None or value is None:
                continue
            if agrees(printed, value):
                agree += 1
            else:
                differ.append(f"{name}: {what} is {printed}, {column.name} has {value:.6g}")
    return agree, differ


@dataclass
class Checked:
    """What was found: figures that agree, differences as lines for people, and what no file holds."""

    agree: int = 0
    differ: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def add(self, where: str, cell: str, column: Source, key: str) -> None:
        """One cell, or one number in running text."""
        try:
            agree, differ = check_cell(cell, column, key)
        except ValueError as error:
            agree, differ = 0, [str(error)]
        self.agree += agree
        self.differ += [f"{where}: {text}" for text in differ]


def tables(lines: list[str]) -> Iterator[tuple[int, str | None, str]]:
    """(line of the header, its mark or None, the heading above) of every table."""
    heading = ""
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("| ---") and number:
            above = next((text for text in reversed(lines[: number - 1]) if text.strip()), "")
            mark = MARK.match(above.strip())
            yield number - 1, mark["body"] if mark else None, heading


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").replace(r"\|", "¦").split("|")]


def check_table(lines: list[str], top: int, mark: str, where: str, checked: Checked) -> None:
    """One marked table whose header is line ``top`` (from 0)."""
    header = cells_of(lines[top])
    columns = {}
    for words in mark.split(";"):
        name, _, file = (word.strip() for word in words.partition("="))
        if header.count(name) != 1:
            checked.differ.append(f"{where}:{top + 1}: the table has no one column {name!r}")
            return
        try:
            columns[header.index(name)] = source(file)
        except ValueError as error:
            checked.differ.append(f"{where}:{top}: {error}")
    for number in range(top + 2, len(lines)):
        line = lines[number]
        if not line.startswith("|"):
            break
        row = cells_of(ROW_KEY.sub("", line))
        named = ROW_KEY.search(line)
        key = row[header.index("key")].strip("`") if "key" in header else named["key"] if named else ""
        if not key:
            continue
        for at, column in columns.items():
            checked.add(f"{where}:{number + 1}", row[at], column, key)


def check(path: Path) -> Checked:
    """Every marked table and number of a Markdown file."""
    checked, where = Checked(), path.name
    lines = path.read_text(encoding="utf-8").splitlines()
    for top, mark, heading in tables(lines):
        if mark is not None:
            check_table(lines, top, mark, where, checked)
        elif any(re.search(r"\d", line) for line in lines[top + 2 : top + 3]):
            checked.unchecked.append(f"{where}:{top + 1}: {heading}")
    for number, line in enumerate(lines):
        for said in INLINE.finditer(line):
            try:
                checked.add(f"{where}:{number + 1}", said["number"], source(said["file"]), said["key"])
            except ValueError as error:
                checked.differ.append(f"{where}:{number + 1}: {error}")
    return checked


def main(words: list[str]) -> int:
    found = [check(Path(word)) for word in words] or [check(path) for path in FILES]
    for line in (text for one in found for text in one.unchecked):
        print(f"not checked, no JSON: {line}")
    differ = [text for one in found for text in one.differ]
    for line in differ:
        print(f"differs: {line}")
    print(f"{sum(one.agree for one in found)} numbers agree, {len(differ)} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What do the reports of runs say, in a form that a page can draw and a reader can move in?

A report is the ``metrics.json`` that ``softaxes report``, ``softaxes toy report``, ``softaxes toy sweep`` or ``softaxes
demo`` wrote; a shipped model may have its own beside it. Files are read when they are asked for: a report that is made
while the page is open appears when the page is loaded again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from softaxes.diagnostics import PROPERTIES
from softaxes.model.checkpoint import shipped
from softaxes.report.page import METRICS_FILE
from softaxes.report.sweep import CONTENT
from softaxes.report.tables import name_in_words

MEASURE = "cross_cos"  # what the weight of a sweep buys
HERE, PUBLISHED = "here", "article"
PARTS = {
    "running": "Running music",
    "joint": "Pitch and metre at once",
    "extrapolation": "Beyond the trained amounts",
}
ABOUT = {"music", "blobs", "sweep"}
Row = dict[str, Any]


class Source(NamedTuple):
    """Where a report lies, and the command that makes it."""

    path: Path
    command: str


class NoReport(ValueError):
    """A name without a report."""


class Reports:
    """Reports by name, in the order in which they were named.

    Args:
        models: names, run folders or files of models; runs without a report are listed with the command that makes it,
            shipped models without one are not.
        toys: those of them that read blobs.
        folders: more folders that hold a metrics.json: sweeps, demos, other runs.

    Raises:
        ValueError: one of ``folders`` is none.
    """

    def __init__(
        self, models: Iterable[str] = (), folders: Sequence[str | Path] = (), toys: Iterable[str] = ()
    ) -> None:
        toys = set(toys)
        sources = {name: _source_of(name, name in toys) for name in models}
        here = {name: source for name, source in sources.items() if name not in shipped() or source.path.is_file()}
        self.sources = {Path(name).name or name: source for name, source in here.items()}
        for folder in map(Path, folders):
            if not folder.is_dir():
                raise ValueError(f"`reports` must be folders that hold a {METRICS_FILE}, got {folder}")
            self.sources[folder.resolve().name] = Source(folder / METRICS_FILE, f"softaxes report {folder}")

    def list(self) -> list[Row]:
        """{"name", "about", "command"} of each; ``about`` is "music", "blobs", "sweep", or "" where nothing is yet."""
        rows = []
        for name, source in self.sources.items():
            try:
                found = _read(source.path)
            except ValueError:
                found = None
            parts = [""] if found is None else _parts(found)
            several = len(parts) > 1
            rows += [
                {"name": f"{name}: {part}" if several else name, "about": part, "command": source.command}
                for part in parts
            ]
        return rows

    def open(self, name: str) -> Row:
        """What the page draws of one report.

        Returns:
            {"name", "about", "settings", "suites", "redraw", "sweep"}; see `suites_of` and `sweep_of`.

        Raises:
            NoReport: an unknown name, or nothing is there yet.
            ValueError: a damaged file.
        """
        for known, source in self.sources.items():
            if name != known and not name.startswith(f"{known}: "):
                continue
            found = _read(source.path)
            if found is None:
                raise NoReport(f"no report yet: {source.command}")
            part = name.removeprefix(known).removeprefix(": ")
            return _shaped(name, found.get(part, found))
        raise NoReport(f"no report {name[:80]!r}")


def _source_of(model: str, toy: bool) -> Source:
    command = f"softaxes {'toy ' if toy else ''}report {model}"
    if model in shipped():
        return Source(Path(str(resources.files("softaxes") / "model" / "shipped" / f"{model}.{METRICS_FILE}")), command)
    path = Path(model)
    return Source((path if path.is_dir() else path.parent) / METRICS_FILE, command)


def _read(path: Path) -> Row | None:
    """The file's content; None if there is none, ValueError in one line if it is no report."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise ValueError(f"{path.name} cannot be read: make the report again") from None
    if not isinstance(found, dict) or not _parts(found):
        raise ValueError(f"{path.name} is no report of softaxes: make it again")
    return found


def _parts(found: Mapping[str, Any]) -> list[str]:
    """What a file tells of: one thing, or as the demo's two."""
    if found.get("about") in ABOUT:
        return [str(found["about"])]
    return [part for part in ("blobs", "music") if isinstance(found.get(part), dict)]


def _shaped(name: str, found: Mapping[str, Any]) -> Row:
    try:
        about = str(found["about"])
        sweep = sweep_of(found["runs"]) if about == "sweep" else None
        suites = [] if sweep else suites_of(found)
        settings = {key: value for key, value in found.get("settings", {}).items() if value is not None}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this report lacks {error}: another version of softaxes made it, make it again") from None
    return {
        "name": name,
        "about": about,
        "settings": settings,
        "suites": suites,
        "redraw": found.get("redraw"),
        "sweep": sweep,
    }


def suites_of(found: Mapping[str, Any]) -> list[Row]:
    """The metric suites: {"title", "columns", "rows"}; the first column is what the report is about.

    A row is {"words", "kind", "part", "n", "chance", "best", "low", "high", "reading", "values"}: ``low`` and ``high``
    bound the figure (None: unbounded), ``values`` holds [value, lowest, highest of 95 %] by column.
    """
    figures, controls = found["figures"], found.get("controls", {})
    if found["about"] == "blobs":
        published = {key: {"value": value} for key, value in found["article"]["published"].items()}
        columns = {HERE: figures, PUBLISHED: published, **controls}
        return [_suite("Random blobs", columns)]
    suites = [
        _suite(
            PARTS.get(part, part),
            {HERE: suite} | {name: other[part] for name, other in controls.items() if part in other},
        )
        for part, suite in figures.items()
        if suite
    ]
    suites += [_suite(f"Notes after steering: {kind}", methods) for kind, methods in found.get("edits", {}).items()]
    if found.get("reconstruction"):
        suites.append(_suite("Notes, decoded from their own latents", {HERE: found["reconstruction"]}))
    return suites


def _suite(title: str, columns: Mapping[str, Mapping[str, Any]]) -> Row:
    first = next(iter(columns.values()))
    return {
        "title": title,
        "columns": list(columns),
        "rows": [_row(key, figure, columns) for key, figure in first.items()],
    }


def _row(key: str, figure: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]) -> Row:
    bounds = PROPERTIES.get(figure["name"])
    low, high = (bounds.low, bounds.high) if bounds else (0.0, 1.0)
    values = {
        name: [suite[key].get(part) for part in ("value", "low", "high")]
        for name, suite in columns.items()
        if key in suite
    }
    shared = {name: figure[name] for name in ("kind", "part", "n", "chance", "best", "reading")}
    words = name_in_words(figure["name"])
    return {"key": key, "words": words, "low": _finite(low), "high": _finite(high), "values": values, **shared}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def sweep_of(runs: Sequence[Mapping[str, float]]) -> Row:
    """A sweep by weight: {"weights", "seeds", "figures": [{"key", "words", "reading", "best", "values"}]}.

    The first figure is what the weight buys, the others what it is paid with; ``values`` is [[one a seed] a weight].
    """
    if not runs:
        raise ValueError("this sweep has no runs: make it again")
    weights = sorted({run["weight"] for run in runs})
    by_weight = [[run for run in runs if run["weight"] == weight] for weight in weights]
    known = [key for key in runs[0] if key in PROPERTIES or key == "decoder_r2"]
    order = sorted(known, key=lambda key: (key != MEASURE, key not in CONTENT, known.index(key)))
    figures = []
    for key in order:
        about = PROPERTIES.get(key)
        figures.append(
            {
                "key": key,
                "words": name_in_words(key) if about else "pixels, by its own decoder, R²",
                "reading": about.reading if about else "R^2 of the pixels, decoded by the run's own decoder; 1: exact",
                "best": _finite(about.best) if about else 1.0,
                "values": [[run[key] for run in group] for group in by_weight],
            }
        )
    return {"weights": weights, "seeds": len(by_weight[0]), "figures": figures}

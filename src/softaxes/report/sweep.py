"""What does factorization cost? A sweep of its weight, told on one page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from softaxes import __version__
from softaxes.data.files import write_text
from softaxes.diagnostics import PROPERTIES
from softaxes.model.checkpoint import MODEL_FILE
from softaxes.report.page import Block, Page, Picture, Section, Table, write_page
from softaxes.report.pictures.curves import tradeoff_curve
from softaxes.report.tables import name_in_words, number

CONTENT = ("content_recall", "ridge_r2")
FIGURES_FILE = "sweep.json"


def kept_figures(run: Path, asked: Mapping[str, Any], measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """A finished run's figures, kept in its folder for as long as its weights and what is ``asked`` stay the same."""
    weights = hashlib.sha256((run / MODEL_FILE).read_bytes()).hexdigest()
    key, path = json.loads(json.dumps({"model": weights, **asked})), run / FIGURES_FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return dict(kept["figures"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or of an earlier version: they are measured
    figures = measure()
    write_text(path, json.dumps({"key": key, "figures": figures}) + "\n")
    return figures


def sweep_report(
    out: Path,
    rows: Sequence[Mapping[str, float]],
    *,
    factorization: str = "cross_cos",
    content: Sequence[str] = CONTENT,
) -> Path:
    """Write OUT/report.html and OUT/metrics.json of a sweep; returns the path of the page.

    Args:
        out: folder.
        rows: one a run, with "weight", "seed" and the figures by key; every weight with the same seeds.
        factorization: key of the figure that the weight buys.
        content: keys of the figures that it is paid with.

    Raises:
        ValueError: no rows, a figure that a row lacks, or weights with different seeds.
    """
    weights, columns = _columns(rows, (factorization, *content))
    named = {name_in_words(key): columns[key] for key in content}
    measure = name_in_words(factorization)
    picture = tradeoff_curve(weights, columns[factorization], named, measure=measure)
    header = ["weight", measure, *named]
    table = [[number(weight), *(_spread(columns[key][row]) for key in columns)] for row, weight in enumerate(weights)]
    first, last = (", ".join(f"{name} {number(values[at].mean())}" for name, values in named.items()) for at in (0, -1))
    summary = (
        f"As the weight of the factorization grows from {weights[0]:g} to {weights[-1]:g}, {measure} goes from "
        f"{number(columns[factorization][0].mean())} to {number(columns[factorization][-1].mean())}. What it costs: "
        f"{first} at the smallest weight, {last} at the largest."
    )
    caption = "Each dot a run, numbers are the weights. The method is tunable as far as the curve is not one point."
    readings = [f"{name_in_words(key)}: {PROPERTIES[key.split('.')[0]].reading}." for key in columns]
    seeds = columns[factorization].shape[1]
    blocks: list[Block] = [
        Picture(picture, caption),
        Table(header, table, f"Mean of {seeds} seeds, lowest and highest."),
        *readings,
    ]
    page = Page("The price of factorization", summary, [], [Section("Weight against content", blocks)], "sweep")
    return write_page(Path(out), page, {"softaxes": __version__, "about": "sweep", "runs": list(rows)})


def _columns(rows: Sequence[Mapping[str, float]], keys: Sequence[str]) -> tuple[list[float], dict[str, np.ndarray]]:
    """Ascending weights, and each figure as (weights, seeds)."""
    if not rows:
        raise ValueError("`rows` must hold at least one run, got none")
    for row in rows:
        missing = [key for key in ("weight", "seed", *keys) if key not in row]
        if missing:
            raise ValueError(f"every row must hold {', '.join(missing)}, got {', '.join(map(str, row))}")
    weights = sorted({row["weight"] for row in rows})
    by_weight = [sorted((row for row in rows if row["weight"] == w), key=lambda row: row["seed"]) for w in weights]
    seeds = {tuple(row["seed"] for row in group) for group in by_weight}
    if len(seeds) > 1:
        raise ValueError(f"every weight must have the same seeds, got {sorted(seeds)}")
    return weights, {key: np.array([[float(row[key]) for row in group] for group in by_weight]) for key in keys}


def _spread(values: np.ndarray) -> str:
    return f"{number(float(values.mean()))} [{number(float(values.min()))}, {number(float(values.max()))}]"

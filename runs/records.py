"""What does a run leave for `check_results.py`? A file of {"figures": {method: {measure: {value, low, high}}}}."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from softaxes.diagnostics.bootstrap import interval

Figure = dict[str, float]


def over(column: Sequence[float] | np.ndarray) -> Figure:
    """The mean of a figure over movements, those without one (NaN) left out, and its 95 % interval over them."""
    known = np.asarray(column, float)
    known = known[np.isfinite(known)]
    low, high = interval(known, n=2000, seed=0)
    return {"value": float(known.mean()), "low": low, "high": high}


def figure_line(name: str, found: Figure) -> str:
    """One line for people."""
    return "{:44s} {value:.3f} [{low:.3f}, {high:.3f}]".format(name, **found)


def write_record(path: Path, figures: Mapping[str, Mapping[str, Figure]], **about: Any) -> None:
    """``figures`` by method and measure, and what they are about, such as ``movements=20``."""
    rounded = {
        method: {name: {key: round(value, 5) for key, value in row.items()} for name, row in measures.items()}
        for method, measures in figures.items()
    }
    path.write_text(json.dumps({**about, "figures": rounded}, indent=1) + "\n", encoding="utf-8")

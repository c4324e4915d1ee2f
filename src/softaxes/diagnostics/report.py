"""How does a metric suite read? Each with its interval, its chance level and a sentence.

Conventions: a figure's key is its name in ``properties``, then the kind if it is about one, then the part of the data
if that is not all of it: "same_cos", "same_cos.pitch", "same_cos.pitch.unclipped". Intervals are over groups.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from softaxes.diagnostics.bootstrap import Bootstrap, Statistic
from softaxes.diagnostics.labelled import Array, Labelled
from softaxes.diagnostics.properties import PROPERTIES, Property
from softaxes.geometry.kinds import Rotation


@dataclass(frozen=True)
class Figure:
    """A value, its interval (NaN where there is none), how many items it averages, and its chance level (NaN: unknown).

    ``kind`` is "" where the figure is about all kinds; ``part`` is "all", "unclipped" or "clipped".
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    chance: float
    kind: str = ""
    part: str = "all"

    @property
    def key(self) -> str:
        return ".".join([self.name] + [word for word in (self.kind, self.part) if word not in ("", "all")])

    @property
    def about(self) -> Property:
        """Range, best value and reading of figures of this name."""
        return PROPERTIES[self.name]


class Report(Mapping[str, Figure]):
    """Figures by key, in the order they were made; ``str(report)`` is a table, ``to_dict()`` fits into JSON."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        self._figures = {figure.key: figure for figure in figures}
        if len(self._figures) < len(figures):
            raise ValueError("figures must differ in key: is a kind named 'clipped' or 'unclipped'?")

    def __getitem__(self, key: str) -> Figure:
        return self._figures[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain numbers and strings; NaN becomes None."""
        rows = {}
        for key, figure in self.items():
            about = figure.about
            row = asdict(figure) | {"best": about.best, "chance_level": about.chance, "reading": about.reading}
            rows[key] = {name: _json(value) for name, value in row.items()}
        return rows

    def __str__(self) -> str:
        width = max([len(key) for key in self], default=0)
        lines = [f"{'figure':<{width}} {'value':>8} {'95 % over groups':>20} {'n':>8} {'chance':>8}  how to read it"]
        for key, figure in self.items():
            interval = "" if math.isnan(figure.low) else f"[{_number(figure.low)}, {_number(figure.high)}]"
            numbers = f"{_number(figure.value):>8} {interval:>20} {figure.n:>8} {_number(figure.chance):>8}"
            lines.append(f"{key:<{width}} {numbers}  {figure.about.reading if figure.part == 'all' else ''}".rstrip())
        return "\n".join(lines)


class Suite:
    """Collects figures of one batch. ``occurring``: kinds with a shifted view, as (index, kind); ``lines``: of them."""

    def __init__(self, batch: Labelled, draws: Bootstrap) -> None:
        self.batch, self.draws = batch, draws
        self.figures: list[Figure] = []
        self.occurring = [(i, k) for i, k in enumerate(batch.kinds) if (batch.shifted & (batch.kind == i)).any()]
        self.lines = [(i, k) for i, k in self.occurring if not isinstance(k, Rotation)]

    def add(
        self,
        name: str,
        values: Array,
        item: Array,
        *,
        chance: float,
        kind: str = "",
        part: str = "all",
        statistic: Statistic | None = None,
    ) -> None:
        """A figure that is a function of the mean of ``values``; without values a part is left out, "all" is NaN."""
        if not len(values):
            if part == "all":
                self.put(name, math.nan, (math.nan, math.nan), 0, chance=chance, kind=kind)
            return
        rows = values[:, None] if values.ndim == 1 else values
        mean = rows.astype(np.float64).mean(axis=0, keepdims=True)
        value = float(mean[0, 0] if statistic is None else statistic(mean)[0])
        self.put(
            name, value, self.draws.interval(rows, item, statistic), len(rows), chance=chance, kind=kind, part=part
        )

    def put(
        self,
        name: str,
        value: float,
        interval: tuple[float, float],
        n: int,
        *,
        chance: float,
        kind: str = "",
        part: str = "all",
    ) -> None:
        """A figure as it is. Percentiles of a bounded figure can miss its value (angles near 180): they are widened."""
        low, high = interval
        interval = min(low, value), max(high, value)
        self.figures.append(Figure(name, value, *interval, n, chance, kind, part))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}" if abs(value) >= 100 else f"{value:.3f}"


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""How do the figures of ``diagnose`` become rows that can be read without a key?

A row is one figure about one kind: its value with the 95 % interval over groups, for all, unclipped and clipped views
where they are told apart, how many items it averages, what chance would score, and the sentence that says how to read
it. Nothing is left out: what cannot be computed is a dash.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from softaxes.diagnostics.report import Figure, Report
from softaxes.report.page import READING, Table

PARTS = ("all", "unclipped", "clipped")
_WORDS = {
    "cross_cos": "two kinds, mean |cos|",
    "same_cos": "same sign, mean cos",
    "opposite_cos": "opposite signs, mean cos",
    "circle_error": "circle, mean |cos − promised|",
    "cycle_error": "cycle, mean |cos − promised|",
    "law_error": "law of the kind, |mean cos − promised|",
    "opening_angle": "angle of mean + and mean −, degrees",
    "difference_pca2": "first two components of the differences",
    "grid_first": "first singular value of a shift grid",
    "ridge_r2": "pixels read off z linearly, R²",
    "content_recall": "same content found with axes removed",
    "axis_agreement": "agreement with the global axis",
    "between_images": "cosine of two items' differences",
    "size_r2": "R² of length on amount",
    "size_exponent": "length grows as amount to the power",
    "size_ratio_cv": "spread of length over amount",
    "dead": "shifts that do not move z",
    "content_rank": "effective rank with axes removed",
    "relative_error": "error of the operator, relative",
    "skill": "skill of the operator against no change",
    "subspace_overlap": "overlap of subspaces",
    "transposition": "right transposition recognised",
    "onset_leakage": "onsets moved by a pitch edit",
    "pitch_leakage": "pitches changed by a time edit",
    "additivity": "additivity error",
    "hit_at_1": "H@1 of the operator",
    "hit_at_5": "H@5 of the operator",
    "mrr": "MRR of the operator",
    "hit_at_1_no_operator": "H@1, control: no operator",
    "hit_at_1_random_direction": "H@1, control: random direction",
    "hit_at_1_with_query": "H@1, unshifted crop among candidates",
    "hit_at_1_with_unmoved": "H@1, all unshifted crops among candidates",
    "coordinate_r2": "R² of the shifted coordinate",
    "coordinate_skill": "its skill against no change",
    "shift_r2": "shift R², read off the difference",
    "own_shift": "own shift identified",
    "phase_cos": "cos of the phase error",
    "frame_f1": "F1 of sounding cells",
    "note_f1": "F1 of onsets",
}


def number(value: float) -> str:
    """Three decimals for what is below 10, fewer above; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    decimals = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def with_interval(figure: Figure | None) -> str:
    """A value and its interval, "0.103 [0.101, 0.105]"; a dash without a figure."""
    if figure is None:
        return "–"
    if math.isnan(figure.low):
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def restored(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
    """Figures by key as they stand in a metrics.json."""
    fields = [field.name for field in dataclasses.fields(Figure)]
    rows: dict[str, dict[str, Any]] = {
        key: {name: math.nan if row[name] is None else row[name] for name in fields} for key, row in figures.items()
    }
    return {key: Figure(**row) for key, row in rows.items()}


def words(figure: Figure) -> str:
    """What a figure is called in a table, with the kind it is about."""
    text = name_in_words(figure.name)
    return f"{text}: {figure.kind}" if figure.kind else text


def name_in_words(name: str) -> str:
    """What figures of a name are called in tables."""
    return _WORDS.get(name, name.replace("_", " ").replace(".", ", "))


def figure_table(
    report: Mapping[str, Figure], names: Sequence[str] = (), *, caption: str = "", folded: bool = False
) -> Table:
    """A table of the figures called ``names`` (default: all), one row for each kind they are about."""
    chosen = [figure for figure in report.values() if figure.part == "all" and (not names or figure.name in names)]
    if names:
        chosen.sort(key=lambda figure: names.index(figure.name))
    parted = [part for part in PARTS[1:] if any(find(report, figure, part) for figure in chosen)]
    header = ["figure", "value [95 %]", *[f"{part} [95 %]" for part in parted], "chance", "n", READING]
    rows = []
    for figure in chosen:
        parts = [with_interval(find(report, figure, part)) for part in parted]
        about = figure.about.reading
        rows.append([words(figure), with_interval(figure), *parts, number(figure.chance), f"{figure.n:,}", about])
    return Table(header, rows, caption, [figure.kind for figure in chosen], folded)


def find(report: Mapping[str, Figure], figure: Figure, part: str) -> Figure | None:
    """The same figure for another part of the data, if the report has it."""
    return report.get(dataclasses.replace(figure, part=part).key)


def comparison_table(reports: Mapping[str, Mapping[str, Figure]], keys: Iterable[str], *, caption: str = "") -> Table:
    """Figures of several encoders side by side; the first report decides chance level and reading."""
    first = next(iter(reports.values()))
    header = ["figure", *reports, "chance", "n", READING]
    rows, kinds = [], []
    for key in keys:
        if key not in first:
            continue
        figure = first[key]
        label = words(figure) + (f", {figure.part}" if figure.part != "all" else "")
        values = [with_interval(report.get(key)) for report in reports.values()]
        rows.append([label, *values, number(figure.chance), f"{figure.n:,}", figure.about.reading])
        kinds.append(figure.kind)
    return Table(header, rows, caption, kinds)


def joined(*suites: tuple[Mapping[str, Figure], Sequence[str]]) -> Report:
    """One report of the figures of several: of each suite those called by its names (empty: all), in order.

    Raises:
        ValueError: two suites hold one figure.
    """
    return Report([figure for suite, names in suites for figure in suite.values() if not names or figure.name in names])

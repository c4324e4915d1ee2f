"""Rows say every figure with its interval, chance, number and reading."""

from __future__ import annotations

import json
import math

import pytest

from softaxes.diagnostics import Figure, Report
from softaxes.report.page import READING, plain_numbers
from softaxes.report.tables import (
    comparison_table,
    figure_table,
    joined,
    name_in_words,
    number,
    restored,
    with_interval,
    words,
)

NAN = math.nan
SAME = Figure("same_cos", 0.954, 0.95, 0.96, 1200, 0.5, "pitch")
UNCLIPPED = Figure("same_cos", 0.99, 0.98, 0.995, 700, 0.5, "pitch", "unclipped")
RANK = Figure("effective_rank", 12.34, NAN, NAN, 500, 16.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "0.123"),
        (-0.5, "−0.500"),
        (-0.0001, "0.000"),
        (162.84, "162.8"),
        (-12345.6, "−12,346"),
        (12345.6, "12,346"),
        (NAN, "–"),
        (math.inf, "–"),
        (0.0, "0.000"),
        (9.9996, "10.000"),
    ],
)
def test_numbers_as_they_are_read(value: float, text: str) -> None:
    assert number(value) == text


def test_an_interval_stands_beside_its_value_if_there_is_one() -> None:
    assert with_interval(SAME) == "0.954 [0.950, 0.960]"
    assert with_interval(RANK) == "12.3"
    assert with_interval(None) == "–"


def test_a_figure_is_named_with_its_kind() -> None:
    assert words(SAME) == "same sign, mean cos: pitch"
    assert words(RANK) == "effective rank"
    assert name_in_words("a_new.figure") == "a new, figure"


def test_a_row_has_all_that_it_takes_to_read_it() -> None:
    table = figure_table(Report([SAME, UNCLIPPED, RANK]))
    assert list(table.header) == ["figure", "value [95 %]", "unclipped [95 %]", "chance", "n", READING]
    assert table.rows[0] == [
        "same sign, mean cos: pitch",
        "0.954 [0.950, 0.960]",
        "0.990 [0.980, 0.995]",
        "0.500",
        "1,200",
        SAME.about.reading,
    ]
    assert table.rows[1][2] == "–"
    assert list(table.kinds) == ["pitch", ""]


def test_chosen_figures_come_in_the_order_asked_for() -> None:
    table = figure_table(Report([SAME, RANK]), ("effective_rank", "same_cos", "dead"))
    assert [row[0] for row in table.rows] == ["effective rank", "same sign, mean cos: pitch"]
    assert figure_table(Report([SAME]), ("dead",)).rows == []


def test_encoders_side_by_side() -> None:
    other = Report([Figure("same_cos", 0.5, 0.4, 0.6, 10, 0.5, "pitch")])
    table = comparison_table({"here": Report([SAME, UNCLIPPED]), "other": other}, [SAME.key, UNCLIPPED.key, "dead"])
    assert list(table.header) == ["figure", "here", "other", "chance", "n", READING]
    assert [row[:3] for row in table.rows] == [
        ["same sign, mean cos: pitch", "0.954 [0.950, 0.960]", "0.500 [0.400, 0.600]"],
        ["same sign, mean cos: pitch, unclipped", "0.990 [0.980, 0.995]", "–"],
    ]


def test_suites_join_by_name_and_not_twice() -> None:
    both = joined((Report([SAME, RANK]), ["same_cos"]), (Report([RANK, UNCLIPPED]), ["effective_rank"]))
    assert list(both) == [SAME.key, RANK.key]
    with pytest.raises(ValueError, match="figures must differ in key"):
        joined((Report([SAME]), ()), (Report([SAME]), ()))


def test_figures_come_back_from_json() -> None:
    report = Report([SAME, UNCLIPPED, RANK])
    back = restored(json.loads(json.dumps(plain_numbers(report.to_dict()))))
    assert list(back) == list(report)
    assert back[SAME.key] == SAME
    assert math.isnan(back[RANK.key].low) and back[RANK.key].value == RANK.value

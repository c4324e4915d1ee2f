"""A page needs nothing else, says what it is given and nothing that it is not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.report.page import (
    KIND_COLOURS,
    NEUTRAL,
    READING,
    Page,
    Picture,
    Section,
    Table,
    Widget,
    body_of,
    kind_colour,
    plain_numbers,
    render,
    write_page,
)
from softaxes.report.pictures.canvas import blank
from tests.report.worlds import Read, check_page


def picture(text: str = "x", points: int = 3) -> Picture:
    figure, plots = blank()
    plots[0, 0].scatter(range(points), range(points), label=text)
    plots[0, 0].set_title(text)
    return Picture(figure, f"caption of {text}")


def page(*sections: Section) -> Page:
    return Page("A title", "What it shows.", ["an opening"], sections)


def test_everything_given_is_on_the_page() -> None:
    table = Table(["figure", "value", READING], [["a < b", "0.5 [0.4, 0.6]", "one: good"]], "a caption", ["pitch"])
    read = check_page(render(page(Section("First", [picture("drawn"), table]), Section("Second", ["words & more"]))))
    for words in ("A title", "What it shows.", "an opening", "First", "Second", "caption of drawn", "drawn", "a < b",
                  "a caption", "one: good", "words & more"):  # fmt: skip
        assert words in read.text, words
    assert read.tags.count("svg") == 1
    assert read.tags.count("table") == 1


def test_text_of_others_stays_text() -> None:
    evil = "<script>alert(1)</script>"
    html = render(Page(evil, evil, [evil, Table([evil], [[evil]], evil)], [Section(evil, [])]))
    assert "<script" not in html
    assert (
        Read(html).text.count("alert(1)") == 9
    )  # title twice, summary, link, heading, paragraph, header, cell, caption


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a row must have 2 cells as the header does, got \['1'\]"):
        Table(["a", "b"], [["1"]])


def test_a_kind_has_one_colour_and_a_pair_none() -> None:
    assert set(KIND_COLOURS) == {"pitch", "metre", "time", "chroma"}
    assert len({*KIND_COLOURS.values(), NEUTRAL}) == 5
    assert kind_colour("metre") == KIND_COLOURS["metre"]
    assert kind_colour("pitch+time") == kind_colour("") == NEUTRAL
    html = render(page(Section("s", [Table(["f"], [["x"]], kinds=["time"])])))
    assert f"border-left-color:{KIND_COLOURS['time']}" in html
    assert KIND_COLOURS["pitch"] not in html


def test_pictures_follow_the_page_in_light_and_dark() -> None:
    html = render(page(Section("s", [picture()])))
    assert "currentColor" in html
    assert "#010203" not in html
    assert "prefers-color-scheme:dark" in html


def test_two_pictures_share_no_name() -> None:
    check_page(render(page(Section("s", [picture(), picture(), picture("other")]))))


def test_bodies_of_two_pages_fit_into_one() -> None:
    bodies = [
        body_of(render(Page("t", f"of {slug}", [], [Section("s", [picture()])], slug))) for slug in ("one", "two")
    ]
    whole = check_page(render(page(*(Section("joined", [Widget(body, "")]) for body in bodies))))
    assert whole.tags.count("svg") == 2
    assert whole.tags.count("h3") == 2
    assert whole.tags.count("h1") == 1
    assert "of one" in whole.text and "of two" in whole.text


def test_an_interval_stands_under_its_value() -> None:
    html = render(page(Section("s", [Table(["f", "v"], [["x", "0.5 [0.4, 0.6]"]])])))
    assert "0.5<small>[0.4, 0.6]</small>" in html


def test_a_folded_table_has_its_caption_as_the_handle() -> None:
    read = check_page(render(page(Section("s", [Table(["f"], [["x"]], "open me", folded=True)]))))
    assert read.tags.count("details") == read.tags.count("summary") == 1
    assert read.text.count("open me") == 1


def test_the_same_page_is_the_same_characters() -> None:
    assert render(page(Section("s", [picture()]))) == render(page(Section("s", [picture()])))


def test_written_beside_its_numbers(tmp_path: Path) -> None:
    path = write_page(tmp_path / "new", page(), {"a": math.nan, "b": [np.float32(0.5), np.int64(3)], "c": {"d": True}})
    assert path == tmp_path / "new" / "report.html"
    assert json.loads((tmp_path / "new" / "metrics.json").read_text()) == {"a": None, "b": [0.5, 3], "c": {"d": True}}
    assert sorted(file.name for file in path.parent.iterdir()) == ["metrics.json", "report.html"]


def test_numbers_of_any_library_become_plain() -> None:
    found = plain_numbers({1: torch.tensor([1.0, math.inf]), "t": (1, "x", None, False), "n": np.array(2)})
    assert found == {"1": [1.0, None], "t": [1, "x", None, False], "n": 2}

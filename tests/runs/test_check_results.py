"""README and docs say what the committed files hold; a wrong digit, key or file is found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import check_results
import pytest
import sweep_table
import table

PAGE = """# Page

<!-- results: here = {a},{b}; untrained = {a}: controls/untrained encoder/* -->
| figure | here | untrained | key |
| --- | --- | --- | --- |
| same | {here} | .25 | `same_cos` |
| same / other | .90 / -.10 | not measured | `same_cos; other` |
| of no file | 17 | 18 | |

There are 81<!-- results: {a} settings/songs --> songs.

| not marked | |
| --- | --- |
| x | 1 |
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A page about two seeds; ``page(here=...)`` writes and checks it."""
    for name, value in (("a.json", 0.88), ("b.json", 0.92)):
        untrained = {"untrained encoder": {"same_cos": {"value": 0.251}}}
        same = {"value": value, "low": value - 0.1, "high": value + 0.1}
        figures = {"same_cos": same, "other": {"value": -0.1}}
        record = {"figures": figures, "controls": untrained, "settings": {"songs": 81}}
        (tmp_path / name).write_text(json.dumps(record), encoding="utf-8")
    monkeypatch.setattr(check_results, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(check_results, "ROOT", tmp_path)

    def checked(here: str = ".90 (.88 .. .92) [.78, 1.02]", text: str = PAGE) -> check_results.Checked:
        filled = text.replace("{a},{b}", "{0}.json").replace("{a}", "a.json").replace("{0}", "{a,b}")
        path = tmp_path / "page.md"
        path.write_text(filled.replace("{here}", here), encoding="utf-8")
        return check_results.check(path)

    return checked


def test_the_repository_says_what_its_files_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_results.main([]) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert int(re.search(r"(\d+) numbers agree, 0 differ", printed)[1]) > 200  # type: ignore[index]
    assert "not checked, no JSON: RESULTS.md" in printed


def test_numbers_that_agree_are_counted(page) -> None:
    found = page()
    assert found.differ == []
    assert found.agree == 5 + 1 + 2 + 1
    assert found.unchecked == ["page.md:12: Page"]


@pytest.mark.parametrize(
    ("here", "what"),
    [
        (".91 (.88 .. .92)", "value is .91"),
        ("-.90", "value is -.90"),
        (".90 (.87 .. .92)", "least is .87"),
        (".90 (.88 .. .93)", "most is .93"),
        (".90 [.79, 1.02]", "low is .79"),
        (".90 [.78, 1.03]", "high is 1.03"),
        ("**.91**", "value is .91"),
    ],
)
def test_a_wrong_digit_is_a_difference(page, here: str, what: str) -> None:
    (line,) = page(here).differ
    assert line.startswith("page.md:6: same_cos: ") and what in line


def test_a_wrong_number_in_running_text_or_of_two_is_a_difference(page) -> None:
    assert "settings/songs: value is 80" in page(text=PAGE.replace("81<!--", "80<!--")).differ[0]
    assert "other: value is -.11" in page(text=PAGE.replace("-.10", "-.11")).differ[0]


def test_a_mark_that_leads_nowhere_is_a_difference(page) -> None:
    assert "holds no figure same_sin" in page(text=PAGE.replace("`same_cos`", "`same_sin`")).differ[0]
    assert "no one column 'there'" in page(text=PAGE.replace("results: here", "results: there")).differ[0]
    assert "no file c.json" in page(text=PAGE.replace("{a},{b}", "c.json")).differ[0]
    assert "no file c.json" in page(text=PAGE.replace("81<!-- results: {a}", "81<!-- results: c.json")).differ[0]


def test_more_decimals_than_the_file_rounds_to_are_a_difference() -> None:
    assert check_results.agrees(".95", 0.9451) and check_results.agrees("1,329", 1329)
    assert not check_results.agrees(".950", 0.9451) and not check_results.agrees(".94", 0.9451)


def test_the_main_program_fails_on_a_difference(page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page(".10")
    assert check_results.main([str(tmp_path / "page.md")]) == 1
    assert "differs: page.md:6: same_cos: value is .10" in capsys.readouterr().out


def test_the_table_shows_means_ranges_and_the_untrained_network() -> None:
    figures = [{"same_cos": {"value": v, "low": v - 0.1, "high": v + 0.1, "chance": 0.5}} for v in (0.8, 0.9)]
    runs = [{"figures": f, "controls": {"untrained encoder": {"same_cos": {"value": 0.3}}}} for f in figures]
    assert table.row("same_cos", runs) == "| same_cos | 0.85 | 0.8 .. 0.9 | [0.7, 1] | 0.5 | 0.3 |"
    assert table.row("nothing", runs) == "| nothing | absent | | | | |"
    draws = [
        {"figures": {}, "article": {"draws_of_500": {"x": [1.0, 3.0]}}},
        {"figures": {}, "article": {"draws_of_500": {"x": [2.0]}}},
    ]
    assert table.row("article/draws_of_500/x", draws) == "| article/draws_of_500/x | 2 | 1 .. 3 |  |  |  |"


def test_a_sweep_is_told_as_means_and_ranges_by_weight() -> None:
    rows = [
        {"weight": 1.0, "seed": 0, "cross_cos": 0.2},
        {"weight": 0.0, "seed": 0, "cross_cos": 0.1},
        {"weight": 0.0, "seed": 1, "cross_cos": 0.3},
    ]
    assert sweep_table.table(rows)[2:] == ["| 0 | 0.2 (0.1 .. 0.3) |", "| 1 | 0.2 |"]

"""The joint page: opens with published, here and chance, says two sentences, and holds both reports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from softaxes.report.demo import demo_report, demo_summary
from softaxes.report.music import music_metrics
from softaxes.report.music_page import music_page
from softaxes.report.music_suite import music_suite
from softaxes.report.page import write_page
from softaxes.report.toy import toy_report
from tests.report.worlds import Remembering, check_page, tunes


@pytest.fixture(scope="module")
def made(tiny_toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(tiny_toy, folder / "toy")
    toy_report(folder / "toy", n=40, controls=False)
    rolls, song = tunes(3, 2)
    found = music_suite(Remembering(), rolls, song, controls=False, draws=10)
    write_page(folder / "tunes", music_page(found, history=[], about="made-up tunes"), music_metrics(found, {}))
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Copies of a run on blobs and one on music, each with its report."""
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs" / "toy", tmp_path / "runs" / "tunes"


def test_it_opens_with_the_published_figures_and_holds_both_reports(runs: tuple[Path, Path], tmp_path: Path) -> None:
    path = demo_report(*runs, tmp_path / "joint")
    page = path.read_text(encoding="utf-8")
    read = check_page(page)
    first = page[page.index("<table") : page.index("</table>")]
    assert "published by the article" in first and "chance" in first and "0.954" in first
    for words in ("Random blobs", "Real music", "What the encoder sees", "Finding the shifted window", "made-up tunes"):
        assert words in read.text, words
    alone = [(run / "report.html").read_text(encoding="utf-8").count("<svg") for run in runs]
    assert read.tags.count("svg") == sum(alone)
    assert read.tags.count("h1") == 1
    metrics = json.loads((path.parent / "metrics.json").read_text())
    assert metrics["blobs"] == json.loads((runs[0] / "metrics.json").read_text())
    assert metrics["music"]["figures"]["running"]["hit_at_1.pitch"]["value"] == 1


def test_it_says_what_it_shows_in_two_sentences(runs: tuple[Path, Path]) -> None:
    toy, music = (json.loads((run / "metrics.json").read_text()) for run in runs)
    printed = demo_summary(toy, music)
    assert printed.count(". ") == 1 and printed.endswith(".")
    assert "0.116, 0.954, −0.884" in printed
    assert "in 100 % of all cases" in printed
    hits = {key: figure for key, figure in music["figures"]["running"].items() if key.startswith("hit_at_1")}
    joint = {key.replace("pitch", "pitch and metre"): figure | {"value": 0.5} for key, figure in hits.items()}
    said = demo_summary(toy, {**music, "figures": music["figures"] | {"joint": joint}})
    assert "by known amounts of pitch and metre" in said and "in 50 % of all cases" in said
    del music["figures"]["running"]["hit_at_1.pitch"]
    assert "nothing could be looked for" in demo_summary(toy, music)


def test_missing_reports_are_made(runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs[0] / "report.html").unlink()
    asked = []

    def make(run: Path) -> Path:
        asked.append(run)
        return toy_report(run, n=40, controls=False)

    monkeypatch.setattr("softaxes.report.demo.toy_report", make)
    demo_report(*runs, tmp_path / "joint")
    assert asked == [runs[0]]


def test_a_run_keeps_its_own_report(runs: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="`out` must not be a run folder"):
        demo_report(*runs, runs[1])


def test_numbers_on_the_joint_page_are_those_of_the_runs(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = demo_report(*runs, tmp_path / "joint").read_text(encoding="utf-8")
    figure = json.loads((runs[0] / "metrics.json").read_text())["figures"]["same_cos"]
    assert page.count(f"{figure['value']:.3f}") >= 2
    assert np.isfinite(figure["low"])

"""Reports of runs as the page draws them: small files made here, and broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from softaxes.diagnostics.report import Figure, Report
from softaxes.explorer import reports as module
from softaxes.explorer.reports import NoReport, Reports, sweep_of
from softaxes.model.checkpoint import shipped

PITCH = Figure("hit_at_1", 0.9, 0.85, 0.95, 300, 0.01, "pitch")
WORSE = Figure("hit_at_1", 0.4, 0.3, 0.5, 300, 0.01, "pitch")
RANK = Figure("effective_rank", 20.0, float("nan"), float("nan"), 300, float("nan"))


def music_metrics() -> dict[str, Any]:
    figures, control = Report([PITCH, RANK]).to_dict(), Report([WORSE]).to_dict()
    edits = {"pitch": {"steered": Report([Figure("note_f1", 0.8, 0.7, 0.9, 50, 0.1, "pitch")]).to_dict()}}
    return {
        "softaxes": "0",
        "about": "music",
        "settings": {"windows": 300, "seed": 0, "corpus": "tunes", "songs": 30},
        "figures": {"running": figures, "joint": figures, "extrapolation": {}},
        "controls": {"untrained encoder": {"running": control}},
        "reconstruction": {},
        "edits": edits,
        "redraw": {"cosines": {"chance": 0.5, "parts": {"all": []}}, "moves": [], "success": []},
    }


def blob_metrics() -> dict[str, Any]:
    figures = Report([Figure("cross_cos", 0.1, 0.09, 0.11, 5000, 0.5)]).to_dict()
    article = {"published": {"cross_cos": 0.116}}
    return {"about": "blobs", "settings": {"n": 5000}, "figures": figures, "article": article, "controls": {}}


SWEEP = [
    {"weight": w, "seed": s, "cross_cos": 0.3 - w / 10 + s / 100, "content_recall": 0.5 - w / 10, "effective_rank": 3.0}
    for w in (1.0, 0.0)
    for s in (0, 1)
]


def write(folder: Path, metrics: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(metrics if isinstance(metrics, str) else json.dumps(metrics))
    return folder


def test_a_run_with_a_report_and_one_without(tmp_path: Path) -> None:
    run, bare = write(tmp_path / "run", music_metrics()), tmp_path / "bare"
    bare.mkdir()
    reports = Reports([str(run), str(bare)], toys=[str(bare)])
    assert reports.list() == [
        {"name": "run", "about": "music", "command": f"softaxes report {run}"},
        {"name": "bare", "about": "", "command": f"softaxes toy report {bare}"},
    ]
    with pytest.raises(NoReport, match="softaxes toy report"):
        reports.open("bare")
    with pytest.raises(NoReport, match="no report 'other'"):
        reports.open("other")
    write(bare, blob_metrics())  # made while the page is open
    assert reports.open("bare")["about"] == "blobs"


def test_a_suite_holds_value_controls_and_reading(tmp_path: Path) -> None:
    answer = Reports([str(write(tmp_path / "run", music_metrics()))]).open("run")
    titles = [suite["title"] for suite in answer["suites"]]
    assert titles == ["Running music", "Pitch and metre at once", "Notes after steering: pitch"]
    suite = answer["suites"][0]
    assert suite["columns"] == ["here", "untrained encoder"]
    assert answer["suites"][1]["columns"] == ["here"]  # controls are not judged on everything
    hit_rate, rank = suite["rows"]
    assert hit_rate["values"] == {"here": [0.9, 0.85, 0.95], "untrained encoder": [0.4, 0.3, 0.5]}
    assert (hit_rate["low"], hit_rate["high"], hit_rate["best"], hit_rate["chance"], hit_rate["kind"]) == (
        0,
        1,
        1,
        0.01,
        "pitch",
    )
    assert hit_rate["reading"] == PITCH.about.reading and hit_rate["words"] == "H@1 of the operator"
    assert rank["high"] is None and rank["values"] == {"here": [20.0, None, None]}
    assert answer["redraw"]["cosines"]["chance"] == 0.5
    json.dumps(answer, allow_nan=False)


def test_blobs_stand_beside_the_article(tmp_path: Path) -> None:
    answer = Reports([str(write(tmp_path / "toy", blob_metrics()))]).open("toy")
    (row,) = answer["suites"][0]["rows"]
    assert row["values"] == {"here": [0.1, 0.09, 0.11], "article": [0.116, None, None]}
    assert answer["redraw"] is None


def test_a_demo_is_two_reports(tmp_path: Path) -> None:
    both = {"softaxes": "0", "blobs": blob_metrics(), "music": music_metrics()}
    reports = Reports(folders=[write(tmp_path / "demo", both)])
    assert [(row["name"], row["about"]) for row in reports.list()] == [
        ("demo: blobs", "blobs"),
        ("demo: music", "music"),
    ]
    assert reports.open("demo: music")["about"] == "music"
    assert reports.open("demo: blobs")["settings"] == {"n": 5000}


def test_a_sweep_is_ordered_by_weight(tmp_path: Path) -> None:
    reports = Reports(folders=[write(tmp_path / "sweep", {"softaxes": "0", "about": "sweep", "runs": SWEEP})])
    sweep = reports.open("sweep")["sweep"]
    assert sweep == sweep_of(SWEEP)
    assert (sweep["weights"], sweep["seeds"]) == ([0.0, 1.0], 2)
    assert [figure["key"] for figure in sweep["figures"]] == ["cross_cos", "content_recall", "effective_rank"]
    assert sweep["figures"][0]["values"] == [[0.3, 0.31], pytest.approx([0.2, 0.21])]
    json.dumps(sweep, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read: make the report again"),
        ("[]", "no report of softaxes"),
        ('{"about": "else"}', "no report of softaxes"),
        ('{"about": "music"}', "lacks 'figures'"),
        ('{"about": "sweep", "runs": [{}]}', "lacks 'weight'"),
        ('{"about": "sweep", "runs": []}', "no runs"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    reports = Reports(folders=[write(tmp_path / "run", text)])
    with pytest.raises(ValueError, match=message) as answer:
        reports.open("run")
    assert "\n" not in str(answer.value)
    reports.list()  # and hides no other


def test_a_file_or_a_shipped_model_has_its_report_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write(tmp_path / "run", music_metrics())
    (run / "model.safetensors").touch()
    assert Reports([str(run / "model.safetensors")]).open("model.safetensors")["about"] == "music"
    (tmp_path / "model" / "shipped").mkdir(parents=True)
    (tmp_path / "model" / "shipped" / "famous.metrics.json").write_text(json.dumps(music_metrics()))
    monkeypatch.setattr(module, "shipped", lambda: ["famous"])
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    assert Reports(["famous"]).open("famous")["about"] == "music"


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`reports` must be folders"):
        Reports(folders=[tmp_path / "none"])


def test_every_report_of_a_shipped_model_that_is_listed_can_be_shown() -> None:
    reports = Reports(shipped())
    for row in reports.list():
        answer = reports.open(row["name"])
        assert answer["suites"] and all(suite["rows"] for suite in answer["suites"])
        assert answer["about"] != "music" or answer["redraw"]["moves"]


def test_a_shipped_model_without_a_report_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command makes one beside it."""
    monkeypatch.setattr(module, "shipped", lambda: ["famous"])
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    assert [row["name"] for row in Reports(["famous", "run"]).list()] == ["run"]

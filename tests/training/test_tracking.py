"""Figures reach metrics.jsonl always, and wandb, tensorboard and trackio when asked; none of it needs a network."""

import importlib
import json
import sqlite3
import sys

import pytest

from softaxes.training.interrupt import Interrupted
from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tracking import JsonLines, open_sinks, read_metrics
from tests.training.small_task import SmallConfig, SmallTask

QUIET = Machine(threads=1, log_every=2, checkpoint_seconds=0.0, progress=False)
FIGURES = ("loss", "within", "predict", "learning_rate", "seconds")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No tracker may look for a server: wandb is told so, trackio writes into the test's folder."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


# --- metrics.jsonl -----------------------------------------------------------------------------------------------


def test_every_line_is_there_as_soon_as_it_is_logged(tmp_path):
    sink = JsonLines(tmp_path)
    sink.log(1, {"loss": 0.5})
    sink.log(2, {"loss": float("nan"), "within": float("inf"), "across": 0.25})
    text = (tmp_path / "metrics.jsonl").read_text()
    sink.close()
    assert text == '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": null, "within": null, "across": 0.25}\n'
    assert read_metrics(tmp_path) == [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("resumed", [0, 1, 2, 5])
def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path, resumed):
    first = JsonLines(tmp_path)
    for step in (1, 2, 3):
        first.log(step, {"loss": float(step)})
    first.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed in the middle of a line
    again = JsonLines(tmp_path, resumed)
    again.log(9, {"loss": 9.0})
    again.close()
    assert [row["step"] for row in read_metrics(tmp_path)] == [s for s in (1, 2, 3) if s <= resumed] + [9]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": \n{"step": 3}\n')
    with pytest.raises(ValueError, match=r"line 2 of .*metrics.jsonl is no JSON: '\{\"step\": '"):
        read_metrics(tmp_path)


def test_no_file_has_no_rows(tmp_path):
    assert read_metrics(tmp_path) == []


# --- the others --------------------------------------------------------------------------------------------------


def interrupted_and_resumed(out, tracker):
    """A run of six steps, stopped at the fourth; its rows."""
    machine = Machine(**{**vars(QUIET), "trackers": (tracker,)})
    with pytest.raises(Interrupted):
        train(SmallTask(SmallConfig(steps=6), faults={"interrupt": 3}), out, machine)
    train(SmallTask(SmallConfig(steps=6)), out, machine)
    rows = read_metrics(out)
    assert [row["step"] for row in rows] == [2, 4, 6]
    return rows


@pytest.mark.slow
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed (extra `tensorboard`)")
    rows = interrupted_and_resumed(tmp_path / "run", "tensorboard")
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(FIGURES)
    for name in FIGURES:
        seen = [(event.step, event.value) for event in events.Scalars(name)]
        assert seen == [(row["step"], pytest.approx(row[name], rel=1e-5)) for row in rows]


@pytest.mark.slow
def test_wandb(tmp_path):
    pytest.importorskip("wandb", reason="wandb is not installed (extra `wandb`)")
    interrupted_and_resumed(tmp_path / "run", "wandb")
    run_id = (tmp_path / "run" / "wandb-id").read_text()
    logs = sorted((tmp_path / "run" / "wandb").glob(f"offline-run-*-{run_id}/run-{run_id}.wandb"))
    assert logs
    written = b"".join(log.read_bytes() for log in logs)
    for name in FIGURES:
        assert name.encode() in written


@pytest.mark.slow
def test_trackio(tmp_path):
    pytest.importorskip("trackio", reason="trackio is not installed (extra `trackio`)")
    rows = interrupted_and_resumed(tmp_path / "run", "trackio")
    with sqlite3.connect(tmp_path / "trackio" / "softaxes.db") as database:
        logged = database.execute("select run_name, step, metrics, run_id from metrics order by step").fetchall()
    database.close()
    assert [(name, step) for name, step, *_ in logged] == [("run", 2), ("run", 4), ("run", 6)]
    assert len({run_id for *_, run_id in logged}) == 1
    for row, (_, _, metrics, _) in zip(rows, logged, strict=True):
        assert json.loads(metrics) == {name: row[name] for name in FIGURES}


@pytest.mark.parametrize("tracker", ["wandb", "tensorboard", "trackio"])
def test_a_tracker_that_is_missing_is_named_before_anything_is_written(tmp_path, monkeypatch, tracker):
    monkeypatch.setitem(sys.modules, tracker, None)
    message = rf"tracking with {tracker} needs {tracker}: pip install 'softaxes\[{tracker}\]'"
    with pytest.raises(ValueError, match=message):
        open_sinks(tmp_path, (tracker,), {}, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_tracker_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`trackers` must be of wandb, tensorboard, trackio, got 'os'"):
        open_sinks(tmp_path, ("os",), {}, 0)

"""What a run left for docs/results comes out again: counts of the split, the control, where models ship from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import ship
import splits
import untrained

import softaxes as sa
from softaxes.model.checkpoint import shipped
from softaxes.report import controls
from softaxes.report.music_suite import music_figures
from softaxes.report.music_views import draw_views, encode_all
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import load_music

SPLITS = json.loads((Path(__file__).resolve().parents[2] / "docs" / "results" / "splits.json").read_text())["figures"]


def test_tunes_fall_out_of_the_windows_as_the_file_says() -> None:
    pytest.importorskip("music21")
    found, kept = splits.counts(load_music(MusicConfig(corpus="tunes", seed=0))), SPLITS["tunes, seed 0"]
    for side, counts in found.items():
        windows, known = counts.pop("windows", 0), dict(kept[side])
        assert abs(windows - known.pop("windows", 0)) <= 3, "the translator gives one tune another pickup at every call"
        assert counts == known


@pytest.mark.data
def test_the_control_of_a_report_needs_no_trained_model(pop909_folder: Path) -> None:
    config = MusicConfig(
        corpus="pop909", folder=str(pop909_folder.parent), encoder="aligned", low=12, high=24, width=384
    )
    data = load_music(config)
    assert splits.counts(data) == SPLITS["pop909 melody, seed 0"]
    model, held_out = sa.load("pop909-melody"), untrained.held_out(data, config, windows=40)
    theirs = music_figures(encode_all(controls.untrained(model), draw_views(model.axes, held_out, seed=0)))
    ours = untrained.figures(config, 40)
    for part, suite in theirs.items():
        for key, figure in suite.items():
            assert ours[part][key]["value"] == pytest.approx(figure.value, abs=1e-5, nan_ok=True), key


def test_models_ship_to_where_they_are_looked_for() -> None:
    assert {path.stem for path in ship.MODELS.glob("*.safetensors")} == set(shipped())

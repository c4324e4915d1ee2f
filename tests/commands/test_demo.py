"""The demo: what it trains and joins, and its last part, a held-out tune before and after a model steers it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from softaxes.commands import demo
from softaxes.commands.demo import held_out_tune, steered_tune
from softaxes.data.music import Song, note_array, read_song
from softaxes.data.music.rolls import notes_to_roll
from softaxes.diagnostics.notes import note_counts
from softaxes.model.checkpoint import load, shipped
from softaxes.training.tasks.music.config import MusicConfig


def scale(bars: int = 8, meter: tuple[int, int] = (4, 4)) -> Song:
    """A melody up and down a scale in eighths."""
    steps = [60, 62, 64, 65, 67, 65, 64, 62]
    per_bar = 8 * meter[0] // meter[1]
    notes = [(2 * i, 2, steps[i % 8]) for i in range(bars * per_bar)]
    return Song("scale", note_array(notes), meters=((0, *meter),))


def data(*songs: Song) -> SimpleNamespace:
    corpus = SimpleNamespace(name="made up", songs=songs)
    return SimpleNamespace(corpus=corpus, sides=SimpleNamespace(test=np.arange(len(songs))))


def test_the_tune_is_the_first_long_one_in_any_metre() -> None:
    short, long = scale(4), scale(9, (3, 4))
    assert held_out_tune(data(short, long, scale(9))) is long
    with pytest.raises(ValueError, match="no held-out tune of 8 bars"):
        held_out_tune(data(short))


def test_a_steered_tune_comes_back_moved(tmp_path: Path) -> None:
    tune = scale()
    section = steered_tune(tune, load("melody"), tmp_path)
    assert "note F1" in section.blocks[0].caption
    before, after = (read_song(tmp_path / name).notes for name in ("before.mid", "after.mid"))
    rolls = [notes_to_roll(notes, 160)[None] for notes in (before, after)]
    moved = np.roll(np.roll(rolls[0], 3, axis=2), 4, axis=3)
    assert note_counts(moved, rolls[1]).f1 > 0.9
    assert note_counts(rolls[0], rolls[1]).f1 < 0.4
    assert (tmp_path / "steered.png").read_bytes().startswith(b"\x89PNG")


def test_the_job_trains_on_all_tunes_and_joins_both_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blobs and tunes, each trained then judged, then a tune of the test side is steered by what was trained."""
    asked: list[object] = []

    def trained(config: MusicConfig, machine: object, *, out: Path) -> None:
        asked.append(("tunes", config, out.name))

    monkeypatch.setattr(demo, "train_toy", lambda recipe, **words: asked.append((recipe, words["out"].name)))
    monkeypatch.setattr(demo, "train_music", trained)
    for name in ("toy_report", "music_report"):
        monkeypatch.setattr(demo, name, lambda run, name=name: asked.append((name, run.name)))
    monkeypatch.setattr(demo, "load_music", lambda config: data(scale(9, (3, 4))))
    monkeypatch.setattr(demo, "load", lambda run: load("melody"))
    monkeypatch.setattr(demo, "demo_report", lambda toy, music, out, more: [section.title for section in more])
    assert demo.demo(out=tmp_path / "new", seed=3) == "the report is in ['A tune steered']"
    config = MusicConfig(corpus="tunes", steps=demo.STEPS, seed=3)
    assert asked == [
        ("default", "toy"),
        ("tunes", config, "tunes"),
        ("toy_report", "toy"),
        ("music_report", "tunes"),
    ]
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"before.mid", "after.mid", "steered.png"}


@pytest.mark.parametrize("name", ["melody", "piano-roll"])
def test_shipped_models_are_small_and_say_what_they_are(name: str) -> None:
    assert name in shipped()
    model = load(name)
    assert model.input_shape == (2, 128, 32) and set(model.axes) == {"pitch", "chroma", "metre"}
    assert model.axes_dim == {"melody": 128, "piano-roll": 512}[name]
    assert {"config", "corpus", "split", "figures", "licence"} <= model.card.keys()
    assert model.card["config"]["folder"] == ""
    import softaxes

    path = Path(softaxes.__file__).parent / "model" / "shipped" / f"{name}.safetensors"
    assert path.stat().st_size < 8_000_000
    assert f"# {name}" in path.with_suffix(".md").read_text(encoding="utf-8")

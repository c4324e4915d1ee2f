"""The demo's last part: a held-out tune, before and after the shipped model steers it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from softaxes.commands.demo import held_out_tune, steered_tune
from softaxes.data.music import Song, note_array, read_song
from softaxes.data.music.rolls import notes_to_roll
from softaxes.diagnostics.notes import note_counts
from softaxes.model.checkpoint import load, shipped


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

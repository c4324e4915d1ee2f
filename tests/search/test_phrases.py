"""Equal phrases of a song made by hand are found; diagonals and chroma against loops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.commands import motifs_phrases as command
from softaxes.commands.motifs_phrases import compare_phrases
from softaxes.data.music import Song, Track, note_array, write_song
from softaxes.data.music.read import read_song
from softaxes.model.checkpoint import shipped
from softaxes.search import phrases as motif_phrases
from softaxes.search.phrases import METHODS, judge_phrases, song_phrases
from softaxes.search.stretches import best_diagonal, best_of_keys, chroma_parts, stretch_similarity

from .worlds import model_by_hand, motif


def slow_diagonal(cosines: np.ndarray) -> float:
    n, m = cosines.shape
    sums = [sum(cosines[i, i + d] for i in range(n) if 0 <= i + d < m) for d in range(-n, m + 1)]
    return max(sums[1:-1]) / max(n, m)


def test_the_best_diagonal_is_the_best_of_all(rng: np.random.Generator) -> None:
    for _ in range(50):
        cosines = rng.normal(size=(int(rng.integers(1, 6)), int(rng.integers(1, 6))))
        assert best_diagonal(cosines) == pytest.approx(slow_diagonal(cosines))
    assert best_diagonal(np.zeros((0, 3))) == 0


def test_a_part_of_a_stretch_is_alike_by_its_share(rng: np.random.Generator) -> None:
    rows = np.eye(8)
    scores = stretch_similarity([rows[:4], rows[2:4], rows[4:8]])
    np.testing.assert_allclose(scores, [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    alike = [rows[:1], 0.5 * rows[:1], -0.5 * rows[:1]]
    np.testing.assert_allclose(stretch_similarity(alike, 3)[0], [1, 0.125, -0.125])
    with pytest.raises(ValueError, match="`power` must be > 0"):
        stretch_similarity(alike, 0)


def test_chroma_by_hand() -> None:
    parts = chroma_parts([0, 2, 5], [4, 6, 6], [60, 67, 72], [0, 4, 8, 12])
    first = np.zeros(12)
    first[0], first[7] = 4, 2
    second = np.zeros(12)
    second[7], second[0] = 2, 1
    np.testing.assert_allclose(parts, [first / 20**0.5, second / 5**0.5, np.zeros(12)])
    with pytest.raises(ValueError, match="`edges` must rise"):
        chroma_parts([0], [1], [60], [0, 0])


def test_any_key_is_any_key(rng: np.random.Generator) -> None:
    first = np.abs(rng.normal(size=(4, 12)))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    moved = np.roll(first, 5, axis=1)
    assert best_of_keys([first, moved])[0, 1] == pytest.approx(1)
    assert stretch_similarity([first, moved])[0, 1] < 0.95


# --- a song as POP909 has them -----------------------------------------------------------------------------------

LABELS = "i2A2B2A2B2A2o1"


def made_song(folder: Path, rng: np.random.Generator, name: str = "001") -> Path:
    """Two phrases by turns after two bars of accompaniment; each return in another register, the second B varied."""
    place = folder / name
    place.mkdir(parents=True)
    first, second = motif(rng, 30), motif(rng, 28)
    varied = [(on, d, p + (1 if number == 2 else 0)) for number, (on, d, p) in enumerate(second)]
    rows, at = [], 32
    for rows_of, move in ((first, 0), (second, 0), (first, 5), (varied, -3), (first, -4)):
        rows += [(at + on, d, p + move) for on, d, p in rows_of]
        at += 32
    tune = note_array(rows, track=0)
    chords = note_array([(16 * bar, 16, 36 + int(rng.integers(0, 12))) for bar in range(13)], track=1)
    notes = np.sort(np.concatenate([tune, chords]), order=["onset", "pitch"])
    write_song(Song(name, notes, (Track("MELODY"), Track("PIANO"))), place / f"{name}.mid")
    beats = "".join(f"{0.5 * k} 1.0 {float(k % 4 == 0)}\n" for k in range(52))
    (place / "beat_midi.txt").write_text(beats)
    for annotator in (1, 2):
        (place / f"human_label{annotator}.txt").write_text(LABELS)
    return place


def test_phrases_are_cut_at_their_labels(tmp_path: Path, rng: np.random.Generator) -> None:
    place = made_song(tmp_path, rng)
    found = song_phrases("001", read_song(place / "001.mid"), place)
    assert found.letters == ("A", "B", "A", "B", "A")
    assert found.spans.tolist() == [[32 + 32 * k, 64 + 32 * k] for k in range(5)]
    assert found.bars == (2,) * 5
    exact = motif_phrases.exact_pairs_of(found)
    assert exact[0, 2]
    assert exact[0, 4]
    assert not exact[1, 3]
    (place / "human_label1.txt").write_text("i2A2B2C2D2E2o1")
    with pytest.raises(ValueError, match="no letter of a melodic phrase repeats"):
        song_phrases("001", read_song(place / "001.mid"), place)


def test_every_method_that_hears_notes_finds_the_returns(tmp_path: Path, rng: np.random.Generator) -> None:
    for number in range(3):
        made_song(tmp_path, rng, f"{number:03d}")
    (tmp_path / "001" / "human_label1.txt").write_text("nonsense!")
    record = judge_phrases(model_by_hand(), tmp_path)
    assert record["songs"] == 2
    assert record["phrases"] == 10
    assert list(record["left_out"]) == ["001"]
    assert "letters with bar counts" in record["left_out"]["001"]
    methods = record["methods"]
    assert list(methods) == list(METHODS)
    assert methods["learned code"]["map"]["value"] == 1
    assert methods["overlap"]["map"]["value"] == 1
    assert methods["learned code"]["map_varied"]["value"] == 1
    assert methods["bars"]["map"] == methods["chance"]["map"]  # all phrases have two bars
    assert 0.3 < methods["chance"]["map"]["value"] < 0.7
    assert record["apart"]["learned code over overlap"]["map"]["value"] == 0


def test_a_model_is_judged_on_songs_it_never_saw(tmp_path: Path, rng: np.random.Generator) -> None:
    for number in range(3):
        made_song(tmp_path, rng, f"{number:03d}")
    model = model_by_hand()
    model.card |= {"corpus": {"name": "pop909"}, "split": {"train": ["000", "001"], "test": ["002"]}}
    assert judge_phrases(model, tmp_path)["songs"] == 1
    assert judge_phrases(model, tmp_path, held_out=False)["songs"] == 3
    model.card |= {"corpus": {"name": "mixed"}, "split": {"train": [], "test": ["pop909/001", "tunes/a#1"]}}
    assert judge_phrases(model, tmp_path)["songs"] == 1
    model.card["corpus"]["name"] = "tunes"
    assert judge_phrases(model, tmp_path)["songs"] == 3


def test_the_command(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_song(tmp_path / "POP909", rng)
    monkeypatch.setattr(command, "load", lambda name: model_by_hand())
    assert cli.main(["motifs", "phrases", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    assert all(method in table for method in METHODS)
    assert cli.main(["motifs", "phrases", str(tmp_path), "--annotator", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["songs"] == 1
    (tmp_path / "POP909" / "001" / "human_label2.txt").unlink()
    assert cli.main(["motifs", "phrases", str(tmp_path), "--annotator", "2"]) == 2
    assert "no song of POP909 has two phrases of one letter to find (1 left out)" in capsys.readouterr().err


@pytest.mark.data
def test_on_pop909_itself(pop909_folder: Path) -> None:
    name = command.DEFAULT_MODEL
    if name not in shipped():
        pytest.skip(f"{name} does not come with this checkout")
    record = json.loads(compare_phrases(pop909_folder, json=True))
    assert record["songs"] > 70
    assert record["methods"]["learned code"]["map"]["value"] > record["methods"]["note count"]["map"]["value"] + 0.03

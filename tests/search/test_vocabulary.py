"""Words hold what was planted, wherever it stands; the page and the JSON say so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.commands import motifs_vocabulary as command
from softaxes.data.music import Song, note_array, write_song
from softaxes.report.vocabulary_page import roll_picture
from softaxes.search.clusters import describe_clusters, fit_clusters, places_apart, same_cluster_by_chance, stability
from softaxes.search.index.build import update_index
from softaxes.search.index.store import Index
from softaxes.search.vocabulary import clips_to_group, find_vocabulary, song_ngrams, voices

from .worlds import corpus, model_by_hand, motif


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_groups_are_the_clusters_that_were_made(rng: np.random.Generator) -> None:
    centroids = unit(rng.normal(size=(5, 16)))
    truth = rng.integers(0, 5, 400)
    codes = unit(centroids[truth] + rng.normal(0, 0.02, (400, 16)))
    group, found = fit_clusters(codes, 5)
    assert len(found) == 5
    for number in range(5):
        assert len(set(truth[group == number])) == 1
    clusters = describe_clusters(codes, group, found, truth * 0, np.arange(400) * 100, 16)
    assert sum(len(cluster.rows) for cluster in clusters) == 400
    assert [cluster.count for cluster in clusters] == sorted((cluster.count for cluster in clusters), reverse=True)
    for cluster in clusters:
        assert cluster.clip in cluster.rows
        assert cluster.mean_cosine > 0.98


def test_never_more_groups_than_codes_that_differ() -> None:
    codes = np.repeat(np.eye(4, dtype=np.float32)[:3], 10, axis=0)
    group, centroids = fit_clusters(codes, 50)
    assert len(centroids) == 3
    assert same_cluster_by_chance(group) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="`clusters` must be >= 1"):
        fit_clusters(codes, 0)
    with pytest.raises(ValueError, match="got 5 and 0 codes"):
        fit_clusters(codes[:0], 5)


def test_overlapping_places_count_once() -> None:
    song, start = np.array([0, 0, 0, 1, 0]), np.array([0, 4, 16, 4, 20])
    assert places_apart(song, start, 16) == 3
    assert places_apart(song, start, 4) == 5
    assert places_apart(song[:0], start[:0], 4) == 0


def test_stability_of_ideal_and_random_codes(rng: np.random.Generator) -> None:
    centroids = unit(rng.normal(size=(8, 16)))
    codes = unit(rng.normal(size=(4000, 16)))
    assert stability(centroids, codes, codes) == 1
    group = (codes @ centroids.T).argmax(1)
    assert stability(centroids, codes, rng.permutation(codes)) == pytest.approx(same_cluster_by_chance(group), abs=0.03)


@pytest.fixture
def spoken(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Songs that say two motifs, one bar each, over and over in changing registers and on changing beats."""
    folder = tmp_path / "songs"
    folder.mkdir()
    words = [motif(rng, 12), motif(rng, 12)]
    for number in range(8):
        rows = []
        for bar in range(8):
            move, late = int(rng.integers(-8, 9)), 4 * int(rng.integers(0, 2))
            rows += [(32 * bar + late + on, d, p + move) for on, d, p in words[bar % 2]]
        write_song(Song(str(number), note_array(rows)), folder / f"{number}.mid")
    return folder


def test_planted_motifs_become_words(spoken: Path, tmp_path: Path) -> None:
    model = model_by_hand()
    update_index(spoken, model, tmp_path / "index")
    index = Index.open(tmp_path / "index")
    found = find_vocabulary(index, model, clusters=8, seeds=0)
    assert [cluster.songs for cluster in found.clusters[:2]] == [8, 8]
    assert found.clusters[0].count == 32
    assert 24 <= found.clusters[1].count <= 32
    assert found.clusters[0].mean_cosine == pytest.approx(1, abs=1e-3)
    assert found.stability.codes["pitch"] > 0.99
    assert found.stability.codes["time"] > 0.99
    assert found.stability.latents["pitch"] < 0.8
    assert found.stability.chance["codes"] < 0.5


def test_only_clips_that_begin_with_a_note(spoken: Path, tmp_path: Path) -> None:
    update_index(spoken, model_by_hand(), tmp_path / "index")
    index = Index.open(tmp_path / "index")
    clips = clips_to_group(index, 16)
    for at, row, song, start in zip(clips.segment, clips.row, clips.song, clips.start, strict=True):
        segment = index.segments[at]
        clip = segment.table[16][row]
        notes = segment.song_notes(int(clip["song"]))["onset"]
        assert segment.record.songs[int(clip["song"])].file == clips.files[song]
        assert clip["start"] == start
        assert start in notes
        assert ((notes >= start) & (notes < start + 16)).sum() >= 3
    (spoken / "3.mid").unlink()
    update_index(spoken, model_by_hand(), tmp_path / "index")
    left = clips_to_group(Index.open(tmp_path / "index"), 16)
    assert "3.mid" not in left.files
    assert len(left.row) < len(clips.row)


def test_ngrams_of_the_top_voices(spoken: Path, tmp_path: Path) -> None:
    update_index(spoken, model_by_hand(), tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert len(voices(index)) == 8
    found = song_ngrams(index)
    assert found.keys() == {"pitch", "rhythm", "combined"}
    best = found["combined"][0]
    assert best["songs"] == 8
    assert best["count"] >= 32
    assert all(isinstance(step, list) and len(step) == 2 for step in best["ngram"])


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOFTAXES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "load", lambda name: model_by_hand())
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("by_hand")
def test_the_command(tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    corpus(tmp_path / "songs", rng, songs=10, bars=4)
    words = ["motifs", "vocabulary", str(tmp_path / "songs"), "--clusters", "9", "--seeds", "2"]
    assert cli.main(words) == 0
    assert "9 clusters of" in capsys.readouterr().out
    page = (tmp_path / "motif-vocabulary" / "report.html").read_text()
    assert page.count("<svg") == 9
    assert "http" not in page
    assert "combined ones save" in page
    assert cli.main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "motif-vocabulary" / "metrics.json").read_text())
    assert written["clusters"] == printed["clusters"]
    assert len(printed["clusters"]) == 9
    assert printed["prediction"]["seeds"] == 2
    assert printed["prediction"]["songs"] == 4
    assert set(printed["prediction"]["bits"]) == {"both", "combined", "factored", "no context", "chance"}
    saved = printed["prediction"]["bits_saved"]["both over factored"]
    assert saved["low"] <= saved["value"] <= saved["high"]
    assert len(saved["by_seed"]) == 2


@pytest.mark.usefixtures("by_hand")
def test_mistakes(tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for flags, said in (
        (["nowhere"], "no such folder"),
        ([str(tmp_path / "empty")], "no song of the index has a clip"),
        ([str(tmp_path / "songs"), "--steps", "5"], "`steps` must be one of the index's clip lengths (32, 16, 8)"),
        ([str(tmp_path / "songs"), "--clusters", "0"], "`clusters` must be >= 1"),
        ([str(tmp_path / "songs"), "--seeds", "-1"], "`seeds` must be >= 0"),
    ):
        corpus(tmp_path / "songs", rng, songs=1, bars=4)
        assert cli.main(["motifs", "vocabulary", *flags]) == 2
        assert said in capsys.readouterr().err


def test_a_few_songs_have_words_but_no_prediction(tmp_path: Path, rng: np.random.Generator) -> None:
    corpus(tmp_path / "songs", rng, songs=2, bars=4)
    model = model_by_hand()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    found = find_vocabulary(Index.open(tmp_path / "index"), model, clusters=4)
    assert found.prediction == {}
    assert len(found.clusters) == 4


def test_a_picture_has_a_cell_for_every_sounding_step() -> None:
    roll = np.zeros((2, 128, 32), np.uint8)
    roll[1, 60, 4:8] = roll[1, 64, 8] = 1
    roll[0, 60, 4] = roll[0, 64, 8] = 1
    picture = roll_picture(roll)
    assert picture.count("<rect") == 5
    assert picture.count("opacity") == 3
    assert roll_picture(roll * 0) == "<svg></svg>"


def test_the_flag_of_0_3_0_is_still_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["motifs", "vocabulary", "/nowhere", "--words", "4"]) == 2
    assert "/nowhere: no such folder" in capsys.readouterr().err

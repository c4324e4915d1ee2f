"""Motifs planted higher, later, off the beat are found where they were planted, with the shift that carries them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.commands import motifs_search as command
from softaxes.commands.motifs_search import parse_bars, search_motifs
from softaxes.data.files import one_writer
from softaxes.data.music import Song, note_array, read_song, write_song
from softaxes.model.checkpoint import shipped
from softaxes.search import query as motif_search
from softaxes.search.index.build import update_index
from softaxes.search.index.store import Index
from softaxes.search.places import QUERY_PLACES, clip_places
from softaxes.search.query import Searcher, open_index, query_from_song

from .worlds import corpus, model_by_hand, motif, planted, random_song, song_of

PLANTS = (("00.mid", 32, 0), ("02.mid", 64, 7), ("03.mid", 52, -5), ("05.mid", 41, 12))  # the last is off the beat


def plant(folder: Path, rng: np.random.Generator, rows: list[tuple[int, int, int]]) -> None:
    for song in corpus(folder, rng):
        for file, at, semitones in PLANTS:
            if file == f"{song.name}.mid":
                write_song(planted(song, rows, at, semitones), folder / file)


@pytest.mark.parametrize("steps", [8, 16, 24, 32, 48, 80])
def test_every_planted_copy_is_found_first(steps: int, tmp_path: Path, rng: np.random.Generator) -> None:
    """Motifs shorter than any clip, as long as one, and longer than the window."""
    rows = motif(rng, steps)
    plant(tmp_path / "songs", rng, rows)
    model = model_by_hand()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    hits = Searcher(Index.open(tmp_path / "index"), model).search(query_from_song(song_of(rows), "melody"))
    found = {(hit.file, hit.start_step, hit.semitones) for hit in hits[: len(PLANTS)]}
    assert found == set(PLANTS)
    assert all(hit.overlap == 1 and hit.relation == "exact" for hit in hits[: len(PLANTS)])
    assert all(hit.overlap < 1 for hit in hits[len(PLANTS) :])


def test_the_shift_is_read_off_the_axes(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = motif(rng, 32)
    plant(tmp_path / "songs", rng, rows)
    model = model_by_hand()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    hits = Searcher(Index.open(tmp_path / "index"), model).search(query_from_song(song_of(rows), "melody"))
    for hit in hits[:3]:  # on the beat: the clip is the motif
        assert hit.axes["pitch"] == pytest.approx(hit.semitones, abs=0.02)
        assert hit.similarity == pytest.approx(1, abs=1e-3)
        assert hit.axes["time"] == pytest.approx(0, abs=0.02)
    assert hits[0].place in ("3:1", "5:1", "4:2")


def test_a_varied_return_ranks_below_an_exact_one_and_above_strangers(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = motif(rng, 32)
    varied = [(on, d, p + (2 if number in (3, 7) else 0)) for number, (on, d, p) in enumerate(rows)]
    folder = tmp_path / "songs"
    songs = corpus(folder, rng)
    write_song(planted(songs[1], rows, 48, 3), folder / "01.mid")
    write_song(planted(songs[4], varied, 80, -2), folder / "04.mid")
    model = model_by_hand()
    update_index(folder, model, tmp_path / "index")
    first, second, third, *_ = Searcher(Index.open(tmp_path / "index"), model).search(
        query_from_song(song_of(rows), "melody")
    )
    assert (first.file, first.semitones, first.relation) == ("01.mid", 3, "exact")
    assert (second.file, second.start_step, second.semitones, second.relation) == ("04.mid", 80, -2, "rhythm kept")
    assert first.score > second.score > third.score
    assert second.overlap == pytest.approx(1 - 2 / len(rows), abs=1e-4)


def test_a_thorough_search_follows_the_bar_that_was_left_alone(tmp_path: Path, rng: np.random.Generator) -> None:
    """The return is varied beyond recognition in its second bar."""
    rows = motif(rng, 32)
    varied = [(on, d, p if on < 16 else int(rng.integers(58, 74))) for on, d, p in rows]
    folder = tmp_path / "songs"
    songs = corpus(folder, rng)
    write_song(planted(songs[4], varied, 64, 4), folder / "04.mid")
    model = model_by_hand()
    update_index(folder, model, tmp_path / "index")
    searcher = Searcher(Index.open(tmp_path / "index"), model)
    query = query_from_song(song_of(rows), "melody")
    quick = searcher.search(query, 1)
    assert searcher._backends.keys() == {32}
    first = searcher.search(query, 1, thorough=True)[0]
    assert searcher._backends.keys() == {32, 16, 8}
    assert (first.file, first.start_step, first.semitones) == ("04.mid", 64, 4)
    assert first.score >= quick[0].score


def test_hits_lie_apart_and_are_as_many_as_asked(tmp_path: Path, rng: np.random.Generator) -> None:
    corpus(tmp_path / "songs", rng)
    model = model_by_hand()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    searcher = Searcher(Index.open(tmp_path / "index"), model)
    query = query_from_song(song_of(motif(rng, 32)), "melody")
    hits = searcher.search(query, 40)
    assert len(searcher.search(query, 3)) == 3
    assert hits == sorted(hits, key=lambda hit: -hit.score)
    for hit in hits:
        others = [other.start_step for other in hits if other.file == hit.file and other is not hit]
        assert all(abs(other - hit.start_step) >= 16 for other in others)
    with pytest.raises(ValueError, match="`top` must be >= 1"):
        searcher.search(query, 0)
    with pytest.raises(ValueError, match="made with another model"):
        Searcher(searcher.index, model_by_hand(1))


def test_queries(rng: np.random.Generator) -> None:
    song = Song("late", note_array([(8, 2, 60), (10, 2, 62), (16, 4, 64), (36, 4, 65), (40, 2, 66)]))
    whole = query_from_song(song, "melody")
    assert whole.notes["onset"].tolist() == [0, 2, 8, 28, 32]
    assert whole.length_steps == 34
    bar = query_from_song(song, "melody", (1, 1))
    assert bar.notes["onset"].tolist() == [8, 10]
    assert query_from_song(song, "melody", (3, 3)).notes["onset"].tolist() == [4, 8]
    with pytest.raises(ValueError, match="at least 2 notes, 'late' has 1"):
        query_from_song(song, "melody", (2, 2))
    with pytest.raises(ValueError, match=r"within 1\.\.3, got 4-4"):
        query_from_song(song, "melody", (4, 4))
    with pytest.raises(ValueError, match="at least 2 notes"):
        query_from_song(Song("nothing", note_array([])), "melody")
    assert parse_bars("5-8") == (5, 8)
    assert parse_bars("5") == (5, 5)
    assert parse_bars("") is None
    with pytest.raises(ValueError, match="such as 5-8"):
        parse_bars("five")


def test_a_long_query_has_few_clips_at_every_phase() -> None:
    places = clip_places(np.arange(100_000), 100_000, 32, 4)
    assert len(places) == 4 * QUERY_PLACES
    assert {int(place) % 4 for place in places} == {0, 1, 2, 3}
    assert clip_places(np.arange(32), 32, 32, 4).tolist() == [-1, 0, 1, 2]


def test_a_hundred_thousand_notes_as_query_and_as_song(tmp_path: Path, rng: np.random.Generator) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    pitches = rng.integers(50, 80, 100_000)
    write_song(Song("long", note_array([(step, 1, int(p)) for step, p in enumerate(pitches)])), folder / "long.mid")
    model = model_by_hand()
    index, _ = open_index(folder, model, tmp_path / "index", hop_steps=32, progress=False)
    song = read_song(folder / "long.mid")
    hits = Searcher(index, model).search(query_from_song(song, "melody"), 1)
    assert (hits[0].start_step, hits[0].overlap) == (0, 1.0)


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def at_hand(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus with plants, a query beside it, a cache of its own, and `load` that gives the model by hand."""
    rows = motif(rng, 32)
    plant(tmp_path / "songs", rng, rows)
    write_song(song_of(rows), tmp_path / "query.mid")
    monkeypatch.setenv("SOFTAXES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "load", lambda name: model_by_hand())
    return tmp_path


def test_the_table_and_the_json(at_hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["motifs", "search", str(at_hand / "query.mid"), str(at_hand / "songs"), "--top", "4"]
    assert cli.main(words) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "6 songs (6 new, 0 changed, 0 gone)"
    assert len(table) == 2 + 4
    assert any("03.mid" in line and " 4:2 " in line and " -5 " in line and line.endswith("exact") for line in table)
    assert cli.main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert {(hit["file"], hit["start_step"], hit["semitones"]) for hit in answer["hits"]} == set(PLANTS)
    assert answer["songs"] == 6
    assert answer["hits"][0].keys() >= {"similarity", "overlap", "rhythm", "relation", "axes", "score", "place"}
    assert Path(answer["index"]).parent == at_hand / "cache" / "motif-index"


@pytest.mark.parametrize("backend", ["faiss", "qdrant"])
def test_other_backends_from_the_command(at_hand: Path, backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip({"faiss": "faiss", "qdrant": "qdrant_client"}[backend])
    query, folder = str(at_hand / "query.mid"), str(at_hand / "songs")
    more = ["--qdrant", str(at_hand / "db")] if backend == "qdrant" else []
    for flags in ([], ["--backend", backend, *more]):
        assert cli.main(["motifs", "search", query, folder, "--json", "--thorough", *flags]) == 0
    printed = capsys.readouterr().out
    exact, other = _two(printed)
    assert [_places(printed) for printed in (exact, other)] == [{(file, at) for file, at, _ in PLANTS}] * 2
    if backend == "qdrant":  # exact too in a folder: near ties come in the same order
        assert [(h["file"], h["start_step"]) for h in exact["hits"]] == [
            (h["file"], h["start_step"]) for h in other["hits"]
        ]


def _places(printed: dict) -> set[tuple[str, int]]:
    """Where the first four hits are."""
    return {(hit["file"], hit["start_step"]) for hit in printed["hits"][:4]}


def _two(text: str) -> tuple[dict, dict]:
    first, at = json.JSONDecoder().raw_decode(text)
    second, _ = json.JSONDecoder().raw_decode(text[at:].lstrip())
    return first, second


def test_skipped_files_are_told(at_hand: Path) -> None:
    (at_hand / "songs" / "broken.mid").write_bytes(b"nothing like music")
    printed = search_motifs(at_hand / "query.mid", at_hand / "songs")
    assert "skipped 1: not a MIDI file" in printed
    assert "(such as broken.mid)" in printed


def test_another_process_writes(at_hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where, folder = at_hand / "index", at_hand / "songs"
    where.mkdir()
    with one_writer(where), pytest.raises(ValueError, match="just making the index"):
        search_motifs(at_hand / "query.mid", folder, index=where)
    search_motifs(at_hand / "query.mid", folder, index=where)
    with one_writer(where):
        assert "exact" in search_motifs(at_hand / "query.mid", folder, index=where)
    assert "reading what it has committed" in capsys.readouterr().err


def test_mistakes(at_hand: Path) -> None:
    query, folder = at_hand / "query.mid", at_hand / "songs"
    with pytest.raises(ValueError, match="no such folder"):
        search_motifs(query, at_hand / "nowhere")
    with pytest.raises(ValueError, match="no such file"):
        search_motifs(at_hand / "nothing.mid", folder)
    write_song(Song("one", note_array([(0, 4, 60)])), at_hand / "one.mid")
    with pytest.raises(ValueError, match="at least 2 notes, 'one' has 1"):
        search_motifs(at_hand / "one.mid", folder)
    (at_hand / "empty").mkdir()
    assert "nothing in this folder" in search_motifs(query, at_hand / "empty")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top": 0}, "`top` must be >= 1, got 0"),
        ({"bars": "5-"}, "`bars` must be FIRST-LAST"),
        ({"bars": "900"}, r"`bars` must be FIRST-LAST within"),
        ({"hop_steps": 0}, "`hop_steps` must lie in"),
        ({"backend": "annoy"}, "`backend` must be auto, exact, faiss or qdrant, got 'annoy'"),
        ({"backend": "qdrant"}, "backend 'qdrant' needs `qdrant`"),
        ({"backend": "exact", "qdrant": "db"}, "`qdrant` needs backend auto or qdrant, got 'exact'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_indexed(options: dict, said: str, at_hand: Path) -> None:
    with pytest.raises(ValueError, match=said):
        search_motifs(at_hand / "query.mid", at_hand / "songs", index=at_hand / "index", **options)
    assert not (at_hand / "index").exists()


@pytest.mark.parametrize(("module", "extra"), [("faiss", "faiss"), ("qdrant_client", "qdrant")])
def test_a_missing_package_is_told_before_anything_is_indexed(
    module: str, extra: str, at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    options = {"backend": "faiss"} if extra == "faiss" else {"qdrant": "db"}
    with pytest.raises(ValueError, match=rf"softaxes\[{extra}\]"):
        search_motifs(at_hand / "query.mid", at_hand / "songs", index=at_hand / "index", **options)  # type: ignore[arg-type]
    assert not (at_hand / "index").exists()


def test_beats_beside_a_file_lay_its_grid(tmp_path: Path) -> None:
    """A song half a step late against its ticks lies on its beats."""
    folder = tmp_path / "001"
    folder.mkdir()
    write_song(Song("001", note_array([(1, 4, 60), (5, 4, 62), (9, 4, 64), (13, 4, 65)])), folder / "001.mid")
    beats = "".join(f"{0.125 + 0.5 * k} 1.0 {float(k % 4 == 0)}\n" for k in range(8))
    (folder / "beat_midi.txt").write_text(beats)
    assert read_song(folder / "001.mid").notes["onset"].tolist() == [0, 4, 8, 12]
    (folder / "versions").mkdir()
    os.rename(folder / "001.mid", folder / "versions" / "other.mid")
    alone = read_song(folder / "versions" / "other.mid").notes["onset"].tolist()
    assert alone == [1, 5, 9, 13], "beats lie beside the files of their own folder"


def test_the_shipped_model_finds_planted_copies(tmp_path: Path, rng: np.random.Generator) -> None:
    if motif_search.DEFAULT_MODEL not in shipped():
        pytest.skip(f"{motif_search.DEFAULT_MODEL} does not come with this checkout")
    rows = motif(rng, 32)
    plant(tmp_path / "songs", rng, rows)
    write_song(song_of(rows), tmp_path / "query.mid")
    write_song(random_song(rng), tmp_path / "songs" / "stranger.mid")
    printed = json.loads(search_motifs(tmp_path / "query.mid", tmp_path / "songs", index=tmp_path / "index", json=True))
    found = {(hit["file"], hit["start_step"], hit["semitones"]) for hit in printed["hits"][: len(PLANTS)]}
    assert found == set(PLANTS)
    for hit in printed["hits"][:3]:
        assert hit["axes"]["pitch"] == pytest.approx(hit["semitones"], abs=1.5)

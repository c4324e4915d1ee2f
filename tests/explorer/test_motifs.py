"""Motifs of a song whose repeats are known, as page and command tell them; a corpus whose right window is known."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import Song, Track, note_array, read_song, write_song
from softaxes.data.optional import missing
from softaxes.explorer import motifs as module
from softaxes.explorer.atlas import Atlas
from softaxes.explorer.library import Library
from softaxes.explorer.motifs import (
    best_match,
    chosen_indices,
    drawn_notes,
    motifs_of,
    nearest,
    search_motif,
    similarity_to,
)
from softaxes.model.model import Model
from softaxes.motifs.find import RELATIONS
from softaxes.songs.motifs import STEPS_PER_BEAT, motifs_of_song

from .conftest import tune

MOTIF = ((0, 2, 60), (2, 1, 64), (3, 1, 62), (4, 4, 67), (8, 2, 65))


def piece(*places: tuple[int, int], under: tuple[tuple[int, int, int], ...] = (), name: str = "made") -> Song:
    """The motif at (step, transposition) in a flute, and another voice under it."""
    rows = [(step + onset, length, pitch + up) for step, up in places for onset, length, pitch in MOTIF]
    notes = np.concatenate([note_array(rows), note_array(under, track=1)])
    return Song(name, notes, (Track("flute"), Track("bass")))


PIECE = piece((0, 0), (16, 5), (36, -3), (52, 0))


@pytest.fixture
def library(tmp_path: Path) -> Any:
    made = Library(4, folder=tmp_path)
    yield made
    made.close()


def opened(library: Library, song: Song) -> tuple[Song, Song, Path]:
    """A song that was written and dropped: on the finer grid, on the model's, and its file."""
    assert library.folder is not None
    path = write_song(song, library.folder / "made.mid")
    entry = library.drop(path.read_bytes(), path.name)
    return library.finer(entry.id), library.open(entry.id), path


def test_a_motif_is_told_wherever_it_returns(library: Library) -> None:
    finer, song, _ = opened(library, PIECE)
    motif = motifs_of(finer, song, "melody")["motifs"][0]
    answer = [(o["start"], o["place"], o["transposition"], o["relation"], o["track"]) for o in motif["occurrences"]]
    assert motif["name"] == "A" and motif["notes"] == [list(note) for note in MOTIF]
    assert answer == [
        (0, "1:1", 0, "exact", "flute"),
        (16, "2:1", 5, "exact", "flute"),
        (36, "3:2", -3, "exact", "flute"),
        (52, "4:2", 0, "exact", "flute"),
    ]
    assert [o["statement"] for o in motif["occurrences"]] == [True, False, False, False]
    assert motif["occurrences"][1]["notes"] == [[o + 16, d, p + 5] for o, d, p in MOTIF]
    assert motif["occurrences"][1]["held"] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("texture", ["melody", "full"])
def test_page_and_command_tell_the_same(library: Library, texture: Any) -> None:
    rng = np.random.default_rng(3)
    under = tuple((4 * k, 4, int(rng.integers(36, 48))) for k in range(18))
    finer, song, path = opened(library, piece((1, 0), (16, 5), (32, -3), (48, 0), under=under))
    command = motifs_of_song(read_song(path, STEPS_PER_BEAT))
    answer = motifs_of(finer, song, texture)["motifs"]
    assert [m["name"] for m in answer] == [m.name for m in command.motifs] and answer
    drawn = np.concatenate(drawn_notes(song, texture))
    for motif, rows, source in zip(answer, command.rows, command.motifs, strict=True):
        for occurrence, row, returned in zip(motif["occurrences"], rows, source.returns, strict=True):
            for name, column in (("transposition", "transposition_semitones"), ("relation", "relation")):
                assert occurrence[name] == row[column]
            assert (occurrence["place"], occurrence["track"]) == (row["place"], row["track"])
            assert [p for _, _, p in occurrence["notes"]] == returned.notes.midi.tolist()
            assert drawn["pitch"][occurrence["held"]].tolist() == returned.notes.midi.tolist()
            assert drawn["onset"][occurrence["held"]].tolist() == [o for o, _, _ in occurrence["notes"]]


def test_what_the_model_does_not_hear_is_drawn_apart() -> None:
    song = piece((0, 0), (16, 0), under=((0, 4, 40), (2, 1, 64), (16, 4, 41)))
    heard, others = drawn_notes(song, "melody")
    assert [int(p) for p in heard["pitch"]] == 2 * [60, 64, 62, 67, 65]
    assert others["pitch"].tolist() == [40, 41]  # 64 at step 2 is a unison of the flute's
    heard, others = drawn_notes(song, "full")
    assert len(heard) == 12 and len(others) == 0


def test_a_played_note_is_the_nearest_drawn_one_of_its_pitch() -> None:
    drawn = note_array([(0, 1, 60), (1, 1, 60), (1, 1, 62), (4, 1, 60)])
    assert nearest(drawn, np.array([0.4, 0.6, 0.0, 9.0, 1.0]), np.array([60, 60, 62, 60, 61])) == [0, 1, 2, 3, -1]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_songs_too_short_have_none(count: int) -> None:
    song = Song("short", note_array([(i, 1, 60 + i) for i in range(count)]))
    assert motifs_of(song, song, "melody") == {"motifs": []}


@given(rows=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8), st.integers(30, 90)), max_size=40))
@settings(max_examples=20)
def test_every_note_of_a_motif_is_drawn(rows: list[tuple[int, int, int]]) -> None:
    song = Song("any", note_array(sorted(rows)))
    drawn = np.concatenate(drawn_notes(song, "melody"))
    for motif in motifs_of(song, song, "melody")["motifs"]:
        assert sum(o["statement"] for o in motif["occurrences"]) == 1
        for occurrence in motif["occurrences"]:
            found = [[int(drawn[i]["onset"]), int(drawn[i]["pitch"])] for i in occurrence["held"]]
            assert found == [[onset, pitch] for onset, _, pitch in occurrence["notes"]]
            assert occurrence["relation"] in RELATIONS and 0 <= occurrence["probability"] <= 1


def test_songs_too_long_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NOTES", 10)
    with pytest.raises(ValueError, match="at most 10 notes, this one has 20"):
        motifs_of(PIECE, PIECE, "melody")


def test_without_numba_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> None:
        raise missing("numba", "motif discovery")

    monkeypatch.setattr("softaxes.songs.motifs.find_motifs", without)
    with pytest.raises(ValueError, match="needs numba"):
        motifs_of(PIECE, PIECE, "melody")


# --- the corpus


def slow_match(chosen: np.ndarray, others: np.ndarray) -> int:
    points = {(int(n["onset"]), int(n["pitch"])) for n in others}
    best = 0
    for a in chosen:
        for b in others:
            dt, dp = int(b["onset"]) - int(a["onset"]), int(b["pitch"]) - int(a["pitch"])
            best = max(best, sum((int(n["onset"]) + dt, int(n["pitch"]) + dp) in points for n in chosen))
    return best


@given(
    first=st.lists(st.tuples(st.integers(0, 30), st.just(1), st.integers(50, 70)), min_size=1, max_size=8, unique=True),
    second=st.lists(st.tuples(st.integers(0, 30), st.just(1), st.integers(50, 70)), max_size=10, unique=True),
)
def test_the_best_match_is_that_of_loops(first: list[Any], second: list[Any]) -> None:
    chosen, others = note_array(sorted(first)), note_array(sorted(second))
    assert best_match(chosen, others)[0] == slow_match(chosen, others)


def test_a_match_tells_the_way() -> None:
    chosen, others = note_array(list(MOTIF)), note_array([(o + 20, d, p - 4) for o, d, p in MOTIF[1:]])
    assert best_match(chosen, others) == (4, -4, 20)


def test_what_is_only_moved_is_as_like_as_can_be(model: Model) -> None:
    torch.manual_seed(1)
    query, other = torch.randn(2, 16)
    moved = model.steer(query.repeat(3, 1), pitch=[4, -9, 0], metre=[0, 13, -5])
    found = similarity_to(query, torch.cat([moved, other[None]]), model.axes)
    np.testing.assert_allclose(found[:3], 1, atol=1e-4)
    assert found[3] < 0.95


@pytest.mark.parametrize(("text", "expected"), [("3", [3]), ("0-2,9", [0, 1, 2, 9]), ("5,4,4-6", [4, 5, 6])])
def test_notes_of_an_address(text: str, expected: list[int]) -> None:
    assert chosen_indices(text, 10).tolist() == expected


@pytest.mark.parametrize("text", ["", "x", "3-", "-3", "5-3", "9-12", "1.5", "٣", "3,,4", "0-99999999999"])
def test_other_notes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`notes` must"):
        chosen_indices(text, 10)


@pytest.fixture
def atlas(model: Model, tmp_path: Path) -> Any:
    songs = tmp_path / "songs"
    songs.mkdir()
    for number in range(4):
        write_song(tune(number + 10), songs / f"{number}.mid")
    moved = tune(11)
    notes = moved.notes.copy()
    notes["pitch"] += 5
    write_song(Song("moved", notes, tempi=moved.tempi), songs / "moved.mid")
    library = Library(4, folder=songs)
    made = Atlas(model, library, threading.Lock(), lambda: time.monotonic() - 9, folder=tmp_path / "cache")
    made.run()
    yield made
    library.close()


def test_the_chosen_notes_are_found_transposed(model: Model, atlas: Atlas) -> None:
    song = atlas.library.open("folder:1.mid")
    inside = (song.notes["onset"] >= 32) & (song.notes["onset"] < 64)
    answer = search_motif(song.notes[inside], song, model, atlas, own_id="folder:1.mid")
    assert (answer["songs"], answer["total"], answer["used"]) == (5, 5, int(inside.sum()))
    first = answer["results"][0]
    assert (first["song"], first["at"], first["transposition"]) == ("folder:moved.mid", 32, 5)
    assert first["kept"] == first["of"] == int(inside.sum())
    assert not any(row["song"] == "folder:1.mid" and row["kept"] == row["of"] for row in answer["results"])
    places = [(row["song"], row["at"]) for row in answer["results"]]
    assert len(set(places)) == len(places)


def test_notes_beyond_one_window_are_left_out(model: Model, atlas: Atlas) -> None:
    song = atlas.library.open("folder:0.mid")
    answer = search_motif(song.notes[:40], song, model, atlas)
    assert answer["used"] == int((song.notes["onset"][:40] < model.window_steps).sum()) < 40


def test_a_song_that_went_away_is_no_result(model: Model, atlas: Atlas) -> None:
    song = tune(11)
    assert atlas.library.folder is not None
    (atlas.library.folder / "moved.mid").unlink()
    atlas.library._read.clear()  # a song in memory would still be there
    answer = search_motif(song.notes[:8], song, model, atlas)
    assert answer["results"] and all(row["song"] != "folder:moved.mid" for row in answer["results"])


def test_an_empty_atlas_answers(model: Model, tmp_path: Path) -> None:
    library = Library(4)
    empty = Atlas(model, library, threading.Lock(), time.monotonic, folder=tmp_path)
    answer = search_motif(tune(1).notes[:5], tune(1), model, empty)
    assert answer["results"] == [] and answer["total"] == 0
    library.close()


@pytest.mark.parametrize("count", [0, 1, 65])
def test_too_few_or_too_many_notes(model: Model, atlas: Atlas, count: int) -> None:
    notes = note_array([(i, 1, 60 + i % 20) for i in range(count)])
    with pytest.raises(ValueError, match=f"choose 2 to 64 notes, got {count}"):
        search_motif(notes, tune(1), model, atlas)

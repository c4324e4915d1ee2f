"""Motifs of a song whose repeats are known, and a corpus in which the right window is known."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.explorer import motifs as module
from softaxes.explorer.atlas import Atlas
from softaxes.explorer.library import Library
from softaxes.explorer.motifs import (
    best_match,
    chosen_indices,
    cosines_to,
    find_motifs,
    search_motif,
    varied,
    without_overlaps,
)
from softaxes.model import Model
from softaxes.music import Song, note_array, write_song

from .conftest import tune

MOTIF = ((0, 2, 60), (2, 1, 64), (3, 1, 62), (4, 4, 67), (8, 2, 65))
LOWER = ((0, 2, 60), (2, 1, 61), (3, 1, 59), (4, 4, 66), (8, 2, 62))  # same rhythm, same ups and downs
FLAT = ((0, 2, 60), (2, 1, 60), (3, 1, 60), (4, 4, 60), (8, 2, 60))  # the rhythm alone


def piece(*places: tuple[int, int, tuple[tuple[int, int, int], ...]], extra: tuple[Any, ...] = ()) -> Song:
    """A song of motifs at (step, transposition, motif)."""
    rows = [(step + onset, length, pitch + up) for step, up, motif in places for onset, length, pitch in motif]
    return Song("made", note_array(sorted([*rows, *extra])))


def told(song: Song) -> list[list[tuple[int, int, str]]]:
    found = find_motifs(song.notes, song)["motifs"]
    return [[(o["start"], o["transposition"], o["kept"]) for o in motif["occurrences"]] for motif in found]


def test_a_motif_is_found_wherever_it_returns() -> None:
    song = piece((0, 0, MOTIF), (16, 5, MOTIF), (36, -3, MOTIF))
    assert told(song) == [[(0, 0, "exact"), (16, 5, "exact"), (36, -3, "exact")]]
    motif = find_motifs(song.notes, song)["motifs"][0]
    assert motif["notes"] == [list(note) for note in MOTIF]
    assert [(o["bar"], o["beat"], o["place"]) for o in motif["occurrences"]] == [
        (1, "1", "1:1"),
        (2, "1", "2:1"),
        (3, "2", "3:2"),
    ]
    assert motif["occurrences"][1]["notes"] == [[o + 16, d, p + 5] for o, d, p in MOTIF]


def test_varied_returns_are_told_apart() -> None:
    song = piece((0, 0, MOTIF), (16, 0, MOTIF), (32, 2, LOWER))
    assert told(song)[0] == [(0, 0, "exact"), (16, 0, "exact"), (32, 2, "contour")]
    song = piece((0, 0, MOTIF), (16, 0, MOTIF), (32, 7, FLAT))
    assert told(song)[0] == [(0, 0, "exact"), (16, 0, "exact")]  # five notes: too short a rhythm
    longer = (*MOTIF, (10, 2, 64))
    song = piece((0, 0, longer), (16, 0, longer), (32, 7, (*FLAT, (10, 2, 60))))
    assert told(song)[0] == [(0, 0, "exact"), (16, 0, "exact"), (32, 7, "rhythm")]


def test_no_occurrence_overlaps_another() -> None:
    scale = Song("scale", note_array([(2 * i, 2, 60 + 2 * i) for i in range(12)]))
    found = find_motifs(scale.notes, scale)["motifs"]
    for motif in found:
        ends = [max(o for o, _, _ in occurrence["notes"]) for occurrence in motif["occurrences"]]
        begins = [occurrence["start"] for occurrence in motif["occurrences"]]
        assert all(end < begin for end, begin in zip(ends, begins[1:], strict=False))
    rows = np.array([[0, 1], [1, 2], [2, 3]])
    assert without_overlaps(scale.notes, rows).tolist() == [[0, 1], [2, 3]]


def test_chords_have_no_varied_returns() -> None:
    song = Song("chords", note_array([(s, 2, p) for s in (0, 4, 8, 12) for p in (60, 64, 67)]))
    assert varied(song.notes, np.array([[0, 1, 2, 3]])) == []


@pytest.mark.parametrize("count", [0, 1, 7])
def test_songs_too_short_have_none(count: int) -> None:
    song = Song("short", note_array([(i, 1, 60 + i) for i in range(count)]))
    assert find_motifs(song.notes, song) == {"motifs": []}


@given(rows=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8), st.integers(30, 90)), max_size=60))
def test_what_is_called_exact_is(rows: list[tuple[int, int, int]]) -> None:
    song = Song("any", note_array(sorted(rows)))
    there = {(int(n["onset"]), int(n["pitch"])) for n in song.notes}
    for motif in find_motifs(song.notes, song)["motifs"]:
        first = motif["occurrences"][0]["notes"]
        exact = [o for o in motif["occurrences"] if o["kept"] == "exact"]
        assert len(exact) >= 2
        for occurrence in motif["occurrences"]:
            assert {(o, p) for o, _, p in occurrence["notes"]} <= there
        base = exact[0]["notes"]
        for occurrence in exact:
            moves = {(o - b[0], p - b[2]) for (o, _, p), b in zip(occurrence["notes"], base, strict=True)}
            assert len(moves) == 1
        assert len(first) >= module.SMALLEST


def test_songs_too_long_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NOTES", 10)
    with pytest.raises(ValueError, match="at most 10 notes, this one has"):
        find_motifs(tune(1).notes, tune(1))


def test_without_numba_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("the pattern algorithms need numba: pip install 'softaxes[patterns]'")

    monkeypatch.setattr("softaxes.patterns.siatec_c.siatec_c", missing)
    with pytest.raises(ValueError, match="need numba"):
        find_motifs(tune(1).notes, tune(1))


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


def test_cosines_are_taken_from_the_mean() -> None:
    content = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    np.testing.assert_allclose(cosines_to(np.array([9.0, 1.0]), content), [1, -1, 0, 0])


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

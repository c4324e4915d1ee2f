"""The shipped melody model on whole songs: steering by metre is as good as encoding the true edit, in every metre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from softaxes.data.music import Song, load_corpus, note_array, read_song
from softaxes.data.music.rolls import notes_to_roll
from softaxes.diagnostics.notes import note_counts
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.songs.steer import steer_song

RATIO = 0.98  # of the ceiling's note F1 at least


@pytest.fixture(scope="module")
def model() -> Model:
    return load("melody")


@pytest.fixture(scope="module")
def tunes() -> dict[tuple[int, int], Song]:
    """The first held-out tune in each metre that is at least 12 bars long."""
    corpus, unseen = load_corpus("tunes", steps_per_beat=4), set(load("melody").card["split"]["test"])
    found: dict[tuple[int, int], Song] = {}
    for id_, song in zip(corpus.ids, corpus.songs, strict=True):
        if {id_, f"tunes/{id_}"} & unseen and len(song.meters) <= 2 and len(song.bars()) >= 12:
            found.setdefault(song.meters[-1][1:], song)
    return found


def rows_of(notes: np.ndarray) -> list[tuple[int, int, int]]:
    return sorted((int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in notes)


def f1_beside_ceiling(model: Model, song: Song, *, pitch: int = 0, metre: int = 0) -> tuple[float, float]:
    steered = steer_song(model, song, pitch=pitch, metre=metre)
    notes = steered.true_edit, steered.notes, steered.ceiling
    length = max(int((n["onset"] + n["duration"]).max(initial=0)) for n in notes)
    truth, found, best = (notes_to_roll(n, length)[None] for n in notes)
    return note_counts(truth, found).f1, note_counts(truth, best).f1


@pytest.mark.parametrize("metre", [1, -3, 8, -16, 37])
@pytest.mark.parametrize("meter", [(4, 4), (2, 4), (3, 4), (6, 8), (9, 8)])
def test_metre_of_unseen_tunes_reaches_the_ceiling(
    model: Model, tunes: dict[tuple[int, int], Song], meter: tuple[int, int], metre: int
) -> None:
    found, ceiling = f1_beside_ceiling(model, tunes[meter], metre=metre)
    assert ceiling > 0.9
    assert found / ceiling >= RATIO


def test_metre_of_a_song_of_pop909_reaches_the_ceiling(model: Model, pop909_folder: Path) -> None:
    number = next(id_.split("/")[1] for id_ in model.card["split"]["test"] if id_.startswith("pop909/"))
    song = read_song(pop909_folder / number / f"{number}.mid", 4)
    for pitch, metre in ((0, 4), (0, -6), (3, 16)):
        found, ceiling = f1_beside_ceiling(model, song, pitch=pitch, metre=metre)
        assert ceiling > 0.9
        assert found / ceiling >= RATIO


def test_a_note_held_over_a_seam_is_neither_cut_nor_doubled(model: Model, tunes: dict[tuple[int, int], Song]) -> None:
    for song in tunes.values():
        notes = steer_song(model, song).notes
        for row in np.unique(notes["pitch"]):
            mine = np.sort(notes[notes["pitch"] == row], order="onset")
            assert (mine["onset"][1:] >= (mine["onset"] + mine["duration"])[:-1]).all()
    held = Song("held", note_array([(0, 30, 60), (30, 4, 62), (34, 44, 64), (78, 20, 62), (98, 30, 60)]))
    assert rows_of(steer_song(model, held).notes) == rows_of(held.notes)

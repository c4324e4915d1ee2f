"""What the codes of a query say of a place, against a loop; codes that turn lead to the right places as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.search.codes import content_codes
from softaxes.search.index.build import encode_clips, update_index
from softaxes.search.index.choice import choose
from softaxes.search.index.store import Index
from softaxes.search.places import Clips, clip_places, places_of
from softaxes.search.query import Query, Searcher, query_from_song
from softaxes.search.vocabulary import find_vocabulary

from .worlds import Model, corpus, model_by_hand, motif, planted, song_of, turning_model, write_song


def clips_of(model: Model, query: Query, length: int) -> Clips:
    starts = clip_places(query.notes["onset"], query.length_steps, length, 4)
    return Clips(*encode_clips(model, query.notes, starts, length), starts, length)


@pytest.mark.parametrize("length", [32, 8])
def test_the_mean_cosine_is_that_of_every_pair_on_the_grid(
    length: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    corpus(tmp_path / "songs", rng, songs=3, bars=6)
    model = model_by_hand()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    index = Index.open(tmp_path / "index")
    clips = clips_of(model, query_from_song(song_of(motif(rng, 48)), "melody"), length)
    found = places_of(index, clips, choose(index, length, "exact", "")(clips.codes, 10_000))
    assert len({(place.song, place.step // 4) for place in found}) == len(found) > 20
    assert [place.similarity for place in found] == sorted((place.similarity for place in found), reverse=True)
    (segment,) = index.segments
    rows = {
        (int(row["song"]), int(row["start"])): code
        for row, code in zip(segment.table[length], segment.codes[length], strict=True)
    }
    for place in found:
        pairs = [
            rows[place.song, place.step + int(start)] @ code if (place.song, place.step + int(start)) in rows else 0.0
            for start, code in zip(clips.start, clips.codes, strict=True)
            if (place.step + int(start)) % 4 == 0
        ]
        assert place.similarity == pytest.approx(np.mean(pairs), abs=1e-5)
        assert segment.table[length]["start"][place.row] == place.step + clips.start[place.clip]


@pytest.mark.parametrize("steps", [8, 16, 32, 80])
def test_codes_that_turn_find_every_copy(steps: int, tmp_path: Path, rng: np.random.Generator) -> None:
    rows, plants = motif(rng, steps), {1: (32, 7), 3: (52, -5), 4: (41, 12)}
    for number, song in enumerate(corpus(tmp_path / "songs", rng)):
        if number in plants:
            write_song(planted(song, rows, *plants[number]), tmp_path / "songs" / f"{song.name}.mid")
    model = turning_model()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    hits = Searcher(Index.open(tmp_path / "index"), model).search(query_from_song(song_of(rows), "melody"), 3)
    assert {(hit.file, hit.start_step, hit.semitones) for hit in hits} == {
        (f"{number:02d}.mid", at, semitones) for number, (at, semitones) in plants.items()
    }
    for hit in hits:
        assert hit.axes.keys() == {"pitch", "metre"}
        if steps == 32 and hit.file != "04.mid":  # on the beat: the clip is the motif
            assert hit.axes["metre"] == 0
            assert hit.similarity == pytest.approx(1, abs=1e-3)


def test_the_delay_of_a_turning_code_is_found_by_alignment(rng: np.random.Generator) -> None:
    model = turning_model()
    rolls = torch.zeros(2, 2, 128, 32)
    for step, pitch in ((3, 60), (5, 64), (9, 59), (11, 71)):
        rolls[0, :, pitch, step] = rolls[1, :, pitch + 4, step + 6] = 1
    codes = content_codes(model.axes, model.encode(rolls))
    assert codes[0] @ codes[1] < 0.9
    later = content_codes(model.axes, model.steer(model.encode(rolls[:1]), metre=6, pitch=4))
    np.testing.assert_allclose(later[0], codes[1], atol=1e-5)


def test_clusters_of_turning_codes_are_stable_up_to_a_turn(tmp_path: Path, rng: np.random.Generator) -> None:
    corpus(tmp_path / "songs", rng, songs=6)
    model = turning_model()
    update_index(tmp_path / "songs", model, tmp_path / "index")
    stable = find_vocabulary(Index.open(tmp_path / "index"), model, clusters=12, seeds=0).stability
    assert stable.codes["pitch"] == 1
    assert stable.codes["time"] > stable.latents["time"] + 0.2

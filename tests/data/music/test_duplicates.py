"""The same music under another name, in another key, at another speed is found, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.data.music import Song, note_array
from softaxes.data.music.duplicates import COMMON, group_together, near_duplicates, shingles


def random_tune(seed: int, notes: int = 60) -> Song:
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([1, 2, 2, 3, 4], notes))
    pitch = 66 + np.cumsum(rng.choice([-4, -2, -1, 1, 2, 3], notes)).clip(-20, 20)
    return Song(f"tune {seed}", note_array(zip(onset.tolist(), [1] * notes, pitch.tolist(), strict=True)))


def faster(song: Song, times: int) -> Song:
    rows = [(int(n["onset"]) * times, times, int(n["pitch"])) for n in song.notes]
    return Song("slow", note_array(rows))


def test_transposed_and_augmented_tunes_are_the_same() -> None:
    tune = random_tune(1)
    found = near_duplicates([random_tune(2), tune, random_tune(3), tune.transposed(5), faster(tune, 2)])
    assert found == [(1, 3, 1.0), (1, 4, 1.0), (3, 4, 1.0)]


def test_strangers_are_strangers_and_variants_are_near() -> None:
    tune = random_tune(1)
    assert near_duplicates([random_tune(seed) for seed in range(200)]) == []
    variant = tune.notes.copy()
    variant["pitch"][[10, 30, 50]] += 1
    ((_, _, like),) = near_duplicates([tune, Song("variant", variant)])
    assert 0.4 < like < 0.8


def test_a_part_is_wholly_inside_the_whole() -> None:
    tune = random_tune(1)
    assert near_duplicates([tune, Song("half", tune.notes[:30])], threshold=1.0) == [(0, 1, 1.0)]


def test_what_everybody_has_says_nothing() -> None:
    scales = [random_tune(seed, 30) for seed in range(COMMON + 1)]
    tail = random_tune(999, 30).notes.copy()
    tail["onset"] += 200
    songs = [Song("t", np.concatenate([song.notes, tail])) for song in scales]
    assert near_duplicates(songs) == []
    assert len(near_duplicates(songs[:3])) == 3, "among three songs the same ending does tell"


def test_songs_too_short_to_tell() -> None:
    short = Song("t", note_array([(i, 1, 60 + i % 5) for i in range(9)]))
    assert near_duplicates([short, short, Song("empty", note_array([]))]) == []
    assert len(shingles(note_array([(i, 1, 60) for i in range(7)]))) == 0
    assert len(shingles(note_array([(i, 1, 60) for i in range(8)]))) == 1
    assert near_duplicates([]) == []


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    songs = [random_tune(seed % 7).transposed(seed % 3) for seed in range(20)]
    whole = near_duplicates(songs)
    monkeypatch.setattr("softaxes.data.music.duplicates.BLOCK", 3)
    assert near_duplicates(songs) == whole
    assert len(whole) == 6 * 3 + 1, "20 songs of 7 tunes: six tunes three times, one twice"


@given(
    st.integers(0, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, max(n - 1, 0))] * 2)))
    )
)
def test_groups_match_a_slow_spreading(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = case
    pairs = pairs if n else []
    label = list(range(n))
    for _ in range(n):
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
    groups = group_together(n, pairs)
    assert [label[i] == label[j] for i in range(n) for j in range(n)] == [
        bool(groups[i] == groups[j]) for i in range(n) for j in range(n)
    ]
    assert sorted(set(groups.tolist())) == list(range(len(set(label))))


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5, float("nan")])
def test_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="`threshold` must be above 0 and at most 1"):
        near_duplicates([], threshold)

"""Labels of POP909 land on the steps of its songs: by hand, and against the chords that the notes spell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from softaxes.data.music import NOTE_DTYPE, Beats, Song, Track, full_texture, read_song, write_song
from softaxes.data.music.pop909_labels import (
    NONE,
    key_number,
    labels_at,
    root_number,
    song_labels,
    step_seconds,
    window_labels,
)


@pytest.mark.parametrize(
    ("label", "number"),
    [("C:maj", 0), ("Gb:maj", 6), ("F#:maj", 6), ("A:min", 21), ("Cb:maj", 11), ("N", NONE)],
)
def test_keys(label: str, number: int) -> None:
    assert key_number(label) == number


@pytest.mark.parametrize(
    ("label", "number"),
    [("C:sus2", 0), ("Bb:min7/5", 10), ("B#", 0), ("D##:7", 4), ("N", NONE), ("X", NONE), ("G/3", 7)],
)
def test_roots(label: str, number: int) -> None:
    assert root_number(label) == number


@pytest.mark.parametrize("label", ["H:maj", "", "c:maj", "C?:maj"])
def test_what_is_no_label(label: str) -> None:
    with pytest.raises(ValueError, match="no chord"):
        root_number(label)
    with pytest.raises(ValueError, match="no key: 'C:dor'"):
        key_number("C:dor")


def test_seconds_of_steps_follow_the_beats_and_their_ends() -> None:
    beats = Beats(np.array([1.0, 2.0, 4.0]), np.array([True, False, False]))
    seconds = step_seconds(beats, before=1, length_steps=10, steps_per_beat=2)
    assert seconds.tolist() == [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]


def test_labels_of_steps_and_windows() -> None:
    labels = labels_at(np.arange(8) + 0.5, [(0, 3, 5), (3, 7, 2), (6, 7, 9)])
    assert labels.tolist() == [5, 5, 5, 2, 2, 2, 9, NONE]
    assert window_labels(labels, np.array([0, 2, 6, -2, 99, 7]), 4).tolist() == [5, 2, NONE, 5, NONE, NONE]


@pytest.fixture
def song_folder(tmp_path: Path) -> Path:
    """A song of eight beats at 120, whose first note comes a beat before the first given one."""
    where = tmp_path / "001"
    where.mkdir()
    rows = [(480 * beat, 480, 60, 80, 0) for beat in range(9)]
    write_song(Song("001", np.array(rows, dtype=NOTE_DTYPE), (Track("MELODY"),), 480), where / "001.mid")
    (where / "beat_midi.txt").write_text("".join(f"{0.5 * beat} 0 {int(beat % 4 == 1)}\n" for beat in range(1, 9)))
    (where / "chord_midi.txt").write_text("0.0\t0.5\tN\n0.5\t2.5\tC:maj\n2.5\t4.5\tG:7/3\n")
    (where / "key_audio.txt").write_text("0.5 4.5 A:min\n")
    return tmp_path


def test_labels_of_a_song_by_hand(song_folder: Path) -> None:
    labels = song_labels(song_folder, "001", 36)
    assert labels.root.tolist() == [NONE] * 4 + [0] * 16 + [7] * 16
    assert labels.key.tolist() == [NONE] * 4 + [21] * 32


def test_missing_files_are_no_labels_and_broken_ones_a_line(song_folder: Path) -> None:
    (song_folder / "001" / "key_audio.txt").unlink()
    assert (song_labels(song_folder, "001", 36).key == NONE).all()
    assert (song_labels(song_folder, "777", 5).root == NONE).all()
    for text in ("0 1\n", "a b C:maj\n", "0 1 H:maj\n"):
        (song_folder / "001" / "chord_midi.txt").write_text(text)
        with pytest.raises(ValueError, match=r"chord_midi\.txt: not a table of labels"):
            song_labels(song_folder, "001", 36)
    (song_folder / "001" / "beat_midi.txt").unlink()
    assert (song_labels(song_folder, "001", 36).root == NONE).all()


@pytest.mark.data
def test_the_labelled_roots_are_in_the_bass(pop909_folder: Path) -> None:
    """The lowest pitch class that sounds at a step is the labelled root far more often than by chance (1/12)."""
    right, total = 0, 0
    for song in ("001", "005", "300", "500"):
        path = pop909_folder / song / f"{song}.mid"
        read = read_song(path, 4)
        labels = song_labels(pop909_folder, song, read.length_steps)
        lowest = np.full(read.length_steps, 999)
        for note in full_texture(read):
            at = slice(note["onset"], note["onset"] + note["duration"])
            lowest[at] = np.minimum(lowest[at], note["pitch"])
        known = (labels.root != NONE) & (lowest < 999)
        right += int((lowest[known] % 12 == labels.root[known]).sum())
        total += int(known.sum())
        assert known.mean() > 0.5
    assert right / total > 0.5

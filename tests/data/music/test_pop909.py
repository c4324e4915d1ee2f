"""POP909: its beats, its bars, its archive. The data tests check the grid against the seconds that the files give."""

from __future__ import annotations

import dataclasses
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from softaxes.data.music import Corpus, Song, cut_windows, load_corpus, melody, read_song, write_song
from softaxes.data.music.beats import read_beats
from softaxes.data.music.pop909 import URL, fetch_pop909, song_files, song_folder
from softaxes.data.music.read import Reading

from .test_duplicates import random_tune


def tune(seed: int) -> Song:
    """A random tune that begins at step 0."""
    notes = random_tune(seed).notes.copy()
    notes["onset"] -= notes["onset"][0]
    return Song("tune", notes)


WALTZ = "".join(f"{0.25 + 0.5 * k} 1 {int(k % 3 == 0)}\n" for k in range(60))


def song_on_disk(root: Path, number: str, seed: int, beats: str | None = WALTZ) -> None:
    (root / number).mkdir(parents=True)
    write_song(tune(seed), root / number / f"{number}.mid")
    if beats is not None:
        (root / number / "beat_midi.txt").write_text(beats)


def test_songs_are_laid_on_their_beats_and_damage_is_skipped(tmp_path: Path) -> None:
    root = tmp_path / "POP909"
    song_on_disk(root, "001", 1)
    song_on_disk(root, "002", 2, beats=None)
    song_on_disk(root, "003", 3, beats="0.5 1 1\nnonsense\n")
    song_on_disk(root, "004", 4, beats="0.5 1 1\n0.5 0 0\n")
    song_on_disk(root, "005", 5, beats="")
    (root / "004" / "versions").mkdir()
    write_song(random_tune(5), root / "004" / "versions" / "004-v1.mid")
    (root / "index.xlsx").write_bytes(b"")
    corpus = load_corpus("pop909", tmp_path)
    assert corpus.ids == ("001", "002") and corpus.manifest.source == "POP909"
    # at 120 bpm beats at 0.25 s lie half a beat late: three beats a bar, and one beat before the first downbeat
    assert corpus.songs[0].meters == ((0, 1, 4), (4, 3, 4))
    assert corpus.songs[0].notes["onset"].tolist() == (tune(1).notes["onset"] + 2).tolist()
    assert corpus.songs[1].notes.tolist() == tune(2).notes.tolist(), "without beats the file's own ticks"
    reasons = {skipped.name: skipped.reason for skipped in corpus.manifest.skipped}
    assert reasons["003/003.mid"].startswith("003/beat_midi.txt: not a table of beats")
    assert "two or more rising times" in reasons["004/004.mid"] and len(reasons) == 3
    assert reasons["005/005.mid"].endswith("got 0 with 0 flags)")
    assert song_folder(root) == song_folder(tmp_path) == root


def test_a_song_without_beats_is_laid_on_its_notes(tmp_path: Path) -> None:
    (tmp_path / "001").mkdir()
    late = Song("late", tune(1).notes, steps_per_beat=4).notes.copy()
    late["onset"], late["duration"] = 12 * late["onset"] + 5, 12 * late["duration"]
    write_song(Song("late", late, steps_per_beat=48), tmp_path / "001" / "001.mid")
    song = load_corpus("pop909", tmp_path).songs[0]
    assert song.notes["onset"].tolist() == tune(1).notes["onset"].tolist() and song.counts.off_grid == 0


def archive_of(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return path


def test_fetching_unpacks_once_and_keeps_inside_its_folder(tmp_path: Path) -> None:
    song_on_disk(tmp_path / "made", "001", 1)
    made = {path.name: path.read_bytes() for path in (tmp_path / "made" / "001").iterdir()}
    top = "POP909-Dataset-d83e6ed/"
    members = {f"{top}POP909/001/{name}": data for name, data in made.items()}
    members |= {f"{top}POP909/../../escaped.mid": b"x", f"{top}README.md": b"x", f"{top}POP909/index.xlsx": b"x"}
    archive = archive_of(tmp_path, members)
    asked = []

    def downloader(url: str, output_file: object, pooch: object) -> None:
        asked.append(url)
        shutil.copy(archive, str(output_file))

    folder = fetch_pop909(folder=tmp_path / "cache", downloader=downloader)
    assert folder == tmp_path / "cache" / "POP909" and asked == [URL]
    assert sorted(path.name for path in folder.rglob("*.*")) == ["001.mid", "beat_midi.txt"]
    assert not list(tmp_path.rglob("escaped.mid")) and not list((tmp_path / "cache").glob("*.zip"))
    assert fetch_pop909(folder=tmp_path / "cache", downloader=downloader) == folder and len(asked) == 1
    assert (tmp_path / "cache" / "complete").read_text().startswith(URL)
    assert len(song_files(song_folder(folder))) == 1


@pytest.mark.parametrize("content", [b"not a zip", None])
def test_a_fetch_that_fails_is_one_clear_line_and_is_tried_again(tmp_path: Path, content: bytes | None) -> None:
    def downloader(url: str, output_file: object, pooch: object) -> None:
        if content is None:
            raise OSError("no route to host")
        Path(str(output_file)).write_bytes(content)

    for _ in range(2):
        with pytest.raises(ValueError, match=r"could not be fetched .* give its `folder`") as caught:
            fetch_pop909(folder=tmp_path / "cache", downloader=downloader)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache" / "complete").exists()


# --- the data themselves --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pop909(pop909_folder: Path) -> Corpus:
    return load_corpus("pop909", pop909_folder)


@pytest.mark.data
def test_every_song_is_read_and_lies_on_its_grid(pop909: Corpus, pop909_folder: Path) -> None:
    assert len(pop909) == sum(1 for path in pop909_folder.iterdir() if path.is_dir()) and not pop909.manifest.skipped
    off_grid = np.array([song.counts.off_grid for song in pop909.songs])
    assert np.median(off_grid) < 0.02 and (off_grid > 0.125).mean() < 0.06
    paths = [pop909_folder / id_ / f"{id_}.mid" for id_ in pop909.ids[:40]]
    raw = [read_song(path, reading=Reading("ticks")).counts.off_grid for path in paths]
    assert np.median(raw) > 0.15, "on the file's own ticks the songs lie nowhere near a grid (chance is 0.25)"


@pytest.mark.data
def test_downbeats_fall_at_the_seconds_the_beat_files_give(pop909: Corpus, pop909_folder: Path) -> None:
    """Integrate the song's own tempi to seconds; the distance to the annotated downbeats must be one constant."""
    worst = []
    for song, id_ in zip(pop909.songs, pop909.ids, strict=True):
        beats = read_beats(pop909_folder / id_ / "beat_midi.txt")
        at = np.array([step for step, _ in song.tempi])
        seconds_per_step = np.array([60 / bpm / song.steps_per_beat for _, bpm in song.tempi])
        at_seconds = np.r_[0, np.cumsum(np.diff(at) * seconds_per_step[:-1])]
        lines = song.bars(until_step=song.length_steps + 64)["start"]
        piece = np.searchsorted(at, lines, side="right") - 1
        lines_seconds = at_seconds[piece] + (lines - at[piece]) * seconds_per_step[piece]
        annotated = beats.seconds[beats.is_downbeat]
        annotated = annotated[annotated < annotated[0] + lines_seconds[-1] - lines_seconds[1]]
        distances = [
            np.abs(lines_seconds[:, None] - lines_seconds[first] - (annotated - annotated[0])).min(axis=0).max()
            for first in (0, 1, 2)  # the first downbeat begins a song, or follows a pickup, or a pickup and a bar
        ]
        worst.append(min(distances))
    assert (np.array(worst) > 0.02).sum() <= 2, "two songs have two short bars that make one"


@pytest.mark.data
def test_bars_are_of_four_beats_or_six(pop909: Corpus) -> None:
    usual = [np.bincount(song.bars()["steps"]).argmax() for song in pop909.songs]
    assert sorted(set(usual)) == [16, 24] and usual.count(24) == 28


@pytest.mark.data
def test_music_begins_where_bars_do(pop909: Corpus) -> None:
    """A rule that nothing in the reader knows: more notes begin on the downbeat than on any other sixteenth."""
    histogram = np.zeros(16)
    for song in pop909.songs:
        bars = song.bars()
        bar = np.searchsorted(bars["start"], song.notes["onset"], side="right") - 1
        regular = bars["steps"][bar] == 16
        histogram += np.bincount((song.notes["onset"] - bars["start"][bar])[regular], minlength=16)
    assert histogram.argmax() == 0
    assert histogram[::4].min() > histogram[2::4].max() > histogram[1::2].max(), "beats, then eighths, then sixteenths"


@pytest.mark.data
def test_windows_of_two_bars(pop909: Corpus) -> None:
    windows = cut_windows(pop909.songs, 32, context_steps=8)
    assert 20_000 < len(windows) < 30_000 and (windows.meter == [4, 4]).all(axis=1).mean() > 0.99
    assert windows.center().sum(axis=(2, 3))[:, 0].min() >= 1
    usual = np.array([np.bincount(song.bars()["steps"]).argmax() for song in pop909.songs])
    assert set(np.flatnonzero(usual == 16)) <= set(windows.song.tolist()), "every song of four beats is in"
    assert (usual[windows.song] == 16).mean() > 0.99, "of six beats, only the odd bars of four"


@pytest.mark.data
def test_the_melody_is_one_track_and_nearly_one_voice(pop909: Corpus) -> None:
    for song in pop909.songs[:50]:
        notes = melody(song)
        assert len(set(notes["track"].tolist())) == 1
        overlap = (notes["onset"][:-1] + notes["duration"][:-1] > notes["onset"][1:]).mean()
        assert overlap < 0.2


@pytest.mark.data
def test_the_same_song_under_two_numbers_is_one_group(pop909: Corpus) -> None:
    groups = dict(zip(pop909.ids, pop909.groups.tolist(), strict=True))
    assert groups["017"] == groups["018"] != groups["019"]
    assert 800 <= len(set(groups.values())) < 808


@pytest.mark.data
def test_songs_survive_midi_on_the_grid(pop909: Corpus, tmp_path: Path) -> None:
    for song in pop909.songs[:30]:
        again = read_song(write_song(dataclasses.replace(song, start_seconds=0.0), tmp_path / "x.mid"))
        assert again.notes.tolist() == song.notes.tolist() and again.tracks == song.tracks
        assert again.meters == song.meters and [s for s, _ in again.tempi] == [s for s, _ in song.tempi]

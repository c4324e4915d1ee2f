"""Corpora: folders with everything wrong in them, the tunes, splits that never part a family, and the cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import Corpus, Manifest, Song, Split, iter_songs, load_corpus, note_array, split, write_song
from softaxes.data.music import tunes as tunes_module
from softaxes.data.music.cache import cache_folder, load_songs, save_songs
from softaxes.data.music.corpora import version_pairs
from softaxes.data.music.folders import find_files
from softaxes.data.music.tunes import tunes_folder

from .test_duplicates import random_tune


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTAXES_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A folder as people have them."""
    root = tmp_path / "my music 音楽"
    (root / "deep er" / "still").mkdir(parents=True)
    write_song(random_tune(1), root / "one.mid")
    write_song(random_tune(2), root / "deep er" / "two tunes.MIDI")
    write_song(random_tune(1).transposed(3), root / "deep er" / "still" / "drei ü.mid")
    write_song(Song("none", note_array([])), root / "silent.mid")
    (root / "empty.mid").write_bytes(b"")
    (root / "text.mid").write_text("not music")
    (root / "cut.mid").write_bytes((root / "one.mid").read_bytes()[:50])
    (root / "notes.txt").write_text("not asked for")
    (root / "folder.mid").mkdir()
    return root


def test_a_messy_folder(messy: Path) -> None:
    corpus = load_corpus("folder", messy)
    assert corpus.ids == ("deep er/still/drei ü", "deep er/two tunes", "one")
    assert corpus.groups[0] == corpus.groups[2] != corpus.groups[1], "a transposed copy is in its original's group"
    assert [song.notes.tolist() for song in corpus.songs[1:]] == [random_tune(i).notes.tolist() for i in (2, 1)]
    assert {skipped.name: skipped.reason.split(" (")[0] for skipped in corpus.manifest.skipped} == {
        "cut.mid": "broken or cut short",
        "empty.mid": "the file is empty",
        "silent.mid": "no notes in the file",
        "text.mid": "not a MIDI file",
    }
    assert corpus.manifest.counts["songs"] == 3 and corpus.manifest.counts["skipped"] == 4
    assert load_corpus("folder", messy, group_duplicates=False).groups.tolist() == [0, 1, 2]


def test_the_manifest_says_what_went_in(messy: Path, tmp_path: Path) -> None:
    manifest = load_corpus("folder", messy, steps_per_beat=12).manifest
    assert [file.name for file in manifest.files] == ["deep er/still/drei ü.mid", "deep er/two tunes.MIDI", "one.mid"]
    data = (messy / "one.mid").read_bytes()
    assert manifest.files[2][1:] == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest.settings["steps_per_beat"] == 12 and manifest.source == messy.name
    assert str(tmp_path) not in manifest.to_json(), "no paths of this machine"
    again = Manifest.from_json(manifest.to_json())
    assert again == manifest and again.digest() == manifest.digest()
    assert load_corpus("folder", messy).manifest.digest() != manifest.digest(), "another grid is another corpus"
    lines = manifest.summary().splitlines()
    assert lines[0].startswith(f"folder ({messy.name}): 3 songs") and len(lines) == 5
    assert "  skipped 1: the file is empty (such as empty.mid)" in lines
    with pytest.raises(ValueError, match="not a corpus manifest"):
        Manifest.from_json("{}")
    with pytest.raises(ValueError, match="not a corpus manifest"):
        Manifest.from_json("x")


@pytest.mark.slow
def test_processes_read_the_same(tmp_path: Path) -> None:
    for number in range(70):
        write_song(random_tune(number), tmp_path / f"{number:03}.mid")
    (tmp_path / "050.mid").write_bytes(b"")
    alone, many = list(iter_songs(tmp_path)), list(iter_songs(tmp_path, processes=2))
    assert [item[0] for item in alone] == [item[0] for item in many] == [f"{n:03}.mid" for n in range(70)]
    assert many[50] == alone[50] == ("050.mid", "the file is empty")
    assert all(a[1].notes.tolist() == b[1].notes.tolist() for a, b in zip(alone, many, strict=True) if len(a) == 3)


def test_files_are_found_sorted_and_links_to_folders_are_not_followed(messy: Path) -> None:
    (messy / "loop").symlink_to(messy, target_is_directory=True)
    found = find_files(messy)
    assert found == sorted(found) and len(found) == 7 and not any("loop" in name for name in found)


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [
        ("pop", None, "`name` of a corpus must be 'tunes', 'pop909' or 'folder', got 'pop'"),
        ("folder", None, "corpus 'folder' needs `folder`"),
        ("folder", "gone", "gone: no such folder"),
        ("folder", "a file", "a file: is a file, not a folder"),
        ("folder", "empty", r"corpus 'folder' has no readable songs in empty \(0 files skipped\)"),
        ("folder", "bad", r"no readable songs in bad \(1 files skipped; x.mid: the file is empty\)"),
        ("tunes", "empty", "takes no `folder`"),
        ("pop909", "empty", "holds no POP909 songs"),
    ],
)
def test_what_is_no_corpus_is_one_clear_line(tmp_path: Path, name: str, folder: str | None, message: str) -> None:
    (tmp_path / "a file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.mid").write_bytes(b"")
    with pytest.raises(ValueError, match=message) as caught:
        load_corpus(name, None if folder is None else tmp_path / folder)
    assert "\n" not in str(caught.value)


def test_processes_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`processes` must be >= 1, got 0"):
        list(iter_songs(tmp_path, processes=0))


def corpus_of(groups: list[int]) -> Corpus:
    songs = tuple(Song(f"{i}", note_array([(0, 1, 60)])) for i in range(len(groups)))
    manifest = Manifest("test", "test", {}, (), (), {})
    return Corpus("test", tuple(song.name for song in songs), songs, np.array(groups, dtype=np.int64), manifest)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 5))
def test_a_split_deals_every_song_once_and_parts_no_group(groups: list[int], seed: int) -> None:
    parts = split(corpus_of(groups), seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    group_sets = [{groups[i] for i in part.tolist()} for part in parts]
    assert sum(len(group_set) for group_set in group_sets) == len(set(groups))
    assert all(part.tolist() == sorted(part.tolist()) for part in parts)
    if len(set(groups)) >= 3:
        assert all(len(part) for part in parts)


def test_a_split_is_seeded_and_near_its_fractions() -> None:
    corpus = corpus_of(list(range(200)))
    first, same, other = split(corpus, 1), split(corpus, 1), split(corpus, 2)
    assert [len(part) for part in first] == [160, 20, 20]
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert first.test.tolist() != other.test.tolist()
    assert [len(part) for part in split(corpus, 0, (0.5, 0.5, 0.0))] == [100, 100, 0]
    big_family = corpus_of([0] * 50 + list(range(1, 51)))
    assert [len(part) for part in split(big_family)] == [80, 10, 10]
    assert isinstance(first, Split) and corpus.select(first.test).ids == tuple(str(i) for i in first.test.tolist())


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2), (float("nan"), 0.5, 0.5)])
def test_fractions_must_be_a_whole(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="`fractions` must be three numbers >= 0 with sum 1"):
        split(corpus_of([0, 1]), 0, fractions)


def test_groups_follow_their_songs_into_the_order_of_ids(tmp_path: Path) -> None:
    for name, song in (("a-b", random_tune(2)), ("a", random_tune(1)), ("z", random_tune(1).transposed(1))):
        write_song(song, tmp_path / f"{name}.mid")  # as files a-b.mid comes before a.mid, as ids after it
    corpus = load_corpus("folder", tmp_path)
    groups = dict(zip(corpus.ids, corpus.groups.tolist(), strict=True))
    assert corpus.ids == ("a", "a-b", "z") and groups["a"] == groups["z"] != groups["a-b"]


def test_versions_of_a_song_belong_together() -> None:
    names = ["001/001.mid", "001/versions/a.mid", "001/versions/b.mid", "002/002.mid", "x/1.mid", "x/2.mid"]
    assert version_pairs(names) == [(0, 0), (0, 1), (0, 2)]


def test_versions_share_a_group_in_a_folder(tmp_path: Path) -> None:
    for seed, name in enumerate(["001/001", "001/versions/other", "002/002"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_song(random_tune(seed), tmp_path / f"{name}.mid")
    assert load_corpus("folder", tmp_path).groups.tolist() == [0, 0, 1]


# --- the tunes of the music21 package -------------------------------------------------------------------------------


@pytest.fixture
def few_tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus folder laid out like music21's, with three files."""
    root = tmp_path / "corpus"
    for name, count in (("airdsAirs/book1", 3), ("oneills1850/0001-0050", 2), ("ryansMammoth/Reel", 1)):
        (root / name).parent.mkdir(parents=True)
        tune = "X:{0}\nT:{1} {0}\nM:4/4\nL:1/8\nK:C\n" + "c{2}efgabc'|" * 4 + "\n\n"
        steps = ["d", "^c", "_e", "f", "=g", "_a"]
        book = "".join(tune.format(n, name, steps[n] * 2) for n in range(1, count + 1))
        (root / f"{name}.abc").write_text(book)
    monkeypatch.setattr("softaxes.data.music.tunes.tunes_folder", lambda: root)
    return root


def test_tunes_are_named_by_book_and_number_and_come_from_the_cache(
    few_tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_corpus("tunes")
    assert first.ids == (
        "airdsAirs/book1#1", "airdsAirs/book1#2", "airdsAirs/book1#3",
        "oneills1850/0001-0050#1", "oneills1850/0001-0050#2", "ryansMammoth/Reel",
    )  # fmt: skip
    assert first.songs[1].name == "airdsAirs/book1 2" and first.manifest.counts["files"] == 3
    assert len(list(cache_folder().iterdir())) == 1
    monkeypatch.setattr("softaxes.data.music.tunes.read_tunes", lambda *_: pytest.fail("read again despite the cache"))
    second = load_corpus("tunes")
    assert second.ids == first.ids and second.manifest == first.manifest
    assert second.groups.tolist() == first.groups.tolist()
    for a, b in zip(first.songs, second.songs, strict=True):
        assert a.notes.tolist() == b.notes.tolist() and vars(a).keys() == vars(b).keys()
        assert (a.name, a.tracks, a.tempi, a.meters, a.counts) == (b.name, b.tracks, b.tempi, b.meters, b.counts)
    assert load_corpus("tunes", group_duplicates=False).groups.tolist() == list(range(6))


def test_the_cache_knows_other_settings_other_files_and_damage(few_tunes: Path) -> None:
    load_corpus("tunes")
    assert load_corpus("tunes", steps_per_beat=8).songs[0].steps_per_beat == 8
    book = few_tunes / "airdsAirs" / "book1.abc"
    book.write_text(book.read_text() + "X:9\nT:new\nM:4/4\nL:1/8\nK:C\nCDEF|\n")
    assert len(load_corpus("tunes")) == 7
    kept = sorted(cache_folder().iterdir())
    assert len(kept) == 3
    for path in kept:
        path.write_bytes(path.read_bytes()[:200])
    assert len(load_corpus("tunes")) == 7, "a damaged cache is read over"


def test_a_cache_that_cannot_be_written_is_done_without(
    few_tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SOFTAXES_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load_corpus("tunes")) == 6


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTAXES_CACHE", "/a/b")
    assert cache_folder() == Path("/a/b")
    monkeypatch.delenv("SOFTAXES_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/softaxes")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "softaxes"


def test_no_songs_can_be_cached_too(tmp_path: Path) -> None:
    manifest = Manifest("t", "t", {}, (), (), {})
    assert save_songs(tmp_path / "x.npz", [], [], np.zeros(0, dtype=np.int64), manifest)
    stored = load_songs(tmp_path / "x.npz")
    assert stored is not None and stored[0] == () and stored[1] == () and stored[3] == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"], "nothing is left beside it"


def test_without_music21_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunes_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'softaxes\[corpora\]'"):
        load_corpus("tunes")


def music21_folder() -> Path:
    try:
        return tunes_folder()
    except ValueError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_every_tune_of_music21_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known answer: the collections' own numbering says how many tunes there are."""
    folder = music21_folder()
    corpus = load_corpus("tunes")
    x_lines = sum(
        line.startswith(b"X:")
        for book in tunes_module.BOOKS
        for path in (folder / book).glob("*.abc")
        for line in path.read_bytes().splitlines()
    )
    assert len(corpus) + len(corpus.manifest.skipped) == x_lines > 4000
    assert len(corpus.manifest.skipped) <= 5 and corpus.manifest.counts["songs off the grid"] < 100
    import sys

    assert "music21" not in sys.modules, "its files are read, it is never imported"
    names = {id_: song.name for id_, song in zip(corpus.ids, corpus.songs, strict=True)}
    by_name = {name: i for i, name in enumerate(names.values())}
    same = [("Old Maids of Galway -- Reel", "The Old Maids Of Galway"), ("Peter Street", "Peter Street -- Reel")]
    for a, b in same:
        assert corpus.groups[by_name[a]] == corpus.groups[by_name[b]]
    assert np.bincount(corpus.groups).max() <= 20, "likeness must not chain the corpus together"
    steps = [song.bars()["steps"] for song in corpus.songs]
    usual = np.array([np.bincount(bars).max() / len(bars) for bars in steps])
    assert np.median(usual) > 0.9 and (usual > 0.5).mean() > 0.99, "bar lines are where the accents put them"


def test_the_manifest_is_plain_json(messy: Path) -> None:
    assert json.loads(load_corpus("folder", messy).manifest.to_json())["corpus"] == "folder"

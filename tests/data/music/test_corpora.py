"""Corpora: folders with everything wrong in them, the tunes, splits that never part a family, and the cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.music import (
    Corpus,
    Manifest,
    Song,
    Split,
    load_corpus,
    note_array,
    openscore,
    split,
    write_song,
)
from softaxes.data.music import tunes as tunes_module
from softaxes.data.music.cache import cache_folder, load_songs, save_songs
from softaxes.data.music.corpus import version_pairs
from softaxes.data.music.folders import find_files
from softaxes.data.music.song import Counts
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


def test_files_are_found_sorted_and_links_to_folders_are_not_followed(messy: Path) -> None:
    (messy / "loop").symlink_to(messy, target_is_directory=True)
    found = find_files(messy)
    assert found == sorted(found) and len(found) == 7 and not any("loop" in name for name in found)


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [
        ("pop", None, "`name` of a corpus must be one of tunes, pop909, openscore, folder, mixed, got 'pop'"),
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
    assert np.bincount(corpus.groups).max() <= 20, "similarity must not chain the corpus together"
    steps = [song.bars()["steps"] for song in corpus.songs]
    usual = np.array([np.bincount(bars).max() / len(bars) for bars in steps])
    assert np.median(usual) > 0.9 and (usual > 0.5).mean() > 0.99, "bar lines are where the accents put them"


def test_the_manifest_is_plain_json(messy: Path) -> None:
    assert json.loads(load_corpus("folder", messy).manifest.to_json())["corpus"] == "folder"


# --- songs and quartets by composer, and mixed corpora --------------------------------------------------------------


@pytest.fixture
def few_scores(tmp_path: Path) -> Path:
    """A folder laid out like that of OpenScore, beside one like POP909's."""
    root = tmp_path / "data"
    names = [
        "openscore/lieder/Schubert_Franz_Winterreise_D.911_5_Der_Lindenbaum",
        "openscore/lieder/Schubert_Franz___Erlkonig",
        "openscore/lieder/Schumann_Clara_6_Lieder_Op.13_1_Ich_stand",
        "openscore/lieder/Schumann_Robert_Myrthen_Op.25_1_Widmung",
        "openscore/lieder/Poldowski___Mandoline",
        "openscore/quartets/Schubert_Franz_String_Quartet_in_D_minor_D.810",
        "pop909/POP909/001/001",
        "pop909/POP909/002/002",
    ]
    for seed, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_song(random_tune(seed), root / f"{name}.mid")
    return root


def test_the_works_of_a_composer_share_a_group(few_scores: Path) -> None:
    for folder in (few_scores, few_scores / "openscore"):
        corpus = load_corpus("openscore", folder)
        groups = dict(zip([id_.split("/")[1] for id_ in corpus.ids], corpus.groups.tolist(), strict=True))
        schubert = {group for name, group in groups.items() if name.startswith("Schubert")}
        assert len(groups) == 6 and len(schubert) == 1, "songs and quartets of one composer"
        assert len(set(groups.values())) == 4, "Clara Schumann is not Robert, and one name is enough"
    assert corpus.ids[0].startswith("lieder/") and corpus.sources.tolist() == ["openscore"] * 6
    loose = load_corpus("openscore", few_scores, group_duplicates=False)
    assert len(np.unique(loose.groups)) == 4


def test_a_mixed_corpus_keeps_its_sources_apart(few_scores: Path, few_tunes: Path) -> None:
    write_song(random_tune(6).transposed(2), few_scores / "openscore" / "lieder" / "Thief_A___Stolen.mid")
    (few_scores / "openscore" / "lieder" / "broken.mid").write_bytes(b"")
    corpus = load_corpus("mixed", few_scores)
    assert corpus.ids == tuple(sorted(corpus.ids)) and len(corpus) == 7 + 2 + 6
    assert corpus.manifest.source == "openscore + pop909 + tunes"
    assert [str(source) for source in corpus.sources] == ["openscore"] * 7 + ["pop909"] * 2 + ["tunes"] * 6
    place = {id_: index for index, id_ in enumerate(corpus.ids)}
    group = {id_: corpus.groups[index] for id_, index in place.items()}
    assert group["openscore/lieder/Thief_A___Stolen"] == group["pop909/001"], "one song in two sources is one group"
    assert [row.name for row in corpus.manifest.skipped] == ["openscore/lieder/broken.mid"]
    names = [row.name for row in corpus.manifest.files]
    assert "pop909/001/001.mid" in names and "tunes/ryansMammoth/Reel.abc" in names
    one = load_corpus("openscore", few_scores)
    assert corpus.songs[place[f"openscore/{one.ids[2]}"]].notes.tolist() == one.songs[2].notes.tolist()


def test_a_mixed_corpus_says_what_it_lacks(few_scores: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tunes_module.importlib.util, "find_spec", lambda name: None)
    (few_scores / "pop909").rename(few_scores / "elsewhere")
    corpus = load_corpus("mixed", few_scores)
    assert set(corpus.sources.tolist()) == {"openscore"}
    reasons = {row.name: row.reason for row in corpus.manifest.skipped}
    assert reasons["pop909"] == "pop909: no such folder" and "music21" in reasons["tunes"]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="nothing: holds neither a folder pop909 nor a folder openscore"):
        load_corpus("mixed", tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"no readable source in data \(.*`steps_per_beat` must be 1"):
        load_corpus("mixed", few_scores, steps_per_beat=0)
    with pytest.raises(ValueError, match="corpus 'mixed' needs `folder`"):
        load_corpus("mixed")
    with pytest.raises(ValueError, match=r"holds no OpenScore music \(folders lieder and quartets\)"):
        load_corpus("openscore", tmp_path / "nothing")


def test_a_split_deals_each_source_by_itself() -> None:
    sizes = {"a": [30, 20, 10] + [1] * 140, "b": [1] * 50, "c": [2] * 40}
    ids, groups = [], []
    for source, families in sizes.items():
        for family, size in enumerate(families):
            ids += [f"{source}/{family}.{number}" for number in range(size)]
            groups += [f"{source}{family}"] * size
    corpus = corpus_of(np.unique(groups, return_inverse=True)[1].tolist())
    mixed = Corpus("mixed", tuple(ids), corpus.songs, corpus.groups, corpus.manifest)
    for seed in range(3):
        parts = split(mixed, seed)
        for source, families in sizes.items():
            held = [int((mixed.sources[part] == source).sum()) for part in parts]
            n = sum(families)
            assert held == [n * 8 // 10, n // 10, n // 10], source


def test_a_split_of_one_source_is_what_it_was() -> None:
    """Frozen: a run that goes on must find its songs where they were."""
    corpus = corpus_of([i * i % 23 for i in range(60)])
    assert split(corpus, 3).test.tolist() == [9, 14, 32, 37, 55]
    assert split(corpus, 3).validation.tolist() == [7, 16, 30, 39, 53]


def test_remarks_on_written_music_ask_for_no_performance() -> None:
    crooked = Song("t", note_array([(0, 1, 60)]), counts=Counts(off_grid=0.2))
    manifest = Manifest("tunes", "t", {}, (), (), {})
    for name in ("tunes", "openscore"):
        (line,) = Corpus(name, ("a", "b"), (crooked, crooked), np.arange(2), manifest).remarks()
        assert line.startswith("2 of 2 songs have many notes between the steps of the grid") and "beat" not in line
    (line,) = Corpus("folder", ("a", "b"), (crooked, crooked), np.arange(2), manifest).remarks()
    assert line.startswith("2 of 2 songs lie off the grid") and "table of beats" in line
    both = Corpus("mixed", ("pop909/a", "tunes/b"), (crooked, crooked), np.arange(2), manifest).remarks()
    assert [line[:12] for line in both] == ["1 of 2 songs"] * 2


@pytest.mark.slow
def test_no_composer_of_openscore_is_on_two_sides(openscore_folder: Path) -> None:
    corpus = load_corpus("openscore", openscore_folder)
    assert len(corpus) == 1427 and corpus.manifest.skipped == ()
    composers = np.array([openscore.composer(id_) for id_ in corpus.ids])
    for part in split(corpus):
        others = np.setdiff1d(np.arange(len(corpus)), part)
        assert not set(composers[part]) & set(composers[others]), "composers are held out whole"
    assert 120 <= len(np.unique(corpus.groups)) <= len(np.unique(composers)) and np.bincount(corpus.groups).max() < 200


@pytest.mark.slow
def test_a_mixed_corpus_joins_what_its_sources_join(pop909_folder: Path) -> None:
    music21_folder()
    mixed, alone = load_corpus("mixed", pop909_folder.parents[1]), load_corpus("tunes")
    group = dict(zip(mixed.ids, mixed.groups.tolist(), strict=True))
    first: dict[int, int] = {}
    for id_, number in zip(alone.ids, alone.groups.tolist(), strict=True):
        assert group[f"tunes/{id_}"] == first.setdefault(number, group[f"tunes/{id_}"])

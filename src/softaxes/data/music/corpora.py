"""What is there to learn from, and how is it dealt into training, validation and test?

`load_corpus` reads music by name: "tunes" (fiddle tunes, offline), "pop909" (a folder, or fetched), "folder" (MIDI).
Songs that are the same music, versions or near-duplicates under another name or in another key, share a *group*, and
`split` never parts a group. Everything that went in or was skipped is in the manifest.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from softaxes.data.music import cache, pop909, tunes
from softaxes.data.music.duplicates import group_together, near_duplicates
from softaxes.data.music.folders import Read, check_folder, iter_songs
from softaxes.data.music.manifest import OFF_GRID, FileRecord, Manifest, Setting, Skipped, reading_remarks
from softaxes.data.music.midi import Limits
from softaxes.data.music.read import Reading
from softaxes.data.music.rolls import Texture, song_roll
from softaxes.data.music.song import Song

CorpusName = Literal["tunes", "pop909", "folder"]


@dataclass(frozen=True, eq=False)
class Corpus:
    """Songs with their ids, sorted by id; ``groups`` (n,) numbers those that must stay on one side of a split."""

    name: str
    ids: tuple[str, ...]
    songs: tuple[Song, ...]
    groups: Int[np.ndarray, " n"]
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.songs)

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {len(self)} songs in {len(np.unique(self.groups))} groups)"

    def remarks(self) -> list[str]:
        """What should be said of the songs as they were read; see `softaxes.data.music.manifest.reading_remarks`."""
        counts = self.manifest.counts
        columns = ("songs", "songs off the grid", "songs with unfit beats")
        return reading_remarks(*(int(counts[name]) for name in columns))

    def select(self, which: ArrayLike) -> Corpus:
        """The corpus of the songs at ``which`` indices only, in that order; the manifest stays the whole one's."""
        chosen = np.asarray(which, dtype=np.int64).tolist()
        ids, songs = [self.ids[i] for i in chosen], [self.songs[i] for i in chosen]
        return Corpus(self.name, tuple(ids), tuple(songs), self.groups[chosen], self.manifest)

    def roll(self, index: int, texture: Texture = "melody") -> Int[np.ndarray, "2 128 steps"]:
        """The piano roll of one song; see `softaxes.data.music.rolls`."""
        return song_roll(self.songs[index], texture)


class Split(NamedTuple):
    """Sorted song indices of the three parts of a corpus."""

    train: Int[np.ndarray, " a"]
    validation: Int[np.ndarray, " b"]
    test: Int[np.ndarray, " c"]


def load_corpus(
    name: CorpusName | str,
    folder: str | os.PathLike[str] | None = None,
    *,
    steps_per_beat: int = 4,
    reading: Reading | None = None,
    limits: Limits | None = None,
    processes: int = 1,
    group_duplicates: bool = True,
) -> Corpus:
    """Read a corpus.

    Args:
        name: "tunes", "pop909" or "folder".
        folder: where it is; needed for "folder", not allowed for "tunes"; "pop909" is fetched without one.
        steps_per_beat: the grid, 4 is sixteenths.
        reading: how MIDI files are laid on the grid, where the rule of `softaxes.data.music.read` is not to be taken.
        limits: refuse larger files.
        processes: processes that read a "folder".
        group_duplicates: find near-duplicates (else only versions of one song share a group).

    Raises:
        ValueError: unknown name, no such folder, nothing readable in it, or a missing package; one line.
    """
    limits = limits or Limits()
    settings: dict[str, Setting] = {"steps_per_beat": steps_per_beat, **vars(limits)}
    if reading not in (None, Reading()):
        settings |= vars(reading)
    if name == "tunes":
        if folder is not None:
            raise ValueError("corpus 'tunes' comes with the music21 package and takes no `folder`")
        if reading not in (None, Reading()):
            raise ValueError("corpus 'tunes' is written, not played: it takes no `grid` and no `time_signature`")
        return _load_tunes(steps_per_beat, limits, settings, group_duplicates)
    if name == "pop909":
        root = pop909.song_folder(folder) if folder is not None else pop909.fetch_pop909()
        source = f"music-x-lab/POP909-Dataset at {pop909.COMMIT}" if folder is None else root.name
        read = pop909.iter_pop909(root, steps_per_beat, limits, reading)
        return _collect(name, source, settings, read, group_duplicates)
    if name == "folder":
        root = check_folder(folder, name)
        read = iter_songs(root, steps_per_beat, reading=reading, limits=limits, processes=processes)
        return _collect(name, root.name, settings, read, group_duplicates)
    raise ValueError(f"`name` of a corpus must be 'tunes', 'pop909' or 'folder', got {name!r}")


def split(corpus: Corpus, seed: int = 0, fractions: Sequence[float] = (0.8, 0.1, 0.1)) -> Split:
    """Deal songs into train, validation and test by whole groups; the same corpus and seed give the same split.

    Groups are shuffled, then dealt from the largest to the smallest, each to the part that lacks most songs; so big
    families train, and every part that was asked for gets a song if there are groups enough.

    Raises:
        ValueError: fractions that are not three numbers >= 0 with sum 1.
    """
    if len(fractions) != 3 or not min(fractions) >= 0 or not abs(sum(fractions) - 1) < 1e-6:
        raise ValueError(f"`fractions` must be three numbers >= 0 with sum 1, got {tuple(fractions)}")
    numbers, size = np.unique(corpus.groups, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    order = shuffled[np.argsort(-size[shuffled], kind="stable")]
    lacking = np.array(fractions) * len(corpus)
    wanted = [part for part in np.argsort(fractions, kind="stable").tolist() if fractions[part] > 0]
    part_of = np.zeros(len(numbers), dtype=np.int64)
    for position, group in enumerate(order.tolist()):
        still_empty = [part for part in wanted if part not in part_of[order[:position]]]
        must_fill = len(order) - position <= len(still_empty)
        part = still_empty[-1] if must_fill and still_empty else int(lacking.argmax())
        part_of[group] = part
        lacking[part] -= size[group]
    part_of_song = part_of[np.searchsorted(numbers, corpus.groups)]
    return Split(*(np.flatnonzero(part_of_song == part) for part in range(3)))


def _collect(
    name: str, source: str, settings: dict[str, Setting], read: Iterable[Read | Skipped], group_duplicates: bool
) -> Corpus:
    """Run through what a reader yields, and make the corpus of it."""
    names: list[str] = []
    songs: list[Song] = []
    files: list[FileRecord] = []
    skipped: list[Skipped] = []
    for item in read:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            names.append(item[0])
            songs.append(item[1])
            files.append(item[2])
    if not songs:
        why = f"; {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise ValueError(f"corpus {name!r} has no readable songs in {source} ({len(skipped)} files skipped{why})")
    ids = [PurePosixPath(song).with_suffix("").as_posix() for song in names]
    if name == "pop909":
        ids = [PurePosixPath(song).parent.as_posix() for song in names]
    return _corpus(name, source, settings, ids, songs, files, skipped, version_pairs(names), group_duplicates)


def version_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of files that are versions of one song: all in a folder ``versions`` and in the folder above it."""
    homes = [name.split("/versions/")[0] if "/versions/" in name else str(PurePosixPath(name).parent) for name in names]
    has_versions = {home for home, name in zip(homes, names, strict=True) if "/versions/" in name}
    first: dict[str, int] = {}
    return [(first.setdefault(home, i), i) for i, home in enumerate(homes) if home in has_versions]


def _load_tunes(steps_per_beat: int, limits: Limits, settings: dict[str, Setting], group_duplicates: bool) -> Corpus:
    folder = tunes.tunes_folder()
    path = cache.cache_folder() / tunes.cache_name(folder, steps_per_beat, limits)
    stored = cache.load_songs(path)
    if stored is None:
        read = tunes.read_tunes(folder, steps_per_beat, limits)
        corpus = _corpus("tunes", "music21 corpus", settings, *read, pairs=[], group_duplicates=True)
        cache.save_songs(path, corpus.ids, corpus.songs, corpus.groups, corpus.manifest)
    else:
        corpus = Corpus("tunes", *stored)
    return corpus if group_duplicates else dataclasses.replace(corpus, groups=np.arange(len(corpus)))


def _corpus(
    name: str,
    source: str,
    settings: dict[str, Setting],
    ids: Sequence[str],
    songs: Sequence[Song],
    files: Sequence[FileRecord],
    skipped: Sequence[Skipped],
    pairs: Sequence[tuple[int, int]],
    group_duplicates: bool,
) -> Corpus:
    order = sorted(range(len(ids)), key=lambda index: ids[index])
    alike = [(a, b) for a, b, _ in near_duplicates(songs)] if group_duplicates else []
    groups = group_together(len(songs), [*pairs, *alike])[order]
    counts = {
        "songs": len(songs),
        "notes": sum(len(song.notes) for song in songs),
        "groups": len(np.unique(groups)),
        "files": len(files),
        "skipped": len(skipped),
        "notes merged": sum(song.counts.merged for song in songs),
        "notes cut": sum(song.counts.cut for song in songs),
        "notes lengthened": sum(song.counts.lengthened for song in songs),
        "songs off the grid": sum(song.counts.off_grid > OFF_GRID for song in songs),
        "songs with unfit beats": sum(song.counts.unfit_beats for song in songs),
    }
    manifest = Manifest(name, source, settings, tuple(files), tuple(skipped), counts)
    return Corpus(name, tuple(ids[i] for i in order), tuple(songs[i] for i in order), groups, manifest)

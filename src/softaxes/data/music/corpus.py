"""What is a corpus? Songs with ids, the record of what they were made from, and groups of songs that belong together.

Songs that are the same music, versions or near-duplicates under another name or in another key, share a *group*, and no
split parts a group. Where groups are large, of composers and between the sources of a mixed corpus, similarity must be
greater to join them: one pair that is similar by chance would join all that two people wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike, NDArray

from softaxes.data.music.duplicates import group_together, near_duplicates
from softaxes.data.music.manifest import OFF_GRID, FileRecord, Manifest, Setting, Skipped, reading_remarks
from softaxes.data.music.song import Song

SIMILARITY, SIMILARITY_OF_FAMILIES = 0.2, 0.3  # 0..1, see `near_duplicates`
WRITTEN = ("openscore", "tunes")  # sources that no performance has moved off the grid


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

    @property
    def sources(self) -> NDArray[np.str_]:
        """Where each song came from, (n,): the corpus' name, or in a mixed one what stands before the id's first /."""
        mixed = self.name == "mixed"
        return np.array([id_.split("/")[0] if mixed else self.name for id_ in self.ids], dtype=np.str_)

    def remarks(self) -> list[str]:
        """What should be said of the songs as they were read; see `softaxes.data.music.manifest.reading_remarks`."""
        off_grid = np.array([song.counts.off_grid > OFF_GRID for song in self.songs], dtype=bool)
        written = np.isin(self.sources, WRITTEN)
        unfit = sum(song.counts.unfit_beats for song in self.songs)
        return reading_remarks(len(self), int((off_grid & ~written).sum()), unfit, int((off_grid & written).sum()))

    def select(self, which: ArrayLike) -> Corpus:
        """The corpus of the songs at ``which`` indices only, in that order; the manifest stays the whole one's."""
        chosen = np.asarray(which, dtype=np.int64).tolist()
        ids, songs = [self.ids[i] for i in chosen], [self.songs[i] for i in chosen]
        return Corpus(self.name, tuple(ids), tuple(songs), self.groups[chosen], self.manifest)


def make_corpus(
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
    """The corpus of songs in any order; ``pairs`` of them belong together, and near-duplicates if asked for."""
    order = sorted(range(len(ids)), key=lambda index: ids[index])
    least = SIMILARITY_OF_FAMILIES if name in ("openscore", "mixed") else SIMILARITY
    similar = [(a, b) for a, b, _ in near_duplicates(songs, least)] if group_duplicates else []
    groups = group_together(len(songs), [*pairs, *similar])[order]
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


def version_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of files that are versions of one song: all in a folder ``versions`` and in the folder above it."""
    homes = [name.split("/versions/")[0] if "/versions/" in name else str(PurePosixPath(name).parent) for name in names]
    has_versions = {home for home, name in zip(homes, names, strict=True) if "/versions/" in name}
    return equal_pairs([home if home in has_versions else None for home in homes])


def equal_pairs(keys: Sequence[str | int | None]) -> list[tuple[int, int]]:
    """Pairs (first, i) of the places that hold one key; None is like nothing."""
    first: dict[str | int, int] = {}
    return [(first.setdefault(key, i), i) for i, key in enumerate(keys) if key is not None]

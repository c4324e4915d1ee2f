"""What is there to learn from? `load_corpus` reads music by name.

"tunes" (fiddle tunes, offline), "pop909" (a folder, or fetched), "openscore" (art songs and quartets), "folder" (MIDI),
and "mixed": the first three as far as they are there. Everything that went in or was skipped is in the manifest.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal, get_args

import numpy as np

from softaxes.data.music import cache, openscore, pop909, tunes
from softaxes.data.music.corpus import Corpus, equal_pairs, make_corpus, version_pairs
from softaxes.data.music.folders import Read, check_folder, find_files, read_files
from softaxes.data.music.manifest import FileRecord, Setting, Skipped
from softaxes.data.music.midi import Limits
from softaxes.data.music.read import Reading
from softaxes.data.music.song import Song

CorpusName = Literal["tunes", "pop909", "openscore", "folder", "mixed"]
SOURCES = ("openscore", "pop909", "tunes")  # of a mixed corpus


def load_corpus(
    name: CorpusName | str,
    folder: str | os.PathLike[str] | None = None,
    *,
    steps_per_beat: int = 4,
    reading: Reading | None = None,
    limits: Limits | None = None,
    group_duplicates: bool = True,
) -> Corpus:
    """Read a corpus.

    Args:
        name: "tunes", "pop909", "openscore", "folder" or "mixed".
        folder: where it is; not allowed for "tunes"; "pop909" is fetched without one; for "mixed" a folder that holds
            pop909/ or openscore/ or both, to which the tunes are added if music21 is installed.
        steps_per_beat: the grid, 4 is sixteenths.
        reading: how MIDI files are laid on the grid, where the rule of `softaxes.data.music.read` is not to be taken.
        limits: refuse larger files.
        group_duplicates: find near-duplicates (else only versions of one song, or the works of one composer, share a
            group).

    Raises:
        ValueError: unknown name, no such folder, nothing readable in it, or a missing package; one line.
    """
    limits = limits or Limits()
    settings: dict[str, Setting] = {"steps_per_beat": steps_per_beat, **vars(limits)}
    if reading not in (None, Reading()):
        settings |= vars(reading)
        if name in ("tunes", "mixed"):
            raise ValueError(f"corpus {name!r} takes no `grid` and no `time_signature`: tunes are written, not played")
    if name == "mixed":
        return _load_mixed(folder, steps_per_beat, limits, settings, group_duplicates)
    if name == "tunes":
        if folder is not None:
            raise ValueError("corpus 'tunes' comes with the music21 package and takes no `folder`")
        return _load_tunes(steps_per_beat, limits, settings, group_duplicates)
    if name == "pop909":
        root = pop909.song_folder(folder) if folder is not None else pop909.fetch_pop909()
        source = f"music-x-lab/POP909-Dataset at {pop909.COMMIT}" if folder is None else root.name
        files = pop909.song_files(root)
    elif name == "openscore":
        root = openscore.openscore_folder(folder)
        source, files = root.name, openscore.score_files(root)
    elif name == "folder":
        root = check_folder(folder, name)
        source, files = root.name, find_files(root)
    else:
        raise ValueError(f"`name` of a corpus must be one of {', '.join(get_args(CorpusName))}, got {name!r}")
    return _collect(name, source, settings, read_files(root, files, steps_per_beat, reading, limits), group_duplicates)


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
    pairs = version_pairs(names)
    if name == "pop909":
        ids = [PurePosixPath(song).parent.as_posix() for song in names]
    if name == "openscore":
        pairs = equal_pairs([openscore.composer(song) for song in names])
    return make_corpus(name, source, settings, ids, songs, files, skipped, pairs, group_duplicates)


def _load_mixed(
    folder: str | os.PathLike[str] | None,
    steps_per_beat: int,
    limits: Limits,
    settings: dict[str, Setting],
    group_duplicates: bool,
) -> Corpus:
    """The sources that are there as one corpus; ids and file names say which, and those that lack are skipped.

    What a source has joined stays joined; songs of two sources are joined as those of two composers are.
    """
    root = check_folder(folder, "mixed")
    if not any((root / name).is_dir() for name in SOURCES):
        raise ValueError(f"{root}: holds neither a folder pop909 nor a folder openscore")
    parts, skipped = [], []
    for name in SOURCES:
        try:
            place = None if name == "tunes" else root / name
            loaded = load_corpus(
                name, place, steps_per_beat=steps_per_beat, limits=limits, group_duplicates=group_duplicates
            )
            parts.append(loaded)
        except ValueError as error:
            skipped.append(Skipped(name, str(error).replace(f"{root}{os.sep}", "")))
    if not parts:
        raise ValueError(f"corpus 'mixed' has no readable source in {root.name} ({skipped[0].reason})")
    records = [row._replace(name=f"{part.name}/{row.name}") for part in parts for row in part.manifest.files]
    skipped += [row._replace(name=f"{part.name}/{row.name}") for part in parts for row in part.manifest.skipped]
    return make_corpus(
        "mixed",
        " + ".join(part.name for part in parts),
        settings,
        [f"{part.name}/{id_}" for part in parts for id_ in part.ids],
        [song for part in parts for song in part.songs],
        records,
        skipped,
        equal_pairs([f"{part.name} {group}" for part in parts for group in part.groups.tolist()]),
        group_duplicates,
    )


def _load_tunes(steps_per_beat: int, limits: Limits, settings: dict[str, Setting], group_duplicates: bool) -> Corpus:
    folder = tunes.tunes_folder()
    path = cache.cache_folder() / tunes.cache_name(folder, steps_per_beat, limits)
    stored = cache.load_songs(path)
    if stored is None:
        read = tunes.read_tunes(folder, steps_per_beat, limits)
        corpus = make_corpus("tunes", "music21 corpus", settings, *read, pairs=[], group_duplicates=True)
        cache.save_songs(path, corpus.ids, corpus.songs, corpus.groups, corpus.manifest)
    else:
        corpus = Corpus("tunes", *stored)
    return corpus if group_duplicates else dataclasses.replace(corpus, groups=np.arange(len(corpus)))

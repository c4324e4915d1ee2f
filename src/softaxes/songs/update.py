"""How does a folder of codes stay what its songs are? Only those that are new or changed are read and encoded.

A file is known by its size and time, then by its content. Songs of files that are gone are deleted. Work is committed
now and then: an update that is stopped goes on from there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from softaxes.data.files import LOCK_FILE, PARTIAL, one_writer, printable
from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.manifest import OFF_GRID, content_key, file_stamp
from softaxes.data.music.song import Song
from softaxes.songs.coded import (
    Arrays,
    CodedFolder,
    CodedSong,
    Manifest,
    Refused,
    Segment,
    read_manifest,
    remove_strays,
    write_manifest,
    write_segment,
)
from softaxes.training.progress import Advance

MERGE_SEGMENTS, MERGE_DELETED = 16, 0.3  # more segments, or a larger share of deleted songs: merge them all


@dataclass(frozen=True)
class Coded:
    """A song that was read and encoded."""

    song: Song
    arrays: Arrays
    about: Mapping[str, int] = dataclasses.field(default_factory=dict)


Code = Callable[[list[str]], Iterable[tuple[str, Coded | str]]]  # of each named file its codes, or why there are none


class Updated(NamedTuple):
    """What an update did: how many songs there are, and how many files were new, changed and gone."""

    songs: int
    new: int
    changed: int
    removed: int
    refused: tuple[Refused, ...]


class Writer:
    """The one process that writes a coded folder (`softaxes.data.files.one_writer`); holds its manifest as it grows.

    Raises:
        ValueError: the folder holds other things, or codes of other settings; the message names them.
    """

    def __init__(self, where: Path, settings: Mapping[str, Any], kind: type[CodedFolder[Any]]) -> None:
        self.where, self.kind = where, kind
        self.manifest = _own_manifest(where, json.loads(json.dumps(settings, default=str)), kind.what)
        remove_strays(where, self.manifest)
        self.known = {song.file: song for song in self.manifest.songs()}
        self.refused = {record.file: record for record in self.manifest.refused}
        self.pending: list[tuple[CodedSong, Arrays]] = []

    def is_fresh(self, file: str, stamp: tuple[int, int], content: Callable[[], str]) -> bool:
        """Whether what is kept of a file still holds: its stamp is the same, or else its content."""
        known = self.known.get(file)
        seen = known or self.refused.get(file)
        if seen and (seen.bytes, seen.mtime_ns) == stamp:
            return True
        if known is None or not known.sha256 or content() != known.sha256:
            return False
        at, place = self.manifest.alive()[file]
        self.known[file] = dataclasses.replace(known, bytes=stamp[0], mtime_ns=stamp[1])
        self._replace_songs(at, {place: self.known[file]})
        return True

    def add(self, file: str, stamp: tuple[int, int], sha256: str, coded: Coded) -> None:
        """Take in a song; it counts from the next `commit` on."""
        song = coded.song
        marks = song.counts.off_grid > OFF_GRID, song.counts.unfit_beats
        self.refused.pop(file, None)
        self.pending.append((CodedSong(file, *stamp, sha256, song.meters, *marks, coded.about, {}), coded.arrays))

    def refuse(self, file: str, stamp: tuple[int, int], reason: str) -> None:
        """Keep why a file has no codes."""
        self.refused[file] = Refused(file, *stamp, reason)
        self.forget({file})

    def forget(self, files: Iterable[str]) -> None:
        """Let the rows of these files count no more."""
        gone = set(files) & self.known.keys()
        for at, segment in enumerate(self.manifest.segments):
            dead = {k: dataclasses.replace(s, alive=False) for k, s in enumerate(segment.songs) if s.file in gone}
            self._replace_songs(at, dead)
        self.known = {file: song for file, song in self.known.items() if file not in gone}

    def commit(self, *, complete: bool = False) -> None:
        """Write what is pending as a segment, and the manifest that names it instead of older rows."""
        if self.pending:
            segment = write_segment(self.where, self.pending)
            self.forget({song.file for song in segment.songs})
            self.known |= {song.file: song for song in segment.songs}
            self.manifest = dataclasses.replace(self.manifest, segments=(*self.manifest.segments, segment))
        refused = tuple(record for _, record in sorted(self.refused.items()))
        self.manifest = dataclasses.replace(self.manifest, refused=refused, complete=complete)
        write_manifest(self.where, self.manifest)
        self.pending = []
        if complete:
            self._merge_if_many()

    def _replace_songs(self, at: int, songs: Mapping[int, CodedSong]) -> None:
        if songs:
            segments = list(self.manifest.segments)
            mine = tuple(songs.get(place, song) for place, song in enumerate(segments[at].songs))
            segments[at] = dataclasses.replace(segments[at], songs=mine)
            self.manifest = dataclasses.replace(self.manifest, segments=tuple(segments))

    def _merge_if_many(self) -> None:
        songs = [song for segment in self.manifest.segments for song in segment.songs]
        deleted = sum(not song.alive for song in songs)
        if len(self.manifest.segments) > MERGE_SEGMENTS or deleted > MERGE_DELETED * max(1, len(songs)):
            self.manifest = merge_segments(self.where, self.manifest)


def merge_segments(where: Path, manifest: Manifest) -> Manifest:
    """All living rows in one segment; returns the new manifest, which is written. Only the writer may call this."""
    folder: CodedFolder[Segment] = CodedFolder.open(where)
    songs = [
        (segment.record.songs[place], {name: segment.of_song(place, name) for name in segment.arrays})
        for segment in folder.segments
        for place in range(len(segment.record.songs))
        if segment.record.songs[place].alive
    ]
    manifest = dataclasses.replace(manifest, segments=(write_segment(where, songs),) if songs else ())
    write_manifest(where, manifest)
    remove_strays(where, manifest)
    return manifest


def update_folder(
    folder: str | os.PathLike[str],
    where: Path,
    settings: Mapping[str, Any],
    code: Code,
    *,
    kind: type[CodedFolder[Any]],
    is_full: Callable[[list[tuple[CodedSong, Arrays]]], bool],
    progress: Callable[[int], AbstractContextManager[Advance]],
) -> Updated:
    """Bring the codes in ``where`` up to the MIDI files below ``folder``; makes them if there are none.

    Args:
        settings: what the codes depend on beside the files; JSON.
        code: the files that are new or changed -> their codes, in any order, or why there are none.
        kind: what the folder is, for messages.
        is_full: whether so many songs are to be committed.
        progress: a bar over so many files, such as `softaxes.training.progress.progress_bar`.

    Raises:
        ValueError: no such folder, or ``where`` holds other things or codes of other settings.
        BlockingIOError: another process is writing there.
        Interrupted: ctrl-C; what was encoded is kept.
    """
    from softaxes.training.interrupt import Interrupted

    root = check_folder(folder, "folder")
    if where.exists() and not where.is_dir():
        raise ValueError(f"{where} is a file, not the folder of {kind.what}")
    with one_writer(where):
        writer = Writer(where, settings, kind)
        stamps = {name: file_stamp(root / name) for name in find_files(root)}
        before = dict(writer.known)
        writer.forget(before.keys() - stamps.keys())
        writer.refused = {file: record for file, record in writer.refused.items() if file in stamps}
        fresh = {n for n, s in stamps.items() if writer.is_fresh(n, s, lambda n=n: content_key(root / n))}  # type: ignore[misc]
        contents = {
            name: content_key(root / name) for name in stamps if name not in fresh
        }  # as it is before it is read
        new, done = list[str](), len(fresh)
        try:
            with progress(len(stamps)) as advance:
                advance(done)
                for name, found in code(list(contents)):
                    advance(1, printable(name))
                    if isinstance(found, Coded):
                        writer.add(name, stamps[name], contents[name], found)
                        new.append(name)
                    else:
                        writer.refuse(name, stamps[name], found)
                    done += 1
                    if is_full(writer.pending):
                        writer.commit()
        except KeyboardInterrupt:
            writer.commit()
            stopped = f"stopped after {done} of {len(stamps)} files; the same command goes on from there"
            raise Interrupted(stopped) from None
        writer.commit(complete=True)
    manifest, changed = writer.manifest, sum(name in before for name in new)
    removed = len(before.keys() - stamps.keys())
    return Updated(len(manifest.alive()), len(new) - changed, changed, removed, manifest.refused)


def one_line(error: Exception, root: Path, name: str) -> str:
    """Why a file was refused, without the folders above it."""
    return " ".join(str(error).split()).removeprefix(f"{root / name}: ").replace(f"{root}{os.sep}", "")


def _own_manifest(where: Path, settings: Mapping[str, Any], what: str) -> Manifest:
    """What is in the folder, if it was made with these settings; a new manifest, written, if it is empty."""
    manifest = read_manifest(where)
    if manifest is None:
        if any(not file.name.endswith(PARTIAL) and file.name != LOCK_FILE for file in where.iterdir()):
            raise ValueError(f"{where} is not empty and holds no {what}; choose another folder")
        manifest = Manifest(secrets.token_hex(8), settings)
        write_manifest(where, manifest)
    names = manifest.settings.keys() | settings.keys()
    differ = sorted(name for name in names if manifest.settings.get(name) != settings.get(name))
    if differ:
        raise ValueError(f"{where} ({what}) was made with other settings ({', '.join(differ)}); choose another folder")
    return manifest

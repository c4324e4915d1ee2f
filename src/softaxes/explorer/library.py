"""Which songs can be opened? Those of one folder, or of the tunes that come with music21, and those just dropped.

Every song has an id that the address bar can hold: ``folder:PATH``, ``tunes:BOOK/FILE#NUMBER`` or ``dropped:DIGEST``.
Only names that were listed are ever opened, and a listed file must, with links resolved, lie in the folder. Dropped
songs live in memory until the server ends; their id is a digest of the file, so that a page can give a restarted server
the same file again and go on.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from softaxes.data.music.beats import BEATS_FILE, Beats, beats_beside
from softaxes.data.music.corpus import Corpus
from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.manifest import content_key, file_stamp
from softaxes.data.music.midi import read_bytes
from softaxes.data.music.song import Song
from softaxes.explorer.reader import LIMITS, Reader

DROPPED_SONGS = 200  # the oldest is forgotten first
OPEN_SONGS = 64  # read songs of the folder that are kept in memory
FINER_STEPS = 24  # a beat, for motifs: softaxes.songs.motifs.STEPS_PER_BEAT, for which this module need not wait
FINER_LIMITS = replace(LIMITS, steps=FINER_STEPS * LIMITS.steps)


class Entry(NamedTuple):
    """A song that can be opened."""

    id: str
    name: str


class NoSuchSong(ValueError):
    """An id that names no song here."""


class Library:
    """The songs of ``folder`` if one is given, else of ``corpus``, else none; and what is dropped.

    Raises:
        ValueError: ``folder`` is none.
    """

    def __init__(self, steps_per_beat: int, *, folder: Path | None = None, corpus: Corpus | None = None) -> None:
        self.steps_per_beat, self.reader = steps_per_beat, Reader()
        self.folder = None if folder is None else check_folder(folder, "folder").resolve()
        found = [] if self.folder is None else find_files(self.folder)
        self._files = {web_name(name): name for name in found}
        self.names = [name for name in self._files if self._inside(name)]
        songs: Sequence[tuple[str, Song]] = [] if corpus is None else list(zip(corpus.ids, corpus.songs, strict=True))
        self.tunes = {f"tunes:{id}": song for id, song in songs} if folder is None else {}
        self.dropped: OrderedDict[str, Song] = OrderedDict()
        self._finer: OrderedDict[str, Song] = OrderedDict()  # the same files on the finer grid
        self._read: OrderedDict[str, Song] = OrderedDict()
        self._lock = threading.Lock()

    def entries(self) -> list[Entry]:
        """Every song, dropped ones first."""
        dropped = [Entry(id, song.name) for id, song in reversed(self.dropped.items())]
        listed = [Entry(f"folder:{name}", PurePosixPath(name).with_suffix("").as_posix()) for name in self.names]
        return dropped + listed + [Entry(id, title(song, id)) for id, song in self.tunes.items()]

    def in_memory(self, id: str) -> Song | None:
        """The song if it was read before; costs nothing, touches no file."""
        with self._lock:
            return self._read.get(id.removeprefix("folder:")) if id.startswith("folder:") else self.dropped.get(id)

    def open(self, id: str) -> Song:
        """The song; NoSuchSong, or another ValueError if its file cannot be read any more."""
        source, _, name = id.partition(":")
        if source == "dropped" and id in self.dropped:
            return self.dropped[id]
        if id in self.tunes:
            return self.tunes[id]
        if source == "folder" and name in self.names:
            return self._open_file(name)
        forgotten = "the server no longer has this file: drop it again" if source == "dropped" else "no such song"
        raise NoSuchSong(forgotten)

    def finer(self, id: str) -> Song:
        """The song as ``softaxes motifs find`` reads its file; a tune, having none, as it is. Errors of `open`."""
        if id in self._finer:
            return self._finer[id]
        song, (source, _, name) = self.open(id), id.partition(":")
        return self._read_finer(self._bytes(name), song.name, self._beats(name)) if source == "folder" else song

    def drop(self, data: bytes, name: str) -> Entry:
        """Take in a file from the page; ValueError in one line if it is no song."""
        id = f"dropped:{hashlib.sha256(data).hexdigest()[:20]}"
        if id not in self.dropped:
            song, finer = self.reader.read(data, clean_name(name), self.steps_per_beat), self._read_finer(data, name)
            with self._lock:
                for songs, made in ((self.dropped, song), (self._finer, finer)):
                    songs[id] = made
                    while len(songs) > DROPPED_SONGS:
                        songs.popitem(last=False)
        return Entry(id, self.dropped[id].name)

    def stamp(self, id: str) -> tuple[int, int]:
        """Size and time of the song's file (`file_stamp`); of a tune two numbers that change with its notes."""
        if id in self.tunes:
            return len(self.tunes[id].notes), int(self.content(id)[:12], 16)
        return file_stamp(self._path(id.removeprefix("folder:")))

    def content(self, id: str) -> str:
        """SHA-256 of the song's file (`content_key`), or of a tune's notes and bars."""
        if id in self.tunes:
            song = self.tunes[id]
            return hashlib.sha256(song.notes.tobytes() + repr(song.meters).encode()).hexdigest()
        return content_key(self._path(id.removeprefix("folder:")))

    def close(self) -> None:
        """Forget what was dropped and end the reading process."""
        self.dropped.clear()
        self._finer.clear()
        self.reader.close()

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / self._files.get(name, name)

    def _inside(self, name: str) -> bool:
        """Whether the file, links resolved, lies in the folder."""
        assert self.folder is not None
        path = self._path(name).resolve()
        return path.is_relative_to(self.folder) and path.is_file()

    def _bytes(self, name: str) -> bytes:
        assert self.folder is not None
        if not self._inside(name):
            raise NoSuchSong("this file is no longer in the folder")
        try:
            return read_bytes(self._path(name).resolve(), LIMITS.bytes)
        except ValueError as error:
            raise ValueError(str(error).rpartition(": ")[2]) from None

    def _beats(self, name: str) -> Beats | None:
        """The table of beats beside a file, if it lies in the folder too; ValueError in one line if it is none."""
        assert self.folder is not None
        path = self._path(name)
        if not (path.parent / BEATS_FILE).resolve().is_relative_to(self.folder):
            return None
        try:
            return beats_beside(path)
        except ValueError:
            raise ValueError(f"the {BEATS_FILE} beside it is no table of beats") from None

    def _read_finer(self, data: bytes, name: str, beats: Beats | None = None) -> Song:
        return self.reader.read(data, clean_name(name), FINER_STEPS, FINER_LIMITS, beats)

    def _open_file(self, name: str) -> Song:
        with self._lock:
            if name in self._read:
                return self._read[name]
        song = self.reader.read(self._bytes(name), clean_name(name), self.steps_per_beat, beats=self._beats(name))
        with self._lock:
            song = self._read.setdefault(name, song)  # one song, if two asked for it at once
            while len(self._read) > OPEN_SONGS:
                self._read.popitem(last=False)
        return song


def web_name(name: str) -> str:
    """A file's name as a page can hold it: as it is, or with its bytes spelled out where they are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return quote_from_bytes(os.fsencode(name), safe="/ ")
    return name


def title(song: Song, id: str) -> str:
    """A tune's own name, with the place it has in its book."""
    book, _, number = id.rpartition("#")
    place = id if not book else f"{PurePosixPath(book).name} {number}"
    return f"{song.name} ({place.removeprefix('tunes:')})" if song.name else place


def clean_name(name: str) -> str:
    """The last part of a file name without its ending, printable, at most 80 characters; "untitled" if none is left."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return "".join(c for c in stem if c.isprintable())[:80].strip() or "untitled"

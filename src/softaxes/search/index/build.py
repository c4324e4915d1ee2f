"""How does a folder of MIDI files become an index, and stay one?

Only files that are new or changed (size or time, then content) are read and encoded; songs of files that are gone are
deleted. Work is committed every few songs: an interrupted build goes on from there. Clips that occur more than once
in a batch of songs (refrains) are encoded once. Where ``beat_midi.txt`` lies beside a file (POP909), the grid is laid
through its beats.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from softaxes.data.files import one_writer, printable
from softaxes.data.music.folders import check_folder, find_files
from softaxes.data.music.manifest import OFF_GRID, content_key, stamp
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.rolls import texture_notes
from softaxes.model.model import Model
from softaxes.search.codes import content_codes, coordinates
from softaxes.search.index.store import (
    Index,
    IndexedSong,
    Manifest,
    Refused,
    Segment,
    SegmentRecord,
    Settings,
    read_manifest,
    remove_strays,
    table_type,
    write_manifest,
    write_segment,
)
from softaxes.search.index.windows import clip_lengths, clip_rolls, clip_starts
from softaxes.training.progress import Advance

COMMIT_CLIPS = 20_000  # clips of the longest kind between two commits
MERGE_SEGMENTS, MERGE_DELETED = 16, 0.3  # more segments, or a larger share of deleted songs: merge them all
ENCODE_CLIPS = 2048  # rolls in memory at a time: 17 MB


@dataclass(frozen=True)
class Built:
    """What an update did: files, ``encoded`` clips, and the files ``refused`` with why."""

    songs: int
    new: int
    changed: int
    removed: int
    encoded: int
    refused: tuple[Refused, ...]


def index_settings(model: Model, hop_steps: int | None = None, reading: Reading | None = None) -> Settings:
    """Settings of an index for this model; ``hop_steps`` defaults to a beat, ``reading`` to the reader's rule.

    Raises:
        ValueError: a model that does not take piano rolls, or a hop out of range.
    """
    if len(model.input_shape) != 3 or model.input_shape[:2] != (2, 128):
        raise ValueError(f"motif search needs a model of piano rolls (2, 128, steps), got {model.input_shape}")
    config = model.card.get("config", {})
    beat = int(config.get("steps_per_beat", 4))
    hop = beat if hop_steps is None else hop_steps
    if not 1 <= hop <= model.window_steps:
        raise ValueError(f"`hop_steps` must lie in 1..{model.window_steps} (the model's window), got {hop}")
    return Settings(
        model=model.digest(),
        dim=model.axes_dim,
        kinds=tuple(model.axes),
        window_steps=model.window_steps,
        steps_per_beat=beat,
        texture=str(config.get("texture", "melody")),
        hop_steps=hop,
        lengths=clip_lengths(model.window_steps, hop),
        **vars(reading or Reading()),
    )


def encode_clips(
    model: Model, notes: NDArray[np.void], starts: NDArray[np.int64], length: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes (n, D) and coordinates (n, K) of clips of one song; equal clips are encoded once."""
    codes, places = [np.zeros((0, model.axes_dim), np.float32)], [np.zeros((0, len(model.axes)), np.float32)]
    for at in range(0, len(starts), ENCODE_CLIPS):
        rolls = clip_rolls(notes, starts[at : at + ENCODE_CLIPS], length, model.window_steps)
        keys = np.packbits(rolls.reshape(len(rolls), -1), axis=1)
        _, first, back = np.unique(
            keys.view([("", f"V{keys.shape[1]}")]).ravel() if len(keys) else keys,
            return_index=True,
            return_inverse=True,
        )
        z = model.encode(torch.from_numpy(rolls[first]))
        codes.append(content_codes(model.axes, z)[back])
        places.append(coordinates(model.axes, z)[back])
    return np.concatenate(codes), np.concatenate(places)


def update_index(
    folder: str | os.PathLike[str],
    model: Model,
    where: str | os.PathLike[str],
    *,
    hop_steps: int | None = None,
    reading: Reading | None = None,
    progress: Advance | None = None,
) -> Built:
    """Bring the index in ``where`` up to the MIDI files below ``folder``; makes it if there is none.

    Raises:
        ValueError: no such folder, or an index of other settings or another model there.
        BlockingIOError: another process is writing it.
    """
    root, where, settings = check_folder(folder, "folder"), Path(where), index_settings(model, hop_steps, reading)
    with one_writer(where):
        manifest = read_manifest(where) or Manifest(secrets.token_hex(8), settings)
        if manifest.settings != settings:
            differ = [
                f.name
                for f in dataclasses.fields(settings)
                if getattr(settings, f.name) != getattr(manifest.settings, f.name)
            ]
            raise ValueError(f"the index in {where} was made with another {', '.join(differ)}: name another `index`")
        remove_strays(where, manifest)
        return _Update(root, model, where, manifest, progress or (lambda more=1, beside="", total=None: None)).run()


class _Update:
    """One run of `update_index`; holds the manifest as it grows."""

    def __init__(self, root: Path, model: Model, where: Path, manifest: Manifest, progress: Advance) -> None:
        self.root, self.model, self.where, self.manifest, self.progress = root, model, where, manifest, progress
        self.settings = manifest.settings
        self.pending: list[tuple[IndexedSong, NDArray[np.void]]] = []
        self.parts: dict[int, list[tuple[NDArray[np.float32], NDArray[np.void]]]] = {}
        self.refused = {record.file: record for record in manifest.refused}
        self.clips = self.new = self.changed = self.encoded = 0

    def run(self) -> Built:
        names = find_files(self.root)
        known = {s.file: s for segment in self.manifest.segments for s in segment.songs if s.alive}
        listed = set(names)
        removed = known.keys() - listed
        self.refused = {file: record for file, record in self.refused.items() if file in listed}
        self._delete(removed)
        for name in names:
            self.progress(1, printable(name), len(names))
            self._take(name, known.get(name))
            if self.clips >= COMMIT_CLIPS:
                self._commit()
        self._commit()
        self._merge_if_many()
        songs = len(self.manifest.alive())
        return Built(songs, self.new, self.changed, len(removed), self.encoded, self.manifest.refused)

    def _take(self, name: str, known: IndexedSong | None) -> None:
        """Encode a file if it is new or changed."""
        path = self.root / name
        try:
            size, changed_ns = stamp(path)
        except OSError:
            return  # gone since it was listed: the next update deletes it
        seen = known or self.refused.get(name)
        if seen and (seen.bytes, seen.mtime_ns) == (size, changed_ns):
            return
        try:
            digest = content_key(path)
            if known and known.sha256 == digest:
                self._touched(name, changed_ns)
                return
            song = read_song(path, self.settings.steps_per_beat, reading=self.settings.reading)
            notes = texture_notes(song, self.settings.texture)  # type: ignore[arg-type]
            if len(notes) == 0:
                raise ValueError("no notes of the texture in the file")
        except (ValueError, OSError) as error:
            reason = str(error).replace(f"{path}: ", "").replace(f"{self.root}{os.sep}", "")
            self.refused[name] = Refused(name, size, changed_ns, reason)
            self._delete({name})
            return
        self.refused.pop(name, None)
        self.changed, self.new = self.changed + (known is not None), self.new + (known is None)
        record = IndexedSong(
            file=name,
            bytes=size,
            mtime_ns=changed_ns,
            sha256=digest,
            first_note=0,
            notes=len(notes),
            meters=song.meters,
            off_grid=song.counts.off_grid > OFF_GRID,
            unfit_beats=song.counts.unfit_beats,
        )
        self._encode(record, notes)

    def _encode(self, record: IndexedSong, notes: NDArray[np.void]) -> None:
        place = len(self.pending)
        for length in self.settings.lengths:
            starts = clip_starts(notes, length, self.settings.hop_steps)
            codes, coordinates = encode_clips(self.model, notes, starts, length)
            table = np.zeros(len(starts), table_type(len(self.settings.kinds)))
            table["song"], table["start"], table["coordinates"] = place, starts, coordinates
            self.parts.setdefault(length, []).append((codes, table))
            self.encoded += len(starts)
        self.clips += len(starts)
        self.pending.append((record, notes))

    def _commit(self) -> None:
        """Write what is pending as a segment, and the manifest that names it instead of older rows."""
        if self.pending:
            offsets = np.cumsum([0, *(len(notes) for _, notes in self.pending)]).tolist()
            songs = [
                dataclasses.replace(record, first_note=first)
                for (record, _), first in zip(self.pending, offsets[:-1], strict=True)
            ]
            codes = {length: [c for c, _ in parts] for length, parts in self.parts.items()}
            tables = {length: [t for _, t in parts] for length, parts in self.parts.items()}
            segment = write_segment(self.where, songs, codes, tables, [notes for _, notes in self.pending])
            self._delete({record.file for record, _ in self.pending})
            self.manifest = dataclasses.replace(self.manifest, segments=(*self.manifest.segments, segment))
        self.manifest = dataclasses.replace(
            self.manifest, refused=tuple(sorted(self.refused.values(), key=lambda record: record.file))
        )
        write_manifest(self.where, self.manifest)
        self.pending, self.parts, self.clips = [], {}, 0

    def _delete(self, files: set[str]) -> None:
        """Let the rows of these files count no more."""
        if files:
            segments = [
                dataclasses.replace(
                    segment,
                    songs=tuple(
                        dataclasses.replace(song, alive=song.alive and song.file not in files) for song in segment.songs
                    ),
                )
                for segment in self.manifest.segments
            ]
            self.manifest = dataclasses.replace(self.manifest, segments=tuple(segments))

    def _touched(self, file: str, mtime_ns: int) -> None:
        """A file has a new time and its old content."""
        at, place = self.manifest.alive()[file]
        segments = list(self.manifest.segments)
        songs = list(segments[at].songs)
        songs[place] = dataclasses.replace(songs[place], mtime_ns=mtime_ns)
        segments[at] = dataclasses.replace(segments[at], songs=tuple(songs))
        self.manifest = dataclasses.replace(self.manifest, segments=tuple(segments))

    def _merge_if_many(self) -> None:
        songs = [song for segment in self.manifest.segments for song in segment.songs]
        deleted = sum(not song.alive for song in songs)
        if len(self.manifest.segments) > MERGE_SEGMENTS or deleted > MERGE_DELETED * max(1, len(songs)):
            self.manifest = merge_segments(self.where, self.manifest)


def merge_segments(where: Path, manifest: Manifest) -> Manifest:
    """All living rows in one segment; returns the new manifest, which is written. Only the writer may call this."""
    index = Index.open(where)
    songs: list[IndexedSong] = []
    notes: list[NDArray[np.void]] = []
    codes: dict[int, list[Any]] = {length: [] for length in manifest.settings.lengths}
    tables: dict[int, list[Any]] = {length: [] for length in manifest.settings.lengths}
    first = 0
    for segment in index.segments:
        kept = [place for place, song in enumerate(segment.record.songs) if song.alive]
        number = np.full(len(segment.record.songs), -1)
        number[kept] = len(songs) + np.arange(len(kept))
        for place in kept:
            songs.append(dataclasses.replace(segment.record.songs[place], first_note=first))
            notes.append(segment.song_notes(place))
            first += len(notes[-1])
        for length in manifest.settings.lengths:
            alive = segment.live_rows(length)
            table = segment.table[length][alive]
            table["song"] = number[table["song"]]
            tables[length].append(table)
            codes[length].append(segment.codes[length] if alive.all() else segment.codes[length][alive])
    merged: tuple[SegmentRecord, ...] = (write_segment(where, songs, codes, tables, notes),) if songs else ()
    manifest = dataclasses.replace(manifest, segments=merged)
    write_manifest(where, manifest)
    remove_strays(where, manifest)
    return manifest


def each_song(index: Index) -> Iterator[tuple[Segment, int]]:
    """(segment, place) of every song that counts, by file name."""
    for at, place in (found for _, found in sorted(index.manifest.alive().items())):
        yield index.segments[at], place

"""Where do all windows of all songs lie?

Windows begin at the bar lines of every song, in any metre, and are encoded in the background, a batch at a time,
whenever nobody has asked the page for anything for a moment. What is done is kept in the user's cache, so a server that
was stopped goes on where it was. Dropped files are neither mapped nor kept.

A window's row of numbers: song, start, onsets, a place for each kind, and two for its content: the two largest
principal components of what no shift changes (`softaxes.geometry.alignment.invariants`). Where umap-learn is installed
and was asked for, two more: UMAP of the same.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from softaxes.data.files import one_writer
from softaxes.data.music.cache import cache_folder
from softaxes.data.music.packed import window_rolls
from softaxes.data.music.rolls import ONSET, texture_notes
from softaxes.data.music.song import Song
from softaxes.explorer.library import Entry, Library
from softaxes.geometry.alignment import invariants
from softaxes.model.model import Model
from softaxes.report.pictures.maps import has_umap, umap_embedding
from softaxes.songs.codec import grid_of
from softaxes.songs.coded import MANIFEST, Arrays, CodedFolder, Segment
from softaxes.songs.update import Coded, Writer

BATCH = 32  # windows encoded between two looks at whether someone waits
QUIET_SECONDS = 0.3
SAVE_SONGS = 100
MIN_ONSETS = 4
COLUMNS, UMAP_COLUMNS = ("song", "start", "onsets"), ("umap 1", "umap 2")
# How well each pitch class fits a major and a minor key on C: Krumhansl and Kessler, Psychological Review, 1982.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


class Atlas:
    """The windows of a library's songs, encoded in the background from `start` on.

    Args:
        lock: held while the model computes.
        last_asked: when (time.monotonic) somebody last asked for something.
        folder: where to keep what is done; None: the user's cache.
    """

    def __init__(
        self,
        model: Model,
        library: Library,
        lock: threading.Lock,
        last_asked: Callable[[], float],
        folder: Path | None = None,
    ) -> None:
        self.model, self.grid, self.library = model, grid_of(model), library
        self.entries = [entry for entry in library.entries() if not entry.id.startswith("dropped:")]
        self.lock, self.last_asked, self.folder = lock, last_asked, folder
        self.done = self.skipped = self.left_out = 0
        self.latents: list[NDArray[np.float32]] = []
        self.rows: list[NDArray[np.float32]] = []  # song, start, onsets
        self.keys: list[int] = []
        self._umap: NDArray[np.float32] | None = None
        self._umap_thread: threading.Thread | None = None
        self._joined: tuple[int, NDArray[np.float32], NDArray[np.float32]] | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._changing = threading.Lock()

    def start(self) -> None:
        """Begin in the background; again is nothing."""
        with self._changing:
            if self._thread is None and self.entries:
                self._thread = threading.Thread(target=self.run, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop soon, and keep what is done."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def describe(self) -> dict[str, Any]:
        """Progress, and what the columns of `points` are."""
        with self._changing:
            windows = sum(map(len, self.rows))
        return {
            "done": self.done,
            "total": len(self.entries),
            "windows": windows,
            "skipped": self.skipped,
            "left_out": self.left_out,
            "columns": [
                *COLUMNS,
                *self.model.axes,
                "content 1",
                "content 2",
                *UMAP_COLUMNS[: 2 * self._has_umap(windows)],
            ],
            "umap": self.umap_state(),
        }

    def umap_state(self) -> str:
        """ "missing" (not installed), "off" (nobody asked), "running" or "done"."""
        if not has_umap():
            return "missing"
        with self._changing:
            if self._umap_thread is None:
                return "off"
            return "running" if self._umap_thread.is_alive() else "done"

    def start_umap(self) -> None:
        """Embed all windows in the background once all songs are done; again is nothing, before that too."""
        if has_umap() and self.done == len(self.entries) and self.rows:
            with self._changing:
                if self._umap_thread is None:
                    self._umap_thread = threading.Thread(target=self._embed, daemon=True)
                    self._umap_thread.start()

    def _embed(self) -> None:
        _, latents = self.windows()
        content = invariants(torch.from_numpy(latents), self.model.axes).numpy()
        self._umap = umap_embedding(content, 2).astype(np.float32)

    def _has_umap(self, windows: int) -> bool:
        return self._umap is not None and len(self._umap) == windows

    def songs(self) -> list[tuple[str, str, int]]:
        """Id, name and key of the songs done: 0..11 major on C.., 12..23 minor, -1 unknown."""
        with self._changing:
            return [(entry.id, entry.name, key) for entry, key in zip(self.entries, self.keys, strict=False)]

    def points(self) -> Float[np.ndarray, "windows columns"]:
        """A row for each window done so far, float32, columns as `describe` names them."""
        rows, latents = self.windows()
        if not len(rows):
            return np.zeros((0, len(COLUMNS) + len(self.model.axes) + 2), dtype=np.float32)
        z = torch.from_numpy(latents)
        places = [axis.coordinate(z) for axis in self.model.axes.values()]
        content = two_components(invariants(z, self.model.axes).numpy())
        columns = [rows, *(p.numpy() for p in places), content]
        if self._umap is not None and self._has_umap(len(z)):
            columns.append(self._umap)
        return np.column_stack(columns).astype(np.float32)

    def windows(self) -> tuple[Float[np.ndarray, "windows columns"], Float[np.ndarray, "windows D"]]:
        """Song, start and onsets of each window done so far, and its latent."""
        with self._changing:
            if self._joined is None or self._joined[0] != len(self.rows):
                self._joined = len(self.rows), _joined(self.rows), _joined(self.latents)
            return self._joined[1:]

    def run(self) -> None:
        """Encode what is not done yet; ends when all is done or `close` is called."""
        with contextlib.ExitStack() as stack:
            kept, writer = self._kept(stack)
            places = kept.manifest.alive() if kept else {}
            for entry in self.entries[self.done :]:
                stamp = self.library.stamp(entry.id)
                content = functools.partial(self.library.content, entry.id)
                if kept and writer and writer.is_fresh(entry.id, stamp, content):
                    self._add_kept(kept, places.get(entry.id))
                    continue
                found = self._coded(entry)
                if found is None or self._ending.is_set():
                    break
                if isinstance(found, Coded):
                    self._add(found.arrays, found.about)
                else:
                    self._add(None, {})
                if writer:
                    self._keep(writer, entry.id, stamp, found)
            if writer:
                with contextlib.suppress(OSError):  # without a cache the next server begins again
                    writer.commit(complete=self.done == len(self.entries))

    def _kept(self, stack: contextlib.ExitStack) -> tuple[CodedFolder[Segment] | None, Writer | None]:
        """What was kept, and its writer; None where the cache cannot be written, or another server writes it."""
        where = (self.folder or cache_folder() / "explorer") / self._digest()
        ids = {entry.id for entry in self.entries}
        try:
            stack.enter_context(one_writer(where))
            try:
                writer, kept = Writer(where, {}, CodedFolder), CodedFolder[Segment].open(where)
            except ValueError:  # damaged: it is made anew
                for path in (where / MANIFEST, *where.glob("*.npy")):
                    path.unlink(missing_ok=True)
                writer, kept = Writer(where, {}, CodedFolder), CodedFolder[Segment].open(where)
        except OSError:
            return None, None
        writer.forget(writer.known.keys() - ids)
        return kept, writer

    def _coded(self, entry: Entry) -> Coded | str | None:
        """A song's windows, or why there are none; None when the server ends."""
        try:
            song = self.library.open(entry.id)
        except (ValueError, OSError) as error:
            return str(error)
        steps, notes, bars = self.model.window_steps, texture_notes(song, self.grid.texture), song.bars()
        start = bars["start"][bars["start"] + steps <= np.sum(bars["steps"])].astype(np.int64)
        rolls, latents = window_rolls(notes, start, steps), [np.zeros((0, self.model.axes_dim), np.float32)]
        onsets = rolls[:, ONSET].sum((1, 2))
        rolls, start, onsets = (array[onsets >= MIN_ONSETS] for array in (rolls, start, onsets))
        for at in range(0, len(rolls), BATCH):
            self._wait_for_quiet()
            if self._ending.is_set():
                return None
            with self.lock:
                latents.append(self.model.encode(rolls[at : at + BATCH]).numpy())
        rows = np.column_stack([start, onsets]).astype(np.int32)
        about = {"key": key_of(song, self.grid.texture), "left_out": len(bars) - len(rows)}
        return Coded(song, {"latents": np.concatenate(latents), "windows": rows}, about)

    def _add_kept(self, kept: CodedFolder[Segment], place: tuple[int, int] | None) -> None:
        """Take in a song that was kept; None is one that could not be read."""
        if place is None:
            self._add(None, {})
        else:
            segment, number = kept.segments[place[0]], place[1]
            arrays = {name: segment.of_song(number, name) for name in segment.arrays}
            self._add(arrays, segment.record.songs[number].about)

    def _add(self, arrays: Arrays | None, about: Mapping[str, int]) -> None:
        """Take a song into the map."""
        with self._changing:
            if arrays is not None and len(arrays["windows"]):
                self.rows.append(np.insert(arrays["windows"], 0, self.done, axis=1).astype(np.float32))
                self.latents.append(np.array(arrays["latents"]))
            self.skipped += arrays is None
            self.keys.append(about.get("key", -1))
            self.left_out += about.get("left_out", 0)
            self.done += 1

    def _keep(self, writer: Writer, id: str, stamp: tuple[int, int], found: Coded | str) -> None:
        if isinstance(found, str):
            writer.refuse(id, stamp, found)
        else:
            writer.add(id, stamp, self.library.content(id), found)
        if len(writer.pending) >= SAVE_SONGS:
            with contextlib.suppress(OSError):
                writer.commit()

    def _wait_for_quiet(self) -> None:
        while not self._ending.is_set() and time.monotonic() - self.last_asked() < QUIET_SECONDS:
            self._ending.wait(0.05)

    def _digest(self) -> str:
        """Changes with the model, how songs are cut, and where they are."""
        cut = ["every bar", self.model.digest(), vars(self.grid), MIN_ONSETS, str(self.library.folder)]
        return hashlib.sha256(json.dumps(cut).encode()).hexdigest()[:20]


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def two_components(content: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n 2"]:
    """Places along the two largest principal components; each points where its largest loading is positive."""
    centred = content - content.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    two = vectors[:, [-1, -2]]
    two *= np.sign(two[np.abs(two).argmax(axis=0), [0, 1]])
    return centred @ two


def key_of(song: Song, texture: Any) -> int:
    """0..11: major on C..B, 12..23: minor; the key whose profile correlates best with how long each class sounds."""
    notes = texture_notes(song, texture)
    sounding = np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)
    if np.ptp(sounding) == 0:
        return -1
    profiles = [np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)]
    return int(np.argmax([np.corrcoef(sounding, profile)[0, 1] for profile in profiles]))

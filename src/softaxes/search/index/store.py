"""What are the files of an index, and how can it be read while it is written?

    manifest.json                 settings, songs and segments of one snapshot; replaced whole, never edited
    <segment>.<length>.codes.npy  (n, D) float32 unit codes of the clips of one length
    <segment>.<length>.table.npy  (n,) TABLE rows: the clip's song and start, and its coordinates on the axes
    <segment>.notes.npy           the melodies (or textures) of the segment's songs, end to end
    lock                          held by the one process that writes

A segment is written once under a name never used before, then named in the next manifest, then never touched. So a
reader that has opened a manifest sees one snapshot for as long as it likes; a writer that dies leaves at most files
that no manifest names, which the next writer removes; what was committed is never encoded again. A song that changed or
went is deleted in the manifest; its rows stay until segments are merged.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from softaxes.data.files import whole_file, write_text
from softaxes.data.music.manifest import reading_remarks
from softaxes.data.music.read import Grid, Reading
from softaxes.data.music.song import NOTE_DTYPE, Song

FORMAT = 2
MANIFEST, LOCK = "manifest.json", "lock"
RETRIES = 5  # a manifest whose files were merged away while they were opened is read again


def table_type(kinds: int) -> np.dtype[np.void]:
    """A clip's row: index of its song within the segment, first step, coordinates on the axes."""
    return np.dtype([("song", np.int32), ("start", np.int32), ("coordinates", np.float32, (kinds,))])


@dataclass(frozen=True)
class IndexedSong:
    """A song of a segment: its file as it was read, its place among the segment's notes, whether it still counts."""

    file: str
    bytes: int
    mtime_ns: int
    sha256: str
    first_note: int
    notes: int
    meters: tuple[tuple[int, int, int], ...]
    off_grid: bool
    unfit_beats: bool
    alive: bool = True


@dataclass(frozen=True)
class Refused:
    """A file that could not be read; it is tried again when it changes."""

    file: str
    bytes: int
    mtime_ns: int
    reason: str


@dataclass(frozen=True)
class SegmentRecord:
    """A segment in the manifest; ``rows`` by clip length."""

    id: str
    songs: tuple[IndexedSong, ...]
    rows: Mapping[int, int]


@dataclass(frozen=True)
class Settings:
    """What the codes depend on. Two indexes with equal settings hold equal codes for equal files."""

    model: str  # digest of weights and axes
    dim: int
    kinds: tuple[str, ...]
    window_steps: int
    steps_per_beat: int
    texture: str
    hop_steps: int
    lengths: tuple[int, ...]
    grid: Grid
    time_signature: str
    downbeat: float | None

    @property
    def reading(self) -> Reading:
        """How files were laid on the grid."""
        return Reading(self.grid, self.time_signature, self.downbeat)


@dataclass(frozen=True)
class Manifest:
    """A snapshot of an index."""

    id: str
    settings: Settings
    segments: tuple[SegmentRecord, ...] = ()
    refused: tuple[Refused, ...] = field(default=())

    def alive(self) -> dict[str, tuple[int, int]]:
        """(segment, song) of every file that counts."""
        return {
            song.file: (at, place)
            for at, segment in enumerate(self.segments)
            for place, song in enumerate(segment.songs)
            if song.alive
        }

    def rows(self, length: int) -> int:
        """Clips of one length, those of deleted songs included."""
        return sum(segment.rows[length] for segment in self.segments)

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote; ValueError if it is not that."""
        try:
            found = json.loads(text)
            if found.pop("format") != FORMAT:
                raise ValueError(f"this version of softaxes reads format {FORMAT}")
            return cls(
                found["id"],
                Settings(**{key: _tuples(value) for key, value in found["settings"].items()}),
                tuple(_segment(record) for record in found["segments"]),
                tuple(Refused(**record) for record in found["refused"]),
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not an index's manifest ({error})") from None


@dataclass(frozen=True, eq=False)
class Segment:
    """An open segment: arrays mapped from disk."""

    record: SegmentRecord
    codes: Mapping[int, Float[np.ndarray, "n D"]]
    table: Mapping[int, NDArray[np.void]]
    notes: NDArray[np.void]

    def song_notes(self, place: int) -> NDArray[np.void]:
        """The notes of one of its songs."""
        song = self.record.songs[place]
        return self.notes[song.first_note : song.first_note + song.notes]

    def song(self, place: int, steps_per_beat: int) -> Song:
        """One of its songs, as far as it is kept: notes of the texture, and metres."""
        song, notes = self.record.songs[place], self.song_notes(place).copy()
        notes["track"] = 0
        return Song(song.file, notes, steps_per_beat=steps_per_beat, meters=song.meters)

    def live_rows(self, length: int) -> NDArray[np.bool_]:
        """Which clips belong to songs that count."""
        alive = np.array([song.alive for song in self.record.songs], bool)
        return alive[self.table[length]["song"]]


@dataclass(frozen=True, eq=False)
class Index:
    """A snapshot of an index, open for reading."""

    folder: Path
    manifest: Manifest
    segments: tuple[Segment, ...]

    @classmethod
    def open(cls, folder: Path) -> Index:
        """Open the newest snapshot; ValueError if there is no index or it is damaged."""
        for attempt in range(RETRIES):
            manifest = read_manifest(folder)
            if manifest is None:
                raise ValueError(f"{folder} holds no motif index")
            try:
                return cls(folder, manifest, tuple(_open_segment(folder, r, manifest) for r in manifest.segments))
            except FileNotFoundError as error:
                if attempt == RETRIES - 1:
                    raise ValueError(f"the index in {folder} is damaged: {error.filename} is missing") from None
        raise AssertionError("unreachable")

    @property
    def songs(self) -> int:
        """Songs that count."""
        return len(self.manifest.alive())

    def remarks(self) -> list[str]:
        """What should be said of the songs as they were read; see `softaxes.data.music.manifest.reading_remarks`."""
        songs = [self.segments[at].record.songs[place] for at, place in self.manifest.alive().values()]
        return reading_remarks(len(songs), sum(s.off_grid for s in songs), sum(s.unfit_beats for s in songs))


def read_manifest(folder: Path) -> Manifest | None:
    """The index's manifest; None if there is none yet, ValueError if it is not readable."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Manifest.from_json(text)
    except ValueError as error:
        raise ValueError(f"{folder / MANIFEST}: {error}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make ``manifest`` the index's newest snapshot."""
    write_text(folder / MANIFEST, manifest.to_json())


def write_segment(
    folder: Path,
    songs: Sequence[IndexedSong],
    codes: Mapping[int, Sequence[Float[np.ndarray, "n D"]]],
    tables: Mapping[int, Sequence[NDArray[np.void]]],
    notes: Sequence[NDArray[np.void]],
) -> SegmentRecord:
    """Write the files of a new segment from parts that are laid end to end; no manifest names it yet."""
    id = secrets.token_hex(8)
    rows = {length: sum(len(part) for part in parts) for length, parts in tables.items()}
    for length in tables:
        _write_parts(folder / f"{id}.{length}.codes.npy", codes[length])
        _write_parts(folder / f"{id}.{length}.table.npy", tables[length])
    _write_parts(folder / f"{id}.notes.npy", notes)
    return SegmentRecord(id, tuple(songs), rows)


def remove_strays(folder: Path, manifest: Manifest | None) -> int:
    """Delete array files that the manifest does not name; returns how many. Only the writer may call this."""
    named = {segment.id for segment in manifest.segments} if manifest else set()
    strays = [path for path in folder.glob("*.npy") if path.name.split(".")[0] not in named]
    for path in strays:
        with contextlib.suppress(OSError):  # a system that keeps open files: the next writer tries again
            path.unlink()
    return len(strays)


def _write_parts(path: Path, parts: Sequence[NDArray[Any]]) -> None:
    """An .npy of the parts end to end, on disk before this returns; never more than a part in memory twice."""
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    with whole_file(path) as file:
        header = {"descr": np.lib.format.dtype_to_descr(parts[0].dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())


def _open_segment(folder: Path, record: SegmentRecord, manifest: Manifest) -> Segment:
    lengths = manifest.settings.lengths

    def mapped(name: str) -> Any:
        path = folder / f"{record.id}.{name}.npy"
        return np.load(path, mmap_mode="c", allow_pickle=False)  # private: torch takes no arrays that are read-only

    segment = Segment(
        record,
        {length: mapped(f"{length}.codes") for length in lengths},
        {length: mapped(f"{length}.table") for length in lengths},
        mapped("notes"),
    )
    for length in lengths:
        wanted = (record.rows[length], manifest.settings.dim)
        if segment.codes[length].shape != wanted or len(segment.table[length]) != wanted[0]:
            raise ValueError(f"the index in {folder} is damaged: segment {record.id} has other rows than its manifest")
    assert segment.notes.dtype == NOTE_DTYPE
    return segment


def _segment(record: dict[str, Any]) -> SegmentRecord:
    songs = tuple(IndexedSong(**{key: _tuples(value) for key, value in song.items()}) for song in record["songs"])
    return SegmentRecord(record["id"], songs, {int(length): rows for length, rows in record["rows"].items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value

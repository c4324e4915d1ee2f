"""How are the codes of many songs kept, so that only what has changed is encoded anew, and read while they are written?

    manifest.json          settings, songs and segments of one snapshot; replaced whole, never edited
    <segment>.<array>.npy  one array of a segment, such as the latents: the rows of its songs, song after song

A segment is written once under a name never used before, then named in the next manifest, then never touched. So a
reader that has opened a manifest sees one snapshot for as long as it likes; a writer that dies leaves at most files
that no manifest names, which the next writer removes; what was committed is never encoded again. A song is known by the
content of its file. One that changed or went is deleted in the manifest; its rows stay until segments are merged.

The latents of `softaxes encode`, the index of `softaxes motifs search` and the map of `softaxes explore` are such
folders (`folder`, `softaxes.search.index`, `softaxes.explorer.atlas`): they differ in their arrays.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from softaxes.data.files import whole_file, write_text
from softaxes.data.music.manifest import reading_remarks

FORMAT = 3
MANIFEST = "manifest.json"
RETRIES = 5  # a manifest whose files were merged away while they were opened is read again
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class CodedSong:
    """A song of a segment: its file as it was read, its rows of each array (first, how many), whether it still counts.

    ``about`` holds what else is known of it, by name.
    """

    file: str
    bytes: int
    mtime_ns: int
    sha256: str
    meters: tuple[tuple[int, int, int], ...]
    off_grid: bool
    unfit_beats: bool
    about: Mapping[str, int]
    rows: Mapping[str, tuple[int, int]]
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
    """A segment in the manifest."""

    id: str
    songs: tuple[CodedSong, ...]

    def rows(self, array: str) -> int:
        """Rows of one array, those of deleted songs included."""
        return sum(song.rows[array][1] for song in self.songs)


@dataclass(frozen=True)
class Manifest:
    """A snapshot of a coded folder. ``complete``: it held every song that there was when it was written."""

    id: str
    settings: Mapping[str, Any]
    segments: tuple[SegmentRecord, ...] = ()
    refused: tuple[Refused, ...] = ()
    complete: bool = False

    def alive(self) -> dict[str, tuple[int, int]]:
        """(segment, song) of every file that counts."""
        return {
            song.file: (at, place)
            for at, segment in enumerate(self.segments)
            for place, song in enumerate(segment.songs)
            if song.alive
        }

    def songs(self) -> list[CodedSong]:
        """Every song that counts, by file name."""
        return [self.segments[at].songs[place] for _, (at, place) in sorted(self.alive().items())]

    def remarks(self) -> list[str]:
        """What should be said of the songs as they were read; see `softaxes.data.music.manifest.reading_remarks`."""
        songs = self.songs()
        return reading_remarks(len(songs), sum(s.off_grid for s in songs), sum(s.unfit_beats for s in songs))

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote; ValueError if it is not that."""
        try:
            found = json.loads(text)
            if found.pop("format") != FORMAT:
                raise ValueError(f"this version of softaxes reads format {FORMAT}")
            songs = [[CodedSong(**_tuples(song)) for song in segment["songs"]] for segment in found["segments"]]
            ids = [segment["id"] for segment in found["segments"]]
            segments = tuple(SegmentRecord(id, tuple(own)) for id, own in zip(ids, songs, strict=True))
            refused = tuple(Refused(**record) for record in found["refused"])
            return cls(**found | {"segments": segments, "refused": refused})
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a manifest of coded songs ({error})") from None


@dataclass(frozen=True, eq=False)
class Segment:
    """An open segment: arrays mapped from disk."""

    record: SegmentRecord
    arrays: Arrays

    def of_song(self, place: int, array: str) -> NDArray[Any]:
        """The rows of one of its songs."""
        first, count = self.record.songs[place].rows[array]
        return self.arrays[array][first : first + count]


AnySegment = TypeVar("AnySegment", bound=Segment)


@dataclass(frozen=True, eq=False)
class CodedFolder(Generic[AnySegment]):
    """A snapshot of a coded folder, open for reading."""

    folder: Path
    manifest: Manifest
    segments: tuple[AnySegment, ...]
    what: ClassVar[str] = "coded songs"
    segment_type: ClassVar[type[Segment]] = Segment

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the newest snapshot; ValueError if there is none or it is damaged."""
        for attempt in range(RETRIES):
            manifest = read_manifest(folder)
            if manifest is None:
                raise ValueError(f"{folder} holds no {cls.what}")
            try:
                return cls(folder, manifest, tuple(cls._open_segment(folder, record) for record in manifest.segments))
            except FileNotFoundError as error:
                if attempt == RETRIES - 1:
                    raise ValueError(f"the {cls.what} in {folder} is damaged: {error.filename} is missing") from None
        raise AssertionError("unreachable")

    @classmethod
    def _open_segment(cls, folder: Path, record: SegmentRecord) -> AnySegment:
        arrays = {}
        for name in record.songs[0].rows:
            path = folder / f"{record.id}.{name}.npy"
            # private: torch takes no arrays that are read-only
            arrays[name] = np.load(path, mmap_mode="c", allow_pickle=False)
            if len(arrays[name]) != record.rows(name):
                raise ValueError(f"the {cls.what} in {folder} is damaged: {path.name} has other rows than its manifest")
        return cls.segment_type(record, arrays)  # type: ignore[return-value]

    def each_song(self) -> Iterator[tuple[AnySegment, int]]:
        """(segment, place) of every song that counts, by file name."""
        for _, (at, place) in sorted(self.manifest.alive().items()):
            yield self.segments[at], place


def read_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest; None if there is none yet, ValueError if it is not readable."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return Manifest.from_json(text)
    except ValueError as error:
        raise ValueError(f"{folder / MANIFEST}: {error}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make ``manifest`` the folder's newest snapshot."""
    write_text(folder / MANIFEST, manifest.to_json())


def write_segment(folder: Path, songs: Sequence[tuple[CodedSong, Arrays]]) -> SegmentRecord:
    """Write the files of a new segment, whose songs have one or more; no manifest names it yet.

    An array with a column "song" is told there which song of the segment a row belongs to.
    """
    id, first, records = secrets.token_hex(8), dict.fromkeys(songs[0][1], 0), []
    for record, arrays in songs:
        records.append(dataclasses.replace(record, rows={name: (first[name], len(a)) for name, a in arrays.items()}))
        first = {name: first[name] + len(array) for name, array in arrays.items()}
    for name in first:
        parts = [_numbered(arrays[name], place) for place, (_, arrays) in enumerate(songs)]
        _write_parts(folder / f"{id}.{name}.npy", parts)
    return SegmentRecord(id, tuple(records))


def remove_strays(folder: Path, manifest: Manifest) -> int:
    """Delete array files that the manifest does not name; returns how many. Only the writer may call this."""
    named = {segment.id for segment in manifest.segments}
    strays = [path for path in folder.glob("*.npy") if path.name.split(".")[0] not in named]
    for path in strays:
        with contextlib.suppress(OSError):  # a system that keeps open files: the next writer tries again
            path.unlink()
    return len(strays)


def _numbered(rows: NDArray[Any], place: int) -> NDArray[Any]:
    if "song" in (rows.dtype.names or ()):
        rows = rows.copy()
        rows["song"] = place
    return rows


def _write_parts(path: Path, parts: Sequence[NDArray[Any]]) -> None:
    """An .npy of the parts end to end, on disk before this returns; never more than a part in memory twice."""
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    with whole_file(path) as file:
        header = {"descr": np.lib.format.dtype_to_descr(parts[0].dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())


def _tuples(value: Any) -> Any:
    """JSON as it was before: lists are tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

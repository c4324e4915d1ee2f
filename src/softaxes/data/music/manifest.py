"""What went into a corpus? Its files, what was skipped and why, settings and counts: saved beside every model."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from softaxes.data.files import printable
from softaxes.data.music.beats import BEATS_FILE

NOWHERE = (0, -1)
OFF_GRID = 0.125  # steps of mean distance beyond which a song counts as off the grid
Setting = int | float | str | bool | None


class Skipped(NamedTuple):
    """A file or tune that was not read, and why."""

    name: str
    reason: str


class FileRecord(NamedTuple):
    """A file that was read: its name inside the corpus folder (with /), its size, and the SHA-256 of its bytes."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The record of one corpus, as loaded. ``source`` says where it came from, without the folders above it."""

    corpus: str
    source: str
    settings: Mapping[str, Setting]
    files: tuple[FileRecord, ...]
    skipped: tuple[Skipped, ...]
    counts: Mapping[str, int | float]

    def digest(self) -> str:
        """SHA-256 over corpus, settings and files: equal for equal music and settings."""
        text = json.dumps([self.corpus, dict(self.settings), self.files], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """The manifest as JSON; `from_json` reads it back."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote. Raises ValueError if it is not that."""
        try:
            fields = json.loads(text)
            fields["files"] = tuple(FileRecord(*row) for row in fields["files"])
            fields["skipped"] = tuple(Skipped(*row) for row in fields["skipped"])
            return cls(**fields)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a corpus manifest ({error})") from None

    def summary(self) -> str:
        """A few lines for people: counts, then reasons for skipping with how often and one example each."""
        counts = ", ".join(f"{value} {name}" for name, value in self.counts.items())
        lines = [f"{self.corpus} ({printable(self.source)}): {counts}"]
        for reason, number in Counter(reason for _, reason in self.skipped).most_common():
            example = next(name for name, why in self.skipped if why == reason)
            lines.append(f"  skipped {number}: {reason} (such as {printable(example)})")
        return "\n".join(lines)


def reading_remarks(songs: int, off_grid: int, unfit_beats: int, written_off_grid: int = 0) -> list[str]:
    """What should be said of songs as they were read: a line each for those off the grid and for beats not used.

    ``off_grid`` counts performances, ``written_off_grid`` songs that are known to be written, not played.
    """
    lines = []
    if off_grid:
        lines.append(
            f"{off_grid:,} of {songs:,} songs lie off the grid (notes more than 1/8 step from it on average): a"
            f" performance needs a table of beats beside it"
        )
    if written_off_grid:
        lines.append(
            f"{written_off_grid:,} of {songs:,} songs have many notes between the steps of the grid, such as triplets"
            f" or shorter notes: they are moved to the nearest step"
        )
    if unfit_beats:
        lines.append(f"{unfit_beats:,} of {songs:,} songs lie beside a {BEATS_FILE} that does not fit them: not used")
    return lines


def file_stamp(path: Path) -> tuple[int, int]:
    """Bytes of a file and of the table of beats beside it, and the last time (ns) that one changed; or `NOWHERE`."""
    try:
        stats = [file.stat() for file in (path, path.parent / BEATS_FILE) if file == path or file.is_file()]
    except OSError:
        return NOWHERE
    return sum(s.st_size for s in stats), max(max(s.st_mtime_ns, s.st_ctime_ns) for s in stats)


def content_key(path: Path) -> str:
    """SHA-256 of a file and of the table of beats beside it: equal for equal music; "" where it cannot be read."""
    digest = hashlib.sha256()
    if not path.is_file():  # reading a pipe or a device may never end
        return ""
    try:
        digest.update(path.read_bytes())
    except OSError:
        return ""
    beats = path.parent / BEATS_FILE
    digest.update(beats.read_bytes() if beats.is_file() else b"")
    return digest.hexdigest()


def record(path: Path, name: str) -> FileRecord:
    """The `FileRecord` of a file; ``name`` is what to call it in the manifest."""
    data = path.read_bytes()
    return FileRecord(name, len(data), hashlib.sha256(data).hexdigest())

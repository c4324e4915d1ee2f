"""What are the files of an index? Those of a coded folder (`softaxes.songs.coded`), with these arrays:

<length>.codes   (n, D) float32 unit codes of the clips of one length
<length>.table   (n,) TABLE rows: the clip's song and start, and its coordinates on the lines
notes            the melodies (or textures) of the segment's songs, end to end
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from softaxes.data.music.read import Grid, Reading
from softaxes.data.music.song import Song
from softaxes.songs import coded


def table_type(lines: int) -> np.dtype[np.void]:
    """A clip's row: index of its song within the segment, first step, coordinates on the lines."""
    return np.dtype([("song", np.int32), ("start", np.int32), ("coordinates", np.float32, (lines,))])


@dataclass(frozen=True)
class Settings:
    """What the codes depend on. Two indexes with equal settings hold equal codes for equal files."""

    model: str  # digest of weights and axes
    dim: int
    lines: tuple[str, ...]  # kinds that have a coordinate beside the code
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


class Segment(coded.Segment):
    """An open segment of an index: arrays by clip length, mapped from disk."""

    @cached_property
    def codes(self) -> Mapping[int, Float[np.ndarray, "n D"]]:
        return self._by_length("codes")

    @cached_property
    def table(self) -> Mapping[int, NDArray[np.void]]:
        return self._by_length("table")

    @property
    def notes(self) -> NDArray[np.void]:
        return self.arrays["notes"]

    def song_notes(self, place: int) -> NDArray[np.void]:
        """The notes of one of its songs."""
        return self.of_song(place, "notes")

    def song(self, place: int, steps_per_beat: int) -> Song:
        """One of its songs, as far as it is kept: notes of the texture, and metres."""
        song, notes = self.record.songs[place], self.song_notes(place).copy()
        notes["track"] = 0
        return Song(song.file, notes, steps_per_beat=steps_per_beat, meters=song.meters)

    def live_rows(self, length: int) -> NDArray[np.bool_]:
        """Which clips belong to songs that count."""
        alive = np.array([song.alive for song in self.record.songs], bool)
        return alive[self.table[length]["song"]]

    @staticmethod
    def key(song: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number for a song of the segment and a step (from -2^31), which rise with both."""
        key: NDArray[np.int64] = song.astype(np.int64) * 2**32 + start
        return key

    def places(self, length: int) -> Int[np.ndarray, " n"]:
        """The key of every clip of a length: they rise."""
        if length not in self._places:
            self._places[length] = self.key(self.table[length]["song"], self.table[length]["start"])
        return self._places[length]

    @cached_property
    def _places(self) -> dict[int, NDArray[np.int64]]:
        return {}

    def _by_length(self, kind: str) -> Mapping[int, NDArray[Any]]:
        names = (name.split(".") for name in self.arrays if name.endswith(f".{kind}"))
        return {int(length): self.arrays[f"{length}.{kind}"] for length, _ in names}


class Index(coded.CodedFolder[Segment]):
    """A snapshot of an index, open for reading."""

    what: ClassVar[str] = "motif index"
    segment_type: ClassVar[type[coded.Segment]] = Segment

    @cached_property
    def settings(self) -> Settings:
        """What its codes depend on."""
        settings = self.manifest.settings
        found: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
        return Settings(**found)

    @property
    def songs(self) -> int:
        """Songs that count."""
        return len(self.manifest.alive())

    def rows(self, length: int) -> int:
        """Clips of one length, those of deleted songs included."""
        return sum(segment.record.rows(f"{length}.codes") for segment in self.segments)

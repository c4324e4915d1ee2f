"""``softaxes motifs search QUERY.mid FOLDER``: where in a corpus does something like this occur?

The query is cut into clips like those of the index, but at every step, so that one of them stands on the beat whatever
the query's own grid; the nearest codes of the corpus say where to look, and every such place is then compared note for
note with the whole query. A hit has both scores: ``similarity``, the cosine of the nearest codes (blind to register and
position), and ``overlap``, the share of notes that coincide under the best exact shift; hits are ranked by their mean.
The shift is given twice as well: in exact semitones, and as read off the axes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from softaxes.data.music.cache import cache_folder
from softaxes.data.music.folders import check_folder
from softaxes.data.music.read import Reading
from softaxes.data.music.rolls import texture_notes
from softaxes.data.music.song import NOTE_DTYPE, Song
from softaxes.model.model import Model
from softaxes.search.alignment import Alignment, align, relation, shared_rhythm
from softaxes.search.codes import shift_between
from softaxes.search.index.backend import Backend
from softaxes.search.index.build import Built, encode_clips, index_settings, update_index
from softaxes.search.index.choice import BackendName, choose
from softaxes.search.index.store import Index
from softaxes.search.places import Clips, Place, clip_places, places_of
from softaxes.songs.coded import FORMAT, read_manifest
from softaxes.training.progress import progress_bar

NEAREST_CLIPS, COMPARED = 2000, 300  # clips that the codes name; places that are compared note for note
COMPARED_NOTES = 200_000  # of the query times places: the longer the query, the fewer places (never below 2 top)
DEFAULT_MODEL = "melody"


@dataclass(frozen=True)
class Hit:
    """A place like the query.

    Attributes:
        file, place: where: the song's file below the folder, and bar:beat.
        start_step, length_steps: the same in steps of the grid.
        semitones: the query moved by so much lies on the notes that coincide.
        similarity: mean cosine of the codes of the clips that lie on one another, -1..1.
        overlap, rhythm: notes, and onsets, that coincide, 0..1.
        relation: "exact", "rhythm kept" or "varied".
        axes: the shift from query to place as read off the axes, by kind (semitones, steps).
    """

    file: str
    place: str
    start_step: int
    length_steps: int
    semitones: int
    similarity: float
    overlap: float
    rhythm: float
    relation: str
    axes: dict[str, float]

    @property
    def score(self) -> float:
        """Mean of similarity and overlap: what hits are ranked by."""
        return (self.similarity + self.overlap) / 2


@dataclass(frozen=True, eq=False)
class Query:
    """What is searched: ``notes`` from step 0 on; it ends before ``length_steps``."""

    notes: NDArray[np.void]
    length_steps: int


class Searcher:
    """An open index, its model and backends: answers query after query."""

    def __init__(self, index: Index, model: Model, backend: BackendName = "auto", qdrant: str = "") -> None:
        self.index, self.model, self.backend, self.qdrant = index, model, backend, qdrant
        settings = index.settings
        if index_settings(model, settings.hop_steps, settings.reading) != settings:
            raise ValueError(f"the index in {index.folder} was made with another model")
        self._backends: dict[int, Backend] = {}
        self._songs: dict[tuple[int, int], NDArray[np.int64]] = {}

    def search(self, query: Query, top: int = 10, *, thorough: bool = False) -> list[Hit]:
        """The ``top`` places most like the query, best first; fewer if the corpus has fewer.

        ``thorough`` looks for the query's shorter clips as well, some of which a varied return has left alone.

        Raises:
            ValueError: ``top`` < 1.
        """
        _check_top(top)
        points, lengths = note_points(query.notes), self._lengths(query)
        places: dict[tuple[int, int, int], _Compared] = {}
        for length in lengths if thorough else lengths[:1]:
            for place in self._places(query, points, length, top):
                key = (place.segment, place.song, place.aligned.steps)
                places.setdefault(key, place)  # the longest clip that leads to a place speaks for it
        ranked = sorted(places.values(), key=_rank)
        kept = apart(ranked, max(1, query.length_steps // 2))[:top]
        return self._hits(points, query.length_steps, kept)

    def _lengths(self, query: Query) -> list[int]:
        """The clips that the query fills, but for the rest of a beat; longest first; the shortest in any case."""
        settings = self.index.settings
        room = query.length_steps + settings.steps_per_beat - 1
        return [length for length in settings.lengths if length <= room] or [min(settings.lengths)]

    def _places(self, query: Query, points: NDArray[np.int64], length: int, top: int) -> list[_Compared]:
        """The places that the query's clips of one length lead to, compared note for note."""
        settings = self.index.settings
        starts = clip_places(query.notes["onset"], query.length_steps, length, settings.hop_steps)
        clips = Clips(*encode_clips(self.model, query.notes, starts, length), starts, length)
        found = self._nearest(length)(clips.codes, max(NEAREST_CLIPS, top))
        most = max(2 * top, min(max(COMPARED, 4 * top), COMPARED_NOTES // len(points)))
        places = places_of(self.index, clips, found)[:most]
        return [self._compared(points, query.length_steps, clips, place) for place in places]

    def _nearest(self, length: int) -> Backend:
        if length not in self._backends:
            self._backends[length] = choose(self.index, length, self.backend, self.qdrant)
        return self._backends[length]

    def _points(self, at: int, place: int) -> NDArray[np.int64]:
        if (at, place) not in self._songs:
            self._songs[at, place] = note_points(self.index.segments[at].song_notes(place))
        return self._songs[at, place]

    def _compared(self, points: NDArray[np.int64], length_steps: int, clips: Clips, place: Place) -> _Compared:
        settings, segment = self.index.settings, self.index.segments[place.segment]
        slack = min(settings.hop_steps, settings.steps_per_beat) // 2
        before = clips.codes[place.clip], clips.coordinates[place.clip]
        after = segment.codes[clips.length][place.row], segment.table[clips.length]["coordinates"][place.row]
        semitones = 0.0
        if "pitch" in settings.lines:
            column = settings.lines.index("pitch")
            semitones = float(after[1][column] - before[1][column])
        aligned = align(points, self._points(place.segment, place.song), length_steps, place.step, semitones, slack)
        return _Compared(place.segment, place.song, place.similarity, aligned, before, after)

    def _hits(self, points: NDArray[np.int64], length_steps: int, found: Sequence[_Compared]) -> list[Hit]:
        if not found:
            return []
        before, after = (
            (np.stack([code for code, _ in side]), np.stack([place for _, place in side]))
            for side in zip(*((place.before, place.after) for place in found), strict=True)
        )
        shifts = shift_between(self.model.axes, before, after)
        amounts = [dict(zip(shifts, row, strict=True)) for row in zip(*shifts.values(), strict=True)]
        return [self._hit(points, length_steps, *pair) for pair in zip(found, amounts, strict=True)]

    def _hit(
        self, points: NDArray[np.int64], length_steps: int, found: _Compared, shift: Mapping[str, np.float64]
    ) -> Hit:
        song, aligned = self.index.segments[found.segment].record.songs[found.song], found.aligned
        rhythm = shared_rhythm(points, self._points(found.segment, found.song), length_steps, aligned.steps)
        return Hit(
            song.file,
            place_name(song.meters, self.index.settings.steps_per_beat, aligned.steps),
            aligned.steps,
            length_steps,
            aligned.semitones,
            round(float(found.score), 4),
            round(aligned.overlap, 4),
            round(rhythm, 4),
            relation(aligned.overlap, rhythm),
            {name: round(float(amount), 2) for name, amount in shift.items()},
        )


class _Compared(NamedTuple):
    """A place with what the codes say of it, what the notes say, and code and coordinates of its pair of clips."""

    segment: int
    song: int
    score: float
    aligned: Alignment
    before: tuple[NDArray[np.float32], NDArray[np.float32]]
    after: tuple[NDArray[np.float32], NDArray[np.float32]]


def _rank(place: _Compared) -> tuple[float, int, int, int]:
    """Best first; ties in the index's order, whichever backend found them."""
    return -round(place.score + place.aligned.overlap, 4), place.segment, place.song, place.aligned.steps


def place_name(meters: tuple[tuple[int, int, int], ...], steps_per_beat: int, step: int) -> str:
    """Bar:beat of a step under these metres; see `softaxes.data.music.Song.place`."""
    return Song("", np.zeros(0, NOTE_DTYPE), (), steps_per_beat, meters=meters).place(step)


def apart(places: Sequence[_Compared], least_steps: int) -> list[_Compared]:
    """Places in order, without those nearer than ``least_steps`` to a better one in the same song."""
    kept: list[_Compared] = []
    taken: dict[tuple[int, int], list[int]] = {}
    for place in places:
        others = taken.setdefault((place.segment, place.song), [])
        if all(abs(place.aligned.steps - other) >= least_steps for other in others):
            kept.append(place)
            others.append(place.aligned.steps)
    return kept


def _check_top(top: int) -> None:
    if top < 1:
        raise ValueError(f"`top` must be >= 1, got {top}")


def query_from_song(song: Song, texture: str, bars: tuple[int, int] | None = None) -> Query:
    """The query that a song holds: its notes of the texture, or those that begin in bars ``first..last``.

    Bars count from 1, after a pickup in bar 0.

    Raises:
        ValueError: fewer than two notes there, or no such bars.
    """
    notes = texture_notes(song, texture).copy()  # type: ignore[arg-type]
    begin = int(notes["onset"].min(initial=0))
    if bars is not None:
        lines = song.downbeats()
        (first, last), least = bars, song.first_bar()
        if not least <= first <= last or first >= least + len(lines):
            raise ValueError(f"`bars` must be FIRST-LAST within {least}..{least + len(lines) - 1}, got {first}-{last}")
        begin, after = int(lines[first - least]), last - least + 1
        end = int(lines[after]) if after < len(lines) else song.length_steps
        notes = notes[(notes["onset"] >= begin) & (notes["onset"] < end)]
    if len(notes) < 2:
        raise ValueError(f"a query must have at least 2 notes, {song.name!r} has {len(notes)}")
    begin = int(notes["onset"].min()) if bars is None else begin
    notes["onset"] -= begin
    return Query(notes, int((notes["onset"] + notes["duration"]).max()))


def note_points(notes: NDArray[np.void]) -> Int[np.ndarray, "m 2"]:
    """Distinct (onset, pitch) rows, sorted."""
    points = np.stack([notes["onset"].astype(np.int64), notes["pitch"].astype(np.int64)], axis=1)
    return np.unique(points, axis=0)


def index_folder(folder: Path, model: Model, hop_steps: int | None = None, reading: Reading | None = None) -> Path:
    """Where the index of a folder is kept if nobody says: in the cache, one for every folder, model and hop."""
    import hashlib

    key = hashlib.sha256(
        f"{FORMAT}\n{folder.resolve()}\n{index_settings(model, hop_steps, reading)}".encode()
    ).hexdigest()[:12]
    return cache_folder() / "motif-index" / f"{folder.name or 'root'}-{key}"


def open_index(
    folder: Path,
    model: Model,
    where: Path | None = None,
    hop_steps: int | None = None,
    *,
    reading: Reading | None = None,
    progress: bool = True,
) -> tuple[Index, Built | None]:
    """The index of ``folder``, brought up to date first; while another process writes it, as it was last committed.

    Raises:
        ValueError: no such folder, an index of another model, or one that another process has only begun.
    """
    check_folder(folder, "folder")
    where = where or index_folder(folder, model, hop_steps, reading)
    built = None
    try:
        bar = partial(progress_bar, "indexing", show=progress and sys.stderr.isatty())
        built = update_index(folder, model, where, hop_steps=hop_steps, reading=reading, progress=bar)
    except BlockingIOError:
        manifest = read_manifest(where)
        if manifest is None or not (manifest.complete or manifest.segments):
            raise ValueError(f"another process is just making the index in {where}: try again in a while") from None
        print(f"another process is writing {where}: reading what it has committed", file=sys.stderr)
    return Index.open(where), built

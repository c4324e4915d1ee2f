"""Search past one machine: the codes as points of a Qdrant collection, in a folder or on a server, by the same code.

A collection belongs to one index and clip length. Segments never change, so bringing a collection up to date is adding
the points of segments it lacks. A search sees the segments of its own snapshot alone, less the clips of deleted songs:
Qdrant filters both. Only the newest snapshot deletes points, of segments that it no longer names; an older one that is
still open puts back what it misses. A folder (local mode) is for one process at a time and compares every point.
"""

from __future__ import annotations

import itertools
import uuid
import warnings
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from softaxes.data.optional import need
from softaxes.search.index.backend import Nearest, best_of
from softaxes.search.index.store import Index, Segment
from softaxes.songs.coded import read_manifest

UPLOAD_ROWS = 512
_clients: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()  # a folder takes one client a process


class QdrantSearch:
    """Nearest codes by Qdrant.

    Args:
        place: a folder, ":memory:", or the URL of a server ("http://..." or "https://...").

    Raises:
        ValueError: qdrant-client is not installed, or the database cannot be reached or is in use.
    """

    def __init__(self, index: Index, length: int, place: str) -> None:
        qdrant_client = need("qdrant_client", "backend 'qdrant'")
        self.models: Any = qdrant_client.models
        self.index, self.length, self.points = index, length, 0
        self.collection = f"softaxes-{index.manifest.id}-{length}"
        self.number = {segment.record.id: at for at, segment in enumerate(index.segments)}
        self.deleted = [
            (segment.record.id, place)
            for segment in index.segments
            for place, song in enumerate(segment.record.songs)
            if not song.alive
        ]
        try:
            self.place, self.client = place, _client(qdrant_client.QdrantClient, place)
            self._update(index, length)
        except Exception as error:  # whatever the transport raises
            raise ValueError(f"Qdrant at {place}: {' '.join(str(error).split())[:300]}") from None

    def __call__(self, queries: Float[np.ndarray, "Q D"], k: int) -> Nearest:
        """See `softaxes.search.index.choice`."""
        if self.client.count(self.collection, count_filter=self._own()).count != self.points:
            self._fill()  # a newer snapshot has deleted segments that this one still names
        requests = [
            self.models.QueryRequest(query=row.tolist(), limit=k, with_payload=True, filter=self._own())
            for row in np.asarray(queries, np.float32)
        ]
        answers = self.client.query_batch_points(self.collection, requests) if requests else []
        rows = [
            (self.number[point.payload["segment"]], point.payload["row"], query, point.score)
            for query, answer in enumerate(answers)
            for point in answer.points
        ]
        return best_of(Nearest.of(rows), k)

    def close(self) -> None:
        """Give the folder free for other processes; the searches that share it end with this one."""
        _clients.pop(self.place, None)
        self.client.close()

    def _own(self) -> Any:
        """A filter for the segments of this snapshot, without deleted songs when a query asks."""
        m = self.models
        segments = [m.FieldCondition(key="segment", match=m.MatchAny(any=list(self.number) or [""]))]
        return m.Filter(must=segments, must_not=[self._is(segment, song) for segment, song in self.deleted] or None)

    def _is(self, segment: str, song: int | None = None) -> Any:
        m = self.models
        conditions = [m.FieldCondition(key="segment", match=m.MatchValue(value=segment))]
        if song is not None:
            conditions.append(m.FieldCondition(key="song", match=m.MatchValue(value=song)))
        return m.Filter(must=conditions)

    def _update(self, index: Index, length: int) -> None:
        m = self.models
        if not self.client.collection_exists(self.collection):
            size = m.VectorParams(size=index.settings.dim, distance=m.Distance.DOT)
            self.client.create_collection(self.collection, vectors_config=size)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # local mode: "payload indexes have no effect"
                self.client.create_payload_index(self.collection, "segment", m.PayloadSchemaType.KEYWORD)
        if read_manifest(index.folder) == index.manifest:  # the newest: what it does not name, no later one will
            known = [m.FieldCondition(key="segment", match=m.MatchAny(any=list(self.number) or [""]))]
            self.client.delete(self.collection, m.FilterSelector(filter=m.Filter(must_not=known)))
        self._fill()

    def _fill(self) -> None:
        """Upload the segments of this snapshot that the collection lacks."""
        for segment in self.index.segments:
            held = self.client.count(self.collection, count_filter=self._is(segment.record.id)).count
            if held != segment.record.rows(f"{self.length}.codes"):
                self._add(segment, self.length)
        self.points = self.client.count(self.collection, count_filter=self._own()).count

    def _add(self, segment: Segment, length: int) -> None:
        """Upload a segment's clips; a point's id follows from its clip, so an interrupted upload only goes on."""
        songs = segment.table[length]["song"].tolist()
        rows = iter(enumerate(songs))
        while batch := list(itertools.islice(rows, UPLOAD_ROWS)):
            points = [
                self.models.PointStruct(
                    id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{segment.record.id}.{length}.{row}")),
                    vector=segment.codes[length][row].tolist(),
                    payload={"segment": segment.record.id, "row": row, "song": song},
                )
                for row, song in batch
            ]
            self.client.upsert(self.collection, points)


def _client(make: Any, place: str) -> Any:
    """The client of a place; searches of several clip lengths share it."""
    if place == ":memory:":
        return make(location=place)
    found = _clients.get(place)
    if found is None:
        if place.startswith(("http://", "https://")):
            found = make(url=place, check_compatibility=False)  # the check would warn from a thread of its own
        else:
            found = make(path=str(Path(place)))
        _clients[place] = found
    return found

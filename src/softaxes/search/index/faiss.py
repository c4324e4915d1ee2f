"""Approximate search for more than a million clips: FAISS's inverted file (Johnson, Douze, Jégou, 2017).

Codes are dealt to about 4 sqrt(n) cells by k-means; a query looks into ``PROBES`` of them. Below ``FLAT_CLIPS`` clips
cells would be too small and the same library searches all. What was built is kept beside the index, under a name that
says which snapshot it belongs to, and made anew for another snapshot.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from softaxes.data.files import write_bytes
from softaxes.data.optional import need
from softaxes.search.index.backend import Nearest, best_of
from softaxes.search.index.store import Index

FLAT_CLIPS, PROBES = 20_000, 32
TRAIN_PER_CELL = 40
ADD_ROWS = 65_536


class FaissSearch:
    """Nearest codes by faiss; ValueError if it is not installed."""

    def __init__(self, index: Index, length: int) -> None:
        faiss = need("faiss", "backend 'faiss'")
        self.rows = [np.flatnonzero(segment.live_rows(length)) for segment in index.segments]
        self.starts = np.cumsum([0, *(len(rows) for rows in self.rows)])
        path = index.folder / f"{_snapshot(index)}.{length}.faiss"
        self.searcher: Any = faiss.read_index(str(path)) if path.is_file() else None
        if self.searcher is None:
            self.searcher = self._build(faiss, index, length)
            _keep(faiss, self.searcher, path, length)
        if hasattr(self.searcher, "nprobe"):
            self.searcher.nprobe = min(PROBES, self.searcher.nlist)

    def __call__(self, queries: Float[np.ndarray, "Q D"], k: int) -> Nearest:
        """See `softaxes.search.index.choice`."""
        wanted = min(k, int(self.starts[-1]))
        if wanted == 0 or len(queries) == 0:
            return Nearest.of([])
        score, number = self.searcher.search(np.ascontiguousarray(queries, np.float32), wanted)
        query = np.repeat(np.arange(len(queries)), wanted)
        score, number = score.ravel(), number.ravel()
        found = number >= 0
        score, number, query = score[found], number[found], query[found]
        segment = np.searchsorted(self.starts, number, side="right") - 1
        row = np.array([self.rows[s][n - self.starts[s]] for s, n in zip(segment, number, strict=True)], np.int64)
        return best_of(Nearest(segment, row, query, score), k)

    def _build(self, faiss: Any, index: Index, length: int) -> Any:
        total, dim = int(self.starts[-1]), index.settings.dim
        if total < FLAT_CLIPS:
            searcher = faiss.IndexFlatIP(dim)
        else:
            cells = int(4 * total**0.5)
            searcher = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, cells, faiss.METRIC_INNER_PRODUCT)
            searcher.train(self._sample(index, length, cells * TRAIN_PER_CELL))
        for segment, rows in zip(index.segments, self.rows, strict=True):
            for at in range(0, len(rows), ADD_ROWS):
                searcher.add(np.ascontiguousarray(segment.codes[length][rows[at : at + ADD_ROWS]]))
        return searcher

    def _sample(self, index: Index, length: int, most: int) -> np.ndarray:
        """Codes spread evenly over the index, for the cells."""
        total = int(self.starts[-1])
        chosen = np.linspace(0, total - 1, min(total, most)).astype(np.int64)
        parts = []
        for at, segment in enumerate(index.segments):
            mine = chosen[(chosen >= self.starts[at]) & (chosen < self.starts[at + 1])] - self.starts[at]
            parts.append(segment.codes[length][self.rows[at][mine]])
        return np.ascontiguousarray(np.concatenate(parts))


def _snapshot(index: Index) -> str:
    """Changes with the rows that count."""
    segments = repr([(s.id, [song.alive for song in s.songs]) for s in index.manifest.segments])
    return hashlib.sha256(segments.encode()).hexdigest()[:16]


def _keep(faiss: Any, searcher: Any, path: Path, length: int) -> None:
    """Write the built searcher for the next process and drop those of older snapshots; a place that cannot be written
    is no error."""
    try:
        write_bytes(path, faiss.serialize_index(searcher).tobytes())
        for old in path.parent.glob(f"*.{length}.faiss"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError:
        return

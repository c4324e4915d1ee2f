"""Exact search: one matrix product a segment, straight from the mapped files."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from softaxes.motif_index.nearest import Nearest, best_of
from softaxes.motif_index.store import Index

BLOCK_ROWS = 65_536  # codes scored at a time: 32 MB of 128 floats


class ExactSearch:
    """Every code against every query. Time and memory traffic grow with the rows; nothing is built."""

    def __init__(self, index: Index, length: int) -> None:
        self.codes = [segment.codes[length] for segment in index.segments]
        self.live = [segment.live_rows(length) for segment in index.segments]

    def __call__(self, queries: Float[np.ndarray, "Q D"], k: int) -> Nearest:
        """See `softaxes.motif_index.nearest`."""
        if len(queries) == 0:
            return Nearest.of([])
        columns = np.ascontiguousarray(queries, np.float32).T
        found = []
        for at, (codes, live) in enumerate(zip(self.codes, self.live, strict=True)):
            for start in range(0, len(codes), BLOCK_ROWS):
                score = codes[start : start + BLOCK_ROWS] @ columns
                best = np.where(live[start : start + BLOCK_ROWS], score.max(axis=1), -np.inf)
                kept = np.argpartition(-best, k)[:k] if len(best) > k else np.arange(len(best))
                kept = kept[np.isfinite(best[kept])]
                found.append((np.full(len(kept), at), kept + start, score[kept].argmax(axis=1), best[kept]))
        return best_of(Nearest.of(found), k)

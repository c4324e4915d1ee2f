"""Exact search: every code against every query, block by block, straight from the mapped files.

A block's products are reduced to the best query of each row while they are still in the processor's cache: it is the
reading of the codes that takes the time.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from softaxes.search.index.backend import Nearest, best_of, ranks
from softaxes.search.index.store import Index

BLOCK_ROWS = 16_384


class ExactSearch:
    """Time grows with the rows; nothing is built and nothing held in memory but the mapped codes."""

    def __init__(self, index: Index, length: int) -> None:
        self.codes = [torch.from_numpy(segment.codes[length]) for segment in index.segments]
        self.starts = np.cumsum([0, *(len(codes) for codes in self.codes)])
        live = [np.zeros(0, bool), *(segment.live_rows(length) for segment in index.segments)]
        self.deleted = np.flatnonzero(~np.concatenate(live))

    def __call__(self, queries: Float[np.ndarray, "Q D"], k: int) -> Nearest:
        """See `softaxes.search.index.choice`."""
        if len(queries) == 0 or self.starts[-1] == len(self.deleted):
            return Nearest.of([])
        rows = torch.from_numpy(np.array(queries, np.float32))
        blocks = (block for codes in self.codes for block in codes.split(BLOCK_ROWS))
        best = torch.cat([(rows @ block.T).amax(0) for block in blocks]).numpy()
        best[self.deleted] = -np.inf
        most = min(k, len(best) - len(self.deleted))
        kept = np.sort(np.argpartition(-best, most - 1)[:most])
        segment = np.searchsorted(self.starts, kept, side="right") - 1
        found = []
        for at in np.unique(segment).tolist():
            mine = kept[segment == at] - self.starts[at]
            nearest = ranks((self.codes[at][torch.from_numpy(mine)] @ rows.T).numpy()).argmax(1)  # ties: the first
            found.append((np.full(len(mine), at), mine, nearest, best[kept[segment == at]]))
        return best_of(Nearest.of(found), k)

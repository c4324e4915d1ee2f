"""What does a search for the nearest codes answer, whoever does it?

Every backend is a callable ``(queries (Q, D), k) -> Nearest``: the ``k`` clips of an index, of one length and of songs
that count, whose best inner product with any of the queries is largest, best first, ties in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

TIE = 1e-5  # products this near are equal: backends sum in different orders, and what repeats in music is exactly equal


class Nearest(NamedTuple):
    """Columns, best first: segment, row within its arrays, which query came nearest, and the inner product."""

    segment: NDArray[np.int64]
    row: NDArray[np.int64]
    query: NDArray[np.int64]
    score: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, Any, Any, Any]]) -> Nearest:
        """From blocks of (segment, row, query, score), each a number or a column."""
        types = (np.int64, np.int64, np.int64, np.float32)
        columns: list[Any] = [
            np.concatenate([np.zeros(0), *(np.atleast_1d(row[place]) for row in rows)]).astype(kind)
            for place, kind in enumerate(types)
        ]
        return cls(*columns)

    def take(self, which: NDArray[np.int64]) -> Nearest:
        """The rows at these positions."""
        return Nearest(self.segment[which], self.row[which], self.query[which], self.score[which])


Backend = Callable[[Float[np.ndarray, "Q D"], int], Nearest]


def best_of(found: Nearest, k: int) -> Nearest:
    """The ``k`` best distinct rows of a list that may name a row once for every query; ties in the index's order."""
    found = found.take(np.lexsort((found.query, found.row, found.segment, -ranks(found.score))))
    _, first = np.unique(found.segment << 32 | found.row, return_index=True)
    return found.take(np.sort(first)[:k])


def ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers in the order of the scores, equal where they tie."""
    return np.rint(scores / np.float64(TIE)).astype(np.int64)

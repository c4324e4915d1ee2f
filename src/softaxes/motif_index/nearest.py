"""What does a search for the nearest codes answer, whoever does it?

Every backend is a callable ``(queries (Q, D), k) -> Nearest``: the ``k`` clips of an index, of one length and of songs
that count, whose best inner product with any of the queries is largest, best first. `choose` picks one: exact search
up to ``EXACT_CLIPS`` clips, FAISS beyond.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from softaxes.motif_index.store import Index

EXACT_CLIPS = 1_000_000
TIE = 1e-5  # products this near are equal: backends sum in different orders, and what repeats in music is exactly equal
BackendName = Literal["auto", "exact", "faiss", "qdrant"]


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


def check_backend(name: str = "auto", qdrant: str = "") -> None:
    """ValueError for a backend that `choose` could not give, before an index is made for it."""
    if name not in get_args(BackendName):
        raise ValueError(f"`backend` must be auto, exact, faiss or qdrant, got {name!r}")
    if qdrant and name not in ("auto", "qdrant"):
        raise ValueError(f"`qdrant` needs backend auto or qdrant, got {name!r}")
    if name == "qdrant" and not qdrant:
        raise ValueError("backend 'qdrant' needs `qdrant`: a folder, or a server's URL")
    wanted = "qdrant" if qdrant else name
    package = {"faiss": "faiss", "qdrant": "qdrant_client"}.get(wanted)
    if package and not _installed(package):
        raise ValueError(f"backend {wanted!r} needs {package}: pip install 'softaxes[{wanted}]'")


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # loaded, but without a spec
        return True


def choose(index: Index, length: int, name: BackendName = "auto", qdrant: str = "") -> Backend:
    """The backend called ``name`` for the clips of one length.

    Args:
        qdrant: folder or URL of the Qdrant database; asking for one chooses Qdrant where ``name`` is "auto".

    Raises:
        ValueError: its package is missing, or Qdrant was chosen without a place.
    """
    if length not in index.manifest.settings.lengths:
        raise ValueError(f"`length` must be one of the index's {index.manifest.settings.lengths}, got {length}")
    if name == "auto":
        name = "qdrant" if qdrant else "exact" if index.manifest.rows(length) <= EXACT_CLIPS else "faiss"
    if name == "exact":
        from softaxes.motif_index.exact import ExactSearch

        return ExactSearch(index, length)
    if name == "faiss":
        from softaxes.motif_index.faiss_search import FaissSearch

        return FaissSearch(index, length)
    if name == "qdrant":
        from softaxes.motif_index.qdrant_search import QdrantSearch

        if not qdrant:
            raise ValueError("backend 'qdrant' needs `qdrant`: a folder, or a server's URL")
        return QdrantSearch(index, length, qdrant)
    raise ValueError(f"`backend` must be auto, exact, faiss or qdrant, got {name!r}")

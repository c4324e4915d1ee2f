"""Which backend searches an index? Exact search up to ``EXACT_CLIPS`` clips, FAISS beyond, Qdrant where asked."""

from __future__ import annotations

from typing import Literal, get_args

from softaxes.data.optional import has, missing
from softaxes.search.index.backend import Backend
from softaxes.search.index.store import Index

EXACT_CLIPS = 1_000_000
BackendName = Literal["auto", "exact", "faiss", "qdrant"]


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
    if package and not has(package):
        raise missing(package, f"backend {wanted!r}")


def choose(index: Index, length: int, name: BackendName = "auto", qdrant: str = "") -> Backend:
    """The backend called ``name`` for the clips of one length.

    Args:
        qdrant: folder or URL of the Qdrant database; asking for one chooses Qdrant where ``name`` is "auto".

    Raises:
        ValueError: its package is missing, or Qdrant was chosen without a place.
    """
    if length not in index.settings.lengths:
        raise ValueError(f"`length` must be one of the index's {index.settings.lengths}, got {length}")
    if name == "auto":
        name = "qdrant" if qdrant else "exact" if index.rows(length) <= EXACT_CLIPS else "faiss"
    if name == "exact":
        from softaxes.search.index.exact import ExactSearch

        return ExactSearch(index, length)
    if name == "faiss":
        from softaxes.search.index.faiss import FaissSearch

        return FaissSearch(index, length)
    if name == "qdrant":
        from softaxes.search.index.qdrant import QdrantSearch

        if not qdrant:
            raise ValueError("backend 'qdrant' needs `qdrant`: a folder, or a server's URL")
        return QdrantSearch(index, length, qdrant)
    raise ValueError(f"`backend` must be auto, exact, faiss or qdrant, got {name!r}")

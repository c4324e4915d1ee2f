"""Does it help to ask a return's other returns? A similarity, re-ranked by walks through the gallery.

A motif's variants form chains: the first and the last may have little in common but the variants between them. Weights
exp(z / ``TEMPERATURE``) of the standardised scores between all clips, made stochastic on both sides, are summed over
walks of every length, each step discounted by ``ALPHA``. The gallery is seen as a whole, without labels: a score then
depends on what else is in it, unlike a similarity of two clips, so its figures stand apart from theirs.

Source: Zhou, Weston, Gretton, Bousquet, Schölkopf (2004), "Ranking on data manifolds", NIPS.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns.notes import Notes, Similarity

ALPHA, TEMPERATURE = 0.8, 0.5


def walks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the discounted walks between n clips from their scores (n, n)."""
    n = len(scores)
    if scores.shape != (n, n):
        raise ValueError(f"`scores` must be square, got {scores.shape}")
    spread = scores.std()
    weights = np.exp((scores - scores.max()) / (TEMPERATURE * spread if spread > 0 else 1.0))
    np.fill_diagonal(weights, 0.0)
    root = np.sqrt(np.maximum(weights.sum(axis=1), 1e-300))
    return np.log(np.maximum(np.linalg.inv(np.eye(n) - ALPHA * weights / root[:, None] / root[None, :]), 1e-300))


def in_context(similarity: Similarity, queries: Sequence[Notes], gallery: Sequence[Notes]) -> NDArray[np.float64]:
    """Scores (queries, gallery) of ``similarity``, re-ranked in the context of the gallery and each query alone."""
    if len(queries) == len(gallery) and all(a is b for a, b in zip(queries, gallery, strict=True)):
        return walks(_symmetric(similarity(gallery, gallery)))
    among = _symmetric(similarity(gallery, gallery))
    places = {id(clip): k for k, clip in enumerate(gallery)}
    out = np.empty((len(queries), len(gallery)))
    whole = walks(among) if any(id(q) in places for q in queries) else among
    for row, query in enumerate(queries):
        out[row] = whole[places[id(query)]] if id(query) in places else _joined(among, similarity([query], gallery)[0])
    return out


def _joined(among: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """The walks from one more clip with these scores."""
    n = len(row)
    joined = np.empty((n + 1, n + 1))
    joined[:n, :n], joined[n, :n], joined[:n, n], joined[n, n] = among, row, row, row.max(initial=0.0)
    return walks(joined)[n, :n]


def _symmetric(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return (scores + scores.T) / 2

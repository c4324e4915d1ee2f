"""How alike are two stretches of music that may differ in length? Along their best diagonal.

A stretch is a row of parts in order, each a vector of length 1 or of zeros (silence): codes of its bars, or chroma of
its beats. With S the matrix of cosines between the parts of two stretches of n and m parts,

    similarity = max over offsets d of  sum_i S[i, i + d] / max(n, m)

so parts without a partner count as unlike; for nonnegative vectors it lies in 0..1, and 1 = equal parts in equal order.
A power p sharpens the cosines first, sign(c) |c|^p: a few parts that are nearly equal then say more than many that are
vaguely alike.
It is the diagonal of a self-similarity matrix (Foote 1999) between two labelled places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray


def best_diagonal(cosines: Float[np.ndarray, "n m"]) -> float:
    """The largest sum along a diagonal / the larger side; 0 if a side is empty."""
    n, m = cosines.shape
    if not n or not m:
        return 0.0
    return max(float(np.trace(cosines, offset)) for offset in range(1 - n, m)) / max(n, m)


def stretch_similarity(stretches: Sequence[Float[np.ndarray, "n D"]], power: float = 1.0) -> Float[np.ndarray, "p p"]:
    """Similarity of every stretch with every other; ValueError if ``power`` is not positive."""
    if not power > 0:
        raise ValueError(f"`power` must be > 0, got {power}")
    scores = np.zeros((len(stretches), len(stretches)))
    for i, first in enumerate(stretches):
        for j in range(i, len(stretches)):
            cosines = first @ stretches[j].T
            scores[i, j] = scores[j, i] = best_diagonal(np.sign(cosines) * np.abs(cosines) ** power)
    return scores


def best_of_keys(stretches: Sequence[Float[np.ndarray, "n 12"]]) -> Float[np.ndarray, "p p"]:
    """The same for chroma under the best of twelve transpositions of the one."""
    scores = np.zeros((12, len(stretches), len(stretches)))
    for key in range(12):
        for i, first in enumerate(stretches):
            for j, second in enumerate(stretches):
                scores[key, i, j] = best_diagonal(first @ np.roll(second, key, axis=1).T)
    best: NDArray[np.float64] = scores.max(axis=0)
    return best


def chroma_parts(onset: ArrayLike, end: ArrayLike, pitch: ArrayLike, edges: ArrayLike) -> Float[np.ndarray, "n 12"]:
    """Chroma between successive ``edges`` (n + 1 rising times): how long each pitch class sounds, as a unit vector.

    All times in one unit; parts in which nothing sounds are zeros.
    """
    begins, ends, lines = np.asarray(onset, float), np.asarray(end, float), np.asarray(edges, float)
    if (np.diff(lines) <= 0).any():
        raise ValueError("`edges` must rise")
    sounding = np.minimum(ends[None], lines[1:, None]) - np.maximum(begins[None], lines[:-1, None])
    classes = np.eye(12)[np.asarray(pitch, np.int64) % 12]
    chroma = np.clip(sounding, 0, None) @ classes
    length = np.linalg.norm(chroma, axis=1, keepdims=True)
    return np.where(length > 0, chroma / np.where(length > 0, length, 1), 0.0)

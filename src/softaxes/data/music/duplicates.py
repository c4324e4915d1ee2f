"""Which songs are the same music: under another name, in another key, at another speed?

Conventions
    The melody is spelled as steps from note to note: the interval in semitones, and how the time to the next note grows
    or shrinks (a ratio). Neither changes when a tune is transposed, or written in values twice as long. Runs of
    ``LENGTH`` such steps are a song's *shingles*.
    Likeness is containment: shared shingles over those of the song that has fewer, 0 (none in common) to 1 (the shorter
    one is wholly inside the other). Shingles that more than ``COMMON`` songs share are everybody's (scales, repeated
    notes) and say nothing; a song with fewer than ``FEWEST`` others is like no other.

Only songs that share a shingle are compared: an inverted index as a sparse matrix product, in blocks, so time and
memory grow with true similarity, not with the square of the number of songs. After Broder (1997), without his sampling.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from softaxes.data.music.rolls import melody
from softaxes.data.music.skyline import skyline
from softaxes.data.music.song import Song

LENGTH = 6
COMMON = 50
FEWEST = 8
BLOCK = 2000


def shingles(notes: NDArray[np.void], length: int = LENGTH) -> NDArray[np.uint64]:
    """The distinct shingles of one voice, as hashes, sorted; [] for a voice of fewer than ``length + 2`` notes."""
    onset, pitch = notes["onset"].astype(np.int64), notes["pitch"].astype(np.int64)
    gap = np.maximum(np.diff(onset), 1)
    ratio = np.round(4 * np.log2(gap[1:] / gap[:-1])).astype(np.int64)  # quarter octaves: 3/2, 2 and 3 stay apart
    symbol = ((np.diff(pitch)[:-1] + 128) * 256 + ratio + 128).astype(np.uint64)
    if len(symbol) < length:
        return np.zeros(0, dtype=np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(symbol, length)
    mixed = np.zeros(len(runs), dtype=np.uint64)
    for column in runs.T:  # a polynomial hash in 64 bits, which wraps by design, with a finisher that spreads the bits
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + column
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def near_duplicates(songs: Sequence[Song], threshold: float = 0.2) -> list[tuple[int, int, float]]:
    """Pairs ``(i, j, similarity)`` with i < j and similarity >= ``threshold`` (0..1), sorted."""
    from scipy import sparse

    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` must be above 0 and at most 1, got {threshold}")
    sets = [shingles(skyline(melody(song))) for song in songs]
    owner = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
    if len(owner) == 0:
        return []
    _, column, shared_by = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    telling = shared_by[column] <= COMMON
    owner, column = owner[telling], column[telling]
    size = np.bincount(owner, minlength=len(sets))
    holds = sparse.csr_matrix((np.ones(len(owner), dtype=np.int32), (owner, column)), shape=(len(sets), len(shared_by)))
    pairs: list[tuple[int, int, float]] = []
    for begin in range(0, len(sets), BLOCK):
        common = (holds[begin : begin + BLOCK] @ holds.T).tocoo()
        i, j = common.row + begin, common.col
        smaller = np.minimum(size[i], size[j])
        like = common.data / np.maximum(smaller, 1)
        keep = (i < j) & (like >= threshold) & (smaller >= FEWEST)
        pairs += zip(i[keep].tolist(), j[keep].tolist(), like[keep].tolist(), strict=True)
    return sorted(pairs)


def group_together(n: int, pairs: Sequence[tuple[int, int]]) -> Int[np.ndarray, " n"]:
    """Group numbers 0, 1, ... of n songs such that both ends of every pair, and of chains of pairs, share one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return np.arange(n)
    ends = np.array(pairs).T
    linked = coo_matrix((np.ones(len(pairs)), (ends[0], ends[1])), shape=(n, n))
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)

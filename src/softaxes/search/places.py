"""Which places of an index do the codes of a query point to?

A query is cut into *clips* like those of the index. Its clips begin at every step of a hop, so that some stand on the
index's grid whatever the query's own. Those whose starts differ by whole hops stand on it together: where the first
falls on a clip of a song, the others fall on others of that song, or on silence. So a *place* is named by one near pair
of clips, and what the codes say of it is the mean cosine of all pairs that it makes, 0 for silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from softaxes.search.index.backend import Nearest
from softaxes.search.index.store import Index, Segment

QUERY_PLACES = 6  # along the query, a hop or more apart; longer queries are sampled evenly


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of a query, one a row; ``start`` in its own steps."""

    codes: Float[np.ndarray, "Q D"]
    coordinates: Float[np.ndarray, "Q L"]
    start: Int[np.ndarray, " Q"]
    length: int


class Place(NamedTuple):
    """Where a query may stand: its step 0 falls on ``step`` of the song.

    ``clip`` of the query lies on ``row`` of the segment; ``similarity`` is the mean cosine of all clips that do.
    """

    segment: int
    song: int
    step: int
    row: int
    clip: int
    similarity: float


def clip_places(onsets: Int[np.ndarray, " m"], length_steps: int, clip_steps: int, hop_steps: int) -> NDArray[np.int64]:
    """Steps of a query at which a clip begins: around each of up to ``QUERY_PLACES`` places, every step of a hop.

    Args:
        onsets: of the query's notes, rising; it ends before ``length_steps``.
    """
    last = max(0, length_steps - clip_steps)
    places = np.arange(0, last + 1, hop_steps)
    if len(places) > QUERY_PLACES:
        places = places[np.linspace(0, len(places) - 1, QUERY_PLACES).astype(np.int64)]
    around = np.arange(hop_steps) - (hop_steps - 1) // 2
    starts = np.unique(places[:, None] + around)
    inside = np.searchsorted(onsets, starts + clip_steps) - np.searchsorted(onsets, starts)
    return starts[inside >= min(2, len(onsets))].astype(np.int64)


def places_of(index: Index, clips: Clips, found: Nearest) -> list[Place]:
    """The distinct places that the nearest clips name, most similar first; ties in the order of ``found``."""
    hop, ranked = index.settings.hop_steps, []
    for at in np.unique(found.segment).tolist():
        mine = np.flatnonzero(found.segment == at)
        table = index.segments[at].table[clips.length][found.row[mine]]
        song, step = table["song"].astype(np.int64), table["start"] - clips.start[found.query[mine]]
        _, first = np.unique(np.stack([song, step // hop]), axis=1, return_index=True)
        first.sort()
        song, step, which = song[first], step[first], mine[first]
        cosines = mean_cosines(index.segments[at], clips, song, step, hop)
        columns = (column.tolist() for column in (which, song, step, found.row[which], found.query[which], cosines))
        for rank, number, start, row, clip, cosine in zip(*columns, strict=True):
            ranked.append((-round(cosine, 5), rank, Place(at, number, start, row, clip, cosine)))
    return [place for _, _, place in sorted(ranked)]


def mean_cosines(
    segment: Segment, clips: Clips, song: Int[np.ndarray, " n"], step: Int[np.ndarray, " n"], hop: int
) -> Float[np.ndarray, " n"]:
    """Mean cosine of the clips that stand on the index's grid if the query's step 0 falls on ``step`` of ``song``."""
    keys, codes = segment.places(clips.length), segment.codes[clips.length]
    means = np.zeros(len(song))
    for phase in np.unique(step % hop).tolist():
        mine = np.flatnonzero(step % hop == phase)
        on_grid = np.flatnonzero((clips.start + phase) % hop == 0)
        wanted = segment.key(song[mine, None], step[mine, None] + clips.start[on_grid])
        row = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        cosines = np.einsum("nqd,qd->nq", codes[row], clips.codes[on_grid])
        means[mine] = np.where(keys[row] == wanted, cosines, 0).mean(axis=1)
    return means

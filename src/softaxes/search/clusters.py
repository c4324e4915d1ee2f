"""Which clips of a corpus belong together? Codes grouped by k-means, and how stable the clusters are.

Codes have no register, and clips begin with a note, so one cluster holds a motif wherever it stands. Clips at
successive beats overlap: a cluster's count is the number of places at least a clip's length apart, song by song.

``stability`` asks whether a group survives what it claims not to see: the share of clips whose shifted copy falls into
the same cluster, 1 = always, beside the chance that any two clips share a cluster. Codes that turn with a shift are
given at every turn: the nearest centroid of any decides.

Source: mini-batch k-means: Sculley (2010), "Web-scale k-means clustering".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

FIT_CODES = 50_000  # the groups are fitted on so many codes, spread evenly; all are then dealt


@dataclass(frozen=True)
class Cluster:
    """A cluster of clips.

    Attributes:
        clip: the row nearest the centroid: what the cluster looks like.
        rows: its clips.
        count: places where it stands, overlapping ones counted once.
        songs: number of songs it occurs in.
        mean_cosine: of its clips with the centroid, -1..1; 1 = all have one code.
    """

    clip: int
    rows: Int[np.ndarray, " n"]
    count: int
    songs: int
    mean_cosine: float


def fit_clusters(
    codes: Float[np.ndarray, "n D"], clusters: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The cluster (n,) of every code and the centroids (k, D); k = ``clusters``, or fewer if fewer codes differ.

    Raises:
        ValueError: ``clusters`` < 1, or no codes.
    """
    if clusters < 1 or len(codes) == 0:
        raise ValueError(f"`clusters` must be >= 1 and `codes` not empty, got {clusters} and {len(codes)} codes")
    from sklearn.cluster import MiniBatchKMeans

    chosen = np.linspace(0, len(codes) - 1, min(FIT_CODES, len(codes))).astype(np.int64)
    sample = np.ascontiguousarray(codes[chosen], np.float32)
    different = len(np.unique(sample.round(3), axis=0))
    model = MiniBatchKMeans(min(clusters, different), random_state=seed, n_init=3, batch_size=2048, max_iter=30)
    model.fit(sample)
    return model.predict(np.ascontiguousarray(codes, np.float32)).astype(np.int64), model.cluster_centers_


def describe_clusters(
    codes: Float[np.ndarray, "n D"],
    group: Int[np.ndarray, " n"],
    centroids: Float[np.ndarray, "k D"],
    song: Int[np.ndarray, " n"],
    start: Int[np.ndarray, " n"],
    length_steps: int,
) -> list[Cluster]:
    """The clusters, those of most songs first, then by count; those without a clip are left out."""
    units = centroids / np.linalg.norm(centroids, axis=1, keepdims=True).clip(1e-12)
    clusters = []
    for number in range(len(centroids)):
        rows = np.flatnonzero(group == number)
        if len(rows):
            cosine = codes[rows] @ units[number]
            count = places_apart(song[rows], start[rows], length_steps)
            songs = len(np.unique(song[rows]))
            clusters.append(Cluster(int(rows[cosine.argmax()]), rows, count, songs, float(cosine.mean())))
    return sorted(clusters, key=lambda cluster: (-cluster.songs, -cluster.count))


def places_apart(song: Int[np.ndarray, " n"], start: Int[np.ndarray, " n"], length_steps: int) -> int:
    """How many of these places can be kept so that none of a song overlaps: earliest first."""
    count, last_song, end = 0, None, 0
    for number in np.lexsort((start, song)).tolist():
        if song[number] != last_song or start[number] >= end:
            count, last_song, end = count + 1, song[number], int(start[number]) + length_steps
    return count


def stability(
    centroids: Float[np.ndarray, "k D"], before: Float[np.ndarray, "*T n D"], after: Float[np.ndarray, "*T n D"]
) -> float:
    """Share of rows whose nearest centroid is the same before and after a shift, 0..1; of T turns the nearest."""
    return float((_nearest(centroids, before) == _nearest(centroids, after)).mean())


def same_cluster_by_chance(group: Int[np.ndarray, " n"]) -> float:
    """Chance that two clips drawn at random share a cluster: the sum of squared shares."""
    shares = np.bincount(group) / max(1, len(group))
    return float((shares**2).sum())


def _nearest(centroids: NDArray[np.float32], codes: Float[np.ndarray, "*T n D"]) -> NDArray[np.int64]:
    turns = codes.reshape(-1, *codes.shape[-2:])
    distance: NDArray[np.float32] = np.min([(centroids**2).sum(1) - 2 * turn @ centroids.T for turn in turns], axis=0)
    return distance.argmin(axis=1)

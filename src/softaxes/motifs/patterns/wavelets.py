"""Where does a melody fall into segments by its own contour, and which segments are alike?

The pitch signal is filtered with a Haar wavelet of one scale: at each step, the mean of the half window before less the
mean of the half window after, times a constant. Its mean is zero, so transposition changes nothing. Segment borders are
the zero crossings ("zero") or the local maxima of the absolute coefficients ("maxima"). Segments are compared by
city-block distance of their coefficients, the shorter one padded with zeros, and clustered by average linkage up to a
threshold; clusters with at least two segments are patterns, ranked by the steps they cover. One voice only.

Source: Velarde, Meredith, Weyde (2016), "A wavelet-based approach to pattern discovery in melodies", in Computational
Music Analysis, chapter 12. Haar at a scale, not a wavelet transform of a library, because PyWavelets has no continuous
Haar; a test compares the filter with PyWavelets' Haar function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns.matrix_profile import pitch_signal
from softaxes.motifs.patterns.notes import check_monophonic
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT, Points

BORDERS = ("zero", "maxima")
MAX_SEGMENTS = 5_000


def haar_coefficients(signal: ArrayLike, scale: int) -> NDArray[np.float64]:
    """Haar wavelet coefficients at one scale (even number of steps), (n,): w[t] = sum_k s[t + k] psi(k) / sqrt(scale).

    psi is +1 on the ``scale`` / 2 steps before t and -1 on the ``scale`` / 2 steps from t on; the ends are held.
    """
    if scale < 2 or scale % 2:
        raise ValueError(f"`scale` must be an even number >= 2 of steps, got {scale}")
    values = np.asarray(signal, float)
    if len(values) == 0:
        return values
    half = scale // 2
    padded = np.concatenate([[0.0], np.cumsum(np.pad(values - values[0], half, mode="edge"))])
    t = np.arange(len(values)) + half
    return (2 * padded[t] - padded[t - half] - padded[t + half]) / np.sqrt(scale)


def segment_borders(coefficients: ArrayLike, at: str = "zero") -> NDArray[np.int64]:
    """Starts of the segments, ascending, 0 first; none for an empty signal."""
    if at not in BORDERS:
        raise ValueError(f"`at` must be one of {BORDERS}, got {at!r}")
    w = np.asarray(coefficients, float)
    if len(w) == 0:
        return np.zeros(0, np.int64)
    if at == "zero":
        sign = np.sign(w)
        inner = np.flatnonzero((sign[1:] != sign[:-1]) & (sign[1:] != 0)) + 1
    else:
        size = np.abs(w)
        inner = np.flatnonzero((size[1:-1] > size[:-2]) & (size[1:-1] >= size[2:])) + 1
    return np.unique(np.concatenate([[0], inner])).astype(np.int64)


def segment_distances(segments: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """City-block distances (n, n) per step of the longer segment, the shorter padded with zeros."""
    lengths = np.array([len(s) for s in segments])
    padded = np.zeros((len(segments), int(lengths.max(initial=0))))
    for row, segment in zip(padded, segments, strict=True):
        row[: len(segment)] = segment
    rows = [np.abs(padded - row).sum(axis=1) for row in padded]
    return np.array(rows).reshape(len(segments), len(segments)) / np.maximum(lengths[:, None], lengths[None, :])


def clusters(distances: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Cluster number of every segment: average linkage, merged up to ``threshold``."""
    if len(distances) < 2:
        return np.zeros(len(distances), np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distances, checks=False), method="average")
    return fcluster(tree, threshold, criterion="distance").astype(np.int64) - 1


def wavelet_patterns(
    voice: ArrayLike,
    scale_ticks: int = 2 * TICKS_PER_BEAT,
    step_ticks: int = TICKS_PER_BEAT // 4,
    threshold: float = 1.0,
    at: str = "zero",
    top: int = 50,
) -> list[list[Points]]:
    """Patterns of one voice: clusters of its segments (two notes or more), by steps covered, at most ``top``."""
    points = check_monophonic(voice, "wavelet segmentation")
    if len(points) == 0:
        return []
    signal = pitch_signal(points, step_ticks)
    scale = 2 * max(1, round(scale_ticks / step_ticks / 2))
    coefficients = haar_coefficients(signal, scale)
    starts = segment_borders(coefficients, at)
    ends = np.append(starts[1:], len(signal))
    found = [_notes(points, a, b, step_ticks) for a, b in zip(starts, ends, strict=True)]
    useful = [k for k in range(len(found)) if len(found[k]) >= 2]
    if len(useful) > MAX_SEGMENTS:
        raise ValueError(f"wavelet segmentation takes at most {MAX_SEGMENTS:,} segments, got {len(useful):,}")
    labels = clusters(segment_distances([coefficients[starts[k] : ends[k]] for k in useful]), threshold)
    groups = [[useful[i] for i in np.flatnonzero(labels == c)] for c in range(labels.max(initial=-1) + 1)]
    groups = sorted((g for g in groups if len(g) > 1), key=lambda g: -int((ends[g] - starts[g]).sum()))
    return [[found[k] for k in group] for group in groups[:top]]


def _notes(points: Points, start: int, end: int, step_ticks: int) -> Points:
    first = points[0, 0]
    inside = (points[:, 0] >= first + start * step_ticks) & (points[:, 0] < first + end * step_ticks)
    return points[inside]

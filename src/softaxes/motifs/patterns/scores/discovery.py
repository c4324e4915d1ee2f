"""How well do discovered patterns agree with annotated ones?

Goal: the MIREX measures for discovery of repeated themes: establishment (was each pattern found at all?), occurrence
(were its returns found, among pairs of patterns that agree to at least c = .75 or .5?), three-layer (patterns made of
occurrences made of notes). All in [0, 1]; 1 = equal, 0 = no note in common.

Conventions: a pattern is a list of occurrences, an occurrence an (m, 2) array of integer onsets and MIDI numbers at
absolute positions. Occurrences are compared by |A n B| / max(|A|, |B|), layers by F1. No pattern on either side: 0.

Values equal mir_eval.pattern's (a test holds that), from one product of incidence matrices per batch of patterns
instead of a loop over pairs. mir_eval.pattern.evaluate itself reports occurrence .75 under the name .5 (version 0.8.2
passes ``thresh`` for ``thres``): call its metric functions, or this one.
Source: Collins, MIREX 2013-2017 "Discovery of repeated themes and sections"; three-layer: Meredith (2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from softaxes.motifs.patterns.pointset import as_points

Pattern = Sequence[ArrayLike]
Matrix = NDArray[np.float64]
BATCH_OCCURRENCES = 20_000


@dataclass(frozen=True)
class Agreement:
    """Pattern x pattern matrices (reference, estimated)."""

    established: Matrix  # best cardinality score of any two occurrences
    precision: Matrix  # mean over estimated occurrences of their best reference
    recall: Matrix  # mean over reference occurrences of their best estimate
    layer2: Matrix  # F1 of occurrences whose layer is F1 of notes


def discovery_scores(reference: Sequence[Pattern], estimated: Sequence[Pattern]) -> dict[str, float]:
    """est_f1, occ75_f1, occ5_f1, three_layer_f1, each with its ..._p and ..._r."""
    _check(reference, "reference")
    _check(estimated, "estimated")
    names = ("est", "occ75", "occ5", "three_layer")
    if not reference or not estimated:
        return {f"{name}_{part}": 0.0 for name in names for part in ("f1", "p", "r")}
    pairs = agreement(reference, estimated)
    values = (
        _mean_of_best(pairs.established),
        occurrence(pairs, 0.75),
        occurrence(pairs, 0.5),
        _mean_of_best(pairs.layer2),
    )
    scores: dict[str, float] = {}
    for name, (p, r) in zip(names, values, strict=True):
        scores |= {f"{name}_f1": float(f1(p, r)), f"{name}_p": float(p), f"{name}_r": float(r)}
    return scores


def agreement(reference: Sequence[Pattern], estimated: Sequence[Pattern]) -> Agreement:
    """Every pair of patterns compared, in batches of estimated patterns."""
    columns: dict[tuple[int, int], int] = {}
    known = _incidence(reference, columns)
    parts, first = [], 0
    sizes = np.cumsum([0] + [len(p) for p in estimated])
    while first < len(estimated):
        last = max(first + 1, int(np.searchsorted(sizes, sizes[first] + BATCH_OCCURRENCES, side="right")) - 1)
        found = _incidence(estimated[first:last], columns)
        parts.append(_compare(known, found, _starts(reference), _starts(estimated[first:last])))
        first = last
    return Agreement(*(np.concatenate(matrices, axis=1) for matrices in zip(*parts, strict=True)))


def occurrence(pairs: Agreement, threshold: float) -> tuple[float, float]:
    """Occurrence precision and recall over the pairs of patterns that agree to at least ``threshold``."""
    relevant = pairs.established >= threshold
    rows, columns = np.nonzero(relevant)
    if len(rows) == 0:
        return 0.0, 0.0
    precision = np.where(relevant, pairs.precision, 0.0).max(axis=0)[columns].mean()
    recall = np.where(relevant, pairs.recall, 0.0).max(axis=1)[rows].mean()
    return float(precision), float(recall)


def f1(precision: ArrayLike, recall: ArrayLike) -> Matrix:
    """Harmonic mean, 0 where both are 0."""
    p, r = np.asarray(precision, float), np.asarray(recall, float)
    total = p + r
    return np.divide(2 * p * r, total, out=np.zeros_like(total), where=total > 0)


def _mean_of_best(matrix: Matrix) -> tuple[float, float]:
    return float(matrix.max(axis=0).mean()), float(matrix.max(axis=1).mean())


def _compare(
    known: sparse.csr_matrix, found: sparse.csr_matrix, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    width = max(known.shape[1], found.shape[1])
    known.resize(known.shape[0], width)
    found.resize(found.shape[0], width)
    common = (known @ found.T).toarray().astype(float)
    size, other = known.sum(axis=1).A1[:, None], found.sum(axis=1).A1[None, :]
    precision, recall = _layer(common / np.maximum(size, other), rows, columns)
    inner = _layer(2 * common / (size + other), rows, columns)
    established = np.maximum.reduceat(common / np.maximum(size, other), rows, axis=0)
    return np.maximum.reduceat(established, columns, axis=1), precision, recall, f1(*inner)


def _layer(scores: Matrix, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Occurrence x occurrence scores to pattern x pattern precision and recall: mean of the best match."""
    row_counts = np.diff(np.append(rows, scores.shape[0]))[:, None]
    column_counts = np.diff(np.append(columns, scores.shape[1]))[None, :]
    best_reference = np.maximum.reduceat(scores, rows, axis=0)
    best_estimate = np.maximum.reduceat(scores, columns, axis=1)
    precision = np.add.reduceat(best_reference, columns, axis=1) / column_counts
    return precision, np.add.reduceat(best_estimate, rows, axis=0) / row_counts


def _starts(patterns: Sequence[Pattern]) -> NDArray[np.int64]:
    return np.cumsum([0] + [len(p) for p in patterns])[:-1]


def _incidence(patterns: Sequence[Pattern], columns: dict[tuple[int, int], int]) -> sparse.csr_matrix:
    """Occurrence x note matrix of ones; new notes get new columns."""
    indices: list[int] = []
    starts = [0]
    for occurrences in patterns:
        for points in occurrences:
            distinct = set(map(tuple, np.asarray(points).tolist()))
            indices.extend(columns.setdefault(point, len(columns)) for point in distinct)
            starts.append(len(indices))
    ones = np.ones(len(indices), np.int32)
    return sparse.csr_matrix((ones, indices, starts), shape=(len(starts) - 1, len(columns)))


def _check(patterns: Sequence[Pattern], name: str) -> None:
    for k, occurrences in enumerate(patterns):
        if len(occurrences) == 0:
            raise ValueError(f"`{name}` pattern {k} has no occurrence")
        for points in occurrences:
            if len(as_points(points)) == 0:
                raise ValueError(f"`{name}` pattern {k} has an occurrence without notes")

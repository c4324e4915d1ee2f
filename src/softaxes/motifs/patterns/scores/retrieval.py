"""Given one return of a motif, are the other returns ranked above everything else?

Goal: mean average precision and precision at 1 within a movement: every occurrence is a query once, the gallery is all
other occurrences of the movement, relevant are those of the same letter. A letter that occurs once is no query.

Conventions: scores (queries, gallery), larger = more similar. Ties count with their expected value over random orders
(McSherry and Najork 2008), so a constant score has the chance level, whatever the order of the gallery.

MAP over non-exact pairs: exact returns are easy and note counts give motifs away (note count alone: MAP .49). So the
relevant items are the same-letter occurrences that are not an exact translation of the query, chromatic or morphetic
(exact ones leave the gallery), and each of them brings ``PER_RELEVANT`` distractors with exactly as many notes, cut
from other motifs or from single staves, which share no note with any occurrence of the letter. A score that looks at
nothing but note counts is then at the level of a constant score, which is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns.datasets.bps_motif import Movement
from softaxes.motifs.patterns.notes import Notes, Similarity
from softaxes.motifs.patterns.pointset import vectors

PER_RELEVANT = 5


@dataclass(frozen=True)
class Retrieval:
    """Means over the queries of one movement; NaN where there is no query."""

    map: float
    p1: float
    map_nonexact: float


@dataclass(frozen=True)
class NonExact:
    """One letter's occurrences, which pairs are not exact, and distractors with the clip each belongs to."""

    clips: list[Notes]
    different: NDArray[np.bool_]
    owner: NDArray[np.int64]
    distractors: list[Notes]


def average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Expected average precision of a ranking by ``scores``, ties in random order; NaN if nothing is relevant."""
    blocks = _tied_blocks(scores, relevant)
    total, above, hits = 0.0, 0, 0
    for size, good in blocks:
        place = np.arange(1, size + 1)
        earlier = (place - 1) * (good - 1) / (size - 1) if size > 1 else 0.0
        total += float((good / size * (hits + 1 + earlier) / (above + place)).sum()) if good else 0.0
        above, hits = above + size, hits + good
    return total / hits if hits else float("nan")


def precision_at_1(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Chance that the first item is relevant, ties in random order; NaN if nothing is relevant."""
    blocks = _tied_blocks(scores, relevant)
    return blocks[0][1] / blocks[0][0] if any(good for _, good in blocks) else float("nan")


def retrieval(movement: Movement, similarity: Similarity, tasks: Sequence[NonExact] | None = None) -> Retrieval:
    """The three figures of one movement for one similarity; ``tasks`` from ``non_exact_tasks``, made here if absent."""
    clips = [o.notes for o in movement.occurrences]
    letters = np.array([o.letter for o in movement.occurrences])
    precision, first = map_and_p1(similarity(clips, clips), letters) if clips else (float("nan"),) * 2
    return Retrieval(precision, first, map_nonexact(non_exact_tasks(movement) if tasks is None else tasks, similarity))


def map_and_p1(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """MAP and P@1 of a square score matrix, each item a query against all others."""
    matrix, names = np.asarray(scores, float), np.asarray(labels)
    if matrix.shape != (len(names), len(names)):
        raise ValueError(f"`scores` must be square, one row a label ({len(names)}), got {matrix.shape}")
    values = []
    for i in range(len(names)):
        others = np.arange(len(names)) != i
        relevant = names[others] == names[i]
        if relevant.any():
            row = matrix[i, others]
            values.append((average_precision(row, relevant), precision_at_1(row, relevant)))
    if not values:
        return float("nan"), float("nan")
    means = np.mean(values, axis=0)
    return float(means[0]), float(means[1])


def map_nonexact(tasks: Sequence[NonExact], similarity: Similarity) -> float:
    """MAP over the non-exact pairs of a movement with size-matched distractors; NaN if it has no such pair."""
    values = []
    for task in tasks:
        scores = np.asarray(similarity(task.clips, [*task.clips, *task.distractors]), float)
        for i in np.flatnonzero(task.different.any(axis=1)):
            offered = np.concatenate([task.different[i], task.different[i][task.owner]])
            relevant = np.arange(len(offered)) < len(task.clips)
            values.append(average_precision(scores[i][offered], relevant[offered]))
    return float(np.mean(values)) if values else float("nan")


def non_exact_tasks(movement: Movement, seed: int = 0, per_relevant: int = PER_RELEVANT) -> list[NonExact]:
    """One task a letter that has non-exact pairs; the distractors are drawn once, so all methods see the same."""
    rng = np.random.default_rng(seed)
    tasks = []
    lines = _staff_lines(movement.notes)
    for letter in dict.fromkeys(o.letter for o in movement.occurrences):
        clips = [o.notes for o in movement.occurrences if o.letter == letter]
        others = [_one_per_point(o.notes) for o in movement.occurrences if o.letter != letter]
        different = ~exact_pairs(clips)
        if different.any():
            owner, distractors = size_matched(clips, others, lines, per_relevant, rng)
            tasks.append(NonExact(clips, different, owner, distractors))
    return tasks


def exact_pairs(clips: Sequence[Notes]) -> NDArray[np.bool_]:
    """Which pairs are translations of each other in time and chromatic pitch, or in time and morphetic pitch?"""
    equal = np.zeros((len(clips), len(clips)), bool)
    for kind in ("chromatic", "morphetic"):
        shapes = [vectors(clip.points(kind)).tobytes() for clip in clips]
        equal |= np.array([[a == b for b in shapes] for a in shapes])
    return equal


def size_matched(
    clips: Sequence[Notes], others: Sequence[Notes], lines: Sequence[Notes], per: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[Notes]]:
    """``per`` distractors for each clip: the clip's index, and as many notes as it has, none of them in any clip.

    First the openings of other motifs' occurrences, in random order; when these run out, runs of one staff's top voice.
    """
    taken = np.unique(np.concatenate([_codes(c) for c in clips]))
    free = [np.isin(_codes(o), taken, invert=True) for o in others]
    open_for = [int(np.argmin(f)) if not f.all() else len(f) for f in free]  # notes before the first taken one
    owner: list[int] = []
    distractors: list[Notes] = []
    for k, clip in enumerate(clips):
        size = len(clip.points())
        fits = [o for o, length in zip(others, open_for, strict=True) if length >= size]
        chosen = [fits[i].take(np.arange(size)) for i in rng.permutation(len(fits))[:per]]
        chosen += _runs(lines, size, per - len(chosen), taken, rng)
        owner += [k] * len(chosen)
        distractors += chosen
    return np.array(owner, np.int64), distractors


def _runs(
    lines: Sequence[Notes], size: int, wanted: int, taken: NDArray[np.int64], rng: np.random.Generator
) -> list[Notes]:
    """Up to ``wanted`` random runs of ``size`` notes of one line that hold none of the ``taken`` points."""
    found: list[Notes] = []
    starts = [(line, s) for line in lines for s in range(len(line) - size + 1)] if wanted else []
    for at in rng.permutation(len(starts)):
        if len(found) == wanted:
            break
        line, start = starts[at]
        run = line.take(np.arange(start, start + size))
        if not np.isin(_codes(run), taken).any():
            found.append(run)
    return found


def _codes(notes: Notes) -> NDArray[np.int64]:
    """One integer a note: its point."""
    return notes.onset * 2**11 + notes.midi


def _staff_lines(notes: Notes) -> list[Notes]:
    if notes.staff is None:
        return [notes.skyline()]
    return [notes.take(notes.staff == staff).skyline() for staff in np.unique(notes.staff)]


def _one_per_point(notes: Notes) -> Notes:
    """Sorted by onset, then pitch, duplicates dropped."""
    _, index = np.unique(np.stack([notes.onset, notes.midi], axis=1), axis=0, return_index=True)
    return notes.take(index)


def _tied_blocks(scores: ArrayLike, relevant: ArrayLike) -> list[tuple[int, int]]:
    """(items, relevant items) of every block of equal scores, best first."""
    values, good = np.asarray(scores, float), np.asarray(relevant, bool)
    if values.ndim != 1 or values.shape != good.shape or len(values) == 0:
        raise ValueError(f"`scores` and `relevant` must be equally long lists, got {values.shape} and {good.shape}")
    if np.isnan(values).any():
        raise ValueError("`scores` must not be nan")
    _, block = np.unique(-values, return_inverse=True)
    return list(zip(np.bincount(block).tolist(), np.bincount(block, weights=good).astype(int).tolist(), strict=True))

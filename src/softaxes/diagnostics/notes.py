"""Are the right notes there, at the right pitch, and did an edit leave alone what it should not touch?

Goal: compare decoded rolls with true ones.

Conventions: rolls (N, 2, P, T) hold 0 or 1 (threshold probabilities first): channel 0 onsets, channel 1 sounding, the
onset step included; P pitches, one a semitone, low to high; T steps. Counts are kept per window and added up over
windows before a ratio is taken, so a long song weighs more than a short one. Where neither roll holds a note, F1 is 1:
they agree; where one of them does, it is 0.

Metrics:
    frame_counts    sounding (pitch, step) cells: precision, recall, F1
    note_counts     onsets: equal pitch, onset within a tolerance in steps, each note used once, offsets play no part;
                    the largest matching there is, as mir_eval.transcription finds it (offset_ratio=None)
    transposition   which transposition of the source does the edited roll match best?
    leakage         share of onset times (of pitches) that an edit moved although it should not have
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from softaxes.diagnostics.labelled import Array, to_numpy

ONSET, SOUNDING = 0, 1
_CHUNK = 256  # windows whose pitch-by-pitch products are held at once


@dataclass(frozen=True)
class Counts:
    """Per window, (N,): cells or notes ``matched``, in the ``reference``, in the ``estimate``."""

    matched: Array
    reference: Array
    estimate: Array

    @property
    def precision(self) -> float:
        """Matched over estimated, all windows together, in [0, 1]; NaN if nothing is estimated."""
        return float(self.matched.sum() / self.estimate.sum()) if self.estimate.any() else math.nan

    @property
    def recall(self) -> float:
        """Matched over reference, all windows together, in [0, 1]; NaN if there is no reference."""
        return float(self.matched.sum() / self.reference.sum()) if self.reference.any() else math.nan

    @property
    def f1(self) -> float:
        """2 matched / (reference + estimated), all windows together, in [0, 1]; NaN without windows."""
        return float(f1_of_means(self.values.mean(axis=0, keepdims=True))[0]) if len(self.matched) else math.nan

    @property
    def values(self) -> Array:
        """Columns matched, reference, estimate (N, 3): ``interval(counts.values, song, f1_of_means)``."""
        return np.stack([self.matched, self.reference, self.estimate], axis=1).astype(np.float64)


def f1_of_means(means: Array) -> Array:
    """F1, (n,), from means (n, 3) of ``Counts.values``; 1 where there are no notes at all."""
    matched, reference, estimate = means.T
    total = reference + estimate
    return np.where(total > 0, 2 * matched / np.where(total > 0, total, 1.0), 1.0)


def frame_counts(reference: ArrayLike, estimate: ArrayLike) -> Counts:
    """Counts of sounding cells."""
    true, guess = (roll[:, SOUNDING] for roll in _pair(reference, estimate))
    return Counts(*(cells.sum(axis=(1, 2)) for cells in (true & guess, true, guess)))


def note_counts(reference: ArrayLike, estimate: ArrayLike, *, tolerance_steps: int = 0) -> Counts:
    """Counts of notes, by onset and pitch.

    Within one pitch, notes are matched from the earliest on, each with the earliest free one in reach. All reaches are
    equally long, so that this greedy matching is a largest one (Glover 1967).
    """
    if tolerance_steps < 0:
        raise ValueError(f"`tolerance_steps` must be >= 0, got {tolerance_steps}")
    true, guess = (roll[:, ONSET] for roll in _pair(reference, estimate))
    matched = _largest_matching(true, guess, tolerance_steps) if tolerance_steps else (true & guess).sum(axis=(1, 2))
    return Counts(matched, true.sum(axis=(1, 2)), guess.sum(axis=(1, 2)))


def _largest_matching(true: Array, guess: Array, reach: int) -> Array:
    window, pitch = np.nonzero(true.any(axis=2) & guess.any(axis=2))
    rows, free = true[window, pitch].T, np.pad(guess[window, pitch].T, [(reach, reach), (0, 0)])  # time first
    matched = np.zeros(len(window), dtype=np.int64)
    for step, waiting in enumerate(rows.copy()):
        for candidate in free[step : step + 2 * reach + 1]:  # views into `free`: a used note stays used
            hit = waiting & candidate
            candidate &= ~hit
            waiting &= ~hit
            matched += hit
    return np.bincount(window, matched, minlength=len(true)).astype(np.int64)


def transposition(edited: ArrayLike, source: ArrayLike, semitones: ArrayLike, *, reach: int = 24) -> Array:
    """Is the transposition of ``source`` that matches ``edited`` best the right one? (N,) booleans.

    Args:
        edited: rolls said to be ``source`` moved by ``semitones``.
        source: rolls before the edit; rows moved off the top or bottom are lost.
        semitones: (N,) integers, positive is up, within ``reach``.
        reach: candidates are -reach..reach; chance is 1 / (2 reach + 1).

    The match is the F1 of sounding cells. A tie counts as wrong, and so does a roll without notes.
    """
    before, after = (roll[:, SOUNDING] for roll in _pair(source, edited, names=("source", "edited")))
    amount = to_numpy(semitones)
    if amount.shape != (len(after),) or amount.dtype.kind not in "iu":
        raise ValueError(f"`semitones` must hold {len(after)} integers, got {amount.dtype} of shape {amount.shape}")
    if not 0 <= reach < after.shape[1] or (np.abs(amount) > reach).any():
        raise ValueError(f"`reach` must be below {after.shape[1]} and cover `semitones`, got {reach}")
    right = np.zeros(len(after), dtype=bool)
    for start in range(0, len(after), _CHUNK):
        rows = slice(start, start + _CHUNK)
        score = _f1_of_transpositions(after[rows], before[rows], reach)
        chosen = np.arange(len(score)), amount[rows] + reach
        best = score[chosen]
        score[chosen] = 0.0
        right[rows] = best > score.max(axis=1) + 1e-12
    return right


def _f1_of_transpositions(after: Array, before: Array, reach: int) -> Array:
    """F1 of sounding cells of ``after`` against ``before`` moved by -reach..reach rows, (n, 2 reach + 1)."""
    product = np.matmul(after.astype(np.float32), before.astype(np.float32).swapaxes(1, 2))  # (n, to, from)
    shifts = range(-reach, reach + 1)
    both = np.stack([np.trace(product, -shift, axis1=1, axis2=2) for shift in shifts], axis=1).astype(np.float64)
    row, pitches = before.sum(axis=2), before.shape[1]
    kept = np.stack([row[:, max(0, -s) : pitches - max(0, s)].sum(axis=1) for s in shifts], axis=1)
    total = kept + after.sum(axis=(1, 2))[:, None]
    return 2 * both / np.maximum(total, 1)


def onset_leakage(edited: ArrayLike, reference: ArrayLike) -> Array:
    """Did a *pitch* edit move onsets in time? 1 - overlap of the numbers of onsets at each step, (N,), in [0, 1].

    0: no onset moved. 1: no onset is where it was. ``reference``: the roll before the edit, or the true edit. Overlap
    is 2 sum min(a, b) / (sum a + sum b); two empty rolls overlap fully.
    """
    return _leakage(*(roll[:, ONSET].sum(axis=1) for roll in _pair(reference, edited, names=("reference", "edited"))))


def pitch_leakage(edited: ArrayLike, reference: ArrayLike) -> Array:
    """Did a *time* edit change pitches? 1 - overlap of the numbers of onsets at each pitch, (N,), in [0, 1].

    With streaming edits neighbours enter: ``reference`` is then the true edit, not the roll before it.
    """
    return _leakage(*(roll[:, ONSET].sum(axis=2) for roll in _pair(reference, edited, names=("reference", "edited"))))


def _leakage(a: Array, b: Array) -> Array:
    total = a.sum(axis=1) + b.sum(axis=1)
    return np.where(total > 0, 1 - 2 * np.minimum(a, b).sum(axis=1) / np.maximum(total, 1), 0.0)


def _pair(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str] = ("reference", "estimate")
) -> tuple[Array, Array]:
    rolls = [_roll(value, name) for value, name in zip((first, second), names, strict=True)]
    if rolls[0].shape != rolls[1].shape:
        raise ValueError(f"`{names[1]}` must have shape {rolls[0].shape} to fit `{names[0]}`, got {rolls[1].shape}")
    return rolls[0], rolls[1]


def _roll(value: ArrayLike, name: str) -> Array:
    roll = to_numpy(value)
    if roll.ndim != 4 or roll.shape[1] != 2:
        raise ValueError(f"`{name}` must have shape (N, 2, P, T), got {roll.shape}")
    if roll.dtype != np.bool_ and not ((roll == 0) | (roll == 1)).all():
        raise ValueError(f"`{name}` must hold 0 or 1 (threshold probabilities first), got other values")
    return roll.astype(bool)

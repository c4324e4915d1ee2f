"""How much of a query returns at this place, note for note, and under which exact shift?

A place is a guess: the query's step 0 falls near a step of the song. Every translation in time within ``slack_steps``
of the guess, and any translation in pitch, is counted at once; the one under which most notes coincide (onset and
pitch) wins, ties going to the least distance from the guess. Its score is the overlap: coinciding notes / the larger of
the query's notes and the song's notes in that span, 0..1, 1 = an exact return. The shared rhythm is the same for the
onsets alone, under that translation in time.

Conventions: notes are (onset step, MIDI pitch) rows, sorted by onset. Time is linear in
the pairs within the slack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

WIDEST = 128  # semitones either way


class Alignment(NamedTuple):
    """The best translation near a guess; ``matched`` notes coincide under it."""

    steps: int
    semitones: int
    matched: int
    overlap: float


def align(
    query: Int[np.ndarray, "m 2"],
    notes: Int[np.ndarray, "k 2"],
    length_steps: int,
    guess_steps: int,
    guess_semitones: float = 0.0,
    slack_steps: int = 0,
) -> Alignment:
    """The translation near ``guess_steps`` under which most notes of the query coincide with notes.

    Args:
        query: onsets from 0 to below ``length_steps``.
        notes: the song, sorted by onset.
        length_steps: span of the query: that much of the song counts as its return.
        guess_steps: song step on which the query's step 0 is thought to fall.
        guess_semitones: decides between translations that match equally many notes.
        slack_steps: how far from the guess to look.

    Raises:
        ValueError: an empty query, or ``slack_steps`` < 0.
    """
    if len(query) == 0 or slack_steps < 0:
        raise ValueError(f"`query` needs notes and `slack_steps` must be >= 0, got {len(query)} and {slack_steps}")
    onsets = notes[:, 0]
    first = np.searchsorted(onsets, query[:, 0] + guess_steps - slack_steps)
    last = np.searchsorted(onsets, query[:, 0] + guess_steps + slack_steps, side="right")
    pairs = last - first
    of_query = np.repeat(np.arange(len(query)), pairs)
    of_notes = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs) + np.repeat(first, pairs)
    if len(of_query) == 0:
        return Alignment(guess_steps, round(guess_semitones), 0, 0.0)
    delay = onsets[of_notes] - query[of_query, 0] - guess_steps
    interval = notes[of_notes, 1] - query[of_query, 1]
    counts = np.bincount((delay + slack_steps) * 2 * WIDEST + interval + WIDEST)
    best = np.flatnonzero(counts == counts.max())
    delays, intervals = best // (2 * WIDEST) - slack_steps, best % (2 * WIDEST) - WIDEST
    nearest = int(np.lexsort((np.abs(intervals - guess_semitones), np.abs(delays)))[0])
    steps, semitones = guess_steps + int(delays[nearest]), int(intervals[nearest])
    inside = np.searchsorted(onsets, steps + length_steps) - np.searchsorted(onsets, steps)
    matched = int(counts.max())
    return Alignment(steps, semitones, matched, matched / max(len(query), int(inside)))


def shared_rhythm(query: Int[np.ndarray, "m 2"], notes: Int[np.ndarray, "k 2"], length_steps: int, steps: int) -> float:
    """The query's onsets, moved by ``steps``, that are onsets there too / the larger number of onsets, 0..1."""
    onsets = notes[:, 0]
    inside = onsets[np.searchsorted(onsets, steps) : np.searchsorted(onsets, steps + length_steps)] - steps
    first, second = np.unique(query[:, 0]), np.unique(inside)
    return len(np.intersect1d(first, second, assume_unique=True)) / max(len(first), len(second))


def relation(overlap: float, rhythm: float) -> str:
    """ "exact" (moved as a whole), "rhythm kept" (other pitches), or "varied"."""
    return "exact" if overlap == 1 else "rhythm kept" if rhythm == 1 else "varied"

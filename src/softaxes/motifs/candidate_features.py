"""What is a motif like, among all candidates of its piece? The numbers that it is ranked by.

A candidate is a list of places (stretches of ``Lines``). Most features describe it by itself: how long, how often, how
similar its returns are, whether rests set it off; ``agreement`` says how much of one candidate another one has; the
last features count the others that agree: what two ways of looking find is more often what musicians mark.

Times in beats or as log2 of a ratio to the motif's own mean gap; shares in [0, 1]; logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from softaxes.motifs.lines import Lines
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.motifs.returns import Place

FEATURES = (
    "log count", "log notes", "log beats", "notes per beat", "spread of notes",
    "commonest gaps", "kinds of gaps", "commonest steps", "kinds of steps", "commonest of both", "kinds of both",
    "covered", "overlapping", "first place", "spread of places",
    "gap before", "gap after", "rest before", "rest after", "last note", "largest gap",
    "one place in the beat", "in 2 beats", "in 4 beats", "range in octaves", "repeated notes", "in the top line",
    "mean probability", "a melody",
    "nearest return", "near returns", "nearest melody", "near melodies",
)  # fmt: skip
LINE_ENDS = 8 * TICKS_PER_BEAT  # a line that begins or ends counts as so long a rest
MOST_COVERED = 0.3  # of the notes: short pieces would lie outside what the ranking was fitted on
SOFTEN = 30  # ticks added to both sides of a ratio: grace notes
NEAR, SAME = 0.4, 0.97  # candidates that agree less are apart, those that agree more are one
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class _Flat:
    """Places one after another: ``note`` holds their notes; the other columns say whose they are."""

    note: Integers  # (N,) index into the lines
    start: Integers  # (P,) where a place's notes begin in ``note``
    size: Integers  # (P,) its notes
    candidate: Integers  # (P,) which candidate a place belongs to
    begin: Integers  # (M,) where a candidate's places begin
    count: Integers  # (M,) its places

    def mean(self, values: NDArray[np.generic]) -> Floats:
        """Mean over a candidate's places, (P,) to (M,)."""
        return np.add.reduceat(values.astype(float), self.begin) / self.count


def candidate_features(
    lines: Lines, candidates: Sequence[Sequence[Place]], melody: Sequence[bool]
) -> tuple[Floats, Floats]:
    """Features (M, len(FEATURES)) of M candidates with a place or more each, and their agreement (M, M) in [0, 1].

    Args:
        melody: (M,) which candidates are melodies (``hybrid.melodies``); the others are returns of exact repeats.
    """
    if not candidates:
        return np.zeros((0, len(FEATURES))), np.zeros((0, 0))
    flat = _flatten(candidates)
    agreeing, is_melody = agreement(lines, candidates), np.asarray(melody, bool)
    odds = np.array([p.log_odds for places in candidates for p in places])
    columns = [
        *_sizes(lines, flat), *_sameness(lines, flat), *_whereabouts(lines, flat), *_edges(lines, flat),
        *_rhythm_and_range(lines, flat), flat.mean(1 / (1 + np.exp(-odds))), is_melody.astype(float),
        *_others(agreeing, ~is_melody), *_others(agreeing, is_melody),
    ]  # fmt: skip
    return np.stack(columns, axis=1), agreeing


def agreement(lines: Lines, candidates: Sequence[Sequence[Place]]) -> Floats:
    """Mean F1 of the notes covered, of the first notes and of the last notes of every pair of candidates, (M, M)."""
    flat = _flatten(candidates)
    same = _note_numbers(lines)
    last = flat.note[flat.start + flat.size - 1]
    return (
        _overlap(same[flat.note], np.repeat(flat.candidate, flat.size))
        + _overlap(same[flat.note[flat.start]], flat.candidate)
        + _overlap(same[last], flat.candidate)
    ) / 3


def _flatten(candidates: Sequence[Sequence[Place]]) -> _Flat:
    first = np.array([p.first for places in candidates for p in places], np.int64)
    size = np.array([p.last for places in candidates for p in places], np.int64) - first + 1
    start = np.cumsum(size) - size
    count = np.array([len(places) for places in candidates], np.int64)
    note = np.arange(size.sum()) - np.repeat(start - first, size)
    return _Flat(note, start, size, np.repeat(np.arange(len(count)), count), np.cumsum(count) - count, count)


def _note_numbers(lines: Lines) -> Integers:
    """A number for every note of the lines, equal where two lines share a note."""
    numbers = np.unique(lines.notes.onset * 256 + lines.notes.midi, return_inverse=True)[1]
    return np.asarray(numbers).reshape(-1).astype(np.int64)


def _sizes(lines: Lines, flat: _Flat) -> list[Floats]:
    notes, beats = flat.mean(flat.size), flat.mean(_span(lines, flat) / TICKS_PER_BEAT)
    variance = np.maximum(0.0, flat.mean(flat.size**2) - notes**2)
    return [np.log(flat.count), np.log(notes), np.log(beats + 0.25), notes / (beats + 1), np.sqrt(variance) / notes]


def _sameness(lines: Lines, flat: _Flat) -> list[Floats]:
    """Share of places that are like the most others, and kinds / places; by gaps, steps, both."""
    gaps, steps = _within(lines.notes.onset, flat), _within(lines.notes.midi, flat)
    place = np.arange(len(flat.note)) - np.repeat(flat.start, flat.size)
    weights = np.random.default_rng(0).integers(1, 2**31, int(flat.size.max()))  # equal sums: equal sequences
    of_gaps = np.add.reduceat(gaps * weights[place], flat.start) * 64 + flat.size
    of_steps = np.add.reduceat((steps + 200) * weights[place], flat.start) * 64 + flat.size
    return [column for kind in (of_gaps, of_steps, of_gaps * 31 + of_steps) for column in _commonest(kind, flat)]


def _whereabouts(lines: Lines, flat: _Flat) -> list[Floats]:
    """How much of the piece is covered, how much of that twice, and where the places lie."""
    same = _note_numbers(lines)
    keys = np.unique(np.repeat(flat.candidate, flat.size) * len(same) + same[flat.note])
    covered = np.bincount(keys // len(same), minlength=len(flat.count))
    onset = lines.notes.onset
    length, begins = max(1, int(np.ptp(onset))), onset[flat.note[flat.start]]
    first, last = np.minimum.reduceat(begins, flat.begin), np.maximum.reduceat(begins, flat.begin)
    return [
        np.minimum(MOST_COVERED, covered / (same.max() + 1)), 1 - covered / np.add.reduceat(flat.size, flat.begin),
        (first - onset.min()) / length, (last - first) / length,
    ]  # fmt: skip


def _edges(lines: Lines, flat: _Flat) -> list[Floats]:
    """Rests before and after, the last note's length, the largest gap inside, against the mean gap inside."""
    onset, duration = lines.notes.onset, lines.notes.duration
    between = np.where(np.diff(lines.line) != 0, LINE_ENDS, np.diff(onset))
    to_next = np.minimum(np.append(between, LINE_ENDS), LINE_ENDS)
    from_last = np.minimum(np.append(LINE_ENDS, between), LINE_ENDS)
    head, tail = flat.note[flat.start], flat.note[flat.start + flat.size - 1]
    usual = np.maximum(1, _span(lines, flat) / np.maximum(1, flat.size - 1))

    def ratio(ticks: NDArray[np.generic]) -> Floats:
        return np.clip(np.log2((ticks.astype(float) + SOFTEN) / (usual + SOFTEN)), -3, 3)

    before, after = ratio(from_last[head]), ratio(to_next[tail])
    largest = ratio(np.maximum.reduceat(_within(onset, flat), flat.start))
    columns = [before, after, before > 0.5, after > 0.5, ratio(duration[tail]), largest]
    return [flat.mean(column) for column in columns]


def _rhythm_and_range(lines: Lines, flat: _Flat) -> list[Floats]:
    onset, midi = lines.notes.onset, lines.notes.midi
    head = flat.note[flat.start]
    phases = [_commonest(onset[head] % (TICKS_PER_BEAT * beats), flat)[0] for beats in (1, 2, 4)]
    pitch = midi[flat.note]
    height = np.maximum.reduceat(pitch, flat.start) - np.minimum.reduceat(pitch, flat.start)
    again = (_within(midi, flat) == 0) & (_within(onset, flat) > 0)
    repeated = np.add.reduceat(again.astype(float), flat.start) / np.maximum(1, flat.size - 1)
    same = _note_numbers(lines)
    top = np.isin(same[head], same[lines.line == 0])
    return [*phases, flat.mean(height) / 12, flat.mean(repeated), flat.mean(top)]


def _others(agreeing: Floats, which: NDArray[np.bool_]) -> list[Floats]:
    """Agreement with the nearest of these other candidates, and log(1 + how many are near)."""
    other = np.where(which[None, :] & (agreeing < SAME), agreeing, 0.0)
    np.fill_diagonal(other, 0.0)
    return [other.max(axis=1), np.log1p((other > NEAR).sum(axis=1))]


def _span(lines: Lines, flat: _Flat) -> Integers:
    """Ticks from the first to the last onset of every place."""
    return lines.notes.onset[flat.note[flat.start + flat.size - 1]] - lines.notes.onset[flat.note[flat.start]]


def _within(values: Integers, flat: _Flat) -> Integers:
    """Differences to the next note of the same place, (N,); 0 at its last note."""
    steps = np.append(np.diff(values[flat.note]), 0)
    steps[flat.start + flat.size - 1] = 0
    return steps


def _commonest(kind: Integers, flat: _Flat) -> tuple[Floats, Floats]:
    """Of each candidate's places: the share of the commonest kind, and kinds / places."""
    counts = [
        np.unique(kind[begin : begin + count], return_counts=True)[1]
        for begin, count in zip(flat.begin.tolist(), flat.count.tolist(), strict=True)
    ]
    return np.array([c.max() for c in counts]) / flat.count, np.array([len(c) for c in counts]) / flat.count


def _overlap(values: Integers, owner: Integers) -> Floats:
    """F1 of the sets of values of every pair of owners, (M, M); every owner has a value."""
    columns = np.unique(values, return_inverse=True)[1].reshape(-1)
    held = sparse.csr_matrix((np.ones(len(columns), np.float32), (owner, columns)))
    held.data[:] = 1.0  # where a value came twice
    common = (held @ held.T).toarray().astype(float)
    counts = common.diagonal()
    return 2 * common / (counts[:, None] + counts[None, :])

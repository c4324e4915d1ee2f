"""Notes: mir_eval and augmenting paths as oracles, transpositions written out, empty rolls."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from softaxes.diagnostics import notes
from softaxes.diagnostics.bootstrap import interval

from . import naive


def rolls(rng, n=6, pitches=128, steps=32, density=0.05):
    """Random onsets, each sounding for one or two steps."""
    onset = rng.random((n, pitches, steps)) < density
    sounding = onset | np.pad(onset, [(0, 0), (0, 0), (1, 0)])[:, :, :-1] & (rng.random(onset.shape) < 0.5)
    return np.stack([onset, sounding], axis=1)


def nudge(rng, onset, reach):
    """Every onset moved in time by at most ``reach`` + 1 steps, some dropped."""
    moved = np.zeros_like(onset)
    for n, p, t in np.argwhere(onset & (rng.random(onset.shape) < 0.9)):
        moved[n, p, np.clip(t + rng.integers(-reach - 1, reach + 2), 0, onset.shape[2] - 1)] = True
    return moved


@pytest.mark.parametrize("reach", [0, 1, 2, 3])
def test_matching_is_a_largest_one(rng, reach):
    """Dense rows, where notes compete: greedy in the wrong order would lose some."""
    true = rolls(rng, n=8, pitches=4, steps=20, density=0.5)
    guess = true.copy()
    guess[:, 0] = nudge(rng, true[:, 0], reach) | (rng.random(true[:, 0].shape) < 0.1)
    found = notes.note_counts(true, guess, tolerance_steps=reach)
    expected = [naive.note_matches(t, g, reach) for t, g in zip(true[:, 0], guess[:, 0], strict=True)]
    assert found.matched.tolist() == expected


@pytest.mark.parametrize("reach", [0, 1])
def test_against_mir_eval(rng, reach):
    transcription = pytest.importorskip("mir_eval").transcription
    true = rolls(rng, density=0.1)
    guess = true.copy()
    guess[:, 0] = nudge(rng, true[:, 0], reach)

    def events(onset):
        pitch, step = np.nonzero(onset)
        return np.stack([step, step + 1.0], axis=1), 440 * 2 ** ((pitch - 69) / 12)

    for i in range(len(true)):
        found = notes.note_counts(true[i : i + 1], guess[i : i + 1], tolerance_steps=reach)
        expected = transcription.precision_recall_f1_overlap(
            *events(true[i, 0]), *events(guess[i, 0]), onset_tolerance=reach + 0.01, offset_ratio=None
        )
        assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3])


def test_a_note_is_used_once():
    true, guess = np.zeros((2, 1, 2, 3, 8), dtype=bool)
    true[0, 0, 1, [3, 5]] = True
    guess[0, 0, 1, 4] = True
    found = notes.note_counts(true, guess, tolerance_steps=1)
    assert (found.matched, found.reference, found.estimate) == (1, 2, 1)
    assert (found.precision, found.recall, found.f1) == pytest.approx((1, 0.5, 2 / 3))
    assert notes.note_counts(true, guess).matched == 0


def test_pitch_must_be_equal_and_steps_within_tolerance():
    true, guess = np.zeros((2, 1, 2, 4, 8), dtype=bool)
    true[0, 0, 1, 3] = True
    guess[0, 0, 2, 3] = guess[0, 0, 1, 5] = True
    assert notes.note_counts(true, guess, tolerance_steps=1).matched == 0
    assert notes.note_counts(true, guess, tolerance_steps=2).matched == 1


def test_frames_against_loops(rng):
    true, guess = rolls(rng, n=3, pitches=10, steps=12, density=0.3), rolls(rng, n=3, pitches=10, steps=12, density=0.3)
    found = notes.frame_counts(true, guess)
    hit = miss = extra = 0
    for n, p, t in np.ndindex(3, 10, 12):
        hit += true[n, 1, p, t] and guess[n, 1, p, t]
        miss += true[n, 1, p, t] and not guess[n, 1, p, t]
        extra += guess[n, 1, p, t] and not true[n, 1, p, t]
    assert found.precision == pytest.approx(hit / (hit + extra))
    assert found.recall == pytest.approx(hit / (hit + miss))
    assert found.f1 == pytest.approx(2 * hit / (2 * hit + miss + extra))


def test_perfect_dead_and_empty(rng):
    true = rolls(rng)
    for counts in (notes.frame_counts, notes.note_counts):
        assert counts(true, true).f1 == 1
        silent = counts(true, np.zeros_like(true))
        assert silent.f1 == 0 and silent.recall == 0 and math.isnan(silent.precision)
        nothing = counts(np.zeros_like(true), np.zeros_like(true))
        assert nothing.f1 == 1 and math.isnan(nothing.precision) and math.isnan(nothing.recall)
        assert math.isnan(counts(true[:0], true[:0]).f1)


def test_counts_add_up_over_windows_and_have_an_interval(rng):
    true, guess = rolls(rng, n=40, density=0.02), rolls(rng, n=40, density=0.02)
    guess |= true & (rng.random(true.shape) < 0.8)
    counts = notes.note_counts(true, guess)
    low, high = interval(counts.values, np.repeat(np.arange(10), 4), notes.f1_of_means)
    assert low < counts.f1 < high


def test_tensors_and_zero_one_floats_are_accepted(rng):
    true = rolls(rng)
    assert notes.frame_counts(torch.from_numpy(true).float(), torch.from_numpy(true)).f1 == 1


def test_transposition_of_exact_edits_and_copies(rng):
    source = rolls(rng, n=25, density=0.03)
    source[:, :, :40] = source[:, :, 88:] = False  # room for 24 semitones either way
    semitones = rng.integers(-24, 25, 25)
    edited = np.stack([np.roll(roll, k, axis=1) for roll, k in zip(source, semitones, strict=True)])
    assert notes.transposition(edited, source, semitones).all()
    assert not notes.transposition(edited, source, np.where(semitones > 0, semitones - 1, semitones + 1)).any()
    copies = notes.transposition(source, source, semitones)
    assert (copies == (semitones == 0)).all()


def test_transposition_against_loops(rng, monkeypatch):
    source, edited = (
        rolls(rng, n=20, pitches=9, steps=6, density=0.2),
        rolls(rng, n=20, pitches=9, steps=6, density=0.2),
    )
    semitones = rng.integers(-5, 6, 20)
    monkeypatch.setattr(notes, "_CHUNK", 7)
    found = notes.transposition(edited, source, semitones, reach=5)
    expected = [
        naive.best_transposition(e[1], s[1], 5) == [k] for e, s, k in zip(edited, source, semitones, strict=True)
    ]
    assert found.tolist() == expected


def test_transposition_of_ties_and_silence_is_wrong(rng):
    source = np.zeros((3, 2, 128, 8), dtype=bool)
    source[0, 1, 60], source[1, 1, [60, 62]] = True, True
    edited = np.zeros_like(source)
    edited[1, 1, 62] = True  # up 2 or not at all: two candidates match equally
    assert notes.transposition(edited, source, np.array([0, 2, 0])).tolist() == [False, False, False]


def test_leakage(rng):
    before = rolls(rng, n=12)
    before[:, :, :30] = before[:, :, 98:] = False
    up, later = np.roll(before, 5, axis=2), np.roll(before, 3, axis=3)
    assert notes.onset_leakage(up, before) == pytest.approx(0)
    assert notes.pitch_leakage(later, before) == pytest.approx(0)
    assert (notes.onset_leakage(later, before) > 0.05).all()
    assert (notes.pitch_leakage(up, before) > 0.05).all()
    silent = np.zeros_like(before)
    assert notes.onset_leakage(silent, before) == pytest.approx(1)
    assert notes.pitch_leakage(silent, silent) == pytest.approx(0)


def test_leakage_against_loops(rng):
    a, b = rolls(rng, n=4, pitches=6, steps=5, density=0.3), rolls(rng, n=4, pitches=6, steps=5, density=0.3)
    for n in range(4):
        times = sum(min(a[n, 0, :, t].sum(), b[n, 0, :, t].sum()) for t in range(5))
        pitches = sum(min(a[n, 0, p].sum(), b[n, 0, p].sum()) for p in range(6))
        total = a[n, 0].sum() + b[n, 0].sum()
        assert notes.onset_leakage(a, b)[n] == pytest.approx(1 - 2 * times / total)
        assert notes.pitch_leakage(a, b)[n] == pytest.approx(1 - 2 * pitches / total)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda r: notes.note_counts(r[0], r), r"`reference` must have shape \(N, 2, P, T\), got \(2, 8, 4\)"),
        (lambda r: notes.note_counts(r, r[:1]), r"`estimate` must have shape \(3, 2, 8, 4\) to fit `reference`, got"),
        (lambda r: notes.frame_counts(r, r * 0.5), r"`estimate` must hold 0 or 1 \(threshold probabilities first\)"),
        (lambda r: notes.note_counts(r, r, tolerance_steps=-1), r"`tolerance_steps` must be >= 0, got -1"),
        (lambda r: notes.transposition(r, r, [1.0, 2.0, 0.0]), r"`semitones` must hold 3 integers, got float64"),
        (lambda r: notes.transposition(r, r, [1, 2, 9], reach=7), r"`reach` must be below 8 and cover `semitones`"),
        (lambda r: notes.transposition(r, r[:2], [1, 2]), r"`edited` must have shape \(2, 2, 8, 4\) to fit `source`"),
    ],
)
def test_mistakes_are_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((3, 2, 8, 4)))

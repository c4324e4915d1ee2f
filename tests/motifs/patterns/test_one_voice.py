"""Delta-gamma matching, the matrix profile and wavelet segments: one voice, transposition, twins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaxes.motifs.patterns import delta_gamma
from softaxes.motifs.patterns.delta_gamma import matches, repeated_melodies, repeats
from softaxes.motifs.patterns.matrix_profile import distances_to, matrix_profile, pitch_signal, profile_motifs
from softaxes.motifs.patterns.wavelets import (
    clusters,
    haar_coefficients,
    segment_borders,
    segment_distances,
    wavelet_patterns,
)

from . import naive
from .strategies import few, strings

# Cambouropoulos et al. (2002): x =(delta, gamma) y on a C minor arpeggio figure; here their definitions by hand.
MOTIF = [60, 62, 64, 65, 67, 65, 64, 62]
DISCOVER: dict[str, Callable] = {
    "delta-gamma": repeated_melodies,
    "matrix profile": profile_motifs,
    "wavelets": wavelet_patterns,
}


def melody(copies: int = 5, step: int = 120) -> np.ndarray:
    """The motif again and again, each time a third higher, with a long low note between."""
    points, time = [], 0
    for k in range(copies):
        for pitch in MOTIF:
            points.append((time, pitch + 3 * k))
            time += step
        points.append((time, 40 + 3 * k))
        time += 8 * step
    return np.array(points)


def test_matches_by_hand() -> None:
    text = [5, 7, 9, 5, 8, 9, 4, 7, 10, 5, 7]
    assert matches([5, 7, 9], text, 0, 0).tolist() == [0]
    assert matches([5, 7, 9], text, 1, 1).tolist() == [0, 3]
    assert matches([5, 7, 9], text, 1, 2).tolist() == [0, 3, 6]
    assert matches([5, 7, 9], [5, 7], 1, 1).tolist() == []


@few
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), strings, st.integers(0, 2), st.integers(0, 4))
def test_matches_equal_their_twin(pattern: list, text: list, delta: int, gamma: int) -> None:
    assert matches(pattern, text, delta, gamma).tolist() == naive.matches(pattern, text, delta, gamma)


@few
@given(strings, st.integers(1, 4), st.integers(0, 2), st.integers(0, 3))
def test_repeats_equal_their_twin(text: list, least: int, delta: int, gamma: int) -> None:
    found = [tuple(row) for row in repeats(text, least, delta, gamma).tolist()]
    assert found == naive.repeats(text, least, delta, gamma)


def test_the_two_ends_of_a_repeat_never_overlap() -> None:
    found = [tuple(row) for row in repeats([1, 1, 1, 1], 1, 0, 0).tolist()]
    assert found == [(0, 1, 1), (1, 2, 1), (2, 3, 1), (0, 2, 2), (0, 3, 1)] == naive.repeats([1, 1, 1, 1], 1, 0, 0)


@few
@given(strings, st.integers(-9, 9))
def test_adding_a_constant_changes_no_repeat(text: list, shift: int) -> None:
    assert repeats(text, 2, 1, 2).tolist() == repeats([x + shift for x in text], 2, 1, 2).tolist()


@few
@given(st.lists(st.integers(50, 60), min_size=8, max_size=20), st.integers(3, 6))
def test_mean_removed_profile_equals_its_twin(signal: list, window: int) -> None:
    profile, index = matrix_profile(signal, window)
    assert np.allclose(profile, naive.mean_removed_profile(signal, window), atol=1e-9)
    for i, j in enumerate(index):
        assert (j < 0) == np.isinf(profile[i])
        if j >= 0:
            assert np.isclose(distances_to(np.array(signal), window, i)[j], profile[i], atol=1e-9)


def test_profile_ignores_transposition_and_survives_held_notes() -> None:
    signal = np.array([*MOTIF, *[30] * 12, *[m + 7 for m in MOTIF]])
    profile, index = matrix_profile(signal, len(MOTIF))
    assert profile[0] == 0
    assert index[0] == len(MOTIF) + 12
    assert np.isfinite(profile).all()


def test_pitch_signal_holds_each_note() -> None:
    assert pitch_signal([(0, 60), (240, 64), (480, 62)], 120).tolist() == [60, 60, 64, 64, 62]
    assert pitch_signal([]).tolist() == []


@few
@given(st.lists(st.integers(50, 70), min_size=1, max_size=16), st.sampled_from([2, 4, 6]), st.integers(-9, 9))
def test_haar_coefficients_equal_their_twin_and_ignore_transposition(signal: list, scale: int, shift: int) -> None:
    found = haar_coefficients(signal, scale)
    assert np.allclose(found, naive.haar(signal, scale))
    assert np.allclose(found, haar_coefficients([x + shift for x in signal], scale))


def test_haar_is_pywavelets_haar() -> None:
    pywt = pytest.importorskip("pywt")
    _, psi, x = pywt.Wavelet("haar").wavefun(level=6)
    scale = 8
    sampled = psi[[int(np.searchsorted(x, (k + 0.5) / scale)) for k in range(scale)]] / np.sqrt(scale)
    signal = np.random.default_rng(0).integers(50, 70, 40).astype(float)
    expected = [signal[t - 4 : t + 4] @ sampled for t in range(4, 36)]
    assert np.allclose(haar_coefficients(signal, scale)[4:36], expected)


def test_borders_at_zero_crossings_and_maxima() -> None:
    w = [1.0, 2.0, 1.0, -1.0, -3.0, -2.0, 0.0, 2.0, 1.0]
    assert segment_borders(w, "zero").tolist() == [0, 3, 7]
    assert segment_borders(w, "maxima").tolist() == [0, 1, 4, 7]
    assert segment_borders([]).tolist() == []


def test_segment_distances_pad_with_zeros() -> None:
    distance = segment_distances([np.array([1.0, 2.0]), np.array([1.0, 2.0, -3.0]), np.array([0.0])])
    assert distance.tolist() == [[0.0, 1.0, 1.5], [1.0, 0.0, 2.0], [1.5, 2.0, 0.0]]


def test_clusters_merge_up_to_the_threshold() -> None:
    distance = np.array([[0, 0.5, 3], [0.5, 0, 3], [3, 3, 0]])
    assert clusters(distance, 1.0)[0] == clusters(distance, 1.0)[1] != clusters(distance, 1.0)[2]
    assert len(set(clusters(distance, 0.1))) == 3
    assert clusters(np.zeros((1, 1)), 1.0).tolist() == [0]


@pytest.mark.parametrize("name", list(DISCOVER))
def test_a_motif_that_returns_transposed_is_found(name: str) -> None:
    piece = melody()
    truth = {tuple(map(tuple, piece[9 * k : 9 * k + 8].tolist())) for k in range(5)}
    best = 0.0
    for pattern in DISCOVER[name](piece):
        found = [set(map(tuple, o.tolist())) for o in pattern]
        hits = [max(len(f & set(t)) / max(len(f), len(t)) for f in found) for t in truth]
        best = max(best, float(np.mean(hits)))
    assert best >= 0.5


@pytest.mark.parametrize("name", list(DISCOVER))
def test_transposing_and_delaying_the_melody_moves_the_patterns(name: str) -> None:
    piece, shift = melody(3), np.array([960, -5])
    before = [[(o + shift).tolist() for o in pattern] for pattern in DISCOVER[name](piece)]
    assert before == [[o.tolist() for o in pattern] for pattern in DISCOVER[name](piece + shift)]


@pytest.mark.parametrize("name", list(DISCOVER))
def test_polyphony_empty_piece_and_one_note(name: str) -> None:
    with pytest.raises(ValueError, match=r"needs one voice.*softaxes.motifs.patterns.notes.skyline"):
        DISCOVER[name]([(0, 60), (0, 64), (1, 65)])
    assert DISCOVER[name]([]) == []
    assert DISCOVER[name]([(0, 60)]) == []


@pytest.mark.parametrize("name", list(DISCOVER))
def test_a_hundred_thousand_notes_are_refused(name: str) -> None:
    many = np.stack([np.arange(100_000) * 120, 60 + np.arange(100_000) % 3], axis=1)
    with pytest.raises(ValueError, match=r"takes at most [\d,]+ (notes|steps)"):
        DISCOVER[name](many)


def test_many_segments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softaxes.motifs.patterns.wavelets.MAX_SEGMENTS", 2)
    with pytest.raises(ValueError, match="at most 2 segments"):
        wavelet_patterns(melody())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matches([], [1], 0, 0), "`pattern` must not be empty"),
        (lambda: matches([1], [1], -1, 0), "must be >= 0"),
        (lambda: matches([0.5], [1], 0, 0), "whole numbers"),
        (lambda: repeats([1, 2], 0, 1, 1), "`min_length` must be >= 1"),
        (lambda: matrix_profile([1] * 9, 2), "`window` must be >= 3"),
        (lambda: matrix_profile([1] * 4, 8), "at least one window"),
        (lambda: pitch_signal([(0, 1)], 0), "`step_ticks` must be >= 1"),
        (lambda: haar_coefficients([1], 3), "`scale` must be an even"),
        (lambda: segment_borders([1.0], "peaks"), "`at` must be one of"),
    ],
)
def test_bad_options_are_refused(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_of_too_many_repeats_the_shortest_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scale that never ends repeats from everywhere to everywhere: time must not grow with that."""
    seen = []
    real = delta_gamma._count_matches
    monkeypatch.setattr(delta_gamma, "_count_matches", lambda *a: seen.append(a[1]) or real(*a))
    voice = np.stack([120 * np.arange(60), 60 + np.arange(60) % 5], axis=1)
    assert repeated_melodies(voice, most_repeats=7)
    assert repeated_melodies(voice)
    few, all_of_them = seen
    assert len(few) == 7 < len(all_of_them)
    assert few[:, 1].max() <= np.sort(all_of_them[:, 1])[7]


def slow_melodies(points: np.ndarray, delta: int = 1, gamma: int = 2) -> list[list[list[int]]]:
    """Greedy cover by repeats of four intervals or more, every proposal counted note by note."""
    steps = np.diff(points[:, 1])
    proposals = sorted({(first, length) for first, _, length in repeats(steps, 4, delta, gamma).tolist()})
    starts = {p: matches(steps[p[0] : p[0] + p[1]], steps, delta, gamma).tolist() for p in proposals}
    ratio = {(s, n): (n + 1) * len(starts[s, n]) / (n + len(starts[s, n])) for s, n in proposals}
    covered: set[int] = set()
    patterns = []
    for s, n in sorted(proposals, key=lambda p: (-ratio[p], -p[1], p[0])):
        notes = {at + k for at in starts[s, n] for k in range(n + 1)}
        if len(notes - covered) > n + len(starts[s, n]):
            patterns.append([points[at : at + n + 1].tolist() for at in starts[s, n]])
            covered |= notes
    return patterns


@given(st.lists(st.integers(60, 63), min_size=2, max_size=60))
def test_repeated_melodies_are_those_of_slow_sets(pitch: list[int]) -> None:
    voice = np.stack([120 * np.arange(len(pitch)), pitch], axis=1)
    found = [[occurrence.tolist() for occurrence in pattern] for pattern in repeated_melodies(voice)]
    assert found == slow_melodies(voice)


@pytest.mark.parametrize("pitches", [[60], [60, 72]])
def test_what_cannot_cover_more_is_not_matched(pitches: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal notes have thousands of repeats, and none of them covers more than it costs."""
    calls = []
    monkeypatch.setattr(delta_gamma, "matches", lambda *a: calls.append(1) or matches(*a))
    repeated_melodies(np.stack([120 * np.arange(400), np.tile(pitches, 400 // len(pitches))], axis=1))
    assert len(calls) <= 2

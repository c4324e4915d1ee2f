"""Learned scores: their arithmetic, their files, and what walks through a gallery add."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from softaxes.motifs.context import ALPHA, TEMPERATURE, in_context, walks
from softaxes.motifs.match_classifier import MatchClassifier, learned_classifier, load_classifier
from softaxes.motifs.similarity_features import FEATURES, similarity_features

from .pieces import MOTIF, clip, placed, random_clip


def some_classifier(rng, hidden=3):
    f = len(FEATURES)
    shapes = [(f,), (f,), (f,), (hidden, f), (hidden,), (hidden, hidden), (hidden,), (hidden,), ()]
    parts = [rng.normal(size=s) for s in shapes]
    parts[1] = np.abs(parts[1]) + 0.5
    return MatchClassifier(*(np.asarray(p) for p in parts))


def test_log_odds_are_what_loops_say(rng: np.random.Generator) -> None:
    classifier = some_classifier(rng)
    measures = rng.random((2, 3, len(FEATURES)))
    for i in range(2):
        for j in range(3):
            x = [(m - a) / b for m, a, b in zip(measures[i, j], classifier.mean, classifier.scale, strict=True)]
            first = [math.tanh(sum(w * v for w, v in zip(row, x, strict=True)) + c)
                     for row, c in zip(classifier.first, classifier.first_bias, strict=True)]  # fmt: skip
            second = [math.tanh(sum(w * v for w, v in zip(row, first, strict=True)) + c)
                      for row, c in zip(classifier.second, classifier.second_bias, strict=True)]  # fmt: skip
            total = sum(w * v for w, v in zip(classifier.linear, x, strict=True)) + float(classifier.bias)
            total += sum(w * v for w, v in zip(classifier.last, second, strict=True))
            assert classifier.log_odds(measures)[i, j] == pytest.approx(total)


def test_weights_survive_a_file_and_wrong_files_are_told(rng: np.random.Generator, tmp_path: Path) -> None:
    classifier = some_classifier(rng)
    classifier.save(tmp_path / "match_classifier.npz")
    measures = rng.random((4, len(FEATURES)))
    np.testing.assert_allclose(
        load_classifier(tmp_path / "match_classifier.npz").log_odds(measures), classifier.log_odds(measures), rtol=1e-4
    )
    np.savez(tmp_path / "other.npz", mean=np.zeros(3))
    with pytest.raises(ValueError, match="is no classifier: it has no bias"):
        load_classifier(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=f"must weigh {len(FEATURES)} features"):
        MatchClassifier(*(np.zeros(2) for _ in range(9)))


def test_the_learned_classifier_knows_a_return_from_another_tune() -> None:
    a = clip(placed(0, 60))
    varied = clip([(t, 67 + p + (k == 3)) for k, (t, p) in enumerate(MOTIF)])
    other = clip([(1920, 60), (2880, 59), (3360, 60), (3840, 54), (4320, 71)])
    scores = learned_classifier()([a], [clip(placed(1920, 65)), varied, other])[0]
    assert scores[0] > scores[1] > scores[2]
    assert scores[1] > 0 > scores[2]


def test_the_learned_classifier_is_blind_to_bars_and_octaves(rng: np.random.Generator) -> None:
    clips = [random_clip(rng) for _ in range(6)]
    moved = [clip(np.stack([c.onset + 3 * 4 * 480, c.midi - 12], axis=1)) for c in clips]
    np.testing.assert_allclose(learned_classifier()(clips, clips), learned_classifier()(moved, clips), atol=1e-9)


def test_walks_are_sums_of_powers(rng: np.random.Generator) -> None:
    scores = rng.normal(size=(5, 5))
    scores = scores + scores.T
    weights = np.exp((scores - scores.max()) / (TEMPERATURE * scores.std()))
    for i in range(5):
        weights[i, i] = 0
    degree = [sum(row) for row in weights]
    step = np.array([[weights[i, j] / math.sqrt(degree[i] * degree[j]) for j in range(5)] for i in range(5)])
    total, power = np.eye(5), np.eye(5)
    for _ in range(300):
        power = ALPHA * power @ step
        total = total + power
    np.testing.assert_allclose(walks(scores), np.log(total), atol=1e-8)
    with pytest.raises(ValueError, match="square"):
        walks(scores[:2])


def test_context_joins_the_ends_of_a_chain() -> None:
    """Each variant is like the next only; the stranger is a little like the first."""
    clips = [clip(placed(0, 60 + k)) for k in range(5)]
    table = np.array([[9, 5, 0, 0, 1], [5, 9, 5, 0, 0], [0, 5, 9, 5, 0], [0, 0, 5, 9, 0], [1, 0, 0, 0, 9]], float)
    place = {id(c): k for k, c in enumerate(clips)}

    def chain(queries, gallery):
        return np.array([[table[place[id(a)], place[id(b)]] for b in gallery] for a in queries])

    scores = in_context(chain, clips, clips)
    assert table[0, 2] < table[0, 4]
    assert scores[0, 2] > scores[0, 4]
    some = in_context(chain, [clips[0]], clips)
    np.testing.assert_allclose(some[0], scores[0])
    outside = in_context(chain, [clips[0]], clips[1:])
    assert outside[0, 1] > outside[0, 3]


def test_equal_clips_have_equal_measures_in_any_company(rng: np.random.Generator) -> None:
    a, b = random_clip(rng), random_clip(rng)
    np.testing.assert_array_equal(similarity_features([a, b], [b, a])[0, 0], similarity_features([a], [b])[0, 0])

"""Linear probes: known answers, no leak between groups, subspace angles against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.linear_model import Ridge

from softaxes.diagnostics import probes
from softaxes.diagnostics.probes import category, cyclic, r2_of_means, ridge_r2, shift_r2, subspace_overlap

from . import worlds
from .worlds import args


def test_linear_target_is_read_and_noise_is_not(rng):
    z = rng.standard_normal((500, 8))
    target = z @ rng.standard_normal((8, 5)) + 3
    assert ridge_r2(z, target).score == pytest.approx(1, abs=1e-4)
    assert ridge_r2(z + 100, target[:, 0]).score == pytest.approx(1, abs=1e-4)
    assert ridge_r2(z, rng.standard_normal((500, 5))).score == pytest.approx(0, abs=0.05)
    half = target + target.std() * rng.standard_normal(target.shape)
    assert 0.3 < ridge_r2(z, half).score < 0.7


def test_score_is_pooled_over_targets_and_constants_weigh_nothing(rng):
    z = rng.standard_normal((400, 4))
    target = np.stack([3 * z[:, 0], rng.standard_normal(400), np.full(400, 5.0)], axis=1)
    assert ridge_r2(z, target).score == pytest.approx(0.9, abs=0.02)
    assert math.isnan(ridge_r2(z, np.ones(400)).score)


def test_dead_latent_scores_0(rng):
    assert ridge_r2(np.ones((100, 4)), rng.standard_normal(100)).score == pytest.approx(0)
    scores = shift_r2(**args(worlds.dead(rng)))
    assert [probe.score for probe in scores.values()] == pytest.approx([0, 0], abs=0.05)


def test_no_song_is_on_both_sides(rng):
    """Latents that name the song, targets that depend on the song only: nothing can be learned for new songs."""
    song = np.repeat(np.arange(50), 10)
    z, target = rng.standard_normal((50, 60))[song], rng.standard_normal(50)[song]
    assert ridge_r2(z, target, song).score < 0.1
    assert ridge_r2(z, target).score > 0.5
    key = rng.integers(4, size=50)[song]
    assert category(z, key, song).score < 0.5
    assert category(z, key).score > 0.95


def test_held_out_values_hold_the_score(rng):
    z = rng.standard_normal((60, 3))
    probe = ridge_r2(z, z[:, 0] + rng.standard_normal(60), np.repeat(np.arange(20), 3))
    assert probe.values.shape == (60, 2)
    assert r2_of_means(probe.values.mean(axis=0)[None])[0] == pytest.approx(probe.score)
    assert math.isnan(r2_of_means(np.zeros((1, 2)))[0])


def test_ridge_against_the_normal_equations(rng):
    """With hardly any penalty left, folds written out; features as they are."""
    z, group = rng.standard_normal((60, 3)) * [1, 5, 0.2] + 2, np.repeat(np.arange(6), 10)
    target = z @ [1.0, -2.0, 4.0] + 0.01 * rng.standard_normal(60)
    error = deviation = 0.0
    for held_out in range(6):
        train, test = group != held_out, group == held_out
        design = np.column_stack([z, np.ones(60)])
        weights = np.linalg.lstsq(design[train], target[train], rcond=None)[0]
        error += np.square(target[test] - design[test] @ weights).sum()
        deviation += np.square(target[test] - target[train].mean()).sum()
    assert ridge_r2(z, target, group, folds=6).score == pytest.approx(1 - error / deviation, abs=1e-6)


@pytest.mark.parametrize("rows, noise", [(60, 0.1), (60, 3.0), (15, 1.0)])
def test_ridge_weights_against_scikit_learn(rng, rows, noise):
    """The closed form, at the penalty that the generalised cross-validation of explicit hat matrices picks."""
    x, weights = rng.standard_normal((rows, 12)) * np.arange(1, 13), rng.standard_normal((12, 3))
    y = x @ weights + noise * 10 * rng.standard_normal((rows, 3))
    scores = []
    for alpha in probes.ALPHAS * rows:
        hat = x @ np.linalg.inv(x.T @ x + alpha * np.eye(12)) @ x.T
        scores.append(np.square(y - hat @ y).sum() / (1 - np.trace(hat) / rows) ** 2)
    best = probes.ALPHAS[int(np.argmin(scores))] * rows
    expected = Ridge(alpha=best, fit_intercept=False).fit(x, y).coef_.T
    assert probes.ridge(x, y) == pytest.approx(expected, abs=1e-6)


def test_shift_r2_of_known_worlds(rng):
    assert shift_r2(**args(worlds.perfect(rng), "kinds"))["pitch"].score == pytest.approx(1, abs=1e-4)
    assert shift_r2(**args(worlds.duplicated(rng)))["kind1"].score == pytest.approx(1, abs=1e-4)
    assert shift_r2(**args(worlds.random(rng)))["kind0"].score == pytest.approx(0, abs=0.05)
    assert shift_r2(**args(worlds.own_axes(rng, items=400)))["kind0"].score < 0.1
    assert set(shift_r2(**args(worlds.circle(rng), "kinds"))) == {"pitch"}


def test_category_of_separable_and_unrelated_classes(rng):
    z = rng.standard_normal((400, 5))
    root = np.where(z[:, 0] > 0, "C", "G")
    found = category(5 * z, root)
    assert found.score > 0.95 and found.chance == pytest.approx(0.5, abs=0.06)
    skewed = np.where(rng.random(400) < 0.9, "major", "minor")
    found = category(z, skewed)
    assert found.score == pytest.approx(found.chance, abs=0.03) and found.chance == pytest.approx(0.9, abs=0.04)


def test_category_of_one_class_and_of_a_class_unseen(rng):
    z = rng.standard_normal((30, 2))
    one = category(z, np.zeros(30, dtype=int))
    assert one.score == one.chance == 1
    found = category(z, ["rare"] + ["a"] * 15 + ["b"] * 14, folds=30)
    assert found.values[0, 0] == 0


def test_overlap_of_known_subspaces(rng):
    found = subspace_overlap(**args(worlds.perfect(rng), "kinds"))[("pitch", "time")]
    assert found.dims == (1, 1) and found.overlap == pytest.approx(0, abs=1e-12)
    assert found.chance == pytest.approx(1 / 12) and found.angles == pytest.approx([90])
    world = worlds.perfect(rng)
    world["kind"] = rng.permuted(world["kind"], axis=1)
    mixed = subspace_overlap(**args(world), variance=0.999)[("kind0", "kind1")]
    assert mixed.dims == (2, 2) and mixed.overlap == pytest.approx(1)
    assert subspace_overlap(**args(worlds.circle(rng), "kinds"))[("pitch", "metre")].dims == (1, 2)
    assert subspace_overlap(**args(worlds.dead(rng))) == {}


def test_overlap_of_random_subspaces_meets_chance(rng):
    values = []
    for _ in range(40):
        world = worlds.random(rng, items=3, dims=10)
        found = subspace_overlap(**args(world), dims=3)[("kind0", "kind1")]
        values.append(found.overlap)
    assert found.chance == 0.3
    assert np.mean(values) > 0.3  # the differences of one anchor share an end
    for world in (worlds.perfect(rng, items=3, dims=10) for _ in range(2)):
        assert len(subspace_overlap(**args(world), dims=3)) == 1


def test_overlap_against_scipy(rng):
    world = worlds.random(rng, items=4, dims=9)
    found = subspace_overlap(**args(world), dims=3)[("kind0", "kind1")]
    spans = []
    for kind in range(2):
        d = (world["views"] - world["anchor"][:, None])[world["kind"] == kind]
        spans.append(np.linalg.svd(d)[2][:3].T)
    angles = np.sort(subspace_angles(*spans))
    assert np.sort(found.angles) == pytest.approx(np.degrees(angles), abs=1e-4)
    assert found.overlap == pytest.approx(np.mean(np.cos(angles) ** 2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ridge_r2(np.zeros((3, 2)), np.zeros(4)), r"`target` must have one row a latent, 3, got 4"),
        (lambda: ridge_r2(np.zeros((3, 2)), [0.0, np.nan, 1.0]), r"`target` must be finite"),
        (lambda: ridge_r2(np.zeros((3, 2)), np.zeros(3), folds=1), r"`folds` must be >= 2, got 1"),
        (lambda: ridge_r2(np.zeros((3, 2)), np.zeros(3), [0, 0, 0]), r"at least two groups to hold one out, got 1"),
        (lambda: category(np.zeros((3, 2)), np.zeros((3, 1))), r"`target` must have shape \(3,\), .* got \(3, 1\)"),
    ],
)
def test_mistakes_are_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(ValueError, match=r"`dims` must lie in 1..12, got 13"):
        subspace_overlap(**args(worlds.perfect(rng, items=3)), dims=13)
    with pytest.raises(ValueError, match=r"`variance` must lie in \(0, 1\], got 0"):
        subspace_overlap(**args(worlds.perfect(rng, items=3)), variance=0)


def test_steps_that_come_round_are_told_with_the_phase_of_the_readout() -> None:
    rng = np.random.default_rng(0)
    step, group = rng.integers(8, size=160), np.repeat(np.arange(8), 20)
    circle = np.stack([np.cos(step * np.pi / 4), np.sin(step * np.pi / 4)], axis=1)
    right, phase = cyclic(30 * circle, step, 8, group)
    assert right.score == category(30 * circle, step, group).score > 0.9
    assert phase.score > 0.99 and abs(phase.chance) < 0.2
    blind = cyclic(np.zeros((160, 2)), step, 8, group)
    assert (blind[0].score, blind[1].score) == pytest.approx((blind[0].chance, blind[1].chance), abs=1e-3)
    one = cyclic(circle, np.full(160, 3), 8, group)
    assert one[0].score == one[1].score == one[1].chance == 1
    with pytest.raises(ValueError, match=r"`step` must hold whole numbers of 0\.\.3, got 0\.\.7"):
        cyclic(circle, step, 4, group)

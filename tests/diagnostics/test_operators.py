"""Judging operators: exact, idle, wrong; twins; degenerate input. And axes fitted on the other half of the songs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from softaxes.diagnostics import operators
from softaxes.diagnostics.held_out import coordinates, fit, held_out_axes, predict
from softaxes.diagnostics.labelled import label
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Circle, Line

from . import naive, worlds
from .worlds import args


def test_exact_idle_and_opposite_operators(rng):
    z, target = rng.standard_normal((2, 30, 4))
    for predicted, error, skill in ((target, 0, 1), (z, 1, 0), (2 * z - target, 2, -3)):
        assert operators.relative_error(predicted, z, target) == pytest.approx(error)
        assert operators.skill(predicted, z, target) == pytest.approx(skill)


def test_shifts_that_move_nothing_have_no_relative_error(rng):
    z, target = rng.standard_normal((2, 5, 4))
    target[2] = z[2]
    errors = operators.relative_errors(z, z, target)
    assert np.isnan(errors[2]) and errors[[0, 1, 3, 4]] == pytest.approx(1)
    assert operators.relative_error(z, z, target) == pytest.approx(1)
    assert math.isnan(operators.relative_error(z, z, z)) and math.isnan(operators.skill(z, z, z))


def test_relative_error_against_loops(rng):
    p, z, t = rng.standard_normal((3, 12, 3))
    expected = np.mean([naive.length(p[i] - t[i]) / naive.length(t[i] - z[i]) for i in range(12)])
    assert operators.relative_error(p, z, t) == pytest.approx(expected)


def test_coordinate_r2_shows_that_no_change_scores_high(rng):
    before, amount = 10 * rng.standard_normal(5000), rng.integers(-2, 3, 5000).astype(float)
    found = operators.coordinate_r2(before, before + amount, amount)
    assert (found.r2, found.skill) == pytest.approx((1, 1)) and found.no_change > 0.95
    idle = operators.coordinate_r2(before, before + amount, 0 * amount)
    assert idle.r2 == pytest.approx(idle.no_change) and idle.skill == pytest.approx(0)
    constant = operators.coordinate_r2(np.ones(3), np.ones(3), np.zeros(3))
    assert math.isnan(constant.r2) and math.isnan(constant.skill)


def test_phase_cos(rng):
    before, amount = rng.uniform(0, 16, 400), rng.integers(-8, 9, 400).astype(float)
    assert operators.phase_cos(before, (before + amount) % 16, amount, 16) == pytest.approx(1)
    assert operators.phase_cos(before, before + amount + 8, amount, 16) == pytest.approx(-1)
    assert operators.phase_cos(before, before + amount + 4, amount, 16) == pytest.approx(0, abs=1e-9)
    assert operators.phase_cos(before, rng.uniform(0, 16, 400), amount, 16).mean() == pytest.approx(0, abs=0.1)


def test_own_shift_of_exact_idle_and_dead(rng):
    world = args(worlds.perfect(rng))
    exact = operators.own_shift(world["views"], **world)
    assert exact.accuracy() == 1 and exact.chance == pytest.approx(1 / 5)
    idle = np.broadcast_to(world["anchor"][:, None], world["views"].shape)
    assert operators.own_shift(idle, **world).accuracy() == 0
    dead = args(worlds.dead(rng))
    assert operators.own_shift(dead["views"], **dead).accuracy() == 0
    far = np.abs(world["amount"]) == 4
    world["views"][far] *= -1
    mixed = operators.own_shift(np.where(far[..., None], -world["views"], world["views"]), **world)
    assert mixed.accuracy(~far) > mixed.accuracy(far)
    assert math.isnan(mixed.accuracy(np.zeros(far.shape, dtype=bool)))


def test_own_shift_at_chance(rng):
    world = args(worlds.random(rng, items=2000))
    found = operators.own_shift(rng.standard_normal(world["views"].shape), **world)
    assert found.accuracy() == pytest.approx(0.2, abs=0.01)


def test_own_shift_against_loops(rng):
    world = args(worlds.random(rng, items=30, dims=2))
    world["amount"][:, 1] = world["amount"][:, 0]  # the same shift twice: no rivals of each other
    predicted = world["views"] + 0.7 * rng.standard_normal(world["views"].shape)
    found = operators.own_shift(predicted, **world)
    assert (found.right == naive.own_shift(predicted, *world.values())).all()
    assert found.chance[0, 0] == pytest.approx(1 / 4) and found.chance[0, 2] == pytest.approx(1 / 5)


def test_disagreement(rng):
    z, step, other = rng.standard_normal((3, 50, 400))
    assert operators.disagreement(z + step, z + step, z) == 0
    assert operators.disagreement(z + step, z + other, z) == pytest.approx(math.sqrt(2), abs=0.05)
    assert operators.disagreement(z + step, z - step, z) == pytest.approx(2)
    assert math.isnan(operators.disagreement(z, z, z))


def test_drift(rng):
    z, noise = rng.standard_normal((2, 300, 50))
    found = operators.drift(z, np.stack([z, z + 0.1 * noise, noise]))
    assert found == pytest.approx([0, 0.1, math.sqrt(2)], abs=0.02)
    assert np.isnan(operators.drift(np.ones((3, 2)), np.ones((1, 3, 2)))).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: operators.skill(np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 3))),
         r"`start` must have shape \(2, 3\) to fit `predicted`, got \(2, 2\)"),
        (lambda: operators.skill(*[np.zeros((0, 3))] * 3), r"`predicted` must have shape .* N, D > 0, got \(0, 3\)"),
        (lambda: operators.relative_error(*[np.full((1, 3), np.nan)] * 3), r"`predicted` must be finite"),
        (lambda: operators.coordinate_r2([1.0], [1.0, 2.0], [1.0]), r"must have one length > 0, got 1, 2, 1"),
        (lambda: operators.phase_cos([1.0], [1.0], [1.0], 1), r"`period` must be >= 2 steps, got 1"),
        (lambda: operators.phase_cos([1.0], [1.0, 2.0], [1.0], 4), r"must have one length, got 1, 2, 1"),
        (lambda: operators.drift(np.zeros((3, 2)), np.zeros((1, 2, 2))),
         r"`cycles` must have shape \(C, 3, 2\) to fit `start`, got \(1, 2, 2\)"),
        (lambda: operators.own_shift(np.zeros((1, 2, 3)), np.zeros((1, 3)), np.zeros((1, 1, 3)), [[0]], [[1.0]]),
         r"`predicted` must have shape \(1, 1, 3\) to fit `views`, got \(1, 2, 3\)"),
    ],
)  # fmt: skip
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_axes_of_the_other_half_predict_a_perfect_world(rng):
    for world in (worlds.perfect(rng), worlds.circle(rng)):
        batch = label(**args(world, "kinds"))
        folds = held_out_axes(batch)
        assert sorted(np.concatenate([items for items, _ in folds])) == list(range(200))
        slack = 1e-4 if world["kinds"] == worlds.LINES else 0.4  # a circle's plane is estimated from correlations
        assert predict(batch, folds) == pytest.approx(batch.views, abs=slack)
        for index, kind in enumerate(batch.kinds):
            before, after, amount, item = coordinates(batch, folds, index)
            assert len(item) == 800
            period = kind.period if isinstance(kind, Circle) else 1e9
            assert np.abs((after - before - amount + period / 2) % period - period / 2).max() < slack


def test_no_item_is_judged_by_axes_it_helped_to_fit(rng):
    """Items of odd groups are noise: the axes of the even half, fitted on them, are noise, and the other way round."""
    world = worlds.perfect(rng, items=100)
    odd = np.arange(100) % 2 == 1
    world["views"][odd] = world["anchor"][odd, None] - (world["views"][odd] - world["anchor"][odd, None])
    batch = label(**args(world))
    predicted = predict(batch, held_out_axes(batch))
    mirrored = 2 * batch.anchor[:, None] - batch.views
    assert predicted == pytest.approx(mirrored, abs=1e-4)


def test_given_axes_serve_all_and_one_group_serves_itself(rng):
    world = worlds.perfect(rng, items=20)
    tensors = {name: torch.from_numpy(value) for name, value in args(world).items()}
    axes = fit_axes(**tensors, kinds=worlds.LINES)
    batch = label(**args(world, "kinds"), group=[0] * 20)
    assert [len(items) for items, _ in held_out_axes(batch, axes)] == [20]
    assert predict(batch, held_out_axes(batch)) == pytest.approx(batch.views, abs=1e-4)


def test_kinds_unseen_by_the_other_half_are_not_predicted(rng):
    world = worlds.perfect(rng, items=10)
    world["kind"][1::2] = 0
    batch = label(**args(world, "kinds"))
    predicted = predict(batch, held_out_axes(batch))
    assert np.isnan(predicted[::2][batch.kind[::2] == 1]).all()
    assert not np.isnan(predicted[batch.kind == 0]).any()
    assert (coordinates(batch, held_out_axes(batch), 1)[3] % 2 == 1).all()


def test_no_shift_at_all_fits_no_axis(rng):
    world = worlds.perfect(rng, items=6)
    batch = label(**args(world) | {"amount": np.zeros((6, 8))})
    assert list(fit(batch)) == []
    assert np.isnan(predict(batch, held_out_axes(batch))).all()
    assert len(coordinates(batch, held_out_axes(batch), 0)[0]) == 0


def test_a_kind_with_clipped_views_only_is_fitted_on_them(rng):
    world = worlds.perfect(rng, items=20)
    batch = label(**args(world, "kinds"), clipped=world["kind"] == 1)
    assert list(fit(batch)) == ["pitch", "time"]


def test_a_follower_turns_with_its_leader(rng):
    bar, beat = Circle("metre", 16), Circle("beat", 4, follows="metre")
    start, basis = rng.uniform(0, 6, (60, 2)), worlds.orthogonal(rng, 8)
    amount = np.tile([[1.0, -3.0, 2.0, 5.0, 6.0, -7.0]], (60, 1))

    def latent(shift):
        phases = start[:, None] + shift[..., None] * (2 * np.pi / np.array([16, 4]))
        waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=-1)
        return np.concatenate([waves, np.zeros((*shift.shape, 4))], axis=-1) @ basis

    world = {"anchor": latent(np.zeros((60, 1)))[:, 0], "views": latent(amount), "amount": amount}
    batch = label(**world, kind=np.zeros((60, 6), dtype=int), kinds=(bar, beat))
    folds = held_out_axes(batch)
    before, after, moved, item = coordinates(batch, folds, 1)
    assert len(item) == 360
    assert np.cos((after - before - moved) * np.pi / 2).mean() > 0.99
    assert operators.skill(*(v.reshape(-1, 8) for v in (
        predict(batch, folds), np.repeat(batch.anchor[:, None], 6, axis=1), batch.views))) > 0.99  # fmt: skip
    assert Line("pitch").family == "pitch"

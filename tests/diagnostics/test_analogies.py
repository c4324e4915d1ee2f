"""Analogies: exact on shared lines, chance elsewhere, donors from other songs only, a twin in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from softaxes.diagnostics.analogies import analogies, analogy_error

from . import worlds
from .worlds import args


@pytest.mark.parametrize("donors", [1, 5, 20])
def test_perfect_lines_carry_over_and_own_axes_do_not(rng, donors):
    errors = analogy_error(**args(worlds.perfect(rng), "kinds"), donors=donors)
    assert errors == {"pitch": pytest.approx(0, abs=1e-7), "time": pytest.approx(0, abs=1e-7)}
    turned = analogy_error(**args(worlds.own_axes(rng, dims=40)), donors=donors)
    assert turned["kind0"] == pytest.approx(math.sqrt(1 + 1 / donors), abs=0.05)
    noise = analogy_error(**args(worlds.random(rng, dims=300)), donors=donors)
    assert noise["kind0"] == pytest.approx(math.sqrt(1 + 1 / donors), abs=0.05)


def test_a_perfect_circle_does_not_carry_over(rng):
    errors = analogy_error(**args(worlds.circle(rng), "kinds"), donors=20)
    assert errors["pitch"] == pytest.approx(0, abs=1e-7) and errors["metre"] > 0.9


def test_donors_have_the_same_shift_and_another_song(rng):
    """Each song adds its own mark to its differences: predictions hold marks of the right kind, never their own."""
    world = worlds.perfect(rng, items=60, dims=64)
    song = np.repeat(np.arange(30), 2)
    marks = 1000.0 ** (world["kind"] + 1)[..., None] * np.abs(world["amount"])[..., None] * np.eye(64)[song][:, None]
    predicted = analogies(world["anchor"], world["anchor"][:, None] + marks, world["kind"], world["amount"], group=song)
    found = predicted - world["anchor"][:, None]
    for item, view in np.ndindex(60, 8):
        used = np.flatnonzero(np.abs(found[item, view]) > 1e-3)
        size = 1000.0 ** (world["kind"][item, view] + 1) * abs(world["amount"][item, view])
        assert song[item] not in used
        assert found[item, view].sum() == pytest.approx(size)


def test_too_few_donors_predict_nothing(rng):
    world = worlds.perfect(rng, items=4)
    world["amount"][:] = np.arange(1, 9)  # each shift once an item: three donors elsewhere
    assert np.isnan(analogies(**args(world), donors=4)).all()
    assert not np.isnan(analogies(**args(world), donors=3)).any()
    assert math.isnan(analogy_error(**args(world), donors=4)["kind0"])
    assert np.isnan(analogies(**args(world), donors=1, group=[0] * 4)).all()


def test_all_donors_are_their_mean(rng):
    world = worlds.random(rng, items=5, dims=3)
    world["amount"][:] = np.arange(1, 9)
    predicted = analogies(**args(world), donors=4)
    difference = world["views"] - world["anchor"][:, None]
    for item, view in np.ndindex(5, 8):
        others = [difference[other, view] for other in range(5) if other != item]
        assert predicted[item, view] == pytest.approx(world["anchor"][item] + np.mean(others, axis=0))


def test_seeds_draw_other_donors(rng):
    world = args(worlds.random(rng, items=50))
    assert (analogies(**world, seed=1) == analogies(**world, seed=1)).all()
    assert (analogies(**world, seed=1) != analogies(**world, seed=2)).any()


def test_dead_and_unshifted_views_have_no_error(rng):
    assert math.isnan(analogy_error(**args(worlds.dead(rng)))["kind0"])
    world = worlds.perfect(rng, items=20)
    world["amount"][:, 0] = 0
    assert np.isnan(analogies(**args(world), donors=1)[:, 0]).all()


def test_mistakes_are_named(rng):
    with pytest.raises(ValueError, match=r"`donors` must be >= 1, got 0"):
        analogies(**args(worlds.perfect(rng, items=3)), donors=0)

"""Additivity and the size law: known encoders, slow twins, the choice of the denominator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from softaxes.diagnostics.additivity import CHANCE, CHANCE_CANCELLING, additivity, size_law

from . import naive, worlds
from .worlds import args


def test_perfect_world_adds_and_is_calibrated(rng):
    world = worlds.perfect(rng)
    found = additivity(**args(world))
    assert len(found.error) > 0 and found.figure() == pytest.approx(0, abs=1e-7)
    laws = size_law(**args(world, "kinds"))
    for name, step in (("pitch", 0.7), ("time", 0.4)):
        law = laws[name]
        assert (law.r2, law.exponent, law.scale) == pytest.approx((1, 1, step))
        assert law.ratio_cv == pytest.approx(0, abs=1e-6)


def test_random_encoder_meets_chance(rng):
    world = worlds.random(rng, items=100, dims=2000)
    found = additivity(**args(world))
    assert found.figure() == pytest.approx(found.chance.mean(), abs=0.03)
    for level in (CHANCE, CHANCE_CANCELLING):
        assert found.figure(found.chance == level) == pytest.approx(level, abs=0.03)
    law = size_law(**args(world))["kind0"]
    assert law.exponent == pytest.approx(0, abs=0.02) and law.r2 < 0


def test_constant_step_per_shift_is_not_additive(rng):
    """Cosines of +1 and -1, but every shift has length 1: |1 + 1 - 1| / 1 for equal signs."""
    world = worlds.perfect(rng)
    d = world["views"] - world["anchor"][:, None]
    world["views"] = world["anchor"][:, None] + d / np.linalg.norm(d, axis=-1, keepdims=True)
    found = additivity(**args(world))
    assert found.figure(found.signs_agree) == pytest.approx(1)
    law = size_law(**args(world))["kind0"]
    assert law.exponent == pytest.approx(0) and math.isnan(law.r2)


def test_the_largest_of_three_bounds_the_error_where_the_sum_vanishes(rng):
    """s + t = 0: the plain ratio would divide by 0; here a bent axis reads as what it is."""
    world = worlds.perfect(rng, items=4)
    amount = np.tile([[3.0, -3.0, 1.0, 2.0]], (4, 2))
    views = world["anchor"][:, None] + np.abs(amount)[..., None] * np.eye(12)[world["kind"]]
    found = additivity(world["anchor"], views, world["kind"], amount)
    assert found.error.max() <= 3
    opposite = found.error[~found.signs_agree]
    assert opposite.max() == pytest.approx(2)


@pytest.mark.parametrize("views", [2, 6, 8])
def test_additivity_against_loops(rng, views):
    world = worlds.random(rng, items=15, dims=3, views=views)
    expected = naive.additivity(*args(world).values())
    found = additivity(**args(world))
    assert sorted(found.error) == pytest.approx(sorted(expected))


def test_clipped_triples_are_told_apart(rng):
    world = worlds.perfect(rng)
    clipped = np.zeros(world["kind"].shape, dtype=bool)
    clipped[:100] = True
    world["views"][:100] += rng.standard_normal(world["views"][:100].shape)
    found = additivity(**args(world), clipped=clipped)
    assert found.figure(~found.clipped) == pytest.approx(0, abs=1e-7)
    assert found.figure(found.clipped) > 0.3
    assert (found.clipped == (found.item < 100)).all()
    assert additivity(**args(world)).clipped is None


def test_circles_have_no_triples_but_a_size(rng):
    world = worlds.circle(rng)
    assert (additivity(**args(world, "kinds")).kind == 0).all()
    law = size_law(**args(world, "kinds"))["metre"]
    assert (law.r2, law.exponent, law.scale) == pytest.approx((1, 1, 2))


def test_dead_and_single_view(rng):
    world = worlds.dead(rng)
    found = additivity(**args(world))
    assert len(found.error) and math.isnan(found.figure())
    law = size_law(**args(world))["kind0"]
    assert math.isnan(law.r2) and math.isnan(law.exponent) and math.isnan(law.ratio_cv) and law.scale == 0
    single = {n: v[:, :1] if n != "anchor" else v for n, v in args(world).items()}
    assert len(additivity(**single).error) == 0
    assert size_law(**single)["kind0"].n == 40


def test_a_kind_without_views_has_n_0(rng):
    world = worlds.perfect(rng, items=5)
    world["kind"][:] = 0
    law = size_law(**args(world, "kinds"))["time"]
    assert law.n == 0 and math.isnan(law.r2)


def test_one_size_has_no_exponent(rng):
    world = worlds.perfect(rng, items=30)
    world["amount"] = np.sign(world["amount"])
    law = size_law(**args(world))["kind0"]
    assert math.isnan(law.exponent) and math.isnan(law.r2)


def test_size_law_against_loops(rng):
    world = worlds.random(rng, items=20, dims=5)
    mask = world["kind"] == 0
    lengths = [naive.length(d) for d in (world["views"] - world["anchor"][:, None])[mask]]
    r2, exponent, cv = naive.size_law(lengths, np.abs(world["amount"][mask]).tolist())
    law = size_law(**args(world))["kind0"]
    assert (law.r2, law.exponent, law.ratio_cv, law.n) == pytest.approx((r2, exponent, cv, mask.sum()))

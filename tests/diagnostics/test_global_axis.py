"""Global axes: what the cosines of one anchor cannot tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.cosines import cosines
from softaxes.diagnostics.global_axis import axis_agreement, between_images, between_images_interval

from . import naive, worlds
from .worlds import args


def test_perfect_world_has_one_axis_a_kind(rng):
    for found in axis_agreement(**args(worlds.perfect(rng))).values():
        assert (found.agreement, found.between_images) == pytest.approx((1, 1))
        assert found.chance == 0


def test_an_axis_per_image_is_perfect_to_cosines_and_chance_here(rng):
    world = worlds.own_axes(rng, items=500)
    assert cosines(**args(world)).figure("same") == pytest.approx(1)
    for found in axis_agreement(**args(world)).values():
        assert found.agreement == pytest.approx(0, abs=0.06)
        assert found.between_images == pytest.approx(0, abs=0.01)


def test_random_encoder_scores_0_with_few_groups_too(rng):
    """A mean that held the difference itself would score above 0."""
    values = [axis_agreement(**args(worlds.random(rng, items=6)))["kind0"].agreement for _ in range(60)]
    assert np.mean(values) == pytest.approx(0, abs=0.06)


def test_duplicated_and_dead(rng):
    assert axis_agreement(**args(worlds.duplicated(rng)))["kind1"].agreement == pytest.approx(1)
    found = axis_agreement(**args(worlds.dead(rng)))["kind0"]
    assert math.isnan(found.agreement) and math.isnan(found.between_images) and found.n == 0


def test_centroid_encoder_unclipped():
    for found in axis_agreement(**args(worlds.centroid(500, margin=4), "kinds")).values():
        assert (found.agreement, found.between_images) == pytest.approx((1, 1), abs=1e-6)


def test_one_group_has_nothing_to_compare_with(rng):
    world = worlds.perfect(rng, items=5)
    found = axis_agreement(**args(world), group=[0] * 5)["kind0"]
    assert math.isnan(found.agreement) and math.isnan(found.between_images)


def test_against_loops(rng):
    world = worlds.random(rng, items=9, dims=3, views=4)
    group = rng.integers(4, size=9)
    mask = world["kind"] == 1
    item, view = np.nonzero(mask)
    parts = (
        list((world["views"] - world["anchor"][:, None])[mask]),
        np.sign(world["amount"][item, view]).tolist(),
        group[item].tolist(),
    )
    found = axis_agreement(**args(world), group=group)["kind1"]
    assert found.agreement == pytest.approx(naive.agreement(*parts))
    assert found.between_images == pytest.approx(naive.between(*parts))


def test_circle_shares_a_plane(rng):
    world = worlds.circle(rng)
    found = axis_agreement(**args(world, "kinds"))["metre"]
    assert found.agreement == pytest.approx(1)
    assert found.chance == 0.2 and math.isnan(found.between_images)
    turned = axis_agreement(**args(worlds.turn_differences(world, rng), "kinds"))["metre"]
    assert turned.agreement == pytest.approx(0.2, abs=0.06)


def test_circle_of_one_group_has_no_other_half(rng):
    world = worlds.circle(rng, items=6)
    assert math.isnan(axis_agreement(**args(world, "kinds"), group=[0] * 6)["metre"].agreement)


def test_interval_between_images_against_redrawn_rows(rng):
    """A group drawn twice is not compared with itself: the twin leaves out equal labels of original groups."""
    unit, group = rng.standard_normal((20, 3)) + 1, np.repeat(np.arange(5), 4)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    draws = Bootstrap(group, n=200, seed=3)
    low, high = between_images_interval(unit, np.arange(20), draws)
    values = []
    for counts in draws.counts:
        rows = np.repeat(np.arange(20), counts[group].astype(int))
        if len(np.unique(group[rows])) > 1:
            values.append(between_images_of(unit[rows], group[rows]))
    assert (low, high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    assert low < between_images(unit, group) < high


def between_images_of(unit, group):
    cosines = unit @ unit.T
    return cosines[group[:, None] != group[None]].mean()

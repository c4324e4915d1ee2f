"""Cosines of one anchor: known encoders, a slow twin, chance levels, degenerate input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from softaxes import SoftFactorization
from softaxes.diagnostics import cosines
from softaxes.geometry.kinds import Circle, Cycle, Line

from . import naive, worlds
from .worlds import args


def test_perfect_world_scores_0_1_minus_1(rng):
    world = worlds.perfect(rng)
    found = cosines.cosines(**args(world, "kinds"))
    assert found.figure("cross") == pytest.approx(0, abs=1e-12)
    assert found.figure("same") == pytest.approx(1, abs=1e-12)
    assert found.figure("opposite") == pytest.approx(-1, abs=1e-12)
    assert math.isnan(found.figure("circle"))
    angles = cosines.opening_angle(**args(world, "kinds"))
    assert angles == {"pitch": pytest.approx(180, abs=1e-5), "time": pytest.approx(180, abs=1e-5)}


def test_duplicated_coordinates_change_nothing():
    once = cosines.cosines(**args(worlds.perfect(np.random.default_rng(3))))
    twice = cosines.cosines(**args(worlds.duplicated(np.random.default_rng(3))))
    assert twice.cos == pytest.approx(once.cos)


def test_dead_encoder_has_no_cosines_and_says_so(rng):
    world = worlds.dead(rng)
    found = cosines.cosines(**args(world))
    assert found.dead == 1
    assert not found.alive.any()
    assert found.asked("cross").any()
    assert all(math.isnan(found.figure(name)) for name in cosines.RELATIONS)
    assert all(math.isnan(angle) for angle in cosines.opening_angle(**args(world)).values())


def test_rounding_noise_of_float32_is_dead(rng):
    world = worlds.dead(rng)
    noise = rng.standard_normal(world["views"].shape) * 1e-9
    assert cosines.cosines(**args(world | {"views": world["views"] + noise})).dead == 1
    assert cosines.cosines(**args(world | {"views": world["views"] + 1e4 * noise})).dead == 0


@pytest.mark.parametrize("margin, expected", [(4, (0, 1, -1)), (0, (0.25, 0.91, -0.77))])
def test_centroid_encoder_on_blobs(margin, expected):
    found = cosines.cosines(**args(worlds.centroid(3000, margin=margin), "clipped", "kinds"))
    figures = [found.figure(name) for name in ("cross", "same", "opposite")]
    assert figures == pytest.approx(expected, abs=1e-6 if margin else 0.02)


def test_centroid_encoder_clipped_pairs_carry_the_error():
    found = cosines.cosines(**args(worlds.centroid(5000, margin=0), "clipped", "kinds"))
    parts = found.parts()
    unclipped = [found.figure(name, parts["unclipped"]) for name in ("cross", "same", "opposite")]
    clipped = [found.figure(name, parts["clipped"]) for name in ("cross", "same", "opposite")]
    assert unclipped == pytest.approx((0, 1, -1), abs=1e-6)
    assert clipped == pytest.approx((0.49, 0.78, -0.55), abs=0.04)


def test_random_encoder_meets_its_chance_levels(rng):
    found = cosines.cosines(**args(worlds.random(rng, items=1500)))
    chance = cosines.chance_same_anchor(16)
    assert found.figure("same") == pytest.approx(chance, abs=0.02)
    assert found.figure("opposite") == pytest.approx(chance, abs=0.02)
    assert found.figure("cross") == pytest.approx(chance, abs=0.02)


@pytest.mark.parametrize("dims", [1, 2, 3, 16, 200])
def test_chance_levels_against_simulation(rng, dims):
    a, b, x = rng.standard_normal((3, 200_000 // dims + 2000, dims))
    between = np.einsum("nd,nd->n", a - x, b - x) / np.linalg.norm(a - x, axis=1) / np.linalg.norm(b - x, axis=1)
    assert cosines.chance_same_anchor(dims) == pytest.approx(between.mean(), abs=0.02)


def test_parts_are_told_apart_only_where_they_are_known(rng):
    world = worlds.perfect(rng, items=10)
    assert list(cosines.cosines(**args(world)).parts()) == ["all"]
    clipped = np.zeros((10, 8), dtype=bool)
    clipped[3, 0] = True
    parts = cosines.cosines(**args(world), clipped=clipped).parts()
    assert [mask.sum() for mask in parts.values()] == [280, 273, 7]


def test_against_loops(rng):
    world = worlds.random(rng, items=12, dims=3, views=6)
    found = cosines.cosines(**args(world))
    for name, values in naive.pair_cosines(*args(world).values()).items():
        assert found.figure(name) == pytest.approx(np.mean(values))
        assert found.relation(name).sum() == len(values)


def test_circle_follows_the_chord_law_where_no_line_does(rng):
    world = worlds.circle(rng)
    assert cosines.cosines(**args(world, "kinds")).figure("circle") == pytest.approx(0, abs=1e-12)
    as_lines = cosines.cosines(**args(world))
    assert as_lines.figure("same", as_lines.first == 1) < 0.95


@pytest.mark.parametrize(
    "kinds",
    [
        worlds.LINES,
        worlds.CIRCLES,
        (Circle("a", 4, size=2.0), Circle("b", 3.5)),
        (Line("a"), Cycle("b", 12)),
        (Cycle("a", 8, harmonics=(1, 3), weights=(1, 2)), Cycle("b", 12, follows="a")),
    ],
)
def test_promised_cosines_are_the_targets_of_the_loss(rng, kinds):
    world = worlds.random(rng, items=50, dims=8, views=6) | {"kinds": kinds}
    world["amount"] = np.where(world["kind"] == 0, world["amount"], world["amount"] * 0.7)
    found = cosines.cosines(**args(world, "kinds"))
    tensors = {name: torch.from_numpy(value).float() for name, value in args(world).items()}
    loss = SoftFactorization(kinds)(**tensors | {"kind": torch.from_numpy(world["kind"])})
    kept = found.alive
    assert np.square(found.cos - found.promised)[kept].mean() == pytest.approx(float(loss.within), rel=1e-4)


def test_a_turning_code_follows_the_law_of_its_own_powers(rng):
    world = worlds.cycle(rng)
    assert cosines.cosines(**args(world, "kinds")).figure("cycle") == pytest.approx(0, abs=1e-5)
    even = (*world["kinds"][:1], Cycle("metre", 16, harmonics=(1, 2, 5), weights=(1, 1, 1)))
    assert cosines.cosines(**args(world), kinds=even).figure("cycle") > 0.05


def test_law_curves_are_means_over_pairs_of_amounts(rng):
    """Against loops; and of powers that are measured the law is that of a point of every plane."""
    world = worlds.cycle(rng, noise=0.3)
    curve = cosines.law_curves(**args(world, "kinds"))["metre"]
    differences = world["views"] - world["anchor"][:, None]
    measured = {}
    for item in range(len(differences)):
        for i, j in itertools.combinations(range(8), 2):
            if world["kind"][item, i] == world["kind"][item, j] == 1:
                a, b = differences[item, i], differences[item, j]
                pair = tuple(sorted((world["amount"][item, i], world["amount"][item, j])))
                measured.setdefault(pair, []).append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert list(zip(curve.first, curve.second, strict=True)) == sorted(measured)
    for row, pair in enumerate(sorted(measured)):
        assert curve.measured[row] == pytest.approx(np.mean(measured[pair]))
        assert curve.n[row] == len(measured[pair])
    exact = cosines.law_curves(**args(worlds.cycle(rng), "kinds"))
    assert exact["metre"].error == pytest.approx(0, abs=1e-5)
    for row, (s, t) in enumerate(zip(exact["metre"].first, exact["metre"].second, strict=True)):
        one, two = (
            np.concatenate([r * np.array([np.cos(2 * np.pi * h * x / 16) - 1, np.sin(2 * np.pi * h * x / 16)])
                            for h, r in ((1, 2), (2, 1), (5, 0.5))])
            for x in (s, t)
        )  # fmt: skip
        law = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
        assert exact["metre"].promised[row] == pytest.approx(law, abs=1e-4)


def test_law_curves_of_lines_are_plus_and_minus_one_and_of_random_latents_one_half(rng):
    perfect = cosines.law_curves(**args(worlds.perfect(rng), "kinds"))["pitch"]
    assert perfect.measured.tolist() == pytest.approx((np.sign(perfect.first) * np.sign(perfect.second)).tolist())
    random = cosines.law_curves(**args(worlds.random(rng, items=2000), "kinds"))["pitch"]
    assert random.measured == pytest.approx(0.5, abs=0.05)
    assert random.error > 0.5
    assert cosines.law_curves(**args(worlds.dead(rng), "kinds")) == {}


def test_a_delay_turns_the_circles_that_follow(rng):
    bar, beat = Circle("metre", 16, size=2.0), Circle("beat", 4, size=1.0, follows="metre")
    start, basis = rng.uniform(0, 6, (30, 2)), worlds.orthogonal(rng, 6)
    amount = np.tile([[1.0, -3.0, 2.0, 5.0]], (30, 1))

    def latent(shift):
        phases = start[:, None] + shift[..., None] * (2 * np.pi / np.array([16, 4]))
        waves = np.concatenate([np.cos(phases) * [2, 1], np.sin(phases) * [2, 1]], axis=-1)
        return np.concatenate([waves, np.zeros((*shift.shape, 2))], axis=-1) @ basis

    world = {"anchor": latent(np.zeros((30, 1)))[:, 0], "views": latent(amount), "amount": amount}
    found = cosines.cosines(**world, kind=np.zeros((30, 4), dtype=int), kinds=(bar, beat))
    assert found.figure("circle") == pytest.approx(0, abs=1e-12)


def test_unshifted_views_and_whole_turns_are_left_out(rng):
    world = worlds.circle(rng, items=5)
    world["amount"][:, 0], world["amount"][:, 7] = 0, 16
    found = cosines.cosines(**args(world, "kinds"))
    assert len(found.cos) == 5 * 15


def test_one_kind_has_no_cross_and_one_view_no_pairs(rng):
    world = worlds.perfect(rng)
    pitch = {n: v[:, :4] if n != "anchor" else v for n, v in args(world).items()}
    assert math.isnan(cosines.cosines(**pitch).figure("cross"))
    single = {n: v[:, :1] if n != "anchor" else v for n, v in args(world).items()}
    assert len(cosines.cosines(**single).cos) == 0
    for sign in (1, -1):
        assert math.isnan(cosines.opening_angle(**pitch | {"amount": sign * np.abs(pitch["amount"])})["kind0"])


def test_histograms_hold_every_living_pair(rng):
    found = cosines.cosines(**args(worlds.perfect(rng)))
    edges, counts = found.histograms(bins=20)
    assert edges[0] == -1 and edges[-1] == 1 and len(edges) == 21
    assert set(counts) == {"cross", "same", "opposite"}
    assert all(counts[name].sum() == found.relation(name).sum() for name in counts)
    assert counts["same"][-1] == found.relation("same").sum()
    assert counts["opposite"][0] == found.relation("opposite").sum()


def test_opening_angle_of_a_bent_axis(rng):
    """Up goes along x, down along a direction 120 degrees from it."""
    amount = np.tile([[1.0, 2.0, -1.0, -2.0]], (50, 1))
    down = np.array([np.cos(np.radians(120)), np.sin(np.radians(120))])
    views = np.where(amount[..., None] > 0, amount[..., None] * np.array([1.0, 0.0]), -amount[..., None] * down)
    world = {"anchor": np.zeros((50, 2)), "views": views, "kind": np.zeros((50, 4), dtype=int), "amount": amount}
    assert cosines.opening_angle(**world, kinds=[Line("pitch")]) == {"pitch": pytest.approx(120)}


def test_unknown_relation_and_dims_are_refused(rng):
    found = cosines.cosines(**args(worlds.perfect(rng, items=3)))
    with pytest.raises(ValueError, match=r"`name` must be one of .*, got 'diagonal'"):
        found.relation("diagonal")
    with pytest.raises(ValueError, match=r"`dims` must be >= 1, got 0"):
        cosines.chance_same_anchor(0)

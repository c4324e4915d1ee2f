"""Weights of harmonics, measured: of codes whose power is known, and against plain least squares over all pairs."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.losses.harmonics import harmonic_weights

PITCH, METRE = Line("pitch"), Cycle("metre", 16)
KINDS = (PITCH, METRE)


def turning_code(rng, radii, *, period=16, anchors=60, views=5):
    """Codes of one plane a harmonic 1.. with these radii, one coordinate of pitch; every fourth view moves both."""
    phase = rng.uniform(0, 2 * math.pi, (anchors, len(radii)))
    amount = np.zeros((anchors, views, 2))
    for row, view in itertools.product(range(anchors), range(views)):
        kind = (row + view) % 4
        amount[row, view] = rng.integers(-4, 5) * (kind in (0, 1)), rng.integers(-8, 9) * (kind in (1, 2, 3))

    def code(row, pitch, metre):
        parts = [3.0 * pitch]
        for h, radius in enumerate(radii, start=1):
            angle = phase[row, h - 1] + 2 * math.pi * h * metre / period
            parts += [radius * math.cos(angle), radius * math.sin(angle)]
        return parts

    anchor = np.array([code(row, 0, 0) for row in range(anchors)])
    view = np.array([[code(row, *amount[row, v]) for v in range(views)] for row in range(anchors)])
    mixed = rng.normal(size=(anchor.shape[1], anchor.shape[1]))
    basis = np.linalg.qr(mixed)[0]  # weights do not depend on it
    return tuple(torch.from_numpy(x) for x in (anchor @ basis, view @ basis, amount))


@pytest.mark.parametrize(
    "radii", [[1.0] * 8, [3, 0, 1, 0, 0, 0.5, 0, 2], [0, 0, 0, 0, 0, 0, 0, 1], [2, 1, 0.5, 0.2, 0.1, 0.1, 0, 0]]
)
def test_the_weights_of_a_turning_code_are_its_powers(radii, rng):
    got = harmonic_weights(KINDS, METRE, *turning_code(rng, radii))
    power = np.square(radii)
    assert got.tolist() == pytest.approx((power / power.sum()).tolist(), abs=1e-4)


def test_weights_equal_bounded_least_squares_over_all_pairs(rng):
    anchor, views, amount = turning_code(rng, [1, 2, 0, 1, 0, 0, 1, 0])
    views = views + 0.3 * torch.from_numpy(rng.normal(size=views.shape))
    rows, half = [], []
    for b in range(len(anchor)):
        latents, labels = [anchor[b], *views[b]], [torch.zeros(2), *amount[b]]
        for i, j in itertools.combinations(range(len(latents)), 2):
            (pitch, metre) = (labels[i] - labels[j]).tolist()
            if pitch == 0 and metre != 0:
                rows.append([1 - math.cos(2 * math.pi * h * metre / 16) for h in range(1, 9)])
                half.append(float((latents[i] - latents[j]).square().sum()) / 2)
    expected = lsq_linear(np.array(rows), np.array(half), bounds=(0, np.inf)).x
    got = harmonic_weights(KINDS, METRE, anchor, views, amount)
    assert got.tolist() == pytest.approx((expected / expected.sum()).tolist(), abs=1e-4)


def test_pairs_that_also_differ_in_pitch_say_nothing(rng):
    anchor, views, amount = turning_code(rng, [1, 2, 0, 1, 0, 0, 1, 0])
    spoilt = views.clone()
    spoilt[(amount != 0).all(-1)] += 100  # mixed views of one anchor never differ in metre alone from another here
    alone = (amount[..., 0] != 0).sum(1) <= 1
    one, two = (harmonic_weights(KINDS, METRE, anchor[alone], x[alone], amount[alone]) for x in (views, spoilt))
    assert torch.allclose(one, two, atol=1e-9)


def test_no_gradient_flows_through_weights(rng):
    anchor, views, amount = turning_code(rng, [1, 2])
    assert not harmonic_weights(KINDS, METRE, anchor.requires_grad_(), views, amount).requires_grad


@pytest.mark.parametrize(
    ("scale", "amount"), [(0.0, 3.0), (1.0, 0.0), (1.0, 16.0), (math.nan, 3.0)], ids=["still", "none", "whole", "nan"]
)
def test_weights_are_even_where_nothing_can_be_measured(scale, amount):
    anchor, views = scale * torch.randn(5, 6), scale * torch.randn(5, 3, 6)
    amounts = torch.zeros(5, 3, 2)
    amounts[..., 1] = amount
    assert harmonic_weights(KINDS, METRE, anchor, views, amounts).tolist() == [1 / 8] * 8


def test_a_follower_is_measured_by_the_shifts_that_move_it(rng):
    beat = Cycle("beat", 4, harmonics=(1, 2), follows="metre")
    anchor, views, amount = turning_code(rng, [0, 0, 0, 2, 0, 0, 0, 1])
    kinds, amount = (PITCH, Circle("metre", 16), beat), amount[..., [0, 1, 1]]
    got = harmonic_weights(kinds, beat, anchor, views, amount)
    assert got.tolist() == pytest.approx([0.8, 0.2], abs=1e-4)

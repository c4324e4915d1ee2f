"""Kinds: what they promise, against points placed by hand, and what they refuse."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.geometry.kinds import Circle, Cycle, Line, check_kinds

amounts = st.floats(-40, 40)


def inner(kind, s, t):
    """Inner product of the differences that two amounts make."""
    return kind.length(s) * kind.length(t) * kind.cosine(s, t)


@given(amounts, amounts, st.floats(0.1, 5))
def test_line_promises_the_product_of_displacements(s, t, size):
    got = inner(Line("pitch", size=size), torch.tensor(s), torch.tensor(t))
    assert float(got) == pytest.approx((size * s) * (size * t), rel=1e-5, abs=1e-5)


@given(amounts, amounts, st.floats(2, 64), st.floats(0.1, 5), st.floats(0, 2 * math.pi))
def test_circle_promises_the_inner_product_of_chords_from_any_point(s, t, period, size, start):
    def point(turned):
        return size * math.cos(start + turned), size * math.sin(start + turned)

    alpha, beta = (2 * math.pi * amount / period for amount in (s, t))
    here, one, two = point(0), point(alpha), point(beta)
    expected = sum((a - h) * (b - h) for h, a, b in zip(here, one, two, strict=True))
    s, t = (torch.tensor(amount, dtype=torch.float64) for amount in (s, t))
    assert float(inner(Circle("metre", period, size=size), s, t)) == pytest.approx(expected, abs=1e-9)


def test_a_period_is_one_turn():
    assert float(Circle("metre", 16).angle(torch.tensor(16.0))) == pytest.approx(2 * math.pi)


def test_family_is_the_shift_that_moves_a_kind():
    assert Line("pitch").family == "pitch"
    assert Circle("metre", 16).family == "metre"
    assert Circle("beat", 4, follows="metre").family == "metre"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Line("two words"), r"`name` of a kind must be an identifier .* got 'two words'"),
        (lambda: Line("for"), r"no keyword of Python .* got 'for'"),
        (lambda: Line(""), "got ''"),
        (lambda: Line("pitch", size=0), r"`size` of kind 'pitch' must be positive and finite, got 0"),
        (lambda: Circle("metre", 16, size=float("nan")), r"`size` of kind 'metre' .* got nan"),
        (lambda: Circle("metre", 1.9), r"`period` of kind 'metre' must be >= 2 steps and finite, got 1.9"),
        (lambda: Circle("metre", math.inf), "must be >= 2 steps and finite, got inf"),
        (lambda: Circle("metre", math.nan), "must be >= 2 steps and finite, got nan"),
        (lambda: check_kinds([]), "`kinds` must name at least one kind, got none"),
        (lambda: check_kinds([Line("a"), Circle("a", 4)]), r"names of `kinds` must differ, got \['a', 'a'\]"),
        (lambda: check_kinds([Circle("a", 4, follows="b")]), "kind 'a' follows 'b', which `kinds` must hold"),
        (
            lambda: check_kinds([Circle("a", 4), Circle("b", 4, follows="a"), Circle("c", 4, follows="b")]),
            "kind 'c' follows 'b', which `kinds` must hold as a leader",
        ),
    ],
)
def test_errors_name_argument_requirement_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_only_kinds_are_kinds():
    with pytest.raises(TypeError, match="`kinds` must hold Line, Circle or Cycle, got str"):
        check_kinds(["pitch"])  # type: ignore[list-item]


def test_check_kinds_gives_a_tuple():
    kinds = [Line("pitch"), Circle("chroma", 12, follows="pitch")]
    assert check_kinds(kinds) == tuple(kinds)


# --- cycles ------------------------------------------------------------------------------------------------------

steps = st.one_of(st.integers(-100, 100).map(float), st.floats(-100, 100), st.sampled_from([0.0, 6.25, 12.5, -25.0]))
CYCLES = {
    "even": Cycle("metre", 12.5),
    "weighed": Cycle("metre", 12.5, harmonics=(3, 1, 3), weights=(1.0, 4.0), size=2.0),
    "one": Cycle("metre", 16, harmonics=(1,)),
    "two steps": Cycle("metre", 2),
    "half turn alone": Cycle("metre", 32, harmonics=(16,)),
}


def placed(cycle, s):
    """Where a code stands after amount ``s``: a point of each plane, one plane a harmonic, of the promised power."""
    different = sorted(set(cycle.harmonics))
    weights = cycle.weights or [1.0] * len(different)
    point = []
    for h, w in zip(different, weights, strict=True):
        radius, angle = cycle.size * math.sqrt(w / sum(weights)), 0.7 * h + 2 * math.pi * h * s / cycle.period
        point += [radius * math.cos(angle), radius * math.sin(angle)]
    return point


@pytest.mark.parametrize("name", CYCLES)
@given(s=steps, t=steps)
def test_a_cycle_promises_the_inner_product_of_the_differences_of_a_turning_code(name, s, t):
    cycle, start = CYCLES[name], placed(CYCLES[name], 0.0)
    one, two = ([a - b for a, b in zip(placed(cycle, x), start, strict=True)] for x in (s, t))
    expected = sum(a * b for a, b in zip(one, two, strict=True))
    s, t = torch.tensor([s, t], dtype=torch.float64).unbind()
    assert float(inner(cycle, s, t)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", [Line("pitch", 1.5), Circle("metre", 12.5, size=2), *CYCLES.values()], ids=repr)
@given(s=steps, t=steps)
def test_the_properties_of_every_law(kind, s, t):
    s, t = torch.tensor([s, t], dtype=torch.float64).unbind()
    zero = torch.zeros_like(s)
    assert kind.variogram(zero) == 0
    assert kind.variogram(s) >= 0
    assert kind.variogram(s) == pytest.approx(float(kind.variogram(-s)))
    assert kind.cosine(s, t) == kind.cosine(t, s)
    assert -1 <= float(kind.cosine(s, t)) <= 1
    assert kind.cosine(s, zero) == kind.cosine(zero, t) == 0
    product = (kind.variogram(s) * kind.variogram(t)).sqrt()
    law = kind.variogram(s) + kind.variogram(t) - kind.variogram(s - t)
    assert float(2 * product * kind.cosine(s, t)) == pytest.approx(float(law), abs=1e-9 * max(1.0, float(product)))


@given(st.integers(-40, 40), st.integers(-40, 40))
def test_lines_and_circles_promise_what_they_always_did_to_the_last_bit(s, t):
    s, t = torch.tensor(float(s)), torch.tensor(float(t))
    assert torch.equal(Line("pitch", size=3.7).cosine(s, t), torch.sign(s) * torch.sign(t))
    kind, half, signs = Circle("metre", 16), [], []
    for amount in (s, t):
        half.append(torch.zeros(()) if amount % 16 == 0 else amount * (2 * math.pi / 16) / 2)
        signs.append(torch.sign(torch.sin(half[-1])))
    assert torch.equal(kind.cosine(s, t), signs[0] * signs[1] * torch.cos(half[0] - half[1]))


def test_a_cycle_of_one_harmonic_is_a_circle():
    s = torch.arange(-40.0, 41)
    cycle, circle = Cycle("metre", 16, harmonics=(1, 1)), Circle("metre", 16)
    assert torch.allclose(cycle.length(s), circle.length(s), atol=1e-5)
    assert torch.allclose(cycle.cosine(s[:, None], s), circle.cosine(s[:, None], s), atol=1e-5)


def test_many_harmonics_tend_to_chance():
    s = torch.arange(1, 400, dtype=torch.float64)
    cosine = Cycle("metre", 2000).cosine(s[:, None], s)
    apart = cosine[~torch.eye(len(s), dtype=torch.bool)]
    assert float((apart - 0.5).abs().max()) < 1e-3
    assert torch.allclose(cosine.diagonal(), torch.ones_like(s))


@pytest.mark.parametrize("kind", [Circle("metre", 12.5), *CYCLES.values()], ids=repr)
def test_gradients_of_a_law_are_finite_at_every_amount(kind):
    s = torch.tensor([0.0, 0.5, 1, 6.25, 12.5, -12.5, 8, 16, 32, 1e-4, 1000]).requires_grad_()
    for law in (kind.variogram(s), kind.length(s), kind.cosine(s[:, None], s[None])):
        (gradient,) = torch.autograd.grad(law.sum(), s)
        assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("kind", [Cycle("metre", 32), Cycle("metre", 12.5, harmonics=(2, 5))], ids=repr)
def test_whole_periods_move_nothing_at_all(kind):
    assert torch.equal(kind.length(kind.period * torch.arange(-300.0, 300)), torch.zeros(600))


def test_what_all_harmonics_turn_whole_moves_nothing():
    assert float(Cycle("metre", 32, harmonics=(2, 6)).length(torch.tensor(16.0))) == 0


def test_harmonics_of_a_cycle_are_all_of_its_period_by_default():
    assert Cycle("metre", 8).harmonics == (1, 2, 3, 4)
    assert Cycle("metre", 7.5).harmonics == (1, 2, 3)
    assert Cycle("metre", 8, harmonics=[3, 1, 3]).harmonics == (3, 1, 3)
    assert Cycle("metre", 8, harmonics=[3, 1, 3]).spectrum == (1, 3)


def test_weights_of_a_law_may_be_given_with_the_amounts():
    s = torch.arange(-8.0, 9)
    given_here = Cycle("metre", 16, harmonics=(1, 2)).variogram(s, torch.tensor([3.0, 1.0]))
    assert torch.equal(given_here, Cycle("metre", 16, harmonics=(1, 2), weights=(3, 1)).variogram(s))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": 1}, "`period` of kind 'metre' must be >= 2 steps and finite, got 1"),
        ({"period": math.inf}, "must be >= 2 steps and finite, got inf"),
        ({"period": 8, "harmonics": (5,)}, r"`harmonics` of kind 'metre' must be whole numbers of 1..4, got 5"),
        ({"period": 8, "harmonics": (0,)}, "whole numbers of 1..4, got 0"),
        ({"period": 8, "harmonics": (1.5,)}, "whole numbers of 1..4, got 1.5"),
        ({"period": 8, "harmonics": (math.nan,)}, "whole numbers of 1..4, got nan"),
        ({"period": 8, "weights": (1.0,)}, "`weights` of kind 'metre' must be 4 numbers >= 0, not all 0"),
        ({"period": 8, "harmonics": (1, 1), "weights": (1.0, 1.0)}, "must be 1 numbers >= 0"),
        ({"period": 4, "weights": (-1.0, 2.0)}, r"got \(-1.0, 2.0\)"),
        ({"period": 4, "weights": (0.0, 0.0)}, r"not all 0, one for each harmonic, got \(0.0, 0.0\)"),
        ({"period": 4, "weights": (math.nan, 1.0)}, r"got \(nan, 1.0\)"),
    ],
)
def test_errors_of_a_cycle_name_argument_requirement_and_value(options, message):
    with pytest.raises(ValueError, match=message):
        Cycle("metre", **options)

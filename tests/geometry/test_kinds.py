"""Kinds: what they promise, against points placed by hand, and what they refuse."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.geometry.kinds import Circle, Line, check_kinds

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

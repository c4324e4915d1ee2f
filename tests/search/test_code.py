"""Codes are blind to register and turn with delay; the shift comes back off coordinates and by alignment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from softaxes.geometry.axes import Axes, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.search.codes import (
    content_codes,
    coordinates,
    line_names,
    rotation_names,
    shift_between,
    similarity,
    turned,
)

DIM = 14


@pytest.fixture
def axes() -> Axes:
    """Register with a chroma that follows it, and a delay that turns the content, in no telling order or names."""
    e = torch.eye(DIM)
    delay = Cycle("late", 16, harmonics=(1, 1, 3))
    chroma = Cycle("colour", 12, harmonics=(1,), follows="height")
    return Axes(
        [
            CycleAxis(delay, e[2:8].reshape(3, 2, DIM), torch.full((DIM,), 3.0)),
            CycleAxis(chroma, e[8:10].reshape(1, 2, DIM), torch.zeros(DIM)),
            LineAxis(Line("height"), 0.5 * e[0], torch.arange(float(DIM))),
        ]
    )


@pytest.fixture
def circle() -> Axes:
    """A line and a circle."""
    e = torch.eye(8)
    line = LineAxis(Line("pitch"), 0.5 * e[0], torch.arange(8.0))
    return Axes([line, CircleAxis(Circle("metre", 16), e[[1, 2]], torch.full((8,), 3.0))])


def test_families_of_a_line_are_dropped_and_what_turns_is_kept(axes: Axes) -> None:
    assert line_names(axes) == ("height",)
    assert rotation_names(axes) == ("late",)
    z = torch.randn(20, DIM)
    codes = content_codes(axes, z)
    assert not codes[:, [0, 8, 9]].any(), "register and what follows it"
    assert (codes[:, 2:8] != 0).all()
    assert (codes[:, [1, 10, 11, 12, 13]] != 0).all(), "what no axis moves"
    moved = axes.shift(z, height=7.0)
    assert not torch.allclose(z, moved)
    np.testing.assert_allclose(content_codes(axes, moved), codes, atol=1e-5)


@pytest.mark.parametrize("amount", [-3.0, 0.5, 8.0, 16.0])
def test_codes_turn_with_steered_latents(axes: Axes, amount: float) -> None:
    z = torch.randn(20, DIM)
    codes = content_codes(axes, z)
    later = content_codes(axes, axes.shift(z, late=amount))
    np.testing.assert_allclose(turned(axes, codes, late=amount), later, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(later, axis=1), 1, atol=1e-5)
    assert np.allclose(codes, later, atol=1e-3) == (amount == 16)


def test_codes_have_length_one_and_a_latent_at_rest_has_none(axes: Axes, circle: Axes) -> None:
    z = torch.randn(20, 8)
    np.testing.assert_allclose(np.linalg.norm(content_codes(circle, z), axis=1), 1, atol=1e-6)
    rest = circle.remove(circle["pitch"].origin)
    assert not content_codes(circle, torch.stack([rest, circle.shift(rest[None], pitch=4.0, metre=3.0)[0]])).any()
    assert content_codes(axes, axes["height"].origin[None]).any(), "the mean is not at rest in the planes"


def test_opposite_contents_around_the_mean_are_opposite(circle: Axes) -> None:
    """Without the mean subtracted every cosine would be near 1."""
    away = torch.zeros(8)
    away[5] = 0.1
    rest = circle.remove(circle["pitch"].origin)
    codes = content_codes(circle, torch.stack([rest + away, rest - away]))
    assert similarity(codes[:1], codes[1:])[0, 0] == pytest.approx(-1, abs=1e-4)


def test_circles_alone_have_no_mean_and_lines_alone_turn_nothing(axes: Axes) -> None:
    only = Axes([CircleAxis(Circle("metre", 16), torch.eye(4)[:2], torch.tensor([5.0, 6.0, 0.0, 0.0]))])
    codes = content_codes(only, torch.tensor([[5.0, 6.0, 0.0, 2.0], [7.0, 6.0, 0.0, 0.0]]))
    np.testing.assert_allclose(codes, [[0, 0, 0, 1], [1, 0, 0, 0]], atol=1e-6)
    assert coordinates(only, torch.zeros(3, 4)).shape == (3, 0)
    lines = Axes([axes["height"]])
    z = torch.randn(4, DIM)
    here = content_codes(lines, z), coordinates(lines, z)
    assert shift_between(lines, here, here).keys() == {"height"}


def test_the_shift_is_read_off_lines_and_found_by_alignment(axes: Axes) -> None:
    z = torch.randn(50, DIM) + 3
    height, late = torch.randint(-12, 13, (50,)).float(), torch.randint(-8, 8, (50,)).float()
    moved = axes.shift(z, height=height, late=late)
    sides = [(content_codes(axes, side), coordinates(axes, side)) for side in (z, moved)]
    read = shift_between(axes, *sides)
    assert read.keys() == {"height", "late"}
    np.testing.assert_allclose(read["height"], height, atol=1e-3)
    np.testing.assert_array_equal(read["late"], late)


def test_a_cycle_without_harmonic_one_is_aligned_over_its_whole_period() -> None:
    operators = LearnedOperators([Line("pitch"), Cycle("metre", 32, harmonics=(3, 2))], 8, learned=False)
    only = operators.fitted(torch.zeros(8))
    z = torch.randn(5, 8)
    moved = only.shift(z, metre=14.0, pitch=2)
    amounts = shift_between(only, *((content_codes(only, side), coordinates(only, side)) for side in (z, moved)))
    assert amounts["metre"] == pytest.approx([14] * 5)
    assert amounts["pitch"] == pytest.approx([2] * 5, abs=1e-3)


def test_shapes_that_do_not_fit(axes: Axes) -> None:
    with pytest.raises(ValueError, match="one coordinate a line"):
        shift_between(axes, (np.zeros((3, DIM)), np.zeros((3, 2))), (np.zeros((3, DIM)), np.zeros((3, 1))))
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        similarity(np.zeros((3, 4)), np.zeros((2, 5)))

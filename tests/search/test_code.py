"""Codes are blind to what the axes carry; the shift comes back off the coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from softaxes.geometry.axes import Axes, CircleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.search.codes import content_codes, coordinates, shift_between, similarity


@pytest.fixture
def axes() -> Axes:
    e = torch.eye(8)
    origin = torch.arange(8.0)
    line = LineAxis(Line("pitch"), 0.5 * e[0], origin)
    return Axes([line, CircleAxis(Circle("metre", 16), e[[1, 2]], torch.full((8,), 3.0))])


def test_codes_do_not_see_steered_latents(axes: Axes) -> None:
    z = torch.randn(20, 8)
    moved = axes.shift(z, pitch=7.0, metre=-3.0)
    assert not torch.allclose(z, moved)
    np.testing.assert_allclose(content_codes(axes, moved), content_codes(axes, z), atol=1e-5)


def test_codes_have_length_one_and_the_mean_has_none(axes: Axes) -> None:
    z = torch.randn(20, 8)
    np.testing.assert_allclose(np.linalg.norm(content_codes(axes, z), axis=1), 1, atol=1e-6)
    mean = axes["pitch"].origin
    assert not content_codes(axes, torch.stack([mean, axes.shift(mean[None], pitch=4.0)[0]])).any()


def test_opposite_contents_around_the_mean_are_opposite(axes: Axes) -> None:
    """Without the mean subtracted every cosine would be near 1."""
    away = torch.zeros(8)
    away[5] = 0.1
    mean = axes["pitch"].origin
    codes = content_codes(axes, torch.stack([mean + away, mean - away]))
    assert similarity(codes[:1], codes[1:])[0, 0] == pytest.approx(-1, abs=1e-4)


def test_circles_alone_have_no_mean() -> None:
    only = Axes([CircleAxis(Circle("metre", 16), torch.eye(4)[:2], torch.zeros(4))])
    codes = content_codes(only, torch.tensor([[5.0, 6.0, 0.0, 2.0]]))
    np.testing.assert_allclose(codes, [[0, 0, 0, 1]], atol=1e-6)


def test_the_shift_is_read_off(axes: Axes) -> None:
    z = torch.randn(50, 8) + 3
    pitch, metre = torch.randint(-12, 13, (50,)).float(), torch.randint(-8, 8, (50,)).float()
    moved = axes.shift(z, pitch=pitch, metre=metre)
    read = shift_between(axes.kinds, coordinates(axes, z), coordinates(axes, moved))
    np.testing.assert_allclose(read["pitch"], pitch, atol=1e-3)
    turn = (read["metre"] - metre.numpy() + 8) % 16 - 8  # -8 and +8 are one place
    np.testing.assert_allclose(turn, 0, atol=1e-2)
    assert (read["metre"] >= -8).all()
    assert (read["metre"] < 8).all()


def test_a_cycle_is_read_off_within_half_a_turn_of_its_lowest_harmonic() -> None:
    operators = LearnedOperators([Line("pitch"), Cycle("metre", 32, harmonics=(3, 2))], 8, learned=False)
    only = operators.fitted(torch.zeros(8))
    z = torch.randn(5, 8)
    moved = only.shift(z, metre=6.5, pitch=2)
    amounts = shift_between(only.kinds, coordinates(only, z), coordinates(only, moved))
    assert amounts["metre"] == pytest.approx([6.5] * 5, abs=1e-3)
    assert amounts["pitch"] == pytest.approx([2] * 5, abs=1e-3)
    assert content_codes(only, moved) == pytest.approx(content_codes(only, z), abs=1e-5)


def test_shapes_that_do_not_fit(axes: Axes) -> None:
    with pytest.raises(ValueError, match="one coordinate a kind"):
        shift_between(axes.kinds, np.zeros((3, 1)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        similarity(np.zeros((3, 4)), np.zeros((2, 5)))

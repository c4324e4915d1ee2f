"""Planes that turn: found again in latents that were turned by hand, coordinate by coordinate."""

import math

import numpy as np
import pytest
import torch

from softaxes.geometry import planes
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.planes import turning_planes

PITCH = Line("pitch")
DEEP = Cycle("metre", 16, harmonics=(1, 2, 2, 3, 5, 8))
KINDS = {
    "all harmonics": Cycle("metre", 16),
    "several of one, in any order": Cycle("metre", 16, harmonics=(5, 1, 3, 5, 1, 5)),
    "high ones alone": Cycle("metre", 16, harmonics=(6, 3)),
    "period that is no whole number": Cycle("metre", 12.5, harmonics=(1, 2, 6)),
    "a circle": Circle("metre", 16),
}


def turned_by_hand(place, harmonics, period, s):
    """Rows (N, 2P or more) whose pairs of coordinates turn, one pair a harmonic, by loops and sines."""
    moved = np.array(place, dtype=np.float64)
    for row, amount in enumerate(s):
        for p, h in enumerate(harmonics):
            x, y = place[row][2 * p], place[row][2 * p + 1]
            angle = 2 * math.pi * h * amount / period
            moved[row][2 * p] = x * math.cos(angle) - y * math.sin(angle)
            moved[row][2 * p + 1] = x * math.sin(angle) + y * math.cos(angle)
    return moved


class Turning:
    """Latents of ``dim`` floats in a random basis around a point off zero; coordinates differ twentyfold in spread."""

    def __init__(self, kind, rng, *, rows=400, dim=24, amounts=None, noise=0.0, spread=(0.2, 4.0)):
        self.kind, self.rng = kind, rng
        self.basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
        self.centre = rng.normal(size=dim) * 3
        self.place = rng.normal(size=(rows, dim)) * rng.permutation(np.geomspace(*spread, dim))
        self.amount = rng.integers(-6, 7, rows).astype(float) if amounts is None else amounts
        self.amount[self.amount == 0] = 1
        self.z, self.moved = self.latents(np.zeros(rows)), self.latents(self.amount)
        self.moved = self.moved + noise * rng.normal(size=self.moved.shape)

    def latents(self, s):
        turned = turned_by_hand(self.place, self.kind.harmonics, self.kind.period, s)
        return self.centre + turned @ self.basis

    def axes(self):
        z, moved, amount = (torch.from_numpy(x) for x in (self.z, self.moved, self.amount))
        return fit_axes(anchor=z, views=moved[:, None], amount=amount[:, None, None], kinds=[self.kind])

    def error(self, axes, s=5.0):
        """Of a shift by ``s``, as a share of the distance."""
        truth = self.latents(np.full(len(self.z), s))
        got = axes.shift(torch.from_numpy(self.z), metre=s).numpy()
        return np.linalg.norm(got - truth) / np.linalg.norm(truth - self.z)


@pytest.mark.parametrize("name", KINDS)
def test_the_planes_of_turned_latents_are_found(name, rng):
    world = Turning(KINDS[name], rng)
    axes = world.axes()
    for s in (1.0, 5.0, -37.0) if name == "all harmonics" else (1.0, 5.0, 0.5, -37.0):  # of harmonic 8 see the module
        assert world.error(axes, s) < (0.02 if name == "a circle" else 1e-3), s
    basis = axes["metre"].basis
    assert torch.allclose(basis @ basis.T, torch.eye(len(basis)), atol=1e-5)


def test_noise_blurs_planes_no_more_than_itself(rng):
    world = Turning(DEEP, rng, noise=0.1)
    assert world.error(world.axes()) < 0.02


def test_a_plane_in_which_little_moves_is_found_beside_larger_ones(rng):
    world = Turning(Cycle("metre", 16, harmonics=(1, 2, 3)), rng, dim=6, rows=2000, spread=(0.02, 5.0))
    axes = world.axes()
    truth = torch.from_numpy(world.basis).float()
    for p, plane in enumerate(axes["metre"].planes):
        cosines = torch.linalg.svdvals(plane @ truth[2 * p : 2 * p + 2].T)
        assert float(cosines.min()) > 0.999


def test_amounts_that_all_differ_are_read_as_those_that_repeat(rng):
    world = Turning(DEEP, rng, amounts=rng.uniform(-6, 6, 400))
    assert world.error(world.axes()) < 1e-3


def test_anchors_that_all_stand_on_one_spot_tell_the_planes(rng):
    world = Turning(Cycle("metre", 16, harmonics=(1, 2)), rng, spread=(1e-6, 1.1e-6))
    world.place[:, :4] += 2.0
    world.z, world.moved = world.latents(np.zeros(400)), world.latents(world.amount)
    assert world.error(world.axes(), 4.0) < 1e-3


@pytest.mark.parametrize("rows", [1, 3, 7, 30])
def test_few_views_give_orthonormal_planes_that_explain_them(rows, rng):
    world = Turning(DEEP, rng, rows=rows, dim=60)
    axes = world.axes()
    basis = axes["metre"].basis
    assert basis.shape == (12, 60)
    assert torch.allclose(basis @ basis.T, torch.eye(12), atol=1e-5)
    shifted = torch.stack(
        [axes.shift(torch.from_numpy(z), metre=s) for z, s in zip(world.z, world.amount, strict=True)]
    )
    missed = np.linalg.norm(shifted.numpy() - world.moved) / np.linalg.norm(world.moved - world.z)
    assert missed < (0.7 if rows == 1 else 0.5)


def test_few_views_of_a_circle_give_the_plane_of_all_dimensions(rng, monkeypatch):
    """Sought in the span of the views, it turns latents as the one does that is sought everywhere."""
    kind, z, amount = Circle("metre", 16), rng.normal(size=(6, 30)), np.array([1.0, 2, -3, 4, 5, 6])
    moved = turned_by_hand(z, (1,), 16, amount)
    moved[:, 2:] += 0.1 * rng.normal(size=(6, 28))
    z, moved, amount = (torch.from_numpy(x) for x in (z, moved, amount))
    taken = torch.eye(30, dtype=torch.float64)[5:6]
    few, centre = turning_planes(kind, z, moved, amount, orthogonal_to=taken)
    everywhere = torch.eye(30, dtype=torch.float64)[[i for i in range(30) if i != 5]]
    monkeypatch.setattr(planes, "_free_directions", lambda taken, rows, spare: (everywhere, 29))
    every, middle = turning_planes(kind, z, moved, amount, orthogonal_to=taken)
    onto, onto_every = few[0].T @ few[0], every[0].T @ every[0]
    assert torch.allclose(onto, onto_every, atol=1e-5)
    assert torch.allclose(onto @ centre, onto_every @ middle, atol=1e-5)
    assert few[0] @ taken.float().T == pytest.approx(torch.zeros(2, 1), abs=1e-6)


@pytest.mark.parametrize("kind", [DEEP, Circle("metre", 16)], ids=["cycle", "circle"])
@pytest.mark.parametrize("amount", [1.0, 16.0])
def test_latents_that_do_not_move_give_finite_planes(kind, amount):
    for z in (torch.zeros(6, 20), torch.ones(6, 20), torch.randn(6, 20)):
        axes = fit_axes(anchor=z, views=z[:, None], amount=torch.full((6, 1, 1), amount), kinds=[kind])
        basis = axes["metre"].basis
        assert torch.allclose(basis @ basis.T, torch.eye(len(basis)), atol=1e-5)
        assert bool(torch.isfinite(axes.shift(z, metre=3.0)).all())


def test_a_latent_too_small_for_the_planes_is_refused():
    z = torch.randn(10, 6)
    need = r"latents must have 12 dimensions free for kind 'metre', got 6 of 6"
    with pytest.raises(ValueError, match=need):
        fit_axes(anchor=z, views=z[:, None], amount=torch.ones(10, 1, 1), kinds=[DEEP])


def test_a_line_comes_first_and_planes_stay_clear_of_it(rng):
    kind = Cycle("metre", 16, harmonics=(1, 2))
    world = Turning(kind, rng, dim=10)
    z, moved = torch.from_numpy(world.z), torch.from_numpy(world.moved)
    along = torch.from_numpy(world.basis[9])
    pitch = torch.randint(1, 5, (400,)).double()
    views = torch.stack([moved, z + 0.5 * pitch[:, None] * along], dim=1)
    amount = torch.stack([torch.from_numpy(world.amount), pitch], dim=1)
    axes = fit_axes(
        anchor=z, views=views, amount=amount, kind=torch.tensor([[1, 0]]).expand(400, 2), kinds=[PITCH, kind]
    )
    assert world.error(axes) < 1e-3
    assert axes.angles()["pitch", "metre"] == pytest.approx(90, abs=0.01)
    there = axes.shift(z, pitch=3, metre=2.5)
    assert torch.allclose(there, axes.shift(axes.shift(z, metre=2.5), pitch=3), atol=1e-5)

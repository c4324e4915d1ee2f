"""Alignment against loops that turn every latent by hand, step by step; invariants against alignment."""

import cmath
import itertools
import math

import numpy as np
import pytest
import torch

from softaxes.geometry.alignment import align, invariants
from softaxes.geometry.axes import Axes, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Cycle, Line

DIM = 24
METRE = Cycle("metre", 16, harmonics=(1, 2, 2, 3, 8))
CHROMA = Cycle("chroma", 12, harmonics=(1, 5), follows="pitch")
WORLDS = {
    "cycle": (METRE,),
    "line": (Line("pitch"),),
    "line and cycle": (Line("pitch"), METRE),
    "circle and follower": (Circle("beat", 4, follows="metre"), Circle("metre", 16), Line("pitch")),
    "pitch with chroma, and metre": (Line("pitch"), CHROMA, METRE),
    "two cycles": (METRE, Cycle("colour", 7, harmonics=(1, 3))),
    "period that is no whole number": (Cycle("metre", 7.5, harmonics=(1, 3)),),
}


class World:
    """Latents by their coordinates: a number for each line, a complex one for each plane, content for the rest."""

    def __init__(self, kinds, rng):
        self.kinds, self.rng = kinds, rng
        self.basis, self.centre = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0], rng.normal(size=DIM)
        axes, row = [], 0
        mean = torch.from_numpy(self.centre).float()
        for kind in kinds:
            width = 1 if isinstance(kind, Line) else 2 * len(kind.harmonics)
            rows = torch.from_numpy(self.basis[row : row + width]).float()
            if isinstance(kind, Line):
                axes.append(LineAxis(kind, 0.5 * rows[0], mean))
            elif isinstance(kind, Circle):
                axes.append(CircleAxis(kind, rows, mean))
            else:
                axes.append(CycleAxis(kind, rows.unflatten(0, (-1, 2)), mean))
            row += width
        self.axes, self.leaders = Axes(axes), [kind for kind in kinds if kind.family == kind.name]

    def latents(self, places):
        """(N, D) float32 of coordinates (N, D); content counts from zero where no line keeps a mean."""
        return torch.from_numpy(places @ self.basis + self.centre).float()

    def places(self, n):
        return self.rng.normal(size=(n, DIM))

    def moved(self, place, **amounts):
        """Coordinates after shifts, by loops."""
        place, row = list(place), 0
        for kind in self.kinds:
            s = amounts.get(kind.family, 0.0)
            if isinstance(kind, Line):
                place[row] += 0.5 * s
                row += 1
                continue
            for h in kind.harmonics:
                turned = complex(place[row], place[row + 1]) * cmath.exp(2j * math.pi * h * s / kind.period)
                place[row], place[row + 1] = turned.real, turned.imag
                row += 2
        return place

    def compared(self, place):
        """What a similarity looks at: all but lines, content from the mean or, without lines, from zero."""
        lines = [i for i, kind in enumerate(self.kinds) if isinstance(kind, Line)]
        width = [1 if isinstance(kind, Line) else 2 * len(kind.harmonics) for kind in self.kinds]
        place = list(place)
        if not lines:
            origin = self.basis @ self.centre
            place[sum(width) :] = [x + c for x, c in zip(place[sum(width) :], origin[sum(width) :], strict=True)]
        return [x for i, x in enumerate(place) if i not in [sum(width[:line]) for line in lines]]

    def best(self, one, two, resolution=1):
        """Amounts and similarity by trying everything."""
        fixed, tried = {}, []
        for kind in self.leaders:
            if isinstance(kind, Line):
                row = sum(
                    1 if isinstance(k, Line) else 2 * len(k.harmonics) for k in self.kinds[: self.kinds.index(kind)]
                )
                fixed[kind.name] = 2 * (two[row] - one[row])
            else:
                steps = [
                    k / resolution for k in range(-100, 100) if -kind.period / 2 <= k / resolution < kind.period / 2
                ]
                tried.append([(kind.name, s) for s in steps])
        found = []
        for amounts in itertools.product(*tried):
            amounts = fixed | dict(amounts)
            x, y = (np.array(self.compared(p)) for p in (self.moved(one, **amounts), two))
            found.append((float(x @ y / np.linalg.norm(x) / np.linalg.norm(y)), float(np.linalg.norm(x - y)), amounts))
        return max(found, key=lambda entry: entry[0])


@pytest.mark.parametrize("name", WORLDS)
def test_alignment_is_the_best_of_all_that_can_be_tried(name, rng):
    world = World(WORLDS[name], rng)
    one, two = world.places(4), world.places(5)
    near, far = (align(world.latents(one), world.latents(two), world.axes, measure=m) for m in ("cosine", "distance"))
    assert near.similarity.shape == (4, 5)
    assert list(near.amounts) == [kind.name for kind in world.leaders]
    for i, j in itertools.product(range(4), range(5)):
        cosine, distance, amounts = world.best(one[i], two[j])
        assert float(near.similarity[i, j]) == pytest.approx(cosine, abs=1e-5)
        assert float(far.similarity[i, j]) == pytest.approx(distance, abs=1e-4)
        for kind, amount in amounts.items():
            assert float(near.amounts[kind][i, j]) == pytest.approx(amount, abs=1e-4)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("resolution", [1, 2])
def test_a_shifted_latent_is_found_again_with_its_amounts(name, resolution, rng):
    world = World(WORLDS[name], rng)
    place = world.places(30)
    amounts = []
    for _ in range(30):
        row = {}
        for kind in world.leaders:
            period = getattr(kind, "period", 200)  # lines: far beyond what training shifts by
            row[kind.name] = (
                float(rng.integers(-int(period) * resolution // 2 + 1, int(period) * resolution // 2)) / resolution
            )
        amounts.append(row)
    there = np.array([world.moved(p, **row) for p, row in zip(place, amounts, strict=True)])
    found = align(world.latents(place), world.latents(there), world.axes, rowwise=True, resolution=resolution)
    assert torch.allclose(found.similarity, torch.ones(30), atol=1e-5)
    for kind in world.leaders:
        expected = torch.tensor([row[kind.name] for row in amounts])
        assert torch.allclose(found.amounts[kind.name].float(), expected, atol=1e-3)


def test_amounts_come_round_after_a_period(rng):
    world = World((METRE,), rng)
    z = world.latents(world.places(3))
    found = align(z, world.axes.shift(z, metre=16 * 5 + 3), world.axes, rowwise=True)
    assert found.amounts["metre"].tolist() == [3, 3, 3]
    assert torch.allclose(found.similarity, torch.ones(3), atol=1e-4)


def test_only_the_named_kinds_move(rng):
    world = World((Line("pitch"), METRE), rng)
    z = world.latents(world.places(6))
    there = world.axes.shift(z, pitch=40, metre=3)
    both, metre, none = (align(z, there, world.axes, rowwise=True, kinds=k) for k in (None, "metre", ()))
    assert torch.allclose(both.similarity, torch.ones(6), atol=1e-4)
    assert list(metre.amounts) == ["metre"]
    assert metre.amounts["metre"].tolist() == [3] * 6
    assert float(metre.similarity.max()) < 0.9  # the line is far away
    assert none.amounts == {}
    mean = torch.from_numpy(world.centre).float()
    assert torch.allclose(none.similarity, torch.cosine_similarity(z - mean, there - mean), atol=1e-5)


def test_a_single_latent_leaves_its_dimension_out(rng):
    world = World((Line("pitch"), METRE), rng)
    z = world.latents(world.places(6))
    whole = align(z, z, world.axes)
    for one, two, expected in ((z[2], z, whole.similarity[2]), (z, z[3], whole.similarity[:, 3])):
        got = align(one, two, world.axes)
        assert got.similarity.shape == got.amounts["metre"].shape == (6,)
        assert torch.allclose(got.similarity, expected, atol=1e-6)
    assert align(z[1], z[1], world.axes).similarity.shape == ()
    assert align(z[:0], z, world.axes).similarity.shape == (0, 6)


def test_blocks_give_what_one_block_gives(rng, monkeypatch):
    world = World((Line("pitch"), CHROMA, METRE), rng)
    one, two = world.latents(world.places(7)), world.latents(world.places(5))
    whole = align(one, two, world.axes)
    monkeypatch.setattr("softaxes.geometry.alignment.HELD", 500)
    cut = align(one, two, world.axes)
    assert torch.allclose(whole.similarity, cut.similarity, atol=1e-6)
    assert torch.equal(whole.amounts["metre"], cut.amounts["metre"])
    rows = align(one[:5], two, world.axes, rowwise=True)
    assert torch.allclose(whole.similarity.diagonal(), rows.similarity, atol=1e-6)


def test_of_amounts_that_are_equally_good_the_smallest_is_taken(rng):
    """A latent in even harmonics alone is the same after half a period, one at rest is the same after any amount."""
    world = World((Line("pitch"), METRE), rng)
    place = np.zeros((200, DIM))
    place[1:, 3:7], place[1:, 9:11] = rng.normal(size=(199, 4)), rng.normal(size=(199, 2))
    found = align(world.latents(place), world.latents(place), world.axes, rowwise=True)
    assert found.amounts["metre"].tolist() == [0] * 200


def test_a_follower_that_is_named_moves_alone(rng):
    world = World((Line("pitch"), CHROMA, METRE), rng)
    z = world.latents(world.places(6))
    there = world.axes.shift(z, pitch=7, chroma=2)
    found = align(z, there, world.axes, rowwise=True, kinds=("pitch", "chroma"))
    assert torch.allclose(found.similarity, torch.ones(6), atol=1e-4)
    assert found.amounts["pitch"].tolist() == pytest.approx([7] * 6, abs=1e-3)
    assert found.amounts["chroma"].tolist() == [2] * 6


def test_a_latent_at_rest_is_like_nothing(rng):
    world = World((Line("pitch"), METRE), rng)
    rest, z = world.latents(np.zeros((1, DIM))), world.latents(world.places(2))
    found = align(torch.from_numpy(world.centre).float()[None].double(), z.double(), world.axes)
    assert torch.isfinite(found.similarity).all()
    assert float(align(rest, z, world.axes, measure="distance").similarity.min()) > 0.1


@pytest.mark.parametrize("name", WORLDS)
def test_no_shift_changes_the_invariants(name, rng):
    world = World(WORLDS[name], rng)
    z = world.latents(world.places(9))
    amounts = {kind.name: 2.75 for kind in world.leaders}
    before, after = (invariants(x, world.axes) for x in (z, world.axes.shift(z, **amounts)))
    assert torch.allclose(before, after, atol=1e-5)
    assert torch.allclose(invariants(z[0], world.axes), before[0], atol=1e-6)


@pytest.mark.parametrize("name", WORLDS)
def test_invariants_are_never_farther_apart_than_aligned_latents(name, rng):
    world = World(WORLDS[name], rng)
    one, two = world.latents(world.places(12)), world.latents(world.places(15))
    aligned = align(one, two, world.axes, measure="distance", resolution=8).similarity
    bound = torch.cdist(invariants(one, world.axes), invariants(two, world.axes))
    assert bool((bound <= aligned + 1e-4).all())
    assert float((bound / aligned.clamp_min(1e-6)).mean()) > 0.3


def test_invariants_are_powers_and_content(rng):
    world = World((Line("pitch"), METRE), rng)
    place = world.places(5)
    got = invariants(world.latents(place), world.axes)
    assert got.shape == (5, 4 + DIM - 11)
    power = [place[:, 1:3], place[:, 3:7], place[:, 7:9], place[:, 9:11]]
    for h, part in enumerate(power):
        assert got[:, h].tolist() == pytest.approx(np.linalg.norm(part, axis=1).tolist(), abs=1e-5)
    assert got[:, 4:].norm(dim=1).tolist() == pytest.approx(np.linalg.norm(place[:, 11:], axis=1).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kinds": ["colour"]}, ValueError, "unknown kind 'colour'; this model knows pitch, metre"),
        ({"measure": "angle"}, ValueError, "`measure` must be one of cosine, distance, got 'angle'"),
        ({"resolution": 0}, ValueError, "`resolution` must be a whole number >= 1, got 0"),
        ({"resolution": 1.5}, ValueError, "`resolution` must be a whole number >= 1, got 1.5"),
        ({"a": torch.zeros(2, DIM - 1)}, ValueError, rf"`a` must have shape \(..., {DIM}\), got \(2, {DIM - 1}\)"),
        ({"b": torch.zeros(2, 2, DIM)}, ValueError, rf"`b` must have shape \(N, {DIM}\), got \(2, 2, {DIM}\)"),
        ({"b": torch.full((1, DIM), math.nan)}, ValueError, "`b` must be finite, got NaN or infinity"),
        ({"a": [[0.0] * DIM]}, TypeError, "`a` must be a torch tensor, got list"),
        ({"rowwise": True}, ValueError, rf"`b` must have shape \(2, {DIM}\) as `a` does when `rowwise`"),
        ({"axes": Axes([])}, ValueError, "`axes` must hold at least one axis, got none"),
    ],
)
def test_errors(change, error, message, rng):
    world = World((Line("pitch"), METRE), rng)
    options = {"a": torch.zeros(2, DIM), "b": torch.zeros(3, DIM), "axes": world.axes} | change
    with pytest.raises(error, match=message):
        align(options.pop("a"), options.pop("b"), options.pop("axes"), **options)

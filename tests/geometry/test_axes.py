"""Fitted axes against latents whose axes are known: a line and circles in a random basis, beside content."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.geometry.axes import Axes, CircleAxis, LineAxis, UnknownKind
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Circle, Line

PITCH, TIME, METRE = Line("pitch"), Line("time"), Circle("metre", 16)
BEAT, CHROMA = Circle("beat", 4, follows="metre"), Circle("chroma", 12, follows="pitch")
DIM = 14


class World:
    """Latents of known geometry: lines of slope .5, circles of radius 3 (followers 1) around a point off zero, content.

    ``phase`` bounds where on the circles anchors stand: 1 = anywhere, 0 = all on one spot.
    """

    def __init__(self, kinds, *, anchors=400, views=6, noise=0.0, phase=1.0, reach=8, seed=0):
        self.kinds = kinds
        self.generator = torch.Generator().manual_seed(seed)
        self.basis = torch.linalg.qr(self.normal(DIM, DIM)).Q
        self.centre = 4 * self.normal(DIM)
        uniform = torch.rand(len(kinds), anchors, generator=self.generator).double()
        self.place = {k.name: phase * getattr(k, "period", 16) * u for k, u in zip(kinds, uniform, strict=True)}
        self.content = 2 * self.normal(anchors, DIM)
        leaders = torch.tensor([i for i, k in enumerate(kinds) if k.family == k.name])
        self.kind = leaders[torch.randint(0, len(leaders), (anchors, views), generator=self.generator)]
        self.amount = torch.randint(-reach, reach + 1, (anchors, views), generator=self.generator)
        self.anchor = self.moved()
        by_name = {kinds[i].name: self.amount * (self.kind == i) for i in leaders.tolist()}
        self.views = self.moved(**by_name)
        self.noisy = {
            "anchor": self.anchor + noise * self.normal(*self.anchor.shape),
            "views": self.views + noise * self.normal(*self.views.shape),
        }

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def rows_of(self, name):
        """Which basis vectors a kind has."""
        widths = [2 if isinstance(kind, Circle) else 1 for kind in self.kinds]
        index = [kind.name for kind in self.kinds].index(name)
        return self.basis[sum(widths[:index]) :][: widths[index]]

    def moved(self, **amounts):
        """Latents of all anchors, (B, D), after the named shifts, or (B, V, D) after (B, V) of them."""
        columns = []
        for kind in self.kinds:
            s = self.place[kind.name]
            amount = torch.as_tensor(amounts.get(kind.family, 0))
            s = s[:, None] + amount if amount.ndim else s + amount
            if isinstance(kind, Circle):
                radius = 3.0 if kind.family == kind.name else 1.0
                columns += [radius * torch.cos(kind.angle(s)), radius * torch.sin(kind.angle(s))]
            else:
                columns.append(0.5 * s)
        shape = max((column.shape for column in columns), key=len)
        inside = torch.stack([c if c.shape == shape else c[:, None].expand(shape) for c in columns], dim=-1)
        content = self.content[:, inside.shape[-1] :] @ self.basis[inside.shape[-1] :]
        z = self.centre + inside @ self.basis[: inside.shape[-1]]
        return z + (content if inside.ndim == 2 else content[:, None])

    def fit(self):
        return fit_axes(**self.noisy, kind=self.kind, amount=self.amount, kinds=self.kinds)

    def error(self, axes, **amounts):
        """Root mean square of axes.shift against the truth, over that of no change."""
        target = self.moved(**amounts)
        missed, distance = axes.shift(self.anchor, **amounts) - target, self.anchor - target
        return (missed.square().sum() / distance.square().sum()).sqrt().item()


WORLDS = {
    "lines": (PITCH, TIME),
    "circle": (METRE,),
    "line and circle": (METRE, PITCH),
    "follower": (PITCH, METRE, BEAT),
    "follower first": (BEAT, METRE, PITCH),
    "helix": (PITCH, CHROMA, TIME),
}


@pytest.mark.parametrize("world", WORLDS)
def test_shifts_of_fitted_axes_are_the_true_ones(world):
    world = World(WORLDS[world])
    axes = world.fit()
    assert axes.kinds == world.kinds
    leaders = [k.name for k in world.kinds if k.family == k.name]
    least = 0.1 if CHROMA in world.kinds else 0.05  # a line beside its own circle is blurred a little by chords
    for name in leaders:
        for amount in (-3, 1, 11):
            assert world.error(axes, **{name: amount}) < least
    assert world.error(axes, **dict.fromkeys(leaders, 2)) < least


def test_lines_alone_are_exact():
    world = World((PITCH, TIME))
    assert world.error(world.fit(), pitch=3, time=-2) < 1e-6


@pytest.mark.parametrize(
    "hard", [{"noise": 0.5}, {"phase": 0.5}, {"phase": 0.0}, {"reach": 3}, {"reach": 3, "phase": 0.0}]
)
@pytest.mark.parametrize("kinds", [(PITCH, METRE), (PITCH, METRE, BEAT)], ids=["one circle", "follower"])
def test_circles_are_found_under_noise_from_one_phase_and_from_small_amounts(kinds, hard):
    world = World(kinds, anchors=800, **hard)
    axes = world.fit()
    assert torch.linalg.svdvals(world.rows_of("metre") @ axes["metre"].plane.double().T).min() > 0.9
    assert world.error(axes, metre=3) < 0.25


def test_directions_planes_centres_and_radii_are_recovered():
    world = World((PITCH, METRE, BEAT), anchors=800, noise=0.2)
    axes = world.fit()
    assert torch.allclose(axes["pitch"].direction.double(), 0.5 * world.rows_of("pitch")[0], atol=0.02)
    for name, radius in (("metre", 3.0), ("beat", 1.0)):
        true, found = world.rows_of(name), axes[name].plane.double()
        assert torch.linalg.svdvals(true @ found.T).min() > 0.99
        assert torch.allclose(axes[name].centre.double() @ true.T, world.centre @ true.T, atol=0.1)
        assert axes[name].radius(world.anchor).mean().item() == pytest.approx(radius, abs=0.05)


@pytest.mark.parametrize("world", ["line and circle", "follower"])
def test_coordinates_read_what_is_true_up_to_one_offset(world):
    world = World(WORLDS[world])
    axes = world.fit()
    pitch = axes["pitch"].coordinate(world.anchor)
    assert pitch.mean().item() == pytest.approx(0, abs=1e-4)
    assert torch.allclose(pitch, world.place["pitch"] - world.place["pitch"].mean(), atol=0.2)
    for kind in world.kinds:
        if isinstance(kind, Circle):
            phase = axes[kind.name].coordinate(world.anchor)
            assert 0 <= phase.min() < 0.1 < kind.period - 0.1 < phase.max() < kind.period
            offset = kind.angle(phase - world.place[kind.name])
            assert torch.polar(torch.ones_like(offset), offset).mean().abs() > 0.995


@pytest.mark.parametrize("kind", [PITCH, METRE])
def test_positive_amounts_raise_the_coordinate(kind):
    for seed in range(4):
        world = World((kind,), seed=seed)
        axis = world.fit()[kind.name]
        step = axis.coordinate(world.moved(**{kind.name: 1})) - axis.coordinate(world.anchor)
        if isinstance(kind, Circle):
            step = step.remainder(kind.period)
        assert torch.allclose(step, torch.ones(()).double(), atol=0.1)


@pytest.mark.parametrize("kinds", [(PITCH, METRE, BEAT), (BEAT, METRE, TIME, PITCH)], ids=["lines first", "last"])
def test_planes_are_orthonormal_and_orthogonal_to_all_other_axes(kinds):
    axes = World(kinds, noise=1.0).fit()
    plane = axes["metre"].plane.double()
    assert torch.allclose(plane @ plane.T, torch.eye(2).double(), atol=1e-6)
    assert min(angle for pair, angle in axes.angles().items() if set(pair) & {"metre", "beat"}) > 89.99


def test_a_circle_is_not_sought_where_nothing_moves():
    world = World((METRE,), noise=0.3)
    dead = torch.full((*world.kind.shape, 3), 0.5, dtype=torch.float64)
    anchor = torch.cat([world.noisy["anchor"], dead[:, 0]], dim=-1)
    views = torch.cat([world.noisy["views"], dead], dim=-1)
    axes = fit_axes(anchor=anchor, views=views, kind=world.kind, amount=world.amount, kinds=(METRE,))
    assert torch.linalg.svdvals(world.rows_of("metre") @ axes["metre"].plane[:, :DIM].double().T).min() > 0.98


def test_angles_between_hand_made_axes():
    zero, e = torch.zeros(4), torch.eye(4)
    axes = Axes(
        [
            LineAxis(PITCH, 2 * e[0], zero),
            LineAxis(TIME, e[0] + e[1], zero),
            CircleAxis(METRE, e[[0, 2]], zero),
            CircleAxis(BEAT, e[[1, 3]], zero),
        ]
    )
    expected = {
        ("pitch", "time"): 45,
        ("pitch", "metre"): 0,
        ("pitch", "beat"): 90,
        ("time", "metre"): 45,
        ("time", "beat"): 45,
        ("metre", "beat"): 90,
    }
    assert axes.angles() == {pair: pytest.approx(angle, abs=1e-3) for pair, angle in expected.items()}


# --- shift, remove -----------------------------------------------------------------------------------------------


def test_shifts_compose_and_commute_whatever_was_fitted():
    generator = torch.Generator().manual_seed(3)
    anchor, views = (torch.randn(60, *shape, 10, generator=generator) for shape in ((), (5,)))
    kind = torch.randint(0, 3, (60, 5), generator=generator)
    axes = fit_axes(anchor=anchor, views=views, kind=kind, amount=kind + 1, kinds=(PITCH, TIME, METRE))
    z = anchor.double()
    for name in axes:
        twice = axes.shift(axes.shift(z, **{name: 3.0}), **{name: -5.0})
        assert torch.allclose(twice, axes.shift(z, **{name: -2.0}), atol=1e-5)
    there = axes.shift(axes.shift(z, pitch=2.0), metre=5.0, time=1.0)
    back = axes.shift(axes.shift(z, time=1.0, metre=5.0), pitch=2.0)
    assert torch.allclose(there, back, atol=1e-5)
    assert torch.allclose(there, axes.shift(z, metre=5.0, pitch=2.0, time=1.0), atol=1e-5)


def test_amounts_may_differ_by_row_and_latents_may_have_any_leading_shape():
    axes = World((PITCH, METRE)).fit()
    z = torch.randn(3, 2, DIM)
    amount = torch.tensor([[1.0, 2.0], [3.0, -4.0], [0.0, 0.5]])
    got = axes.shift(z, pitch=amount, metre=amount)
    for i in range(3):
        for j in range(2):
            one = axes.shift(z[i, j], pitch=float(amount[i, j]), metre=float(amount[i, j]))
            assert torch.allclose(got[i, j], one, atol=1e-5)
    assert axes["pitch"].coordinate(z).shape == axes["metre"].coordinate(z).shape == (3, 2)


def test_a_follower_turns_with_its_leader_unless_it_is_named_itself():
    world = World((PITCH, METRE, BEAT))
    axes, z = world.fit(), world.anchor
    before = axes["beat"].coordinate(z)
    turned = axes["beat"].coordinate(axes.shift(z, metre=1.0))
    assert torch.allclose((turned - before).remainder(4), torch.ones(()).double(), atol=1e-4)
    held = axes["beat"].coordinate(axes.shift(z, metre=1.0, beat=0.0))
    assert torch.allclose(torch.cos((held - before) * math.pi / 2), torch.ones(()).double(), atol=1e-6)
    alone = axes.shift(z, beat=1.0)
    assert torch.allclose(axes["metre"].coordinate(alone), axes["metre"].coordinate(z), atol=1e-4)


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_removed_cannot_be_read_and_does_not_see_shifts(world):
    world = World(WORLDS[world], noise=0.3)
    axes = world.fit()
    content = axes.remove(world.anchor)
    for axis in axes.values():
        if isinstance(axis, LineAxis):
            assert axis.coordinate(content).abs().max() < 1e-4
        else:
            assert axis.radius(content).max() < 1e-4
    for name in axes:
        assert torch.allclose(axes.remove(axes.shift(world.anchor, **{name: 3.0})), content, atol=1e-4)
    assert torch.allclose(axes.remove(content), content, atol=1e-4)
    kept = sum(2 if isinstance(k, Circle) else 1 for k in world.kinds)
    assert torch.linalg.matrix_rank(content - content.mean(0), rtol=1e-4) == DIM - kept


def test_removing_one_axis_is_what_the_axis_itself_does_and_leaves_the_others():
    axes = World((PITCH, METRE)).fit()
    z = torch.randn(5, DIM)
    for name, other in (("pitch", "metre"), ("metre", "pitch")):
        removed = axes.remove(z, name)
        assert torch.allclose(removed, axes[name].remove(z), atol=1e-5)
        assert torch.allclose(axes[other].coordinate(removed), axes[other].coordinate(z), atol=1e-4)


def test_axes_that_overlap_are_removed_together():
    e = torch.eye(3)
    axes = Axes([LineAxis(PITCH, e[0], torch.zeros(3)), LineAxis(TIME, e[0] + 1e-9 * e[1], torch.zeros(3))])
    z = torch.randn(4, 3).double()
    assert torch.allclose(axes.remove(z), z * torch.tensor([0.0, 1, 1]), atol=1e-5)


@given(st.floats(-1e-6, 1e-6), st.floats(0.1, 100))
def test_a_phase_stays_below_the_period(angle, radius):
    axis = CircleAxis(METRE, torch.eye(2), torch.zeros(2))
    z = radius * torch.tensor([math.cos(angle), math.sin(angle)])
    assert 0 <= float(axis.coordinate(z)) < 16


# --- what is fitted on -------------------------------------------------------------------------------------------


def test_clipped_and_mixed_views_are_left_out():
    world = World((PITCH, METRE))
    amounts = torch.zeros(*world.amount.shape, 2)
    amounts.scatter_(2, world.kind[..., None], world.amount[..., None].float())
    rest = {"views": world.views[:, 2:], "amount": amounts[:, 2:].clone()}
    clean = fit_axes(anchor=world.anchor, **rest, kinds=world.kinds)
    spoilt, clipped = world.views.clone(), torch.zeros(world.kind.shape, dtype=torch.bool)
    spoilt[:, 0] += 50
    clipped[:, 0] = True
    spoilt[:, 1] -= 50
    amounts[:, 1] = torch.tensor([3.0, 5.0])
    got = fit_axes(anchor=world.anchor, views=spoilt, amount=amounts, kinds=world.kinds, clipped=clipped)
    z = world.anchor
    assert torch.allclose(got.shift(z, pitch=2.0, metre=3.0), clean.shift(z, pitch=2.0, metre=3.0), atol=1e-6)


def test_latents_that_do_not_move_give_finite_axes():
    still = torch.ones(6, 2, 5)
    axes = fit_axes(
        anchor=still[:, 0], views=still, kind=torch.tensor([[0, 1]] * 6), amount=torch.ones(6, 2), kinds=(PITCH, METRE)
    )
    z = torch.randn(3, 5)
    assert torch.equal(axes["pitch"].shift(z, 3.0), z)
    for value in (axes.shift(z, pitch=1.0, metre=2.0), axes.remove(z), axes["metre"].coordinate(z)):
        assert bool(torch.isfinite(value).all())
    assert axes["pitch"].coordinate(z).tolist() == [0, 0, 0]


def test_fewer_views_than_dimensions_still_fit():
    generator = torch.Generator().manual_seed(0)
    anchor, views = torch.randn(3, 32, generator=generator), torch.randn(3, 2, 32, generator=generator)
    amount, kind = torch.tensor([[1, 2]] * 3), torch.tensor([[0, 1]] * 3)
    axes = fit_axes(anchor=anchor, views=views, kind=kind, amount=amount, kinds=(PITCH, METRE))
    assert bool(torch.isfinite(axes.shift(anchor, pitch=1.0, metre=2.0)).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": torch.zeros(4, 2)}, "at least one usable shift of kind 'pitch', got none"),
        ({"clipped": torch.ones(4, 2).bool()}, "at least one usable shift of kind 'pitch', got none"),
        ({"kind": torch.zeros(4, 2).long()}, "at least one usable shift of kind 'metre', got none"),
        ({"anchor": torch.zeros(3, 5)}, r"`views` must have shape \(3, V, 5\)"),
        ({"clipped": torch.zeros(4, 3).bool()}, r"`clipped` must have shape \(4, 2\), got \(4, 3\)"),
        ({"anchor": torch.full((4, 5), float("nan"))}, "`anchor` must be finite"),
        ({"anchor": torch.zeros(4, 2), "views": torch.ones(4, 2, 2)}, "2 dimensions free for kind 'metre', got 1 of 2"),
        ({"kinds": (PITCH, PITCH)}, "names of `kinds` must differ"),
    ],
)
def test_fit_errors(change, message):
    arguments = {
        "anchor": torch.zeros(4, 5),
        "views": torch.ones(4, 2, 5),
        "kind": torch.tensor([[0, 1]] * 4),
        "amount": torch.ones(4, 2),
        "kinds": (PITCH, METRE),
    }
    fit_axes(**arguments)
    with pytest.raises(ValueError, match=message):
        fit_axes(**(arguments | change))


# --- as a mapping, and on disk -----------------------------------------------------------------------------------


def test_axes_keep_no_graph_and_can_be_copied():
    world = World((PITCH, METRE))
    latents = {name: z.clone().requires_grad_() for name, z in world.noisy.items()}
    axes = fit_axes(**latents, kind=world.kind, amount=world.amount, kinds=world.kinds)
    assert not any(tensor.requires_grad for tensor in axes.state().values())
    z = world.anchor[:2]
    assert torch.equal(copy.deepcopy(axes).shift(z, pitch=1.0), axes.shift(z, pitch=1.0))


def test_axes_are_a_mapping_that_names_what_it_knows():
    axes = World((PITCH, METRE), anchors=30).fit()
    assert list(axes) == ["pitch", "metre"]
    assert len(axes) == 2
    assert "pitch" in axes
    assert "width" not in axes
    for error in (ValueError, KeyError, UnknownKind):
        with pytest.raises(error, match=r"^unknown kind 'width'; this model knows pitch, metre$"):
            axes["width"]
    with pytest.raises(ValueError, match="unknown kind 'width'"):
        axes.shift(torch.zeros(1, DIM), pitch=1.0, width=1.0)
    with pytest.raises(ValueError, match="unknown kind 'width'"):
        axes.remove(torch.zeros(1, DIM), "width")


def test_no_axes_remove_nothing():
    z = torch.randn(2, 3)
    assert torch.equal(Axes([]).remove(z), z)


def test_state_round_trip():
    axes = World((PITCH, METRE, BEAT), anchors=30).fit()
    again = Axes.from_state(axes.kinds, axes.state())
    z = torch.randn(5, DIM)
    assert again.kinds == axes.kinds
    assert torch.equal(again.shift(z, pitch=1.0, metre=2.0), axes.shift(z, pitch=1.0, metre=2.0))
    assert torch.equal(again.remove(z), axes.remove(z))

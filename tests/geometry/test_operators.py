"""Learned operators compose and commute; prediction losses have the values that a loop or a formula gives."""

import itertools
import math

import pytest
import torch

from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses.prediction import predict_infonce, predict_squared_error

KINDS = (Line("pitch"), Circle("metre", 16), Line("width"), Circle("beat", 4, follows="metre"))


@pytest.fixture
def operators():
    made = LearnedOperators(KINDS, 9).double()
    with torch.no_grad():
        made.centre.copy_(torch.randn(6))
        made.log_step.copy_(torch.randn(4))
    return made


def amounts(rows, **by_name):
    out = torch.zeros(rows, len(KINDS), dtype=torch.float64)
    for column, kind in enumerate(KINDS):
        out[:, column] = by_name.get(kind.name, 0.0)
    return out


def test_axes_of_all_kinds_are_orthonormal(operators):
    basis = operators.basis()
    assert basis.shape == (6, 9)
    assert torch.allclose(basis @ basis.T, torch.eye(6).double(), atol=1e-12)


def test_no_amount_moves_nothing(operators):
    z = torch.randn(5, 9).double()
    assert torch.equal(operators(z, amounts(5)), z)


def test_operators_compose(operators):
    z = torch.randn(5, 9).double()
    for name in ("pitch", "metre"):
        twice = operators(operators(z, amounts(5, **{name: 3.0})), amounts(5, **{name: -5.5}))
        assert torch.allclose(twice, operators(z, amounts(5, **{name: -2.5})), atol=1e-12)


def test_operators_commute(operators):
    z = torch.randn(5, 9).double()
    for one, two in itertools.combinations([k.name for k in KINDS], 2):
        first, second = amounts(5, **{one: 3.0}), amounts(5, **{two: 2.0})
        assert torch.allclose(
            operators(operators(z, first), second), operators(operators(z, second), first), atol=1e-12
        )
        assert torch.allclose(operators(operators(z, first), second), operators(z, first + second), atol=1e-12)


def test_a_whole_period_is_no_change_and_half_of_it_is_a_mirror(operators):
    z = torch.randn(5, 9).double()
    assert torch.allclose(operators(z, amounts(5, metre=16.0)), z, atol=1e-12)
    turned = operators(z, amounts(5, metre=8.0))
    middle = ((z + turned) / 2) @ operators.basis()[1:3].T
    assert torch.allclose(middle, operators.centre[1:3].expand(5, 2), atol=1e-12)


def test_a_line_moves_by_its_step_along_one_direction():
    made = LearnedOperators((Line("pitch"),), 4, step=0.25)
    z = torch.randn(3, 4)
    moved = made(z, torch.tensor([[1.0], [2.0], [-4.0]])) - z
    assert moved.norm(dim=-1).tolist() == pytest.approx([0.25, 0.5, 1.0], rel=1e-5)
    assert torch.nn.functional.cosine_similarity(moved[1], moved[2], dim=0).item() == pytest.approx(-1, abs=1e-5)


def test_content_does_not_see_the_operators(operators):
    z = torch.randn(5, 9).double()
    moved = operators(z, amounts(5, pitch=3.0, metre=5.0, width=-1.0, beat=1.0))
    assert torch.allclose(operators.content(moved), operators.content(z), atol=1e-12)
    assert torch.linalg.matrix_rank(operators.content(torch.randn(40, 9).double())) == 3


def test_a_batch_is_moved_row_by_row(operators):
    z, s = torch.randn(5, 9).double(), torch.randn(5, 4).double()
    rows = torch.cat([operators(z[i : i + 1], s[i : i + 1]) for i in range(5)])
    assert torch.allclose(operators(z, s), rows, atol=1e-12)


def test_float32_under_bf16_autocast():
    made = LearnedOperators(KINDS, 9)
    z, s = torch.randn(5, 9), torch.randn(5, 4)
    views = torch.randn(5, 2, 9)
    predicted = torch.randn(5, 2, 9)

    def results():
        yield made(z, s)
        yield made.content(z)
        yield predict_infonce(predicted, views)
        yield predict_squared_error(predicted, views, z)

    plain = list(results())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = list(results())
    for one, two in zip(plain, mixed, strict=True):
        assert two.dtype == torch.float32
        assert torch.equal(one, two)


def test_operators_learn_a_rotation_and_a_translation():
    truth = LearnedOperators(KINDS[:2], 6, step=1.5)
    learner = LearnedOperators(KINDS[:2], 6)
    optimizer = torch.optim.Adam(learner.parameters(), 0.1)
    with torch.no_grad():
        truth.centre.copy_(torch.tensor([0.0, 2.0, -1.0]))
    for _ in range(150):
        z, s = torch.randn(32, 6), torch.randint(-4, 5, (32, 2)).float()
        target = truth(z, s).detach()
        loss = predict_squared_error(learner(z, s)[:, None], target[:, None], z)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-2


# --- the losses --------------------------------------------------------------------------------------------------


def test_squared_error_is_zero_when_exact_and_one_without_change():
    anchor, views = torch.randn(4, 3), torch.randn(4, 2, 3)
    assert predict_squared_error(views, views, anchor).item() == 0
    assert predict_squared_error(anchor[:, None].expand_as(views), views, anchor).item() == pytest.approx(1)


def test_squared_error_equals_its_loop_twin_and_leaves_out_the_unused():
    anchor, views, predicted = torch.randn(4, 3), torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    used = torch.tensor([[True, False], [True, True], [False, False], [False, True]])
    error = scale = 0.0
    for b, v in itertools.product(range(4), range(2)):
        if used[b, v]:
            error += sum((predicted[b, v, i].item() - views[b, v, i].item()) ** 2 for i in range(3))
            scale += sum((views[b, v, i].item() - anchor[b, i].item()) ** 2 for i in range(3))
    assert predict_squared_error(predicted, views, anchor, used=used).item() == pytest.approx(error / scale, rel=1e-5)


def test_squared_error_cannot_be_lowered_through_its_scale():
    anchor, views = torch.randn(4, 3, requires_grad=True), torch.randn(4, 2, 3, requires_grad=True)
    predicted = torch.zeros(4, 2, 3)
    predict_squared_error(predicted + 0 * anchor[:, None], views, anchor).backward()
    scale = (views - anchor[:, None]).square().sum()
    assert float(anchor.grad.abs().max()) == 0
    assert torch.allclose(views.grad, 2 * views / scale)


def test_infonce_of_equal_predictions_is_chance():
    views = torch.randn(5, 3, 4)
    views = views / views.norm(dim=-1, keepdim=True)
    assert predict_infonce(torch.zeros(5, 3, 4), views).item() == pytest.approx(math.log(15), rel=1e-5)


def test_infonce_of_exact_predictions_far_apart_is_zero():
    views = 50 * torch.eye(6).reshape(3, 2, 6)
    assert predict_infonce(views, views).item() == pytest.approx(0, abs=1e-6)
    shuffled = views.flatten(0, 1).roll(1, 0).reshape(3, 2, 6)
    assert predict_infonce(shuffled, views).item() == pytest.approx(2500, rel=1e-4)


def test_infonce_of_equal_views_is_at_least_the_log_of_their_number():
    views = 50 * torch.eye(6)[:3][:, None].expand(3, 2, 6)
    assert predict_infonce(views, views).item() == pytest.approx(math.log(2), rel=1e-5)


@pytest.mark.parametrize("anchors", [False, True])
@pytest.mark.parametrize("temperature", [0.5, 1.0, torch.tensor(3.0)])
def test_infonce_equals_its_loop_twin(temperature, anchors):
    """Candidates are all views, and where they are given the unmoved anchors, none of which is ever right."""
    predicted, views, anchor = torch.randn(3, 2, 4), torch.randn(3, 2, 4), torch.randn(3, 4)
    used = torch.tensor([[True, False], [True, True], [False, True]])
    cells = list(itertools.product(range(3), range(2)))

    candidates = [views[cell].tolist() for cell in cells] + (anchor.tolist() if anchors else [])

    def score(query, candidate):
        distance = sum((x - y) ** 2 for x, y in zip(predicted[query].tolist(), candidate, strict=True))
        return -distance / (2 * float(temperature))

    losses = [
        math.log(sum(math.exp(score(query, candidate)) for candidate in candidates)) - score(query, candidates[place])
        for place, query in enumerate(cells)
        if used[query]
    ]
    given = {"anchor": anchor} if anchors else {}
    got = predict_infonce(predicted, views, temperature=temperature, used=used, **given)
    assert got.item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_gradient_flows_to_the_views_the_predictions_and_every_operator():
    operators = LearnedOperators(KINDS, 9)
    anchor, views = torch.randn(4, 9, requires_grad=True), torch.randn(4, 2, 9, requires_grad=True)
    predicted = operators(anchor.repeat_interleave(2, 0), torch.randn(8, 4)).reshape(4, 2, 9)
    temperature = torch.tensor(1.0, requires_grad=True)
    unmoved = torch.randn(4, 9, requires_grad=True)
    loss = predict_infonce(predicted, views, anchor=unmoved, temperature=temperature) + predict_squared_error(
        predicted, views, anchor
    )
    loss.backward()
    for tensor in (anchor, views, unmoved, temperature, operators.raw, operators.log_step[[0, 2]], operators.centre):
        leaf = operators.log_step if tensor.shape == (2,) else tensor
        assert bool(torch.isfinite(leaf.grad).all())
        assert float(leaf.grad.abs().max()) > 0
    assert operators.centre.grad[[0, 3]].tolist() == [0, 0]  # of lines, which have no centre


def test_nothing_used_is_zero_with_gradient_zero():
    predicted, views = torch.randn(3, 2, 4, requires_grad=True), torch.randn(3, 2, 4)
    used = torch.zeros(3, 2, dtype=torch.bool)
    loss = predict_infonce(predicted, views, used=used) + predict_squared_error(
        predicted, views, views[:, 0], used=used
    )
    loss.backward()
    assert loss.item() == float(predicted.grad.abs().max()) == 0


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda o: LearnedOperators(KINDS, 5), "`dim` must be >= 6 to hold the axes of 4 kinds, got 5"),
        (lambda o: LearnedOperators(KINDS, 9, step=0.0), "`step` must be positive and finite, got 0.0"),
        (lambda o: o(torch.zeros(3, 8), torch.zeros(3, 4)), r"`z` must have shape \(N, 9\), got \(3, 8\)"),
        (lambda o: o(torch.zeros(3, 9), torch.zeros(3, 1)), r"`amounts` must have shape \(3, 4\), got \(3, 1\)"),
        (lambda o: predict_infonce(torch.zeros(3, 4), torch.zeros(3, 4)), r"must have one shape \(B, V, D\)"),
        (
            lambda o: predict_squared_error(torch.zeros(3, 1, 4), torch.zeros(3, 2, 4), torch.zeros(3, 4)),
            r"must have one shape \(B, V, D\), got \(3, 1, 4\), \(3, 2, 4\)",
        ),
        (
            lambda o: predict_infonce(torch.zeros(3, 2, 4), torch.zeros(3, 2, 4), temperature=0.0),
            "`temperature` must be positive and finite, got 0.0",
        ),
        (
            lambda o: predict_infonce(torch.zeros(3, 2, 4), torch.zeros(3, 2, 4), used=torch.ones(3, 2)),
            r"`used` must hold booleans of shape \(3, 2\), got torch.float32",
        ),
        (
            lambda o: predict_infonce(torch.zeros(3, 2, 4), torch.zeros(3, 2, 4), anchor=torch.zeros(2, 4)),
            r"`anchor` must have shape \(3, 4\), got \(2, 4\)",
        ),
        (
            lambda o: predict_squared_error(torch.zeros(3, 2, 4), torch.zeros(3, 2, 4), torch.zeros(1, 4)),
            r"`anchor` must have shape \(3, 4\), got \(1, 4\)",
        ),
    ],
)
def test_errors(operators, call, message):
    with pytest.raises(ValueError, match=message):
        call(operators)


# --- cycles ------------------------------------------------------------------------------------------------------

TURNING = (Line("pitch"), Cycle("metre", 12.5, harmonics=(3, 1, 1)), Circle("beat", 4, follows="metre"))


def by_hand(z, pitch, metre, beat, *, step=0.5):
    """Rows moved on the first coordinates, one coordinate after the other."""
    moved = z.clone()
    for row in range(len(z)):
        moved[row, 0] += step * pitch[row]
        turns = [3 * metre[row] / 12.5, metre[row] / 12.5, metre[row] / 12.5, beat[row] / 4]
        for plane, turn in enumerate(turns):
            a, b = 1 + 2 * plane, 2 + 2 * plane
            x, y = complex(z[row, a], z[row, b]), 2 * math.pi * float(turn)
            turned = x * complex(math.cos(y), math.sin(y))
            moved[row, a], moved[row, b] = turned.real, turned.imag
    return moved


@pytest.mark.parametrize("learned", [False, True])
def test_a_cycle_turns_every_plane_by_its_harmonic(learned):
    operators = LearnedOperators(TURNING, 11, learned=learned).double()
    z, s = torch.randn(20, 11).double(), 20 * torch.randn(20, 3).double()
    inside = torch.cat([operators.basis(), torch.linalg.svd(operators.basis())[2][9:]])
    expected = by_hand((z @ inside.T).detach(), *s.T) @ inside
    assert torch.allclose(operators(z, s), expected, atol=1e-9)


def test_axes_that_are_not_learned_are_the_first_coordinates():
    operators = LearnedOperators(TURNING, 11, learned=False)
    assert torch.equal(operators.basis(), torch.eye(9, 11))
    trained = [name for name, parameter in operators.named_parameters() if parameter.requires_grad]
    assert trained == ["log_step"]
    frozen = LearnedOperators(TURNING, 11).requires_grad_(requires_grad=False)
    assert torch.allclose(frozen.basis() @ frozen.basis().T, torch.eye(9), atol=1e-5)


@pytest.mark.parametrize("learned", [False, True])
def test_operators_as_axes_move_latents_alike(learned):
    operators = LearnedOperators(TURNING, 11, learned=learned).double()
    if learned:
        torch.nn.init.normal_(operators.centre)
    z = torch.randn(20, 11).double()
    axes = operators.fitted(z.mean(0))
    there = operators(z, torch.tensor([[3.0, 4.5, 4.5]]).double().expand(20, 3))
    assert torch.allclose(axes.shift(z, pitch=3, metre=4.5), there, atol=1e-6)
    assert axes["pitch"].coordinate(z).mean().item() == pytest.approx(0, abs=1e-6)
    again = Axes.from_state(axes.kinds, axes.state())
    assert torch.equal(again.shift(z, metre=2.0), axes.shift(z, metre=2.0))
    assert torch.equal(axes["metre"].planes.flatten(0, 1), axes["metre"].basis)


def test_real_amounts_turn_between_the_points_of_the_grid():
    axes = LearnedOperators([Cycle("metre", 8)], 10, learned=False).fitted(torch.zeros(10))
    z = torch.randn(6, 10)
    half = axes.shift(z, metre=0.5)
    assert torch.allclose(axes.shift(half, metre=0.5), axes.shift(z, metre=1.0), atol=1e-6)
    assert float((half - z).norm()) > 0.1
    assert torch.allclose(axes.shift(axes.shift(z, metre=2.75), metre=-2.75), z, atol=1e-6)
    assert torch.allclose(axes.shift(z, metre=8), z, atol=1e-6)
    assert torch.allclose(axes.shift(z, metre=800001), axes.shift(z, metre=1), atol=1e-5)


def test_a_cycle_is_read_and_taken_away():
    axes = LearnedOperators([Cycle("metre", 8, harmonics=(3, 2, 4))], 10, learned=False).fitted(torch.zeros(10))
    z = torch.randn(6, 10)
    before, after = (axes["metre"].coordinate(x) for x in (z, axes.shift(z, metre=1.5)))
    assert torch.allclose((after - before).remainder(4), torch.full((6,), 1.5), atol=1e-5)  # of the plane of harmonic 2
    content = axes.remove(z)
    assert torch.allclose(content, axes.remove(axes.shift(z, metre=3.0)), atol=1e-6)
    assert torch.allclose(content[:, :6], torch.zeros(6, 6), atol=1e-6)
    assert torch.allclose(content[:, 6:], z[:, 6:])
    with pytest.raises(ValueError, match=r"`z` must have shape \(..., 10\), got \(6, 9\)"):
        axes.shift(z[:, :9], metre=1)

"""Shifts against a loop over pixels, on images and rolls."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.geometry.kinds import Circle, Line
from softaxes.geometry.shifts import Shift, labelled_views, shift

PITCH, METRE = Line("pitch"), Circle("metre", 16)


def loop_shift(row, amount, dim, edge, context):
    """One row (a nested list's tensor) moved cell by cell, and whether content was lost."""
    length = row.shape[dim] - 2 * context
    shape = list(row.shape)
    shape[dim] = length
    out = torch.zeros(shape, dtype=row.dtype)
    clipped = False
    for place in itertools.product(*map(range, shape)):
        source = place[dim] - amount
        if edge == "wrap":
            source %= length
        if edge == "stream" or 0 <= source < length:
            cell = list(place)
            cell[dim] = source + context
            out[place] = row[tuple(cell)]
        here = list(place)
        here[dim] += context
        lost = not 0 <= place[dim] + amount < length
        clipped |= edge != "wrap" and lost and bool(row[tuple(here)] != 0)
    return out, clipped


SHAPES = {"image": (1, 6, 5), "roll": (2, 5, 4), "sequence": (7,)}


@st.composite
def batches(draw, edge):
    shape = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    dim = draw(st.integers(-len(shape), -1))
    context = draw(st.integers(0, 3)) if edge == "stream" else 0
    wide = list(shape)
    wide[dim] += 2 * context
    farthest = context if edge == "stream" else 2 * shape[dim] + 1
    amount = draw(st.lists(st.integers(-farthest, farthest), min_size=1, max_size=4))
    x = torch.randint(0, 3, (len(amount), *wide), generator=torch.Generator().manual_seed(draw(st.integers(0, 999))))
    x[:, ..., 0] *= draw(st.integers(0, 1))  # an empty edge now and then
    return x.to(draw(st.sampled_from([torch.float32, torch.uint8, torch.int64, torch.bool]))), amount, dim, context


@pytest.mark.parametrize("edge", ["zero", "stream", "wrap"])
@given(st.data())
def test_every_pixel_is_where_the_loop_puts_it(edge, data):
    x, amount, dim, context = data.draw(batches(edge))
    got, clipped = shift(x, torch.tensor(amount), dim=dim, edge=edge, context=context)
    assert got.dtype == x.dtype
    for row in range(len(x)):
        expected, lost = loop_shift(x[row], amount[row], dim + x.ndim - 1, edge, context)
        assert torch.equal(got[row], expected)
        assert bool(clipped[row]) == lost


def test_a_positive_amount_moves_towards_higher_indices():
    x = torch.tensor([[0, 7, 0, 0]] * 2)
    assert shift(x, torch.tensor([2, -1]), dim=-1)[0].tolist() == [[0, 0, 0, 7], [7, 0, 0, 0]]


def test_what_was_infinite_does_not_leak_past_the_edge():
    x = torch.full((1, 3), float("inf"))
    assert shift(x, torch.tensor([2]), dim=1)[0].tolist() == [[0, 0, float("inf")]]


def test_small_integer_amounts_do_not_overflow():
    x = torch.arange(300)[None]
    moved, _ = shift(x, torch.tensor([-128], dtype=torch.int8), dim=1, edge="wrap")
    assert moved[0, 0] == 128
    with pytest.raises(ValueError, match="`amount` must lie within the context of 100, got 128"):
        shift(x, torch.tensor([-128], dtype=torch.int8), dim=1, edge="stream", context=100)


def test_an_empty_batch_stays_empty():
    moved, clipped = shift(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), dim=1)
    assert (moved.shape, clipped.shape) == ((0, 4), (0,))


# --- labelled views ----------------------------------------------------------------------------------------------


@given(st.integers(0, 999), st.integers(1, 3), st.integers(1, 4))
def test_views_are_the_shifts_that_their_labels_say(seed, anchors, views):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 2, (anchors, 2, 6, 5 + 2 * 3), generator=generator)
    kind = torch.randint(0, 2, (anchors, views), generator=generator)
    amount = torch.randint(-3, 4, (anchors, views), generator=generator)
    made = labelled_views(
        x,
        kind,
        amount,
        kinds=(PITCH, METRE),
        shifts={"pitch": Shift(-2, "zero"), "metre": Shift(-1, "stream")},
        context={-1: 3},
    )
    assert torch.equal(made.anchor, x[..., 3:-3])
    assert torch.equal(made.kind, kind)
    assert made.amount.tolist() == amount.tolist()
    assert made.amount.is_floating_point()
    for b, v in itertools.product(range(anchors), range(views)):
        if kind[b, v] == 0:
            expected = loop_shift(x[b, ..., 3:-3], int(amount[b, v]), 1, "zero", 0)
        else:
            expected = loop_shift(x[b], int(amount[b, v]), 2, "stream", 3)
        assert torch.equal(made.views[b, v], expected[0])
        assert bool(made.clipped[b, v]) == expected[1]


def test_a_kind_that_wraps_along_a_streaming_dimension_wraps_the_window():
    x = torch.arange(8)[None]
    shifts = {"pitch": Shift(-1, "wrap"), "metre": Shift(-1, "stream")}
    made = labelled_views(
        x,
        torch.tensor([[0, 1]]),
        torch.tensor([[1, 1]]),
        kinds=(PITCH, METRE),
        shifts=shifts,
        context={-1: 2},
    )
    assert made.views[0].tolist() == [[5, 2, 3, 4], [1, 2, 3, 4]]
    assert made.clipped.tolist() == [[False, True]]


def test_a_follower_moves_as_its_leader():
    kinds = (METRE, Circle("beat", 4, follows="metre"))
    x = torch.arange(1, 5)[None]
    made = labelled_views(
        x, torch.tensor([[0, 1]]), torch.tensor([[1, 1]]), kinds=kinds, shifts={"metre": Shift(-1, "wrap")}
    )
    assert made.views[0].tolist() == [[4, 1, 2, 3]] * 2


# --- errors ------------------------------------------------------------------------------------------------------

X, ONE = torch.zeros(2, 4), torch.ones(2, dtype=torch.long)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shift(X, ONE, dim=1, edge="mirror"), ValueError, "`edge` must be 'zero', .* got 'mirror'"),
        (lambda: shift(X, ONE, dim=0), ValueError, "`dim` must not be the batch dimension 0"),
        (lambda: shift(X, ONE, dim=-2), ValueError, "`dim` must not be the batch dimension 0"),
        (lambda: shift(X, ONE, dim=2), ValueError, r"`dim` must be a dimension of `x`, -2..1, got 2"),
        (lambda: shift(X, ONE.float(), dim=1), TypeError, "`amount` must hold whole numbers, got torch.float32"),
        (lambda: shift(X, ONE.bool(), dim=1), TypeError, "`amount` must hold whole numbers, got torch.bool"),
        (lambda: shift(X, ONE[:1], dim=1), ValueError, r"`amount` must have shape \(2,\), got \(1,\)"),
        (lambda: shift(X, ONE, dim=1, context=1), ValueError, "`context` must be >= 0, and 0 unless .* got 1 with"),
        (lambda: shift(X, ONE, dim=1, edge="stream", context=-1), ValueError, "`context` must be >= 0.* got -1"),
        (
            lambda: shift(X, ONE, dim=1, edge="stream", context=2),
            ValueError,
            "must leave a window in dimension 1, got 4",
        ),
        (lambda: shift(X, 2 * ONE, dim=1, edge="stream", context=1), ValueError, "within the context of 1, got 2"),
        (lambda: shift(torch.zeros(2, 0), ONE, dim=1), ValueError, "`x` must leave a window in dimension 1, got 0"),
        (lambda: Shift(1), ValueError, "`dim` must be negative, counted from the end, got 1"),
        (lambda: Shift(-1, "mirror"), ValueError, "`edge` must be 'zero', .* got 'mirror'"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shifts": {}}, ValueError, r"`shifts` must say how every kind moves, got nothing for \['pitch'\]"),
        ({"kind": ONE[:, None] * 1.0}, TypeError, "`kind` must hold whole numbers, got torch.float32"),
        ({"amount": ONE[:, None] * 1.0}, TypeError, "`amount` must hold whole numbers, got torch.float32"),
        ({"amount": ONE}, ValueError, r"`kind` and `amount` must both be \(2, V\), got \(2, 1\), \(2,\)"),
        ({"kind": ONE[:, None]}, ValueError, r"`kind` must lie in 0..0, got 1..1"),
        ({"context": {1: 1}}, ValueError, "`context` must map negative dimensions .* got 1: 1"),
        ({"context": {-1: 2}}, ValueError, "to widths inside it, got -1: 2"),
        ({"context": {-2: 0}}, ValueError, "`context` must map negative dimensions"),
    ],
)
def test_label_errors(change, error, message):
    arguments = {
        "x": X,
        "kind": 0 * ONE[:, None],
        "amount": ONE[:, None],
        "kinds": (PITCH,),
        "shifts": {"pitch": Shift(-1)},
    }
    labelled_views(**arguments)
    with pytest.raises(error, match=message):
        labelled_views(**(arguments | change))

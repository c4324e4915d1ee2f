"""What every diagnostic takes: accepted forms, and one clear line for each mistake."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from softaxes.diagnostics import analogies, cosines
from softaxes.diagnostics.labelled import label
from softaxes.geometry.kinds import Circle, Line

from . import worlds
from .worlds import args


@pytest.fixture
def world(rng):
    return args(worlds.perfect(rng, items=5, dims=4, views=6))


def test_torch_numpy_and_half_precision_are_accepted(world):
    tensors = {name: torch.from_numpy(value) for name, value in world.items()}
    batch = label(**tensors | {"anchor": tensors["anchor"].bfloat16().requires_grad_()})
    assert batch.anchor.dtype == batch.views.dtype == np.float64
    assert batch.views == pytest.approx(world["views"])


def test_names_and_integers_mean_the_same_kinds(world):
    names = np.array(["time", "pitch"])[world["kind"]]
    kinds = [Line("time"), Circle("pitch", 16)]
    assert (label(**world | {"kind": names}, kinds=kinds).kind == world["kind"]).all()
    assert [kind.name for kind in label(**world | {"kind": names}).kinds] == ["pitch", "time"]
    assert [kind.name for kind in label(**world).kinds] == ["kind0", "kind1"]


def test_groups_of_any_label_type(world):
    assert label(**world, group=["b", "a", "b", "c", "a"]).group.tolist() == [1, 0, 1, 2, 0]
    assert label(**world).group.tolist() == [0, 1, 2, 3, 4]


def test_rows_keep_labels_together(world):
    clipped = np.arange(30).reshape(5, 6) % 4 == 0
    batch = label(**world, clipped=clipped, group=[7, 7, 8, 9, 9]).rows(np.array([4, 2]))
    assert batch.anchor == pytest.approx(world["anchor"][[4, 2]])
    assert (batch.clipped == clipped[[4, 2]]).all()
    assert batch.group.tolist() == [1, 0]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"anchor": np.zeros(4)}, r"`anchor` must have shape \(B, D\) with B, D > 0, got \(4,\)"),
        ({"anchor": np.zeros((0, 4))}, r"`anchor` must have shape \(B, D\) with B, D > 0, got \(0, 4\)"),
        ({"anchor": np.full((5, 4), np.nan)}, r"`anchor` must be finite, got NaN or infinity"),
        ({"anchor": np.full((5, 4), "a")}, r"`anchor` must hold real numbers, got <U1"),
        ({"views": np.zeros((5, 6, 3))}, r"`views` must have shape \(5, V, 4\) to fit `anchor`, got \(5, 6, 3\)"),
        ({"views": np.zeros((5, 0, 4))}, r"`views` must have shape \(5, V, 4\) to fit `anchor`, got \(5, 0, 4\)"),
        ({"views": np.full((5, 6, 4), np.inf)}, r"`views` must be finite"),
        ({"views": np.zeros((5, 4))}, r"`views` must have shape \(5, V, 4\) to fit `anchor`, got \(5, 4\)"),
        ({"kind": np.zeros((5, 5), dtype=int)}, r"`kind` must have shape \(5, 6\) to fit `views`, got \(5, 5\)"),
        ({"kind": np.zeros((5, 6))}, r"`kind` must hold integers or names, got float64"),
        ({"kind": np.full((5, 6), -1)}, r"`kind` must lie in 0..0, got -1..-1"),
        ({"kind": np.full((5, 6), 2), "kinds": [Line("a")]}, r"`kind` must lie in 0..0, got 2..2"),
        ({"kind": np.full((5, 6), "b"), "kinds": [Line("a")]}, r"`kind` must hold names of `kinds`, \['a'\], got 'b'"),
        ({"amount": np.zeros((5, 5))}, r"`amount` must have shape \(5, 6\) to fit `views`, got \(5, 5\)"),
        ({"amount": np.full((5, 6), np.nan)}, r"`amount` must be finite"),
        ({"clipped": np.zeros((5, 6))}, r"`clipped` must hold booleans, got float64"),
        ({"clipped": np.zeros((5, 1), dtype=bool)}, r"`clipped` must have shape \(5, 6\)"),
        ({"group": [1, 2]}, r"`group` must have shape \(5,\), one label an item, got \(2,\)"),
        ({"kinds": []}, r"`kinds` must name at least one kind"),
    ],
)
def test_mistakes_are_named(world, change, message):
    with pytest.raises(ValueError, match=message):
        label(**world | change)


def test_a_metric_takes_arrays_or_what_is_checked_already(rng):
    world = worlds.perfect(rng, items=30)
    world_arrays = args(world, "kinds")
    batch = label(**world_arrays)
    for metric, options in ((cosines.opening_angle, {}), (analogies.analogy_error, {"donors": 3})):
        assert metric(**world_arrays, **options) == metric(batch, **options)
        positional = (world["anchor"], world["views"], world["kind"], world["amount"])
        assert metric(*positional, kinds=world["kinds"], **options) == metric(batch, **options)

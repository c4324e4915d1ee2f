"""The picture of the law is drawn from curves, and views of its melodies are what their labels say."""

import law_picture
import torch

import softaxes as sa


def test_views_are_the_melodies_moved_and_nothing_leaves():
    x, views, kind, amount = law_picture.labelled(20)
    for row, view in ((0, 0), (3, 2), (19, 5)):
        dim = -2 if kind[row, view] == 0 else -1
        assert torch.equal(views[row, view], x[row].roll(int(amount[row, view]), dims=dim))
    assert torch.equal(views.sum((2, 3)), x.sum((1, 2))[:, None].expand(20, 6))


def test_independent_places_are_at_chance_and_can_be_drawn():
    curve = law_picture.curves(None, (sa.Line("pitch"), sa.Cycle("metre", 16)))["metre"]
    assert curve.error < 0.03
    figure = law_picture.law_picture([("chance", curve), ("again", curve)])
    assert len(figure.axes) == 2 and len(figure.axes[0].lines) > 4

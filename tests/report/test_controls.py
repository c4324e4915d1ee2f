"""The controls: an untrained twin, and the centroid, which is exact wherever nothing is clipped."""

from __future__ import annotations

import torch

from softaxes.data.blobs import blob_images
from softaxes.model.part import Part
from softaxes.report.controls import centroid, untrained
from tests.report.worlds import blob_model


def centroid_by_loops(image: torch.Tensor) -> tuple[float, float]:
    filled = [(r, c) for r in range(image.shape[0]) for c in range(image.shape[1]) if image[r, c] > 0]
    return sum(r for r, _ in filled) / len(filled), sum(c for _, c in filled) / len(filled)


def test_centroid_is_the_mean_place_of_the_pixels() -> None:
    images = blob_images(20, seed=0)
    want = torch.tensor([centroid_by_loops(image[0]) for image in images])
    assert torch.allclose(centroid(images), want, atol=1e-5)


def test_centroid_of_nothing_is_the_middle() -> None:
    assert centroid(torch.zeros(1, 1, 16, 8)).tolist() == [[7.5, 3.5]]


def test_untrained_has_the_same_networks_other_weights_and_leaves_the_dice_alone() -> None:
    model = blob_model(None, 4)
    model.parts["encoder"] = Part("FlatEncoder", {"side": 4, "width": 2, "dim": 4})
    state = torch.get_rng_state()
    one, two, other = untrained(model, seed=1), untrained(model, seed=1), untrained(model, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [m.encoder.layers[1].weight for m in (model, one, two, other)]
    assert weights[0].shape == weights[1].shape
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[1], weights[3]) and not torch.equal(weights[0], weights[1])
    assert one.decoder is None and one.input_shape == model.input_shape

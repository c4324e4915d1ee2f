"""Shifts of one blob as toy models see them: known geometries have known cosines."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from softaxes.data.blobs import KINDS
from softaxes.explorer.app import build_app
from softaxes.explorer.blob_world import (
    BlobWorld,
    cosines,
    describe_shifts,
    image_of,
    is_toy,
    random_image,
    toy_models,
    two_directions,
    untrained,
)
from softaxes.explorer.guard import LOOPBACK, Guard
from softaxes.geometry.axes import Axes, LineAxis
from softaxes.model.model import Model

MIDDLE_BLOB = "0" * 28 + "0180" + "0180" + "0" * 28  # four pixels in the middle


class Centroid:
    """A latent that is the blob's centre of mass: row and column."""

    input_shape = (1, 16, 16)
    axes = Axes([LineAxis(kind, torch.eye(2)[i], torch.zeros(2)) for i, kind in enumerate(KINDS)])

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        mass, place = images.sum((1, 2, 3)).clamp_min(1), torch.arange(16.0)
        return torch.stack([(images.sum((1, 3)) @ place) / mass, (images.sum((1, 2)) @ place) / mass], dim=1)


def test_a_centroid_draws_a_perfect_cross() -> None:
    model: Any = Centroid()
    answer = describe_shifts(model, image_of(MIDDLE_BLOB))
    assert answer["cosines"] == {"same": 1.0, "opposite": -1.0, "cross": 0.0}
    assert answer["axes"] == [[float(j), float(i)] for i in range(-4, 5) for j in range(-4, 5)]
    assert not any(answer["clipped"])
    assert answer["share"] == 1.0


def test_an_empty_image_has_no_directions() -> None:
    model: Any = Centroid()
    answer = describe_shifts(model, image_of("0" * 64))
    assert answer["cosines"] == {"same": None, "opposite": None, "cross": None}
    assert answer["share"] == 0.0


def test_differences_in_one_direction_have_cross_one() -> None:
    amount = torch.arange(-4.0, 5.0)
    difference = (amount[:, None] + amount)[..., None] * torch.tensor([1.0, 2.0, 2.0])
    assert cosines(difference.double()) == {"same": 1.0, "opposite": -1.0, "cross": 1.0}


def test_two_directions_hold_what_they_hold() -> None:
    places, share = two_directions(torch.diag(torch.tensor([3.0, 4.0, 5.0])).double())
    assert places.shape == (3, 2)
    assert share == pytest.approx(41 / 50)


def test_clipped_shifts_are_those_that_lose_pixels() -> None:
    corner = "8000" + "0000" * 15  # one pixel at the upper left
    clipped = describe_shifts(Centroid(), image_of(corner))["clipped"]  # type: ignore[arg-type]
    assert clipped == [i < 0 or j < 0 for i in range(-4, 5) for j in range(-4, 5)]


@given(st.binary(min_size=32, max_size=32))
def test_digits_are_the_image_row_by_row(data: bytes) -> None:
    bits = "".join(f"{byte:08b}" for byte in data)
    assert image_of(data.hex()).flatten().tolist() == [float(bit) for bit in bits]


def test_random_images_differ_by_seed_only() -> None:
    assert random_image(3) == random_image(3) != random_image(4)
    with pytest.raises(ValueError, match="`seed` must be 0"):
        random_image(-1)


def test_a_model_of_music_is_refused(tmp_path: Any, model: Model) -> None:
    from softaxes.model.checkpoint import MODEL_FILE, save_model

    save_model(model, tmp_path / MODEL_FILE)
    with pytest.raises(ValueError, match="is no model of blobs"):
        toy_models([tmp_path])


def test_which_models_read_blobs() -> None:
    shapes = {(1, 16, 16): True, (1, 24, 24): True, (2, 128, 32): False, (1, 8, 8): False, (1, 17, 17): False}
    assert {shape: is_toy(SimpleNamespace(input_shape=shape)) for shape in shapes} == shapes  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = build_app(None, BlobWorld({"untrained": untrained()}))
    with TestClient(Guard(app, LOOPBACK), base_url="http://127.0.0.1:8000") as made:
        yield made


def test_without_music_the_first_page_is_that_of_blobs(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.url.path == "/blobs"
    assert "Steer" not in answer.text
    assert client.get("/api/songs").status_code == 404


@given(st.dictionaries(st.sampled_from(["model", "image", "seed"]), st.text(max_size=70)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_parameters_get_an_answer_or_one_sentence(client: TestClient, values: dict[str, str]) -> None:
    answer = client.get("/api/blobs", params=values)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert set(answer.json()) == {"error"}


def test_shifts_over_the_wire(client: TestClient) -> None:
    assert client.get("/api/blobs").json() == {"models": ["untrained"]}
    image = client.get("/api/blobs", params={"seed": 5}).json()["image"]
    answer = client.get("/api/blobs", params={"model": "untrained", "image": image}).json()
    assert len(answer["axes"]) == len(answer["own"]) == len(answer["clipped"]) == 81
    assert answer["axes"][40] == [0.0, 0.0]

"""Recipes, terms and runs of the blob world."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import softaxes.commands.toy_train as command
import softaxes.training.tasks.blobs.task as toy
from softaxes.commands.toy_train import train_toy
from softaxes.data.blobs import PITCH, TIME, blob_triplets
from softaxes.model.checkpoint import load
from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.blobs.config import Recipe, ToyConfig, config_record, toy_recipe
from softaxes.training.tasks.blobs.losses import content_loss, pair_loss, pixel_loss, proportion_loss, symmetry_loss
from softaxes.training.tasks.blobs.task import ToyNetwork, ToyTask

SMALL = ToyConfig(width=32, depth=1, batch=16, steps=4, bfloat16=False)
QUIET = Machine(threads=1, progress=False)


def test_original_is_what_was_published() -> None:
    c = toy_recipe("original")
    assert (c.encoder, c.views, c.steps, c.batch, c.learning_rate, c.schedule) == (
        "pooled", "triplet", 5000, 1024, 4e-3, "constant"
    )  # fmt: skip
    assert c.within == 1 and not any(
        (c.across, c.size, c.pairs, c.predict, c.proportion, c.symmetry, c.content, c.pixels, c.jepa)
    )
    assert not c.bfloat16 and not c.clip_norm and c.dim == 16 and c.side == 16
    jepa = toy_recipe("original-jepa")
    assert jepa == replace(c, jepa=0.2, steps=10_000)


def test_recipes_of_ours() -> None:
    assert toy_recipe("default", seed=3) == replace(ToyConfig(), seed=3)
    unclipped = toy_recipe("unclipped", steps=7)
    assert unclipped.side == 24 and unclipped.steps == 7 and unclipped.views == "quartet"
    with pytest.raises(ValueError, match=r"`recipe` must be one of default, original, .* got 'best'"):
        toy_recipe("best")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 2}, "`dim` must be >= 3, got 2"),
        ({"batch": 1}, "`batch` must be >= 2"),
        ({"within": -1.0}, "`within` must be >= 0 and finite, got -1.0"),
        ({"content": math.inf}, "`content` must be >= 0 and finite, got inf"),
        ({"pixels": math.nan}, "`pixels` must be >= 0 and finite, got nan"),
        ({"encoder": "vit"}, "`encoder` must be one of pooled, flat, residual, got 'vit'"),
        ({"views": "pair"}, "`views` must be one of triplet, quartet, got 'pair'"),
        ({"schedule": "step"}, "`schedule` must be one of constant, cosine, got 'step'"),
        ({"learning_rate": 0.0}, "`learning_rate` must lie between 0 and 1, got 0.0"),
        ({"content_scale": 0.0}, "`content_scale` must be positive and finite, got 0.0"),
        ({"content_clipped": 0.0}, "`content_clipped` must lie in 0..1, above 0, got 0.0"),
        ({"views": "triplet"}, "`pairs` must be 0 with views='triplet'"),
        ({"views": "triplet", "pairs": 0.0}, "`proportion` must be 0 with views='triplet'"),
        ({"learning_rate": math.nan}, "`learning_rate` must lie between 0 and 1, got nan"),
        ({"encoder": "pooled", "width": 99}, "encoder 'pooled' does not take `width`: leave it out"),
        ({"encoder": "pooled", "depth": 9, "width": 9}, "encoder 'pooled' does not take `width`, `depth`"),
        ({"content": 0.0, "content_scale": 2.0}, "a run without `content` does not take `content_scale`"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ToyConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), [("steps", 2.5), ("batch", True), ("within", "1"), ("bfloat16", 1)])
def test_settings_have_their_types(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"`{name}` must be of type .*, got {value!r}"):
        ToyConfig(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", ["original", "default", "unclipped"])
def test_batches_are_functions_of_seed_and_step(recipe: Recipe) -> None:
    task = ToyTask(replace(toy_recipe(recipe, seed=5), batch=8))
    first, again, later = task.batch(3), ToyTask(task.config).batch(3), task.batch(4)
    other = ToyTask(replace(task.config, seed=6)).batch(3)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["anchor"], later["anchor"]) and not torch.equal(first["anchor"], other["anchor"])
    assert all(len(value) == 8 for value in first.values())
    assert first["views"].shape[1] == (2 if recipe == "original" else 4)


class Seer(nn.Module):
    """A perfect encoder of single pixels: row, column, and one content number that no shift changes."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        place = images.flatten(1).argmax(1)
        side = images.shape[-1]
        columns = [place // side, place % side, images.amax((1, 2, 3)) * 5, *([torch.zeros(len(place))] * 3)]
        return torch.stack([c.float() for c in columns], dim=1)


def test_a_perfect_encoder_has_no_loss() -> None:
    brightness = 1.0 + torch.arange(32)  # content that differs by 5 and more
    anchor = torch.zeros(32, 1, 16, 16)
    anchor[:, 0, 8, 8] = brightness
    amount = torch.tensor([[2, -3, 4, -1]]).repeat(32, 1)
    kind = torch.tensor([[PITCH, PITCH, TIME, TIME]]).repeat(32, 1)
    views = torch.zeros(32, 4, 1, 16, 16)
    for v, (rows, columns) in enumerate(((2, 0), (-3, 0), (0, 4), (0, -1))):
        views[:, v, 0, 8 + rows, 8 + columns] = brightness
    batch = {"anchor": anchor, "views": views, "kind": kind, "amount": amount, "clipped": torch.zeros(32, 4).bool()}
    task = ToyTask(replace(SMALL, dim=6, pixels=0.0))
    network = ToyNetwork(Seer(), nn.Identity(), task.build_model().operators)
    with torch.no_grad():
        network.operators.raw.copy_(torch.eye(6)[:, :2])
    with torch.no_grad():
        terms = task.loss(network, batch, 0)
    assert set(terms) == {"factorization", "pairs", "predict", "proportion", "symmetry", "content", "loss"}
    for name, value in terms.items():
        assert float(value) == pytest.approx(0, abs=1e-5), name
    with torch.no_grad():  # axes that point elsewhere: only the prediction is wrong
        network.operators.raw.copy_(torch.eye(6)[:, [1, 0]])
        crossed = task.loss(network, batch, 0)
    assert float(crossed["predict"]) == pytest.approx(task.config.predict * 2, abs=1e-5)
    assert float(crossed["factorization"]) == pytest.approx(0, abs=1e-5)


def test_clipped_views_count_as_declared() -> None:
    task = ToyTask(SMALL)
    model = task.build_model().requires_grad_(False)
    batch = dict(task.batch(0))
    clean = batch | {"clipped": torch.zeros_like(batch["clipped"])}
    marked = task.loss(model, batch, 0)
    unmarked = task.loss(model, clean, 0)
    assert bool(batch["clipped"].any())
    assert float(marked["predict"]) != float(unmarked["predict"])
    assert float(marked["content"]) != float(unmarked["content"])
    assert float(marked["factorization"]) == float(unmarked["factorization"])


def test_every_weight_acts() -> None:
    task = ToyTask(SMALL)
    model, batch = task.build_model().requires_grad_(False), task.batch(0)
    full = {name: float(value) for name, value in task.loss(model, batch, 0).items()}
    for name in ("pairs", "predict", "proportion", "symmetry", "content", "pixels"):
        double = replace(SMALL, **{name: 2 * getattr(SMALL, name)})
        value = float(ToyTask(double).loss(model, batch, 0)[name])
        assert value == pytest.approx(2 * full[name], rel=1e-5) and value > 0, name
        without = ToyTask(replace(SMALL, **{name: 0.0})).loss(model, batch, 0)
        assert name not in without
        assert float(without["loss"]) == pytest.approx(full["loss"] - full[name], abs=1e-5)
    for name in ("across", "size"):
        more = ToyTask(replace(SMALL, **{name: 1.0})).loss(model, batch, 0)
        assert float(more["factorization"]) > full["factorization"]
    pulled = ToyTask(replace(SMALL, jepa=0.2)).loss(model, batch, 0)
    assert float(pulled["jepa"]) > 0
    rounded = ToyTask(replace(SMALL, bfloat16=True)).loss(model, batch, 0)
    assert float(rounded["loss"]) == pytest.approx(full["loss"], rel=0.1)
    assert float(rounded["loss"]) != full["loss"]


def test_pairs_of_known_differences() -> None:
    amount = torch.tensor([[2, -2, 1, 3]])
    on_a_line = torch.tensor([[[1.0, 0], [-3, 0], [0, 2], [0, 1]]])
    assert float(pair_loss(on_a_line, amount, 1e-6)) == pytest.approx(0, abs=1e-6)
    assert float(pair_loss(on_a_line, amount.abs(), 1e-6)) == pytest.approx(1, abs=1e-6)  # one pair reversed
    at_right_angles = torch.tensor([[[1.0, 0], [0, -3], [0, 2], [1, 0]]])
    assert float(pair_loss(at_right_angles, amount, 1e-6)) == pytest.approx(1, abs=1e-6)
    assert float(pair_loss(on_a_line * 1e-9, amount, 1e-6)) == pytest.approx(1, abs=1e-3)  # below the floor


def test_proportion_of_known_differences() -> None:
    amount, nothing = torch.tensor([[2, -4, 1, 3]]), torch.zeros(1, 4).bool()
    in_proportion = torch.tensor([[[2.0, 0], [-4, 0], [0, 5], [0, 15]]])  # each kind has its own unit
    assert float(proportion_loss(in_proportion, amount, nothing)) == pytest.approx(0, abs=1e-6)
    short = torch.tensor([[[2.0, 0], [-3, 0], [0, 5], [0, 15]]])  # |2 (-3) + 4 (2)| / 4 = 1/2
    scale = (4 + 9) / 2 + (25 + 225) / 2
    assert float(proportion_loss(short, amount, nothing)) == pytest.approx(0.25 / scale, rel=1e-5)
    lost = torch.tensor([[False, True, False, False]])
    assert float(proportion_loss(short, amount, lost)) == pytest.approx(0, abs=1e-6)
    assert float(proportion_loss(short, amount, ~nothing)) == 0


def test_symmetry_of_known_differences() -> None:
    kind = torch.tensor([[0, 0, 1, 1]])
    amount = torch.tensor([[2, -2, 1, -3]])
    opposite = torch.tensor([[[1.0, 0], [-3, 0], [0, 2], [0, -1]]])
    assert float(symmetry_loss(opposite, kind, amount)) == pytest.approx(0, abs=1e-6)
    same_way = torch.tensor([[[1.0, 0], [3, 0], [0, 2], [0, 1]]])
    assert float(symmetry_loss(same_way, kind, amount)) == pytest.approx(2, abs=1e-6)
    right_angle = torch.tensor([[[1.0, 0], [0, 3], [0, 2], [0, -1]]])
    assert float(symmetry_loss(right_angle, kind, amount)) == pytest.approx(0.5, abs=1e-6)
    assert float(symmetry_loss(same_way, kind, amount.abs())) == 0  # no view moves down


def test_content_is_a_weighted_cross_entropy() -> None:
    anchor, view = torch.randn(5, 3), torch.randn(5, 3)
    weight = torch.tensor([1.0, 1, 0.1, 0.1, 1])
    nats = []
    for i in range(5):
        scores = [math.exp(-float((view[i] - anchor[j]).square().sum()) / (2 * 0.7**2)) for j in range(5)]
        nats.append(-math.log(scores[i] / sum(scores)))
    expected = sum(w * n for w, n in zip(weight.tolist(), nats, strict=True)) / float(weight.sum())
    assert float(content_loss(view, anchor, weight, 0.7)) == pytest.approx(expected, rel=1e-5)
    assert float(content_loss(100 * torch.eye(5), 100 * torch.eye(5), torch.ones(5), 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(content_loss(torch.zeros(5, 3), torch.zeros(5, 3), torch.ones(5), 1.0)) == pytest.approx(math.log(5))


def test_pixel_loss_is_one_for_the_density_alone() -> None:
    images = blob_triplets(4000, seed=0).anchor
    density = images.mean()
    assert float(pixel_loss(torch.full_like(images, float(density.logit())), images)) == pytest.approx(1, abs=0.02)
    assert float(pixel_loss(40 * (images - 0.5), images)) == pytest.approx(0, abs=1e-6)


def test_learning_rates() -> None:
    constant, cosine = ToyTask(toy_recipe("original")), ToyTask(replace(SMALL, steps=100, learning_rate=1e-2))
    assert {constant.learning_rate(step) for step in range(0, 5000, 500)} == {4e-3}
    rates = [cosine.learning_rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3) and 0 < rates[-1] < 1e-5
    assert max(rates) == rates[9] and rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize("recipe", ["original", "original-jepa", "default", "unclipped"])
def test_every_recipe_trains_and_loads(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = command.toy_recipe
    monkeypatch.setattr(command, "toy_recipe", lambda *a, **k: replace(recipes(*a, **k), batch=16))
    monkeypatch.setattr(toy, "AXES_BLOBS", 200)
    said = train_toy(recipe, out=tmp_path / "run", seed=1, steps=2, machine=QUIET)
    assert str(tmp_path / "run") in said
    model = load(tmp_path / "run")
    side = 24 if recipe == "unclipped" else 16
    images = blob_triplets(3, seed=0, margin=(side - 16) // 2).anchor
    z = model.encode(images)
    assert z.shape == (3, 16) and set(model.axes) == {"pitch", "time"}
    assert model.steer(z, pitch=2, time=-1).shape == z.shape
    assert model.card["config"]["seed"] == 1  # type: ignore[index]
    if recipe in ("default", "unclipped"):
        assert model.decode(z).shape == images.shape


def test_equal_seeds_give_equal_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "AXES_BLOBS", 200)
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(ToyTask(replace(SMALL, seed=seed)), tmp_path / name, QUIET)
        weights.append(torch.cat([p.flatten() for p in load(tmp_path / name).parameters()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.slow
def test_a_short_default_run_learns_axes(tmp_path: Path) -> None:
    """Some seconds of one core: far from the recipe's quality, far from chance (same-anchor cosines start at +.5)."""
    config = replace(ToyConfig(), width=128, depth=2, batch=128, steps=150, bfloat16=False, learning_rate=8e-3)
    train(ToyTask(config), tmp_path / "run", QUIET)
    model = load(tmp_path / "run")
    drawn = blob_triplets(2000, seed=99)
    z, zv = model.encode(drawn.anchor), model.encode(drawn.views.flatten(0, 1)).unflatten(0, (2000, 2))
    cos = nn.functional.cosine_similarity(zv[:, 0] - z, zv[:, 1] - z, dim=-1)
    cross = drawn.kind[:, 0] != drawn.kind[:, 1]
    same = ~cross & (drawn.amount.prod(1) > 0)
    assert float(cos[cross].abs().mean()) < 0.4
    assert float(cos[same].mean()) > 0.8 and float(cos[~cross & ~same].mean()) < -0.6
    assert abs(model.axes.angles()["pitch", "time"] - 90) < 10


def test_config_is_recorded_whole() -> None:
    assert ToyConfig(**config_record(SMALL)) == SMALL  # type: ignore[arg-type]

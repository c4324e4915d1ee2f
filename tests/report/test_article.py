"""The article's protocol, repeated pair by pair; and encoders that it must call perfect, dead or clipped."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from softaxes.data.blobs import blob_images, shift_grid
from softaxes.report import article
from softaxes.report.controls import centroid


def encoder(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 5), torch.nn.Tanh()).requires_grad_(False)


def notebook_by_loops(latents: article.NotebookLatents) -> dict[str, float]:
    """The notebook's own arithmetic, an image at a time."""
    same, opposite, cross = [], [], []
    up: dict[int, list] = {0: [], 1: []}
    down: dict[int, list] = {0: [], 1: []}
    for anchor, views in zip(torch.from_numpy(latents.anchor), torch.from_numpy(latents.views), strict=True):
        d = [view - anchor for view in views]
        for kind in (0, 1):
            plus_s, plus_t, minus_s = d[3 * kind : 3 * kind + 3]
            same.append(F.cosine_similarity(plus_s, plus_t, dim=0))
            opposite.append(F.cosine_similarity(plus_s, minus_s, dim=0))
            up[kind].append(plus_s)
            down[kind].append(minus_s)
        cross += [F.cosine_similarity(d[0], d[3], dim=0).abs(), F.cosine_similarity(d[2], d[5], dim=0).abs()]
    found = {"same_cos": same, "opposite_cos": opposite, "cross_cos": cross}
    figures = {name: float(torch.stack(values).mean()) for name, values in found.items()}
    for kind, name in enumerate(("pitch", "time")):
        cos = F.cosine_similarity(torch.stack(up[kind]).mean(0), torch.stack(down[kind]).mean(0), dim=0)
        figures[f"opening_angle.{name}"] = math.degrees(math.acos(float(cos)))
    return figures


def test_the_figures_are_those_of_the_notebooks_loops() -> None:
    latents = article.notebook_latents(encoder(), 40, seed=3)
    found, slow = article.notebook_figures(latents, draws=10), notebook_by_loops(latents)
    for key, value in slow.items():
        assert found[key].value == pytest.approx(value, abs=1e-4), key


def test_the_draw_is_that_of_the_notebook() -> None:
    latents = article.notebook_latents(lambda x: x.flatten(1), 400, seed=0)
    s, t = latents.amount[:, 0], latents.amount[:, 1]
    assert (s != t).all() and s.min() == t.min() == 1 and s.max() == t.max() == 4
    assert (latents.amount[:, 2] == -s).all()
    assert (latents.amount[:, 3:] == latents.amount[:, :3]).all()
    assert np.bincount(s)[1:].min() > 70 and np.bincount(t)[1:].min() > 70
    first = latents.anchor[0].reshape(16, 16)
    moved = latents.views[0].reshape(6, 16, 16)
    step = int(s[0])
    assert np.array_equal(moved[0][step:], first[: 16 - step]) and not moved[0][:step].any()
    assert np.array_equal(moved[5][:, : 16 - step], first[:, step:])


def test_published_figures_are_the_articles() -> None:
    assert article.PUBLISHED["cross_cos"] == 0.116 and "0.126" in article.PUBLISHED_WORDS["cross_cos"]
    assert (article.PUBLISHED["same_cos"], article.PUBLISHED["opposite_cos"]) == (0.954, -0.884)
    assert (article.PUBLISHED["opening_angle.pitch"], article.PUBLISHED["opening_angle.time"]) == (162.8, 163.2)
    assert article.PUBLISHED["difference_pca2"] == pytest.approx(0.278 + 0.264)


def test_a_centroid_is_perfect_where_nothing_is_clipped() -> None:
    found = article.notebook_figures(article.notebook_latents(centroid, 60, seed=0, margin=4), draws=10)
    assert found["cross_cos"].value == pytest.approx(0, abs=1e-5)
    assert found["same_cos"].value == pytest.approx(1) and found["opposite_cos"].value == pytest.approx(-1)
    assert found["opening_angle.pitch"].value == pytest.approx(180, abs=0.01)
    assert found["difference_pca2"].value == pytest.approx(1)


def test_the_edge_alone_costs_a_centroid_what_facts_say() -> None:
    found = article.notebook_figures(article.notebook_latents(centroid, 2000, seed=0), draws=10)
    assert found["same_cos"].value < 0.95 and found["opposite_cos"].value > -0.9


def test_a_dead_encoder_has_no_figures_and_no_crash() -> None:
    grid = np.zeros((3, 9, 9, 4))
    found = article.notebook_figures(
        article.notebook_latents(lambda x: torch.zeros(len(x), 4), 10, seed=0), grid, draws=5
    )
    assert all(math.isnan(figure.value) for figure in found.values())
    assert found["cross_cos"].n == 0


def test_the_notebooks_spectrum_holds_the_mean() -> None:
    images = shift_grid(blob_images(3, seed=0))
    grid = encoder()(images.flatten(0, 2)).reshape(3, 9, 9, 5).numpy().astype(float) + 10
    pitch, time = article.uncentred_first(grid)
    slow = [[], []]
    for z in grid:
        for unfolded, into in ((z.reshape(9, 45), slow[0]), (z.transpose(1, 0, 2).reshape(9, 45), slow[1])):
            values = np.linalg.svd(unfolded)[1]
            into.append(values[0] / values.sum())
    assert pitch.value == pytest.approx(np.mean(slow[0])) and time.value == pytest.approx(np.mean(slow[1]))
    assert pitch.value > 0.9  # a mean of 10 alone does that
    assert pitch.low <= pitch.value <= pitch.high


def test_small_draws_are_the_figures_of_each_block() -> None:
    latents = article.notebook_latents(encoder(), 65, seed=1)
    draws = article.small_draws(latents, 30)
    assert {len(values) for values in draws.values()} == {2}
    second = article.notebook_figures(latents.rows(slice(30, 60)), draws=2)
    assert draws["same_cos"][1] == second["same_cos"].value
    assert article.small_draws(latents, 100) == {}


def test_intervals_hold_the_figure_and_shrink_with_images() -> None:
    few, many = (article.notebook_figures(article.notebook_latents(encoder(), n, seed=2)) for n in (50, 800))
    for key in ("same_cos", "cross_cos", "opposite_cos"):
        assert few[key].low < few[key].value < few[key].high
        assert many[key].high - many[key].low < few[key].high - few[key].low

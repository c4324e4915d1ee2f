"""Retrieval: ties, embargo, controls, content with the axes removed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from softaxes.diagnostics import neighbours
from softaxes.diagnostics.neighbours import Hits, content_ranks, ranks, retrieval
from softaxes.geometry.fit import fit_axes

from . import naive, worlds
from .worlds import args


def test_ranks_against_loops(rng):
    query, gallery = rng.standard_normal((15, 3)), rng.standard_normal((20, 3))
    target = rng.integers(20, size=15)
    query_group, gallery_group = rng.integers(3, size=15), rng.integers(3, size=20)
    expected = [naive.rank(query[i], gallery, target[i]) for i in range(15)]
    assert ranks(query, gallery, target) == pytest.approx(expected)
    found = ranks(query, gallery, target, query_group=query_group, gallery_group=gallery_group)
    expected = [naive.rank(query[i], gallery, target[i], allowed=gallery_group != query_group[i]) for i in range(15)]
    assert found == pytest.approx(expected)


def test_own_is_one_more_candidate_of_its_query_alone(rng):
    query, gallery, own = rng.standard_normal((3, 6, 3))
    target = np.arange(6)
    expected = [naive.rank(query[i], np.concatenate([gallery, own[i : i + 1]]), i) for i in range(6)]
    assert ranks(query, gallery, target, own=own) == pytest.approx(expected)


@pytest.mark.parametrize("ties", ["worst", "half"])
def test_ties_against_loops(rng, ties):
    gallery = rng.integers(2, size=(16, 3)).astype(float)
    query, target = rng.integers(2, size=(10, 3)).astype(float), rng.integers(16, size=10)
    expected = [naive.rank(query[i], gallery, target[i], worst=ties == "worst") for i in range(10)]
    assert ranks(query, gallery, target, ties=ties) == pytest.approx(expected)


def test_far_from_the_origin_equal_rows_still_tie():
    gallery = np.full((50, 4), 1234.5678) + np.zeros((50, 1))
    assert (ranks(gallery, gallery, np.arange(50)) == 50).all()


def test_chunks_do_not_change_ranks(rng, monkeypatch):
    query, gallery, target = rng.standard_normal((30, 3)), rng.standard_normal((40, 3)), rng.integers(40, size=30)
    whole = ranks(query, gallery, target, own=query + 0.1)
    monkeypatch.setattr(neighbours, "_CHUNK", 80)
    assert (ranks(query, gallery, target, own=query + 0.1) == whole).all()


def test_hits_of_known_ranks():
    found = Hits(np.array([1.0, 2.0, 6.0, 1.0]), 10)
    assert (found.hit_at_1, found.hit_at_5, found.mrr, found.chance) == pytest.approx(
        (0.5, 0.75, (1 + 0.5 + 1 / 6 + 1) / 4, 0.1)
    )
    assert math.isnan(Hits(np.empty(0), 10).hit_at_1)


def test_perfect_world_keeps_its_content(rng):
    found = content_ranks(**args(worlds.perfect(rng, items=300)))
    assert found.recall == 1 and found.candidates == 300 and len(found.rank) == 2400


def test_axes_not_removed_lose_what_axes_removed_find(rng):
    """Long shifts: by plain distance the nearest anchor is another one."""
    world = worlds.perfect(rng, items=300)
    world["views"] = world["anchor"][:, None] + 20 * (world["views"] - world["anchor"][:, None])
    item = np.repeat(np.arange(300), 8)
    assert (ranks(world["views"].reshape(-1, 12), world["anchor"], item) <= 1).mean() < 0.1
    assert content_ranks(**args(world)).recall == 1


def test_random_dead_and_centroid_encoders_find_nothing(rng):
    assert content_ranks(**args(worlds.random(rng))).recall == pytest.approx(1 / 400, abs=0.01)
    assert content_ranks(**args(worlds.dead(rng))).recall == 0
    assert content_ranks(**args(worlds.centroid(300, margin=4), "kinds")).recall < 0.02


def test_circle_content(rng):
    assert content_ranks(**args(worlds.circle(rng), "kinds")).recall == 1


def test_embargo_of_the_same_song(rng):
    """Every song holds the same music twice: without the embargo a tie, which counts as wrong."""
    world = worlds.perfect(rng, items=40)
    doubled = {name: np.concatenate([value] * 2) for name, value in args(world).items()}
    song = np.tile(np.arange(40), 2)
    assert content_ranks(**doubled, group=song).recall == 0
    assert content_ranks(**doubled, group=song, ties="half").rank == pytest.approx(1.5)
    assert content_ranks(**doubled, group=song, embargo=True).recall == 1


def test_clipped_views_are_told_apart_and_left_out_of_the_fit(rng):
    world = worlds.perfect(rng)
    clipped = rng.random(world["kind"].shape) < 0.3
    world["views"][clipped] = rng.standard_normal((int(clipped.sum()), 12)) * 5
    found = content_ranks(**args(world), clipped=clipped)
    assert (found.rank <= 1)[~found.clipped].all()
    assert (found.rank <= 1)[found.clipped].mean() < 0.2


def test_axes_of_other_data_are_used(rng):
    world = worlds.perfect(rng)
    tensors = {name: torch.from_numpy(value) for name, value in args(world).items()}
    axes = fit_axes(**tensors, kinds=worlds.LINES)
    assert content_ranks(**args(world, "kinds"), axes=axes).recall == 1
    wrong = fit_axes(**tensors | {"views": tensors["views"].flip(0)}, kinds=worlds.LINES)
    moved = world | {"views": world["anchor"][:, None] + 20 * (world["views"] - world["anchor"][:, None])}
    assert content_ranks(**args(moved, "kinds"), axes=wrong).recall < 0.5


def test_retrieval_and_its_controls(rng):
    z = rng.standard_normal((1500, 16))
    step = 12 * np.eye(16)[0]
    found = retrieval(z + step, z, z + step, np.arange(1500))
    assert found.operator.hit_at_1 == 1 and found.operator.candidates == 1500
    assert found.no_operator.hit_at_1 < 0.1 and found.random_direction.hit_at_1 < 0.6
    crowded = retrieval(z + 0.02 * step, z, z + step, np.arange(1500), with_query=True)
    assert crowded.operator.hit_at_1 == 0 and crowded.no_operator.hit_at_1 == 0 and crowded.operator.candidates == 1501
    assert retrieval(z + step, z, z + step, np.arange(1500), with_query=True).operator.hit_at_1 == 1


def test_random_direction_is_as_long_as_the_operator(rng, monkeypatch):
    seen = []
    monkeypatch.setattr(neighbours, "ranks", lambda query, *a, **k: seen.append(query) or np.ones(len(query)))
    z, moved = rng.standard_normal((2, 20, 5))
    retrieval(moved, z, z, np.arange(20))
    assert np.linalg.norm(seen[2] - z, axis=1) == pytest.approx(np.linalg.norm(moved - z, axis=1))
    assert np.abs(seen[2] - moved).max() > 0.1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"query": np.zeros(3)}, r"`query` must have shape \(N, D\), got \(3,\)"),
        ({"query": np.full((2, 3), np.nan)}, r"`query` must be finite"),
        ({"gallery": np.zeros((4, 2))}, r"`gallery` must have shape \(M, 3\), M > 0, to fit `query`, got \(4, 2\)"),
        ({"target": np.array([0, 4])}, r"`target` must lie in 0..3, got 0..4"),
        ({"target": np.array([-1, 0])}, r"`target` must lie in 0..3, got -1..0"),
        ({"target": np.array([0.0, 1.0])}, r"`target` must hold 2 integers, got float64 of shape \(2,\)"),
        ({"gallery": np.zeros((0, 3))}, r"`gallery` must have shape \(M, 3\), M > 0, to fit `query`, got \(0, 3\)"),
        ({"own": np.zeros((3, 3))}, r"`own` must have shape \(2, 3\) to fit `query`, got \(3, 3\)"),
        ({"ties": "best"}, r"`ties` must be one of \('worst', 'half'\), got 'best'"),
        ({"query_group": [0, 1]}, r"`query_group` and `gallery_group` must be given together"),
        ({"query_group": [0], "gallery_group": [0] * 4}, r"must have shapes \(2,\), \(4,\), got \(1,\), \(4,\)"),
    ],
)
def test_mistakes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        ranks(**{"query": np.zeros((2, 3)), "gallery": np.zeros((4, 3)), "target": np.array([0, 1])} | change)
    with pytest.raises(ValueError, match=r"`start` must have shape \(2, 3\) to fit `predicted`, got \(3, 3\)"):
        retrieval(np.zeros((2, 3)), np.zeros((3, 3)), np.zeros((4, 3)), np.array([0, 1]))

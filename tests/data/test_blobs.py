"""Blobs against a loop twin, the statistics of the article's law, and shifts pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from softaxes.data.blobs import KINDS, PITCH, TIME, blob_images, blob_triplets, blob_views, shift_grid


def loop_image(rng: np.random.Generator, size: int = 16) -> np.ndarray:
    """The article's law, one rectangle at a time; shares nothing with the subject."""
    image = np.zeros((size, size))
    for _ in range(3):
        r, c = rng.integers(0, size - 3, 2)
        h, w = rng.integers(1, 4, 2)
        image[r : r + h, c : c + w] = 1
    if rng.random() < 0.5:
        image = image[::-1]
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return image


def loop_shift(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Every pixel goes to its new place, if that is on the canvas."""
    moved = np.zeros_like(image)
    for r in range(image.shape[0]):
        for c in range(image.shape[1]):
            if 0 <= r + rows < image.shape[0] and 0 <= c + columns < image.shape[1]:
                moved[r + rows, c + columns] = image[r, c]
    return moved


@pytest.mark.parametrize(("size", "margin"), [(16, 0), (16, 4), (13, 1), (50, 6)])
def test_views_are_the_anchor_shifted_pixel_by_pixel(size: int, margin: int) -> None:
    drawn = blob_triplets(100, seed=1, size=size, margin=margin)
    for anchor, views, kind, amount, clipped in zip(*(part.numpy() for part in drawn), strict=True):
        for v in range(2):
            s = int(amount[v])
            expected = loop_shift(anchor[0], *((s, 0) if kind[v] == PITCH else (0, s)))
            assert np.array_equal(views[v, 0], expected)
            assert clipped[v] == (expected.sum() < anchor.sum())
        assert not np.array_equal(views[0], views[1])


def test_images_have_the_statistics_of_the_loop() -> None:
    rng = np.random.default_rng(0)
    twin = np.stack([loop_image(rng) for _ in range(6000)])
    ours = blob_images(20_000, seed=2)[:, 0].numpy()
    assert set(np.unique(ours)) == {0.0, 1.0}
    noise = np.sqrt(twin.var(0) / len(twin) + ours.var(0) / len(ours))
    assert (np.abs(ours.mean(0) - twin.mean(0)) / np.maximum(noise, 1e-3) < 4.5).all()
    area = [x.reshape(len(x), -1).sum(1) for x in (twin, ours)]
    counts = [np.bincount(a.astype(int), minlength=28) / len(a) for a in area]
    assert np.abs(counts[0] - counts[1]).max() < 0.015
    extent = [np.ptp(np.stack([np.where(x.any(1))[0][[0, -1]] for x in y[:4000]]), axis=1).mean() for y in (twin, ours)]
    assert extent[0] == pytest.approx(extent[1], abs=0.2)


def test_corners_reach_the_last_place_of_the_law_and_no_further() -> None:
    occupied = blob_images(20_000, seed=3)[:, 0].any(0)
    assert occupied.all()  # rows 0..14, or 1..15 when flipped
    both = blob_images(20_000, seed=4)[:, 0].any(-1)
    assert not (both[:, 0] & both[:, 15]).any()  # one image never touches both edges


def test_labels_have_the_distribution_of_the_law() -> None:
    drawn = blob_triplets(40_000, seed=5)
    kinds, amounts = drawn.kind.numpy(), drawn.amount.numpy()
    share = {pair: np.mean((kinds == pair).all(1)) for pair in ((PITCH, PITCH), (TIME, TIME), (PITCH, TIME))}
    assert share[PITCH, TIME] == pytest.approx(4 / 11, abs=0.01)  # 1 of 8 same-kind pairs is equal and drawn again
    assert share[PITCH, PITCH] == pytest.approx(3.5 / 11, abs=0.01)
    assert share[TIME, TIME] == pytest.approx(3.5 / 11, abs=0.01)
    values, counts = np.unique(amounts, return_counts=True)
    assert values.tolist() == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert np.abs(counts / amounts.size - 1 / 8).max() < 0.01
    assert drawn.clipped.any(1).float().mean() == pytest.approx(0.5, abs=0.02)
    assert [kind.name for kind in KINDS] == ["pitch", "time"]


def test_a_margin_keeps_every_pixel() -> None:
    drawn = blob_triplets(500, seed=6, margin=4)
    assert drawn.anchor.shape == (500, 1, 24, 24)
    assert not drawn.clipped.any()
    area = drawn.anchor.flatten(1).sum(1)
    assert torch.equal(drawn.views.flatten(2).sum(2), area[:, None].expand(-1, 2))
    assert blob_triplets(500, seed=6, margin=2).clipped.any()


def test_a_seed_decides_and_a_generator_moves_on() -> None:
    first, again = blob_triplets(50, seed=7), blob_triplets(50, seed=7)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    generator = torch.Generator().manual_seed(7)
    assert torch.equal(blob_triplets(50, seed=generator).views, first.views)
    assert not torch.equal(blob_triplets(50, seed=generator).views, first.views)


def test_views_of_declared_kinds() -> None:
    drawn = blob_views(300, kinds=(PITCH, TIME, TIME), seed=8)
    assert drawn.views.shape == (300, 3, 1, 16, 16)
    assert (drawn.kind == torch.tensor([PITCH, TIME, TIME])).all()
    for n in range(40):
        for v in range(3):
            s = int(drawn.amount[n, v])
            moved = loop_shift(drawn.anchor[n, 0].numpy(), *((s, 0) if drawn.kind[n, v] == PITCH else (0, s)))
            assert np.array_equal(drawn.views[n, v, 0].numpy(), moved)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), largest=st.integers(0, 5), rows=st.integers(1, 7), columns=st.integers(1, 7))
def test_shift_grid_holds_every_offset(seed: int, largest: int, rows: int, columns: int) -> None:
    image = np.random.default_rng(seed).integers(0, 2, (2, 1, rows, columns)).astype(np.float32)
    grid = shift_grid(torch.from_numpy(image), largest)
    assert grid.shape == (2, 2 * largest + 1, 2 * largest + 1, 1, rows, columns)
    for i in range(2 * largest + 1):
        for j in range(2 * largest + 1):
            expected = loop_shift(image[1, 0], i - largest, j - largest)
            assert np.array_equal(grid[1, i, j, 0].numpy(), expected)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 2**31), margin=st.integers(0, 5), largest=st.integers(1, 6))
def test_any_setting_gives_whole_batches(n: int, seed: int, margin: int, largest: int) -> None:
    drawn = blob_triplets(n, seed=seed, margin=margin, max_shift=largest)
    side = 16 + 2 * margin
    assert drawn.anchor.shape == (n, 1, side, side) and drawn.views.shape == (n, 2, 1, side, side)
    assert drawn.kind.shape == drawn.amount.shape == drawn.clipped.shape == (n, 2)
    assert set(drawn.amount.abs().unique().tolist()) <= set(range(1, largest + 1))
    assert (drawn.anchor.flatten(1).sum(1) >= 1).all()
    if margin >= largest:
        assert not drawn.clipped.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: blob_triplets(0, seed=0), "`n` must be >= 1, got 0"),
        (lambda: blob_triplets(1, seed=0, size=3), "`size` must be >= 4 pixels, got 3"),
        (lambda: blob_images(1, seed=0, margin=-1), "`margin` must be >= 0 pixels, got -1"),
        (lambda: blob_images(1, seed=0, size=40, margin=12), r"`size` \+ 2 `margin` must be <= 62 pixels, got 64"),
        (lambda: blob_triplets(1, seed=0, max_shift=0), "`max_shift` must be >= 1 pixel, got 0"),
        (
            lambda: blob_views(1, kinds=(), seed=0),
            r"`kinds` must hold 0 \(pitch\) or 1 \(time\), at least one, got \[\]",
        ),
        (lambda: blob_views(1, kinds=(2,), seed=0), r"`kinds` must hold .* got \[2\]"),
        (lambda: shift_grid(torch.zeros(1, 4, 4), -1), "`max_shift` must be >= 0 pixels, got -1"),
    ],
)
def test_mistakes_are_told(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]

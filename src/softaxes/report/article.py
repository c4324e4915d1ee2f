"""Does what the article published hold here, measured with the article's own protocol?

The article is S. H. Hawley, "Can a simple encoder learn soft-separable pitch vs time directions in latent space?"
(2026). Its notebook does not judge the triplets it trains on. It draws n = 500 images, each shifted along rows and
along columns by +s, +t and -s (s != t, both 1..4), and takes

    same      cos(d_+s, d_+t) of each kind
    opposite  cos(d_+s, d_-s) of each kind
    cross     |cos| of pitch +s with time +s, and of -s with -s
    angle     between the mean of all d_+s and the mean of all d_-s
    PCA       of all d_+s and d_-s
    SVD       of grids of shifts -4..4 in both directions; the mean is NOT subtracted, so that the first value holds the
              image's mean latent, and an untrained encoder scores high as well

This file repeats that, at any n, so that like is compared with like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from softaxes.data.blobs import KINDS, MAX_SHIFT, PITCH, TIME, blob_images
from softaxes.diagnostics import Figure, Report, spectrum
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.cosines import angle_of_halves, chance_same_anchor, cosines, signed_differences
from softaxes.diagnostics.labelled import Array, Labelled, label
from softaxes.geometry.shifts import Shift, labelled_views

Encode = Callable[[Tensor], Tensor]
SHIFTS = {"pitch": Shift(dim=-2), "time": Shift(dim=-1)}
NOTEBOOK_N, NOTEBOOK_GRIDS = 500, 50
PUBLISHED: dict[str, float] = {
    "cross_cos": 0.116,
    "same_cos": 0.954,
    "opposite_cos": -0.884,
    "opening_angle.pitch": 162.8,
    "opening_angle.time": 163.2,
    "difference_pca2": 0.278 + 0.264,
}
PUBLISHED_WORDS = {
    "cross_cos": "0.116 [a cell prints 0.126]",
    "difference_pca2": "0.278 + 0.264",
    "grid_first.pitch": "0.60 to 0.80",
    "grid_first.time": "0.60 to 0.80",
}
# views of an image: pitch +s, +t, -s, then time +s, +t, -s; pairs as the notebook takes them
_PAIRS = ((0, 1), (3, 4), (0, 2), (3, 5), (0, 3), (2, 5))
_SIGNED = (0, 2, 3, 5)


@dataclass(frozen=True)
class NotebookLatents:
    """Latents of n images (n, D), of their six views (n, 6, D) and the amounts (n, 6)."""

    anchor: Array
    views: Array
    amount: Array

    def rows(self, chosen: slice) -> NotebookLatents:
        return NotebookLatents(self.anchor[chosen], self.views[chosen], self.amount[chosen])


def notebook_latents(encode: Encode, n: int, *, seed: int, size: int = 16, margin: int = 0) -> NotebookLatents:
    """Draw and encode what the notebook judges; both kinds of an image share s and t."""
    generator = torch.Generator().manual_seed(seed)
    images = blob_images(n, seed=generator, size=size, margin=margin)
    s = torch.randint(1, MAX_SHIFT + 1, (n,), generator=generator)
    t = torch.randint(1, MAX_SHIFT, (n,), generator=generator)
    t = t + (t >= s).long()  # uniform over the amounts other than s
    amount = torch.stack([s, t, -s] * 2, dim=1)
    kind = torch.tensor([PITCH] * 3 + [TIME] * 3).expand(n, -1)
    views = labelled_views(images, kind, amount, kinds=KINDS, shifts=SHIFTS)
    latents = encode(torch.cat([views.anchor[:, None], views.views], dim=1).flatten(0, 1)).reshape(n, 7, -1)
    return NotebookLatents(latents[:, 0].numpy(), latents[:, 1:].numpy(), amount.numpy())


def notebook_figures(latents: NotebookLatents, grid: Array | None = None, *, draws: int = 1000) -> Report:
    """The notebook's figures with intervals over images; with a grid (m, P, T, D) of latents also its SVD figure."""
    dims, n = latents.anchor.shape[1], len(latents.anchor)
    pairs, item = _pair_rows(latents)
    bootstrap = Bootstrap(n, n=draws)
    found = cosines(pairs)
    figures = []
    for key, relation in (("cross_cos", "cross"), ("same_cos", "same"), ("opposite_cos", "opposite")):
        chosen = found.relation(relation)
        values, of = found.error(relation)[chosen], item[found.item[chosen]]
        low, high = bootstrap.interval(values, of) if len(values) else (math.nan, math.nan)
        value = float(values.mean()) if len(values) else math.nan
        figures.append(Figure(key, value, low, high, len(values), chance_same_anchor(dims)))
    signed = _labelled(latents, list(_SIGNED))
    for index, kind in enumerate(KINDS):
        rows, of = signed_differences(signed, index)
        value = float(angle_of_halves(rows.mean(axis=0, keepdims=True))[0])
        interval = bootstrap.interval(rows, of, angle_of_halves)
        figures.append(Figure("opening_angle", value, *interval, len(rows), 60.0, kind.name))
    differences = signed.difference.reshape(-1, dims)
    share = float(spectrum.pca_ratios(differences, min(2, dims)).sum())
    figures.append(Figure("difference_pca2", share, math.nan, math.nan, len(differences), min(1.0, 2 / dims)))
    return Report(figures + (uncentred_first(grid) if grid is not None else []))


def uncentred_first(grid: Array) -> list[Figure]:
    """First singular value as a share of their sum, mean over images, the grid's mean left in: the notebook's SVD.

    Chance is unknown in closed form (it depends on the mean latent): look at an untrained encoder.
    """
    figures = []
    for kind, z in (("pitch", grid), ("time", grid.swapaxes(1, 2))):
        values = np.linalg.svd(z.reshape(len(z), z.shape[1], -1), compute_uv=False)
        total = values.sum(axis=1)
        share = values[total > 0, 0] / total[total > 0]
        low, high = Bootstrap(len(share)).interval(share) if len(share) else (math.nan, math.nan)
        value = float(share.mean()) if len(share) else math.nan
        figures.append(Figure("grid_first", value, low, high, len(share), math.nan, kind))
    return figures


def small_draws(latents: NotebookLatents, n: int = NOTEBOOK_N) -> dict[str, list[float]]:
    """Each figure in every block of ``n`` images: how far the notebook's protocol moves with one encoder."""
    blocks = [latents.rows(slice(at, at + n)) for at in range(0, len(latents.anchor) - n + 1, n)]
    reports = [notebook_figures(block, draws=1) for block in blocks]
    return {key: [report[key].value for report in reports] for key in reports[0]} if reports else {}


def _pair_rows(latents: NotebookLatents) -> tuple[Labelled, Array]:
    """The notebook's pairs, one a row with two views, and the image of each row."""
    first, second = (list(side) for side in zip(*_PAIRS, strict=True))
    n, pairs = len(latents.anchor), len(_PAIRS)
    views = np.stack([latents.views[:, first], latents.views[:, second]], axis=2).reshape(n * pairs, 2, -1)
    amount = np.stack([latents.amount[:, first], latents.amount[:, second]], axis=2).reshape(n * pairs, 2)
    kind = np.tile(np.array(_PAIRS) // 3, (n, 1))
    anchor = np.repeat(latents.anchor, pairs, axis=0)
    return label(anchor, views, kind, amount, kinds=KINDS), np.repeat(np.arange(n), pairs)


def _labelled(latents: NotebookLatents, views: list[int]) -> Labelled:
    kind = np.tile(np.array(views) // 3, (len(latents.anchor), 1))
    return label(latents.anchor, latents.views[:, views], kind, latents.amount[:, views], kinds=KINDS)

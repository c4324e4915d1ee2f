"""What is measured of an encoder of blobs? Fresh images, every figure, one report.

Three sets of images, drawn from a seed that training never uses:

    triplets   n of the article's law: cosines, angles, global axis, ranks, content, operators
    shift_sweeps    n/5 images at every shift -4..4 of each kind: additivity, size law, own-shift identification
    grids      images at all 9 x 9 shifts of both kinds: spectra and maps
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from softaxes import load
from softaxes.data.blobs import KINDS, MAX_SHIFT, BlobViews, blob_images, blob_triplets, shift_grid
from softaxes.diagnostics import Figure, Report, diagnose, spectrum
from softaxes.diagnostics.bootstrap import interval
from softaxes.diagnostics.labelled import Array, Labelled, label
from softaxes.diagnostics.probes import r2_of_means, ridge_r2
from softaxes.geometry.axes import Axes
from softaxes.geometry.shifts import Views, labelled_views
from softaxes.model.model import Model
from softaxes.report import article
from softaxes.report.article import SHIFTS, Encode
from softaxes.report.controls import centroid, untrained
from softaxes.report.tables import joined
from softaxes.training.tracking import read_metrics

FROM_SHIFT_SWEEPS = ("additivity", "own_shift", "size_r2", "size_exponent", "size_ratio_cv")
GRIDS = 100
SIZE = 16  # side of the article's canvas; what a model sees beyond it is margin
UNTRAINED, CENTROID = "untrained encoder", "centroid by hand"
FRESH = 2**48  # added to a report's seed; training draws from far smaller ones
AMOUNTS = [s for s in range(-MAX_SHIFT, MAX_SHIFT + 1) if s]


@dataclass(frozen=True, eq=False)
class Blobs:
    """The images of the three sets; ``grids`` is (m, 9, 9, 1, side, side)."""

    triplets: BlobViews
    shift_sweeps: Views
    grids: torch.Tensor


@dataclass(frozen=True, eq=False)
class BlobLatents:
    """Their latents; ``grids`` is (m, 9, 9, D)."""

    triplets: Labelled
    shift_sweeps: Labelled
    grids: Array


def draw_blobs(n: int, *, seed: int, size: int = 16, margin: int = 0, grids: int = GRIDS) -> Blobs:
    """The three sets; sets of one seed are independent of each other."""
    generator = torch.Generator().manual_seed(seed)
    triplets = blob_triplets(n, seed=generator, size=size, margin=margin)
    images = blob_images(max(n // 5, 2), seed=generator, size=size, margin=margin)
    amount = torch.tensor(AMOUNTS * 2).expand(len(images), -1)
    kind = torch.arange(2).repeat_interleave(len(AMOUNTS)).expand(len(images), -1)
    shift_sweeps = labelled_views(images, kind, amount, kinds=KINDS, shifts=SHIFTS)
    return Blobs(triplets, shift_sweeps, shift_grid(blob_images(grids, seed=generator, size=size, margin=margin)))


def encode_blobs(encode: Encode, blobs: Blobs) -> BlobLatents:
    """Latents of all images."""
    grids = blobs.grids
    flat = encode(grids.flatten(0, 2))
    return BlobLatents(
        _labelled(encode, blobs.triplets),
        _labelled(encode, blobs.shift_sweeps),
        flat.reshape(*grids.shape[:3], -1).numpy(),
    )


def _labelled(encode: Encode, drawn: BlobViews | Views) -> Labelled:
    z = encode(drawn.anchor)
    views = encode(drawn.views.flatten(0, 1)).reshape(*drawn.kind.shape, -1)
    return label(z, views, drawn.kind, drawn.amount, clipped=drawn.clipped, kinds=KINDS)


@dataclass(frozen=True)
class Decoded:
    """Pixels that a model's own decoder gives back: R^2 with its interval; and ``examples``, lines of images (8, side,
    side) by name, of one shift each (``kind`` index, ``amount``)."""

    r2: float
    low: float
    high: float
    n: int
    examples: Mapping[str, Array]
    kind: Array
    amount: Array


def decode_blobs(model: Model, latents: BlobLatents, blobs: Blobs, *, examples: int = 8) -> Decoded | None:
    """How well the decoder gives images back, and what it makes of steered latents; None without a decoder."""
    if model.decoder is None:
        return None
    images, z = blobs.triplets.anchor.flatten(1), torch.from_numpy(latents.triplets.anchor).float()
    decoded = model.decode(z).flatten(1)
    squares = [(images - guess).square().sum(1).numpy() for guess in (decoded, images.mean(0))]
    values = np.stack(squares, axis=1)
    low, high = interval(values, statistic=r2_of_means)
    few = slice(0, examples)
    kind, amount = blobs.triplets.kind[few, 0].numpy(), blobs.triplets.amount[few, 0].numpy()
    steered = [
        model.steer(z[i : i + 1], **{KINDS[k].name: float(s)})
        for i, (k, s) in enumerate(zip(kind, amount, strict=True))
    ]
    lines = {
        "image": images[few], "decoded": decoded[few], "true shift": blobs.triplets.views[few, 0].flatten(1),
        "steered, decoded": model.decode(torch.cat(steered)).flatten(1),
    }  # fmt: skip
    shape = (-1, *blobs.triplets.anchor.shape[2:])
    shown = {name: rows.reshape(shape).numpy() for name, rows in lines.items()}
    return Decoded(float(r2_of_means(values.mean(axis=0, keepdims=True))[0]), low, high, len(z), shown, kind, amount)


def toy_suite(latents: BlobLatents, images: torch.Tensor, axes: Axes | None = None, *, draws: int = 1000) -> Report:
    """Every figure of an encoder of blobs.

    Args:
        images: (n, 1, side, side) anchors of the triplets, which the decoder figure reads back.
        axes: fitted on training data; by default each half of the images is judged by axes of the other half.
        draws: of the bootstrap.
    """
    parts = [_diagnose(batch, axes, draws) for batch in (latents.triplets, latents.shift_sweeps)]
    names = [dict.fromkeys(figure.name for figure in part.values()) for part in parts]
    extra = Report([pixel_probe(latents.triplets.anchor, images), *_grid_first(latents.grids)])
    return joined(
        (parts[0], [name for name in names[0] if name not in FROM_SHIFT_SWEEPS]),
        (parts[1], FROM_SHIFT_SWEEPS),
        (extra, ()),
    )


def _diagnose(batch: Labelled, axes: Axes | None, draws: int) -> Report:
    return diagnose(
        anchor=batch.anchor, views=batch.views, kind=batch.kind, amount=batch.amount, clipped=batch.clipped,
        kinds=batch.kinds, axes=axes, draws=draws,
    )  # fmt: skip


def pixel_probe(anchor: Array, images: torch.Tensor) -> Figure:
    """Held-out R^2 of all pixels from the latent, linear; NaN if no pixel varies."""
    pixels = images.flatten(1).numpy()
    if len(pixels) < 2 or not np.ptp(pixels, axis=0).any():
        return Figure("ridge_r2", math.nan, math.nan, math.nan, len(pixels), 0.0)
    probe = ridge_r2(anchor, pixels)
    low, high = interval(probe.values, statistic=r2_of_means)
    return Figure("ridge_r2", probe.score, low, high, len(pixels), 0.0)


def _grid_first(grids: Array) -> list[Figure]:
    """First singular value of the centred grids, by kind; chance is that of a grid of independent latents."""
    found, figures = spectrum.grid_spectra(grids), []
    flat = 1 / min(grids.shape[1], grids.shape[2] * grids.shape[3])
    for kind, shares in (("pitch", found.pitch), ("time", found.time)):
        first = shares[~np.isnan(shares[:, 0]), 0]
        if len(first):
            low, high = interval(first)
            figures.append(Figure("grid_first", float(first.mean()), low, high, len(first), flat, kind))
        else:
            figures.append(Figure("grid_first", math.nan, math.nan, math.nan, 0, flat, kind))
    return figures


@dataclass(frozen=True, eq=False)
class ToyFindings:
    """What is known of a run: its figures on fresh images (``suite``), by the article's protocol (``notebook``) and in
    its small draws (``noise``: values by key), those of the controls by name, and the logged training ``history``.
    """

    model: Model
    blobs: Blobs
    latents: BlobLatents
    suite: Report
    notebook: Report
    noise: Mapping[str, list[float]]
    controls: Mapping[str, Report]
    control_latents: Mapping[str, BlobLatents]
    history: list[dict[str, Any]]
    decoded: Decoded | None


def toy_findings(run: Path, *, n: int = 5000, seed: int = 0, controls: bool = True) -> ToyFindings:
    """Load a run, draw, encode and measure; arguments and errors as for `softaxes.report.toy.toy_report`."""
    if n < 20:
        raise ValueError(f"`n` must be >= 20 triplets, got {n}")
    model = load(run)
    margin = blob_margin(model, run)
    blobs = draw_blobs(n, seed=FRESH + seed, size=SIZE, margin=margin, grids=min(GRIDS, n))
    latents = encode_blobs(model.encode, blobs)
    drawn = article.notebook_latents(model.encode, n, seed=2 * FRESH + seed, size=SIZE, margin=margin)
    others: dict[str, Encode] = {}
    if controls:
        others = {UNTRAINED: untrained(model).encode, CENTROID: centroid}
    other_latents = {name: encode_blobs(encode, blobs) for name, encode in others.items()}
    images = blobs.triplets.anchor
    return ToyFindings(
        model=model,
        blobs=blobs,
        latents=latents,
        suite=toy_suite(latents, images, model.axes),
        notebook=article.notebook_figures(drawn, latents.grids[: article.NOTEBOOK_GRIDS]),
        noise=article.small_draws(drawn),
        controls={name: toy_suite(z, images) for name, z in other_latents.items()},
        control_latents=other_latents,
        history=read_metrics(run),
        decoded=decode_blobs(model, latents, blobs),
    )


def blob_margin(model: Model, run: Path) -> int:
    """Pixels around the article's canvas that the model sees; ValueError if it is no model of blobs."""
    shape = model.input_shape
    margin, odd = divmod(shape[-1] - SIZE, 2)
    known = {kind.name for kind in KINDS} <= set(model.axes)
    if len(shape) != 3 or shape[0] != 1 or shape[1] != shape[2] or odd or margin < 0 or not known:
        raise ValueError(f"{run} is no run on blobs: its inputs are {shape}, its kinds {', '.join(model.axes)}")
    return margin

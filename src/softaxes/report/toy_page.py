"""How is a run on blobs told? The page, from findings: tables and pictures in the order in which one asks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from softaxes.data.blobs import KINDS, MAX_SHIFT
from softaxes.diagnostics import Figure, spectrum
from softaxes.diagnostics.cosines import cosines
from softaxes.diagnostics.labelled import Array
from softaxes.report import article
from softaxes.report.page import READING, Block, Page, Picture, Section, Table, Widget, kind_colour
from softaxes.report.pictures import curves, directions, galleries, maps, operations, spectra
from softaxes.report.tables import comparison_table, figure_table, number, with_interval, words
from softaxes.report.toy_suite import UNTRAINED, Blobs, Decoded, ToyFindings

MAP_GRIDS = 24  # images whose shift grids the maps show
BY_PART = ("cross_cos", "same_cos", "opposite_cos", "axis_agreement.pitch", "axis_agreement.time", "additivity.pitch",
           "additivity.time")  # fmt: skip
COMPARED = (
    *(key + part for key in BY_PART for part in ("", ".unclipped")),
    "opening_angle.pitch", "opening_angle.time", "effective_rank", "content_rank", "content_recall", "ridge_r2",
    "grid_first.pitch", "grid_first.time", "own_shift.pitch", "own_shift.time", "hit_at_1.pitch", "hit_at_1.time",
)  # fmt: skip


def toy_page(found: ToyFindings, *, umap: bool = False) -> Page:
    """The page of a run on blobs; ``umap`` adds maps that take a minute."""
    protocol = (
        f"The article's protocol: images shifted by +s, +t and −s along rows and columns, {article.NOTEBOOK_N} "
        f"there and {len(found.blobs.triplets.anchor):,} here, and singular values of grids whose mean is left in. "
        "Intervals are over images. Every number is in metrics.json too."
    )
    opening: list[Block] = [opening_table(found.suite, found.notebook, found.controls), protocol]
    return Page(
        "Soft factorization of random blobs", toy_summary(found), opening, toy_sections(found, umap=umap), "toy"
    )


def toy_sections(found: ToyFindings, *, umap: bool = False) -> list[Section]:
    """All sections of the page."""
    every = figure_table(found.suite, caption="All figures of this run", folded=True)
    return [
        Section("What the encoder sees", _gallery_blocks(found.blobs)),
        Section("How it learned", [Picture(curves.training_curve(found.history), curves.TRAINING)]),
        Section("Differences of one image", _direction_blocks(found)),
        Section("One axis for all images", _axis_blocks(found)),
        Section("Grids of shifts", _grid_blocks(found, umap=umap)),
        Section("What is left of the image", _content_blocks(found)),
        Section("Controls", _control_blocks(found)),
        Section("How far the protocol moves", _noise_blocks(found)),
        Section("Every figure", [every, *_settings(found)]),
    ]


def _settings(found: ToyFindings) -> list[Block]:
    config = found.model.card.get("config", {})
    rows = [(str(name), str(value)) for name, value in config.items()]
    return [Table(("setting", "value"), rows, "Settings of the training", folded=True)] if rows else []


def toy_summary(found: ToyFindings) -> str:
    """What the run shows, in two sentences."""
    suite, n = found.suite, len(found.blobs.triplets.anchor)
    names = ("cross_cos", "same_cos", "opposite_cos")
    everything = ", ".join(number(suite[name].value) for name in names)
    unclipped = ", ".join(number(suite[f"{name}.unclipped"].value) for name in names if f"{name}.unclipped" in suite)
    apart = f"; pairs that lost no pixels: {unclipped}" if unclipped else ""
    agreement = float(np.mean([suite[f"axis_agreement.{kind.name}"].value for kind in KINDS]))
    recall = suite["content_recall"].value
    who, r2 = ("its decoder", found.decoded.r2) if found.decoded else ("a linear decoder", suite["ridge_r2"].value)
    return (
        f"Of {n:,} fresh triplets, differences of two kinds, of one kind and sign, and of opposite signs have cosines "
        f"{everything} (expected: 0, 1, −1{apart}), and differences of all images lie at cos {number(agreement)} to "
        f"one axis a kind. "
        f"With the axes removed, {100 * recall:.0f} % of shifted images find their own among {n:,}, and "
        f"{who} recovers {100 * max(r2, 0.0):.0f} % of the variance of the pixels."
    )


def opening_table(
    suite: Mapping[str, Figure], notebook: Mapping[str, Figure], controls: Mapping[str, Mapping[str, Figure]]
) -> Table:
    """Published by the article, here, chance."""
    header = ("figure", "published by the article", "here", "here, by the article's protocol", "chance",
              UNTRAINED, "n", READING)  # fmt: skip
    rows, kinds = [], []
    plain = controls.get(UNTRAINED)
    for key in (*article.PUBLISHED, "grid_first.pitch", "grid_first.time"):
        figure, same = suite[key], notebook.get(key)
        published = article.PUBLISHED_WORDS.get(key, number(article.PUBLISHED.get(key, math.nan)))
        without = number(plain[key].value) if plain else "–"
        values = [published, with_interval(figure), with_interval(same), number(figure.chance), without]
        rows.append([words(figure), *values, f"{figure.n:,}", figure.about.reading])
        kinds.append(figure.kind)
    return Table(header, rows, kinds=kinds)


def _gallery_blocks(blobs: Blobs) -> list[Block]:
    amounts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    grid, drawn, few = blobs.grids[0, :, :, 0].numpy(), blobs.triplets, slice(0, 12)
    images = np.stack([grid[:, MAX_SHIFT], grid[MAX_SHIFT]])
    names = [kind.name for kind in KINDS]
    labels = (part[few].numpy() for part in (drawn.kind, drawn.amount, drawn.clipped))
    triplets = galleries.triplet_gallery(
        drawn.anchor[few, 0].numpy(), drawn.views[few, :, 0].numpy(), *labels, kinds=names
    )
    share = 100 * float(drawn.clipped.any(1).float().mean())
    shifts = galleries.shift_gallery(images, amounts, names, ["rows", "columns"])
    return [
        Picture(shifts, "One image under every shift. Zeros enter at the edge; what leaves is lost."),
        Picture(
            triplets,
            "Triplets as the loss sees them: an anchor and two views, each in the colour of its kind. Of all triplets, "
            f"{share:.0f} % lose pixels at an edge (clipped).",
        ),
    ]


def _direction_blocks(found: ToyFindings) -> list[Block]:
    batch = found.latents.triplets
    item, view = np.nonzero(batch.shifted)
    labels = batch.kind[item, view], batch.amount[item, view]
    plane = directions.difference_plane(batch.difference[item, view], *labels, kinds=[kind.name for kind in KINDS])
    histograms = directions.cosine_histograms(cosines(batch), dims=batch.anchor.shape[1])
    names = ("cross_cos", "same_cos", "opposite_cos", "opening_angle", "difference_pca2", "dead")
    return [
        Picture(
            histograms,
            "Cosines between the two differences of a triplet. Trained well, neutral bars stand at 0, plain ones at "
            "+1, hatched ones at −1. Independent latents stand near +0.5 in all of them: both differences start at one "
            "anchor.",
        ),
        Picture(
            plane,
            "All differences on their first two principal components. Two straight arms that cross at a right angle: "
            "two axes.",
        ),
        Picture(
            directions.asymmetry(*directions.mean_halves(batch)),
            "Mean difference of positive and of negative shifts. A shift up loses pixels at the top, a shift down at "
            "the bottom, so the two mirror each other only where nothing is clipped.",
        ),
        figure_table(found.suite, names),
    ]


def _axis_blocks(found: ToyFindings) -> list[Block]:
    batch, blocks = found.latents.shift_sweeps, list[Block]()
    for index, kind in enumerate(KINDS):
        item, view = np.nonzero(batch.kind == index)
        rows = torch.from_numpy(batch.anchor[item]), torch.from_numpy(batch.views[item, view])
        before, after = (found.model.axes[kind.name].coordinate(z).numpy() for z in rows)
        amount = batch.amount[item, view]
        figure = operations.shift_sweep(before, after, amount, kind=kind.name, unit="pixels")
        blocks.append(Picture(figure, f"The {kind.name} axis, fitted on training images, judged on fresh ones."))
    names = ("axis_agreement", "between_images", "additivity", "size_r2", "size_exponent", "coordinate_skill",
             "relative_error", "own_shift", "shift_r2", "subspace_overlap")  # fmt: skip
    return [*blocks, figure_table(found.suite, names)]


def _grid_blocks(found: ToyFindings, *, umap: bool) -> list[Block]:
    control = found.control_latents.get(UNTRAINED)
    curve = spectra.grid_spectra_curves(_shares(found.latents.grids), _shares(control.grids) if control else None)
    grids = found.latents.grids[:MAP_GRIDS]
    offsets = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
    pitch, time = (np.broadcast_to(shift, grids.shape[:3]).ravel() for shift in (offsets[:, None], offsets[None]))
    points = grids.reshape(-1, grids.shape[-1])
    return [
        Picture(
            curve,
            "Singular values of 9 × 9 shift grids, each image's mean subtracted. One large value: along that shift the "
            "whole grid moves in step. The article leaves the mean in, which lifts the first value of any encoder.",
        ),
        Picture(
            maps.kernel_pca_panels(points, pitch, time),
            f"Kernel PCA (RBF) of {len(points):,} latents: {len(grids)} images on their shift grids.",
        ),
        *_umap_blocks(points, pitch, time, asked=umap),
        figure_table(found.suite, ("grid_first",)),
    ]


def _shares(grids: Array) -> dict[str, Array]:
    both = spectrum.grid_spectra(grids)
    return {"pitch": both.pitch, "time": both.time}


def _umap_blocks(points: Array, pitch: Array, time: Array, *, asked: bool) -> list[Block]:
    if not asked:
        return ["UMAP maps are drawn on demand: softaxes toy report RUN --umap."]
    if not maps.has_umap():
        return [maps.NO_UMAP]
    flat, deep = (maps.umap_embedding(points, dims) for dims in (2, 3))
    turn = "UMAP in three dimensions: drag to turn it, the buttons change the colour."
    return [
        Picture(maps.umap_panels(flat, pitch, time), "UMAP in two dimensions: it keeps neighbours and bends axes."),
        Widget(maps.umap_3d_html(deep, pitch, time), turn),
    ]


def _content_blocks(found: ToyFindings) -> list[Block]:
    latents = found.latents.triplets.anchor
    content = found.model.axes.remove(torch.from_numpy(latents)).numpy()
    lines = {"latents": latents, "with the axes removed": content}
    shares = {label: spectrum.shares_of_spectrum(spectrum.variances_of(rows)[None])[0] for label, rows in lines.items()}
    names = ("effective_rank", "content_rank", "content_recall", "ridge_r2")
    caption = "Variance in each principal direction of the latents. A line that falls at once: little besides the axes."
    table = figure_table(found.suite, names)
    return [Picture(spectra.variance_spectrum(shares), caption), table, *_decoded_blocks(found.decoded)]


def _decoded_blocks(decoded: Decoded | None) -> list[Block]:
    if decoded is None:
        return ["This run has no decoder of its own."]
    names = [KINDS[index].name for index in decoded.kind]
    titles = [f"{name} {amount:+d}" for name, amount in zip(names, decoded.amount, strict=True)]
    gallery = galleries.decoded_gallery(decoded.examples, titles, [kind_colour(name) for name in names])
    r2 = f"{number(decoded.r2)} [{number(decoded.low)}, {number(decoded.high)}]"
    text = f"The run's own decoder gives fresh images back with R² {r2} (n = {decoded.n:,}, chance 0, exact 1)."
    return [Picture(gallery, "Images, not chosen: decoded, shifted in truth, and shifted in the latent."), text]


def _control_blocks(found: ToyFindings) -> list[Block]:
    if not found.controls:
        return ["Controls were not asked for."]
    return [
        "The same network without training, and an encoder made by hand that knows the centroid of the pixels and "
        "nothing else: where that one falls short of 0, 1, −1, the edge does it, not a network.",
        comparison_table({"this run": found.suite, **found.controls}, COMPARED),
    ]


def _noise_blocks(found: ToyFindings) -> list[Block]:
    if not found.noise:
        return [f"Fewer than {article.NOTEBOOK_N} images were drawn: not one draw of the article's size."]
    labels = {key: words(found.notebook[key]) for key in found.noise}
    rows, kinds = [], []
    for key, values in found.noise.items():
        figure = found.notebook[key]
        published = number(article.PUBLISHED.get(key, math.nan))
        rows.append([labels[key], published, number(min(values)), number(max(values)), with_interval(figure)])
        kinds.append(figure.kind)
    draws = len(next(iter(found.noise.values())))
    header = ("figure", "published", f"lowest of {draws} draws", f"highest of {draws} draws", "all images")
    strips = curves.noise_strips(found.noise, found.notebook, article.PUBLISHED, labels)
    return [
        f"The article judged {article.NOTEBOOK_N} images. Here are {draws} such draws, of one and the same encoder.",
        Picture(strips, "Dots: draws of the article's size. Bar: all images, 95 % interval. Triangle: published."),
        Table(header, rows, kinds=kinds),
    ]

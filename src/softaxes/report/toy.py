"""``softaxes toy report RUN``: every picture and number of a run on blobs, with its controls, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from softaxes import __version__, load
from softaxes.blobs import KINDS, MAX_SHIFT
from softaxes.diagnostics import Report, spectrum
from softaxes.diagnostics.cosines import angle_of_halves, pair_cosines, signed_differences
from softaxes.diagnostics.labelled import Labelled
from softaxes.model import Model
from softaxes.report import article
from softaxes.report.controls import centroid, untrained
from softaxes.report.page import Block, Page, Picture, Section, Table, Widget, write_page
from softaxes.report.pictures import curves, directions, galleries, maps, operations, spectra
from softaxes.report.tables import comparison_table, figure_table, number, with_interval
from softaxes.report.toy_sheet import GRIDS, BlobLatents, Blobs, draw_blobs, encode_blobs, toy_sheet
from softaxes.tracking import read_metrics

SIZE = 16  # side of the article's canvas; what a model sees beyond it is margin
REPORT_SEED = 1_000_003  # far from the seeds that training draws from
MAP_GRIDS = 24
NOT_TERMS = ("step", "learning_rate", "seconds")


@dataclass(frozen=True, eq=False)
class ToyFindings:
    """All that the page is made of. ``controls`` holds reports by name, ``noise`` values by key in each small draw."""

    model: Model
    blobs: Blobs
    latents: BlobLatents
    sheet: Report
    notebook: Report
    noise: Mapping[str, list[float]]
    controls: Mapping[str, Report]
    control_latents: Mapping[str, BlobLatents]
    history: list[dict[str, Any]]


def toy_report(
    run: Path, /, *, n: int = 5000, seed: int = REPORT_SEED, umap: bool = False, controls: bool = True
) -> Path:
    """Write RUN/report.html and RUN/metrics.json; returns the path of the page.

    Args:
        run: folder of a finished run on blobs.
        n: fresh triplets, and images for the article's own yardstick; 5000 or more give figures that hold still.
        seed: of the images that the report draws.
        umap: add UMAP maps in 2-D and 3-D (extra ``umap``; the first import takes about 40 s).
        controls: judge an untrained and a hand-made encoder as well.

    Raises:
        ValueError: no finished run on blobs there, or n too small to hold anything out.
    """
    if n < 20:
        raise ValueError(f"`n` must be >= 20 triplets, got {n}")
    found = toy_findings(Path(run), n=n, seed=seed, controls=controls)
    return write_page(Path(run), toy_page(found, umap=umap), toy_metrics(found, n=n, seed=seed))


def toy_findings(run: Path, *, n: int = 5000, seed: int = REPORT_SEED, controls: bool = True) -> ToyFindings:
    """Draw, encode and measure; no picture yet. Arguments and errors as for `toy_report`."""
    model = load(run)
    margin = _margin(model, run)
    blobs = draw_blobs(n, seed=seed, size=SIZE, margin=margin, grids=min(GRIDS, n))
    latents = encode_blobs(model.encode, blobs)
    drawn = article.notebook_latents(model.encode, n, seed=seed + 1, size=SIZE, margin=margin)
    sheet = toy_sheet(latents, blobs.triplets.anchor, model.axes)
    others = {"untrained encoder": untrained(model).encode, "centroid by hand": centroid} if controls else {}
    other_latents = {name: encode_blobs(encode, blobs) for name, encode in others.items()}
    other_sheets = {name: toy_sheet(z, blobs.triplets.anchor) for name, z in other_latents.items()}
    return ToyFindings(
        model=model,
        blobs=blobs,
        latents=latents,
        sheet=sheet,
        notebook=article.notebook_figures(drawn, latents.grids[:50]),
        noise=article.small_draws(drawn),
        controls=other_sheets,
        control_latents=other_latents,
        history=read_metrics(run),
    )


def _margin(model: Model, run: Path) -> int:
    shape = model.input_shape
    margin, odd = divmod(shape[-1] - SIZE, 2)
    known = set(model.axes) == {kind.name for kind in KINDS}
    if len(shape) != 3 or shape[0] != 1 or shape[1] != shape[2] or odd or margin < 0 or not known:
        raise ValueError(
            f"{run} is no run on blobs: it takes inputs of shape {shape} and knows {', '.join(model.axes)}"
        )
    return margin


def toy_metrics(found: ToyFindings, *, n: int, seed: int) -> dict[str, Any]:
    """Every number of the page."""
    return {
        "softaxes": __version__,
        "about": "blobs",
        "card": found.model.card,
        "settings": {"n": n, "seed": seed, "side": found.model.input_shape[-1]},
        "figures": found.sheet.to_dict(),
        "article": {
            "published": article.PUBLISHED,
            "same_yardstick": found.notebook.to_dict(),
            f"draws_of_{article.NOTEBOOK_N}": dict(found.noise),
        },
        "controls": {name: report.to_dict() for name, report in found.controls.items()},
    }


def toy_page(found: ToyFindings, *, umap: bool = False) -> Page:
    """The page of a run on blobs."""
    recipe = found.model.card.get("recipe", "a run")
    sections = [
        Section("What the encoder sees", _gallery_blocks(found.blobs)),
        Section("How it learned", _training_blocks(found.history)),
        Section("Differences of one image", _direction_blocks(found)),
        Section("One axis for all images", _axis_blocks(found)),
        Section("Grids of shifts", _grid_blocks(found, umap=umap)),
        Section("What is left of the image", _content_blocks(found)),
        Section("Controls", _control_blocks(found)),
        Section("How far the yardstick moves", _noise_blocks(found)),
        Section("Every figure", [figure_table(found.sheet, caption="All figures of this run", folded=True)]),
    ]
    return Page(f"Soft factorization of blobs: {recipe}", toy_summary(found), [opening_table(found)], sections)


def toy_summary(found: ToyFindings) -> str:
    """Two sentences: what the run shows."""
    sheet, n = found.sheet, len(found.blobs.triplets.anchor)
    figures = {name: [sheet[name + part].value for part in ("", ".unclipped") if name + part in sheet]
               for name in ("cross_cos", "same_cos", "opposite_cos")}  # fmt: skip
    all_pairs, unclipped = (
        ", ".join(number(values[i]) for values in figures.values() if i < len(values)) for i in (0, 1)
    )
    agreement = np.mean([sheet[f"axis_agreement.{kind.name}"].value for kind in KINDS])
    kept, decoded = sheet["content_recall"], sheet["ridge_r2"]
    return (
        f"On {n:,} fresh triplets, differences of two kinds, of one kind and sign, and of opposite signs have cosines of "
        f"{all_pairs} (wanted 0, 1, −1; unclipped pairs alone: {unclipped}), and lie at cos {number(agreement)} to one "
        f"axis for all images. With the axes removed, {100 * kept.value:.0f} % of shifted images find their own among "
        f"{n:,}, and a linear decoder recovers "
        f"{100 * max(decoded.value, 0):.0f} % of the variance of the pixels."
    )


def opening_table(found: ToyFindings) -> Table:
    """Published by the article, here, chance."""
    header = [
        "figure",
        "published by the article",
        "here",
        "here, by the article's yardstick",
        "chance",
        "n",
        "how to read it",
    ]
    rows, kinds = [], []
    for key in (*article.PUBLISHED, "grid_first.pitch", "grid_first.time"):
        figure, same = found.sheet[key], found.notebook.get(key)
        published = article.PUBLISHED_WORDS.get(key, number(article.PUBLISHED.get(key, float("nan"))))
        row = comparison_table({"here": found.sheet}, [key]).rows[0]
        rows.append(
            [
                row[0],
                published,
                with_interval(figure),
                with_interval(same),
                number(figure.chance),
                f"{figure.n:,}",
                row[-1],
            ]
        )
        kinds.append(figure.kind)
    return Table(header, rows, "", kinds)


def _gallery_blocks(blobs: Blobs) -> list[Block]:
    amounts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    grid, drawn = blobs.grids[0, :, :, 0].numpy(), blobs.triplets
    images = np.stack([grid[:, MAX_SHIFT], grid[MAX_SHIFT]])
    names, few = [kind.name for kind in KINDS], slice(0, 12)
    gallery = galleries.shift_gallery(images, amounts, names, ["rows", "columns"])
    triplets = galleries.triplet_gallery(
        drawn.anchor[few, 0].numpy(), drawn.views[few, :, 0].numpy(),
        *(part[few].numpy() for part in (drawn.kind, drawn.amount, drawn.clipped)), kinds=names,
    )  # fmt: skip
    share = 100 * float(drawn.clipped.any(1).float().mean())
    return [
        Picture(gallery, "One image under every shift. Zeros enter at the edge; what leaves is lost."),
        Picture(triplets, f"Triplets as the loss sees them: an anchor and two views, in the colour of their kind. "
                          f"{share:.0f} % of the triplets lose pixels at an edge (clipped)."),
    ]  # fmt: skip


def _training_blocks(history: list[dict[str, Any]]) -> list[Block]:
    steps = [row["step"] for row in history]
    names = dict.fromkeys(key for row in history for key in row if key not in NOT_TERMS)
    terms = {key: [row.get(key, float("nan")) for row in history] for key in names}
    return [
        Picture(
            curves.loss_curve(steps, terms), "Terms of the loss, both axes logarithmic; full lines are moving means."
        )
    ]


def _direction_blocks(found: ToyFindings) -> list[Block]:
    batch = found.latents.triplets
    item, view = np.nonzero(batch.shifted)
    plane = directions.difference_plane(
        batch.difference[item, view], batch.kind[item, view], batch.amount[item, view], kinds=[k.name for k in KINDS]
    )
    halves, angles = mean_halves(batch)
    names = ("cross_cos", "same_cos", "opposite_cos", "opening_angle", "difference_pca2", "dead")
    return [
        Picture(directions.cosine_histograms(pair_cosines(batch), dims=batch.anchor.shape[1]),
                "Cosines between the two differences of a triplet. Trained well, the neutral bars stand at 0, the plain "
                "ones at +1, the hatched ones at −1; independent latents stand near +0.5 in all, since both "
                "differences start at one anchor."),
        Picture(plane, "All differences on their first two principal components. Two straight, orthogonal arms that "
                       "cross in the middle: two axes."),
        Picture(directions.asymmetry(halves, angles),
                "Mean difference of positive and of negative shifts. A shift up loses pixels at the top, a shift down "
                "at the bottom, so the two are not mirror images unless nothing is clipped."),
        figure_table(found.sheet, names),
    ]  # fmt: skip


def mean_halves(batch: Labelled) -> tuple[dict[str, tuple[Any, Any]], dict[str, float]]:
    """Mean + and mean - difference of each kind, and the degrees between them."""
    halves, angles = {}, {}
    for index, kind in enumerate(batch.kinds):
        rows, _ = signed_differences(batch, index)
        mean = rows.mean(axis=0, keepdims=True) if len(rows) else np.zeros((1, 2 * batch.anchor.shape[1]))
        halves[kind.name], angles[kind.name] = tuple(np.split(mean[0], 2)), float(angle_of_halves(mean)[0])
    return halves, angles


def _axis_blocks(found: ToyFindings) -> list[Block]:
    import torch

    batch, blocks = found.latents.ladders, list[Block]()
    for index, kind in enumerate(KINDS):
        axis = found.model.axes[kind.name]
        item, view = np.nonzero(batch.kind == index)
        before = axis.coordinate(torch.from_numpy(batch.anchor[item])).numpy()
        after = axis.coordinate(torch.from_numpy(batch.views[item, view])).numpy()
        figure = operations.ladder(
            before, after, batch.amount[item, view], kind=kind.name, unit=f"pixels along {kind.name}"
        )
        blocks.append(Picture(figure, f"The {kind.name} axis, fitted on training images, judged on fresh ones."))
    names = ("axis_agreement", "between_images", "additivity", "size_r2", "size_exponent", "coordinate_skill",
             "relative_error", "own_shift", "shift_r2", "subspace_overlap")  # fmt: skip
    return [*blocks, figure_table(found.sheet, names)]


def _grid_blocks(found: ToyFindings, *, umap: bool) -> list[Block]:
    def shares(grids: Any) -> dict[str, Any]:
        both = spectrum.grid_spectra(grids)
        return {"pitch": both.pitch, "time": both.time}

    control = found.control_latents.get("untrained encoder")
    curve = spectra.grid_spectra_curves(shares(found.latents.grids), None if control is None else shares(control.grids))
    grids = found.latents.grids[:MAP_GRIDS]
    offsets = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
    pitch, time = (np.broadcast_to(a, grids.shape[:3]).ravel() for a in (offsets[:, None], offsets[None]))
    points = grids.reshape(-1, grids.shape[-1])
    return [
        Picture(curve, "Singular values of 9 × 9 shift grids, each image's mean subtracted. One large value: along "
                       "that shift the whole grid moves in step."),
        Picture(maps.kernel_pca_panels(points, pitch, time),
                f"Kernel PCA (RBF) of {len(points):,} latents: {len(grids)} images on their shift grids."),
        *_umap_blocks(points, pitch, time, asked=umap),
        figure_table(found.sheet, ("grid_first",)),
    ]  # fmt: skip


def _umap_blocks(points: Any, pitch: Any, time: Any, *, asked: bool) -> list[Block]:
    if not asked:
        return ["UMAP maps are drawn on demand: softaxes toy report RUN --umap."]
    if not maps.has_umap():
        return [maps.NO_UMAP]
    flat, deep = (maps.umap_embedding(points, dims) for dims in (2, 3))
    return [
        Picture(maps.umap_panels(flat, pitch, time), "UMAP in two dimensions: it keeps neighbours and bends axes."),
        Widget(
            maps.umap_3d_html(deep, pitch, time),
            "UMAP in three dimensions; drag to turn it, buttons change the colour.",
        ),
    ]


def _content_blocks(found: ToyFindings) -> list[Block]:
    content = found.model.axes.remove(_tensor(found.latents.triplets.anchor)).numpy()
    lines = {"latents": found.latents.triplets.anchor, "with the axes removed": content}
    shares = {label: spectrum.shares_of_spectrum(spectrum.variances_of(rows)[None])[0] for label, rows in lines.items()}
    names = ("effective_rank", "content_rank", "content_recall", "ridge_r2")
    caption = "Variance in each principal direction of the latents. A line that falls at once: little besides the axes."
    return [Picture(spectra.spectrum_bars(shares), caption), figure_table(found.sheet, names)]


def _tensor(rows: Any) -> Any:
    import torch

    return torch.from_numpy(rows)


KEYS = (
    "cross_cos", "cross_cos.unclipped", "same_cos", "same_cos.unclipped", "opposite_cos", "opposite_cos.unclipped",
    "opening_angle.pitch", "opening_angle.time", "axis_agreement.pitch", "axis_agreement.time",
    "axis_agreement.pitch.unclipped", "axis_agreement.time.unclipped", "additivity.pitch", "additivity.time", "additivity.pitch.unclipped",
    "additivity.time.unclipped", "effective_rank", "content_rank", "content_recall", "ridge_r2", "grid_first.pitch",
    "grid_first.time", "own_shift.pitch", "own_shift.time", "h1.pitch", "h1.time",
)  # fmt: skip


def _control_blocks(found: ToyFindings) -> list[Block]:
    if not found.controls:
        return ["Controls were not asked for."]
    return [
        "The same network without training, and an encoder made by hand that knows the centroid of the pixels and "
        "nothing else: where it falls short of 0, 1, −1, the edge does it, not the network.",
        comparison_table({"this run": found.sheet, **found.controls}, KEYS),
    ]


def _noise_blocks(found: ToyFindings) -> list[Block]:
    if not found.noise:
        return [f"Fewer than {article.NOTEBOOK_N} images were drawn, so there is no draw of the article's size."]
    picture = curves.noise_strips(found.noise, found.notebook, article.PUBLISHED)
    rows, kinds = [], []
    for key, values in found.noise.items():
        figure = found.notebook[key]
        published = number(article.PUBLISHED.get(key, float("nan")))
        rows.append([key.replace("_", " "), published, number(min(values)), number(max(values)), with_interval(figure)])
        kinds.append(figure.kind)
    draws = len(next(iter(found.noise.values())))
    header = [
        "figure",
        "published",
        f"lowest of {draws}",
        f"highest of {draws}",
        f"all {article.NOTEBOOK_N * draws:,} images",
    ]
    return [
        f"The article judged {article.NOTEBOOK_N} images. Here are {draws} such draws, of one and the same encoder.",
        Picture(
            picture, "Dots: draws of the article's size. Bar: all images, 95 % interval. Tick: what was published."
        ),
        Table(header, rows, "", kinds),
    ]

"""What is said of a run on blobs? Every picture and number, with its controls, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from softaxes import __version__
from softaxes.data.blobs import KINDS
from softaxes.diagnostics.cosines import cosines
from softaxes.report import article, redraw
from softaxes.report.page import write_page
from softaxes.report.toy_page import toy_page
from softaxes.report.toy_suite import Decoded, ToyFindings, toy_findings


def toy_report(run: Path, /, *, n: int = 5000, seed: int = 0, umap: bool = False, controls: bool = True) -> Path:
    """Write RUN/report.html and RUN/metrics.json; returns the page. `softaxes.commands.toy_report` says more.

    Raises:
        ValueError: no finished run on blobs there, or n too small to hold anything out.
    """
    found = toy_findings(Path(run), n=n, seed=seed, controls=controls)
    return write_page(Path(run), toy_page(found, umap=umap), toy_metrics(found, n=n, seed=seed))


def toy_metrics(found: ToyFindings, *, n: int, seed: int) -> dict[str, Any]:
    """Every number of the page."""
    return {
        "softaxes": __version__,
        "about": "blobs",
        "card": found.model.card,
        "settings": {"n": n, "seed": seed, "side": found.model.input_shape[-1]},
        "figures": found.suite.to_dict() | _decoder_figure(found.decoded),
        "article": {
            "published": article.PUBLISHED,
            "same_protocol": found.notebook.to_dict(),
            f"draws_of_{article.NOTEBOOK_N}": dict(found.noise),
        },
        "controls": {name: report.to_dict() for name, report in found.controls.items()},
        "redraw": toy_redraw(found),
    }


def toy_redraw(found: ToyFindings) -> dict[str, Any]:
    """The counts and curves behind the pictures, see `softaxes.report.redraw`."""
    triplets, shift_sweeps = found.latents.triplets, found.latents.shift_sweeps
    return {
        "cosines": redraw.cosine_bins(cosines(triplets), dims=triplets.anchor.shape[1]),
        "moves": redraw.moves(shift_sweeps, found.model.axes, {kind.name: "pixels" for kind in KINDS}),
        "success": [],
    }


def _decoder_figure(decoded: Decoded | None) -> dict[str, dict[str, Any]]:
    """The run's own decoder as a figure, which `softaxes.diagnostics` has no name for; nothing without a decoder."""
    if decoded is None:
        return {}
    reading = "R^2 of the pixels of fresh images, decoded by the run's own decoder; 1: exact, 0: the mean image"
    row = {"name": "decoder_r2", "value": decoded.r2, "low": decoded.low, "high": decoded.high, "n": decoded.n}
    return {"decoder_r2": row | {"chance": 0.0, "kind": "", "part": "all", "best": 1.0, "reading": reading}}

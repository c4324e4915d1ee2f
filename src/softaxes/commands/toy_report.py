"""``softaxes toy report RUN``: every picture and number of a run on blobs, with its controls, on one page."""

from __future__ import annotations

from pathlib import Path

from softaxes.report.toy import toy_report


def report_toy(run: Path, /, *, n: int = 5000, seed: int = 0, umap: bool = False, controls: bool = True) -> Path:
    """Write RUN/report.html and RUN/metrics.json of a run on blobs.

    Args:
        run: folder of a finished run on blobs.
        n: fresh triplets, and images for the article's own protocol; 5000 or more give figures that hold still.
        seed: of the fresh images; none of them is drawn in training, whatever the seeds.
        umap: add UMAP maps in 2-D and 3-D (extra ``umap``; the first import takes about 40 s).
        controls: judge an untrained and a hand-made encoder as well.
    """
    return toy_report(run, n=n, seed=seed, umap=umap, controls=controls)

"""One page for the main job: soft factorization of random blobs, and of real music, each beside what chance scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from softaxes import __version__
from softaxes.report import article
from softaxes.report.music import music_report
from softaxes.report.music_page import HEADLINES
from softaxes.report.music_views import PITCH
from softaxes.report.page import METRICS_FILE, REPORT_FILE, Block, Page, Section, Widget, body_of, write_page
from softaxes.report.tables import comparison_table, number, restored
from softaxes.report.toy import toy_report
from softaxes.report.toy_page import opening_table


def demo_report(toy_run: Path, music_run: Path, out: Path, more: Sequence[Section] = ()) -> Path:
    """Join the reports of a run on blobs and a run on music into OUT/report.html and OUT/metrics.json.

    Reports that are not there yet are made; those that are, are taken as they stand.

    Args:
        toy_run, music_run: folders of finished runs.
        out: folder of the joint page; neither of the runs.
        more: sections that stand above both reports.

    Raises:
        ValueError: ``out`` is one of the runs, or a run has not finished.
    """
    if Path(out).resolve() in (Path(toy_run).resolve(), Path(music_run).resolve()):
        raise ValueError(f"`out` must not be a run folder, whose own report it would overwrite, got {out}")
    toy, toy_body = _finished(Path(toy_run), toy_report)
    music, music_body = _finished(Path(music_run), music_report)
    running = {name: restored(suites["running"]) for name, suites in _with_controls(music).items()}
    opening: list[Block] = [
        opening_table(
            restored(toy["figures"]),
            restored(toy["article"]["same_protocol"]),
            {name: restored(figures) for name, figures in toy["controls"].items()},
        ),
        comparison_table(running, HEADLINES, caption="Real music, songs that were held out."),
    ]
    page = Page(
        "Soft factorization: from random blobs to real music",
        demo_summary(toy, music),
        opening,
        [*more, Section("Random blobs", [Widget(toy_body, "")]), Section("Real music", [Widget(music_body, "")])],
        "demo",
    )
    return write_page(Path(out), page, {"softaxes": __version__, "blobs": toy, "music": music})


def demo_summary(toy: Mapping[str, Any], music: Mapping[str, Any]) -> str:
    """Two sentences: what the two runs show."""
    blobs = restored(toy["figures"])
    names = ("cross_cos", "same_cos", "opposite_cos")
    here, published = (
        ", ".join(number(value) for value in values)
        for values in ([blobs[name].value for name in names], [article.PUBLISHED[name] for name in names])
    )
    return (
        f"One loss term, told the kind and signed amount of each shift and no direction, makes differences of latents "
        f"orthogonal, parallel and opposite on fresh images of random blobs: cosines {here}, where the article has "
        f"{published} and independent latents score {number(blobs['cross_cos'].chance)} in all three. "
        f"{_music_sentence(music['figures'])}"
    )


def _music_sentence(figures: Mapping[str, Any]) -> str:
    """Of pitch and metre at once where the model has both, else of pitch."""
    suites = [restored(figures[name]) for name in ("joint", "running") if name in figures]
    named = [(suite, name) for suite in suites for name in suite if name.startswith(f"hit_at_1.{PITCH}")]
    if not named:
        return "On real music nothing could be looked for."
    suite, name = named[0]
    found, control, moved = suite[name], suite[name.replace("hit_at_1", "hit_at_1_no_operator")], name.split(".")[1]
    return (
        f"On real music of songs it never saw, moving a latent by known amounts of {moved} finds the window that "
        f"was moved by them among {found.n:,} in {100 * found.value:.0f} % of all cases (without the operator "
        f"{100 * control.value:.0f} %, blind guess {100 * found.chance:.2g} %)."
    )


def _finished(run: Path, make: Any) -> tuple[dict[str, Any], str]:
    """Metrics and body of a run's report, which is made if it is missing."""
    if not ((run / REPORT_FILE).is_file() and (run / METRICS_FILE).is_file()):
        make(run)
    metrics: dict[str, Any] = json.loads((run / METRICS_FILE).read_text(encoding="utf-8"))
    return metrics, body_of((run / REPORT_FILE).read_text(encoding="utf-8"))


def _with_controls(music: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"here": music["figures"], **music["controls"]}

"""A corpus's clusters as one page: a picture of each, how stable they are, and the n-grams beside them."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softaxes.report.page import KIND_COLOURS, Page, Section, Table, Widget

CELL = 5  # pixels of a step
_GRID = (
    "<style>.clusters{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:1.1rem .9rem}"
    ".clusters div{font-size:.8rem}.clusters svg{width:100%;height:64px;border-bottom:1px solid var(--line)}"
    ".clusters small{color:var(--faint)}</style>"
)
_NAMES = {
    "both": "pitch, rhythm and combined n-grams",
    "combined": "combined n-grams alone",
    "factored": "pitch and rhythm n-grams",
    "no context": "no context: the pair's own frequency",
    "chance": "chance: every known pair equally likely",
}


def vocabulary_page(record: Mapping[str, Any], rolls: NDArray[np.uint8]) -> Page:
    """The page of a `softaxes.search.vocabulary.vocabulary_record`; ``rolls`` has a picture for every cluster."""
    clusters = f"{len(record['clusters'])} clusters of {record['clips']:,} clips, {record['length_steps']} steps long"
    summary = f"{clusters}, from {record['songs']:,} songs; register and place are removed before clips are grouped."
    sections = [
        Section("Clusters", [Widget(cluster_grid(record["clusters"], rolls), "Most songs first, then most places.")]),
        Section("How stable they are", [stability_table(record["cluster_stability"])]),
        Section("n-grams", [ngram_table(kind, rows) for kind, rows in record["ngrams"].items()]),
    ]
    if record["prediction"]:
        sections.append(
            Section("What combined n-grams add", [_verdict(record["prediction"]), *_tables(record["prediction"])])
        )
    return Page("Motif vocabulary", summary, [], sections, slug="vocabulary")


def cluster_grid(clusters: Sequence[Mapping[str, Any]], rolls: NDArray[np.uint8]) -> str:
    """One small roll a cluster, with its counts and where its example stands."""
    cells = []
    for number, (cluster, roll) in enumerate(zip(clusters, rolls, strict=True), 1):
        where = html.escape(f"{cluster['example']['file']} at {cluster['example']['place']}")
        counts = f"{number}. {cluster['songs']:,} songs, {cluster['count']:,} places"
        cells.append(f"<div>{roll_picture(roll)}{counts}<br><small>{where}</small></div>")
    return f"{_GRID}<div class=clusters>{''.join(cells)}</div>"


def roll_picture(roll: NDArray[np.uint8]) -> str:
    """The notes of a roll (2, 128, steps) as an inline SVG, cropped to what sounds, onsets in full colour."""
    pitches, steps = np.nonzero(roll[1])
    if not len(pitches):
        return "<svg></svg>"
    low, high, first, last = pitches.min(), pitches.max(), steps.min(), steps.max()
    low = min(low, high - 11)
    cells = []
    for pitch, step in zip(pitches.tolist(), steps.tolist(), strict=True):
        begins = bool(roll[0, pitch, step])
        opacity = "" if begins else ' opacity=".45"'
        x, y = (step - first) * CELL, (high - pitch) * CELL
        cells.append(f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL - 1}"{opacity}/>')
    size = f"0 0 {(last - first + 1) * CELL} {(high - low + 1) * CELL}"
    colour = KIND_COLOURS["pitch"]
    return f'<svg viewBox="{size}" preserveAspectRatio="none" fill="{colour}" role="img">{"".join(cells)}</svg>'


def stability_table(stability: Mapping[str, Any]) -> Table:
    """Share of clips that keep their cluster under a shift, beside axes kept and chance."""
    rows = []
    for kind, value in stability["codes"].items():
        rows.append(
            [
                f"{kind} shifted",
                f"{value:.3f}",
                f"{stability['latents'][kind]:.3f}",
                f"{stability['chance']['codes']:.3f}",
            ]
        )
    caption = f"Share of {stability['clips']:,} clips whose shifted copy has the same cluster."
    return Table(["shift", "codes", "latents", "chance"], rows, caption, list(stability["codes"]))


def ngram_table(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """The most over-represented n-grams of a kind."""
    body = [[_spelled(row["ngram"]), f"{row['count']:,}", f"{row['songs']:,}", f"{row['t']:.1f}"] for row in rows]
    unit = {"pitch": "semitones", "rhythm": "beats", "combined": "semitones/beats"}[kind]
    return Table([f"{kind} n-gram ({unit})", "count", "songs", "t"], body, f"{kind} n-grams with the largest t")


def _spelled(gram: Sequence[Any]) -> str:
    return "  ".join(
        f"{t[0]:+d}/{t[1]:g}" if isinstance(t, list) else f"{t:+d}" if isinstance(t, int) else f"{t:g}" for t in gram
    )


def _verdict(prediction: Mapping[str, Any]) -> str:
    saved = prediction["bits_saved"]["both over factored"]
    apart = saved["low"] > 0 or saved["high"] < 0
    finding = "an interval without zero" if apart else "an interval that holds zero"
    return (
        f"Added to pitch and rhythm n-grams, combined ones save {saved['value']:.3f} bits a note "
        f"[{saved['low']:.3f}, {saved['high']:.3f}] on held-out songs: {finding}."
    )


def _tables(prediction: Mapping[str, Any]) -> list[Table]:
    rows = []
    for name, figure in prediction["bits"].items():
        right = prediction["right"].get(name)
        rows.append([_NAMES[name], _figure(figure, 3), _figure(right, 3) if right else "–"])
    caption = (
        f"The next (interval, time) pair of {prediction['songs']:,} held-out songs ({prediction['seeds']} splits, "
        f"{prediction['notes']:,} notes); intervals over songs."
    )
    return [Table(["from", "bits a note [95 %]", "right [95 %]"], rows, caption)]


def _figure(figure: Mapping[str, float], digits: int) -> str:
    if math.isnan(figure["low"]):
        return f"{figure['value']:.{digits}f}"
    return f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"

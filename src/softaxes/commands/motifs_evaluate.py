"""``softaxes motifs evaluate --data FOLDER_OR_ZIP``: every method on the same movements, by the same measures.

Retrieval (MAP, P@1, MAP over non-exact pairs with size-matched distractors) and discovery (establishment, occurrence at
.75 and .5, three-layer F1) on BPS-Motif, from the user's own copy; discovery alone on JKU-PDD, whose pieces come in a
polyphonic and a monophonic version. Classic methods are those of ``patterns.evaluate``;
the learned ones are added below. Intervals are 95 %, over movements. Progress goes to standard error.
"""

from __future__ import annotations

import json as json_format
import math
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from softaxes.motifs.clip_code import code_similarity
from softaxes.motifs.context import in_context
from softaxes.motifs.hybrid import discover
from softaxes.motifs.match_classifier import learned_classifier
from softaxes.motifs.patterns import evaluate as classic
from softaxes.motifs.patterns.datasets.bps_motif import Movement, load_bps_motif
from softaxes.motifs.patterns.datasets.csv_files import holds
from softaxes.motifs.patterns.datasets.jku_pdd import Piece, load_jku_pdd, versions_of
from softaxes.motifs.patterns.evaluate import DISCOVERY, Discover, Rows
from softaxes.motifs.patterns.notes import Similarity
from softaxes.motifs.patterns.similarities import SIMILARITIES

Task = Literal["retrieval", "discovery"]
TASKS: tuple[Task, ...] = ("retrieval", "discovery")
HEADERS = {
    "map": "MAP", "p1": "P@1", "map_nonexact": "MAP non-exact", "est_f1": "establishment F1",
    "occ75_f1": "occurrence .75 F1", "occ5_f1": "occurrence .5 F1", "three_layer_f1": "three-layer F1",
}  # fmt: skip


def retrieval_methods() -> dict[str, Similarity]:
    """Classic similarities, then the learned ones."""
    classifier = learned_classifier()
    return {
        **SIMILARITIES,
        "learned code": code_similarity,
        "match classifier": classifier,
        "match classifier, in context": partial(in_context, classifier),
    }


def discovery_methods() -> dict[str, Discover]:
    """Classic algorithms, then the hybrid."""
    return {**DISCOVERY, "hybrid (siatec-c + learned)": discover}


def evaluate(
    *,
    data: Path,
    tasks: tuple[Task, ...] = TASKS,
    methods: tuple[str, ...] = (),
    movements: tuple[int, ...] = (),
    minutes: float = math.inf,
    json: bool = False,
) -> str:
    """Compare all methods for retrieving and discovering motifs on annotated movements.

    Args:
        data: a BPS-Motif or JKU-PDD folder or zip.
        tasks: retrieval, discovery, or both.
        methods: only these (names as in the table); default all.
        movements: only these sonata numbers; default all that are there.
        minutes: begin no further movement after so long; the table says how many were done.
        json: print the means as JSON, and nothing else.
    """
    if not minutes > 0:
        raise ValueError(f"`minutes` must be positive, got {minutes}")
    chosen, deadline = _chosen(tasks, methods), time.monotonic() + 60 * minutes
    if holds(data, "groundTruth"):
        if movements:
            raise ValueError(f"`movements` are sonatas of BPS-Motif, and {data} is JKU-PDD: leave them out")
        if "discovery" not in chosen:
            raise ValueError(f"{data} is JKU-PDD: it has patterns for `tasks` discovery, with methods of discovery")
        found = on_versions(data, chosen["discovery"], deadline)
    elif holds(data, "csv_notes"):
        rows, done = measure(load_bps_motif(data, movements or None), chosen, deadline)
        found = {task: (rows[task], done) for task in chosen}
    else:
        raise ValueError(f"{data} is neither BPS-Motif (a folder csv_notes) nor JKU-PDD (a folder groundTruth)")
    if json:
        return json_format.dumps(as_json({task: rows for task, (rows, _) in found.items()}), indent=1)
    return "\n\n".join(table(task, rows, done) for task, (rows, done) in found.items())


def on_versions(data: Path, methods: Mapping[str, Discover], deadline: float) -> dict[str, tuple[Rows, int]]:
    """Rows, and how many pieces were done, of both versions of JKU-PDD's pieces: "discovery" is the polyphonic one."""
    versions, found = versions_of(data), {}
    if not versions:
        raise ValueError(f"{data} has no piece at groundTruth/<piece>/<version>/csv/<name>.csv")
    for version in versions:
        rows, done = measure(load_jku_pdd(data, version), {"discovery": methods}, deadline)
        found["discovery" if version == "polyphonic" else f"discovery, {version}"] = rows["discovery"], done
    return found


def measure(
    pieces: Sequence[Movement | Piece], methods: Mapping[Task, Mapping[str, Any]], deadline: float = math.inf
) -> tuple[dict[Task, Rows], int]:
    """{task: {method: a row per movement}}, and how many movements were done before ``deadline``, at least one."""
    rows: dict[Task, Rows] = {task: {name: [] for name in named} for task, named in methods.items()}
    done = 0
    for piece in pieces:
        if done and time.monotonic() > deadline:
            print(f"time is up: {done} of {len(pieces)} movements are done", file=sys.stderr, flush=True)
            break
        for task, named in methods.items():
            begin = time.monotonic()
            rate: Any = classic.evaluate_retrieval if task == "retrieval" else classic.evaluate_discovery
            for name, measured in rate([piece], named).items():
                rows[task][name] += measured
            seconds = time.monotonic() - begin
            print(
                f"movement {piece.name} ({len(piece.notes):,} notes): {task}, {len(named)} methods, {seconds:.1f} s",
                file=sys.stderr, flush=True,
            )  # fmt: skip
        done += 1
    return rows, done


def as_json(rows: Mapping[str, Rows]) -> dict[str, dict[str, dict[str, float | None]]]:
    """{"retrieval": {method: {"map", "p1", "map_nonexact"}}, "discovery": {method: {"est_f1", ...}}}; NaN is null.

    JKU-PDD's monophonic version, where it is there, has a key of its own, "discovery, monophonic".
    """
    means = {task: classic.means(rows[task]) if task in rows else {} for task in dict.fromkeys([*TASKS, *rows])}
    return {
        task: {name: {m: v if math.isfinite(v) else None for m, v in row.items()} for name, row in named.items()}
        for task, named in means.items()
    }


def table(task: str, rows: Rows, movements: int) -> str:
    """Means with intervals, one line a method."""
    summary = classic.summary(rows)
    measures = classic.RETRIEVAL_MEASURES if task == "retrieval" else classic.DISCOVERY_MEASURES
    width = max(len(name) for name in summary)
    lines = [
        f"{task}, means over {movements} movements [95 % interval over movements]",
        f"{'':<{width}}  " + "  ".join(f"{HEADERS[m]:<17}" for m in measures),
    ]
    for name, values in summary.items():
        lines.append(f"{name:<{width}}  " + "  ".join(f"{_cell(*values[m]):<17}" for m in measures).rstrip())
    return "\n".join(lines)


def _cell(mean: float, low: float, high: float) -> str:
    return "{} [{}, {}]".format(*(f"{value:.3f}".removeprefix("0") for value in (mean, low, high)))


def _chosen(tasks: Sequence[Task], methods: Sequence[str]) -> dict[Task, dict[str, Any]]:
    """The methods of each task, in the order of the table; ValueError for an unknown one."""
    known: dict[Task, dict[str, Any]] = {}
    for task in TASKS:
        if task in tasks:
            known[task] = dict(retrieval_methods() if task == "retrieval" else discovery_methods())
    names = {name for named in known.values() for name in named}
    unknown = sorted(set(methods) - names)
    if unknown:
        raise ValueError(f"`methods` must be among {', '.join(sorted(names))}; got {', '.join(unknown)}")
    if not methods:
        return known
    return {task: kept for task, named in known.items() if (kept := {n: f for n, f in named.items() if n in methods})}

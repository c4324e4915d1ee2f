"""One table of several runs' reports: mean over seeds, their range, the widest interval of one seed, chance, control.

    python runs/table.py FIGURE[,FIGURE...] RUN [RUN...]

A figure is its name in metrics.json, e.g. ``same_cos.unclipped``; ``part/figure`` reaches deeper:
``running/hit_at_1.pitch``, ``reconstruction/note_f1``. Its control is the same figure of the untrained network. Every
run must have its report (softaxes toy report, softaxes report).
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

UNTRAINED = ("controls", "untrained encoder")
Record = dict[str, Any]


def figure(metrics: dict[str, Any], path: str) -> Record | None:
    """A figure's record, or None where a run does not have it; a bare number or a list of draws becomes a record."""
    *parts, name = path.split("/")
    node: Any = metrics if (*parts, name)[0] in metrics else metrics.get("figures", {})
    for part in parts:
        node = node.get(part, {}) if isinstance(node, dict) else {}
    found = node.get(name) if isinstance(node, dict) else None
    if isinstance(found, list):
        return {"value": statistics.mean(found), "draws": found}
    if isinstance(found, int | float):
        return {"value": found}
    return found if isinstance(found, dict) and "value" in found else None


def control(metrics: dict[str, Any], path: str) -> Record | None:
    """The same figure of the untrained network."""
    return figure(metrics, "/".join((*UNTRAINED, path)))


def row(path: str, runs: list[dict[str, Any]]) -> str:
    found = [record for record in (figure(run, path) for run in runs) if record]
    if not found:
        return f"| {path} | absent | | | | |"
    values = [value for record in found for value in record.get("draws", [record["value"]])]
    ends = [record[end] for record in found for end in ("low", "high") if record.get(end) is not None]
    interval = f"[{min(ends):.4g}, {max(ends):.4g}]" if ends else ""
    chance = found[0].get("chance")
    shown = "" if chance is None else f"{chance:.3g}"
    untrained = [record["value"] for record in (control(run, path) for run in runs) if record]
    beside = f"{statistics.mean(untrained):.4g}" if untrained else ""
    spread = f"{min(values):.4g} .. {max(values):.4g}"
    return f"| {path} | {statistics.mean(values):.4g} | {spread} | {interval} | {shown} | {beside} |"


def main(words: list[str]) -> None:
    if len(words) < 2:
        sys.exit(__doc__)
    names, folders = words[0].split(","), [Path(word) for word in words[1:]]
    runs = [json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in folders]
    print(f"| figure | mean of {len(runs)} seeds | seeds | 95 % interval, widest | chance | untrained |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(row(name, runs) for name in names))


if __name__ == "__main__":
    main(sys.argv[1:])

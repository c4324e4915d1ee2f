"""The table of a sweep: every figure at every weight, mean of its seeds (lowest .. highest).

python runs/sweep_table.py OUT     # a folder of `softaxes toy sweep`
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

Row = dict[str, float]


def cell(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.4g}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.4g} .. {max(values):.4g})"


def table(rows: list[Row]) -> list[str]:
    """Lines of Markdown, the weights ascending."""
    names = [name for name in rows[0] if name not in ("weight", "seed")]
    lines = [f"| weight | {' | '.join(names)} |", f"|{' --- |' * (len(names) + 1)}"]
    for weight in sorted({row["weight"] for row in rows}):
        chosen = [row for row in rows if row["weight"] == weight]
        lines.append(f"| {weight:g} | {' | '.join(cell([row[name] for row in chosen]) for name in names)} |")
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    metrics = json.loads((Path(sys.argv[1]) / "metrics.json").read_text(encoding="utf-8"))
    print("\n".join(table(metrics["runs"])))

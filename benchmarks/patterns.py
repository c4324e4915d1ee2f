"""How fast are the classic pattern algorithms, and how good are they on annotated movements?

    python benchmarks/patterns.py speed                         # synthetic pieces of 2,182 and 8,558 notes and more
    python benchmarks/patterns.py speed --data BPS_MOTIF        # and the largest movement of a folder or zip
    python benchmarks/patterns.py retrieval --data BPS_MOTIF    # MAP, P@1, MAP over non-exact pairs
    python benchmarks/patterns.py discovery --data BPS_MOTIF    # establishment, occurrence, three-layer

Tables are means over movements with 95 % bootstrap intervals; --json FILE keeps the rows of every movement. Speed is
CPU time of one thread after a warm-up on a short piece, so neither compiling nor a busy machine counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns import evaluate
from softaxes.motifs.patterns.cosiatec import cosiatec
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.forth import forth
from softaxes.motifs.patterns.pointset import as_points
from softaxes.motifs.patterns.siatec import siatec
from softaxes.motifs.patterns.siatec_c import siatec_c
from softaxes.motifs.patterns.siateccompress import siateccompress
from softaxes.motifs.patterns.trawler import siact

ALGORITHMS: dict[str, Callable[[NDArray[np.int64]], object]] = {
    "siatec-c, 4 beats": siatec_c,
    "siatec": siatec,
    "siact": siact,
    "siateccompress": siateccompress,
    "forth, trawler": lambda points: forth(siact(points), 2),
    "cosiatec": cosiatec,
}


def synthetic_piece(notes: int, seed: int = 0) -> NDArray[np.int64]:
    """A sonata-like point set: phrases of four bars built from few motifs over broken chords, transposed and returning.

    About 12 notes a bar in two hands; the second half repeats much of the first, some of it a fifth lower.
    """
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    motifs = [(np.cumsum(rng.integers(1, 4, 6)) * 120, rng.integers(-3, 4, 6).cumsum()) for _ in range(5)]
    points: set[tuple[int, int]] = set()
    bar = 0
    while len(points) < notes:
        times, steps = motifs[rng.integers(len(motifs))]
        if bar >= 64 and rng.random() < 0.4:
            start, back = (bar - 64) * 1920, rng.choice([0, -7, 5])
            points |= {(x + 64 * 1920, y + back) for x, y in points if start <= x < start + 4 * 1920}
            bar += 4
            continue
        degree = rng.integers(0, 7)
        for x, s in zip(times, steps, strict=True):
            octave, step = divmod(int(degree + s), 7)
            points.add((bar * 1920 + int(x) % 1920, 72 + 12 * octave + int(scale[step])))
        root = int(scale[rng.integers(0, 7)])
        points |= {(bar * 1920 + 240 * k, 48 + root + (0, 7, 4, 7)[k % 4]) for k in range(8)}
        bar += 1
    return as_points(sorted(points)[:notes])


def speed(data: Path | None) -> None:
    """One line an algorithm and piece: seconds, what came out, peak memory of the process so far."""
    pieces = {f"synthetic {n:,}": synthetic_piece(n) for n in (500, 2080, 2182, 5815, 8558)}
    if data:
        largest = max(load_bps_motif(data), key=lambda m: len(m.notes.points()))
        pieces[f"movement {largest.name}, {len(largest.notes.points()):,}"] = largest.notes.points()
    for run in ALGORITHMS.values():
        run(synthetic_piece(60))
    for name, points in pieces.items():
        for algorithm, run in ALGORITHMS.items():
            begin = time.process_time()
            result = run(points)
            seconds = time.process_time() - begin
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            own = getattr(result, "peak_bytes", 0) / 1e6
            index = f"  index and window {own:.1f} MB" if own else ""
            count = len(result)  # type: ignore[arg-type]
            print(
                f"{name:28s} {algorithm:20s} {seconds:7.2f} s  {count:7,} patterns  {memory:6.0f} MB{index}", flush=True
            )


def table(rows: evaluate.Rows, out: Path | None) -> None:
    """The methods' means with intervals; the rows themselves to ``out``."""
    if out:
        out.write_text(json.dumps(rows, indent=1))
    for name, measures in evaluate.summary(rows).items():
        cells = "  ".join(f"{m} {mean:.3f} [{low:.3f}, {high:.3f}]" for m, (mean, low, high) in measures.items())
        print(f"{name:26s} {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["speed", "retrieval", "discovery"])
    parser.add_argument("--data", type=Path, help="a BPS-Motif folder or zip")
    parser.add_argument("--json", type=Path, help="where to keep the rows of every movement")
    options = parser.parse_args()
    if options.task == "speed":
        speed(options.data)
        return
    if not options.data:
        parser.error("--data is needed: a BPS-Motif folder or zip")
    movements = load_bps_motif(options.data)
    rate = evaluate.evaluate_retrieval if options.task == "retrieval" else evaluate.evaluate_discovery
    table(rate(movements), options.json)  # type: ignore[operator]


if __name__ == "__main__":
    main()

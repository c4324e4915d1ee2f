"""How fast are labelled triplets of blobs made, against a loop over samples?

    python benchmarks/blobs.py [--json FILE]

The loop is the article's way: one image, one draw, one shift at a time with torch. Both sides run on one thread, CPU
seconds count, and the ratio is of medians over interleaved repetitions (goal: 20).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from softaxes.data.blobs import MAX_SHIFT, RECTANGLES, SIDES, blob_triplets

BATCH = 1024  # of the article
LOOP = 512  # triplets the loop makes in one repetition
REPETITIONS = 7


def loop_triplet(size: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """One triplet, sample by sample."""
    while True:
        image = torch.zeros(1, size, size)
        for _ in range(RECTANGLES):
            r, c = torch.randint(0, size - SIDES, (2,)).tolist()
            h, w = torch.randint(1, SIDES + 1, (2,)).tolist()
            image[0, r : r + h, c : c + w] = 1.0
        for dim in (1, 2):
            if torch.rand(1) < 0.5:
                image = torch.flip(image, [dim])
        scheme = int(torch.randint(0, 3, (1,)))
        dims = [(1, 1), (2, 2), (1, 2)][scheme]
        views = [loop_shift(image, dim) for dim in dims]
        if not torch.equal(*views):
            return image, views[0], views[1]


def loop_shift(image: Tensor, dim: int) -> Tensor:
    """A random zero-filled shift along ``dim``."""
    amount = int(torch.randint(1, MAX_SHIFT + 1, (1,)))
    size = image.shape[dim]
    moved = torch.zeros_like(image)
    if torch.rand(1) < 0.5:
        moved.narrow(dim, amount, size - amount).copy_(image.narrow(dim, 0, size - amount))
    else:
        moved.narrow(dim, 0, size - amount).copy_(image.narrow(dim, amount, size - amount))
    return moved


def measure() -> dict[str, float]:
    """Triplets a second of both, and their ratio."""
    torch.set_num_threads(1)
    blob_triplets(BATCH, seed=0)  # the first call pays for everybody
    fast, slow = [], []
    for repetition in range(REPETITIONS):
        began = time.process_time()
        for part in range(10):
            blob_triplets(BATCH, seed=repetition * 10 + part)
        fast.append(10 * BATCH / (time.process_time() - began))
        began = time.process_time()
        for _ in range(LOOP):
            loop_triplet()
        slow.append(LOOP / (time.process_time() - began))
    ratio = statistics.median(fast) / statistics.median(slow)
    return {"triplets_per_second": statistics.median(fast), "loop": statistics.median(slow), "ratio": ratio}


def print_figures(about: str | None, measured: Callable[[], dict[str, float]], line: str) -> None:
    """Measure, print ``line`` with the figures in it, and write them where ``--json`` says."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    figures = measured()
    print(line.format(**figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    print_figures(
        __doc__, measure, "generator {triplets_per_second:,.0f} triplets/s, loop {loop:,.0f}: {ratio:.0f}x (goal 20x)"
    )

"""How much faster and leaner is `softaxes.losses.sigreg` than the article's program for the same thing?

Forward and backward of one call, all programs in turn in one process; the ratio is that of the best times. The complex
form is the article's: all of exp(i t u) over 17 knots on [-5, 5] at once, the derivative by autograd. Goals: >= 30x at
N2048 D16 M256, >= 15x at N2048 D256 M1024. Threads that must share cores with other work wait for each other at every
operation: on a busy machine look at the rows with one thread.

    python benchmarks/sigreg.py --json sigreg.json        # about a minute and a half on two cores
"""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from softaxes.losses.sigreg import sigreg, sigreg_article


@dataclass(frozen=True)
class Size:
    rows: int
    dim: int
    slices: int
    goal: float

    def __str__(self) -> str:
        return f"N{self.rows} D{self.dim} M{self.slices}"


SIZES = (Size(2048, 16, 256, goal=30), Size(2048, 256, 1024, goal=15))


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds, memory in MiB."""

    size: str
    program: str
    threads: int
    milliseconds: float
    article_milliseconds: float
    ratio: float
    goal: float
    peak_mib: float
    article_peak_mib: float


def complex_form(z: Tensor, *, step: int, slices: int) -> Tensor:
    """The article's SIGReg as its program computes it: complex exponentials, modulus, sum over slices."""
    drawn = torch.randn(z.shape[1], slices, generator=torch.Generator().manual_seed(step))
    t = torch.linspace(-5, 5, 17)
    gauss = torch.exp(-t.square() / 2)
    modulus = torch.exp(1j * ((z @ (drawn / drawn.norm(dim=0))).unsqueeze(2) * t)).mean(0).abs()
    return torch.trapezoid((modulus - gauss).square() * gauss, t, dim=1).sum()


Program = Callable[..., Tensor]
OURS: dict[str, Program] = {"sigreg": sigreg, "sigreg_article": sigreg_article}


def forward_and_backward(program: Program, z: Tensor, size: Size, step: int = 0) -> None:
    z.grad = None
    program(z, step=step, slices=size.slices).backward()


def best_seconds(programs: list[Program], size: Size, rounds: int) -> list[float]:
    """Of each program's calls the quickest, as other work on the machine only adds. They take turns: in each round one
    call of the first program, which is slow, and five of every other."""
    z = torch.randn(size.rows, size.dim, requires_grad=True)
    best = [math.inf] * len(programs)
    for step in range(rounds):
        for i, program in enumerate(programs):
            for _ in range(5 if i else 1):
                start = time.perf_counter()
                forward_and_backward(program, z, size, step)
                best[i] = min(best[i], time.perf_counter() - start)
    return best


def peak_mib(program: Program, size: Size) -> float:
    """Most memory that tensors hold at one time during a call, beyond the latents themselves."""
    z = torch.randn(size.rows, size.dim, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        forward_and_backward(program, z, size)
    changes = [event.nbytes() for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(itertools.accumulate(changes)) / 2**20


def check_agreement(size: Size) -> None:
    """A fast wrong answer is worth nothing."""
    z = torch.randn(size.rows, size.dim)
    ours, theirs = sigreg_article(z, step=0, slices=size.slices), complex_form(z, step=0, slices=size.slices)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


def rows_of(size: Size, threads: tuple[int, ...], rounds: int) -> list[Row]:
    check_agreement(size)
    article_peak, rows = peak_mib(complex_form, size), []
    for n in threads:
        torch.set_num_threads(n)
        article, *ours = best_seconds([complex_form, *OURS.values()], size, rounds)
        for (name, program), own in zip(OURS.items(), ours, strict=True):
            times = 1e3 * own, 1e3 * article, article / own
            rows.append(Row(str(size), name, n, *times, size.goal, peak_mib(program, size), article_peak))
    return rows


def print_table(rows: list[Row]) -> None:
    table = Table("size", "program", "threads", "ms", "complex form", "ratio", "goal", "MiB", "complex form")
    for row in rows:
        times = (
            f"{row.milliseconds:.1f}",
            f"{row.article_milliseconds:.0f}",
            f"{row.ratio:.0f}x",
            f">= {row.goal:.0f}x",
        )
        memory = (f"{row.peak_mib:.0f}", f"{row.article_peak_mib:.0f}")
        table.add_row(row.size, row.program, str(row.threads), *times, *memory)
    Console(width=120).print(table)


@dataclass(frozen=True)
class Settings:
    """SIGReg against the article's complex form: times, ratio, memory."""

    json: Path | None = None
    """Also write the table to this file."""
    rounds: int = 7
    """Turns that the programs take; the best call of each counts."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads to try."""


def main(settings: Settings) -> None:
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler reports its starts and stops otherwise
    rows = [row for size in SIZES for row in rows_of(size, settings.threads, settings.rounds)]
    print_table(rows)
    if settings.json:
        machine = {"torch": torch.__version__, "cores": os.cpu_count(), "load": os.getloadavg()}
        settings.json.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2))


if __name__ == "__main__":
    main(tyro.cli(Settings))

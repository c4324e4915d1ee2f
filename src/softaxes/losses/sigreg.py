"""Is this batch of latents a standard normal cloud, and which way should each point move to make it one?

SIGReg looks along random unit directions ("slices") a, projects u = <a, z>, and compares the empirical characteristic
function of u with that of N(0, 1):

    sigreg(z) = N * mean over slices of integral |phi_N(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt
    phi_N(t) = mean over rows of exp(i t u)

Range: >= 0. Rows drawn from N(0, I) score sqrt(2 pi) (1 - 1/sqrt 3) = 1.06 on average, whatever N and D: a health
number. Rows that are all zero score 0.41 N.

Conventions: the integrand is even in t, so the grid runs over [0, t_max] and counts twice (trapezoid rule). Directions
come from a generator seeded by ``step``: the same on every process and device, and the global random state stays as it
was. Arithmetic is float32 (float64 for float64 latents) under any autocast. Non-finite latents give NaN, value and
gradient: a check would stall a GPU at every step.

Source: Balestriero and LeCun 2025 (LeJEPA, arXiv 2511.08544), after Epps and Pulley 1983.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from softaxes.losses._sigreg_kernel import squared_distance, squared_modulus_distance, statistic


def sigreg(
    z: Float[Tensor, "rows dim"],
    *,
    step: int,
    slices: int = 256,
    knots: int = 17,
    t_max: float = 3.0,
    chunk: int | None = None,
    across_ranks: bool = True,
) -> Float[Tensor, ""]:
    """Distance of the rows of ``z`` from N(0, I) times their number: >= 0, near 1.06 on Gaussian rows.

    ``step`` seeds the ``slices`` directions; pass the training step. ``knots`` points on [0, t_max] carry the integral;
    they are blind to a shift of the whole cloud by 2 pi (knots - 1) / t_max, 33.5 by default.
    ``chunk`` slices are worked on at a time (None: as many as suit the device); it bounds the memory, not the value.

    Under torch.distributed the value is that of all processes' rows together (their numbers may differ) and every
    process must call. Each gets its rows' gradient times the number of processes, so that DDP's average is the
    one-process gradient. ``across_ranks=False`` scores this process's rows alone.

    ValueError for a wrong shape or number, and where processes disagree. There is no second derivative: RuntimeError.
    """
    mean, rows = statistic(
        z, squared_distance, knots=knots, t_max=t_max, step=step, slices=slices, chunk=chunk, across_ranks=across_ranks
    )
    return rows * mean


def sigreg_article(
    z: Float[Tensor, "rows dim"],
    *,
    step: int,
    slices: int = 256,
    chunk: int | None = None,
    across_ranks: bool = True,
) -> Float[Tensor, ""]:
    """The SIGReg of Hawley's notebook (2026), to reproduce it: it compares |phi_N|, so it is **blind to the mean**.

    N(0, I) + 10 scores like N(0, I). 17 knots on [-5, 5], summed over slices and not multiplied by N, as there:
    sum over slices of integral (|phi_N(t)| - exp(-t^2/2))^2 exp(-t^2/2) dt. Same directions as there for one ``step``
    on a CPU. Use `sigreg` for anything but reproduction.
    """
    mean, _ = statistic(
        z,
        squared_modulus_distance,
        knots=9,
        t_max=5.0,
        step=step,
        slices=slices,
        chunk=chunk,
        across_ranks=across_ranks,
    )
    return slices * mean

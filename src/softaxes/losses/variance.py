"""Do the coordinates of a batch vary at all? A floor under their standard deviation, whose gradient outlives collapse.

Source: Bardes, Ponce, LeCun 2022 (VICReg), eqs. 1-4; Wu, Balestriero, Levine 2026 (VISReg, arXiv 2606.02572).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.labels import at_least_float32, check_latents
from softaxes.losses._ranks import rows_of_ranks, sum_over_ranks


def scale_term(
    z: Float[Tensor, "rows dim"],
    *,
    form: Literal["hinge", "square"] = "hinge",
    target: float = 1.0,
    across_ranks: bool = True,
) -> Float[Tensor, ""]:
    """How far the coordinates' standard deviations are from ``target``: 0 is fine, ``target`` (or its square) collapse.

    "hinge": mean_j max(0, target - sigma_j), a floor (Bardes, Ponce, LeCun 2022, VICReg eq. 1). "square": mean_j
    (target - sigma_j)^2, which holds wide coordinates back as well (Wu, Balestriero, Levine 2026, VISReg, arXiv
    2606.02572). sigma_j is the population standard deviation with no epsilon under the root, so the gradient keeps its
    size while z collapses, where that of `sigreg` vanishes. Rows that are all equal have no way to part: gradient 0.
    """
    if form not in ("hinge", "square"):
        raise ValueError(f"`form` must be 'hinge' or 'square', got {form!r}")
    if not (math.isfinite(target) and target > 0):
        raise ValueError(f"`target` must be positive and finite, got {target}")
    check_latents("z", z)
    short = target - _standard_deviation(at_least_float32(z), across_ranks)
    return short.clamp_min(0).mean() if form == "hinge" else short.square().mean()


def _standard_deviation(z: Float[Tensor, "rows dim"], across_ranks: bool) -> Float[Tensor, " dim"]:
    """Of each coordinate. The mean enters as a constant: its share of the gradient sums to zero over the rows."""
    rows = rows_of_ranks(z, across_ranks)
    total = sum_over_ranks if len(rows) > 1 else _same
    mean = total(z.detach().sum(0)) / sum(rows)
    variance = total((z - mean).square().sum(0)) / sum(rows)
    return variance.clamp_min(torch.finfo(z.dtype).tiny).sqrt()


def _same(x: Tensor) -> Tensor:
    return x

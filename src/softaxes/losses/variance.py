"""Do the coordinates of a batch vary at all? A floor under their standard deviation, whose gradient outlives collapse.

Source: Bardes, Ponce, LeCun 2022 (VICReg), eqs. 1-4; Wu, Balestriero, Levine 2026 (VISReg, arXiv 2606.02572).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from softaxes.geometry.labels import at_least_float32, check_latents
from softaxes.losses._ranks import rows_of_ranks, sum_over_ranks


def scale_term(
    z: Float[Tensor, "rows dim"],
    *,
    form: Literal["hinge", "square"] = "hinge",
    target: float = 1.0,
    used: Bool[Tensor, " rows"] | None = None,
    across_ranks: bool = True,
) -> Float[Tensor, ""]:
    """How far the coordinates' standard deviations are from ``target``: 0 is fine, ``target`` (or its square) collapse.

    "hinge": mean_j max(0, target - sigma_j), a floor (Bardes, Ponce, LeCun 2022, VICReg eq. 1). "square": mean_j
    (target - sigma_j)^2, which holds wide coordinates back as well (Wu, Balestriero, Levine 2026, VISReg, arXiv
    2606.02572). sigma_j is the population standard deviation with no epsilon under the root, so the gradient keeps its
    size while z collapses, where that of `sigreg` vanishes. Rows that are all equal have no way to part: gradient 0.
    Rows that are not ``used`` are left out.
    """
    if form not in ("hinge", "square"):
        raise ValueError(f"`form` must be 'hinge' or 'square', got {form!r}")
    if not (math.isfinite(target) and target > 0):
        raise ValueError(f"`target` must be positive and finite, got {target}")
    check_latents("z", z)
    rows_of_ranks(z, across_ranks)
    centred, number = _centred(at_least_float32(z), used, across_ranks)
    variance = _total(centred.square().sum(0), across_ranks) / number
    short = target - variance.clamp_min(torch.finfo(variance.dtype).tiny).sqrt()
    return short.clamp_min(0).mean() if form == "hinge" else short.square().mean()


def decorrelation_term(
    z: Float[Tensor, "rows dim"], *, used: Bool[Tensor, " rows"] | None = None, across_ranks: bool = True
) -> Float[Tensor, ""]:
    """Squared covariances of different coordinates, summed over pairs and divided by the dimension: 0 is uncorrelated.

    VICReg eqs. 3-4; covariances over rows less one. Rows that are not ``used`` are left out.
    """
    check_latents("z", z)
    rows_of_ranks(z, across_ranks)
    centred, number = _centred(at_least_float32(z), used, across_ranks)
    covariance = _total(centred.T @ centred, across_ranks) / (number - 1).clamp_min(1)
    off = covariance - torch.diag(covariance.diagonal())
    return off.square().sum() / len(off)


def _centred(
    z: Float[Tensor, "rows dim"], used: Bool[Tensor, " rows"] | None, across_ranks: bool
) -> tuple[Float[Tensor, "rows dim"], Float[Tensor, ""]]:
    """Rows less the mean of all processes, zeros where not ``used``, and how many they are.

    The mean enters as a constant: its share of the gradient sums to zero over the rows.
    """
    weight = torch.ones_like(z[:, :1]) if used is None else used[:, None].to(z)
    number = _total(weight.sum(), across_ranks).clamp_min(1)
    mean = _total((z.detach() * weight).sum(0), across_ranks) / number
    return (z - mean) * weight, number


def _total(x: Tensor, across_ranks: bool) -> Tensor:
    return sum_over_ranks(x) if across_ranks else x

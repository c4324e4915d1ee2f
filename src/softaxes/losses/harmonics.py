"""How is the power of a code spread over the harmonics of a `Cycle`? Measured from labelled views, without gradient.

Where a group acts linearly, half the mean squared difference of two views of one anchor is the variogram of the amount
between them (`softaxes.geometry.kinds`), whatever the basis of the latent. So the weights are the least-squares
solution, none below 0, of

    |f(T_s x) - f(T_t x)|^2 / 2  =  sum_h w_h (1 - cos(2 pi h (s - t) / period))

over all pairs of views, anchors included, that differ in this kind alone. Only sums of moments are needed, which add up
over processes. Source: Matheron 1963 (the empirical variogram); Lawson and Hanson 1974 (non-negative least squares).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.kinds import Cycle, Kind
from softaxes.losses._ranks import sum_over_ranks

RIDGE = 1e-6  # of the mean moment: harmonics that the amounts of a batch cannot tell apart share their power


@torch.no_grad()
def harmonic_weights(
    kinds: tuple[Kind, ...],
    cycle: Cycle,
    anchor: Float[Tensor, "B D"],
    views: Float[Tensor, "B V D"],
    amounts: Float[Tensor, "B V K"],
    *,
    ranks: bool = True,
) -> Float[Tensor, " H"]:
    """Weights of ``cycle.spectrum``, >= 0 and summing to 1; even where nothing moves or no pair tells of the kind.

    ``ranks``: over the views of all processes, each of which must then ask; otherwise over those of this one.
    """
    from scipy.optimize import nnls

    total = sum_over_ranks if ranks else torch.clone

    own = torch.tensor([kind.family == cycle.family for kind in kinds], device=amounts.device)
    difference = (torch.cat([anchor[:, None], views], dim=1) - anchor[:, None]).double()
    inner = difference @ difference.mT
    square = inner.diagonal(dim1=1, dim2=2)
    amounts = torch.cat([torch.zeros_like(amounts[:, :1]), amounts], dim=1).double()
    one, two = torch.triu_indices(inner.shape[1], inner.shape[1], offset=1, device=inner.device)
    between = amounts[:, one] - amounts[:, two]
    s = between[..., kinds.index(cycle)]
    counts = ((between[..., ~own] == 0).all(-1) & (s != 0)).double()
    waves = cycle.waves(s) * counts[..., None]
    half = (square[:, one] + square[:, two]) / 2 - inner[:, one, two]
    moments = total(torch.einsum("bph,bpg->hg", waves, waves))
    products = total(torch.einsum("bph,bp->h", waves, half))
    even = torch.full_like(products, 1 / len(products))
    if not bool((products > 0).any()):
        return even.to(views)
    scale = moments.diagonal().mean()
    factor = torch.linalg.cholesky(moments + RIDGE * scale * torch.eye(len(moments)).to(moments))
    right = torch.linalg.solve_triangular(factor, products[:, None], upper=False)[:, 0]
    found, _ = nnls(factor.T.cpu().numpy(), right.cpu().numpy(), maxiter=30 * len(even))
    power = float(np.sum(found))
    return (torch.from_numpy(found / power) if power > 0 else even.cpu()).to(views)

"""How does a sum over a batch become a sum over the batches of all processes, gradients included?

Each process calls these with its own share; outside ``torch.distributed`` they return their argument unchanged.

Convention: gradients are *averaged* over processes afterwards, as DistributedDataParallel and Fabric do. A loss made
from summed statistics is the same number on every process, and each process holds only its share of the gradient; the
backward pass therefore sums the incoming gradients, and the later average gives the gradient of the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def world_size() -> int:
    """Number of processes that train together; 1 outside ``torch.distributed``."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0; 0 outside ``torch.distributed``."""
    return dist.get_rank() if world_size() > 1 else 0


def _all_reduced(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)  # processes add up storage, which must be laid out alike
    dist.all_reduce(total)
    return total


class _SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _all_reduced(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _all_reduced(grads[0])


def sum_over_ranks(x: Tensor) -> Tensor:
    """Sum of ``x`` over processes, which must all call; differentiable."""
    if world_size() == 1:
        return x
    return _SumOverRanks.apply(x)


def gather_rows(x: Tensor) -> Tensor:
    """Rows (B, ...) of all processes in rank order, shape (B * world_size, ...); differentiable.

    Every process must bring the same number of rows: `softaxes.training.loop` sees to it, others must themselves.
    """
    size = world_size()
    if size == 1:
        return x
    padded = x.new_zeros((size, *x.shape))
    padded[rank()] = x
    return sum_over_ranks(padded).flatten(0, 1)


def rows_of_ranks(z: Float[Tensor, "rows dim"], across_ranks: bool = True, **same: int) -> list[int]:
    """Number of rows of each process; ValueError, on all of them, if they disagree on the dimension or on ``same``."""
    if not across_ranks or world_size() == 1:
        return [len(z)]
    names = ("dimension of `z`", *(f"`{name}`" for name in same))
    mine = torch.tensor([[len(z), z.shape[1], *same.values()]], device=z.device)
    rows, *settings = gather_rows(mine).T.tolist()
    for name, values in zip(names, settings, strict=True):
        if len(set(values)) > 1:
            raise ValueError(f"{name} must be the same on all processes, got {values}")
    return list(rows)

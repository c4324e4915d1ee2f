"""How are labelled views made: which shift of which batch, and what fell off the edge?

Three ways for a shift to meet the edge of the window:

    "zero"    zeros enter; what leaves is lost
    "stream"  real neighbours enter: the input carries ``context`` extra positions on both sides of the window
    "wrap"    what leaves on one side enters on the other

Conventions: ``x`` is (B, ...), ``amount`` holds one signed whole number a row; a positive amount moves content towards
higher indices. ``clipped`` says of each row whether content (anything non-zero) left the window and was lost; a wrapped
shift never clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from softaxes.kinds import Kind, check_kinds

Edge = Literal["zero", "stream", "wrap"]


def shift(
    x: Tensor, amount: Int[Tensor, B], *, dim: int, edge: Edge = "zero", context: int = 0
) -> tuple[Tensor, Bool[Tensor, B]]:
    """Move each row of ``x`` along ``dim`` by its own amount.

    With ``edge="stream"`` the window is ``x`` without ``context`` positions at both ends of ``dim``, and so is the
    result; otherwise the result has the shape of ``x``.

    Returns:
        the shifted batch and ``clipped`` (B,).

    Raises:
        ValueError: on an unknown edge, a ``dim`` that is the batch, or a streaming shift that the context cannot feed.
    """
    dim = _check_shift(x, amount, dim, edge, context)
    size = x.shape[dim] - 2 * context
    amount = amount.to(x.device)
    source = torch.arange(size, device=x.device) + context - amount[:, None]  # (B, size)
    if edge == "wrap":
        source = source.remainder(size)
    inside = (source >= 0) & (source < x.shape[dim])
    shifted = _take(x, source.clamp(0, x.shape[dim] - 1), dim)
    if not bool(inside.all()):
        shifted = shifted * _along(inside, x, dim).to(x.dtype)
    if edge == "wrap":
        return shifted, torch.zeros(len(x), dtype=torch.bool, device=x.device)
    return shifted, _content_leaves(x.narrow(dim, context, size), amount, dim)


def _check_shift(x: Tensor, amount: Tensor, dim: int, edge: str, context: int) -> int:
    if edge not in ("zero", "stream", "wrap"):
        raise ValueError(f"`edge` must be 'zero', 'stream' or 'wrap', got {edge!r}")
    dim = dim % x.ndim
    if dim == 0:
        raise ValueError("`dim` must not be the batch dimension 0")
    if amount.shape != x.shape[:1] or amount.is_floating_point():
        raise ValueError(
            f"`amount` must hold {len(x)} whole numbers, got {amount.dtype} of shape {tuple(amount.shape)}"
        )
    if context and edge != "stream":
        raise ValueError(f"`context` belongs to edge='stream', got context={context} with edge={edge!r}")
    if edge == "stream" and amount.numel() and int(amount.abs().max()) > context:
        raise ValueError(f"`amount` must lie within the context of {context}, got {int(amount.abs().max())}")
    return dim


def _along(row_values: Tensor, x: Tensor, dim: int) -> Tensor:
    """(B, size) values shaped to broadcast over ``x`` with ``size`` at ``dim``."""
    shape = [1] * x.ndim
    shape[0], shape[dim] = row_values.shape
    return row_values.reshape(shape)


def _take(x: Tensor, source: Int[Tensor, "B size"], dim: int) -> Tensor:
    shape = list(x.shape)
    shape[dim] = source.shape[1]
    return x.gather(dim, _along(source, x, dim).expand(shape))


def _content_leaves(window: Tensor, amount: Tensor, dim: int) -> Bool[Tensor, B]:
    others = [d for d in range(1, window.ndim) if d != dim]
    filled = (window != 0).amax(others) if others else window != 0  # (B, size)
    landing = torch.arange(filled.shape[1], device=window.device) + amount[:, None]
    return (filled & ((landing < 0) | (landing >= filled.shape[1]))).any(1)


@dataclass(frozen=True)
class Views:
    """V labelled views of each of B anchors, as the losses and diagnostics take them.

    Attributes:
        anchor: (B, ...) the windows themselves.
        views: (B, V, ...).
        kind: (B, V) index into the kinds.
        amount: (B, V) signed amounts in the kind's unit.
        clipped: (B, V) whether content was lost.
    """

    anchor: Tensor
    views: Tensor
    kind: Int[Tensor, "B V"]
    amount: Float[Tensor, "B V"]
    clipped: Bool[Tensor, "B V"]


@dataclass(frozen=True)
class Shift:
    """How one kind moves a batch: along ``dim`` (counted from the end, negative), meeting the edge as ``edge`` says."""

    dim: int
    edge: Edge = "zero"

    def __post_init__(self) -> None:
        if self.dim >= 0:
            raise ValueError(f"`dim` must be negative, counted from the end, got {self.dim}")


def labelled_views(
    x: Tensor,
    kind: Int[Tensor, "B V"],
    amount: Int[Tensor, "B V"],
    *,
    kinds: Sequence[Kind],
    shifts: Mapping[str, Shift],
    context: Mapping[int, int] | None = None,
) -> Views:
    """Shift each anchor as ``kind`` and ``amount`` say.

    Args:
        x: (B, ...), with ``context[dim]`` extra positions at both ends of each streaming ``dim``.
        kinds: the kinds that ``kind`` indexes; ``shifts`` says by name how each moves the batch.
        context: extra positions by (negative) dimension; empty if nothing streams.
    """
    kinds, context = check_kinds(kinds), dict(context or {})
    missing = [k.name for k in kinds if k.name not in shifts]
    if missing:
        raise ValueError(f"`shifts` must say how every kind moves, got nothing for {missing}")
    if kind.shape != amount.shape or kind.ndim != 2 or len(kind) != len(x):
        raise ValueError(
            f"`kind` and `amount` must both be ({len(x)}, V), got {tuple(kind.shape)}, {tuple(amount.shape)}"
        )
    anchor = _crop(x, context)
    views = anchor.new_empty((len(x), kind.shape[1], *anchor.shape[1:]))
    clipped = torch.zeros(kind.shape, dtype=torch.bool, device=x.device)
    for index, declared in enumerate(kinds):
        how = shifts[declared.name]
        row, view = torch.nonzero(kind == index, as_tuple=True)
        if len(row) == 0:
            continue
        other = {dim: width for dim, width in context.items() if dim != how.dim or how.edge != "stream"}
        own = context.get(how.dim, 0) if how.edge == "stream" else 0
        moved = shift(_crop(x[row], other), amount[row, view], dim=how.dim, edge=how.edge, context=own)
        views[row, view], clipped[row, view] = moved
    return Views(anchor, views, kind, amount.float(), clipped)


def _crop(x: Tensor, context: Mapping[int, int]) -> Tensor:
    for dim, width in context.items():
        x = x.narrow(dim, width, x.shape[dim] - 2 * width)
    return x

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
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from softaxes.geometry.kinds import Kind, check_kinds
from softaxes.geometry.labels import check_tensor

Edge = Literal["zero", "stream", "wrap"]


def shift(
    x: Tensor, amount: Int[Tensor, " B"], *, dim: int, edge: Edge = "zero", context: int = 0
) -> tuple[Tensor, Bool[Tensor, " B"]]:
    """Move each row of ``x`` (any type) along ``dim`` by its own amount, however large.

    With ``edge="stream"`` the window is ``x`` without ``context`` positions at both ends of ``dim``, and so is the
    result; otherwise the result has the shape of ``x``.

    Returns:
        the shifted batch and ``clipped`` (B,).

    Raises:
        ValueError: an unknown edge, a ``dim`` that is the batch or does not exist, a context that leaves no window or
            comes with an edge that has no use for it, a streaming shift beyond its context, one amount too few.
        TypeError: amounts that are no whole numbers, or something that is no tensor.
    """
    dim = _check_shift(x, amount, dim, edge, context)
    size = x.shape[dim] - 2 * context
    amount = amount.to(x.device)
    source = torch.arange(size, device=x.device) + context - amount[:, None]  # (B, size)
    if edge == "wrap":
        return _take(x, source.remainder(size), dim), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    outside = (source < 0) | (source >= x.shape[dim])
    shifted = _take(x, source.clamp(0, x.shape[dim] - 1), dim)
    if bool(outside.any()):
        shifted = shifted.masked_fill(_along(outside, x, dim), 0)
    return shifted, _content_leaves(x.narrow(dim, context, size), amount, dim)


def _check_shift(x: Tensor, amount: Tensor, dim: int, edge: str, context: int) -> int:
    _check_batch(x)
    if edge not in get_args(Edge):
        raise ValueError(f"`edge` must be 'zero', 'stream' or 'wrap', got {edge!r}")
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"`dim` must be a dimension of `x`, {-x.ndim}..{x.ndim - 1}, got {dim}")
    dim = dim % x.ndim
    if dim == 0:
        raise ValueError("`dim` must not be the batch dimension 0")
    _check_whole_numbers("amount", amount)
    if amount.shape != x.shape[:1]:
        raise ValueError(f"`amount` must have shape ({len(x)},), got {tuple(amount.shape)}")
    if context < 0 or (context and edge != "stream"):
        raise ValueError(f"`context` must be >= 0, and 0 unless edge='stream', got {context} with edge={edge!r}")
    if x.shape[dim] - 2 * context < 1:
        raise ValueError(f"`x` must leave a window in dimension {dim}, got {x.shape[dim]} with context {context}")
    farthest = int(amount.long().abs().max()) if edge == "stream" and amount.numel() else 0
    if farthest > context:
        raise ValueError(f"`amount` must lie within the context of {context}, got {farthest}")
    return dim


def _check_batch(x: Tensor) -> None:
    check_tensor("x", x)
    if x.ndim < 2:
        raise ValueError(f"`x` must have shape (B, ...), with a dimension beside the batch, got {tuple(x.shape)}")


def _check_whole_numbers(name: str, value: Tensor) -> None:
    check_tensor(name, value)
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"`{name}` must hold whole numbers, got {value.dtype}")


def _along(row_values: Tensor, x: Tensor, dim: int) -> Tensor:
    """(B, size) values shaped to broadcast over ``x`` with ``size`` at ``dim``."""
    shape = [1] * x.ndim
    shape[0], shape[dim] = row_values.shape
    return row_values.reshape(shape)


def _take(x: Tensor, source: Int[Tensor, "B size"], dim: int) -> Tensor:
    shape = list(x.shape)
    shape[dim] = source.shape[1]
    return x.gather(dim, _along(source, x, dim).expand(shape))


def _content_leaves(window: Tensor, amount: Tensor, dim: int) -> Bool[Tensor, " B"]:
    others = [d for d in range(1, window.ndim) if d != dim]
    filled = (window != 0).amax(others) if others else window != 0  # (B, size)
    landing = torch.arange(filled.shape[1], device=window.device) + amount[:, None]
    return (filled & ((landing < 0) | (landing >= filled.shape[1]))).any(1)


@dataclass(frozen=True, eq=False)
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
        if self.edge not in get_args(Edge):
            raise ValueError(f"`edge` must be 'zero', 'stream' or 'wrap', got {self.edge!r}")


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
        kinds: the kinds that ``kind`` indexes.
        shifts: how each kind moves the batch, by name; a circle that follows a kind moves as that kind does.
        context: extra positions by (negative) dimension; empty if nothing streams.

    Raises:
        ValueError: a kind without a shift, shapes that do not fit, a kind out of range, and what `shift` raises.
        TypeError: kinds or amounts that are no whole numbers, or something that is no tensor.
    """
    kinds, context = check_kinds(kinds), dict(context or {})
    _check_labels(x, kind, amount, kinds, shifts, context)
    anchor = _crop(x, context)
    views = anchor.new_empty((len(x), kind.shape[1], *anchor.shape[1:]))
    clipped = torch.zeros(kind.shape, dtype=torch.bool, device=x.device)
    for index, declared in enumerate(kinds):
        how = shifts[declared.family]
        row, view = torch.nonzero(kind == index, as_tuple=True)
        if len(row) == 0:
            continue
        streams = how.edge == "stream"
        other = {dim: width for dim, width in context.items() if dim != how.dim or not streams}
        own = context.get(how.dim, 0) if streams else 0
        moved = shift(_crop(x[row], other), amount[row, view], dim=how.dim, edge=how.edge, context=own)
        views[row, view], clipped[row, view] = moved
    return Views(anchor, views, kind, amount.float(), clipped)


def _check_labels(
    x: Tensor,
    kind: Tensor,
    amount: Tensor,
    kinds: Sequence[Kind],
    shifts: Mapping[str, Shift],
    context: Mapping[int, int],
) -> None:
    _check_batch(x)
    missing = sorted({k.family for k in kinds} - shifts.keys())
    if missing:
        raise ValueError(f"`shifts` must say how every kind moves, got nothing for {missing}")
    _check_whole_numbers("kind", kind)
    _check_whole_numbers("amount", amount)
    if kind.shape != amount.shape or kind.ndim != 2 or len(kind) != len(x):
        raise ValueError(
            f"`kind` and `amount` must both be ({len(x)}, V), got {tuple(kind.shape)}, {tuple(amount.shape)}"
        )
    if kind.numel() and not 0 <= int(kind.min()) <= int(kind.max()) < len(kinds):
        raise ValueError(f"`kind` must lie in 0..{len(kinds) - 1}, got {int(kind.min())}..{int(kind.max())}")
    for dim, width in context.items():
        if not -x.ndim < dim < 0 or not 0 <= 2 * width < x.shape[dim]:
            raise ValueError(f"`context` must map negative dimensions of `x` to widths inside it, got {dim}: {width}")


def _crop(x: Tensor, context: Mapping[int, int]) -> Tensor:
    for dim, width in context.items():
        x = x.narrow(dim, width, x.shape[dim] - 2 * width)
    return x

"""Which labelled latents are fit to be used? Checks that losses and fits share, and amounts as one column per kind.

Conventions: ``anchor`` (B, D); ``views`` (B, V, D); ``amount`` (B, V) with ``kind`` (B, V) indices into the kinds, or
``amount`` (B, V, K) without.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from softaxes.geometry.kinds import Kind


def check_latents(anchor: Tensor, views: Tensor) -> None:
    """ValueError unless ``anchor`` is (B, D), ``views`` is (B, V, D), none of them is empty and both are finite."""
    if anchor.ndim != 2 or anchor.numel() == 0:
        raise ValueError(f"`anchor` must have shape (B, D) with B, D > 0, got {tuple(anchor.shape)}")
    b, d = anchor.shape
    if views.ndim != 3 or (views.shape[0], views.shape[2]) != (b, d) or views.shape[1] == 0:
        raise ValueError(f"`views` must have shape ({b}, V, {d}) with V > 0 to fit `anchor`, got {tuple(views.shape)}")
    for name, value in (("anchor", anchor), ("views", views)):
        check_finite(name, value)


def check_finite(name: str, value: Tensor) -> None:
    """ValueError if ``value`` holds NaN or infinity."""
    value = value.detach()
    if not bool(torch.isfinite(value.sum())) and not bool(torch.isfinite(value).all()):  # a sum may overflow
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")


def check_clipped(clipped: Tensor, like: Bool[Tensor, "B V"]) -> Bool[Tensor, "B V"]:
    """``clipped`` on the device of ``like``; TypeError unless it holds booleans, ValueError on another shape."""
    if clipped.dtype != torch.bool:
        raise TypeError(f"`clipped` must hold booleans, got {clipped.dtype}")
    if clipped.shape != like.shape:
        raise ValueError(f"`clipped` must have shape {tuple(like.shape)}, got {tuple(clipped.shape)}")
    return clipped.to(like.device)


def amounts_by_kind(
    kinds: tuple[Kind, ...], amount: Tensor, kind: Tensor | None, *, like: Float[Tensor, "B V D"]
) -> Float[Tensor, "B V K"]:
    """Amounts as one column per kind, zeros where a view does not shift that kind.

    With ``kind``, ``amount`` (B, V) goes to the kind that is named and to the circles that follow it; without,
    ``amount`` is (B, V, K) already and says of every kind, followers included, how far it moves.

    Raises:
        ValueError: shapes that do not fit ``like``, a kind out of range, or non-finite amounts.
        TypeError: ``kind`` does not hold integers.
    """
    batch, views = like.shape[:2]
    dtype = torch.promote_types(like.dtype, torch.float32)
    if kind is None:
        if amount.shape != (batch, views, len(kinds)):
            raise ValueError(
                f"`amount` without `kind` must have shape ({batch}, {views}, {len(kinds)}), got {tuple(amount.shape)}"
            )
        check_finite("amount", amount)
        return amount.to(device=like.device, dtype=dtype)
    for name, value in (("amount", amount), ("kind", kind)):
        if value.shape != (batch, views):
            raise ValueError(f"`{name}` must have shape ({batch}, {views}), got {tuple(value.shape)}")
    if kind.is_floating_point() or kind.dtype == torch.bool:
        raise TypeError(f"`kind` must hold integers, got {kind.dtype}")
    if int(kind.min()) < 0 or int(kind.max()) >= len(kinds):
        raise ValueError(f"`kind` must lie in 0..{len(kinds) - 1}, got {int(kind.min())}..{int(kind.max())}")
    check_finite("amount", amount)
    moves = torch.tensor([[moved.name == k.name or moved.family == k.name for moved in kinds] for k in kinds])
    columns = moves.to(like.device)[kind.to(like.device).long()]
    return columns * amount.to(device=like.device, dtype=dtype)[..., None]

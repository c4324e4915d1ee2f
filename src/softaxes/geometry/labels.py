"""Which labelled latents are fit to be used? Checks that losses and fits share, and amounts as one column per kind.

Conventions: ``anchor`` (B, D); ``views`` (B, V, D); ``amount`` (B, V) with ``kind`` (B, V) indices into the kinds, or
``amount`` (B, V, K) without.

Types and shapes are checked at every call. Values (NaN, a kind out of range) are read at every call on a CPU; an
accelerator would have to be waited for, so there the first batch of each shape is read and no other. Set the
environment variable SOFTAXES_CHECK_VALUES to read every batch everywhere, to see where a NaN begins. A NaN that no
check reads makes the loss NaN, at which training stops.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from softaxes.geometry.kinds import Kind

CHECK_VALUES = "SOFTAXES_CHECK_VALUES"


def check_tensor(name: str, value: Any) -> None:
    """TypeError unless ``value`` is a torch tensor."""
    if not isinstance(value, Tensor):
        kind = type(value)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        raise TypeError(f"`{name}` must be a torch tensor, got {module}{kind.__qualname__}")


def check_latents(name: str, z: Tensor) -> None:
    """ValueError unless ``z`` is a floating-point (B, D) tensor that has both; TypeError unless it is a tensor."""
    check_tensor(name, z)
    if z.ndim != 2 or not z.numel():
        raise ValueError(f"`{name}` must have shape (B, D) with B, D > 0, got {tuple(z.shape)}")
    _check_floating(name, z)


def check_vectors(name: str, z: Tensor, dim: int) -> None:
    """ValueError unless ``z`` is a floating-point tensor (..., dim); TypeError unless it is a tensor."""
    check_tensor(name, z)
    if z.shape[-1:] != (dim,):
        raise ValueError(f"`{name}` must have shape (..., {dim}), got {tuple(z.shape)}")
    _check_floating(name, z)


def check_views(anchor: Tensor, views: Tensor) -> None:
    """ValueError unless ``anchor`` is (B, D), ``views`` is (B, V, D), none of them is empty and both are finite."""
    check_latents("anchor", anchor)
    check_tensor("views", views)
    b, d = anchor.shape
    if views.ndim != 3 or (views.shape[0], views.shape[2]) != (b, d) or views.shape[1] == 0:
        raise ValueError(f"`views` must have shape ({b}, V, {d}) with V > 0 to fit `anchor`, got {tuple(views.shape)}")
    _check_floating("views", views)
    for name, value in (("anchor", anchor), ("views", views)):
        check_finite(name, value)


def _check_floating(name: str, value: Tensor) -> None:
    if not value.is_floating_point():
        raise ValueError(f"`{name}` must be of a floating-point type, got {value.dtype}")


def at_least_float32(z: Tensor) -> Tensor:
    """``z`` in float32, or as it is in float64."""
    return z if z.dtype == torch.float64 else z.float()


def check_finite(name: str, value: Tensor) -> None:
    """ValueError if ``value`` holds NaN or infinity, where values are read: see the module."""
    value = value.detach()
    if not _values_are_read(name, value) or bool(torch.isfinite(value.sum())):
        return
    if not bool(torch.isfinite(value).all()):  # a sum may overflow
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")


def _values_are_read(name: str, value: Tensor) -> bool:
    if value.device.type == "cpu" or os.environ.get(CHECK_VALUES):
        return True
    first = _shapes_read.cache_info().misses
    _shapes_read(name, tuple(value.shape), value.device)
    return _shapes_read.cache_info().misses > first


@functools.lru_cache(maxsize=1024)
def _shapes_read(name: str, shape: tuple[int, ...], device: torch.device) -> None:
    """Remembers what was read: a call of new arguments is a miss."""


def check_clipped(clipped: Tensor, like: Bool[Tensor, "B V"]) -> Bool[Tensor, "B V"]:
    """``clipped`` on the device of ``like``; TypeError unless it holds booleans, ValueError on another shape."""
    check_tensor("clipped", clipped)
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
        TypeError: ``kind`` does not hold integers, or something is no tensor.
    """
    batch, views = like.shape[:2]
    check_tensor("amount", amount)
    dtype = torch.promote_types(like.dtype, torch.float32)
    if kind is None:
        if amount.shape != (batch, views, len(kinds)):
            raise ValueError(
                f"`amount` without `kind` must have shape ({batch}, {views}, {len(kinds)}), got {tuple(amount.shape)}"
            )
        check_finite("amount", amount)
        return amount.to(device=like.device, dtype=dtype)
    check_tensor("kind", kind)
    for name, value in (("amount", amount), ("kind", kind)):
        if value.shape != (batch, views):
            raise ValueError(f"`{name}` must have shape ({batch}, {views}), got {tuple(value.shape)}")
    if kind.is_floating_point() or kind.dtype == torch.bool:
        raise TypeError(f"`kind` must hold integers, got {kind.dtype}")
    if _values_are_read("kind", kind):
        least, most = int(kind.min()), int(kind.max())
        if least < 0 or most >= len(kinds):
            raise ValueError(f"`kind` must lie in 0..{len(kinds) - 1}, got {least}..{most}")
    check_finite("amount", amount)
    columns = _moved_by(kinds, like.device)[kind.to(like.device).long()]
    return columns * amount.to(device=like.device, dtype=dtype)[..., None]


@functools.lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept must serve a later backward pass
def _moved_by(kinds: tuple[Kind, ...], device: torch.device) -> Bool[Tensor, "K K"]:
    """Which kinds (columns) a shift of each kind (row) moves: itself and the circles that follow it."""
    return torch.tensor([[k.name in (moved.name, moved.family) for moved in kinds] for k in kinds], device=device)

"""What stays of a window when register and place are taken away, and by how much do two windows differ in them?

The code of a latent is its content: all fitted axes projected out, the mean window subtracted, scaled to length 1. The
similarity of two codes is their inner product (a cosine, -1..1). What was taken away is kept beside it as coordinates,
one an axis; the shift that carries one window onto another is the difference of their coordinates: signed semitones on
the register's line, steps within half a turn on the circle of a bar.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from softaxes.geometry.axes import Axes, LineAxis
from softaxes.geometry.kinds import Kind, Rotation


def content_codes(axes: Axes, z: Float[Tensor, "N D"]) -> Float[np.ndarray, "N D"]:
    """Unit-length content of latents, float32; a latent whose content is the mean's has a code of zeros."""
    content = axes.remove(z) - axes.remove(mean_latent(axes, z))
    length = content.norm(dim=-1, keepdim=True)
    codes: NDArray[np.float32] = torch.where(length > 1e-8, content / length.clamp_min(1e-8), 0.0).float().numpy()
    return codes


def mean_latent(axes: Axes, like: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """The mean anchor that the axes were fitted on; zeros if every axis is a circle (circles keep no mean)."""
    origins = [axis.origin for axis in axes.values() if isinstance(axis, LineAxis)]
    return origins[0].to(like) if origins else torch.zeros(like.shape[-1]).to(like)


def coordinates(axes: Axes, z: Float[Tensor, "N D"]) -> Float[np.ndarray, "N K"]:
    """Place of each latent on every axis, float32, in the axes' order and units."""
    coordinates: NDArray[np.float32] = (
        torch.stack([axis.coordinate(z) for axis in axes.values()], dim=-1).float().numpy()
    )
    return coordinates


def shift_between(
    kinds: tuple[Kind, ...], before: Float[np.ndarray, "*N K"], after: Float[np.ndarray, "*N K"]
) -> Mapping[str, NDArray[np.float64]]:
    """Signed amount by kind that carries ``before`` onto ``after``, read off their coordinates.

    On a line any number; on a circle of period p the short way round, in [-p/2, p/2).
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if first.shape[-1:] != (len(kinds),) or second.shape[-1:] != (len(kinds),):
        raise ValueError(
            f"`before` and `after` must hold one coordinate a kind ({len(kinds)}), got {first.shape}, {second.shape}"
        )
    amounts = {}
    for column, kind in enumerate(kinds):
        amount = second[..., column] - first[..., column]
        if isinstance(kind, Rotation):
            turn = kind.coordinate_period
            amount = (amount + turn / 2) % turn - turn / 2
        amounts[kind.name] = amount
    return amounts


def similarity(first: ArrayLike, second: ArrayLike) -> Float[np.ndarray, "N M"]:
    """Cosine of every code in ``first`` (N, D) with every one in ``second`` (M, D)."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"`first` and `second` must be (N, D) and (M, D), got {a.shape} and {b.shape}")
    return a @ b.T

"""What stays of a window when its register is taken away, and by which shift is one window like another?

A family of kinds is led by a line or by what rotates, and that decides what its axes are to a code:

    led by a line      register, and the chroma that follows it: projected out of the code; where a window lies on the
                       line is kept beside it as a coordinate
    led by a rotation  delay: stays in the code, which turns with it; the amount is found by alignment

The code of a latent counts from where lines are at the mean anchor and planes at their centre, so that it turns about
0, and is scaled to length 1. The similarity of two codes is their inner product (a cosine, -1..1).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from softaxes.geometry.alignment import align
from softaxes.geometry.axes import Axes, LineAxis


def line_names(axes: Axes) -> tuple[str, ...]:
    """The lines, in the axes' order: each has a coordinate."""
    return tuple(name for name, axis in axes.items() if isinstance(axis, LineAxis))


def rotation_names(axes: Axes) -> tuple[str, ...]:
    """The kinds that turn a code: circles and cycles that follow no line."""
    return tuple(name for name, axis in axes.items() if axis.kind.family == name not in line_names(axes))


def content_codes(axes: Axes, z: Float[Tensor, "N D"]) -> Float[np.ndarray, "N D"]:
    """Unit-length codes of latents, float32; a latent at rest in all that a code keeps has a code of zeros."""
    lines = line_names(axes)
    dropped = [name for name, axis in axes.items() if axis.kind.family in lines]
    content = (axes.remove(z, *dropped) if dropped else z) - _rest(axes, z)
    length = content.norm(dim=-1, keepdim=True)
    codes: NDArray[np.float32] = torch.where(length > 1e-8, content / length.clamp_min(1e-8), 0.0).float().numpy()
    return codes


def mean_latent(axes: Axes, like: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """The mean anchor that the axes were fitted on; zeros if no axis is a line (only lines keep it)."""
    lines = [axis for axis in axes.values() if isinstance(axis, LineAxis)]
    return lines[0].origin.to(like) if lines else torch.zeros(like.shape[-1]).to(like)


def coordinates(axes: Axes, z: Float[Tensor, "N D"]) -> Float[np.ndarray, "N L"]:
    """Where each latent lies on every line, float32, in the axes' order and units."""
    places = [axis.coordinate(z) for axis in axes.values() if isinstance(axis, LineAxis)]
    stacked = torch.stack(places, dim=-1) if places else z.new_empty(len(z), 0)
    found: NDArray[np.float32] = stacked.float().numpy()
    return found


def turned(axes: Axes, codes: Float[np.ndarray, "N D"], **amounts: float) -> Float[np.ndarray, "N D"]:
    """Codes of the same windows moved by so much in kinds that rotate."""
    kept = torch.from_numpy(np.asarray(codes, np.float32))
    rest = _rest(axes, kept)
    moved: NDArray[np.float32] = (axes.shift(rest + kept, **amounts) - rest).numpy()
    return moved


def shift_between(
    axes: Axes,
    before: tuple[Float[np.ndarray, "N D"], Float[np.ndarray, "N L"]],
    after: tuple[Float[np.ndarray, "N D"], Float[np.ndarray, "N L"]],
) -> Mapping[str, NDArray[np.float64]]:
    """Signed amount by kind that carries each of ``before`` onto the same row of ``after``: (codes, coordinates) each.

    On a line any number, read off the coordinates; of what rotates the amount at which the codes are most alike, in
    [-period / 2, period / 2).
    """
    lines, rotations = line_names(axes), rotation_names(axes)
    first, second = (np.asarray(places, np.float64) for _, places in (before, after))
    if first.shape[-1:] != (len(lines),) or second.shape[-1:] != (len(lines),):
        raise ValueError(
            f"`before` and `after` must hold one coordinate a line ({len(lines)}), got {first.shape}, {second.shape}"
        )
    amounts = {name: second[..., column] - first[..., column] for column, name in enumerate(lines)}
    if rotations:
        one, two = (torch.from_numpy(np.array(codes, np.float32)) for codes, _ in (before, after))
        rest = _rest(axes, one)
        found = align(rest + one, rest + two, axes, kinds=rotations, rowwise=True).amounts
        amounts |= {name: amount.double().numpy() for name, amount in found.items()}
    return amounts


def similarity(first: ArrayLike, second: ArrayLike) -> Float[np.ndarray, "N M"]:
    """Cosine of every code in ``first`` (N, D) with every one in ``second`` (M, D)."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"`first` and `second` must be (N, D) and (M, D), got {a.shape} and {b.shape}")
    return a @ b.T


def _rest(axes: Axes, like: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """The latent whose code is 0."""
    return axes.remove(mean_latent(axes, like))

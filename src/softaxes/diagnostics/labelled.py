"""What does a diagnostic take? Latents of anchors and of their shifted views, and the labels of the shifts.

Conventions, the same in every module of this package: ``anchor`` (B, D) and ``views`` (B, V, D) are latents, numpy or
torch; ``kind`` (B, V) holds integers that index ``kinds``, or names; ``amount`` (B, V) is signed, in the kind's unit;
``clipped`` (B, V) says which views lost content at an edge; ``group`` (B,) says which items belong together (a song):
intervals resample groups and held-out means held-out groups. Without ``group`` each item is its own. Without ``kinds``
every kind is a line. Everything is computed in float64.
A metric takes these as they are, ``cosines(anchor, views, kind, amount, kinds=...)``, or a `Labelled`, which is checked
once for many of them (``on_arrays``).

A difference no longer than the rounding of float32 latents (``RESOLUTION`` times the largest |z|) has no direction. It
is left out wherever a direction is asked for, and counted as *dead*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from softaxes.geometry.kinds import Cycle, Kind, Line, check_kinds
from softaxes.losses.harmonics import harmonic_weights

Array = NDArray[Any]
R = TypeVar("R")
LABELS = ("anchor", "views", "kind", "amount", "clipped", "group", "kinds")  # arguments of `label`
RESOLUTION = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Labelled:
    """Checked latents and labels; ``clipped`` is None if nobody said. ``group`` holds 0..G-1."""

    anchor: Array
    views: Array
    kind: Array
    amount: Array
    clipped: Array | None
    group: Array
    kinds: tuple[Kind, ...]

    @cached_property
    def difference(self) -> Array:
        """f(T_s x) - f(x), (B, V, D)."""
        return self.views - self.anchor[:, None]

    @cached_property
    def norm(self) -> Array:
        """|difference|, (B, V)."""
        return np.asarray(np.linalg.norm(self.difference, axis=-1))

    @cached_property
    def inner(self) -> Array:
        """Inner products of the differences of each anchor, (B, V, V)."""
        return np.asarray(self.difference @ self.difference.swapaxes(1, 2))

    @cached_property
    def unit(self) -> Array:
        """Differences of length 1, (B, V, D); zeros where a view is dead."""
        safe = np.where(self.alive, self.norm, 1.0)
        return np.where(self.alive[..., None], self.difference / safe[..., None], 0.0)

    @cached_property
    def alive(self) -> Array:
        """Views whose difference is longer than rounding, (B, V)."""
        largest = max(np.linalg.norm(self.anchor, axis=-1).max(), np.linalg.norm(self.views, axis=-1).max(initial=0.0))
        return self.norm > RESOLUTION * largest

    @cached_property
    def shifted(self) -> Array:
        """Views whose kind promises a difference: not amount 0, not a whole turn of a circle or cycle, (B, V)."""
        return self.promised_length > 1e-9

    @cached_property
    def amounts(self) -> Array:
        """One column per kind, (B, V, K): a shift moves its own kind and those that follow it."""
        columns = []
        for moved in self.kinds:
            movers = [i for i, kind in enumerate(self.kinds) if kind.name in (moved.name, moved.family)]
            columns.append(np.where(np.isin(self.kind, movers), self.amount, 0.0))
        return np.stack(columns, axis=-1)

    @cached_property
    def promised_length(self) -> Array:
        """|difference| that the kinds promise, up to one scale per kind: sqrt(2 gamma), (B, V)."""
        return np.sqrt(np.maximum(self.promised_inner(self.amounts, self.amounts), 0.0))

    @cached_property
    def weights(self) -> dict[str, torch.Tensor]:
        """Harmonic weights of the cycles, by name: those that they give, or else those of these latents."""
        anchor, views, amounts = (torch.from_numpy(x) for x in (self.anchor, self.views, self.amounts))
        return {
            kind.name: torch.tensor(kind.weights, dtype=torch.float64)
            if kind.weights
            else harmonic_weights(self.kinds, kind, anchor, views, amounts, ranks=False)
            for kind in self.kinds
            if isinstance(kind, Cycle)
        }

    def promised_inner(self, s: Array, t: Array) -> Array:
        """Inner product of the differences that rows ``s`` and ``t`` of ``amounts``, (..., K), promise; shape (...)."""
        columns = zip(self.kinds, *(torch.from_numpy(np.moveaxis(x, -1, 0).copy()) for x in (s, t)), strict=True)
        inner = []
        for kind, a, b in columns:
            known = {"weights": self.weights[kind.name]} if isinstance(kind, Cycle) else {}
            inner.append(kind.length(a, **known) * kind.length(b, **known) * kind.cosine(a, b, **known))
        return np.asarray(torch.stack(inner).sum(0).numpy())

    def rows(self, items: Array) -> Labelled:
        """The same for some of the items, in the order of ``items``; groups are numbered afresh."""
        clipped = None if self.clipped is None else self.clipped[items]
        group = np.unique(self.group[items], return_inverse=True)[1]
        fields = (self.anchor[items], self.views[items], self.kind[items], self.amount[items])
        return Labelled(*fields, clipped, group, self.kinds)

    def parts(self) -> dict[str, Array]:
        """Masks (B, V) of the views to report apart: "all", and if ``clipped`` is known "unclipped" and "clipped"."""
        every = np.ones(self.kind.shape, dtype=bool)
        if self.clipped is None:
            return {"all": every}
        return {"all": every, "unclipped": ~self.clipped, "clipped": self.clipped}


def label(
    anchor: ArrayLike,
    views: ArrayLike,
    kind: ArrayLike,
    amount: ArrayLike,
    *,
    clipped: ArrayLike | None = None,
    group: ArrayLike | None = None,
    kinds: Sequence[Kind] | None = None,
) -> Labelled:
    """Check shapes and values; ValueError names the argument, the requirement and what came instead."""
    z = finite(anchor, "anchor", "(B, D) with B, D > 0", ndim=2)
    if z.size == 0:
        raise ValueError(f"`anchor` must have shape (B, D) with B, D > 0, got {z.shape}")
    zv = finite(views, "views", f"({z.shape[0]}, V, {z.shape[1]}) to fit `anchor`", ndim=3)
    if zv.shape[0] != z.shape[0] or zv.shape[2] != z.shape[1] or zv.shape[1] == 0:
        raise ValueError(f"`views` must have shape ({z.shape[0]}, V, {z.shape[1]}) to fit `anchor`, got {zv.shape}")
    shape = zv.shape[:2]
    index, declared = _kind_index(to_numpy(kind), kinds)
    signed = finite(amount, "amount", f"{shape}", ndim=2)
    lost = None if clipped is None else to_numpy(clipped)
    for name, value in (("kind", index), ("amount", signed), ("clipped", lost)):
        if value is not None and value.shape != shape:
            raise ValueError(f"`{name}` must have shape {shape} to fit `views`, got {value.shape}")
    if lost is not None and lost.dtype != np.bool_:
        raise ValueError(f"`clipped` must hold booleans, got {lost.dtype}")
    return Labelled(z, zv, index, signed, lost, group_index(group, len(z)), declared)


def on_arrays(metric: Callable[..., R]) -> Callable[..., R]:
    """A metric of a `Labelled` that also takes what `label` takes, before its own options."""

    @wraps(metric)
    def either(*data: Any, **options: Any) -> R:
        if data and isinstance(data[0], Labelled):
            return metric(*data, **options)
        labels = {name: options.pop(name) for name in LABELS if name in options}
        return metric(label(*data, **labels), **options)

    return either


def to_numpy(value: ArrayLike) -> Array:
    """A numpy array of any array or tensor; bfloat16 becomes float32 on the way."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
    return np.asarray(value)


def finite(value: ArrayLike, name: str, shape: str, *, ndim: int) -> Array:
    """``value`` in float64; ValueError if it is not numeric, not finite or not of ``ndim`` dimensions."""
    array = to_numpy(value)
    if array.ndim != ndim:
        raise ValueError(f"`{name}` must have shape {shape}, got {array.shape}")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must hold real numbers, got {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")
    return array


def group_index(group: ArrayLike | None, items: int) -> Array:
    """Group labels of any type as 0..G-1, shape (items,); each item its own group without labels."""
    if group is None:
        return np.arange(items)
    labels = to_numpy(group)
    if labels.shape != (items,):
        raise ValueError(f"`group` must have shape ({items},), one label an item, got {labels.shape}")
    return np.unique(labels, return_inverse=True)[1]


def _kind_index(kind: Array, kinds: Sequence[Kind] | None) -> tuple[Array, tuple[Kind, ...]]:
    if kind.dtype.kind in "iu":
        declared = kinds if kinds is not None else [Line(f"kind{i}") for i in range(int(kind.max(initial=0)) + 1)]
        checked = check_kinds(declared)
        if kind.size and not (kind.min() >= 0 and kind.max() < len(checked)):
            raise ValueError(f"`kind` must lie in 0..{len(checked) - 1}, got {kind.min()}..{kind.max()}")
        return kind.astype(np.int64), checked
    if kind.dtype.kind not in "UO":
        raise ValueError(f"`kind` must hold integers or names, got {kind.dtype}")
    names = [str(name) for name in np.unique(kind)]
    checked = check_kinds(kinds if kinds is not None else [Line(name) for name in names])
    known = [declared.name for declared in checked]
    for name in names:
        if name not in known:
            raise ValueError(f"`kind` must hold names of `kinds`, {known}, got {name!r}")
    return np.select([kind == name for name in known], range(len(known))), checked

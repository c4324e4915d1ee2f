"""By which shift is one latent like another? Alignment along fitted axes, and what no shift changes.

    line    the amount that brings both to one coordinate, in closed form (least squares, where lines overlap)
    cycle   the amount s at which Re sum_h exp(-2 pi i h s / period) <a_h, b_h> is largest, among steps of a grid

``a_h`` and ``b_h`` are the parts of two latents in the planes of harmonic h, as complex numbers: the sum is their
circular cross-correlation. It is computed as one matrix product of all turns of the first with the second, which for
codes of some hundred floats takes half the time of a product a harmonic and a Fourier transform, and any set of
harmonics and amounts. A circle is a cycle of one harmonic. What follows a kind turns with it. Different kinds move
different coordinates, so each finds its amount alone.

Conventions: latents are (N, D) and (M, D). Amounts carry the first onto the second, in the kind's unit; on a circle or
cycle in [-period / 2, period / 2). Similarities are of what is left once lines are brought to one coordinate: parts in
planes count from their centre, content from the mean anchor of the fit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from softaxes.geometry.axes import Axes, Axis, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.labels import at_least_float32, check_finite, check_vectors

Measure = Literal["cosine", "distance"]
HELD = 2**23  # numbers that one block of comparisons holds
TIED = 1e-6  # of the product of lengths: amounts this close are equally good, and the smallest is taken


@dataclass(frozen=True, eq=False)
class Alignment:
    """How latents fit onto others: ``amounts`` by kind, and how alike they are there, all of one shape.

    ``similarity`` is a cosine, in [-1, 1] (0 where a latent is at rest in all that is compared), or a distance, >= 0.
    """

    amounts: dict[str, Tensor]
    similarity: Tensor


def align(
    a: Float[Tensor, "*N D"],
    b: Float[Tensor, "*M D"],
    axes: Axes,
    *,
    kinds: Sequence[str] | None = None,
    rowwise: bool = False,
    resolution: int = 1,
    measure: Measure = "cosine",
) -> Alignment:
    """The shifts that carry each of ``a`` onto each of ``b``, and the similarity there; shape (N, M).

    Args:
        a, b: (N, D) and (M, D); a single latent (D,) leaves its dimension out of the result.
        axes: fitted axes.
        kinds: names of those that may move; by default all that follow no other. The rest is compared as it is.
        rowwise: compare each row with the same row alone, both (N, D); the result is (N,).
        resolution: amounts to a step that are tried on circles and cycles: 2 tries half steps too.
        measure: "cosine", or "distance", the least one.

    Raises:
        ValueError: an unknown kind or measure, shapes that do not fit, latents that are not finite, a resolution below
            1.
        TypeError: latents that are no tensors.
    """
    if measure not in get_args(Measure):
        raise ValueError(f"`measure` must be one of {', '.join(get_args(Measure))}, got {measure!r}")
    if resolution < 1 or resolution != int(resolution):
        raise ValueError(f"`resolution` must be a whole number >= 1, got {resolution}")
    frame = _frame(axes, kinds)
    one, two = frame.coordinates("a", a), frame.coordinates("b", b)
    if rowwise and a.shape != b.shape:
        raise ValueError(f"`b` must have shape {tuple(a.shape)} as `a` does when `rowwise`, got {tuple(b.shape)}")
    shape = a.shape[:-1] if rowwise else a.shape[:-1] + b.shape[:-1]
    grids = {name: _grid(period, resolution).to(one) for name, period in frame.periods.items()}
    held = max([len(grid) for grid in grids.values()], default=1) * (one.shape[1] if rowwise else max(1, len(two)))
    rows = max(1, HELD // held)
    others = two.split(rows) if rowwise else itertools.repeat(two)
    parts = [_compare(frame, grids, x, y, rowwise=rowwise) for x, y in zip(one.split(rows), others, strict=False)]
    columns = [torch.cat(part) for part in zip(*parts, strict=True)]
    inner, before, after, *amounts = (column.reshape(shape) for column in columns)
    if measure == "cosine":
        lengths = (before * after).sqrt()
        similarity = (inner / lengths.clamp_min(1e-30)).clamp(-1, 1).where(lengths > 0, 0.0)
    else:
        similarity = (before + after - 2 * inner).clamp_min(0).sqrt()
    return Alignment(dict(zip(frame.names, amounts, strict=True)), similarity)


def invariants(z: Float[Tensor, "*N D"], axes: Axes, *, kinds: Sequence[str] | None = None) -> Float[Tensor, "*N F"]:
    """What no shift of ``kinds`` (as in `align`) changes: the length in each harmonic, then the content off the axes.

    Two latents are no farther apart in these than after their best alignment (``measure="distance"``): a search may
    leave out what is too far, and align the rest.

    Raises:
        ValueError, TypeError: as `align`.
    """
    frame = _frame(axes, kinds)
    inside = frame.coordinates("z", z)
    parts = frame.parts(inside)
    lengths = [
        parts[:, planes].abs().square().sum(-1, keepdim=True).sqrt()
        for turns in frame.turns.values()
        for planes in turns.values()
    ]
    return torch.cat([*lengths, frame.content(inside)], dim=-1).reshape(*z.shape[:-1], -1)


@dataclass(frozen=True, eq=False)
class _Frame:
    """Coordinates in which kinds move: two for each plane, then the content, then one for each line.

    Attributes:
        rows, offset: coordinates are ``z @ rows.T - offset``.
        planes: how many there are.
        turns: by kind, which planes turn with it, by their turns a unit of the amount.
        lines: kinds whose amount a line tells, in the order of their coordinates.
        periods: of the other kinds: the longest of what turns.
    """

    rows: Float[Tensor, "C D"]
    offset: Float[Tensor, " C"]
    planes: int
    turns: dict[str, dict[float, list[int]]]
    lines: list[str]
    periods: dict[str, float]

    @property
    def names(self) -> list[str]:
        """Of the kinds that move."""
        return list(self.turns)

    def coordinates(self, name: str, z: Tensor) -> Float[Tensor, "N C"]:
        """Of checked latents, one a row."""
        check_vectors(name, z, self.rows.shape[1])
        if z.ndim not in (1, 2):
            raise ValueError(f"`{name}` must have shape (N, {self.rows.shape[1]}), got {tuple(z.shape)}")
        check_finite(name, z)
        z = at_least_float32(z.detach()).reshape(-1, z.shape[-1])
        return z @ self.rows.to(z).T - self.offset.to(z)

    def parts(self, inside: Float[Tensor, "N C"]) -> Complex[Tensor, "N P"]:
        """Points of the planes as complex numbers."""
        return torch.view_as_complex(inside[:, : 2 * self.planes].unflatten(1, (self.planes, 2)).contiguous())

    def content(self, inside: Float[Tensor, "N C"]) -> Float[Tensor, "N R"]:
        """What is on no line and in no plane."""
        return inside[:, 2 * self.planes : inside.shape[1] - len(self.lines)]


def _frame(axes: Axes, kinds: Sequence[str] | None) -> _Frame:
    """The coordinates of the named kinds, or of all that follow no other; UnknownKind for one without an axis."""
    if not axes:
        raise ValueError("`axes` must hold at least one axis, got none")
    if kinds is None:
        names = [name for name, axis in axes.items() if axis.kind.family == name or axis.kind.family not in axes]
    else:
        names = list(dict.fromkeys([kinds] if isinstance(kinds, str) else kinds))
    turns: dict[str, dict[float, list[int]]] = {name: {} for name in names}
    lines: list[LineAxis] = []
    rotations: list[CircleAxis | CycleAxis] = []
    periods: dict[str, float] = {}
    planes = 0
    for name in names:
        for axis in _moved_by(axes, name, names):
            if isinstance(axis, LineAxis):
                lines.append(axis)
                continue
            rotations.append(axis)
            for h in axis.kind.harmonics:
                turns[name].setdefault(h / axis.kind.period, []).append(planes)
                planes += 1
            if not isinstance(axes[name], LineAxis):
                periods[name] = max(periods.get(name, 0.0), axis.kind.period)
    rows, offset = _rows(axes, lines, rotations)
    return _Frame(rows, offset, planes, turns, [line.kind.name for line in lines], periods)


def _moved_by(axes: Axes, name: str, names: Sequence[str]) -> Iterator[Axis]:
    """The axis of a kind and those of its followers that are not named themselves."""
    yield axes[name]
    for follower, axis in axes.items():
        if axis.kind.family == name != follower and follower not in names:
            yield axis


def _rows(axes: Axes, lines: list[LineAxis], rotations: list[CircleAxis | CycleAxis]) -> tuple[Tensor, Tensor]:
    """Rows and offset of a `_Frame`, in float64."""
    origins = [axis.origin for axis in axes.values() if isinstance(axis, LineAxis)]
    rest = next(iter(axes.values())).rest.double()
    mean = origins[0].double() if origins else torch.zeros_like(rest)
    empty = rest.new_empty(0, len(rest))
    taken = torch.cat([empty, *(axis.basis.double() for axis in (*rotations, *lines))])
    _, values, right = torch.linalg.svd(taken, full_matrices=True)
    free = right[int((values > 1e-6).sum()) :]
    directions = torch.cat([empty, *(line.direction.double()[None] for line in lines)])
    readers = torch.linalg.pinv(directions, rtol=1e-6).T
    rows = torch.cat([empty, *(axis.basis.double() for axis in rotations), free, readers])
    centres = [axis.basis.double() @ axis.rest.double() for axis in rotations]
    return rows, torch.cat([*centres, free @ mean, readers @ mean])


def _grid(period: float, resolution: int) -> Float[Tensor, " S"]:
    """Amounts within half a period, smallest first, ``resolution`` to a step."""
    first, end = (math.ceil(side * period * resolution / 2) for side in (-1, 1))
    return torch.tensor(sorted(range(first, end), key=lambda k: (abs(k), -k))) / resolution


def _compare(
    frame: _Frame, grids: dict[str, Tensor], one: Float[Tensor, "N C"], two: Float[Tensor, "M C"], *, rowwise: bool
) -> list[Tensor]:
    """Inner products after alignment, squared lengths of both, and the amount of each kind: (N, M) or (N, 1) each."""

    def together(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (x[:, None], y[:, None]) if rowwise else (x[:, None].expand(-1, len(y)), y.expand(len(x), -1))

    parts, others = frame.parts(one), frame.parts(two)
    content, other_content = frame.content(one), frame.content(two)
    squares = [p.abs().square().sum(-1) + c.square().sum(-1) for p, c in ((parts, content), (others, other_content))]
    before, after = together(*squares)
    inner = _products(content[:, None], other_content, rowwise=rowwise)[:, 0]
    amounts = []
    for name, turns in frame.turns.items():
        planes = [plane for alike in turns.values() for plane in alike]
        frequency = one.new_tensor([f for f, alike in turns.items() for _ in alike])
        if name in frame.lines:
            column = frame.lines.index(name) - len(frame.lines)
            start, end = together(one[:, column], two[:, column])
            amount = end - start
            for f, plane in zip(frequency, planes, strict=True):
                first, second = together(parts[:, plane], others[:, plane])
                inner = inner + (first * _turned(f * amount) * second.conj()).real
        else:
            turned = parts[:, None, planes] * _turned(grids[name][:, None] * frequency)
            correlation = _products(_real(turned), _real(others[:, planes]), rowwise=rowwise)
            best = correlation.amax(1)
            equal = correlation >= (best - TIED * (before * after).sqrt())[:, None]
            amount = grids[name][equal.to(torch.uint8).argmax(1)]
            inner = inner + best
        amounts.append(amount)
    return [inner, before, after, *amounts]


def _products(x: Float[Tensor, "N S C"], y: Float[Tensor, "M C"], *, rowwise: bool) -> Float[Tensor, "N S L"]:
    """Of all S rows of x with every row of y, or (L = 1) with the one of the same number."""
    return x @ y[:, :, None] if rowwise else (x.flatten(0, 1) @ y.T).unflatten(0, x.shape[:2])


def _turned(turns: Tensor) -> Tensor:
    """The complex number that turns a point by so many turns."""
    return torch.polar(torch.ones_like(turns), 2 * math.pi * turns)


def _real(z: Complex[Tensor, "*N P"]) -> Float[Tensor, "*N C"]:
    return torch.view_as_real(z).flatten(-2)

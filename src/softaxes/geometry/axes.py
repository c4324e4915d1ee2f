"""Which direction is "pitch"? A fitted axis: read a coordinate, move along it, or take it away.

    line    shift: z + s u                  coordinate: signed, in units
    circle  shift: c + R(alpha) (z - c)     coordinate: phase in steps; within the plane, alpha = 2 pi s / period
    cycle   shift: c + R(h alpha) (z - c)   coordinate: phase in steps; within each plane, h its harmonic

Conventions: coordinates are in the kind's unit and relative to the mean anchor of the fit (line) or the centre
(circle, in [0, period)). Attributes learned by a fit (`softaxes.geometry.fit`) are plain tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.kinds import Circle, Cycle, Kind, Line, rotate, turns
from softaxes.geometry.labels import check_vectors


@dataclass(frozen=True, eq=False)
class LineAxis:
    """A fitted line: ``direction`` (D,) is the displacement of one unit, ``origin`` (D,) the mean anchor."""

    kind: Line
    direction: Float[Tensor, " D"]
    origin: Float[Tensor, " D"]

    @property
    def basis(self) -> Float[Tensor, "1 D"]:
        """Orthonormal rows that span the axis."""
        return (self.direction / self.direction.norm().clamp_min(1e-30))[None]

    @property
    def rest(self) -> Float[Tensor, " D"]:
        """A point (D,) whose place on the axis is where `remove` ends."""
        return self.origin

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Signed position in units, 0 at the mean anchor."""
        check_vectors("z", z, len(self.origin))
        return (z - self.origin.to(z)) @ (self.direction / self.direction.square().sum().clamp_min(1e-30)).to(z)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """``z + amount u``; ``amount`` a number or one per row."""
        check_vectors("z", z, len(self.origin))
        return z + torch.as_tensor(amount, dtype=z.dtype, device=z.device)[..., None] * self.direction.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` moved along the axis to coordinate 0."""
        return self.shift(z, -self.coordinate(z))


@dataclass(frozen=True, eq=False)
class CircleAxis:
    """A fitted circle: ``plane`` (2, D) with orthonormal rows, ``centre`` (D,)."""

    kind: Circle
    plane: Float[Tensor, "2 D"]
    centre: Float[Tensor, " D"]

    @property
    def basis(self) -> Float[Tensor, "2 D"]:
        """Orthonormal rows that span the axis."""
        return self.plane

    @property
    def rest(self) -> Float[Tensor, " D"]:
        """A point (D,) whose place on the axis is where `remove` ends."""
        return self.centre

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Phase in steps, in [0, period); at the centre, where there is none, 0."""
        return _phase(self._in_plane(z), self.kind.period)

    def radius(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Distance from the centre within the plane."""
        return self._in_plane(z).norm(dim=-1)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """Turn ``z`` in the plane by ``2 pi amount / period``; ``amount`` a number or one per row."""
        check_vectors("z", z, len(self.centre))
        xy = self._in_plane(z)
        turned = rotate(xy, self.kind.angle(torch.as_tensor(amount, dtype=z.dtype, device=z.device)))
        return z + (turned - xy) @ self.plane.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with its part in the plane moved to the centre."""
        return z - self._in_plane(z) @ self.plane.to(z)

    def _in_plane(self, z: Tensor) -> Tensor:
        check_vectors("z", z, len(self.centre))
        return (z - self.centre.to(z)) @ self.plane.to(z).T


@dataclass(frozen=True, eq=False)
class CycleAxis:
    """A fitted cycle: ``planes`` (P, 2, D), one a harmonic of the kind, all rows orthonormal; ``centre`` (D,)."""

    kind: Cycle
    planes: Float[Tensor, "P 2 D"]
    centre: Float[Tensor, " D"]

    @property
    def basis(self) -> Float[Tensor, "rows D"]:
        """Orthonormal rows that span the axis."""
        return self.planes.flatten(0, 1)

    @property
    def rest(self) -> Float[Tensor, " D"]:
        """A point (D,) whose place on the axis is where `remove` ends."""
        return self.centre

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Phase in steps of the first plane of the lowest harmonic h, in [0, period / h); 0 at its centre.

        A shift by ``s`` adds ``s``; where it is 0 is the latent's own choice. `softaxes.align` compares two latents.
        """
        lowest = self.kind.harmonics.index(min(self.kind.harmonics))
        return _phase(self._in_planes(z)[..., lowest, :], self.kind.coordinate_period)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """Turn ``z`` in every plane by ``2 pi h amount / period``; ``amount`` a number or one per row, whole or not."""
        xy = self._in_planes(z)
        turned = rotate(xy, turns(self.kind, torch.as_tensor(amount, dtype=z.dtype, device=z.device)))
        return z + (turned - xy).flatten(-2) @ self.basis.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with its part in the planes moved to the centre."""
        return z - self._in_planes(z).flatten(-2) @ self.basis.to(z)

    def _in_planes(self, z: Tensor) -> Float[Tensor, "*N P 2"]:
        check_vectors("z", z, len(self.centre))
        return ((z - self.centre.to(z)) @ self.basis.to(z).T).unflatten(-1, (-1, 2))


def _phase(xy: Float[Tensor, "*N 2"], period: float) -> Float[Tensor, "*N"]:
    """The angle of points of a plane, as a share of ``period``."""
    steps = (torch.atan2(xy[..., 1], xy[..., 0]) * (period / (2 * math.pi))).remainder(period)
    return steps.where(steps < period, 0.0)  # the remainder of -1e-9 rounds to a whole period


Axis = LineAxis | CircleAxis | CycleAxis


class UnknownKind(KeyError, ValueError):
    """A kind that a model has no axis for."""

    __str__ = ValueError.__str__  # KeyError would print its message in quotes


class Axes(Mapping[str, Axis]):
    """The fitted axes of a latent, by name; shifts of several kinds at once, and removal of all together."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = {axis.kind.name: axis for axis in axes}

    def __getitem__(self, name: str) -> Axis:
        if name not in self._axes:
            raise UnknownKind(f"unknown kind {name!r}; this model knows {', '.join(self._axes) or 'none'}")
        return self._axes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __len__(self) -> int:
        return len(self._axes)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds in the order of the fit."""
        return tuple(axis.kind for axis in self._axes.values())

    def shift(self, z: Float[Tensor, "*N D"], /, **amounts: float | Tensor) -> Float[Tensor, "*N D"]:
        """``z`` moved by each named amount; what follows a named kind turns with it unless it is named itself.

        Fitted axes commute, so the order does not matter. UnknownKind (a ValueError) for a kind without an axis.
        """
        for name, amount in amounts.items():
            z = self[name].shift(z, amount)
            for axis in self._axes.values():
                if axis.kind.family == name != axis.kind.name and axis.kind.name not in amounts:
                    z = axis.shift(z, amount)
        return z

    def remove(self, z: Float[Tensor, "*N D"], *names: str) -> Float[Tensor, "*N D"]:
        """Content: ``z`` with the named axes (default: all) projected out together.

        Lines go to coordinate 0 and circles to their centre, at once; by least squares where axes overlap.
        """
        chosen = [self[name] for name in names or self]
        if not chosen:
            return z
        check_vectors("z", z, len(chosen[0].rest))
        basis = torch.cat([axis.basis for axis in chosen]).double()
        ends = torch.cat([axis.basis.double() @ axis.rest.double() for axis in chosen])
        back = torch.linalg.pinv(basis, rtol=1e-6).to(z)
        return z - (z @ basis.to(z).T - ends.to(z)) @ back.T

    def angles(self) -> dict[tuple[str, str], float]:
        """Smallest principal angle in degrees between every two axes: 90 = orthogonal, 0 = they share a direction."""
        names = list(self)
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        return {(a, b): _principal_angle(self[a].basis, self[b].basis) for a, b in pairs}

    def state(self) -> dict[str, Tensor]:
        """Tensors to save; ``Axes.from_state(kinds, state)`` gives the axes back."""
        state: dict[str, Tensor] = {}
        for name, axis in self._axes.items():
            if isinstance(axis, LineAxis):
                state |= {f"{name}.direction": axis.direction, f"{name}.origin": axis.origin}
            elif isinstance(axis, CircleAxis):
                state |= {f"{name}.plane": axis.plane, f"{name}.centre": axis.centre}
            else:
                state |= {f"{name}.planes": axis.planes, f"{name}.centre": axis.centre}
        return state

    @classmethod
    def from_state(cls, kinds: Sequence[Kind], state: Mapping[str, Tensor]) -> Axes:
        axes: list[Axis] = []
        for kind in kinds:
            if isinstance(kind, Line):
                axes.append(LineAxis(kind, state[f"{kind.name}.direction"], state[f"{kind.name}.origin"]))
            elif isinstance(kind, Circle):
                axes.append(CircleAxis(kind, state[f"{kind.name}.plane"], state[f"{kind.name}.centre"]))
            else:
                axes.append(CycleAxis(kind, state[f"{kind.name}.planes"], state[f"{kind.name}.centre"]))
        return cls(axes)


def _principal_angle(a: Float[Tensor, "K D"], b: Float[Tensor, "L D"]) -> float:
    cosine = torch.linalg.svdvals(a.double() @ b.double().T).max().clamp(max=1.0)
    return math.degrees(math.acos(float(cosine)))

"""Which direction is "pitch"? Fit one axis per kind to latents, then read it, move along it, or take it away.

    line    z_s - z = s u                              u: least squares over differences
    circle  P (z_s - c) = R(alpha) P (z - c)           plane P (2, D), centre c; alpha = 2 pi s / period

A circle's plane is found in closed form: regress differences on ``[(cos alpha - 1) z, sin(alpha) z, cos alpha - 1,
sin alpha]``. For latents that turn in a plane, the coefficient of ``sin(alpha) z`` is the antisymmetric rotation
generator of that plane, and its leading singular pair spans it.

Conventions: coordinates are in the kind's unit and relative to the mean anchor of the fit (line) or the centre
(circle, in [0, period)). Attributes learned by a fit are plain tensors. Axes are fitted on training data only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.factorization import amounts_by_kind, check_latents
from softaxes.kinds import Circle, Kind, Line, check_kinds


@dataclass(frozen=True)
class LineAxis:
    """A fitted line: ``direction`` (D,) is the displacement of one unit, ``origin`` (D,) the mean anchor."""

    kind: Line
    direction: Float[Tensor, D]
    origin: Float[Tensor, D]

    @property
    def basis(self) -> Float[Tensor, "1 D"]:
        """Orthonormal rows that span the axis."""
        return (self.direction / self.direction.norm().clamp_min(1e-30))[None]

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Signed position in units, 0 at the mean anchor."""
        return (z - self.origin.to(z)) @ (self.direction / self.direction.square().sum().clamp_min(1e-30)).to(z)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """``z + amount u``; ``amount`` a number or one per row."""
        return z + torch.as_tensor(amount, dtype=z.dtype, device=z.device)[..., None] * self.direction.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` moved along the axis to coordinate 0."""
        return self.shift(z, -self.coordinate(z))


@dataclass(frozen=True)
class CircleAxis:
    """A fitted circle: ``plane`` (2, D) with orthonormal rows, ``centre`` (D,)."""

    kind: Circle
    plane: Float[Tensor, "2 D"]
    centre: Float[Tensor, D]

    @property
    def basis(self) -> Float[Tensor, "2 D"]:
        """Orthonormal rows that span the axis."""
        return self.plane

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Phase in steps, in [0, period)."""
        xy = self._in_plane(z)
        return self._steps(torch.atan2(xy[..., 1], xy[..., 0])).remainder(self.kind.period)

    def radius(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Distance from the centre within the plane."""
        return self._in_plane(z).norm(dim=-1)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """Turn ``z`` in the plane by ``2 pi amount / period``; ``amount`` a number or one per row."""
        angle = self.kind.angle(torch.as_tensor(amount, dtype=z.dtype, device=z.device))
        xy = self._in_plane(z)
        cos, sin = torch.cos(angle), torch.sin(angle)
        x, y = xy[..., 0], xy[..., 1]
        turned = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
        return z + (turned - xy) @ self.plane.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with its part in the plane moved to the centre."""
        return z - self._in_plane(z) @ self.plane.to(z)

    def _in_plane(self, z: Tensor) -> Tensor:
        return (z - self.centre.to(z)) @ self.plane.to(z).T

    def _steps(self, angle: Tensor) -> Tensor:
        return angle * (self.kind.period / (2 * math.pi))


Axis = LineAxis | CircleAxis


class Axes(Mapping[str, Axis]):
    """The fitted axes of a latent, by name; shifts of several kinds at once, and removal of all together."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = {axis.kind.name: axis for axis in axes}

    def __getitem__(self, name: str) -> Axis:
        if name not in self._axes:
            raise ValueError(f"unknown kind {name!r}; this model knows {', '.join(self._axes) or 'none'}")
        return self._axes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __len__(self) -> int:
        return len(self._axes)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(axis.kind for axis in self._axes.values())

    def shift(self, z: Float[Tensor, "*N D"], **amounts: float | Tensor) -> Float[Tensor, "*N D"]:
        """``z`` moved by each named amount; circles that follow a named kind turn with it.

        The order does not matter as far as the axes are orthogonal.
        """
        for name, amount in amounts.items():
            z = self[name].shift(z, amount)
            for axis in self._axes.values():
                if axis.kind.family == name != axis.kind.name and axis.kind.name not in amounts:
                    z = axis.shift(z, amount)
        return z

    def remove(self, z: Float[Tensor, "*N D"], *names: str) -> Float[Tensor, "*N D"]:
        """Content: ``z`` with the named axes (default: all) projected out together."""
        chosen = [self[name] for name in names or self]
        if not chosen:
            return z
        basis = orthonormal(torch.cat([axis.basis for axis in chosen]).to(z))
        origin = chosen[0].origin if isinstance(chosen[0], LineAxis) else chosen[0].centre
        return z - ((z - origin.to(z)) @ basis.T) @ basis

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
            else:
                state |= {f"{name}.plane": axis.plane, f"{name}.centre": axis.centre}
        return state

    @classmethod
    def from_state(cls, kinds: Sequence[Kind], state: Mapping[str, Tensor]) -> Axes:
        axes: list[Axis] = []
        for kind in kinds:
            if isinstance(kind, Line):
                axes.append(LineAxis(kind, state[f"{kind.name}.direction"], state[f"{kind.name}.origin"]))
            else:
                axes.append(CircleAxis(kind, state[f"{kind.name}.plane"], state[f"{kind.name}.centre"]))
        return cls(axes)


def fit_axes(
    *,
    anchor: Float[Tensor, "B D"],
    views: Float[Tensor, "B V D"],
    amount: Tensor,
    kind: Tensor | None = None,
    kinds: Sequence[Kind],
    clipped: Tensor | None = None,
) -> Axes:
    """Fit every kind's axis by least squares on labelled views (views that mix kinds are left out).

    Lines come first; each circle's plane is taken orthogonal to the axes before it, so that shifts of a circle commute
    with all others. With ``clipped`` given, clipped views are left out.

    Raises:
        ValueError: a kind without any usable view, shapes that do not fit, non-finite latents.
    """
    kinds = check_kinds(kinds)
    check_latents(anchor, views)
    amounts = amounts_by_kind(kinds, amount, kind, like=views)
    usable = torch.ones(views.shape[:2], dtype=torch.bool, device=views.device) if clipped is None else ~clipped
    fitted: dict[str, Axis] = {}
    for k in sorted(kinds, key=lambda kind: isinstance(kind, Circle)):
        s = amounts[..., kinds.index(k)]
        foreign = [other.family != k.family for other in kinds]
        alone = usable & (amounts[..., foreign] == 0).all(-1)
        row, view = torch.nonzero(alone & (s != 0), as_tuple=True)
        if len(row) == 0:
            raise ValueError(f"`views` must hold at least one usable shift of kind {k.name!r}, got none")
        z, moved, s = anchor[row].double(), views[row, view].double(), s[row, view].double()
        if isinstance(k, Line):
            fitted[k.name] = fit_line(k, z, moved, s, origin=anchor.mean(0))
        else:
            taken = [axis.basis for axis in fitted.values()]
            fitted[k.name] = fit_circle(k, z, moved, s, orthogonal_to=torch.cat(taken) if taken else None)
    return Axes([fitted[k.name] for k in kinds])


def fit_line(kind: Line, z: Tensor, moved: Tensor, amount: Tensor, *, origin: Tensor) -> LineAxis:
    """``u = sum s d / sum s^2``, the least-squares displacement of one unit; inputs (N, D), (N, D), (N,)."""
    direction = (amount[:, None] * (moved - z)).sum(0) / amount.square().sum()
    return LineAxis(kind, direction.float(), origin.float())


def fit_circle(
    kind: Circle, z: Tensor, moved: Tensor, amount: Tensor, *, orthogonal_to: Tensor | None = None
) -> CircleAxis:
    """Plane and centre of the rotation that explains ``moved`` from ``z``; inputs (N, D), (N, D), (N,).

    Source: ordinary least squares (ridge 1e-6 of the mean variance) on the generator of a rotation; see the module.
    """
    angle = kind.angle(amount)
    mean = z.mean(0)
    centred, difference = z - mean, moved - z
    if orthogonal_to is not None:
        basis = orthonormal(orthogonal_to.to(z))
        centred, difference = (v - (v @ basis.T) @ basis for v in (centred, difference))
    generator = _rotation_generator(centred, difference, angle)
    left, _, _ = torch.linalg.svd(generator - generator.T)
    plane = left[:, :2].T
    if float(plane[0] @ generator @ plane[1]) < 0:  # rows turn from the first towards the second
        plane = plane.flip(0)
    centre = mean + _centre_in_plane(centred @ plane.T, difference @ plane.T, angle) @ plane
    return CircleAxis(kind, plane.float(), centre.float())


def _rotation_generator(z: Tensor, difference: Tensor, angle: Tensor) -> Float[Tensor, "D D"]:
    """Coefficient of ``sin(alpha) z`` in the regression of differences, as a matrix that acts on the right of rows."""
    swing, turn = (torch.cos(angle) - 1)[:, None], torch.sin(angle)[:, None]
    features = torch.cat([swing * z, turn * z, swing, turn], dim=1)
    gram = features.T @ features
    ridge = 1e-6 * gram.diagonal().mean().clamp_min(1e-30)
    gram = gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve(gram, features.T @ difference)[z.shape[1] : 2 * z.shape[1]]


def _centre_in_plane(xy: Tensor, difference: Tensor, angle: Tensor) -> Float[Tensor, 2]:
    """Least-squares ``c`` of ``difference = (R - I)(xy - c)``, all (N, 2)."""
    cos, sin = torch.cos(angle) - 1, torch.sin(angle)
    minus = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)  # (N, 2, 2) = R - I
    residual = torch.einsum("nij,nj->ni", minus, xy) - difference
    normal = torch.einsum("nij,nik->jk", minus, minus)
    normal = normal + 1e-12 * torch.eye(2, dtype=normal.dtype, device=normal.device)
    return torch.linalg.solve(normal, torch.einsum("nij,ni->j", minus, residual))


def orthonormal(rows: Float[Tensor, "K D"]) -> Float[Tensor, "R D"]:
    """Orthonormal rows that span ``rows``; parallel rows count once."""
    _, values, right = torch.linalg.svd(rows, full_matrices=False)
    return right[values > 1e-6 * values.max().clamp_min(1e-30)]


def _principal_angle(a: Float[Tensor, "K D"], b: Float[Tensor, "L D"]) -> float:
    cosine = torch.linalg.svdvals(a.double() @ b.double().T).max().clamp(max=1.0)
    return math.degrees(math.acos(float(cosine)))

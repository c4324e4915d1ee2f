"""Which direction is "pitch"? Fit one axis per kind to latents, then read it, move along it, or take it away.

    line    z_s - z = s u                              u: least squares over differences
    circle  P (z_s - c) = R(alpha) P (z - c)           plane P (2, D), centre c; alpha = 2 pi s / period

A circle's plane is where to predict the rotation helps most. With ``y = w . (z - c)`` its complex coordinate, ``w``
maximises the gain over no change, ``sum |y_s - y|^2 - |y_s - exp(i alpha) y|^2``, as a share of ``sum |y_s - y|^2``: a
Hermitian eigenproblem. A ridge on the share keeps it from directions in which little moves. The centre has a
least-squares solution once the plane is known, so the two are found in turns.

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

from softaxes.factorization import amounts_by_kind, check_clipped, check_latents
from softaxes.kinds import Circle, Kind, Line, check_kinds

RIDGE = 1.0  # of the mean squared difference of a latent coordinate: .1 to 1 do best on trained and synthetic latents
ROUNDS = 3  # of plane and centre in turns; anchors that all stand on one phase need two


@dataclass(frozen=True, eq=False)
class LineAxis:
    """A fitted line: ``direction`` (D,) is the displacement of one unit, ``origin`` (D,) the mean anchor."""

    kind: Line
    direction: Float[Tensor, D]
    origin: Float[Tensor, D]

    @property
    def basis(self) -> Float[Tensor, "1 D"]:
        """Orthonormal rows that span the axis."""
        return (self.direction / self.direction.norm().clamp_min(1e-30))[None]

    @property
    def rest(self) -> Float[Tensor, D]:
        """A point (D,) whose place on the axis is where `remove` ends."""
        return self.origin

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Signed position in units, 0 at the mean anchor."""
        return (z - self.origin.to(z)) @ (self.direction / self.direction.square().sum().clamp_min(1e-30)).to(z)

    def shift(self, z: Float[Tensor, "*N D"], amount: float | Tensor) -> Float[Tensor, "*N D"]:
        """``z + amount u``; ``amount`` a number or one per row."""
        return z + torch.as_tensor(amount, dtype=z.dtype, device=z.device)[..., None] * self.direction.to(z)

    def remove(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` moved along the axis to coordinate 0."""
        return self.shift(z, -self.coordinate(z))


@dataclass(frozen=True, eq=False)
class CircleAxis:
    """A fitted circle: ``plane`` (2, D) with orthonormal rows, ``centre`` (D,)."""

    kind: Circle
    plane: Float[Tensor, "2 D"]
    centre: Float[Tensor, D]

    @property
    def basis(self) -> Float[Tensor, "2 D"]:
        """Orthonormal rows that span the axis."""
        return self.plane

    @property
    def rest(self) -> Float[Tensor, D]:
        """A point (D,) whose place on the axis is where `remove` ends."""
        return self.centre

    def coordinate(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        """Phase in steps, in [0, period); at the centre, where there is none, 0."""
        xy = self._in_plane(z)
        steps = torch.atan2(xy[..., 1], xy[..., 0]) * (self.kind.period / (2 * math.pi))
        steps = steps.remainder(self.kind.period)
        return steps.where(steps < self.kind.period, 0.0)  # the remainder of -1e-9 rounds to a whole period

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


Axis = LineAxis | CircleAxis


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
        """``z`` moved by each named amount; circles that follow a named kind turn with it unless named themselves.

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
    """Fit every kind's axis by least squares on labelled views.

    Views that mix kinds are left out (a kind and the circles that follow it are moved by one shift and do not count as
    mixed), and so are ``clipped`` ones where that is given. Lines come first; each circle's plane is taken orthogonal
    to the axes before it, so that the shifts of all axes commute.

    On latents that do not move at all, a line has direction 0 and a circle some plane around the mean.

    Raises:
        ValueError: a kind without any usable view, no two dimensions left for a circle, shapes that do not fit,
            non-finite latents or amounts.
    """
    kinds = check_kinds(kinds)
    check_latents(anchor, views)
    amounts = amounts_by_kind(kinds, amount, kind, like=views)
    usable = torch.ones(views.shape[:2], dtype=torch.bool, device=views.device)
    if clipped is not None:
        usable = ~check_clipped(clipped, usable)
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
            fitted[k.name] = fit_line(k, z, moved, s, origin=anchor.double().mean(0))
        else:
            taken = [axis.basis for axis in fitted.values()]
            rows = torch.cat(taken) if taken else None
            fitted[k.name] = fit_circle(k, z, moved, s, orthogonal_to=rows)
    return Axes([fitted[k.name] for k in kinds])


def fit_line(
    kind: Line, z: Float[Tensor, "N D"], moved: Float[Tensor, "N D"], amount: Float[Tensor, N], *, origin: Tensor
) -> LineAxis:
    """``u = sum s d / sum s^2``, the least-squares displacement of one unit; ``origin`` (D,) gets coordinate 0."""
    direction = (amount[:, None] * (moved - z)).sum(0) / amount.square().sum()
    return LineAxis(kind, direction.float(), origin.float())


def fit_circle(
    kind: Circle,
    z: Float[Tensor, "N D"],
    moved: Float[Tensor, "N D"],
    amount: Float[Tensor, N],
    *,
    orthogonal_to: Float[Tensor, "K D"] | None = None,
) -> CircleAxis:
    """Plane and centre of the rotation that explains ``moved`` from ``z``; see the module.

    The plane is sought among the directions orthogonal to the rows of ``orthogonal_to``.
    """
    angle = kind.angle(amount)
    free = torch.eye(z.shape[1]).to(z) if orthogonal_to is None else _complement(orthogonal_to.to(z))
    if len(free) < 2:
        raise ValueError(f"latents must have 2 dimensions free for kind {kind.name!r}, got {len(free)} of {z.shape[1]}")
    origin = moved.mean(0)
    before, after = (z - origin) @ free.T, (moved - origin) @ free.T
    centre = torch.zeros_like(before[0])
    for _ in range(ROUNDS):
        plane = _turning_plane(before - centre, after - centre, angle)
        centre = centre + _centre_in_plane((before - centre) @ plane.T, (after - before) @ plane.T, angle) @ plane
    return CircleAxis(kind, (plane @ free).float(), (origin + centre @ free).float())


def _turning_plane(before: Float[Tensor, "N D"], after: Float[Tensor, "N D"], angle: Float[Tensor, N]) -> Tensor:
    """Orthonormal rows (2, D), turning from the first towards the second: see the module for the eigenproblem."""
    difference = after - before
    moves = difference.T @ difference
    turn = torch.complex(torch.cos(angle), torch.sin(angle))[:, None]
    error = after - turn * before
    gain = moves - error.mH @ error
    ridge = RIDGE * moves.diagonal().mean().clamp_min(1e-30)
    whiten = torch.linalg.inv(torch.linalg.cholesky(moves + ridge * torch.eye(len(moves)).to(moves))).to(gain)
    _, vectors = torch.linalg.eigh(whiten @ gain @ whiten.mH)
    best = whiten.mH @ vectors[:, -1]
    left, _, right = torch.linalg.svd(torch.stack([best.real, best.imag]), full_matrices=False)
    return left @ right


def _centre_in_plane(xy: Tensor, difference: Tensor, angle: Tensor) -> Float[Tensor, 2]:
    """Least-squares ``c`` of ``difference = (R - I)(xy - c)``, all (N, 2)."""
    cos, sin = torch.cos(angle) - 1, torch.sin(angle)
    minus = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)  # (N, 2, 2) = R - I
    residual = torch.einsum("nij,nj->ni", minus, xy) - difference
    normal = torch.einsum("nij,nik->jk", minus, minus)
    normal = normal + 1e-12 * torch.eye(2, dtype=normal.dtype, device=normal.device)
    return torch.linalg.solve(normal, torch.einsum("nij,ni->j", minus, residual))


def _complement(rows: Float[Tensor, "K D"]) -> Float[Tensor, "R D"]:
    """Orthonormal rows that span what ``rows`` leave free."""
    _, values, right = torch.linalg.svd(rows)
    return right[int((values > 1e-6 * values.max().clamp_min(1e-30)).sum()) :]


def _principal_angle(a: Float[Tensor, "K D"], b: Float[Tensor, "L D"]) -> float:
    cosine = torch.linalg.svdvals(a.double() @ b.double().T).max().clamp(max=1.0)
    return math.degrees(math.acos(float(cosine)))

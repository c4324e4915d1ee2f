"""Where does an axis lie? Least squares on labelled latents: a line's direction, a circle's plane and centre.

    line    z_s - z = s u                              u: least squares over differences
    circle  P (z_s - c) = R(alpha) P (z - c)           plane P (2, D), centre c; alpha = 2 pi s / period

    cycle   the same in each plane, turned by h alpha  several planes, one for each harmonic h

A circle's plane is where to predict the rotation helps most. With ``y = w . (z - c)`` its complex coordinate, ``w``
maximises the gain over no change, ``sum |y_s - y|^2 - |y_s - exp(i alpha) y|^2``, as a share of ``sum |y_s - y|^2``: a
Hermitian eigenproblem. A ridge on the share keeps it from directions in which little moves. The centre has a
least-squares solution once the plane is known, so the two are found in turns. A cycle's planes are found harmonic by
harmonic, lowest first, each among the directions that are left; those of one harmonic at once.

Axes are fitted on training data only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.axes import Axes, Axis, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Cycle, Kind, Line, Rotation, check_kinds
from softaxes.geometry.labels import amounts_by_kind, check_clipped, check_views

RIDGE = 1.0  # of the mean squared difference of a latent coordinate: .1 to 1 do best on trained and synthetic latents
ROUNDS = 3  # of plane and centre in turns; anchors that all stand on one phase need two


def fit_axes(
    *,
    anchor: Float[Tensor, "B D"],
    views: Float[Tensor, "B V D"],
    amount: Tensor,
    kind: Tensor | None = None,
    kinds: Sequence[Kind],
    clipped: Tensor | None = None,
) -> Axes:
    """Fit every kind's axis by least squares on labelled views; no gradient flows through the axes.

    Views that mix kinds are left out (a kind and the circles that follow it are moved by one shift and do not count as
    mixed), and so are ``clipped`` ones where that is given. Lines come first; each circle's plane is taken orthogonal
    to the axes before it, so that the shifts of all axes commute.

    On latents that do not move at all, a line has direction 0 and a circle some plane around the mean.

    Raises:
        ValueError: a kind without any usable view, no two dimensions left for a circle, shapes that do not fit,
            non-finite latents or amounts.
        TypeError: something is no tensor, or holds values of the wrong type.
    """
    kinds = check_kinds(kinds)
    check_views(anchor, views)
    anchor, views = anchor.detach(), views.detach()
    amounts = amounts_by_kind(kinds, amount, kind, like=views).detach()
    usable = torch.ones(views.shape[:2], dtype=torch.bool, device=views.device)
    if clipped is not None:
        usable = ~check_clipped(clipped, usable)
    fitted: dict[str, Axis] = {}
    for k in sorted(kinds, key=lambda kind: isinstance(kind, Rotation)):
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
            fitted[k.name] = fit_rotation(k, z, moved, s, orthogonal_to=rows)
    return Axes([fitted[k.name] for k in kinds])


def fit_line(
    kind: Line, z: Float[Tensor, "N D"], moved: Float[Tensor, "N D"], amount: Float[Tensor, " N"], *, origin: Tensor
) -> LineAxis:
    """``u = sum s d / sum s^2``, the least-squares displacement of one unit; ``origin`` (D,) gets coordinate 0."""
    direction = (amount[:, None] * (moved - z)).sum(0) / amount.square().sum()
    return LineAxis(kind, direction.float(), origin.float())


def fit_rotation(
    kind: Circle | Cycle,
    z: Float[Tensor, "N D"],
    moved: Float[Tensor, "N D"],
    amount: Float[Tensor, " N"],
    *,
    orthogonal_to: Float[Tensor, "K D"] | None = None,
) -> CircleAxis | CycleAxis:
    """Planes and centre of the rotations that explain ``moved`` from ``z``; see the module.

    Planes are sought among the directions orthogonal to the rows of ``orthogonal_to``; of those, where views are few,
    only in the span of the views, so that time and memory go with the smaller of views and dimensions.
    """
    planes, centre = _fit_planes(kind, z, moved, amount, orthogonal_to)
    return CircleAxis(kind, planes[0], centre) if isinstance(kind, Circle) else CycleAxis(kind, planes, centre)


def _fit_planes(
    kind: Circle | Cycle, z: Tensor, moved: Tensor, amount: Tensor, orthogonal_to: Tensor | None
) -> tuple[Float[Tensor, "P 2 D"], Float[Tensor, " D"]]:
    """The planes of all harmonics, in the order of ``kind.harmonics``, and the point around which they turn."""
    taken = z[:0] if orthogonal_to is None else orthogonal_to.to(z)
    origin, needed = moved.mean(0), 2 * len(kind.harmonics)
    free, dims = _free_directions(taken, torch.cat([z, moved]) - origin, needed)
    if dims < needed:
        need = f"latents must have {needed} dimensions free for kind {kind.name!r}"
        raise ValueError(f"{need}, got {dims} of {z.shape[1]}")
    before, after = (z - origin) @ free.T, (moved - origin) @ free.T
    left, centre = torch.eye(len(free)).to(z), torch.zeros_like(before[0])
    found: dict[int, list[Tensor]] = {}
    for h in sorted(set(kind.harmonics)):
        angle, count = h * kind.angle(amount), kind.harmonics.count(h)
        planes, middle = _turning_planes(before @ left.T, after @ left.T, angle, count, dims)
        found[h], centre, dims = list(planes @ left), centre + middle @ left, dims - 2 * count
        left = _complement(planes.flatten(0, 1)) @ left
    ordered = torch.stack([found[h].pop(0) for h in kind.harmonics])
    return (ordered @ free).float(), (origin + centre @ free).float()


def _turning_planes(
    before: Float[Tensor, "N R"], after: Float[Tensor, "N R"], angle: Float[Tensor, " N"], count: int, dims: int
) -> tuple[Float[Tensor, "P 2 R"], Float[Tensor, " R"]]:
    """``count`` planes that turn by one angle, and their centre, found in turns."""
    centre = torch.zeros_like(before[0])
    for _ in range(ROUNDS):
        planes = _best_planes(before - centre, after - centre, angle, count, dims)
        for plane in planes:
            centre = centre + _centre_in_plane((before - centre) @ plane.T, (after - before) @ plane.T, angle) @ plane
    return planes, centre


def _best_planes(
    before: Float[Tensor, "N R"], after: Float[Tensor, "N R"], angle: Float[Tensor, " N"], count: int, dims: int
) -> Float[Tensor, "P 2 R"]:
    """Planes of orthonormal rows, best first, turning from the first row to the second: see the module.

    ``dims`` is how many coordinates the latent has free, of which the R given ones hold all that moves.
    """
    difference = after - before
    moves = difference.T @ difference
    turn = torch.complex(torch.cos(angle), torch.sin(angle))[:, None]
    error = after - turn * before
    gain = moves - error.mH @ error
    ridge = RIDGE * (moves.diagonal().sum() / dims).clamp_min(1e-30)
    whiten = torch.linalg.inv(torch.linalg.cholesky(moves + ridge * torch.eye(len(moves)).to(moves))).to(gain)
    _, vectors = torch.linalg.eigh(whiten @ gain @ whiten.mH)
    best = (whiten.mH @ vectors[:, -count:].flip(1)).T
    left, _, right = torch.linalg.svd(torch.stack([best.real, best.imag], dim=1).flatten(0, 1), full_matrices=False)
    return (left @ right).unflatten(0, (count, 2))


def _centre_in_plane(xy: Tensor, difference: Tensor, angle: Tensor) -> Float[Tensor, " 2"]:
    """Least-squares ``c`` of ``difference = (R - I)(xy - c)``, all (N, 2)."""
    cos, sin = torch.cos(angle) - 1, torch.sin(angle)
    minus = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)  # (N, 2, 2) = R - I
    residual = torch.einsum("nij,nj->ni", minus, xy) - difference
    normal = torch.einsum("nij,nik->jk", minus, minus)
    normal = normal + 1e-12 * torch.eye(2, dtype=normal.dtype, device=normal.device)
    return torch.linalg.solve(normal, torch.einsum("nij,ni->j", minus, residual))


def _complement(rows: Float[Tensor, "K R"]) -> Float[Tensor, "L R"]:
    """Orthonormal rows orthogonal to the orthonormal ``rows``."""
    return torch.linalg.svd(rows, full_matrices=True)[2][len(rows) :]


def _free_directions(
    taken: Float[Tensor, "K D"], rows: Float[Tensor, "N D"], spare: int
) -> tuple[Float[Tensor, "R D"], int]:
    """Orthonormal rows orthogonal to ``taken``, and the dimension of all such directions.

    Where rows are few, only their span and ``spare`` directions more: a plane in which nothing moves beats a wrong
    turn.
    """
    dims = rows.shape[1]
    few = len(taken) + len(rows) + spare < dims
    _, values, right = torch.linalg.svd(taken, full_matrices=not few)
    rank = int((values > 1e-6 * values.amax().clamp_min(1e-30)).sum()) if len(taken) else 0
    if not few:
        return right[rank:], dims - rank
    some = torch.eye(rank + spare, dims, dtype=rows.dtype, device=rows.device)
    return torch.linalg.qr(torch.cat([right[:rank], rows, some]).T)[0].T[rank:], dims - rank

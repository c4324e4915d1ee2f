"""Where does an axis lie? Least squares on labelled latents: a line's direction, a rotation's planes and centre.

    line    z_s - z = s u                              u: least squares over differences
    circle  P (z_s - c) = R(alpha) P (z - c)           plane P (2, D), centre c; alpha = 2 pi s / period
    cycle   the same in each plane, turned by h alpha  planes P (2, D), one for each entry of the kind's harmonics

How planes are found says `softaxes.geometry.planes`. Axes are fitted on training data only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.axes import Axes, Axis, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Kind, Line, Rotation, check_kinds
from softaxes.geometry.labels import amounts_by_kind, check_clipped, check_views
from softaxes.geometry.planes import turning_planes


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

    Views that mix kinds are left out (a kind and the ones that follow it are moved by one shift and do not count as
    mixed), and so are ``clipped`` ones where that is given. Lines come first; the planes of each circle and cycle are
    taken orthogonal to the axes before it, so that the shifts of all axes commute.

    On latents that do not move at all, a line has direction 0, and a circle or cycle has some planes around the mean.

    Raises:
        ValueError: a kind without any usable view, too few dimensions left for the planes of a circle or cycle, shapes
            that do not fit, non-finite latents or amounts.
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
            rows = torch.cat([anchor[:0], *(axis.basis for axis in fitted.values())])
            planes, centre = turning_planes(k, z, moved, s, orthogonal_to=rows)
            fitted[k.name] = CircleAxis(k, planes[0], centre) if isinstance(k, Circle) else CycleAxis(k, planes, centre)
    return Axes([fitted[k.name] for k in kinds])


def fit_line(
    kind: Line, z: Float[Tensor, "N D"], moved: Float[Tensor, "N D"], amount: Float[Tensor, " N"], *, origin: Tensor
) -> LineAxis:
    """``u = sum s d / sum s^2``, the least-squares displacement of one unit; ``origin`` (D,) gets coordinate 0."""
    direction = (amount[:, None] * (moved - z)).sum(0) / amount.square().sum()
    return LineAxis(kind, direction.float(), origin.float())

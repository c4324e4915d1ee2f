"""How does a kind act on latents while the encoder is still learning? Operators with learned axes.

    line    op(z, s) = z + s u
    circle  op(z, s) = R(alpha) z in the kind's plane, alpha = 2 pi s / period
    cycle   op(z, s) = R(h alpha) z in each of the kind's planes, h its harmonic

They are trained by L_predict (`softaxes.losses.prediction`). A QR decomposition keeps the axes of all kinds orthonormal
to each other, so operators compose and commute exactly.

Conventions: amounts have one column per kind, as `softaxes.geometry.labels.amounts_by_kind` gives them: a circle that
follows a kind has its own column. Arithmetic is float32 or better under any autocast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from softaxes.geometry.axes import Axes, Axis, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Kind, Line, Rotation, check_kinds, rotate, turns
from softaxes.geometry.labels import at_least_float32, check_tensor, check_vectors


class LearnedOperators(nn.Module):
    """One operator per kind on latents of ``dim`` floats.

    Args:
        kinds: lines take one direction each, circles a plane each, cycles a plane for each of their harmonics.
        dim: latent size; must hold all axes.
        step: length of one unit along a line at the start, > 0; it is learned.
        learned: False keeps the axes on the first coordinates of the latent, kind after kind: an encoder whose last map
            is linear can absorb any basis, and operators are cheaper.

    Raises:
        ValueError: a latent too small for the axes, or a ``step`` that is not positive.
    """

    def __init__(self, kinds: Sequence[Kind], dim: int, *, step: float = 0.5, learned: bool = True) -> None:
        super().__init__()
        self.kinds = check_kinds(kinds)
        rows = sum(map(_rows, self.kinds))
        if rows > dim:
            raise ValueError(f"`dim` must be >= {rows} to hold the axes of {len(self.kinds)} kinds, got {dim}")
        if not 0 < step < float("inf"):
            raise ValueError(f"`step` must be positive and finite, got {step}")
        self.learned = learned
        self.raw = nn.Parameter(torch.randn(dim, rows) / dim**0.5 if learned else torch.eye(dim, rows), learned)
        self.log_step = nn.Parameter(torch.full((len(self.kinds),), step).log())
        self.centre = nn.Parameter(torch.zeros(rows), learned)

    def basis(self) -> Float[Tensor, "R D"]:
        """Orthonormal rows: a line's direction, or two for each plane of a circle or cycle, kind after kind."""
        if not self.learned:
            return self.raw.T
        with torch.autocast(self.raw.device.type, enabled=False):
            q, r = torch.linalg.qr(at_least_float32(self.raw))
            return (q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(q)).T  # the sign that QR leaves open

    def axes(self) -> dict[str, Float[Tensor, "rows D"]]:
        """The rows of `basis` by kind: a line's direction (1, D), the planes of the rest (2P, D)."""
        rows = self.basis().split([_rows(kind) for kind in self.kinds])
        return {kind.name: axis for kind, axis in zip(self.kinds, rows, strict=True)}

    @torch.no_grad()
    def fitted(self, origin: Float[Tensor, " D"]) -> Axes:
        """The operators as axes, for latents on which they are trusted as they are; lines are 0 at ``origin``."""
        check_vectors("origin", origin, len(self.raw))
        axes: list[Axis] = []
        for index, (kind, rows) in enumerate(zip(self.kinds, self.axes().values(), strict=True)):
            start = sum(map(_rows, self.kinds[:index]))
            centre = self.centre[start : start + len(rows)] @ rows
            if isinstance(kind, Line):
                axes.append(LineAxis(kind, self.log_step[index].exp() * rows[0], origin.detach().clone()))
            elif isinstance(kind, Circle):
                axes.append(CircleAxis(kind, rows.clone(), centre))
            else:
                axes.append(CycleAxis(kind, rows.clone().unflatten(0, (-1, 2)), centre))
        return Axes(axes)

    def forward(self, z: Float[Tensor, "N D"], amounts: Float[Tensor, "N K"]) -> Float[Tensor, "N D"]:
        """Move each row by its amounts (one column per kind); ValueError on other shapes."""
        check_tensor("z", z)
        check_tensor("amounts", amounts)
        if z.ndim != 2 or z.shape[1] != len(self.raw):
            raise ValueError(f"`z` must have shape (N, {len(self.raw)}), got {tuple(z.shape)}")
        if amounts.shape != (len(z), len(self.kinds)):
            raise ValueError(f"`amounts` must have shape ({len(z)}, {len(self.kinds)}), got {tuple(amounts.shape)}")
        with torch.autocast(z.device.type, enabled=False):
            z, basis = at_least_float32(z), self.basis()
            inside = z @ basis.to(z).T
            moved, row = [], 0
            for index, kind in enumerate(self.kinds):
                s, columns = amounts[:, index].to(z), slice(row, row + _rows(kind))
                if isinstance(kind, Rotation):
                    xy = (inside[:, columns] - self.centre[columns]).unflatten(1, (-1, 2))
                    moved.append((rotate(xy, turns(kind, s)) - xy).flatten(1))
                else:
                    moved.append((s * self.log_step[index].exp())[:, None])
                row += _rows(kind)
            return z + torch.cat(moved, dim=1) @ basis.to(z)

    def content(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with all axes projected out."""
        check_vectors("z", z, len(self.raw))
        with torch.autocast(z.device.type, enabled=False):
            z = at_least_float32(z)
            basis = self.basis().to(z)
            return z - (z @ basis.T) @ basis


def _rows(kind: Kind) -> int:
    """Dimensions that a kind's axis takes."""
    return 2 * len(kind.harmonics) if isinstance(kind, Rotation) else 1

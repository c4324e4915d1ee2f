"""Can f(T x) be predicted from f(x)? Learned operators of the kinds, and the term L_predict that trains them.

    line    op(z, s) = z + s u
    circle  op(z, s) = R(alpha) z in the kind's plane, alpha = 2 pi s / period

    L_predict, squared error   mean |op(z, s) - f(T_s x)|^2 / mean |f(T_s x) - f(x)|^2
    L_predict, InfoNCE         cross entropy of finding f(T_s x) by op(z, s) among all views of the batch, the anchor's
                               own other shifts included (van den Oord, Li, Vinyals 2018, eq. 4; score -|.|^2)

Both take the place of an attraction between views: they ask that a shift be *predictable*, not that it be invisible.
A QR decomposition keeps the axes of all kinds orthonormal to each other, so operators compose and commute exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.kinds import Circle, Kind, check_kinds
from softaxes.ranks import gather_rows, sum_over_ranks


class LearnedOperators(nn.Module):
    """One operator per kind on latents of ``dim`` floats.

    Args:
        kinds: lines take one direction each, circles a plane each.
        dim: latent size; must hold all axes.
        step: length of one unit along a line at the start; it is learned.
    """

    def __init__(self, kinds: Sequence[Kind], dim: int, *, step: float = 0.5) -> None:
        super().__init__()
        self.kinds = check_kinds(kinds)
        rows = sum(2 if isinstance(kind, Circle) else 1 for kind in self.kinds)
        if rows > dim:
            raise ValueError(f"`dim` must be >= {rows} to hold the axes of {len(self.kinds)} kinds, got {dim}")
        self.raw = nn.Parameter(torch.randn(dim, rows) / dim**0.5)
        self.log_step = nn.Parameter(torch.full((len(self.kinds),), step).log())
        self.centre = nn.Parameter(torch.zeros(rows))

    def basis(self) -> Float[Tensor, "R D"]:
        """Orthonormal rows: a line's direction or a circle's plane, kind after kind."""
        q, r = torch.linalg.qr(self.raw.float())
        return (q * torch.sign(r.diagonal())).T

    def forward(self, z: Float[Tensor, "N D"], amounts: Float[Tensor, "N K"]) -> Float[Tensor, "N D"]:
        """Move each row by its amounts (one column per kind)."""
        basis = self.basis()
        inside = z @ basis.T
        moved, row = [], 0
        for index, kind in enumerate(self.kinds):
            s = amounts[:, index]
            if isinstance(kind, Circle):
                centre = self.centre[row : row + 2]
                x, y = (inside[:, row : row + 2] - centre).unbind(-1)
                cos, sin = torch.cos(kind.angle(s)), torch.sin(kind.angle(s))
                moved += [cos * x - sin * y - x, sin * x + cos * y - y]
                row += 2
            else:
                moved.append(s * self.log_step[index].exp())
                row += 1
        return z + torch.stack(moved, dim=-1) @ basis

    def content(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with all axes projected out."""
        basis = self.basis()
        return z - (z @ basis.T) @ basis


def predict_squared_error(
    predicted: Float[Tensor, "B V D"], views: Float[Tensor, "B V D"], anchor: Float[Tensor, "B D"]
) -> Tensor:
    """Mean squared error of the operators over the mean squared difference: 0 = exact, 1 = as good as no change.

    The scale in the denominator takes no gradient, so the term cannot be lowered by making differences larger.
    """
    error = (predicted - views).square().sum()
    scale = (views - anchor[:, None]).detach().square().sum()
    error, scale = sum_over_ranks(torch.stack([error, scale])).unbind()
    return error / scale.clamp_min(1e-12)


def predict_infonce(
    predicted: Float[Tensor, "B V D"], views: Float[Tensor, "B V D"], *, temperature: float | Tensor = 1.0
) -> Tensor:
    """Cross entropy (nats) of naming the right view among all B V views by -|predicted - view|^2 / (2 temperature).

    Chance level: log(B V). Negatives are all other views: those of other anchors and the anchor's own other shifts.
    """
    queries = predicted.flatten(0, 1)
    gallery = gather_rows(views.flatten(0, 1))
    offset = _own_rows_start(len(queries))
    score = queries @ gallery.T - 0.5 * gallery.square().sum(-1)  # |query|^2 is the same for every candidate
    target = torch.arange(len(queries), device=queries.device) + offset
    return F.cross_entropy(score / temperature, target)


def _own_rows_start(rows: int) -> int:
    return rows * torch.distributed.get_rank() if torch.distributed.is_initialized() else 0

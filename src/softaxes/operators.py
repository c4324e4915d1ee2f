"""Can f(T x) be predicted from f(x)? Learned operators of the kinds, and the term L_predict that trains them.

    line    op(z, s) = z + s u
    circle  op(z, s) = R(alpha) z in the kind's plane, alpha = 2 pi s / period

    L_predict, squared error   mean |op(z, s) - f(T_s x)|^2 / mean |f(T_s x) - f(x)|^2
    L_predict, InfoNCE         cross entropy of finding f(T_s x) by op(z, s) among all views of the batch, the anchor's
                               own other shifts included (van den Oord, Li, Vinyals 2018, eq. 4; score -|.|^2)

Both take the place of an attraction between views: they ask that a shift be *predictable*, not that it be invisible.
A QR decomposition keeps the axes of all kinds orthonormal to each other, so operators compose and commute exactly.

Conventions: amounts have one column per kind, as `softaxes.factorization.amounts_by_kind` gives them: a circle that
follows a kind has its own column. Arithmetic is float32 or better under any autocast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from softaxes.kinds import Circle, Kind, check_kinds
from softaxes.ranks import gather_rows, rank, sum_over_ranks


class LearnedOperators(nn.Module):
    """One operator per kind on latents of ``dim`` floats.

    Args:
        kinds: lines take one direction each, circles a plane each.
        dim: latent size; must hold all axes.
        step: length of one unit along a line at the start, > 0; it is learned.

    Raises:
        ValueError: a latent too small for the axes, or a ``step`` that is not positive.
    """

    def __init__(self, kinds: Sequence[Kind], dim: int, *, step: float = 0.5) -> None:
        super().__init__()
        self.kinds = check_kinds(kinds)
        rows = sum(2 if isinstance(kind, Circle) else 1 for kind in self.kinds)
        if rows > dim:
            raise ValueError(f"`dim` must be >= {rows} to hold the axes of {len(self.kinds)} kinds, got {dim}")
        if not 0 < step < float("inf"):
            raise ValueError(f"`step` must be positive and finite, got {step}")
        self.raw = nn.Parameter(torch.randn(dim, rows) / dim**0.5)
        self.log_step = nn.Parameter(torch.full((len(self.kinds),), step).log())
        self.centre = nn.Parameter(torch.zeros(rows))

    def basis(self) -> Float[Tensor, "R D"]:
        """Orthonormal rows: a line's direction or a circle's plane, kind after kind."""
        with torch.autocast(self.raw.device.type, enabled=False):
            q, r = torch.linalg.qr(self.raw.to(_fp32_or_better(self.raw)))
            return (q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(q)).T  # the sign that QR leaves open

    def forward(self, z: Float[Tensor, "N D"], amounts: Float[Tensor, "N K"]) -> Float[Tensor, "N D"]:
        """Move each row by its amounts (one column per kind); ValueError on other shapes."""
        if z.ndim != 2 or z.shape[1] != len(self.raw):
            raise ValueError(f"`z` must have shape (N, {len(self.raw)}), got {tuple(z.shape)}")
        if amounts.shape != (len(z), len(self.kinds)):
            raise ValueError(f"`amounts` must have shape ({len(z)}, {len(self.kinds)}), got {tuple(amounts.shape)}")
        with torch.autocast(z.device.type, enabled=False):
            z, basis = z.to(_fp32_or_better(z)), self.basis()
            inside = z @ basis.to(z).T
            moved, row = [], 0
            for index, kind in enumerate(self.kinds):
                s = amounts[:, index].to(z)
                if isinstance(kind, Circle):
                    x, y = (inside[:, row : row + 2] - self.centre[row : row + 2]).unbind(-1)
                    cos, sin = torch.cos(kind.angle(s)), torch.sin(kind.angle(s))
                    moved += [cos * x - sin * y - x, sin * x + cos * y - y]
                    row += 2
                else:
                    moved.append(s * self.log_step[index].exp())
                    row += 1
            return z + torch.stack(moved, dim=-1) @ basis.to(z)

    def content(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """``z`` with all axes projected out."""
        with torch.autocast(z.device.type, enabled=False):
            z = z.to(_fp32_or_better(z))
            basis = self.basis().to(z)
            return z - (z @ basis.T) @ basis


def predict_squared_error(
    predicted: Float[Tensor, "B V D"],
    views: Float[Tensor, "B V D"],
    anchor: Float[Tensor, "B D"],
    *,
    used: Bool[Tensor, "B V"] | None = None,
) -> Tensor:
    """Mean squared error of the operators over the mean squared difference: 0 = exact, 1 = as good as no change.

    Means run over the views of all processes, or those ``used`` (unclipped, say). The scale in the denominator takes no
    gradient, so the term cannot be lowered by making differences larger.

    Raises:
        ValueError: shapes that do not fit.
    """
    used = _check_views(predicted, views, used)
    with torch.autocast(views.device.type, enabled=False):
        dtype = _fp32_or_better(views)
        views, predicted = views.to(dtype), predicted.to(dtype)
        error = (predicted - views).square().sum(-1)
        scale = (views - anchor.to(dtype)[:, None]).detach().square().sum(-1)
        total, least = sum_over_ranks(torch.stack([(error * used).sum(), (scale * used).sum()])).unbind()
        return total / least.clamp_min(1e-12)


def predict_infonce(
    predicted: Float[Tensor, "B V D"],
    views: Float[Tensor, "B V D"],
    *,
    temperature: float | Tensor = 1.0,
    used: Bool[Tensor, "B V"] | None = None,
) -> Tensor:
    """Cross entropy (nats) of naming the right view among all views by -|predicted - view|^2 / (2 temperature).

    Range: >= 0; log(n) is chance, n = B V times the number of processes. Negatives are all other views: those of other
    anchors and the anchor's own other shifts. Of m equal views each is a negative of the others, which makes log(m) the
    least. The mean runs over the predictions of all processes, or those ``used``; every view stays a negative.

    Raises:
        ValueError: shapes that do not fit, or a temperature that is not positive.
    """
    used = _check_views(predicted, views, used)
    if not isinstance(temperature, Tensor) and not 0 < temperature < float("inf"):
        raise ValueError(f"`temperature` must be positive and finite, got {temperature}")
    with torch.autocast(views.device.type, enabled=False):
        dtype = _fp32_or_better(views)
        queries, gallery = predicted.to(dtype).flatten(0, 1), gather_rows(views.to(dtype).flatten(0, 1))
        score = queries @ gallery.T - 0.5 * gallery.square().sum(-1)  # |query|^2 is the same for every candidate
        right = torch.arange(len(queries), device=queries.device) + rank() * len(queries)
        error = F.cross_entropy(score / temperature, right, reduction="none")
        asked = used.flatten()
        total, count = sum_over_ranks(torch.stack([(error * asked).sum(), asked.sum().to(error)])).unbind()
        return total / count.clamp_min(1)


def _fp32_or_better(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _check_views(predicted: Tensor, views: Tensor, used: Tensor | None) -> Bool[Tensor, "B V"]:
    if predicted.shape != views.shape or views.ndim != 3:
        raise ValueError(
            f"`predicted` and `views` must have one shape (B, V, D), got {tuple(predicted.shape)}, {tuple(views.shape)}"
        )
    if used is None:
        return torch.ones(views.shape[:2], dtype=torch.bool, device=views.device)
    if used.dtype != torch.bool or used.shape != views.shape[:2]:
        want, got = tuple(views.shape[:2]), tuple(used.shape)
        raise ValueError(f"`used` must hold booleans of shape {want}, got {used.dtype} of shape {got}")
    return used

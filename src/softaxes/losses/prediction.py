"""Can f(T x) be predicted from f(x)? The term L_predict, which trains the encoder and its operators.

    squared error   mean |op(z, s) - f(T_s x)|^2 / mean |f(T_s x) - f(x)|^2
    InfoNCE         cross entropy of finding f(T_s x) by op(z, s) among all views of the batch, the anchor's own other
                    shifts included (van den Oord, Li, Vinyals 2018, eq. 4; score -|.|^2)

Both take the place of an attraction between views: they ask that a shift be *predictable*, not that it be invisible.

Conventions: ``predicted`` and ``views`` (B, V, D), ``anchor`` (B, D). Arithmetic is float32 or better under autocast.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from softaxes.geometry.labels import at_least_float32, check_tensor
from softaxes.losses._ranks import gather_rows, rank, sum_over_ranks


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
    used = _check_views(predicted, views, used, anchor)
    with torch.autocast(views.device.type, enabled=False):
        views = at_least_float32(views)
        predicted, anchor = predicted.to(views), anchor.to(views)
        error = (predicted - views).square().sum(-1)
        scale = (views - anchor[:, None]).detach().square().sum(-1)
        total, least = sum_over_ranks(torch.stack([(error * used).sum(), (scale * used).sum()])).unbind()
        return total / least.clamp_min(1e-12)


def predict_infonce(
    predicted: Float[Tensor, "B V D"],
    views: Float[Tensor, "B V D"],
    *,
    anchor: Float[Tensor, "B D"] | None = None,
    temperature: float | Tensor = 1.0,
    used: Bool[Tensor, "B V"] | None = None,
) -> Tensor:
    """Cross entropy (nats) of naming the right view among all views by -|predicted - view|^2 / (2 temperature).

    Range: >= 0; log(n) is chance of n candidates: B V views, and B anchors where they are given, of each process.
    Negatives are all other views, those of other anchors and the anchor's own other shifts, and every unmoved
    ``anchor``. Of m equal candidates each is a negative of the others, which makes log(m) the least. The mean runs over
    the predictions of all processes, or those ``used``; every view stays a negative.

    Raises:
        ValueError: shapes that do not fit, or a temperature that is not positive.
    """
    used = _check_views(predicted, views, used, anchor)
    if not isinstance(temperature, Tensor) and not 0 < temperature < float("inf"):
        raise ValueError(f"`temperature` must be positive and finite, got {temperature}")
    with torch.autocast(views.device.type, enabled=False):
        views = at_least_float32(views)
        queries, gallery = predicted.to(views).flatten(0, 1), gather_rows(views.flatten(0, 1))
        if anchor is not None:
            gallery = torch.cat([gallery, gather_rows(anchor.to(views))])
        score = queries @ gallery.T - 0.5 * gallery.square().sum(-1)  # |query|^2 is the same for every candidate
        right = torch.arange(len(queries), device=queries.device) + rank() * len(queries)
        error = F.cross_entropy(score / temperature, right, reduction="none")
        asked = used.flatten()
        total, count = sum_over_ranks(torch.stack([(error * asked).sum(), asked.sum().to(error)])).unbind()
        return total / count.clamp_min(1)


def _check_views(predicted: Tensor, views: Tensor, used: Tensor | None, anchor: Tensor | None) -> Bool[Tensor, "B V"]:
    check_tensor("predicted", predicted)
    check_tensor("views", views)
    if predicted.shape != views.shape or views.ndim != 3:
        raise ValueError(
            f"`predicted` and `views` must have one shape (B, V, D), got {tuple(predicted.shape)}, {tuple(views.shape)}"
        )
    if anchor is not None and anchor.shape != (len(views), views.shape[2]):
        raise ValueError(f"`anchor` must have shape {(len(views), views.shape[2])}, got {tuple(anchor.shape)}")
    if used is None:
        return torch.ones(views.shape[:2], dtype=torch.bool, device=views.device)
    if used.dtype != torch.bool or used.shape != views.shape[:2]:
        want, got = tuple(views.shape[:2]), tuple(used.shape)
        raise ValueError(f"`used` must hold booleans of shape {want}, got {used.dtype} of shape {got}")
    return used

"""What would an encoder score that learned nothing, or one that was made by hand?

Two controls stand beside every trained encoder: the same network untrained, and for blobs the centroid of the pixels,
which knows where a blob is and nothing else. On unclipped shifts the centroid is perfect (cosines 0, 1, -1); clipping
alone brings it to about .49, .78, -.55, which is what the edge costs anybody.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.model.model import Model


def untrained(model: Model, *, seed: int = 0) -> Model:
    """A model with the same networks, freshly initialised; its axes are those of ``model`` and mean nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Model(
            model.parts["encoder"],
            model.axes,
            model.input_shape,
            decoder=model.parts.get("decoder"),
            threshold=model.threshold,
        )


def centroid(images: Float[Tensor, "B 1 rows columns"]) -> Float[Tensor, "B 2"]:
    """Mean row and mean column of the filled pixels, in pixels; the middle of the canvas if there are none."""
    mass = images[:, 0]
    rows, columns = mass.shape[1:]
    total = mass.sum((1, 2))
    row = (mass.sum(2) * torch.arange(rows)).sum(1) / total.clamp_min(1)
    column = (mass.sum(1) * torch.arange(columns)).sum(1) / total.clamp_min(1)
    empty = total == 0
    row, column = row.where(~empty, (rows - 1) / 2), column.where(~empty, (columns - 1) / 2)
    return torch.stack([row, column], dim=1)

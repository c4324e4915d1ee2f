"""Where do all shifts of one blob lie in the latents of toy models?

The page draws one blob, 16x16 pixels of 0 and 1, written as 64 hexadecimal digits in the address. Every model answers
with its 9x9 shifts of up to 4 pixels: their places along the fitted axes, their places in the two largest directions
of the differences themselves (no axis fitted), and how parallel the differences of this one blob are.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softaxes.data.blobs import MAX_SHIFT, blob_images, shift_grid
from softaxes.model.checkpoint import load, shipped
from softaxes.model.model import Model
from softaxes.training.tasks.blobs.config import toy_recipe
from softaxes.training.tasks.blobs.task import ToyTask

SIDE = 16
UNTRAINED = "untrained"
FLOOR = 1e-4  # a difference shorter than this share of the longest has no direction


class BlobWorld:
    """Toy models by name."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.models = dict(models)

    def shifts(self, name: str, image: str) -> dict[str, Any]:
        """What the page draws for one model; ValueError for an unknown name or an image that is none."""
        if name not in self.models:
            raise ValueError(f"no toy model {name!r}; there are {', '.join(self.models)}")
        return describe_shifts(self.models[name], image_of(image))


def toy_models(paths: Sequence[str | Path] = ()) -> dict[str, Model]:
    """Models that read blobs: those at ``paths``, those that ship, and one that learned nothing."""
    found = {Path(path).resolve().name: load(path) for path in paths}
    for name in shipped():
        if name not in found and is_toy(model := load(name)):
            found[name] = model
    for name, model in found.items():
        if not is_toy(model):
            raise ValueError(f"{name} is no model of blobs: it reads inputs of shape {model.input_shape}")
    return found | {UNTRAINED: untrained()}


def is_toy(model: Model) -> bool:
    """Whether a model reads blobs, in a canvas of any margin."""
    shape = model.input_shape
    return len(shape) == 3 and shape[0] == 1 and shape[1] == shape[2] and shape[1] >= SIDE and shape[1] % 2 == 0


@functools.cache
def untrained() -> Model:
    """The default recipe's networks as they are before the first step, with the best axes there are."""
    task = ToyTask(toy_recipe("default", steps=0))
    torch.manual_seed(0)
    return task.finish(task.build_model())


def random_image(seed: int) -> str:
    """A blob drawn by the article's law, as hexadecimal digits; ValueError for a negative seed."""
    if not 0 <= seed < 2**31:
        raise ValueError(f"`seed` must be 0..{2**31 - 1}, got {seed}")
    pixels = blob_images(1, seed=seed)[0, 0].numpy().astype(np.uint8)
    return np.packbits(pixels).tobytes().hex()


def image_of(digits: str) -> Tensor:
    """The image (1, 16, 16) that 64 hexadecimal digits mean, row by row."""
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        data = b""
    if len(data) != SIDE * SIDE // 8 or len(digits) != 2 * len(data):
        raise ValueError(f"`image` must be {SIDE * SIDE // 4} hexadecimal digits, got {len(digits)} characters")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    return torch.from_numpy(bits.reshape(1, SIDE, SIDE).astype(np.float32))


def describe_shifts(model: Model, image: Tensor) -> dict[str, Any]:
    """Places of the 9x9 shifts (entry 9 i + j: i - 4 rows, j - 4 columns), whether clipped, and cosines."""
    margin = (model.input_shape[-1] - SIDE) // 2
    grid = shift_grid(F.pad(image, (margin,) * 4)).flatten(0, 1)
    z = model.encode(grid)
    centre = len(z) // 2
    along = torch.stack([model.axes["time"].coordinate(z), model.axes["pitch"].coordinate(z)], dim=1)
    difference = (z - z[centre]).double()
    own, share = two_directions(difference)
    clipped = grid.sum((1, 2, 3)) < image.sum()
    return {
        "axes": _rounded(along - along[centre]),
        "own": _rounded(own),
        "clipped": clipped.tolist(),
        "share": round(share, 4),
        "cosines": cosines(difference.unflatten(0, (2 * MAX_SHIFT + 1, -1))),
    }


def two_directions(difference: Tensor) -> tuple[Tensor, float]:
    """Places (n, 2) of differences (n, D) in the two directions that hold most of them, and the share they hold."""
    _, values, right = torch.linalg.svd(difference, full_matrices=False)
    total = float(values.square().sum())
    return difference @ right[:2].T, float(values[:2].square().sum()) / total if total > 0 else 0.0


def cosines(difference: Tensor) -> dict[str, float | None]:
    """Mean cosines of this blob's differences (9, 9, D): same sign, opposite sign, and |cos| across kinds.

    Perfect: 1, -1, 0. None where a difference has no length, as of an empty image.
    """
    middle = MAX_SHIFT
    arms = {"pitch": difference[:, middle], "time": difference[middle]}  # (9, D), amounts -4..4
    unit = {}
    longest = float(difference.norm(dim=-1).max())
    for name, arm in arms.items():
        moved = torch.cat([arm[:middle], arm[middle + 1 :]])
        length = moved.norm(dim=1, keepdim=True)
        if longest == 0 or float(length.min()) < FLOOR * longest:
            return {"same": None, "opposite": None, "cross": None}
        unit[name] = moved / length
    same, opposite = [], []
    upper = torch.triu(torch.ones(middle, middle, dtype=torch.bool), diagonal=1)
    for u in unit.values():
        product = u @ u.T
        same += [product[:middle, :middle][upper], product[middle:, middle:][upper]]
        opposite.append(product[:middle, middle:].flatten())
    cross = (unit["pitch"] @ unit["time"].T).abs().mean()
    return {
        "same": round(float(torch.cat(same).mean()), 4),
        "opposite": round(float(torch.cat(opposite).mean()), 4),
        "cross": round(float(cross), 4),
    }


def _rounded(places: Tensor) -> list[list[float]]:
    return [[round(float(x), 4), round(float(y), 4)] for x, y in places]

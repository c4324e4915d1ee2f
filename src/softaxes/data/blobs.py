"""What does a world look like whose pitch and time are known exactly?

Random binary images of three small rectangles, each seen again after a zero-filled shift along rows ("pitch") or along
columns ("time"), drawn by the law of S. H. Hawley, "Can a simple encoder learn soft-separable pitch vs time directions
in latent space?" (2026), pixel for pixel, but a whole batch at a time:

* a blob is three rectangles with corner in 0..size-4 and height and width in 1..3, then flipped up-down and left-right
  with probability 1/2 each;
* the kinds of the two views are drawn evenly from (pitch, pitch), (time, time), (pitch, time);
* amounts are 1..4 with a random sign; a positive amount moves towards higher rows or columns; zeros enter;
* a triplet whose two views are equal images is drawn again (so same-kind pairs are a little rarer than 2/3: 7/11).

Nothing is shifted after it is drawn: flips and shifts act on the rectangles' bounds, and a row of pixels is one integer
until the end. A view is *clipped* when pixels left the canvas. With ``margin`` >= the largest amount the blob
lies in a wider canvas and nothing is ever clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from softaxes.geometry.kinds import Line

KINDS = (Line("pitch"), Line("time"))
PITCH, TIME = 0, 1
MAX_SHIFT = 4
RECTANGLES = 3
SIDES = 3  # largest height and width of a rectangle


class BlobViews(NamedTuple):
    """Anchors, each with V shifted views. ``kind`` is an index into ``KINDS``, ``amount`` is signed, in pixels."""

    anchor: Float[Tensor, "n 1 side side"]
    views: Float[Tensor, "n v 1 side side"]
    kind: Int[Tensor, "n v"]
    amount: Int[Tensor, "n v"]
    clipped: Bool[Tensor, "n v"]


def blob_triplets(
    n: int, *, seed: int | torch.Generator, size: int = 16, margin: int = 0, max_shift: int = MAX_SHIFT
) -> BlobViews:
    """``n`` triplets of the article's law: an anchor and two different views.

    ``seed``: an integer, or a CPU generator that is drawn from and moves on. Images have ``size + 2 margin`` pixels a
    side.
    """
    _check(n, size, margin, max_shift)
    generator = _generator(seed)
    kept: list[_Packed] = []
    missing = n
    while missing:
        drawn = _draw_triplets(missing + missing // 4 + 8, generator, size, margin, max_shift)
        differ = (drawn.rows[:, 1] != drawn.rows[:, 2]).any(1).nonzero()[:missing, 0]
        kept.append(_Packed(*(part[differ] for part in drawn)))
        missing -= len(differ)
    return _Packed(*(torch.cat(parts) for parts in zip(*kept, strict=True))).unpacked()


def blob_views(
    n: int,
    *,
    kinds: Sequence[int],
    seed: int | torch.Generator,
    size: int = 16,
    margin: int = 0,
    max_shift: int = MAX_SHIFT,
) -> BlobViews:
    """``n`` anchors, each with one view per entry of ``kinds`` (``PITCH`` or ``TIME``), amounts drawn independently.

    More views make more pairs per image encoded; two views of one anchor may be equal here.
    """
    _check(n, size, margin, max_shift)
    if not kinds or any(kind not in (PITCH, TIME) for kind in kinds):
        raise ValueError(f"`kinds` must hold {PITCH} (pitch) or {TIME} (time), at least one, got {list(kinds)}")
    generator = _generator(seed)
    low, high = _bounds(n, generator, size)
    amount = _amounts((n, len(kinds)), generator, max_shift)
    kind = torch.tensor(list(kinds)).expand(n, -1).contiguous()
    return _pack_views(low, high, kind, amount, size, margin).unpacked()


def blob_images(
    n: int, *, seed: int | torch.Generator, size: int = 16, margin: int = 0
) -> Float[Tensor, "n 1 side side"]:
    """``n`` unshifted blobs, pixels 0 or 1."""
    _check(n, size, margin, 1)
    low, high = _bounds(n, _generator(seed), size)
    return _unpack(_pack(low[:, None], high[:, None], size, margin))[:, 0]


def shift_grid(
    image: Float[Tensor, "*batch 1 height width"], max_shift: int = MAX_SHIFT
) -> Float[Tensor, "*batch rows columns 1 height width"]:
    """Every zero-filled shift of an image: entry [i, j] moved by i - max_shift rows and j - max_shift columns."""
    if max_shift < 0:
        raise ValueError(f"`max_shift` must be >= 0 pixels, got {max_shift}")
    height, width = image.shape[-2:]
    padded = F.pad(image, (max_shift,) * 4)
    windows = padded.unfold(-2, height, 1).unfold(-2, width, 1)  # (*batch, 1, rows, columns, height, width)
    return windows.movedim(-5, -3).flip(-5, -4)


def _check(n: int, size: int, margin: int, max_shift: int) -> None:
    if n < 1:
        raise ValueError(f"`n` must be >= 1, got {n}")
    if size < SIDES + 1:
        raise ValueError(f"`size` must be >= {SIDES + 1} pixels, got {size}")
    if margin < 0:
        raise ValueError(f"`margin` must be >= 0 pixels, got {margin}")
    if size + 2 * margin > 62:
        raise ValueError(f"`size` + 2 `margin` must be <= 62 pixels, got {size + 2 * margin}")
    if max_shift < 1:
        raise ValueError(f"`max_shift` must be >= 1 pixel, got {max_shift}")


def _generator(seed: int | torch.Generator) -> torch.Generator:
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def _bounds(n: int, generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
    """First row or column of each rectangle and the one after its last: two (n, 2 axes, rectangles)."""
    shape = (n, 2, RECTANGLES)
    low = torch.randint(0, size - SIDES, shape, generator=generator, dtype=torch.int16)
    high = low + torch.randint(1, SIDES + 1, shape, generator=generator, dtype=torch.int16)
    flip = torch.randint(0, 2, (n, 2, 1), generator=generator, dtype=torch.bool)
    return torch.where(flip, size - high, low), torch.where(flip, size - low, high)


def _amounts(shape: tuple[int, int], generator: torch.Generator, max_shift: int) -> Tensor:
    signed = torch.randint(0, 2 * max_shift, shape, generator=generator) - max_shift
    return signed + (signed >= 0).long()


def _draw_triplets(n: int, generator: torch.Generator, size: int, margin: int, max_shift: int) -> _Packed:
    low, high = _bounds(n, generator, size)
    scheme = torch.randint(0, 3, (n,), generator=generator)
    kind = torch.tensor([[PITCH, PITCH], [TIME, TIME], [PITCH, TIME]])[scheme]
    return _pack_views(low, high, kind, _amounts((n, 2), generator, max_shift), size, margin)


class _Packed(NamedTuple):
    """Labelled views whose images, the anchor first, are packed: ``rows`` (n, v + 1, side), a bit a pixel."""

    rows: Tensor
    kind: Tensor
    amount: Tensor
    clipped: Tensor

    def unpacked(self) -> BlobViews:
        images = _unpack(self.rows)
        return BlobViews(images[:, 0], images[:, 1:], self.kind, self.amount, self.clipped)


def _pack_views(low: Tensor, high: Tensor, kind: Tensor, amount: Tensor, size: int, margin: int) -> _Packed:
    n, v = kind.shape
    move = torch.zeros(n, v + 1, 2, 1, dtype=low.dtype)  # image 0 is the anchor and stays
    move[:, 1:, :, 0].scatter_(2, kind[:, :, None], amount[:, :, None].to(low.dtype))
    low, high = low[:, None] + move, high[:, None] + move  # (n, v + 1, 2, rectangles)
    clipped = ((low < -margin) | (high > size + margin)).flatten(2).any(2)
    return _Packed(_pack(low, high, size, margin), kind, amount, clipped[:, 1:])


def _pack(low: Tensor, high: Tensor, size: int, margin: int) -> Int[Tensor, "n v side"]:
    """Bounds (n, v, 2, rectangles) to rows of pixels, each one integer: where a rectangle is, its columns' bits."""
    side = size + 2 * margin
    first, end = (low[:, :, 1] + margin).clamp(0, side).long(), (high[:, :, 1] + margin).clamp(0, side).long()
    columns = (1 << end) - (1 << first)
    position = torch.arange(-margin, size + margin, dtype=low.dtype)
    inside = (position >= low[:, :, 0, :, None]) & (position < high[:, :, 0, :, None])
    rows = inside * columns[..., None]  # (n, v, rectangles, side)
    united = rows[:, :, 0]
    for rectangle in range(1, RECTANGLES):
        united = united | rows[:, :, rectangle]
    return united


def _unpack(rows: Int[Tensor, "n v side"]) -> Float[Tensor, "n v 1 side side"]:
    """Bits to pixels, a byte at a time through a table: many times faster than shifting every bit."""
    side = rows.shape[-1]
    table = ((torch.arange(256)[:, None] >> torch.arange(8)) & 1).float()
    of_byte = torch.stack([(rows >> shift) & 255 for shift in range(0, side, 8)], dim=-1)
    pixels = table.index_select(0, of_byte.flatten()).view(*rows.shape, -1)
    return pixels[..., :side].contiguous()[:, :, None]

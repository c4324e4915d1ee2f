"""How is the statistic of `softaxes.losses.sigreg` computed fast, with its gradient, over all processes?

cos(kx) and sin(kx) for all knots k are sums of products of a few low and a few high multiples of x (angle addition), so
their means over the rows are one small matrix product, and so is the gradient. Both are had in one pass over chunks of
slices; nothing of size (rows, slices, knots) is ever stored.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from softaxes.geometry.labels import at_least_float32, check_latents
from softaxes.losses._ranks import rows_of_ranks, sum_over_ranks

_CELLS_CPU, _CELLS_DEVICE = 2**18, 2**21  # rows * slices worked on at once, 80 bytes each with 17 knots. The CPU's
# choice: half is as fast on idle cores, but busy ones want few operations. The accelerator's is an untested guess.
_ROWS_A_SUM = 2**13  # a float32 sum over 10^6 rows in one go is off by 10 % of the statistic, in blocks by 3e-5


def _count(name: str, value: int, least: int) -> int:
    """``value`` as an int; TypeError or ValueError unless it is a whole number from ``least`` on."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be an integer, got {value!r}") from None
    if not least <= count < 2**63:
        raise ValueError(f"`{name}` must be >= {least} and < 2^63, got {count}")
    return count


def statistic(
    z: Tensor,
    form: Form,
    *,
    knots: int,
    t_max: float,
    step: int,
    slices: int,
    chunk: int | None,
    across_ranks: bool,
) -> tuple[Tensor, int]:
    """Mean over slices of the integral over ``knots`` on [0, t_max], and the number of rows that it speaks of."""
    check_latents("z", z)
    step, slices, knots = _count("step", step, 0), _count("slices", slices, 1), _count("knots", knots, 2)
    chunk = 0 if chunk is None else _count("chunk", chunk, 1)
    if not (math.isfinite(t_max) and t_max > 0):
        raise ValueError(f"`t_max` must be positive and finite, got {t_max}")
    with torch.autocast(z.device.type, enabled=False):
        z = at_least_float32(z)
        rows = rows_of_ranks(z, across_ranks, step=step, slices=slices, knots=knots, chunk=chunk)
        cells = _CELLS_CPU if z.device.type == "cpu" else _CELLS_DEVICE
        chunk = min(slices, chunk or max(1, cells // max(rows)))
        grid = Grid.of(knots, t_max, z.dtype, z.device)
        wanted = z.requires_grad and torch.is_grad_enabled()
        mean: Tensor = _Sketch.apply(z, _Sketching(unit_directions(step, slices, z), grid, form, rows, chunk, wanted))
    return mean, sum(rows)


def unit_directions(step: int, slices: int, like: Float[Tensor, "rows dim"]) -> Float[Tensor, "slices dim"]:
    """Random unit vectors, a function of ``step``; drawn on the CPU, so that all devices get the same."""
    generator = torch.Generator().manual_seed(step)
    drawn = torch.randn(like.shape[1], slices, generator=generator, dtype=torch.float32)
    drawn = drawn.T.to(like, non_blocking=True).contiguous()
    return torch.nn.functional.normalize(drawn, dim=1)


Form = Callable[[Tensor, Tensor, "Grid"], tuple[Tensor, Tensor, Tensor]]


def squared_distance(cos: Tensor, sin: Tensor, grid: Grid) -> tuple[Tensor, Tensor, Tensor]:
    """integral |phi - gauss|^2 of each slice, and its derivatives by the means of cos(tu) and of sin(tu)."""
    off = cos - grid.gauss
    return (off.square() + sin.square()) @ grid.weights, 2 * grid.weights * off, 2 * grid.weights * sin


def squared_modulus_distance(cos: Tensor, sin: Tensor, grid: Grid) -> tuple[Tensor, Tensor, Tensor]:
    """integral (|phi| - gauss)^2 of each slice, and its derivatives likewise."""
    modulus = torch.hypot(cos, sin)
    off = modulus - grid.gauss
    slope, length = 2 * grid.weights * off, modulus.clamp_min(torch.finfo(cos.dtype).tiny)
    return off.square() @ grid.weights, slope * (cos / length), slope * (sin / length)


@dataclass(frozen=True)
class Grid:
    """Knots t_k = k dt on the half line, and the table that makes all cos(t_k u), sin(t_k u) out of few products.

    With x = dt u, every k is stride * j + r or stride * j - r with r <= (stride - 1) / 2, and

        cos(a +- b) = cos a cos b -+ sin a sin b,    sin(a +- b) = sin a cos b +- cos a sin b.

    ``addition[h, l]`` is the part, 0 or +-1, that the product of feature h of the high angles (stride x, 2 stride x..)
    and feature l of the low ones (x, 2x, ...) has in cos(0x), ..., cos((K-1)x), sin(0x), ..., sin((K-1)x). The features
    of angles a, b, ... are 1, cos a, sin a, cos b, sin b, ...
    """

    t: Float[Tensor, " knots"]
    gauss: Float[Tensor, " knots"]
    weights: Float[Tensor, " knots"]
    stride: int
    addition: Float[Tensor, "high low cos_and_sin"]

    @staticmethod
    @functools.lru_cache(maxsize=16)
    @torch.inference_mode(False)  # what is kept must serve a later backward pass
    def of(knots: int, t_max: float, dtype: torch.dtype, device: torch.device) -> Grid:
        """Trapezoid rule on [0, t_max], counted twice, times the weight exp(-t^2/2); made once for each device."""
        t = torch.linspace(0, t_max, knots, dtype=torch.float64)
        gauss = torch.exp(-t.square() / 2)
        weights = torch.full_like(t, 2 * t_max / (knots - 1))
        weights[[0, -1]] /= 2
        stride, addition = _addition_table(knots)
        t, gauss, weights, addition = (x.to(device, dtype) for x in (t, gauss, weights * gauss, addition))
        return Grid(t, gauss, weights, stride, addition)


def _addition_table(knots: int) -> tuple[int, Tensor]:
    """Stride and signs of angle addition for k < knots, with about as many low as high angles."""
    low = max(1, round(math.sqrt((knots - 1) / 4)))
    stride = 2 * low + 1
    high = max(1, round((knots - 1) / stride))
    table = torch.zeros(1 + 2 * high, 1 + 2 * low, 2 * knots)
    for k in range(knots):
        j = round(k / stride)
        r, sign = abs(k - stride * j), 1 if k >= stride * j else -1
        cos_high, sin_high, cos_low, sin_low = max(0, 2 * j - 1), 2 * j, max(0, 2 * r - 1), 2 * r
        table[cos_high, cos_low, k] = 1
        if j:
            table[sin_high, cos_low, knots + k] = 1
        if r:
            table[cos_high, sin_low, knots + k] = sign
        if j and r:
            table[sin_high, sin_low, k] = -sign
    return stride, table


@dataclass(frozen=True)
class _Sketching:
    """What a pass over the slices needs beside the latents; ``rows`` holds one count for each process."""

    directions: Float[Tensor, "slices dim"]
    grid: Grid
    form: Form
    rows: list[int]
    chunk: int
    gradient_wanted: bool

    def over_ranks(self, x: Tensor) -> Tensor:
        return sum_over_ranks(x) if len(self.rows) > 1 else x


class _Sketch(torch.autograd.Function):
    """The mean over slices; its gradient is computed on the way."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, sketching: _Sketching) -> Tensor:
        value, gradient = _value_and_gradient(z, sketching)
        ctx.save_for_backward(gradient)
        ctx.ranks = len(sketching.rows)
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        if torch.is_grad_enabled():
            raise RuntimeError("SIGReg has no second derivative: call backward without `create_graph`")
        (gradient,) = ctx.saved_tensors
        return gradient * (grads[0] * ctx.ranks), None  # times ranks: DDP will divide by them


def _value_and_gradient(z: Float[Tensor, "rows dim"], sketching: _Sketching) -> tuple[Tensor, Tensor]:
    """Mean over all slices, and the gradient by this process's rows of the mean over all processes' rows."""
    grid, total_rows, total_slices = sketching.grid, sum(sketching.rows), len(sketching.directions)
    value, gradient = z.new_zeros(()), torch.zeros_like(z)
    work = _Work.room_for(sketching.chunk, len(z), grid, z)
    for directions in sketching.directions.split(sketching.chunk):
        work = work.first(len(directions))
        work.fill(torch.mm(directions, z.T, out=work.angle).mul_(grid.t[1]), grid.stride)
        sums = work.products().flatten(1) @ grid.addition.flatten(0, 1)
        cos, sin = (sketching.over_ranks(sums) / total_rows).chunk(2, dim=1)
        chunk_value, by_cos, by_sin = sketching.form(cos, sin, grid)
        value += chunk_value.sum() / total_slices
        if not sketching.gradient_wanted:
            continue
        by_feature = torch.cat([by_sin * grid.t, -by_cos * grid.t], dim=1) / (total_rows * total_slices)
        slope = work.evaluate((by_feature @ grid.addition.flatten(0, 1).T).unflatten(1, grid.addition.shape[:2]))
        gradient.addmm_(slope.T, directions)
    return value, gradient


@dataclass(frozen=True)
class _Work:
    """Buffers of one chunk, made once: allocating them anew costs more than the arithmetic."""

    angle: Float[Tensor, "slices rows"]
    high: Float[Tensor, "high slices rows"]
    low: Float[Tensor, "low slices rows"]
    inner: Float[Tensor, "slices high rows"]

    @classmethod
    def room_for(cls, slices: int, rows: int, grid: Grid, like: Tensor) -> _Work:
        high, low, _ = grid.addition.shape
        empty = like.new_empty
        work = cls(empty(slices, rows), empty(high, slices, rows), empty(low, slices, rows), empty(slices, high, rows))
        work.high[0] = work.low[0] = 1
        return work

    def first(self, slices: int) -> _Work:
        return _Work(self.angle[:slices], self.high[:, :slices], self.low[:, :slices], self.inner[:slices])

    def fill(self, angle: Tensor, stride: int) -> None:
        _angle_features(angle, self.low)
        _angle_features(angle.mul_(stride), self.high)

    def products(self) -> Float[Tensor, "slices high low"]:
        """Sum over the rows of each product of a high and a low feature; in blocks, so that float32 rounds little."""
        high, low = self.high.transpose(0, 1), self.low.transpose(0, 1)
        blocks = zip(high.split(_ROWS_A_SUM, dim=2), low.split(_ROWS_A_SUM, dim=2), strict=True)
        return torch.stack([torch.bmm(high_block, low_block.mT) for high_block, low_block in blocks]).sum(0)

    def evaluate(self, weights: Float[Tensor, "slices high low"]) -> Float[Tensor, "slices rows"]:
        """The sum of all such products with these weights, for each row."""
        inner = torch.bmm(weights, self.low.transpose(0, 1), out=self.inner)
        return torch.sum(inner.mul_(self.high.transpose(0, 1)), dim=1, out=self.angle)


def _angle_features(angle: Float[Tensor, "slices rows"], out: Float[Tensor, "features slices rows"]) -> None:
    """Write cos(x), sin(x), cos(2x), sin(2x), ... into ``out`` after its first row, which stays 1."""
    cos, sin = torch.cos(angle, out=out[1]), torch.sin(angle, out=out[2])
    for i in range(3, len(out), 2):
        torch.mul(out[i - 2], cos, out=out[i]).addcmul_(out[i - 1], sin, value=-1)
        torch.mul(out[i - 1], cos, out=out[i + 1]).addcmul_(out[i - 2], sin)

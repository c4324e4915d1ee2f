"""How far could a figure be from its value by chance of the songs that were drawn?

Goal: percentile intervals of figures over groups (songs): windows of one song are not independent, so whole groups
are drawn with replacement (Efron & Tibshirani 1993, chapter 8; clusters as in Davison & Hinkley 1997, 3.8).

Conventions: ``values`` (N,) or (N, C), one row an item; ``group`` (N,). A figure is a function of the *mean* of the
values: their mean itself, or say 1 - mean(residual^2) / mean(deviation^2). Then only the sums of each group are
resampled, (n x G) @ (G x C), never the rows. Intervals need at least two groups: with one they are NaN.

Metrics: ``interval`` for one figure; ``Bootstrap`` when many figures share the groups, and so the draws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from softaxes.diagnostics.labelled import Array, finite, group_index, to_numpy

Statistic = Callable[[Array], Array]


class Bootstrap:
    """Draws of groups, shared by every figure on the same items.

    Args:
        group: (B,) label of each item, or the number of items if each is its own group.
        n: number of draws, >= 1.
        seed: of the draws.
        level: share of the draws inside the interval, in (0, 1).
        bundles: more groups than this are drawn in so many bundles (bundles of independent groups are independent).
    """

    def __init__(
        self, group: ArrayLike | int, *, n: int = 1000, seed: int = 0, level: float = 0.95, bundles: int = 4096
    ) -> None:
        if n < 1:
            raise ValueError(f"`n` must be >= 1 draws, got {n}")
        if not 0 < level < 1:
            raise ValueError(f"`level` must lie in (0, 1), got {level}")
        self.level = level
        index = np.arange(group) if isinstance(group, int) else group_index(group, len(to_numpy(group)))
        self.group = index % bundles
        self.groups = int(self.group.max(initial=-1)) + 1
        if not self.groups:
            raise ValueError("`group` must hold at least one item, got none")
        drawn = np.random.default_rng(seed).integers(self.groups, size=(n, self.groups))
        drawn += np.arange(n)[:, None] * self.groups
        counts = np.bincount(drawn.ravel(), minlength=n * self.groups)
        self.counts = counts.reshape(n, self.groups).astype(np.float64)  # how often each draw holds each group

    def interval(
        self, values: ArrayLike, item: ArrayLike | None = None, statistic: Statistic | None = None
    ) -> tuple[float, float]:
        """Interval of ``statistic(mean of values)``.

        Args:
            values: (N,) or (N, C).
            item: (N,) which of the B items each value belongs to; not needed if there is one value an item, in order.
            statistic: maps means (n, C) to figures (n,); the mean itself by default (C = 1).
        """
        rows = np.asarray(values, dtype=np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        group = self.group if item is None else self.group[np.asarray(item)]
        if len(group) != len(rows):
            raise ValueError(f"`values` must have one row an item, {len(group)}, got {len(rows)}")
        size = np.bincount(group, minlength=self.groups)
        sums = np.stack([np.bincount(group, column, minlength=self.groups) for column in rows.T], axis=-1)
        drawn = self.counts @ size
        means = (self.counts @ sums)[drawn > 0] / drawn[drawn > 0, None]
        return self.percentiles(means[:, 0] if statistic is None else statistic(means), present=int((size > 0).sum()))

    def percentiles(self, replicates: Array, *, present: int) -> tuple[float, float]:
        """The middle ``level`` of the replicates; NaN if one of them is, or fewer than two groups are ``present``."""
        if present < 2 or not len(replicates) or np.isnan(replicates).any():
            return float("nan"), float("nan")
        low, high = np.quantile(replicates, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(low), float(high)


def interval(
    values: ArrayLike,
    group: ArrayLike | None = None,
    statistic: Statistic | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval (low, high) of the mean of ``values``, or of ``statistic(mean)``, over groups.

    Args:
        values: (N,) or (N, C), finite.
        group: (N,) labels of any type; without, each row is its own group.
        statistic: maps means (n, C) to figures (n,).

    Raises:
        ValueError: on no rows, non-finite values, or shapes that do not fit.
    """
    array = to_numpy(values)
    rows = finite(array, "values", "(N,) or (N, C)", ndim=1 if array.ndim != 2 else 2)
    if not len(rows):
        raise ValueError("`values` must hold at least one row, got none")
    draws = Bootstrap(group_index(group, len(rows)), n=n, seed=seed, level=level)
    return draws.interval(rows, statistic=statistic)

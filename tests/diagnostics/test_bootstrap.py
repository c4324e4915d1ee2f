"""Intervals: coverage, a twin that redraws rows, degenerate input."""

from __future__ import annotations

import numpy as np
import pytest

from softaxes.diagnostics.bootstrap import Bootstrap, interval

from . import naive


def test_against_redrawn_rows(rng):
    values, group = rng.standard_normal(40), rng.integers(7, size=40)
    draws = np.random.default_rng(5).integers(7, size=(300, 7))
    expected = np.quantile(naive.bootstrap_means(values, group, draws), [0.025, 0.975])
    assert interval(values, group, n=300, seed=5) == pytest.approx(tuple(expected))


def test_width_is_that_of_the_standard_error():
    values = np.random.default_rng(1).standard_normal(2000) * 3
    low, high = interval(values, n=4000)
    assert (high - low) / 2 == pytest.approx(1.96 * 3 / np.sqrt(2000), rel=0.08)
    assert low < values.mean() < high


def test_equal_rows_of_a_song_are_one_observation():
    """20 songs of 50 equal rows: the interval is that of 20 rows, not of 1000."""
    song = np.random.default_rng(2).standard_normal(20)
    rows, group = np.repeat(song, 50), np.repeat(np.arange(20), 50)
    assert interval(rows, group) == pytest.approx(interval(song))
    naive_low, naive_high = interval(rows)
    low, high = interval(rows, group)
    assert high - low > 5 * (naive_high - naive_low)


def test_statistic_of_several_means(rng):
    """R^2 from sums of squares, against R^2 of redrawn rows."""
    y, error = rng.standard_normal(60), 0.3 * rng.standard_normal(60)
    columns = np.stack([error**2, y, y**2], axis=1)
    found = interval(columns, statistic=lambda m: 1 - m[:, 0] / (m[:, 2] - m[:, 1] ** 2), n=200, seed=1)
    values = []
    for draw in np.random.default_rng(1).integers(60, size=(200, 60)):
        values.append(1 - np.mean(error[draw] ** 2) / np.var(y[draw]))
    assert found == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_shared_draws_and_items(rng):
    group = np.array([0, 0, 1, 2, 2])
    draws = Bootstrap(group, n=100)
    item = np.array([4, 0, 2, 2, 3, 1])
    values = rng.standard_normal(6)
    assert draws.interval(values, item) == interval(values, group[item], n=100)


def test_a_draw_may_miss_every_group_that_has_values():
    """Values in two of six groups: about one draw in twelve holds neither, and says nothing."""
    draws = Bootstrap(6, n=500, seed=4)
    low, high = draws.interval([1.0, 3.0], item=[0, 5])
    kept = draws.counts[:, [0, 5]]
    kept = kept[kept.sum(axis=1) > 0]
    assert len(kept) < 500
    assert (low, high) == pytest.approx(tuple(np.quantile(kept @ [1.0, 3.0] / kept.sum(axis=1), [0.025, 0.975])))


def test_one_draw_is_enough_to_run():
    low, high = interval([1.0, 2.0, 4.0], n=1)
    assert low == high


def test_one_group_has_no_interval():
    assert np.isnan(interval([1.0, 2.0, 3.0], ["a", "a", "a"])).all()
    assert np.isnan(interval([1.0])).all()


def test_seed_level_and_bundles(rng):
    values = rng.standard_normal(300)
    assert interval(values, seed=1) == interval(values, seed=1) != interval(values, seed=2)
    low, high = interval(values, level=0.5)
    wide_low, wide_high = interval(values, level=0.99)
    assert wide_low < low < high < wide_high
    bundled = Bootstrap(300, bundles=50)
    assert bundled.groups == 50
    assert bundled.interval(values) == pytest.approx(interval(values), abs=0.03)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: interval([]), r"`values` must hold at least one row, got none"),
        (lambda: interval([1.0, np.nan]), r"`values` must be finite"),
        (lambda: interval([1.0, 2.0], group=[1]), r"`group` must have shape \(2,\), one label an item, got \(1,\)"),
        (lambda: interval([1.0, 2.0], n=0), r"`n` must be >= 1 draws, got 0"),
        (lambda: interval([1.0, 2.0], level=95), r"`level` must lie in \(0, 1\), got 95"),
        (lambda: interval(np.zeros((2, 2, 2))), r"`values` must have shape \(N,\) or \(N, C\), got \(2, 2, 2\)"),
        (lambda: Bootstrap(0), r"`group` must hold at least one item, got none"),
        (lambda: Bootstrap(3).interval([1.0]), r"`values` must have one row an item, 3, got 1"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

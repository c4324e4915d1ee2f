"""Counts and curves for pages: those of encoders whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from softaxes.diagnostics.cosines import chance_same_anchor, cosines
from softaxes.diagnostics.labelled import label
from softaxes.geometry.kinds import Circle, Line
from softaxes.report.redraw import BINS, CLOCK_BINS, cosine_bins, moves, phase_errors, success_row

KINDS = (Line("pitch"), Line("time"), Circle("metre", 16))


def batch(n: int = 60):  # type: ignore[no-untyped-def]
    """Latents in which pitch and time are axes and metre is a circle, exactly; half of the pitch views are clipped."""
    rng = np.random.default_rng(0)
    anchor = rng.normal(size=(n, 8))
    phase = rng.uniform(0, 16, n)
    anchor[:, 2:4] = np.c_[np.cos(phase * np.pi / 8), np.sin(phase * np.pi / 8)]
    kind = np.tile([0, 0, 1, 1, 2, 2], (n, 1))
    amount = np.c_[
        rng.integers(1, 5, (n, 1)), -rng.integers(1, 5, (n, 1)), rng.integers(1, 5, (n, 2)), rng.integers(1, 8, (n, 2))
    ]
    views = np.repeat(anchor[:, None], 6, axis=1)
    views[:, :2, 0] += amount[:, :2]
    views[:, 2:4, 1] += amount[:, 2:4]
    turned = (phase[:, None] + amount[:, 4:]) * np.pi / 8
    views[:, 4:, 2:4] = np.stack([np.cos(turned), np.sin(turned)], axis=-1)
    clipped = np.zeros((n, 6), bool)
    clipped[::2, 0] = True
    return label(anchor, views, kind, amount, clipped=clipped, kinds=KINDS, group=np.arange(n))


def test_cosines_fall_into_the_bins_that_were_promised() -> None:
    bins = cosine_bins(cosines(batch()), dims=8)
    assert bins["chance"] == pytest.approx(chance_same_anchor(8))
    assert list(bins["parts"]) == ["all", "unclipped", "clipped"]
    groups = {(g["kind"], g["relation"]): np.array(g["counts"]) for g in bins["parts"]["all"]}
    assert groups["pitch", "opposite"][0] == groups["pitch", "opposite"].sum() == 60
    assert groups["time", "same"][-1] == groups["time", "same"].sum() == 60
    assert groups["", "cross"][BINS // 2 - 1 : BINS // 2 + 1].sum() == groups["", "cross"].sum() == 60 * 12
    assert groups["metre", "circle"].sum() == 60
    wanted = {(g["kind"], g["relation"]): g["expected"] for g in bins["parts"]["all"]}
    assert (wanted["", "cross"], wanted["time", "same"], wanted["pitch", "opposite"]) == (0, 1, -1)
    assert wanted["metre", "circle"] is None
    for one, other in zip(bins["parts"]["unclipped"], bins["parts"]["clipped"], strict=True):
        total = np.add(one["counts"], other["counts"])
        np.testing.assert_array_equal(total, groups[one["kind"], one["relation"]])


def test_perfect_axes_move_by_what_was_asked() -> None:
    rows = {row["kind"]: row for row in moves(batch(), None, {"pitch": "semitones"})}
    assert (rows["pitch"]["unit"], rows["time"]["unit"]) == ("semitones", "steps")
    assert rows["pitch"]["amount"] == [-4, -3, -2, -1, 1, 2, 3, 4]
    for part in ("low", "median", "high"):
        np.testing.assert_allclose(rows["pitch"][part], rows["pitch"]["amount"], atol=1e-2)
    counts = np.array(rows["metre"]["counts"])
    middle = slice(CLOCK_BINS // 2 - 1, CLOCK_BINS // 2 + 1)
    assert counts[middle].sum() == counts.sum() == 120 and rows["metre"]["period"] == 16


def test_phase_errors_wrap() -> None:
    counts = phase_errors(np.array([15.0, 1.0, 0.0]), np.array([1.5, 15.5, 8.0]), np.array([2, -2, 0]), 16)
    at = np.flatnonzero(counts)
    assert at.tolist() == [0, CLOCK_BINS // 2 + 1]  # half a turn off; half a step late, twice
    assert sum(counts) == 3


def test_success_is_a_share_at_each_amount() -> None:
    right = {"operator": np.array([True, True, False]), "no operator": np.array([False, False, False])}
    row = success_row("pitch", "semitones", np.array([1, 1, -2]), right, chance=0.1, candidates=10)
    assert (row["amount"], row["methods"]["operator"]) == ([-2, 1], [0.0, 1.0])
    assert row["methods"]["no operator"] == [0.0, 0.0] and row["candidates"] == 10

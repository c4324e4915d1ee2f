"""The property table: complete, in range, and every invariance and every dependence it claims is shown."""

from __future__ import annotations

import importlib
import inspect
import math

import numpy as np
import pytest

from softaxes.diagnostics import PROPERTIES, cosines, diagnose, notes, operators, probes, spectrum
from softaxes.diagnostics.properties import SIMILARITY, TRANSFORMATIONS
from softaxes.geometry.kinds import Circle, Cycle, Line

from . import worlds
from .worlds import args

MODULES = (
    "cosines",
    "global_axis",
    "additivity",
    "spectrum",
    "neighbours",
    "operators",
    "probes",
    "notes",
    "analogies",
)
NOT_METRICS = {
    "data already checked": {
        "nearest_own_shift", "shift_probe", "ridge"},
    "what a metric averages": {
        "signed_differences", "agreement_values", "signed_units", "size_moments", "relative_errors", "ranks",
        "analogies", "donor_errors"},
    "from means to a figure": {
        "angle_of_halves", "r2", "exponent", "ratio_cv", "scale", "r2_of_means", "f1_of_means", "variances_of",
        "rank_of_spectrum", "shares_of_spectrum", "between_images", "principal_directions"},
    "chance levels": {"chance_same_anchor", "chance"},
    "intervals": {"between_images_interval", "spectrum_interval"},
}  # fmt: skip
REDRAWN = {"hit_at_1_random_direction", "analogy_error"}  # a permutation makes another draw, a rotation a new direction


def noisy_world(seed=0):
    """Two lines and a circle, blurred so that no figure sits at the end of its range. 120 items of 40 songs."""
    rng = np.random.default_rng(seed)
    world, more = worlds.circle(rng, items=120, dims=9), worlds.shifts(rng, 120)
    anchor, line = world["anchor"], rng.standard_normal(9) / 6
    kind = np.concatenate([2 * world["kind"], np.ones((120, 4), dtype=int)], axis=1)
    amount = np.concatenate([world["amount"], more["amount"][:, :4]], axis=1)
    along = anchor[:, None] + more["amount"][:, :4, None] * line
    views = np.concatenate([world["views"], along], axis=1)
    views = views + (0.1 + 0.05 * np.abs(amount[..., None])) * rng.standard_normal(views.shape)
    kinds = (Line("pitch"), Line("time"), Circle("metre", 16))
    group = rng.permutation(np.repeat(np.arange(40), 3))
    return {"anchor": anchor, "views": views, "kind": kind, "amount": amount, "kinds": kinds, "group": group}


def transform(world, name):
    rng = np.random.default_rng(7)
    anchor, views, dims = world["anchor"], world["views"], world["anchor"].shape[1]
    if name == "permutation":
        order = rng.permutation(len(anchor))
        return {key: value if key == "kinds" else value[order] for key, value in world.items()}
    if name == "own_rotation":
        return worlds.turn_differences(world, rng)
    change = {
        "rotation": lambda z: z @ worlds.orthogonal(np.random.default_rng(7), dims),
        "scale": lambda z: 2.5 * z,
        "translation": lambda z: z + 3 * np.random.default_rng(8).standard_normal(dims),
        "stretch": lambda z: z * np.where(np.arange(dims) == 0, 3.0, 1.0),
    }[name]
    return world | {"anchor": change(anchor), "views": change(views)}


def figures(world):
    """Every figure of latents: the report's, and those of functions that a report does not call."""
    report = diagnose(**args(world, "kinds", "group"), draws=2)
    values: dict[str, list[float]] = {}
    for figure in report.values():
        values.setdefault(figure.name, []).append(figure.value)
    anchor, views, group = world["anchor"], world["views"], world["group"]
    target = np.stack([world["amount"][:, 0], world["amount"][:, 1] ** 2], axis=1)  # of the item, not of its latent
    values["ridge_r2"] = [probes.ridge_r2(views[:, 0], target, group).score]
    values["category"] = [probes.category(views[:, 0], world["amount"][:, 0] > 0, group).score]
    steps = world["amount"][:, 0].astype(int) % 4
    values["phase_readout"] = [probes.cyclic(views[:, 0], steps, 4, group)[1].score]
    values["disagreement"] = [operators.disagreement(views[:, 0], views[:, 1], anchor)]
    values["drift"] = operators.drift(anchor, views.swapaxes(0, 1)).tolist()
    cycles = (*world["kinds"][:2], Cycle("metre", 16, harmonics=(1, 2)))
    values["cycle_error"] = [cosines.cosines(**args(world), kinds=cycles).figure("cycle")]
    grid = views.reshape(len(anchor), 3, 4, -1)
    values["grid_first"] = list(spectrum.grid_spectra(grid).first)
    return values


@pytest.fixture(scope="module")
def base():
    return figures(noisy_world())


def test_every_figure_of_latents_is_computed_here(base):
    of_rolls = {name for name, row in PROPERTIES.items() if row.function.startswith("notes.")}
    assert set(base) == set(PROPERTIES) - of_rolls


def test_every_metric_of_the_package_has_a_row():
    named = {row.function for row in PROPERTIES.values()}
    excused = set().union(*NOT_METRICS.values())
    for module_name in MODULES:
        module = importlib.import_module(f"softaxes.diagnostics.{module_name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_") and name not in excused:
                expected = {"content_ranks": "neighbours.content_ranks"}.get(name, f"{module_name}.{name}")
                assert expected in named, f"{expected} has no row in PROPERTIES"
    for function in named:
        module_name, name = function.split(".")
        assert callable(getattr(importlib.import_module(f"softaxes.diagnostics.{module_name}"), name))


@pytest.mark.parametrize("name", PROPERTIES)
def test_rows_are_complete(name):
    row = PROPERTIES[name]
    assert row.name == name and row.reading and row.chance and row.low < row.high
    assert math.isnan(row.best) or row.low <= row.best <= row.high
    assert (row.invariant | row.varies) <= set(TRANSFORMATIONS)
    assert not row.invariant & row.varies
    if not row.function.startswith("notes.") and name not in REDRAWN:
        assert (row.invariant | row.varies) >= SIMILARITY


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_claims(base, transformation):
    changed = figures(transform(noisy_world(), transformation))
    for name, values in base.items():
        difference = np.abs(np.array(changed[name]) - np.array(values))
        size = np.maximum(1.0, np.abs(values))
        if transformation in PROPERTIES[name].invariant:
            assert (difference <= 5e-4 * size).all(), f"{name} is not invariant: {values} -> {changed[name]}"
        if transformation in PROPERTIES[name].varies:
            assert (difference > 1e-3 * size).any(), f"{name} does not vary: {values} -> {changed[name]}"


@pytest.mark.parametrize(
    "make", [worlds.perfect, worlds.dead, worlds.random, worlds.own_axes, worlds.circle, worlds.cycle]
)
def test_figures_lie_in_their_ranges(rng, make):
    report = diagnose(**args(make(rng), "kinds"), draws=20)
    for key, figure in report.items():
        row, slack = figure.about, 1e-6
        for value in (figure.value, figure.low, figure.high):
            assert math.isnan(value) or row.low - slack <= value <= row.high + slack, key


def test_figures_of_rolls_do_not_depend_on_the_order_of_windows(rng):
    true, guess = (rng.random((2, 30, 2, 128, 16)) < 0.05).astype(bool)
    guess |= true & (rng.random(true.shape) < 0.7)
    order, semitones = rng.permutation(30), rng.integers(-5, 6, 30)

    def of(rows):
        a, b = true[rows], guess[rows]
        return {
            "frame_f1": notes.frame_counts(a, b).f1,
            "note_f1": notes.note_counts(a, b, tolerance_steps=1).f1,
            "transposition": notes.transposition(b, a, semitones[rows]).mean(),
            "onset_leakage": notes.onset_leakage(b, a).mean(),
            "pitch_leakage": notes.pitch_leakage(b, a).mean(),
        }

    before, after = of(np.arange(30)), of(order)
    assert set(before) == {name for name, row in PROPERTIES.items() if row.function.startswith("notes.")}
    assert after == pytest.approx(before)

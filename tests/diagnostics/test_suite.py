"""The whole suite on encoders whose figures are known, and the forms it takes."""

from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest
import torch

import softaxes as sa
from softaxes.diagnostics import PROPERTIES, Report, diagnose
from softaxes.diagnostics.report import Figure
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Line

from . import worlds
from .worlds import args


def suite(world, **extras):
    return diagnose(**args(world, "kinds", "clipped"), draws=100, **extras)


@pytest.mark.parametrize(
    "make, slack", [(worlds.perfect, 1e-5), (worlds.duplicated, 1e-5), (worlds.circle, 0.05), (worlds.cycle, 0.05)]
)
def test_a_perfect_encoder_gets_every_best_value(rng, make, slack):
    """Planes are estimated from correlations, which 100 items know to a few per cent."""
    report = suite(make(rng), group=np.repeat(np.arange(50), 4))
    for key, figure in report.items():
        if math.isfinite(figure.about.best):
            assert figure.value == pytest.approx(figure.about.best, abs=slack), key
    assert report["effective_rank"].value > 5


def test_perfect_world_has_the_expected_keys(rng):
    report = suite(worlds.perfect(rng))
    for key in ("dead", "cross_cos", "same_cos", "same_cos.pitch", "opening_angle.time", "additivity.pitch"):
        assert key in report
    for key in ("circle_error", "cross_cos.unclipped", "phase_cos.pitch", "cross_cos.pitch+time"):
        assert key not in report
    assert report["subspace_overlap.pitch+time"].chance == pytest.approx(1 / 12)
    assert {figure.name for figure in report.values()} <= set(PROPERTIES)


def test_a_random_encoder_gets_chance(rng):
    report = suite(worlds.random(rng, items=1000))
    for name in ("same_cos", "opposite_cos", "cross_cos", "axis_agreement.pitch", "between_images.time"):
        assert report[name].value == pytest.approx(report[name].chance, abs=0.03), name
    for name in ("content_recall", "hit_at_1.pitch", "hit_at_5.time", "shift_r2.time", "skill.pitch"):
        assert report[name].value == pytest.approx(report[name].chance, abs=0.04), name
    assert report["effective_rank"].value == pytest.approx(report["effective_rank"].chance, abs=0.5)
    assert report["relative_error.pitch"].value == pytest.approx(1, abs=0.05)
    assert report["own_shift.pitch"].value < 0.01  # its axes are short: "no change" is always nearer
    assert report["additivity.pitch"].value == pytest.approx(report["additivity.pitch"].chance, abs=0.15)


def test_a_dead_encoder_gets_no_praise(rng):
    report = suite(worlds.dead(rng))
    assert report["dead"].value == 1
    for key, figure in report.items():
        best = figure.about.best
        if math.isfinite(best) and figure.name not in ("subspace_overlap",):
            assert math.isnan(figure.value) or abs(figure.value - best) > 0.5, key
    assert report["cross_cos"].n == 0 and math.isnan(report["cross_cos"].value)


def test_dead_and_narrow_circles(rng):
    world = worlds.circle(rng)
    still = np.ones_like(world["views"])
    report = suite(world | {"anchor": still[:, 0], "views": still})
    assert report["dead"].value == 1 and math.isnan(report["circle_error"].value)
    narrow = world | {"anchor": world["anchor"][:, :2], "views": world["views"][..., :2]}
    assert "coordinate_skill.pitch" in suite(narrow)
    assert suite(narrow)["phase_cos.metre"].n == 0


def test_a_cycle_is_judged_by_its_own_law(rng):
    report = suite(worlds.cycle(rng))
    assert report["law_error.metre"].value == pytest.approx(0, abs=1e-5)
    assert report["cycle_error"].value == pytest.approx(0, abs=1e-5)
    assert report["relative_error.metre"].value < 0.02
    assert report["phase_cos.metre"].value > 0.99
    assert report["axis_agreement.metre"].chance == pytest.approx(6 / 12)
    assert not {"same_cos.metre", "additivity.metre", "coordinate_r2.metre", "circle_error"} & set(report)
    assert json.dumps(report.to_dict(), allow_nan=False)
    assert "cycle_error" in str(report)


def test_dead_narrow_and_few_cycles(rng):
    world = worlds.cycle(rng)
    still = np.ones_like(world["views"])
    report = suite(world | {"anchor": still[:, 0], "views": still})
    assert report["dead"].value == 1 and math.isnan(report["cycle_error"].value)
    assert "law_error.metre" not in report
    narrow = suite(world | {"anchor": world["anchor"][:, :6], "views": world["views"][..., :6]})
    assert narrow["phase_cos.metre"].n == 0  # three planes have no room beside the line
    few = {name: value if name == "kinds" else value[:3] for name, value in world.items()}
    assert math.isfinite(suite(few)["relative_error.metre"].value)


def test_axes_of_each_image_are_seen_by_global_figures_only(rng):
    report = suite(worlds.own_axes(rng, items=400))
    assert report["same_cos"].value == pytest.approx(1)
    assert report["additivity.pitch"].value == pytest.approx(0, abs=1e-7)
    assert report["axis_agreement.pitch"].value < 0.1
    assert report["skill.pitch"].value < 0.1


def test_clipped_and_unclipped_are_reported_apart():
    report = suite(worlds.centroid(2000, margin=0))
    assert report["cross_cos.unclipped"].value == pytest.approx(0, abs=1e-6)
    assert report["cross_cos.clipped"].value > 0.4
    assert report["cross_cos"].n == report["cross_cos.clipped"].n + report["cross_cos.unclipped"].n
    for name in ("opening_angle.pitch", "size_r2.time", "relative_error.pitch", "content_recall", "additivity.time"):
        assert report[name].n == report[f"{name}.clipped"].n + report[f"{name}.unclipped"].n, name
        assert report[f"{name}.clipped"].n > 0
    assert report["axis_agreement.pitch.unclipped"].value == pytest.approx(1)
    assert report["relative_error.time.unclipped"].value == pytest.approx(0, abs=1e-4)
    whole = suite(worlds.centroid(200, margin=4))
    assert not any(key.endswith(".clipped") for key in whole)


def test_one_kind_one_view_one_item(rng):
    world = worlds.perfect(rng, items=30)
    world["kind"][:] = 0
    assert "cross_cos" not in suite(world) and "axis_agreement.time" not in suite(world)
    single = {n: v[:, :1] if n in ("views", "kind", "amount") else v for n, v in worlds.perfect(rng, items=30).items()}
    assert "same_cos" not in suite(single) and "additivity.pitch" not in suite(single)
    lonely = {n: v[:1] if n != "kinds" else v for n, v in worlds.perfect(rng, items=30).items()}
    report = suite(lonely)
    assert math.isnan(report["axis_agreement.pitch"].value) and math.isnan(report["same_cos"].low)
    assert "hit_at_1.pitch" not in report and "shift_r2.pitch" not in report


def test_a_kind_that_one_half_of_the_songs_never_shows(rng):
    """Its views in the other half have no axes to be judged by."""
    world = worlds.perfect(rng, items=40)
    world["kind"][1::2] = 0
    report = suite(world)
    assert report["relative_error.time"].n == 0 and math.isnan(report["own_shift.time"].value)
    assert report["relative_error.pitch"].n == 20 * 4 + 20 * 8 and "hit_at_1.time" not in report
    assert report["axis_agreement.time"].value == pytest.approx(1)


def test_three_kinds_report_each_pair(rng):
    world = worlds.perfect(rng, items=30)
    world["kind"][:, 3] = world["kind"][:, 7] = 2
    report = suite(world | {"kinds": (*worlds.LINES, Line("speed"))})
    assert {"cross_cos.pitch+time", "cross_cos.pitch+speed", "cross_cos.time+speed"} <= set(report)


def test_more_crops_than_the_gallery_holds(rng, monkeypatch):
    monkeypatch.setattr("softaxes.diagnostics.suite.GALLERY", 50)
    report = suite(worlds.perfect(rng))
    assert report["hit_at_1.pitch"].n == 50 and report["hit_at_1.pitch"].chance == 1 / 50
    assert report["hit_at_1_with_query.pitch"].chance == 1 / 51


def test_given_axes_are_used(rng):
    world = worlds.perfect(rng)
    tensors = {name: torch.from_numpy(value) for name, value in args(world).items()}
    backwards = fit_axes(**tensors | {"amount": -tensors["amount"]}, kinds=worlds.LINES)
    assert suite(world, axes=backwards)["relative_error.pitch"].value == pytest.approx(2, abs=1e-3)


def test_intervals_hold_the_value_and_follow_the_groups(rng):
    world = worlds.random(rng, items=200)
    song = np.repeat(np.arange(10), 20)
    songs, items = suite(world, group=song), suite(world)
    for key, figure in songs.items():
        if not math.isnan(figure.low):
            assert figure.low <= figure.value <= figure.high, key
    world["views"] += 5 * rng.standard_normal((10, 1, 16))[song]
    songs, items = suite(world, group=song)["same_cos"], suite(world)["same_cos"]
    assert songs.value == items.value and songs.high - songs.low > 1.5 * (items.high - items.low)


def test_same_seed_same_suite(rng):
    world = worlds.random(rng, items=60)
    assert suite(world, seed=3).to_dict() == suite(world, seed=3).to_dict()
    assert suite(world, seed=3).to_dict() != suite(world, seed=4).to_dict()


def test_it_fits_into_json_and_into_a_terminal(rng):
    report = suite(worlds.dead(rng))
    rows = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert rows["cross_cos"]["value"] is None and rows["cross_cos"]["reading"] == PROPERTIES["cross_cos"].reading
    assert rows["dead"]["value"] == 1 and rows["dead"]["n"] == 320
    lines = str(report).splitlines()
    assert len(lines) == len(report) + 1 and "chance" in lines[0]
    assert all(key == line.split()[0] for key, line in zip(report, lines[1:], strict=True))
    assert str(Report([])) and Report([]).to_dict() == {}


def test_keys_must_differ():
    figure = Figure("same_cos", 1.0, 1.0, 1.0, 3, 0.5, kind="clipped")
    twin = Figure("same_cos", 1.0, 1.0, 1.0, 3, 0.5, part="clipped")
    with pytest.raises(ValueError, match=r"figures must differ in key: is a kind named 'clipped'"):
        Report([figure, twin])


def test_public_name_and_bad_input(rng):
    assert sa.diagnose is diagnose
    world = worlds.perfect(rng, items=4)
    with pytest.raises(ValueError, match=r"`views` must be finite, got NaN or infinity"):
        suite(world | {"views": np.full_like(world["views"], np.nan)})
    with pytest.raises(ValueError, match=r"`anchor` must have shape \(B, D\) with B, D > 0, got \(0, 12\)"):
        suite(world | {"anchor": np.zeros((0, 12))})
    with pytest.raises(ValueError, match=r"`group` must have shape \(4,\)"):
        suite(world, group=[1])


def test_few_items_of_a_wide_latent_cost_what_the_items_cost(rng):
    """A latent of 3,000 dimensions in which a small one lies turned: the same figures, and no 3,000 x 3,000 matrix."""
    world, wide = worlds.circle(rng, items=20), 3000
    world["views"] = world["views"] + 0.2 * rng.standard_normal(world["views"].shape)
    place = np.linalg.qr(rng.standard_normal((wide, world["anchor"].shape[1])))[0].T
    narrow = suite(world)
    tracemalloc.start()
    found = suite(world | {"anchor": world["anchor"] @ place, "views": world["views"] @ place})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * wide**2
    for name in ("effective_rank", "difference_pca2", "axis_agreement.metre", "subspace_overlap.pitch+metre"):
        assert found[name].value == pytest.approx(narrow[name].value, rel=1e-6), name
        assert found[name].low == pytest.approx(narrow[name].low, rel=1e-6, nan_ok=True), name

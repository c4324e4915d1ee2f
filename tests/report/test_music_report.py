"""The report of a run on music: views are what they say, known encoders score what is known, the page is whole."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.diagnostics import PROPERTIES
from softaxes.geometry.axes import Axes, CircleAxis, CycleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.model.model import Model
from softaxes.model.part import Part
from softaxes.report.music import music_metrics
from softaxes.report.music_joint import extrapolation_figures, joint_figures
from softaxes.report.music_notes import METHODS, edit, edit_figures
from softaxes.report.music_page import music_page, music_summary
from softaxes.report.music_suite import music_suite, success_at_amounts
from softaxes.report.music_views import HeldOut, draw_views, encode_all
from softaxes.report.page import write_page
from tests.report.worlds import ByHand, Remembering, check_page, tunes

KINDS = (
    Line("pitch"),
    Cycle("chroma", 12, harmonics=(1, 2), follows="pitch"),
    Cycle("metre", 32, harmonics=(1, 2, 2)),
)


def small_model(decoder: bool = True) -> Model:
    """A tiny untrained network, with axes along coordinates."""
    shared = {"steps": 32, "dim": 12, "width": 16}
    eye, zero = torch.eye(12), torch.zeros(12)
    planes = eye[1:11].reshape(5, 2, 12)
    axes = Axes(
        [
            LineAxis(KINDS[0], eye[0], zero),
            CycleAxis(KINDS[1], planes[:2], zero),
            CycleAxis(KINDS[2], planes[2:], zero),
        ]
    )
    torch.manual_seed(0)
    part = Part("PoseDecoder", shared | {"rank": 2, "reach": 2}) if decoder else None
    return Model(Part("RowPoolEncoder", shared | {"reach": 2}), axes, (2, 128, 32), decoder=part)


def held_out(**settings: int) -> HeldOut:
    rolls, song = tunes()
    return HeldOut(torch.from_numpy(rolls), song, **({"context": 8} | settings))


@pytest.fixture(scope="module")
def remembered():
    rolls, song = tunes()
    return music_suite(Remembering(), rolls, song, controls=False, draws=50)


def test_views_are_the_windows_moved_by_their_amounts() -> None:
    data = held_out()
    drawn = draw_views(small_model().axes, data)["running"]
    assert [kind.name for kind in drawn.kinds] == ["pitch", "chroma", "metre"]
    assert drawn.kind[0].tolist() == [0] * 6 + [2] * 6
    wide = data.rolls.numpy()
    for item in (0, 7):
        for view in range(12):
            amount = int(drawn.amount[item, view])
            if drawn.kind[item, view] == 0:
                want = np.roll(wide[item, ..., 8:40], amount, axis=1)  # the notes are far from the ends
            else:
                want = wide[item, ..., 8 - amount : 40 - amount]
            assert np.array_equal(drawn.views[item, view].numpy(), want)


def test_amounts_of_a_window_differ_and_a_ladder_holds_all() -> None:
    drawn = draw_views(small_model().axes, held_out())
    for row in drawn["running"].amount[:, :6].tolist():
        assert len(set(row)) == 6 and 0 not in row and max(map(abs, row)) <= 12
    shift_sweep = drawn["shift_sweeps"]
    assert sorted(shift_sweep.amount[0][shift_sweep.kind[0] == 0].tolist()) == [s for s in range(-12, 13) if s]
    assert sorted(shift_sweep.amount[3][shift_sweep.kind[3] == 2].tolist()) == [s for s in range(-8, 9) if s]


def test_repeats_are_left_out_transposed_or_not() -> None:
    rolls, _ = tunes(2, 2)
    again = np.concatenate([rolls, rolls[1:2], np.roll(rolls[2:3], 5, axis=2)])
    data = HeldOut(torch.from_numpy(again), np.arange(6), 8)
    assert data.different().group.tolist() == [0, 1, 2, 3]


def test_what_is_asked_for_must_fit() -> None:
    rolls, song = tunes(2, 2)
    with pytest.raises(
        ValueError, match=r"`windows_with_context` must have shape \(n, 2, 128, 32 \+ twice the context\)"
    ):
        music_suite(small_model(), rolls[..., :47], song)
    with pytest.raises(ValueError, match=r"`shift_steps` must lie in 1\.\.8, the context, got 9"):
        music_suite(small_model(), rolls, song, shift_steps=9)
    with pytest.raises(ValueError, match="`group` must have shape"):
        music_suite(small_model(), rolls, song[:3])
    with pytest.raises(ValueError, match=r"`rolls` must have shape \(n, 2, 128, steps\) with n > 0"):
        HeldOut(torch.zeros(2, 1, 128, 48), np.arange(2), 8)
    with pytest.raises(ValueError, match="wider than two contexts"):
        HeldOut(torch.zeros(2, 2, 128, 16), np.arange(2), 8)
    with pytest.raises(ValueError, match="a model of music must know the kind 'pitch', got time"):
        draw_views(ByHand(None, 2, ("time",), (2, 128, 32)).axes, held_out())


def test_a_perfect_encoder_is_perfect(remembered) -> None:
    running = remembered.suites["running"]
    for name in (
        "coordinate_r2",
        "coordinate_skill",
        "own_shift",
        "hit_at_1",
        "mrr",
        "axis_agreement",
        "skill",
        "size_r2",
    ):
        assert running[f"{name}.pitch"].value == pytest.approx(1, abs=1e-4), name
    assert running["additivity.pitch"].value == pytest.approx(0, abs=1e-4)
    assert running["same_cos"].value == pytest.approx(1) and running["opposite_cos"].value == pytest.approx(-1)
    assert running["content_recall"].value == 1
    summary = music_summary(remembered, "tunes")
    assert "leaves less than 0.01 % of the squared error" in summary and "point along a line" in summary
    assert "windows moved by pitch, " in summary  # nothing turns
    assert running["own_shift.pitch"].n == 24 * 24
    assert running["own_shift.pitch"].chance == pytest.approx(1 / 25)


def test_notes_of_a_perfect_memory_are_all_right_after_steering(remembered) -> None:
    suites = remembered.edit_suites["pitch"]
    assert set(suites) == set(METHODS)
    for method in ("steered", "ceiling"):
        for name in ("frame_f1", "note_f1", "transposition"):
            assert suites[method][f"{name}.pitch"].value == 1, (method, name)
        assert suites[method]["onset_leakage.pitch"].value == 0
    for method in ("no change", "copy"):
        assert suites[method]["note_f1.pitch"].value < 0.3
        assert suites[method]["transposition.pitch"].value == 0
    assert remembered.reconstruction["note_f1"].value == 1
    assert 0 < suites["steered"]["note_f1.pitch"].chance < 0.3


def test_controls_of_a_perfect_encoder_fail_at_each_amount(remembered) -> None:
    found = success_at_amounts(remembered.latents.shift_sweeps, remembered.model.axes, 0)
    assert found.candidates == 24 and len(found.amount) == 24 * 24
    assert found.right["operator"].all()
    assert found.right["no operator"].all()  # latents of windows lie 1000 apart: no operator is needed to tell them
    nobody = success_at_amounts(remembered.latents.shift_sweeps, remembered.model.axes, 5)
    assert len(nobody.amount) == 0


def test_register_alone_finds_nothing_in_a_gallery_of_one_shift() -> None:
    model = ByHand(
        lambda x: x.flatten(2).any(1).reshape(len(x), 128, -1).any(2).float().argmax(1)[:, None].float(),
        1,
        ("pitch",),
        (2, 128, 32),
    )
    data = held_out()
    latents = encode_all(model, draw_views(model.axes, data))
    found = success_at_amounts(latents.shift_sweeps, model.axes, 0)
    assert found.right["operator"].mean() < 0.3  # ties of equal register count against it


def test_a_dead_encoder_has_no_figures_and_no_crash(tmp_path: Path) -> None:
    rolls, song = tunes(3, 2)
    model = ByHand(lambda x: torch.zeros(len(x), 3), 3, ("pitch", "time"), (2, 128, 32))
    found = music_suite(model, rolls, song, controls=False, draws=10)
    suite = found.suites["running"]
    assert suite["dead"].value == 1 and math.isnan(suite["same_cos"].value)
    assert suite["own_shift.pitch"].value == 0
    assert found.edits == {} and len(found.reconstruction) == 0
    path = write_page(tmp_path, music_page(found, history=[], about="nothing"), music_metrics(found, {}))
    assert "This model has no decoder." in check_page(path.read_text()).text


def test_one_song_has_no_interval() -> None:
    rolls, _ = tunes(1, 4)
    suite = music_suite(Remembering(), rolls, np.zeros(4), controls=False, draws=10).suites["running"]
    assert suite["hit_at_1.pitch"].value == 1 and math.isnan(suite["hit_at_1.pitch"].low)


def test_the_true_edit_of_metre_lets_neighbours_in() -> None:
    data, model = held_out(), small_model()
    edited = edit(model, data, "metre", seed=3)
    wide = data.rolls.bool().numpy()
    for item in range(5):
        amount = edited.amount[item]
        assert np.array_equal(edited.true_edit[item], wide[item, ..., 8 - amount : 40 - amount])
        assert np.array_equal(edited.before[item], wide[item, ..., 8:40])
    figures = edit_figures(edited, data.group, draws=10)
    assert "pitch_leakage.metre" in figures["steered"] and "transposition.metre" not in figures["steered"]
    assert figures["copy"]["note_f1.metre"].value < 1


def test_a_whole_page_of_a_code_that_turns(tmp_path: Path) -> None:
    """Two kinds, pitch as a line with a cycle of chroma that follows it, metre as a cycle of half the latent."""
    kinds = (Line("pitch"), Cycle("chroma", 12, harmonics=(5,), follows="pitch"), Cycle("metre", 32, harmonics=(1, 2)))
    axes = LearnedOperators(kinds, 12, learned=False).fitted(torch.zeros(12))
    model = small_model()
    turning = Model(model.parts["encoder"], axes, model.input_shape, decoder=model.parts["decoder"])
    rolls, song = tunes(4, 3)
    found = music_suite(turning, rolls, song, draws=10, controls=False)
    path = write_page(
        tmp_path, music_page(found, history=[], about="made-up tunes"), music_metrics(found, {"windows": 12})
    )
    read = check_page(path.read_text(encoding="utf-8"))
    assert "windows moved by pitch and metre" in read.text and "point along a line" not in read.text  # chroma turns too
    for words in ("law of the kind", "cycle, mean", "The metre cycle", "The chroma cycle", "steered / ceiling"):
        assert words in read.text, words
    stored = json.loads((tmp_path / "metrics.json").read_text())
    assert {"cycle_error", "law_error.metre", "phase_cos.metre", "relative_error.metre"} <= set(
        stored["figures"]["running"]
    )
    relations = {(group["kind"], group["relation"]) for group in stored["redraw"]["cosines"]["parts"]["all"]}
    assert ("metre", "cycle") in relations
    assert {row["kind"] for row in stored["redraw"]["moves"]} == {"pitch", "chroma", "metre"}
    assert set(stored["edits"]) == {"pitch", "metre"}


def test_a_whole_page_with_controls_circles_and_notes(tmp_path: Path) -> None:
    rolls, song = tunes(4, 3)
    found = music_suite(small_model(), rolls, song, draws=10)
    history = [{"step": step, "loss": 1 / step} for step in (1, 2, 3)]
    metrics = music_metrics(found, {"windows": 12})
    path = write_page(tmp_path, music_page(found, history=history, about="made-up tunes"), metrics)
    read = check_page(path.read_text(encoding="utf-8"))
    for words in (
        "made-up tunes",
        "How it learned",
        "Where a shift leads",
        "Finding the shifted window",
        "Notes, decoded",
        "untrained encoder",
        "steered / ceiling",
        "chance",
        "The chroma cycle, fitted on training songs: 12 semitones to a turn.",
        "semitones",
        "decoded from steered z",
    ):
        assert words in read.text, words
    stored = json.loads((tmp_path / "metrics.json").read_text())
    drawn = stored["redraw"]
    assert sum(sum(g["counts"]) for g in drawn["cosines"]["parts"]["all"]) > 0
    assert {row["kind"] for row in drawn["moves"]} == set(found.model.axes)
    assert all(len(row["methods"]["operator"]) == len(row["amount"]) for row in drawn["success"])
    assert stored["settings"] == {"windows": 12, "songs": 4}
    assert set(stored["controls"]["untrained encoder"]) == {"running"}
    assert set(stored["figures"]) == {"running", "joint", "extrapolation"}
    assert stored["figures"]["joint"]["hit_at_1.pitch and metre"]["chance"] == pytest.approx(1 / 12)
    assert stored["figures"]["extrapolation"]["own_shift.pitch 13..18"]["n"] == 12 * 12
    strict, within = (stored["reconstruction"][f"note_f1{part}"]["value"] for part in ("", ".within a step"))
    assert 0 <= strict <= within <= 1
    assert set(stored["edits"]) == {"pitch", "metre"} and set(stored["edits"]["pitch"]) == set(METHODS)
    for key in (
        "same_cos",
        "opposite_cos",
        "cross_cos",
        "axis_agreement.pitch",
        "coordinate_r2.pitch",
        "coordinate_skill.pitch",
        "shift_r2.pitch",
        "hit_at_1.pitch",
        "hit_at_1_no_operator.pitch",
        "hit_at_1_random_direction.pitch",
        "mrr.pitch",
        "own_shift.pitch",
        "hit_at_1.metre",
        "phase_cos.metre",
        "phase_cos.chroma",
        "effective_rank",
        "content_recall",
    ):
        row = stored["figures"]["running"][key]
        assert row["value"] is not None and row["chance"] is not None and row["n"] > 0, key
        assert row["name"] in PROPERTIES


class Placed(ByHand):
    """Register, phase and which music it is: exact under pitch and metre, of tunes whose windows come round again."""

    def __init__(self) -> None:
        super().__init__(self._encode, 4, ("pitch",), (2, 128, 16))
        circle = CircleAxis(Circle("metre", 16), torch.eye(4)[1:3], torch.zeros(4))
        self.axes = Axes([self.axes["pitch"], circle])

    def _encode(self, windows: torch.Tensor) -> torch.Tensor:
        rows = []
        for window in windows.numpy() > 0:
            low, first = int(window.any(axis=(0, 2)).argmax()), int(window[0].any(axis=0).argmax())
            angle = 2 * math.pi * first / 16
            which = int(window[1].sum())
            rows.append([low, math.cos(angle), math.sin(angle), 50.0 * which])
        return torch.tensor(rows, dtype=torch.float32)


def test_two_operations_at_once_and_more_than_training_showed_are_exact_where_the_encoder_is() -> None:
    rolls = np.zeros((5, 2, 128, 32), dtype=np.uint8)
    for index, roll in enumerate(rolls):  # one chord of its own size, every 16 steps
        roll[0, 60 : 61 + index, [0, 16]] = 1
        roll[1, 60 : 61 + index, [0, 16]] = 1
    data = HeldOut(torch.from_numpy(rolls), np.arange(5), context=8)
    joint = joint_figures(Placed(), data, draws=10)
    assert joint["hit_at_1.pitch and metre"].value == joint["hit_at_1_with_query.pitch and metre"].value == 1
    assert joint["mrr.pitch and metre"].value == 1
    assert joint["hit_at_1_no_operator.pitch and metre"].value == 1  # music 50 apart: finding it needs no operator
    beyond = extrapolation_figures(Placed(), data, draws=10)
    assert beyond["own_shift.pitch 13..18"].value == 1
    assert beyond["relative_error.pitch 13..18"].value == pytest.approx(0.0, abs=1e-6)
    dead = ByHand(lambda x: torch.zeros(len(x), 2), 2, ("pitch",), (2, 128, 16))
    assert len(joint_figures(dead, data)) == 0
    assert extrapolation_figures(dead, data, draws=10)["own_shift.pitch 13..18"].value == 0


def test_the_same_seed_gives_the_same_figures() -> None:
    rolls, song = tunes(3, 2)
    one, two, other = (
        music_metrics(music_suite(small_model(), rolls, song, seed=seed, controls=False, draws=10), {})
        for seed in (0, 0, 1)
    )
    assert str(one) == str(two) != str(other)

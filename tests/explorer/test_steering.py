"""Edits beside true ones: a perfect model scores 1, and the true edit is what loops over notes say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from softaxes.data.music import note_array
from softaxes.data.music.rolls import notes_to_roll
from softaxes.explorer.steering import (
    Edit,
    check_edit,
    circular_edit,
    marked_notes,
    reach,
    steer_windows,
    true_edit,
)
from softaxes.geometry.axes import UnknownKind
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.model.model import Model
from softaxes.songs.codec import grid_of

from .conftest import steer_window, tune

STEPS = 32


class Perfect:
    """A latent that is the roll itself; pitch moves its rows."""

    window_steps, threshold = STEPS, 0.5

    def __init__(self, off_by: int = 0) -> None:
        axis = SimpleNamespace(
            kind=Line("pitch"), coordinate=lambda z: z.unflatten(1, (2, 128, STEPS))[:, 1].flatten(1).argmax(1)
        )
        self.axes, self.off_by = {"pitch": axis}, off_by

    def encode(self, windows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(windows).flatten(1).float()

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.unflatten(1, (2, 128, STEPS))

    def steer(self, z: torch.Tensor, pitch: int = 0) -> torch.Tensor:
        return self.decode(z).roll(pitch + self.off_by, dims=2).flatten(1)


def slow_edit(rows: list[tuple[int, int, int]], start: int, pitch: int, metre: int) -> np.ndarray:
    """The true edit, one cell at a time."""
    roll = np.zeros((2, 128, STEPS), dtype=np.uint8)
    for onset, duration, height in rows:
        for step in range(onset, onset + duration):
            at, row = step - start + metre, height + pitch
            if 0 <= row < 128 and 0 <= at < STEPS:
                roll[1, row, at] = 1
                if step == onset:
                    roll[0, row, at] = 1
    return roll


@given(
    rows=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(0, 127)), max_size=12),
    start=st.integers(0, 40),
    pitch=st.integers(-18, 18),
    metre=st.integers(-16, 16),
)
def test_true_edit_is_that_of_loops(rows: list[tuple[int, int, int]], start: int, pitch: int, metre: int) -> None:
    edited = true_edit(note_array(rows), start, STEPS, {"pitch": pitch, "metre": metre})
    np.testing.assert_array_equal(edited, slow_edit(rows, start, pitch, metre))


def test_a_perfect_model_scores_one() -> None:
    model: Any = Perfect()
    steered = steer_window(model, tune(1).notes, 16, Edit({"pitch": 5}))
    assert steered.figures == {"f1": 1.0, "oracle": 1.0, "ceiling": 1.0, "error": 0.0}
    np.testing.assert_array_equal(steered.decoded, steered.truth)


def test_a_model_that_misses_by_a_semitone_scores_nothing() -> None:
    model: Any = Perfect(off_by=1)
    figures = steer_window(model, tune(1).notes, 16, Edit({"pitch": 5})).figures
    assert figures["f1"] == pytest.approx(0, abs=0.35)  # a scale's neighbours may fall on its notes
    assert figures["ceiling"] == 1.0
    assert figures["error"] is not None and figures["error"] > 0.5


def test_the_oracle_turns_the_windows_own_notes(model: Model) -> None:
    """Of eight notes in a window of 32 steps, two leave with a delay of 8 and come back in where others belong."""
    notes = note_array([(4 * i, 2, 60 + i) for i in range(24)])
    for pitch, metre, known in ((0, 8, 6), (3, -4, 7), (5, 0, 8)):
        edit = Edit({"pitch": pitch, "metre": metre})
        assert steer_window(model, notes, 32, edit).figures["oracle"] == known / 8
        onset = circular_edit(notes, 32, STEPS, edit.amounts)[0]
        own = [((4 * i + metre) % STEPS, 68 + i + pitch) for i in range(8)]
        assert sorted(own) == sorted((int(at), int(row)) for row, at in np.argwhere(onset))


def test_nothing_moved_has_no_error() -> None:
    model: Any = Perfect()
    assert steer_window(model, tune(1).notes, 0, Edit({"pitch": 0})).figures["error"] is None


def test_what_music_has_not_is_not_compared(model: Model) -> None:
    steered = steer_window(model, tune(1).notes, 0, Edit({}, other=32, blend=0.5))
    assert steered.truth is None
    assert set(steered.figures.values()) == {None}


def test_a_follower_turns_with_its_leader(model: Model) -> None:
    z = steer_window(model, tune(1).notes, 0, Edit({"pitch": 5})).coordinates
    turned = z["chroma"]["moved"] - z["chroma"]["at"]  # type: ignore[operator]
    assert (turned - 5 + 6) % 12 == pytest.approx(6, abs=1e-3)


def test_blend_ends_at_the_other_window(model: Model) -> None:
    notes = tune(1).notes
    there = steer_window(model, notes, 64, Edit())
    blended = steer_window(model, notes, 0, Edit({}, other=64, blend=1.0))
    np.testing.assert_array_equal(blended.decoded, there.decoded)


def test_a_batch_of_edits_says_what_each_alone_says(model: Model) -> None:
    notes = tune(1).notes
    edits = [
        Edit({"pitch": 3}),
        Edit({"pitch": -2, "metre": 5}),
        Edit({}, 64, 0.5),
        Edit({}, 32, 1.0),
    ]
    together = steer_windows(model, notes, 16, edits)
    for edit, found in zip(edits, together, strict=True):
        alone = steer_window(model, notes, 16, edit)
        np.testing.assert_array_equal(found.decoded, alone.decoded)
        assert (found.truth is None) == (alone.truth is None) == (not edit.has_truth)
        if found.truth is not None:
            np.testing.assert_array_equal(found.truth, true_edit(notes, 16, STEPS, edit.amounts))
        for name, value in alone.figures.items():
            assert found.figures[name] == (None if value is None else pytest.approx(value, abs=1e-4))
        for name, places in alone.coordinates.items():
            assert found.coordinates[name] == {
                k: None if v is None else pytest.approx(v, abs=1e-3) for k, v in places.items()
            }


def test_notes_are_marked_by_their_beginning() -> None:
    truth = notes_to_roll(note_array([(0, 4, 60), (4, 4, 64)]), STEPS)
    guess = notes_to_roll(note_array([(0, 2, 60), (5, 3, 64)]), STEPS)
    assert marked_notes(guess, truth, "extra") == [[0, 2, 60, "right"], [5, 3, 64, "extra"]]
    assert marked_notes(truth, guess, "missing") == [[0, 4, 60, "right"], [4, 4, 64, "missing"]]
    over = notes_to_roll(note_array([(0, 8, 60)]), STEPS, start=2)
    assert marked_notes(over, over, "extra") == [[0, 6, 60, "held"]]
    assert marked_notes(guess, None, "") == [[0, 2, 60, ""], [5, 3, 64, ""]]


def test_reach_of_sliders() -> None:
    kinds = Line("pitch"), Line("time"), Circle("metre", 16), Cycle("metre", 32)
    assert [reach(kind) for kind in kinds] == [18, 8, 8, 16]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit({"pitch": 19}), "`pitch` must be -18..18, got 19"),
        (Edit({"metre": 17}), "`metre` must be -16..16, got 17"),
        (Edit({"pitch": 2, "chroma": 2}), "`chroma` follows `pitch` and has no amount of its own, got 2"),
        (Edit({}, blend=1.5), "`blend` must be 0..1"),
        (Edit({}, blend=float("nan")), "`blend` must be 0..1"),
    ],
)
def test_edits_out_of_reach_are_refused(model: Model, edit: Edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_edit(model, edit)


def test_unknown_kinds_are_refused(model: Model) -> None:
    with pytest.raises(UnknownKind, match="unknown kind 'colour'"):
        check_edit(model, Edit({"colour": 1}))


def test_a_model_of_blobs_is_no_model_of_music() -> None:
    toy: Any = SimpleNamespace(input_shape=(1, 16, 16), card={"config": {}})
    with pytest.raises(ValueError, match="not windows of music"):
        grid_of(toy)


def test_silence_for_silence_is_no_achievement(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "threshold", 2.0)  # nothing is ever decoded
    far = 32 * 1000
    assert steer_window(model, tune(1).notes, far, Edit({"pitch": 2})).figures["f1"] is None
    assert steer_window(model, tune(1).notes, 0, Edit({"pitch": 2})).figures["f1"] == 0

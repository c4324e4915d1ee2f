"""Answers that are kept and computed ahead: the same as those computed when asked, and never in anyone's way."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import numpy as np
import pytest

from softaxes.data.music import Song
from softaxes.explorer import answers as module
from softaxes.explorer.answers import Answers
from softaxes.explorer.steering import Edit
from softaxes.geometry.axes import UnknownKind
from softaxes.model.model import Model

from .conftest import steer_window, tune


@pytest.fixture
def made(model: Model) -> Answers:
    return Answers(model, lambda song: song.notes, threading.Lock())


@pytest.fixture
def song() -> Song:
    return tune(1)


def test_what_is_asked_twice_is_computed_once(made: Answers, song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made.answer(song, 16, Edit({"pitch": 3, "metre": 0}))
    monkeypatch.setattr(module, "steer_windows", lambda *_: pytest.fail("computed again"))
    assert made.answer(song, 16, Edit({"pitch": 3})) is first
    assert json.loads(first.body)["figures"] == first.steered.figures


def test_a_drag_is_computed_ahead_nearest_first(made: Answers, song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    true = module.steer_windows

    def noted(model: Model, notes: Any, start: int, edits: Any) -> Any:
        asked.extend(edit.amounts["pitch"] for edit in edits)
        return true(model, notes, start, edits)

    monkeypatch.setattr(module, "steer_windows", noted)
    assert made.ahead(song, 16, Edit({"pitch": 2, "metre": 1}), "pitch") == 37
    assert asked[0] == 2 and set(asked[1:3]) == {1, 3} and sorted(asked) == list(range(-18, 19))
    assert made.ahead(song, 16, Edit({"pitch": -7, "metre": 1}), "pitch") == 0  # all there
    kept = made.kept(song, 16, Edit({"pitch": -18, "metre": 1}))
    assert kept is not None
    alone = steer_window(made.model, song.notes, 16, Edit({"pitch": -18, "metre": 1}))
    np.testing.assert_array_equal(kept.steered.decoded, alone.decoded)
    assert made.kept(song, 16, Edit({"pitch": -18})) is None
    assert made.kept(tune(1), 16, Edit({"pitch": -18, "metre": 1})) is None  # another song, though of equal notes


def test_a_new_drag_ends_the_old_one(made: Answers, song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    true = module.steer_windows

    def interrupted(*args: Any) -> Any:
        made._drag += 1
        return true(*args)

    monkeypatch.setattr(module, "steer_windows", interrupted)
    assert made.ahead(song, 0, Edit(), "pitch") == module.BATCH


def test_whoever_asks_goes_before_the_drag(made: Answers, song: Song) -> None:
    done = list[int]()
    made._waiting = 1
    drag = threading.Thread(target=lambda: done.append(made.ahead(song, 0, Edit(), "metre")))
    drag.start()
    time.sleep(0.1)
    assert made.kept(song, 0, Edit()) is None  # not even its first batch
    made._waiting = 0
    drag.join()
    assert done == [33]


def test_old_answers_are_forgotten(made: Answers, song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for pitch in range(5):
        made.answer(song, 0, Edit({"pitch": pitch}))
    assert [made.kept(song, 0, Edit({"pitch": pitch})) is not None for pitch in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_mistakes_are_told_and_block_nobody(made: Answers, song: Song) -> None:
    with pytest.raises(UnknownKind):
        made.ahead(song, 0, Edit(), "colour")
    with pytest.raises(ValueError, match="`pitch` must be"):
        made.answer(song, 0, Edit({"pitch": 40}))
    assert made._waiting == 0 and not made.lock.locked()

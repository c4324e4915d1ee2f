"""How does dragging a slider stay smooth? Answers are kept, and those that a drag will ask for are computed ahead.

A window's edit costs some ten milliseconds of one core, most of it for reading the networks' weights once; a batch of
edits reads them once for all. So when a slider is grabbed, all its amounts are computed in small batches, nearest
first, giving way to whoever waits for an answer; the drag itself is then a look-up.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softaxes.data.music.song import Song
from softaxes.explorer.steering import Edit, Steered, marked_notes, reach, steer_windows
from softaxes.model.model import Model

KEPT = 1024  # answers: about 40 kB each
BATCH = 4  # edits computed between two looks at whether someone waits
Key = tuple[Song, int, tuple[tuple[str, int], ...], int | None, float]


class Answer(NamedTuple):
    """An edit's outcome, and the same as the page reads it (JSON)."""

    steered: Steered
    body: bytes


class Answers:
    """Edits of windows, computed one batch at a time.

    Args:
        notes_of: the texture's notes of a song.
        lock: held while the model computes.
    """

    def __init__(self, model: Model, notes_of: Callable[[Song], NDArray[np.void]], lock: threading.Lock) -> None:
        self.model, self.notes_of, self.lock = model, notes_of, lock
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._changing = threading.Lock()
        self._waiting = 0
        self._drag = 0

    def kept(self, song: Song, start: int, edit: Edit) -> Answer | None:
        """The answer if it is there already; costs nothing."""
        with self._changing:
            found = self._kept.get(_key(song, start, edit))
            if found is not None:
                self._kept.move_to_end(_key(song, start, edit))
            return found

    def answer(self, song: Song, start: int, edit: Edit) -> Answer:
        """The answer; errors of `softaxes.explorer.steering.steer_windows`."""
        with self._wait():
            return self.kept(song, start, edit) or self._compute(song, start, [edit])[0]

    def ahead(self, song: Song, start: int, edit: Edit, kind: str) -> int:
        """Compute what dragging the slider of ``kind`` from ``edit`` will ask for; how many answers that were.

        Ends early when another drag begins. UnknownKind for a kind that the model has not.
        """
        largest, here = reach(self.model.axes[kind].kind), edit.amounts.get(kind, 0)
        amounts = sorted(range(-largest, largest + 1), key=lambda amount: abs(amount - here))
        edits = [replace(edit, amounts={**edit.amounts, kind: amount}) for amount in amounts]
        self._drag += 1
        mine, done = self._drag, 0
        missing = [other for other in edits if self.kept(song, start, other) is None]
        for at in range(0, len(missing), BATCH):
            while self._waiting and mine == self._drag:
                threading.Event().wait(0.002)
            if mine != self._drag:
                break
            with self.lock:
                done += len(self._compute(song, start, missing[at : at + BATCH]))
        return done

    @contextmanager
    def _wait(self) -> Iterator[None]:
        with self._changing:
            self._waiting += 1
        try:
            with self.lock:
                yield
        finally:
            with self._changing:
                self._waiting -= 1

    def _compute(self, song: Song, start: int, edits: list[Edit]) -> list[Answer]:
        found = steer_windows(self.model, self.notes_of(song), start, edits)
        answers = [
            Answer(steered, as_json(song, start, edit, steered, self.model.window_steps))
            for edit, steered in zip(edits, found, strict=True)
        ]
        with self._changing:
            for edit, answer in zip(edits, answers, strict=True):
                self._kept[_key(song, start, edit)] = answer
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return answers


def _key(song: Song, start: int, edit: Edit) -> Key:
    amounts = tuple(sorted((name, amount) for name, amount in edit.amounts.items() if amount))
    return song, start, amounts, edit.other, edit.blend


def as_json(song: Song, start: int, edit: Edit, steered: Steered, steps: int) -> bytes:
    """The decoded edit beside the true one; notes as [onset, duration, pitch, mark]."""
    truth = steered.truth
    body: dict[str, Any] = {
        "place": song.place(start),
        "steps": steps,
        "lines": bar_lines(song, start - edit.amounts.get("metre", 0), steps),
        "window": marked_notes(steered.window, None, ""),
        "decoded": marked_notes(steered.decoded, truth, "extra"),
        "truth": None if truth is None else marked_notes(truth, steered.decoded, "missing"),
        "figures": steered.figures,
        "coordinates": steered.coordinates,
        "bpm": tempo_at(song, start),
    }
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def bar_lines(song: Song, start: int, steps: int) -> list[int]:
    """Where bars begin within a window, in its own steps."""
    lines = song.bars(until_step=max(start + steps, 1))["start"]
    return [int(line) - start for line in lines if start <= line < start + steps]


def tempo_at(song: Song, step: int) -> float:
    """Quarter notes a minute at a step."""
    return next(bpm for at, bpm in reversed(song.tempi) if at <= max(0, step))

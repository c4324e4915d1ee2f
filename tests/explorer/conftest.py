"""A small model of random weights with fitted axes, a folder of songs made by hand, a server, a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from softaxes.data.music import Song, note_array, write_song
from softaxes.data.music.rolls import notes_to_roll, roll_to_notes
from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.blob_world import BlobWorld, untrained
from softaxes.explorer.library import Library
from softaxes.explorer.reports import Reports
from softaxes.explorer.serve import guarded, listen, server
from softaxes.explorer.steering import Edit, Steered, steer_windows
from softaxes.geometry.fit import fit_axes
from softaxes.geometry.kinds import Cycle, Line
from softaxes.model.model import Model
from softaxes.model.part import Part

KINDS = (Line("pitch"), Cycle("chroma", 12, (1, 5), follows="pitch"), Cycle("metre", 32, (1, 2, 4)))
STEPS = 32
SCALE = (0, 2, 4, 5, 7, 9, 11)
CONFIG = {"texture": "melody", "steps_per_beat": 4, "bars": 2, "window_steps": STEPS}


def tune(seed: int, bars: int = 8) -> Song:
    """A melody of quarters and eighths in C major, drawn by chance."""
    rng = np.random.default_rng(seed)
    rows, at = [], 0
    while at < 16 * bars:
        length = min(int(rng.choice([2, 4])), 16 * bars - at)
        rows.append((at, length, 60 + int(rng.choice(SCALE)) + 12 * int(rng.integers(0, 2))))
        at += length
    return Song(f"tune {seed}", note_array(rows), tempi=((0, 100.0),))


def steer_window(model: Model, notes: NDArray[np.void], start: int, edit: Edit) -> Steered:
    """One edit of the window of ``notes`` that begins at step ``start``."""
    return steer_windows(model, notes, start, [edit])[0]


@pytest.fixture(scope="session")
def model() -> Model:
    """Random weights; axes fitted to chance; a threshold at which a decoded window has about a dozen onsets."""
    torch.manual_seed(0)
    shared = {"steps": STEPS, "dim": 16, "width": 32, "reach": 6}
    latents, amount = torch.randn(200, 6, 16), torch.zeros(200, 5, len(KINDS))
    amount[:, :2, :2] = torch.tensor([[3.0], [-5.0]])  # chroma turns with pitch
    amount[:, 2:, 2] = torch.randint(1, 9, (200, 3)).float()
    axes = fit_axes(anchor=latents[:, 0], views=latents[:, 1:], amount=amount, kinds=KINDS)
    parts = Part("RowPoolEncoder", shared), Part("PoseDecoder", shared | {"rank": 4})
    made = Model(parts[0], axes, (2, 128, STEPS), decoder=parts[1], card={"task": "music", "config": CONFIG})
    song = tune(1)
    windows = np.stack([notes_to_roll(song.notes, STEPS, 16 * bar) for bar in range(6)])
    onsets = made.decode(made.encode(windows))[:, 0]
    made.threshold = float(onsets.flatten().sort().values[-6 * 12])
    return made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs in a folder, one of them in a folder below."""
    where = tmp_path_factory.mktemp("songs")
    (where / "more").mkdir()
    for number, name in ((1, "first.mid"), (2, "more/sécond song.mid"), (3, "third.MIDI")):
        write_song(tune(number), where / name)
    return where


@pytest.fixture
def explorer(model: Model, folder: Path) -> Iterator[Explorer]:
    made = Explorer(model, Library(4, folder=folder), "a model")
    yield made
    made.close()


@contextmanager
def running(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """A server in a thread; its origin."""
    listening = listen(host, port)
    serving = server(guarded(app, host))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        serving.should_exit = True
        thread.join()
        listening.close()


# ---------------------------------------------------------------------- for the tests in a browser

PAGES = ["/?song=folder:first.mid", "/map", "/motifs?song=folder:third.MIDI&motif=A", "/blobs", "/report"]


def rows(roll: object) -> set[tuple[int, int, int]]:
    """Notes of a roll as (onset, duration, pitch)."""
    return {(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in roll_to_notes(roll)}  # type: ignore[arg-type]


COUNTS = [0] * 49
COSINES = {
    "chance": 0.5,
    "parts": {
        part: [
            {"kind": "pitch", "relation": "same", "expected": 1, "counts": [*COUNTS, 30]},
            {"kind": "pitch", "relation": "opposite", "expected": -1, "counts": [10, *COUNTS]},
            {"kind": "", "relation": "cross", "expected": 0, "counts": [0] * 24 + [3, 1] + [0] * 24},
        ]
        for part in ("all", "unclipped")
    },
}
MOVES = [
    {"kind": "pitch", "unit": "semitones", "amount": [-2, -1, 1, 2], "low": [-2.5, -1.5, 0.5, 1.5],
     "median": [-2.0, -1.0, 1.0, 2.25], "high": [-1.5, -0.5, 1.5, 2.5]},
    {"kind": "metre", "unit": "steps", "period": 16, "counts": [1] * 16 + [17] + [1] * 15},
]  # fmt: skip
SUCCESS = {"kind": "pitch", "unit": "semitones", "amount": [-1, 1], "methods": {"operator": [0.9, 0.8], "no operator":
           [0.2, 0.1]}, "chance": 0.01, "candidates": 100}  # fmt: skip


@pytest.fixture(scope="package")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    from .browser import chromium

    with chromium(tmp_path_factory.mktemp("profile"), downloads) as started:
        yield started


@pytest.fixture(scope="package")
def origin(model: Model, folder: Path, reports: Reports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    blobs = BlobWorld({"untrained": untrained()})
    explorer = Explorer(model, Library(4, folder=folder), "a model")
    explorer.atlas.folder = tmp_path_factory.mktemp("cache")
    with running(build_app(explorer, blobs, reports)) as where:
        yield where


@pytest.fixture(scope="package")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Reports made up here: a run of music, a sweep, and a run that has none yet."""
    from .test_reports import SWEEP, music_metrics, write

    where = tmp_path_factory.mktemp("reports")
    music = music_metrics()
    music["redraw"] = {"cosines": COSINES, "moves": MOVES, "success": [SUCCESS]}
    for name, metrics in (("run", music), ("sweep", {"about": "sweep", "runs": SWEEP})):
        write(where / name, metrics)
    (where / "bare").mkdir()
    return Reports([str(where / "run"), str(where / "bare")], [where / "sweep"])


@pytest.fixture
def browser(shared: Any, origin: str) -> Iterator[Any]:
    """A fresh tab state; afterwards: nothing complained, nothing was asked of anyone else."""
    shared.resize(1280, 900)
    yield shared
    assert shared.errors() == []
    assert shared.foreign_requests(origin) == []

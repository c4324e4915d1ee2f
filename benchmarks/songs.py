"""How fast is music encoded and decoded: windows a second, and a folder of songs from MIDI to latents?

    python benchmarks/songs.py [--model NAME] [--folder MIDI] [--threads 2] [--json FILE]

Goals on two cores: 3,000 windows/s encoded, 1,500 decoded; 1,000 songs from MIDI in 60 s and 2 GB. Without a folder
1,000 made-up songs of 60 to 100 bars are encoded. Wall
time counts; processor time stands beside it, since other work on the machine slows the first and not the second.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import softaxes as sa
from softaxes.data.music import NOTE_DTYPE, Song, Track, write_song
from softaxes.model.model import Model
from softaxes.songs.folder import encode_files

WINDOWS, REPETITIONS, SONGS = 2048, 5, 1000


def made_up(folder: Path, songs: int = SONGS) -> None:
    """Songs with a melody and a piano, of about as many notes as pop songs have."""
    rng = np.random.default_rng(0)
    tracks = (Track("MELODY"), Track("PIANO"))
    for number in range(songs):
        steps = 16 * int(rng.integers(60, 101))
        onset = np.sort(rng.integers(0, steps, size=1500))
        notes = np.zeros(len(onset), dtype=NOTE_DTYPE)
        notes["onset"], notes["duration"] = onset, rng.integers(1, 9, size=len(onset))
        notes["track"] = rng.random(len(onset)) < 0.75
        notes["pitch"], notes["velocity"] = rng.integers(40, 84, size=len(onset)), 80
        write_song(Song(f"song {number}", notes, tracks), folder / f"{number:04d}.mid")


def window_rates(model: Model) -> dict[str, float]:
    """Windows a second, and a second of processor time, of encode and decode in both precisions; best of several."""
    rng = np.random.default_rng(0)
    rolls = torch.from_numpy((rng.random((WINDOWS, 2, 128, model.window_steps)) < 0.01).astype(np.uint8))
    figures = {}
    z = model.encode(rolls)
    for work, given in (("encode", rolls), ("decode", z)):
        for precision in ("fp32", "bf16"):
            wall, processor = [], []
            for _ in range(REPETITIONS):
                began, used = time.perf_counter(), time.process_time()
                getattr(model, work)(given, precision=precision)
                wall.append(time.perf_counter() - began)
                processor.append(time.process_time() - used)
            figures[f"{work}_{precision}"] = WINDOWS / min(wall)
            figures[f"{work}_{precision}_processor"] = WINDOWS / min(processor)
    return figures


def folder_figures(model: Model, folder: Path, precision: Any) -> dict[str, float]:
    """Seconds for 1,000 songs, scaled from what the folder holds, and the process's peak memory in GB."""
    with tempfile.TemporaryDirectory() as out:
        began, used = time.perf_counter(), time.process_time()
        latents = encode_files(model, folder, Path(out) / "latents", precision=precision)
        wall, processor = time.perf_counter() - began, time.process_time() - used
        songs, windows = len(latents.manifest.alive()), latents.windows
    return {
        "songs": songs,
        "windows": windows,
        "seconds_a_thousand": 1000 * wall / songs,
        "processor_seconds_a_thousand": 1000 * processor / songs,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="melody", help="a shipped model, a run folder or a model file")
    parser.add_argument("--folder", type=Path, help="MIDI files to encode")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = sa.load(given.model)
    with tempfile.TemporaryDirectory() as made:
        if given.folder is None:
            made_up(Path(made))
        # The folder comes first: memory is the peak of the process.
        figures: dict[str, float] = folder_figures(model, given.folder or Path(made), "fp32")
    figures |= window_rates(model)
    print(
        f"{figures['songs']:.0f} songs, {figures['windows']:,.0f} windows: 1,000 songs in "
        f"{figures['seconds_a_thousand']:.1f} s (processor {figures['processor_seconds_a_thousand']:.1f} s), peak "
        f"{figures['peak_gb']:.2f} GB (goals 60 s, 2 GB)"
    )
    for work, goal in (("encode", 3000), ("decode", 1500)):
        rates = [
            f"{precision} {figures[f'{work}_{precision}']:,.0f} "
            f"({figures[f'{work}_{precision}_processor']:,.0f} a processor second)"
            for precision in ("fp32", "bf16")
        ]
        print(f"{work}, windows/s: {'; '.join(rates)} (goal {goal:,})")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

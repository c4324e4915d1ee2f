"""How long does a corpus of 1,000 songs take to answer?

    python benchmarks/motif_search.py [MODEL] [--songs N] [--json FILE]

MODEL: a shipped model or run folder, `melody` by default.
``ENCODED`` made songs of 80 bars are encoded; their codes, slightly moved, stand in for the rest of the corpus, so that
making it takes seconds. Medians of queries of 1, 2 and 8 bars, wall clock and processor time, from notes to ranked
hits, beside the classic way: the same note-for-note comparison at every beat of every song (timed on ``ENCODED`` songs
and scaled up). Goal: 100 ms.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from softaxes.data.music import Song, note_array, write_song
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.search.alignment import align
from softaxes.search.index.build import update_index
from softaxes.search.index.choice import BackendName
from softaxes.search.index.store import Index
from softaxes.search.query import Query, Searcher, note_points, query_from_song
from softaxes.songs.coded import read_manifest, write_manifest, write_segment
from softaxes.songs.update import merge_segments

ENCODED, BARS, REPEATS = 10, 80, 20


def tune(rng: np.random.Generator, name: str) -> Song:
    """``BARS`` bars of sixteenths to quarters."""
    rows, at = [], 0
    while at < 16 * BARS:
        length = int(rng.choice([1, 2, 2, 4]))
        rows.append((at, length, int(rng.integers(58, 78))))
        at += length
    return Song(name, note_array(rows))


def grown_index(folder: Path, model: Model, songs: int, rng: np.random.Generator) -> tuple[Index, float]:
    """An index of ``songs`` songs, and how many clips a second were encoded for the first of them."""
    (folder / "songs").mkdir()
    for number in range(ENCODED):
        write_song(tune(rng, str(number)), folder / "songs" / f"{number}.mid")
    began = time.process_time()
    built = update_index(folder / "songs", model, folder / "index")
    rate = built.encoded / (time.process_time() - began)
    manifest = read_manifest(folder / "index")
    assert manifest is not None
    (segment,) = Index.open(folder / "index").segments
    segments = list(manifest.segments)
    for copy in range(1, songs // ENCODED):
        moved = []
        for place, song in enumerate(segment.record.songs):
            arrays = {name: segment.of_song(place, name) for name in segment.arrays}
            for name in (name for name in arrays if name.endswith(".codes")):
                near = arrays[name] + rng.normal(0, 0.03, arrays[name].shape).astype(np.float32)
                arrays[name] = near / np.linalg.norm(near, axis=1, keepdims=True)
            moved.append((dataclasses.replace(song, file=f"{copy}-{song.file}"), arrays))
        segments.append(write_segment(folder / "index", moved))
    write_manifest(folder / "index", dataclasses.replace(manifest, segments=tuple(segments)))
    merge_segments(folder / "index", dataclasses.replace(manifest, segments=tuple(segments)))
    return Index.open(folder / "index"), rate


def medians(answer: Callable[[int], object]) -> tuple[float, float]:
    """Median milliseconds of wall clock and of processor time over ``REPEATS`` queries, after three warm ones."""
    wall, cpu = [], []
    for number in range(-3, REPEATS):
        began = time.perf_counter(), time.process_time()
        answer(number)
        if number >= 0:
            wall.append(1e3 * (time.perf_counter() - began[0]))
            cpu.append(1e3 * (time.process_time() - began[1]))
    return statistics.median(wall), statistics.median(cpu)


def everywhere(index: Index, query: Query) -> float:
    """Seconds of the same comparison at every beat of every song, scaled up from ``ENCODED`` songs."""
    segment, points = index.segments[0], note_points(query.notes)
    began = time.process_time()
    for place in range(len(segment.record.songs)):
        notes = note_points(segment.song_notes(place))
        for start in range(0, int(notes[-1, 0]), 4):
            align(points, notes, query.length_steps, start, slack_steps=2)
    return (time.process_time() - began) * index.songs / ENCODED


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="melody")
    parser.add_argument("--songs", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    model = load(given.model)
    rng = np.random.default_rng(0)
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        index, rate = grown_index(Path(folder), model, given.songs, rng)
        clips = {length: index.rows(length) for length in index.settings.lengths}
        print(f"{index.songs} songs; clips by length in steps: {clips}; encoded at {rate:.0f} clips/s")
        queries = [tune(rng, "query") for _ in range(8)]
        backends: tuple[BackendName, ...] = ("exact",)
        for backend in backends:
            searcher = Searcher(index, model, backend)
            for bars in (1, 2, 8):
                asked = [query_from_song(song, "melody", (5, 4 + bars)) for song in queries]
                wall, cpu = medians(lambda number, s=searcher, a=asked: s.search(a[number % len(a)]))  # type: ignore[misc]
                rows[f"{backend}, {bars} bars"] = {"wall_ms": wall, "cpu_ms": cpu}
                print(f"{backend:<6} {bars} bars: median {wall:6.1f} ms wall, {cpu:6.1f} ms processor")
        seconds = everywhere(index, query_from_song(queries[0], "melody", (5, 6)))
        ratio = 1e3 * seconds / rows["exact, 2 bars"]["cpu_ms"]
        print(f"2 bars compared note for note at every beat: {seconds:.1f} s processor, {ratio:.0f} times as long")
    if given.json:
        record = {
            "songs": given.songs,
            "clips_per_second": rate,
            "medians": rows,
            "every_beat_s": seconds,
            "ratio": ratio,
        }
        given.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()

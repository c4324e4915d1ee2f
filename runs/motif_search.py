"""Is a melody found again when it comes back transposed, late and with wrong notes?

    python runs/motif_search.py FOLDER [--model MODEL] [--queries N] [--index DIR] [--thorough] [--json FILE]

Queries are 16 notes in a row that fill at least a window, from songs of FOLDER that the model's card holds out (all, if
it names none of them): as they are, moved by 1..7 semitones, by 1..3 steps, by both, and so with two or four of the
notes moved once more, by 1..3 semitones each. An answer is right if the unspoilt notes stand there note for note, in
any register, so repeats count. Three seeds; intervals over songs. *Codes alone* ranks the places by the mean cosine of
their clips, *codes and notes* by the mean of that and the notes that coincide, as ``softaxes motifs search`` does.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from records import write_record

from softaxes.diagnostics.bootstrap import interval
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.search.alignment import align
from softaxes.search.index.store import Index
from softaxes.search.query import Hit, Query, Searcher, note_points, open_index

SEEDS, NOTES, LONGEST = (0, 1, 2), 16, 96
CASES = {  # moved in pitch, moved in time, wrong notes
    "exact": (False, False, 0),
    "transposed": (True, False, 0),
    "late": (False, True, 0),
    "transposed and late": (True, True, 0),
    "and 2 of 16 notes wrong": (True, True, 2),
    "and 4 of 16 notes wrong": (True, True, 4),
}
COLUMNS = ("codes and notes", "codes alone", "shift right")


def spoilt(notes: np.ndarray, case: str, rng: np.random.Generator) -> np.ndarray:
    """The notes as a case asks for them."""
    higher, later, wrong = CASES[case]
    moved = notes.copy()
    moved["pitch"] += int(rng.integers(1, 8)) * int(rng.choice([-1, 1])) * higher
    moved["onset"] += int(rng.integers(1, 4)) * later
    which = rng.permutation(len(moved))[:wrong]
    moved["pitch"][which] += (rng.integers(1, 4, wrong) * rng.choice([-1, 1], wrong)).astype(np.int16)
    return moved


def end(notes: np.ndarray) -> int:
    return int((notes["onset"] + notes["duration"]).max())


def queries(index: Index, number: int, seed: int, songs: set[str]) -> list[tuple[str, np.ndarray]]:
    """(file, notes from step 0) of 16 distinct notes that last from a window to ``LONGEST`` steps, song after song."""
    rng = np.random.default_rng(seed)
    alive = index.manifest.alive()
    files = sorted(file for file in alive if Path(file).parent.name in songs) or sorted(alive)
    found: list[tuple[str, np.ndarray]] = []
    for turn in range(100 * number):
        file = files[turn % len(files)]
        notes = index.segments[alive[file][0]].song_notes(alive[file][1])
        first = int(rng.integers(0, max(1, len(notes) - NOTES)))
        clip = notes[first : first + NOTES].copy()
        clip["onset"] -= clip["onset"][0]
        long_enough = len(note_points(clip)) == NOTES and index.settings.window_steps <= end(clip) <= LONGEST
        if long_enough and len(found) < number:
            found.append((file, clip))
    return found


def right(index: Index, notes: np.ndarray, hit: Hit) -> bool:
    """Do the unspoilt notes stand at the hit?"""
    at, place = index.manifest.alive()[hit.file]
    there, points = note_points(index.segments[at].song_notes(place)), note_points(notes)
    return align(points, there, end(notes), hit.start_step, slack_steps=4).matched == len(points)


def held_out(model: Model) -> set[str]:
    """Names of the songs that the model never saw; none if its card does not say."""
    return {Path(name).name for name in model.card.get("split", {}).get("test", [])}


def judge(searcher: Searcher, case: str, number: int, *, thorough: bool) -> tuple[dict[str, tuple[float, ...]], float]:
    """Each column's mean and interval, and the median milliseconds of a search."""
    rows, group, times = [], [], []
    songs = held_out(searcher.model)
    for seed in SEEDS:
        rng = np.random.default_rng(100 + seed)
        for file, notes in queries(searcher.index, number, seed, songs):
            asked = spoilt(notes, case, rng)
            began = time.perf_counter()
            first = searcher.search(Query(asked, end(asked)), 10, thorough=thorough)[0]
            times.append(1e3 * (time.perf_counter() - began))
            many = searcher.search(Query(asked, end(asked)), 100, thorough=thorough)
            by_code = max(many, key=lambda hit: hit.similarity)
            read = abs(first.axes["pitch"] - first.semitones) < 0.5
            rows.append([right(searcher.index, notes, first), right(searcher.index, notes, by_code), read])
            group.append(file)
    columns = np.array(rows, float).T
    found = {
        name: (float(column.mean()), *interval(column, np.array(group)))
        for name, column in zip(COLUMNS, columns, strict=True)
    }
    return found, float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="melody")
    parser.add_argument("--queries", type=int, default=80)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load(given.model)
    index = open_index(given.folder, model, given.index)[0]
    searcher, steps = Searcher(index, model), index.settings.window_steps
    print(f"{index.songs} songs, {index.rows(steps):,} clips of {steps} steps; {given.queries} queries x 3 seeds")
    print(f"| query | {' | '.join(COLUMNS)} | ms |")
    print("| --- " * (len(COLUMNS) + 2) + "|")
    record = {}
    for case in CASES:
        found, milliseconds = judge(searcher, case, given.queries, thorough=given.thorough)
        record[case] = {name: dict(zip(("value", "low", "high"), row, strict=True)) for name, row in found.items()}
        cells = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in found.values()]
        print(f"| {case} | {' | '.join(cells)} | {milliseconds:.0f} |", flush=True)
    if given.json:
        write_record(given.json, record, songs=index.songs)


if __name__ == "__main__":
    main()

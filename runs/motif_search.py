"""Is a melody found again when it comes back transposed, late and with wrong notes?

    python runs/motif_search.py FOLDER [--model MODEL] [--queries N] [--index DIR] [--thorough]

Queries are two bars of songs of FOLDER (POP909: of the model's held-out songs, if its card names them), moved by 1..7
semitones and 0..3 steps, with none, two or four notes moved by 1..3 semitones. An answer is right if the unspoilt two
bars stand there note for note, so exact repeats count. Three seeds; intervals over songs. Beside the ranking: the order
of the codes alone, and of the latents with their axes kept (the same search, nothing removed).
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from softaxes.diagnostics.bootstrap import interval
from softaxes.geometry.axes import Axes, LineAxis
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.search.alignment import align
from softaxes.search.index.store import Index
from softaxes.search.query import Hit, Query, Searcher, note_points, open_index

SEEDS, SPOILT = (0, 1, 2), (0, 2, 4)
STEPS = 32


def spoilt(notes: np.ndarray, wrong: int, rng: np.random.Generator) -> np.ndarray:
    """The notes moved as a whole, and ``wrong`` of them once more by themselves."""
    moved = notes.copy()
    moved["pitch"] += int(rng.integers(1, 8)) * int(rng.choice([-1, 1]))
    which = rng.permutation(len(moved))[:wrong]
    moved["pitch"][which] += (rng.integers(1, 4, len(which)) * rng.choice([-1, 1], len(which))).astype(np.int16)
    moved["onset"] += int(rng.integers(0, 4))
    return moved


def queries(index: Index, number: int, seed: int, songs: set[str] | None) -> list[tuple[str, np.ndarray]]:
    """(file, notes from step 0) of two bars with at least 8 notes, one a song and round again."""
    rng = np.random.default_rng(seed)
    alive = {f: w for f, w in index.manifest.alive().items() if songs is None or Path(f).parent.name in songs}
    files = sorted(alive)
    found: list[tuple[str, np.ndarray]] = []
    for turn in range(50 * number):
        file = files[turn % len(files)]
        notes = index.segments[alive[file][0]].song_notes(alive[file][1])
        begin = 4 * int(rng.integers(0, max(1, int(notes["onset"].max()) // 4 - 8)))
        clip = notes[(notes["onset"] >= begin) & (notes["onset"] < begin + STEPS)].copy()
        if len(clip) >= 8 and len(found) < number:
            clip["onset"] -= begin
            clip["duration"] = np.minimum(clip["duration"], STEPS - clip["onset"])
            found.append((file, clip))
    return found


def right(index: Index, notes: np.ndarray, hit: Hit) -> bool:
    """Do the unspoilt notes stand at the hit?"""
    at, place = index.manifest.alive()[hit.file]
    there, points = note_points(index.segments[at].song_notes(place)), note_points(notes)
    return align(points, there, STEPS, hit.start_step, slack_steps=4).matched == len(points)


def with_axes(model: Model) -> Model:
    """The same model whose codes keep their axes: its only axis is a line of no length at the mean."""
    line = next(axis for axis in model.axes.values() if isinstance(axis, LineAxis))
    kept = Model(
        model.parts["encoder"], Axes([dataclasses.replace(line, direction=0 * line.direction)]), model.input_shape
    )
    kept.encoder, kept.card = model.encoder, model.card
    return kept


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="pop909-melody")
    parser.add_argument("--queries", type=int, default=80)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--thorough", action="store_true")
    given = parser.parse_args()
    model = load(given.model)
    songs = set(model.card["split"]["test"]) if model.card.get("corpus", {}).get("name") == "pop909" else None
    searchers = {}
    for name, used in (("axes removed", model), ("axes kept", with_axes(model))):
        where = given.index and given.index / name.replace(" ", "-")
        searchers[name] = Searcher(open_index(given.folder, used, where)[0], used)
    index = searchers["axes removed"].index
    print(f"{index.songs} songs, {index.rows(STEPS):,} clips of {STEPS} steps; {given.queries} queries x 3 seeds")
    print(
        "| wrong notes | right first: codes, notes | codes alone | axes kept, codes alone | shift read off within .5 |"
    )
    print("| --- | --- | --- | --- | --- |")
    for wrong in SPOILT:
        rows, group, read = [], [], []
        for seed in SEEDS:
            rng = np.random.default_rng(100 + seed)
            for file, notes in queries(index, given.queries, seed, songs):
                asked = Query(spoilt(notes, wrong, rng), STEPS + 3)
                answers = {
                    name: searcher.search(asked, 20, thorough=given.thorough) for name, searcher in searchers.items()
                }
                by_code = {n: sorted(hits, key=lambda hit: -hit.similarity)[:1] for n, hits in answers.items()}
                firsts = (answers["axes removed"][:1], by_code["axes removed"], by_code["axes kept"])
                rows.append([any(right(index, notes, hit) for hit in hits) for hits in firsts])
                group.append(file)
                first = answers["axes removed"][0]
                if rows[-1][0]:
                    read.append(abs(first.axes["pitch"] - first.semitones) < 0.5)
        table = np.array(rows, float)
        cells = []
        for column in table.T:
            low, high = interval(column, np.array(group))
            cells.append(f"{column.mean():.3f} [{low:.3f}, {high:.3f}]")
        print(f"| {wrong} | {' | '.join(cells)} | {np.mean(read):.3f} |", flush=True)


if __name__ == "__main__":
    main()

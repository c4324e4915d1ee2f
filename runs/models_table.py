"""What do the models keep and find, source by source, beside an untrained network of the same build?

    python runs/models_table.py RUN [RUN ...] [--side test] [--windows 1500] [--bps ZIP] [--out FOLDER]

Runs of several seeds of one recipe make one table: means and the range over seeds. Figures, on held-out songs:

    note F1         of onsets decoded from a window's own latent
    metre           F1 of decode(steer(metre = s)) over that of the oracle, the window's own notes moved circularly
    pitch           F1 of decode(steer(pitch = k)), k in -12..12, over that of decode(encode(true edit))
    own shift       the right one of a window's own transpositions is the nearest: -12..12, and 13..18 either way
    hit_at_1        pitch and metre at once, among all windows moved by their own amounts; with the unmoved ones too
    found           the window itself, from a view moved by unknown amounts, by `softaxes.align`: among itself and the
                    unmoved windows of all other songs (a song repeats itself, moved by whole bars and less)

Beethoven's sonatas (BPS-Motif, ZIP) are a kind of music that no training saw.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import softaxes as sa
from softaxes.data.music import Song, cut_windows
from softaxes.data.music.song import note_array
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.notes import f1_of_means, note_counts
from softaxes.geometry.shifts import shift
from softaxes.model.model import Model
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.notes import Notes
from softaxes.report.controls import untrained
from softaxes.report.music_joint import extrapolation_figures, joint_figures
from softaxes.report.music_notes import binary
from softaxes.report.music_suite import own_shift_figures
from softaxes.report.music_views import HeldOut, draw_views, encode_views
from softaxes.training.tasks.music.data import load_music, run_config
from softaxes.training.tasks.music.views import circularly_moved, moved_windows

Rows = dict[str, dict[str, dict[str, float]]]  # figures by source
DELAYS = (1, 2, 4, 8)
FEW = 200  # windows that are judged under every shift
JOINT = {
    "hit_at_1": "hit_at_1",
    "hit_at_1 with unmoved": "hit_at_1_with_unmoved",
    "hit_at_1 no operator": "hit_at_1_no_operator",
}
FIGURES = ("note_f1", "metre", "pitch", "own_shift", "own_shift 13..18", "hit_at_1", "hit_at_1 with unmoved", "found")


def sources(run: Path, side: str, most: int, bps: Path | None) -> dict[str, HeldOut]:
    """Windows of one side of the run's split, at any place, different from each other, by source."""
    config = run_config(run)
    data = load_music(config, run)
    windows = getattr(data, side)
    source, meter = data.corpus.sources[windows.song], windows.meter
    masks = {name: source == name for name in np.unique(source)}
    if "tunes" in masks:
        masks["jigs"] = masks["tunes"] & (meter == (6, 8)).all(1)
    rng = np.random.default_rng(0)
    found = {}
    for name, mask in masks.items():
        which = rng.permutation(np.flatnonzero(mask))[: 4 * most]
        drawn = windows.select(np.sort(which))
        held = HeldOut(torch.from_numpy(drawn.rolls()), data.corpus.groups[drawn.song], windows.offset)
        found[name] = held.different().some(most, 0)
    if bps is not None:
        found["Beethoven"] = beethoven(bps, config.texture, windows.offset, most)
    return found


def beethoven(bps: Path, texture: str, context: int, most: int) -> HeldOut:
    """Windows of the sonata movements in BPS-Motif, on a grid of sixteenths."""
    songs = [Song(movement.name, on_the_grid(movement.notes)) for movement in load_bps_motif(bps)]
    windows = cut_windows(songs, hop_steps=1, context_steps=context, texture=texture, min_notes=3)  # type: ignore[arg-type]
    which = np.sort(np.random.default_rng(0).permutation(len(windows))[:most])
    drawn = windows.select(which)
    return HeldOut(torch.from_numpy(drawn.rolls()), drawn.song, context)


def on_the_grid(notes: Notes, steps_per_beat: int = 4) -> NDArray[np.void]:
    """Notes in ticks of 1/480 beat, each moved to the nearest step."""
    onset = np.rint(notes.onset * steps_per_beat / 480).astype(int)
    length = np.maximum(1, np.rint(notes.duration * steps_per_beat / 480)).astype(int)
    return note_array(zip(onset - onset.min(), length, notes.midi, strict=True))


def figures(model: Model, held: HeldOut) -> dict[str, dict[str, float]]:
    """All figures of one model on windows of one source, with 95 % intervals over songs where there are any."""
    z, true = model.encode(held.centre), held.centre.numpy() > 0
    counts = note_counts(true, binary(model, z))
    low, high = Bootstrap(held.group, n=500).interval(counts.values, statistic=f1_of_means)
    joint, few = joint_figures(model, held, draws=500), held.some(FEW, 0)
    beyond = extrapolation_figures(model, few, draws=200)
    rows = {"note_f1": {"value": counts.f1, "low": low, "high": high}}
    single = {
        "metre": metre_ratio(model, held, z),
        "pitch": pitch_ratio(model, held, z),
        "own_shift": own_shift(model, few),
        "found": found_again(model, held, z),
        "notes": float(true[:, 0].sum() / len(true)),
    }
    rows |= {name: {"value": value} for name, value in single.items()}
    rows["own_shift 13..18"] = {"value": beyond["own_shift.pitch 13..18"].value}
    for name, key in JOINT.items():
        figure = joint[f"{key}.pitch and metre"]
        rows[name] = {"value": figure.value, "low": figure.low, "high": figure.high}
    return rows


def metre_ratio(model: Model, held: HeldOut, z: torch.Tensor) -> float:
    """Mean over delays of F1(decode(steer)) / F1(oracle)."""
    ratios = []
    for delay in [sign * s for s in DELAYS for sign in (1, -1)]:
        steps = torch.full((len(z), 1), delay)
        true = moved_windows(held.rolls, torch.zeros_like(steps), steps, held.context)[:, 1].numpy() > 0
        oracle = circularly_moved(held.centre, torch.zeros_like(steps[:, 0]), steps[:, 0]).numpy() > 0
        steered = binary(model, model.steer(z, metre=delay))
        ratios.append(note_counts(true, steered).f1 / note_counts(true, oracle).f1)
    return float(np.mean(ratios))


def pitch_ratio(model: Model, held: HeldOut, z: torch.Tensor) -> float:
    """F1(decode(steer)) / F1(decode(encode(true edit))), random transpositions."""
    rng = np.random.default_rng(0)
    amount = torch.from_numpy(rng.integers(1, 13, len(z)) * rng.choice([-1, 1], len(z)))
    moved = shift(held.centre, amount, dim=-2)[0]
    true = moved.numpy() > 0
    ceiling = note_counts(true, binary(model, model.encode(moved))).f1
    steered = note_counts(true, binary(model, model.steer(z, pitch=amount.float()))).f1
    return steered / ceiling if ceiling else 0.0


def own_shift(model: Model, held: HeldOut) -> float:
    """Of pitch, among all of -12..12."""
    sweeps = encode_views(model, draw_views(model.axes, held)["shift_sweeps"])
    return float(own_shift_figures(sweeps, model.axes, draws=50)["own_shift.pitch"].value)


def found_again(model: Model, held: HeldOut, z: torch.Tensor) -> float:
    """A view moved by unknown amounts finds its window among all unmoved ones."""
    rng = np.random.default_rng(1)
    semitones = torch.from_numpy(rng.integers(1, 13, (len(z), 1)) * rng.choice([-1, 1], (len(z), 1)))
    steps = torch.from_numpy(rng.integers(1, 9, (len(z), 1)) * rng.choice([-1, 1], (len(z), 1)))
    moved = moved_windows(held.rolls, semitones, steps, held.context)[:, 1]
    similarity = sa.align(model.encode(moved), z, model.axes).similarity
    own = torch.from_numpy(held.group)
    similarity[(own[:, None] == own) & ~torch.eye(len(z), dtype=torch.bool)] = -torch.inf
    return float((similarity.argmax(1) == torch.arange(len(z))).float().mean())


def table(seeds: list[Rows], control: Rows) -> str:
    """Markdown: a row a figure, a column a source, mean over seeds and (in brackets) the untrained network."""
    names = list(control)
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for figure in FIGURES:
        cells = []
        for name in names:
            values = [rows[name][figure]["value"] for rows in seeds]
            spread = f" ({min(values):.3f} .. {max(values):.3f})" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread} [{control[name][figure]['value']:.3f}]")
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--side", choices=("validation", "test"), default="test")
    parser.add_argument("--windows", type=int, default=1500)
    parser.add_argument("--bps", type=Path)
    parser.add_argument("--out", type=Path, help="folder for RUN.json of every run and RUN-untrained.json of the first")
    given = parser.parse_args()
    seeds: list[Rows] = []
    control: Rows = {}
    for run in given.runs:
        model = sa.load(run)
        held = sources(run, given.side, given.windows, given.bps)
        seeds.append({name: figures(model, windows) for name, windows in held.items()})
        record(given.out, run.name, seeds[-1])
        if not control:
            control = {name: figures(untrained(model), windows) for name, windows in held.items()}
            record(given.out, f"{run.name}-untrained", control)
    print(table(seeds, control))


def record(out: Path | None, name: str, rows: Rows) -> None:
    """Print what was found, and keep it."""
    for source, row in rows.items():
        print(name, source, {key: round(row[key]["value"], 4) for key in FIGURES}, flush=True)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

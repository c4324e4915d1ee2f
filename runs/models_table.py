"""What do the models keep and find, source by source, beside an untrained network of the same build?

    python runs/models_table.py RUN [RUN ...] [--side test] [--windows 1500] [--bps ZIP] [--out FILE.json]

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
from typing import Any

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

DELAYS = (1, 2, 4, 8)
FIGURES = ("note_f1", "metre", "pitch", "own_shift", "own_shift 13..18", "hit_at_1", "hit_at_1 with unmoved", "found")


def sources(run: Path, side: str, most: int, bps: Path | None) -> dict[str, HeldOut]:
    """Windows of one side of the run's split, at any place, different from each other, by source."""
    config = run_config(run)
    data = load_music(config, run)
    windows = getattr(data, side)
    source, meter = data.corpus.sources[windows.song], windows.meter
    masks = {name: source == name for name in np.unique(source)}
    if "tunes" in masks:
        masks["tunes in 6/8"] = masks["tunes"] & (meter == (6, 8)).all(1)
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


def figures(model: Model, held: HeldOut) -> dict[str, Any]:
    """All figures of one model on windows of one source; note F1 with its interval over songs."""
    z, true = model.encode(held.centre), held.centre.numpy() > 0
    counts = note_counts(true, binary(model, z))
    low, high = Bootstrap(held.group, n=500).interval(counts.values, statistic=f1_of_means)
    joint = joint_figures(model, held, draws=50)
    name = "pitch and metre"
    return {
        "windows": len(true),
        "notes": float(true[:, 0].sum() / len(true)),
        "note_f1": counts.f1,
        "note_f1 interval": [low, high],
        "metre": metre_ratio(model, held, z),
        "pitch": pitch_ratio(model, held, z),
        "own_shift": own_shift(model, held),
        "own_shift 13..18": extrapolation_figures(model, held.some(200, 0), draws=50)["own_shift.pitch 13..18"].value,
        "hit_at_1": joint[f"hit_at_1.{name}"].value,
        "hit_at_1 no operator": joint[f"hit_at_1_no_operator.{name}"].value,
        "hit_at_1 with unmoved": joint[f"hit_at_1_with_unmoved.{name}"].value,
        "found": found_again(model, held, z),
    }


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
    sweeps = encode_views(model, draw_views(model.axes, held.some(200, 0))["shift_sweeps"])
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


def table(rows: dict[str, list[dict[str, Any]]], control: dict[str, dict[str, Any]]) -> str:
    """Markdown: a row a figure, a column a source, mean over seeds and (in brackets) the untrained network."""
    names = list(rows)
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for figure in FIGURES:
        cells = []
        for name in names:
            values = [row[figure] for row in rows[name]]
            spread = f" ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread} [{control[name][figure]:.3f}]")
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--side", choices=("validation", "test"), default="test")
    parser.add_argument("--windows", type=int, default=1500)
    parser.add_argument("--bps", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {}
    control: dict[str, dict[str, Any]] = {}
    for index, run in enumerate(given.runs):
        model = sa.load(run)
        for name, held in sources(run, given.side, given.windows, given.bps).items():
            rows.setdefault(name, []).append(figures(model, held))
            if index == 0:
                control[name] = figures(untrained(model), held)
            print(run.name, name, {key: rows[name][-1][key] for key in FIGURES}, flush=True)
    print(table(rows, control))
    if given.out:
        given.out.write_text(json.dumps({"trained": rows, "untrained": control}, indent=1) + "\n")


if __name__ == "__main__":
    main()

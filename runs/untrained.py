"""What does the network of a run on music score before it has learned anything? The control beside every figure.

    python runs/untrained.py --out FOLDER/NAME [--seeds 0 1 2] [any setting of `softaxes train`: --corpus tunes]

The held-out windows, the shifts and the weights are those of "untrained encoder" in the report of a run with the same
settings, so nothing need be trained to know them. Axes are fitted on one half of the songs and judged on the other; for
two operations at once and for amounts beyond training they are fitted on training windows, as a run fits them.
Writes FOLDER/NAME-<seed>.json; a minute a seed on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from music_sweep import as_settings

from softaxes.geometry.axes import Axes, CircleAxis, LineAxis
from softaxes.geometry.kinds import Circle
from softaxes.model.model import Model
from softaxes.report.controls import untrained
from softaxes.report.music_joint import extrapolation_figures, joint_figures
from softaxes.report.music_suite import GALLERY, music_figures
from softaxes.report.music_views import SWEEP_WINDOWS, HeldOut, draw_views, encode_all
from softaxes.training.tasks.music.config import MusicConfig, music_kinds
from softaxes.training.tasks.music.data import MusicData, load_music, task_of
from softaxes.training.tasks.music.task import MusicTask

KEPT = ("value", "low", "high", "chance")


def figures(config: MusicConfig, windows: int) -> dict[str, dict[str, dict[str, float | None]]]:
    """{part: {figure: {value, low, high, chance}}} of an untrained network on the held-out songs of ``config``."""
    data = load_music(config)
    task = task_of(config)(config, data.train, data.validation)
    bare = Model(task.parts()["encoder"], axes_of_no_length(config), (2, 128, config.window_steps))
    model, judged = untrained(bare), held_out(data, config, windows)
    suites = music_figures(encode_all(model, draw_views(bare.axes, judged, seed=0)))
    steered = with_axes(task, model)
    suites |= {
        "joint": joint_figures(steered, held_out(data, config, max(windows, GALLERY))),
        "extrapolation": extrapolation_figures(steered, judged.some(SWEEP_WINDOWS, 0)),
    }
    return {
        part: {key: {name: rounded(row[name]) for name in KEPT} for key, row in suite.to_dict().items()}
        for part, suite in suites.items()
    }


def with_axes(task: MusicTask, model: Model) -> Model:
    """The same encoder with axes fitted on training windows, as a run fits them at its end."""
    network = task.build_model()
    network.encoder.load_state_dict(model.encoder.state_dict())
    return MusicTask.finish(task, network.eval())


def held_out(data: MusicData, config: MusicConfig, windows: int) -> HeldOut:
    """At most ``windows`` windows of the songs left out, those that a report judges."""
    test = data.test
    every = HeldOut(torch.from_numpy(test.rolls()), data.corpus.groups[test.song], test.offset,
                    config.pitch_semitones, config.shift_steps)  # fmt: skip
    return every.different().some(windows, 0)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def axes_of_no_length(config: MusicConfig) -> Axes:
    """The kinds of a run, before any axis is fitted."""
    none = torch.zeros(config.dim)
    plane = torch.eye(2, config.dim)
    return Axes([CircleAxis(kind, plane, none) if isinstance(kind, Circle) else LineAxis(kind, none, none)
                 for kind in music_kinds(config)])  # fmt: skip


def lines(suite: dict[str, dict[str, float | None]]) -> str:
    """A figure a line."""
    return ",\n".join(f" {json.dumps(key)}: {json.dumps(row)}" for key, row in suite.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--windows", type=int, default=1000)
    options, settings = parser.parse_known_args()
    torch.set_num_threads(1)
    for seed in options.seeds:
        config = MusicConfig(**as_settings(settings), seed=seed)
        found = figures(config, options.windows)
        parts = [f"{json.dumps(part)}: {{\n{lines(suite)}\n}}" for part, suite in found.items()]
        head = f'"windows": {options.windows}, "seed": {seed}, "figures": '
        path = options.out.with_name(f"{options.out.name}-{seed}.json")
        path.write_text("{" + head + "{" + ",\n".join(parts) + "}}\n", encoding="utf-8")
        print(path, flush=True)


if __name__ == "__main__":
    main()

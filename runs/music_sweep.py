"""What does one weight of the loss buy, and what is it paid with? Short runs of music at several weights, with seeds.

    python runs/music_sweep.py --out OUT --folder POP909 --vary shaping --weights 0 .1 .3 1 3 [--seeds 3] [--steps 400]
                               [--encoder rows] [--texture melody] [any other setting of `softaxes train`: --notes .5]

``--vary shaping`` multiplies every term that shapes the axes; any other name multiplies that one setting. Everything
else stays the same, the split too. Writes OUT/report.html, OUT/metrics.json (which `softaxes explore` shows) and a
table on standard output. Finished runs stay, so a sweep that was stopped goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch

import softaxes as sa
from softaxes.report.music_suite import music_suite
from softaxes.report.sweep import kept_figures, sweep_report
from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig, idle_settings
from softaxes.training.tasks.music.data import MusicData, load_music, music_card, task_of

SHAPING = ("within", "across", "size", "squared_error", "infonce", "content_orthogonality",
           "equivariance")  # fmt: skip
RUNNING = ("cross_cos", "same_cos", "opposite_cos", "relative_error.pitch", "phase_cos.metre", "hit_at_1.pitch",
           "content_recall", "effective_rank")  # fmt: skip
CONTENT = ("content_recall", "note_f1", "hit_at_1", "effective_rank")


def main() -> None:
    given, settings = parser().parse_known_args()
    base = MusicConfig(**as_settings(settings) | {"corpus": given.corpus, "folder": given.folder, "steps": given.steps})
    rows: list[dict[str, float]] = []
    data = load_music(base)
    for weight in given.weights:
        for seed in range(given.seeds):
            run = given.out / f"{given.vary}-{weight:g}-seed-{seed}"
            config = dataclasses.replace(varied(base, given.vary, weight), seed=seed)  # the songs stay where they are
            rows.append({"weight": weight, "seed": seed, **figures(run, config, data, given.windows)})
            print(json.dumps(rows[-1]), flush=True)
    print(sweep_report(given.out, rows, factorization=given.buys, content=CONTENT))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--corpus", default="pop909")
    made.add_argument("--folder", default="")
    made.add_argument("--vary", default="shaping")
    made.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.1, 0.3, 1.0, 3.0])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=400)
    made.add_argument("--windows", type=int, default=1000, help="held-out windows that each run is judged on")
    made.add_argument("--buys", default="relative_error", help="the figure on the horizontal axis")
    return made


def as_settings(words: list[str]) -> dict[str, object]:
    """``--notes .5`` as {"notes": 0.5}, by the types of `MusicConfig`."""
    kinds = {field.name: type(field.default) for field in dataclasses.fields(MusicConfig)}
    settings: dict[str, object] = {}
    if len(words) % 2:
        raise SystemExit(f"music_sweep: settings come in pairs, --name value, got {' '.join(words)}")
    for name, value in zip(words[::2], words[1::2], strict=True):
        key = name.removeprefix("--").replace("-", "_")
        if key not in kinds:
            raise SystemExit(f"music_sweep: no setting {name}; there are {', '.join(sorted(kinds))}")
        settings[key] = kinds[key](value)
    return settings


def varied(config: MusicConfig, what: str, factor: float) -> MusicConfig:
    """``config`` with one setting, or all that shape the axes of its encoder, multiplied."""
    names = [name for name in SHAPING if name not in idle_settings(config)] if what == "shaping" else [what]
    changed = {name: type(getattr(config, name))(factor * getattr(config, name)) for name in names}
    if changed.get("infonce") == 0:
        changed["temperature"] = MusicConfig().temperature  # there is nothing left for it to act on
    return dataclasses.replace(config, **changed)


def figures(run: Path, config: MusicConfig, data: MusicData, windows: int) -> dict[str, float]:
    """Train, and measure on the test songs of the split; kept in the run folder while weights, songs and windows stay.

    Raises:
        ValueError: ``run`` has other settings, or learned from other songs.
    """
    card = music_card(data, config)
    task = task_of(config)(config, data.train, data.validation, card=card)
    train(task, run, Machine(precision="bf16-mixed", threads=1, progress=False))
    model = sa.load(run)
    if (model.card["corpus"], model.card["split"]) != (card["corpus"], card["split"]):
        raise ValueError(f"{run} learned from other songs: name another --out")
    asked = {"windows": windows, "songs": card["corpus"]["digest"], "split": sorted(card["split"]["test"])}
    return kept_figures(run, asked, lambda: measured(model, config, data, windows))


def measured(model: sa.Model, config: MusicConfig, data: MusicData, windows: int) -> dict[str, float]:
    """The figures of one run on the test songs of its split."""
    found = music_suite(model, torch.from_numpy(data.test.rolls), data.corpus.groups[data.test.song],
                        pitch_semitones=config.pitch_semitones, shift_steps=config.shift_steps,
                        windows=windows, controls=False, draws=20)  # fmt: skip
    running, joint = found.suites["running"], found.suites["joint"]
    figures = {key.split(".")[0]: float(running[key].value) for key in RUNNING if key in running}
    figures["note_f1"] = float(found.reconstruction["note_f1"].value)
    figures["hit_at_1"] = next(float(f.value) for f in joint.values() if f.name == "hit_at_1")
    return figures


if __name__ == "__main__":
    main()

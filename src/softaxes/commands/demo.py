"""The main job: blobs, then real tunes, then a tune that it never saw, steered; one report.

Two runs in one folder, each resumed if it was stopped, each judged on what it never saw.
"""

from __future__ import annotations

from pathlib import Path

from softaxes.commands.toy_train import train_toy
from softaxes.commands.train import train_music
from softaxes.data.files import write_bytes
from softaxes.data.music import Song, write_song
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.report.demo import demo_report
from softaxes.report.music import music_report
from softaxes.report.page import Picture, Section
from softaxes.report.pictures.canvas import to_png
from softaxes.report.pictures.songs import song_before_and_after
from softaxes.report.toy import toy_report
from softaxes.songs.steer_file import steer_file
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MusicData, load_music

TOY, TUNES = "toy", "tunes"
STEPS = 350  # 100 s of one core for .99 of the notes of unseen tunes
SEMITONES, DELAY = 3, 4
LEAST_BARS = 8


def demo(*, out: Path = Path("demo"), seed: int = 0, machine: Machine = Machine(precision="bf16-mixed")) -> str:  # noqa: B008
    """Train and judge soft factorization twice: on random blobs, and on real tunes. Under 8 minutes on two cores.

    Then a tune that was held out is steered by the model that was just trained: before.mid, after.mid, steered.png.

    Ctrl-C leaves runs that the same command resumes.

    Args:
        out: folder for the two runs and the report.
        seed: of everything random.
        machine: where to run.
    """
    out.mkdir(parents=True, exist_ok=True)
    train_toy("default", out=out / TOY, seed=seed, machine=machine)
    config = MusicConfig(corpus="tunes", steps=STEPS, seed=seed)
    train_music(config, machine, out=out / TUNES)
    toy_report(out / TOY)
    music_report(out / TUNES)
    section = steered_tune(held_out_tune(load_music(config)), load(out / TUNES), out)
    return f"the report is in {demo_report(out / TOY, out / TUNES, out, [section])}"


def held_out_tune(data: MusicData) -> Song:
    """The first tune of the test side with enough bars, whatever its metre; ValueError if there is none."""
    for index in data.sides.test:
        song = data.corpus.songs[index]
        if len(song.bars()) >= LEAST_BARS:
            return song
    raise ValueError(f"corpus {data.corpus.name!r} has no held-out tune of {LEAST_BARS} bars")


def steered_tune(tune: Song, model: Model, out: Path) -> Section:
    """Write ``tune`` before and after steering, with a picture; the section of the report on it."""
    before, after = out / "before.mid", out / "after.mid"
    write_song(tune, before)
    result = steer_file(model, before, pitch=SEMITONES, metre=DELAY)
    write_song(result.edited, after)
    titles = ("before.mid", f"after.mid: steered by {SEMITONES:+d} semitones and {DELAY:+d} steps", "the true edit")
    figure = song_before_and_after(result.on_grid.song, result.steered, titles=titles)
    write_bytes(out / "steered.png", to_png(figure))
    figure = song_before_and_after(result.on_grid.song, result.steered, titles=titles)
    return Section("A tune steered", [Picture(figure, f"{result.line}. The tune was held out from training.")])

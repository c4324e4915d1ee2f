"""The main job: blobs, then real tunes, then a tune steered by a shipped model; one report.

Two runs in one folder, each resumed if it was stopped, each judged on what it never saw.
"""

from __future__ import annotations

from pathlib import Path

from softaxes.commands.toy_train import train_toy
from softaxes.commands.train import train_music
from softaxes.data.files import write_bytes
from softaxes.data.music import Song, write_song
from softaxes.model.checkpoint import load
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
MODEL, SEMITONES = "melody", 3
LEAST_BARS = 8


def demo(*, out: Path = Path("demo"), seed: int = 0, machine: Machine = Machine(precision="bf16-mixed")) -> str:  # noqa: B008
    """Train and judge soft factorization twice: on random blobs, and on real tunes. Under 8 minutes on two cores.

    Then a tune that nothing was trained on is steered by the shipped melody model: before.mid, after.mid, steered.png.

    Ctrl-C leaves runs that the same command resumes.

    Args:
        out: folder for the two runs and the report.
        seed: of everything random.
        machine: where to run.
    """
    out.mkdir(parents=True, exist_ok=True)
    train_toy("default", out=out / TOY, seed=seed, machine=machine)
    config = MusicConfig(corpus="tunes", seed=seed)
    train_music(config, machine, out=out / TUNES)
    toy_report(out / TOY)
    music_report(out / TUNES)
    section = steered_tune(held_out_tune(load_music(config)), out)
    return f"the report is in {demo_report(out / TOY, out / TUNES, out, [section])}"


def held_out_tune(data: MusicData) -> Song:
    """The first tune of the test side in 4/4 with enough bars; ValueError if there is none."""
    for index in data.sides.test:
        song, bars = data.corpus.songs[index], data.corpus.songs[index].bars()
        common = (bars["numerator"] == 4) & (bars["denominator"] == 4)
        if len(bars) >= LEAST_BARS and common.all():
            return song
    raise ValueError(f"corpus {data.corpus.name!r} has no held-out tune of {LEAST_BARS} bars in 4/4")


def steered_tune(tune: Song, out: Path) -> Section:
    """Write ``tune`` before and after steering by `SEMITONES`, with a picture; the section of the report on it."""
    before, after = out / "before.mid", out / "after.mid"
    write_song(tune, before)
    result = steer_file(load(MODEL), before, pitch=SEMITONES)
    write_song(result.edited, after, result.extras)
    titles = ("before.mid", f"after.mid: steered by {SEMITONES:+d} semitones", "the true edit")
    write_bytes(out / "steered.png", to_png(song_before_and_after(result.on_grid.song, result.steered, titles=titles)))
    caption = f"{result.line}. The model was trained on pop songs alone, on no fiddle tune."
    return Section(
        "A tune steered", [Picture(song_before_and_after(result.on_grid.song, result.steered, titles=titles), caption)]
    )

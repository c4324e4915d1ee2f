"""The main job: blobs, then real tunes, one report.

Two runs in one folder, each resumed if it was stopped, each judged on what it never saw.
"""

from __future__ import annotations

from pathlib import Path

from softaxes.music_run import train_music
from softaxes.music_task import MusicConfig
from softaxes.report.demo import demo_report
from softaxes.report.music import music_report
from softaxes.report.toy import toy_report
from softaxes.toy import train_toy
from softaxes.train import Machine

TOY, TUNES = "toy", "tunes"


def demo(*, out: Path = Path("demo"), seed: int = 0, machine: Machine = Machine(precision="bf16-mixed")) -> str:  # noqa: B008
    """Train and judge soft factorization twice: on random blobs, and on real tunes. Under 8 minutes on two cores.

    Ctrl-C leaves runs that the same command resumes.

    Args:
        out: folder for the two runs and the report.
        seed: of everything random.
        machine: where to run.
    """
    out.mkdir(parents=True, exist_ok=True)
    train_toy("default", out=out / TOY, seed=seed, machine=machine)
    train_music(MusicConfig(corpus="tunes", seed=seed), machine, out=out / TUNES)
    toy_report(out / TOY)
    music_report(out / TUNES)
    return f"the report is in {demo_report(out / TOY, out / TUNES, out)}"

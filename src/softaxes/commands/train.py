"""``softaxes train``: an encoder with named axes, and its decoder, from a corpus of music."""

from __future__ import annotations

import sys
from pathlib import Path

from softaxes.data.files import write_text
from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MANIFEST_FILE, describe, load_music, music_card, task_of


def train_music(
    config: MusicConfig = MusicConfig(),  # noqa: B008  a frozen dataclass
    machine: Machine = Machine(),  # noqa: B008
    *,
    out: Path,
) -> Path:
    """Train an encoder with named axes, and its decoder, on a corpus of music.

    A run that was stopped, by ctrl-C or by force, goes on when the same command is given again.

    Args:
        config: what to learn.
        machine: where to run.
        out: run folder.
    """
    data = load_music(config)
    summary = describe(data)
    if machine.progress:
        print(summary, file=sys.stderr)
    task = task_of(config)(config, data.train, data.validation, card=music_card(data, config))
    run = train(task, out, machine)
    write_text(run / MANIFEST_FILE, data.corpus.manifest.to_json())
    return run

"""``softaxes train``: an encoder with named axes, and its decoder, from a corpus of music."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from softaxes.data.files import open_folder, write_text
from softaxes.training.loop import CONFIG_FILE, train
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MANIFEST_FILE, describe, keep_split, load_music, music_card
from softaxes.training.tasks.music.task import MusicTask


def train_music(
    config: MusicConfig,
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
    if config.folder:  # a run can be judged from anywhere
        config = dataclasses.replace(config, folder=str(Path(config.folder).resolve()))
    data = load_music(config, out)
    if machine.progress:
        print(describe(data), file=sys.stderr)
    for line in data.corpus.remarks():
        print(line, file=sys.stderr)
    open_folder(out, CONFIG_FILE, {"task": MusicTask.name, **dataclasses.asdict(config)}, "a run")
    keep_split(out, data)
    task = MusicTask(config, data.train, data.validation, card=music_card(data, config))
    run = train(task, out, machine)
    write_text(run / MANIFEST_FILE, data.corpus.manifest.to_json())
    return run

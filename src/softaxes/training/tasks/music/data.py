"""How does a corpus become a trained model: songs, split, windows, run folder?

The split is made by song, near-duplicates on one side. Its song ids go into the checkpoint's card and the corpus
manifest beside it, so that a report judges a run on songs it never saw, and can tell when the music has changed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from softaxes.data.files import printable, write_text
from softaxes.data.music import Corpus, Split, Windows, cut_windows, load_corpus, split
from softaxes.model.checkpoint import MODEL_FILE, load
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.task import MusicTask

MANIFEST_FILE, SPLIT_FILE = "corpus.json", "split.json"
LEAST_NOTES = 3  # in a window; fewer are alike everywhere
THINNED = {"tunes": 0.25}  # they are a third of the music and easily learned


@dataclass(frozen=True)
class MusicData:
    """A corpus cut into windows, by side of the split; ``song`` of each window indexes ``corpus.songs``."""

    corpus: Corpus
    sides: Split
    train: Windows
    validation: Windows
    test: Windows


def load_music(config: MusicConfig, run: Path | None = None) -> MusicData:
    """The music of a run: the same settings and files give the same windows.

    The split belongs to the run: once ``run`` holds one, songs that have come since stay out.

    Raises:
        ValueError: an unreadable corpus, or one too small to have windows on every side of the split.
    """
    corpus = load_corpus(
        config.corpus, config.folder or None, steps_per_beat=config.steps_per_beat, reading=config.reading()
    )
    kept = read_split(run) if run else None
    sides = _sides_of(corpus, kept["split"]) if kept else split(corpus, seed=config.seed)
    every = cut_windows(
        corpus.songs,
        config.window_steps,
        hop_steps=1,
        context_steps=config.shift_steps,
        texture=config.texture,
        min_notes=LEAST_NOTES,
    )
    cut = {name: every.select(np.isin(every.song, songs)) for name, songs in sides._asdict().items()}
    cut["train"] = _thinned(cut["train"], corpus, config.seed)
    for name, windows in cut.items():
        if len(windows) == 0:
            size = f"{config.window_steps} steps"
            why = "".join(f"; {number} {reason}" for reason, number in windows.left_out[:1])
            raise ValueError(f"corpus {config.corpus!r} ({len(corpus)} songs) has no {name} window of {size}{why}")
    return MusicData(corpus, sides, **cut)


def keep_split(run: Path, data: MusicData) -> None:
    """Write the split into a run that begins, or check that a run that goes on has the music it began with.

    Raises:
        ValueError: the music has changed since.
    """
    kept = read_split(run)
    if kept is None:
        write_text(run / SPLIT_FILE, json.dumps(split_record(data), indent=1) + "\n")
    elif kept["digest"] != data.corpus.manifest.digest():
        raise ValueError(f"the music of {run} has changed since it began: put it back, or train into another folder")


def split_record(data: MusicData) -> dict[str, Any]:
    """Digest of the music, and the ids of the songs on each side."""
    sides = {name: [data.corpus.ids[i] for i in songs] for name, songs in data.sides._asdict().items()}
    return {"digest": data.corpus.manifest.digest(), "split": sides}


def read_split(run: Path) -> dict[str, Any] | None:
    """What `keep_split` wrote, or what the card of the run's model says; None where neither is there."""
    if (run / SPLIT_FILE).is_file():
        found: dict[str, Any] = json.loads((run / SPLIT_FILE).read_text(encoding="utf-8"))
        return found
    if not (run / MODEL_FILE).is_file():
        return None
    card = load(run).card
    return {"digest": card["corpus"]["digest"], "split": card["split"]} if {"corpus", "split"} <= card.keys() else None


def _sides_of(corpus: Corpus, names: dict[str, list[str]]) -> Split:
    """The songs of each side that the corpus still holds, as sorted indices."""
    place = {id_: index for index, id_ in enumerate(corpus.ids)}
    return Split(**{side: np.array(sorted(place[i] for i in ids if i in place), int) for side, ids in names.items()})


def _thinned(windows: Windows, corpus: Corpus, seed: int) -> Windows:
    """Without a part of the windows of sources of which there is plenty beside others; `THINNED` says how many stay."""
    if corpus.name != "mixed":
        return windows
    share = np.array([THINNED.get(source, 1.0) for source in corpus.sources])[windows.song]
    kept = windows.select(np.random.default_rng(seed).random(len(windows)) < share)
    spared = ("windows to train on, of sources with more than their share", len(windows) - len(kept))
    return dataclasses.replace(kept, left_out=(*windows.left_out, spared))


def describe(data: MusicData) -> str:
    """What was read, what was skipped and why, how it was split: a few lines."""
    skipped = data.corpus.manifest.skipped
    lines = [f"{data.corpus!r}; {len(skipped)} files skipped"]
    lines += [f"  skipped {printable(row.name)}: {printable(row.reason)}" for row in skipped[:5]]
    lines += [f"  ... and {len(skipped) - 5} more, see {MANIFEST_FILE}"] if len(skipped) > 5 else []
    for name, songs in data.sides._asdict().items():
        lines.append(f"  {name}: {len(songs)} songs, {len(getattr(data, name))} windows")
    lines += [f"  left out: {number} {reason}" for reason, number in data.train.left_out]
    return "\n".join(lines)


def music_card(data: MusicData, config: MusicConfig) -> dict[str, Any]:
    """What the checkpoint says of its music."""
    return {
        "task": "music",
        "config": dataclasses.asdict(config),
        "corpus": {"name": data.corpus.name, "songs": len(data.corpus), "digest": data.corpus.manifest.digest()},
        "split": split_record(data)["split"],
    }


def run_config(run: Path) -> MusicConfig:
    """The settings of a music run; ValueError if ``run`` is none, or has settings that this version does not know."""
    path = run / "config.json"
    if not path.is_file():
        raise ValueError(f"{run} is no run folder: it holds no config.json")
    settings = json.loads(path.read_text(encoding="utf-8"))
    if settings.pop("task", None) != MusicTask.name:
        raise ValueError(f"{run} is no music run")
    unknown = sorted(settings.keys() - {field.name for field in dataclasses.fields(MusicConfig)})
    if unknown:
        raise ValueError(f"{run} is a run of another version of softaxes: it has settings {', '.join(unknown)}")
    return MusicConfig(**settings)

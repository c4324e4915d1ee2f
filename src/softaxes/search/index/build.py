"""How does a folder of MIDI files become an index, and stay one?

Only files that are new or changed are read and encoded (`softaxes.songs.update`). Clips that occur more than once
in a song (refrains) are encoded once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from softaxes.data.music.folders import check_folder
from softaxes.data.music.read import Reading, read_song
from softaxes.data.music.rolls import texture_notes
from softaxes.model.model import Model
from softaxes.search.codes import content_codes, coordinates, line_names
from softaxes.search.index.store import Index, Settings, table_type
from softaxes.search.index.windows import clip_lengths, clip_rolls, clip_starts
from softaxes.songs.coded import Arrays, CodedSong, Refused
from softaxes.songs.update import Coded, one_line, update_folder
from softaxes.training.progress import Advance, progress_bar

COMMIT_CLIPS = 20_000  # clips of the longest kind between two commits
NO_BAR = partial(progress_bar, "indexing", show=False)
ENCODE_CLIPS = 2048  # rolls in memory at a time: 17 MB


class Built(NamedTuple):
    """What an update did: files, those ``refused`` with why, and how many clips were ``encoded``."""

    songs: int
    new: int
    changed: int
    removed: int
    refused: tuple[Refused, ...]
    encoded: int


def index_settings(model: Model, hop_steps: int | None = None, reading: Reading | None = None) -> Settings:
    """Settings of an index for this model; ``hop_steps`` defaults to a beat, ``reading`` to the reader's rule.

    Raises:
        ValueError: a model that does not take piano rolls, or a hop out of range.
    """
    if len(model.input_shape) != 3 or model.input_shape[:2] != (2, 128):
        raise ValueError(f"motif search needs a model of piano rolls (2, 128, steps), got {model.input_shape}")
    config = model.card.get("config", {})
    beat = int(config.get("steps_per_beat", 4))
    hop = beat if hop_steps is None else hop_steps
    if not 1 <= hop <= model.window_steps:
        raise ValueError(f"`hop_steps` must lie in 1..{model.window_steps} (the model's window), got {hop}")
    return Settings(
        model=model.digest(),
        dim=model.axes_dim,
        lines=line_names(model.axes),
        window_steps=model.window_steps,
        steps_per_beat=beat,
        texture=str(config.get("texture", "melody")),
        hop_steps=hop,
        lengths=clip_lengths(model.window_steps, hop),
        **vars(reading or Reading()),
    )


def encode_clips(
    model: Model, notes: NDArray[np.void], starts: NDArray[np.int64], length: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes (n, D) and coordinates (n, L) of clips of one song; equal clips are encoded once."""
    codes = [np.zeros((0, model.axes_dim), np.float32)]
    places = [np.zeros((0, len(line_names(model.axes))), np.float32)]
    for at in range(0, len(starts), ENCODE_CLIPS):
        rolls = clip_rolls(notes, starts[at : at + ENCODE_CLIPS], length, model.window_steps)
        keys = np.packbits(rolls.reshape(len(rolls), -1), axis=1)
        _, first, back = np.unique(
            keys.view([("", f"V{keys.shape[1]}")]).ravel() if len(keys) else keys,
            return_index=True,
            return_inverse=True,
        )
        z = model.encode(torch.from_numpy(rolls[first]))
        codes.append(content_codes(model.axes, z)[back])
        places.append(coordinates(model.axes, z)[back])
    return np.concatenate(codes), np.concatenate(places)


def update_index(
    folder: str | os.PathLike[str],
    model: Model,
    where: str | os.PathLike[str],
    *,
    hop_steps: int | None = None,
    reading: Reading | None = None,
    progress: Callable[[int], AbstractContextManager[Advance]] = NO_BAR,
) -> Built:
    """Bring the index in ``where`` up to the MIDI files below ``folder``; makes it if there is none.

    Raises:
        ValueError: no such folder, or an index of other settings or another model there.
        BlockingIOError: another process is writing it.
    """
    root, settings, encoded = check_folder(folder, "folder"), index_settings(model, hop_steps, reading), 0

    def code(names: list[str]) -> Iterator[tuple[str, Coded | str]]:
        nonlocal encoded
        for name in names:
            try:
                found = _coded(model, root / name, settings)
            except (ValueError, OSError) as error:
                yield name, one_line(error, root, name)
            else:
                encoded += sum(len(found.arrays[f"{length}.codes"]) for length in settings.lengths)
                yield name, found

    def is_full(pending: list[tuple[CodedSong, Arrays]]) -> bool:
        return sum(len(arrays[f"{settings.lengths[-1]}.codes"]) for _, arrays in pending) >= COMMIT_CLIPS

    done = update_folder(root, Path(where), asdict(settings), code, kind=Index, is_full=is_full, progress=progress)
    return Built(*done, encoded)


def _coded(model: Model, path: Path, settings: Settings) -> Coded:
    """A file's clips, codes and notes; ValueError if it cannot be read, or holds no notes of the texture."""
    song = read_song(path, settings.steps_per_beat, reading=settings.reading)
    notes = texture_notes(song, settings.texture)  # type: ignore[arg-type]
    if len(notes) == 0:
        raise ValueError("no notes of the texture in the file")
    arrays: dict[str, NDArray[Any]] = {"notes": notes}
    for length in settings.lengths:
        starts = clip_starts(notes, length, settings.hop_steps)
        arrays[f"{length}.codes"], places = encode_clips(model, notes, starts, length)
        arrays[f"{length}.table"] = table = np.zeros(len(starts), table_type(len(settings.lines)))
        table["start"], table["coordinates"] = starts, places
    return Coded(song, arrays)

"""Where is parsed music kept between runs? In one folder of the user's, safe to delete at any time.

It is $SOFTAXES_CACHE if that is set, else softaxes/ in $XDG_CACHE_HOME or ~/.cache. A cached corpus is one .npz without
pickles: all notes end to end, and the rest as JSON. It is written beside its final name and then moved there, so that a
run that is killed leaves no half of one; a file that cannot be read is made anew.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from softaxes.data.files import whole_file
from softaxes.data.music.manifest import Manifest
from softaxes.data.music.song import NOTE_DTYPE, Counts, Song, Track


def cache_folder() -> Path:
    """The folder for what can be made again; it need not exist yet."""
    own = os.environ.get("SOFTAXES_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "softaxes"


def save_songs(
    path: Path, ids: Sequence[str], songs: Sequence[Song], groups: Int[np.ndarray, " n"], manifest: Manifest
) -> bool:
    """Keep songs in a file; False if the place cannot be written (the cache is a help, never a need)."""
    rest = [(s.name, s.tracks, s.steps_per_beat, s.tempi, s.meters, s.counts) for s in songs]
    text = json.dumps({"ids": list(ids), "songs": rest, "manifest": manifest.to_json()})
    notes = np.concatenate([song.notes for song in songs]) if songs else np.zeros(0, NOTE_DTYPE)
    lengths = np.array([len(song.notes) for song in songs], dtype=np.int64)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            np.savez_compressed(
                file, notes=notes, lengths=lengths, groups=groups, text=np.frombuffer(text.encode(), dtype=np.uint8)
            )
    except OSError:
        return False
    return True


def load_songs(path: Path) -> tuple[tuple[str, ...], tuple[Song, ...], Int[np.ndarray, " n"], Manifest] | None:
    """What `save_songs` kept: ids, songs, groups, manifest; None if there is no such file, or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("notes", "lengths", "groups", "text")}
        rest = json.loads(arrays["text"].tobytes())
        pieces = np.split(arrays["notes"], np.cumsum(arrays["lengths"]))[:-1]
        songs = tuple(
            Song(name, notes, tuple(Track(*t) for t in tracks), spb, _rows(tempi), _rows(meters), Counts(*counts))
            for notes, (name, tracks, spb, tempi, meters, counts) in zip(pieces, rest["songs"], strict=True)
        )
        return tuple(rest["ids"]), songs, arrays["groups"], Manifest.from_json(rest["manifest"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _rows(rows: list[list[float]]) -> tuple[Any, ...]:
    return tuple(tuple(row) for row in rows)

"""``softaxes steer IN.mid --pitch +3 --out OUT.mid``: move a song along a model's axes and hear it.

The notes that the model hears (a melody, or all tracks without drums) are encoded, steered and decoded. All others stay
or move exactly, on the file's own fine timing. Tracks keep their names and programs, and the tempo map and the metres
stay where they are. Pedals, other controllers, bends, words and keys go with their tracks
(`softaxes.songs.steer_extras`).

What a code cannot hold is taken from the song: a decoded note has the loudness and the track of the nearest note of the
true edit.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from softaxes.data.music import Song
from softaxes.data.music.beats import BEATS_FILE
from softaxes.data.music.extras import Extras
from softaxes.data.music.manifest import OFF_GRID
from softaxes.data.music.read import Reading, Regridded, read_both
from softaxes.data.music.rolls import Texture, notes_to_roll, texture_notes
from softaxes.diagnostics.notes import note_counts
from softaxes.model.model import Model
from softaxes.songs.codec import grid_of
from softaxes.songs.steer import SteeredSong, shifted, steer_song
from softaxes.songs.steer_extras import Moved, move_extras

Others = Literal["move", "keep", "drop"]
Notes = NDArray[np.void]


class SteeredFile(NamedTuple):
    """What was read and made: the song on the fine grid and edited, what lies beside its notes, the model's grid."""

    song: Song
    edited: Song
    extras: Extras
    on_grid: Regridded
    steered: SteeredSong
    line: str


def steer_file(
    model: Model, path: Path, *, pitch: int = 0, metre: int = 0, others: Others = "move", reading: Reading | None = None
) -> SteeredFile:
    """Read, steer and put together again; nothing is written.

    Raises:
        ValueError: an unreadable file, one without notes that the model hears, an unknown ``others``, or what
            `softaxes.songs.steer.steer_song` refuses.
    """
    if others not in get_args(Others):
        raise ValueError(f"`others` must be one of {', '.join(get_args(Others))}, got {others!r}")
    grid = grid_of(model)
    on_grid = read_both(path, grid.steps_per_beat, reading)
    song = on_grid.fine
    if not len(texture_notes(on_grid.song, grid.texture)):
        raise ValueError(f"{path}: holds no notes that this model hears ({describe(grid.texture)})")
    steered = steer_song(model, on_grid.song, pitch=pitch, metre=metre)
    edited = put_together(song, on_grid, steered, grid.texture, pitch=pitch, metre=metre, others=others)
    encoded = set(song.notes["track"][encoded_notes(song, on_grid, grid.texture)].tolist())
    moved = Moved(pitch, metre * on_grid.factor, frozenset(encoded) if others != "move" else None, others == "drop")
    extras, lost = move_extras(on_grid.extras, edited, moved)
    return SteeredFile(song, edited, extras, on_grid, steered, summary(steered, on_grid.song, lost))


def put_together(
    song: Song,
    on_grid: Regridded,
    steered: SteeredSong,
    texture: Texture,
    *,
    pitch: int,
    metre: int,
    others: Others,
) -> Song:
    """``song`` with what the model hears replaced by what it decoded, and its other notes as ``others`` says."""
    encoded = encoded_notes(song, on_grid, texture)
    rest = dataclasses.replace(song, notes=song.notes[~encoded])
    if others == "move":
        rest = rest.transposed(pitch)
        rest = dataclasses.replace(rest, notes=shifted(rest.notes, 0, metre * on_grid.factor))
    kept = rest.notes[:0] if others == "drop" else rest.notes
    return dataclasses.replace(song, notes=np.concatenate([kept, on_grid.back(with_loudness_and_track(steered))]))


def encoded_notes(song: Song, on_grid: Regridded, texture: Texture) -> NDArray[np.bool_]:
    """Which notes of the fine song the model hears, (n,): those whose start and pitch its texture has."""
    encoded = texture_notes(on_grid.song, texture)
    is_drum = np.array([track.is_drum for track in song.tracks], dtype=bool)[song.notes["track"]]
    places = on_grid.onsets(song.notes) * 128 + song.notes["pitch"]
    same = np.isin(places, encoded["onset"].astype(np.int64) * 128 + encoded["pitch"])
    named = np.isin(song.notes["track"], np.unique(encoded["track"]))
    return same & named & ~is_drum


def with_loudness_and_track(steered: SteeredSong) -> Notes:
    """The decoded notes, each with the loudness and track of the nearest note of the true edit.

    Distance is steps plus semitones. Where the true edit is empty they take those of the song's first note.
    """
    notes, models = steered.notes.copy(), steered.true_edit
    if not len(models):
        models = steered.before[:1]
    if len(notes) and len(models):
        from sklearn.neighbors import KDTree

        points = [np.stack([n["onset"], n["pitch"]], axis=1).astype(float) for n in (models, notes)]
        nearest = KDTree(points[0], metric="manhattan").query(points[1], return_distance=False)[:, 0]
        for name in ("velocity", "track"):
            notes[name] = models[name][nearest]
    return notes


def summary(steered: SteeredSong, song: Song, unkept: Counter[str]) -> str:
    """One line: which share of the true edit's notes came back, beside the ceiling, and what is out of the ordinary."""
    length = max(int((n["onset"] + n["duration"]).max(initial=0)) for n in (steered.true_edit, steered.notes))
    length = max(length, int((steered.ceiling["onset"] + steered.ceiling["duration"]).max(initial=0)))
    rolls = [notes_to_roll(n, length)[None] for n in (steered.true_edit, steered.notes, steered.ceiling)]
    found, ceiling = note_counts(rolls[0], rolls[1]), note_counts(rolls[0], rolls[2])
    parts = [
        f"{int(found.matched.sum())} of {len(steered.true_edit)} notes of the true edit came back, "
        f"{len(steered.notes) - int(found.matched.sum())} are others (note F1 {found.f1:.3f}; the true edit itself, "
        f"encoded and decoded: {ceiling.f1:.3f})",
        f"{steered.windows} windows" + (f", {steered.silent} silent" if steered.silent else ""),
    ]
    lost = len(steered.before) - len(steered.true_edit)
    if lost:
        parts.append(f"{lost} notes left the song or MIDI's range")
    if unkept:
        parts.append("not kept: " + ", ".join(f"{n:,} {name}{'s' * (n != 1)}" for name, n in sorted(unkept.items())))
    if song.counts.unfit_beats:
        parts.append(f"the {BEATS_FILE} beside it does not fit it: not used")
    if song.counts.off_grid > OFF_GRID:
        parts.append(f"the notes lie {song.counts.off_grid:.2f} steps off the grid on average (0.25: no grid at all)")
    return "; ".join(parts)


def describe(texture: Texture) -> str:
    """What a model of this texture hears, in words."""
    return "the track MELODY, or else the highest voice without drums" if texture == "melody" else "all but drums"

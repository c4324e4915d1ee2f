"""How do notes become piano rolls and come back?

A roll is a uint8 array (2, 128, steps) of zeros and ones over MIDI pitches 0..127. Channel `ONSET` marks the step where
a note begins, channel `SUSTAIN` every step where it sounds, *the first included*. Repeated notes stay repeated: the
onset channel parts them. What a roll cannot say is merged first: notes of one pitch in several voices that overlap
(`softaxes.data.music.song.merge_unisons`), velocities and tracks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Shaped, UInt8
from numpy.typing import NDArray

from softaxes.data.music.skyline import skyline
from softaxes.data.music.song import NOTE_DTYPE, Song, merge_unisons

ONSET, SUSTAIN = 0, 1
N_PITCHES = 128
Texture = Literal["melody", "full"]
Held = Literal["entering", "all", "drop"]
Roll = UInt8[np.ndarray, "2 128 steps"]
VOICE = re.compile(  # names of staves that are sung; "Alto" is a viola as often, and "Bass" a guitar
    r"\b(voices?|vocals?|voix|voce|voci|\w*stimmen?|gesang|sång|chant|canto|(mezzo\W*)?sopran[oe]?s?|contralto|t[eé]nor[es]?)\b",
    re.IGNORECASE,
)
INSTRUMENT = re.compile(
    r"sax|recorder|tromb|trump|horn|clarinet|flute|viol|guitar|drum|synth|pad\b|ooh|aah", re.IGNORECASE
)


def notes_to_roll(notes: NDArray[np.void], length_steps: int | None = None, start: int = 0) -> Roll:
    """Draw notes on a roll.

    Args:
        notes: (N,) array of NOTE_DTYPE, any order. Notes outside the window leave no mark; a note that began before it
            sounds on without an onset, one that ends after it is cut.
        length_steps: width of the roll, default to the end of the last note.
        start: song step of the roll's first column; may be negative (silence before the song).

    Returns:
        (2, 128, length_steps) uint8 of 0 and 1.
    """
    onset = notes["onset"].astype(np.int64) - start
    end, pitch = onset + notes["duration"], notes["pitch"].astype(np.int64)
    width = max(int(end.max(initial=0)), 0) if length_steps is None else length_steps
    if width < 0:
        raise ValueError(f"`length_steps` must be >= 0, got {length_steps}")
    roll = np.zeros((2, N_PITCHES, width), dtype=np.uint8)
    begins_here = (onset >= 0) & (onset < width)
    roll[ONSET, pitch[begins_here], onset[begins_here]] = 1
    row = width + 1  # one spare column takes the ends at the right edge
    starts = np.bincount(pitch * row + np.clip(onset, 0, width), minlength=N_PITCHES * row)
    stops = np.bincount(pitch * row + np.clip(end, 0, width), minlength=N_PITCHES * row)
    sounding = np.cumsum((starts - stops).reshape(N_PITCHES, row), axis=1)[:, :width]
    roll[SUSTAIN] = sounding > 0
    return roll


def roll_to_notes(
    roll: Shaped[np.ndarray, "2 128 steps"],
    threshold: float | tuple[float, float] | None = None,
    *,
    start: int = 0,
    held: Held = "entering",
    velocity: int = 80,
    track: int = 0,
) -> NDArray[np.void]:
    """Read the notes off a roll.

    A note begins where the onset channel is on, and lasts while the sustain channel stays on and no new onset comes; an
    onset sounds for its own step even where sustain is off.

    Args:
        roll: zeros and ones, or probabilities if ``threshold`` is given.
        threshold: on means greater than this; a pair is (onset, sustain). None: the roll must be binary.
        start: song step of the first column, added to onsets.
        held: what to do with sustain that no onset begins. "entering": at the left edge it is a note that was held over
            from before and begins at the edge; elsewhere it is noise and dropped. "all": it is always a note. "drop":
            never.

    Returns:
        (N,) array of NOTE_DTYPE sorted by onset and pitch, all with ``velocity`` and ``track``.

    Raises:
        ValueError: not a (2, 128, steps) roll, not finite, not binary without a threshold, or an unknown ``held``.
    """
    onset, sounding = _binary(roll, threshold)
    if held not in ("entering", "all", "drop"):
        raise ValueError(f"`held` must be 'entering', 'all' or 'drop', got {held!r}")
    sounding |= onset
    before = np.pad(sounding, ((0, 0), (1, 0)))[:, :-1]
    begins = onset.copy()
    if held == "all":
        begins |= sounding & ~before
    elif held == "entering":
        begins[:, :1] |= sounding[:, :1]
    stops = np.pad(begins | ~sounding, ((0, 0), (0, 1)), constant_values=True)  # the right edge stops every note
    at = np.flatnonzero(np.pad(begins, ((0, 0), (0, 1))))
    stop = np.flatnonzero(stops)
    notes = np.zeros(len(at), dtype=NOTE_DTYPE)
    notes["pitch"], notes["onset"] = np.divmod(at, stops.shape[1])
    notes["duration"] = stop[np.searchsorted(stop, at, side="right")] - at
    notes["onset"] += start
    notes["velocity"], notes["track"] = velocity, track
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def texture_notes(song: Song, texture: Texture = "melody") -> NDArray[np.void]:
    """The notes that a roll of this song shows: `melody` or `full_texture`."""
    if texture not in ("melody", "full"):
        raise ValueError(f"`texture` must be 'melody' or 'full', got {texture!r}")
    return melody(song) if texture == "melody" else full_texture(song)


def melody(song: Song) -> NDArray[np.void]:
    """The line that one would sing, the first of these that has notes:

    1. the tracks named MELODY (as in POP909), as one line of unisons merged if they are several;
    2. the skyline of the sung staves, which their names tell (`VOICE`: Voice, Singstimme, Chant, Soprano, ...): of a
       song with piano this is the voice, which the piano often doubles above;
    3. the skyline of all tracks without drums: of a string quartet that is mostly the first violin.
    """
    names = [track.name.strip() for track in song.tracks]
    named = [name.upper() == "MELODY" for name in names]
    if len(notes := _notes_of(song, named)):
        return merge_unisons(notes)[0] if sum(named) > 1 else notes
    sung = _notes_of(song, [bool(VOICE.search(name)) and not INSTRUMENT.search(name) for name in names])
    return skyline(sung if len(sung) else full_texture(song))


def _notes_of(song: Song, chosen: Sequence[bool]) -> NDArray[np.void]:
    """The notes of the chosen tracks that are no drums."""
    used = [yes and not track.is_drum for yes, track in zip(chosen, song.tracks, strict=True)]
    return song.notes[np.array(used, dtype=bool)[song.notes["track"]]]


def full_texture(song: Song) -> NDArray[np.void]:
    """The notes of all tracks except drums, one sounding note a pitch at a time (unisons of voices are merged)."""
    notes = _notes_of(song, [True] * len(song.tracks))
    return notes if len(song.tracks) == 1 else merge_unisons(notes)[0]  # a song has merged each track's own


def _binary(
    roll: Shaped[np.ndarray, "2 128 steps"], threshold: float | tuple[float, float] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    roll = np.asarray(roll)
    if roll.ndim != 3 or roll.shape[:2] != (2, N_PITCHES):
        raise ValueError(f"`roll` must have shape (2, 128, steps), got {roll.shape}")
    if not np.isfinite(roll).all():
        raise ValueError("`roll` must be finite, got NaN or infinity")
    if threshold is None:
        if not np.isin(roll, (0, 1)).all():
            raise ValueError("`roll` must be zeros and ones when no `threshold` is given")
        threshold = 0.5
    onset, sustain = threshold if isinstance(threshold, tuple) else (threshold, threshold)
    return roll[ONSET] > onset, roll[SUSTAIN] > sustain

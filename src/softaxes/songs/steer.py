"""How does a whole song move along a model's axes? Window by window, beside the true edit and its ceiling."""

from __future__ import annotations

from dataclasses import dataclass, replace

from softaxes.data.music.packed import window_rolls
from softaxes.data.music.rolls import N_PITCHES, texture_notes
from softaxes.data.music.song import Song
from softaxes.geometry.kinds import Rotation
from softaxes.model.model import Model
from softaxes.songs.codec import METRE, PITCH, decode_song, encode_song, grid_of, roll_notes
from softaxes.songs.tiling import Notes, sounding

MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class SteeredSong:
    """The notes that a steered song decodes to, beside those of the true edit, all on the model's grid.

    Attributes:
        before: the notes that the model encoded.
        notes: decode(op(z)), ``ceiling``: decode(f(true edit)), ``true_edit``: the true edit.
        windows, silent: how many windows, and how many without a sound.
    """

    before: Notes
    notes: Notes
    ceiling: Notes
    true_edit: Notes
    windows: int
    silent: int


def steer_song(model: Model, song: Song, *, pitch: int = 0, metre: int = 0) -> SteeredSong:
    """Steer every window of a song and decode it.

    Args:
        song: on the model's grid.
        pitch: semitones, positive is up.
        metre: steps by which the music moves against its bar lines, positive is later, whatever the metre. A rotation
            cannot tell a delay from the same less a period: up to half of it goes through the latent, whole periods
            are moved exactly.

    Raises:
        ValueError: a kind that the model does not know, no decoder, or a song on another grid.
    """
    for name in [name for name, amount in ((PITCH, pitch), (METRE, metre)) if amount]:
        _ = model.axes[name]  # an unknown kind is refused before anything is encoded
    if abs(pitch) >= N_PITCHES:
        raise ValueError(f"`pitch` must be less than {N_PITCHES} semitones, got {pitch}")
    if abs(metre) > MOST_STEPS:
        raise ValueError(f"`metre` must be at most {MOST_STEPS} steps, got {metre}")
    turn, periods = turn_and_periods(model, metre)
    encoded = texture_notes(song, grid_of(model).texture)
    if turn < 0 < periods:  # what would begin before the song comes back into it: silence in front holds it
        song, periods = _later(song, model.window_steps), periods - model.window_steps
    before = encode_song(model, song, delay_steps=turn, until_step=song.length_steps + max(turn, 0))
    moved = replace(before, z=model.steer(before.z, **{PITCH: pitch} if pitch else {}, **{METRE: turn} if turn else {}))
    rolls = window_rolls(
        shifted(texture_notes(song, grid_of(model).texture), pitch, turn), before.start, model.window_steps
    )
    ideal = replace(before, z=model.encode(rolls), sounds=sounding(rolls))
    return SteeredSong(
        before=encoded,
        notes=shifted(roll_notes(decode_song(model, moved, delay_steps=turn)), 0, periods),
        ceiling=shifted(roll_notes(decode_song(model, ideal)), 0, periods),
        true_edit=shifted(encoded, pitch, metre),
        windows=len(before),
        silent=int((~before.sounds).sum()),
    )


def turn_and_periods(model: Model, metre: int) -> tuple[int, int]:
    """A delay in steps as what is turned, from -half a period to half of it, and whole periods, in steps.

    Half a period either way is the same turn; it is read as it was asked for.
    """
    if not metre or not isinstance(kind := model.axes[METRE].kind, Rotation) or 2 * abs(metre) <= kind.period:
        return metre, 0
    periods = round(kind.period * round(metre / kind.period))
    return metre - periods, periods


def _later(song: Song, steps: int) -> Song:
    """The song after ``steps`` of silence."""
    meters = [(0, *song.meters[0][1:]), *((step + steps, n, d) for step, n, d in song.meters)]
    tempi = [(0, song.tempi[0][1]), *((step + steps, bpm) for step, bpm in song.tempi)]
    return replace(song, notes=shifted(song.notes, 0, steps), meters=tuple(meters), tempi=tuple(tempi))


def shifted(notes: Notes, semitones: int, steps: int) -> Notes:
    """Notes moved in pitch and time; those that leave MIDI's 0..127 or begin before step 0 are left out."""
    pitch, onset = notes["pitch"].astype(int) + semitones, notes["onset"].astype(int) + steps
    inside = (pitch >= 0) & (pitch < N_PITCHES) & (onset >= 0)
    moved = notes[inside].copy()
    moved["pitch"], moved["onset"] = pitch[inside], onset[inside]
    return moved

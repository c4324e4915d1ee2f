"""How does a whole song move along a model's axes? Window by window, beside the true edit and its ceiling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from softaxes.data.music.packed import window_rolls
from softaxes.data.music.rolls import N_PITCHES, texture_notes
from softaxes.data.music.song import Song
from softaxes.geometry.kinds import Circle
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
        odd_bars: bars (of ``bars``) whose length is not the model's.
    """

    before: Notes
    notes: Notes
    ceiling: Notes
    true_edit: Notes
    windows: int
    silent: int
    bars: int
    odd_bars: int


def steer_song(model: Model, song: Song, *, pitch: int = 0, metre: int = 0) -> SteeredSong:
    """Steer every window of a song and decode it.

    Args:
        song: on the model's grid.
        pitch: semitones, positive is up.
        metre: steps by which the music moves against its bar lines, positive is later. A circle cannot tell a delay
            from the same less a bar: up to half a bar goes through the latent, the rest moves by whole bars, exactly.

    Raises:
        ValueError: a kind that the model does not know, a metre that the model's circle does not fit, no decoder, or a
            song on another grid.
    """
    for name in [name for name, amount in ((PITCH, pitch), (METRE, metre)) if amount]:
        _ = model.axes[name]  # an unknown kind is refused before anything is encoded
    if abs(pitch) >= N_PITCHES:
        raise ValueError(f"`pitch` must be less than {N_PITCHES} semitones, got {pitch}")
    bars, odd = _bars(model, song)
    if metre:
        _check_metre(model, song, metre)
    turn, whole_bars = turn_and_bars(model, metre)
    encoded = texture_notes(song, grid_of(model).texture)
    if turn < 0 < whole_bars:  # what would begin before the song comes back into it: a bar of silence in front holds it
        song, whole_bars = _later(song, bar := int(grid_of(model).bar_steps)), whole_bars - bar
    before = encode_song(model, song, overlap=turn != 0, until_step=song.length_steps + max(turn, 0))
    moved = replace(before, z=model.steer(before.z, **{PITCH: pitch} if pitch else {}, **{METRE: turn} if turn else {}))
    rolls = window_rolls(
        shifted(texture_notes(song, grid_of(model).texture), pitch, turn), before.start, model.window_steps
    )
    ideal = replace(before, z=model.encode(rolls), sounds=sounding(rolls))
    return SteeredSong(
        before=encoded,
        notes=shifted(roll_notes(decode_song(model, moved, delay_steps=turn)), 0, whole_bars),
        ceiling=shifted(roll_notes(decode_song(model, ideal)), 0, whole_bars),
        true_edit=shifted(encoded, pitch, metre),
        windows=len(before),
        silent=int((~before.sounds).sum()),
        bars=bars,
        odd_bars=odd,
    )


def turn_and_bars(model: Model, metre: int) -> tuple[int, int]:
    """A delay in steps as what the circle turns, from -half a period to half of it, and whole periods, in steps.

    Half a period either way is the same turn; it is read as it was asked for.
    """
    if not metre or not isinstance(kind := model.axes[METRE].kind, Circle):
        return metre, 0
    if 2 * abs(metre) <= kind.period:
        return metre, 0
    bars = round(kind.period * round(metre / kind.period))
    return metre - bars, bars


def _later(song: Song, bar_steps: int) -> Song:
    """The song after a bar of silence."""
    meters = [(0, *song.meters[0][1:]), *((step + bar_steps, n, d) for step, n, d in song.meters)]
    tempi = [(0, song.tempi[0][1]), *((step + bar_steps, bpm) for step, bpm in song.tempi)]
    return replace(song, notes=shifted(song.notes, 0, bar_steps), meters=tuple(meters), tempi=tuple(tempi))


def shifted(notes: Notes, semitones: int, steps: int) -> Notes:
    """Notes moved in pitch and time; those that leave MIDI's 0..127 or begin before step 0 are left out."""
    pitch, onset = notes["pitch"].astype(int) + semitones, notes["onset"].astype(int) + steps
    inside = (pitch >= 0) & (pitch < N_PITCHES) & (onset >= 0)
    moved = notes[inside].copy()
    moved["pitch"], moved["onset"] = pitch[inside], onset[inside]
    return moved


def _bars(model: Model, song: Song) -> tuple[int, int]:
    lengths = song.bars()["steps"]
    return len(lengths), int((lengths != grid_of(model).bar_steps).sum())


def _check_metre(model: Model, song: Song, metre: int) -> None:
    """Whether the song's usual bar is the circle's turn, and the steps are no slip of the keyboard."""
    kind = model.axes[METRE].kind
    rows = Counter(song.bars()[["steps", "numerator", "denominator"]].tolist()).most_common(1)
    if rows and isinstance(kind, Circle) and rows[0][0][0] != kind.period:
        (steps, numerator, denominator), _ = rows[0]
        raise ValueError(
            f"`metre` turns in {kind.period:g} steps and cannot move bars of {numerator}/{denominator} ({steps} steps):"
            f" steer this song by pitch, or train a model on its metre"
        )
    if abs(metre) > MOST_STEPS:
        raise ValueError(f"`metre` must be at most {MOST_STEPS} steps, got {metre}")

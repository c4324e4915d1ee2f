"""What becomes of the events beside the notes when a song is steered? They go where the notes of their track go.

    controllers, bends, aftertouch, words   in time with their track's notes; words without notes with the melody
    key signatures                          in pitch, if all pitched tracks do; they stay in time, as metres do
    markers, system messages, ...           stay where they are

What a track begins with (at or before step 0) begins the moved track too. What is not kept is counted by its kind.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from softaxes.data.music.extras import KEY, LYRIC, META, NAME, NOWHERE, PROGRAM, TEXT, Extra, Extras
from softaxes.data.music.song import Song

ROUTING = (0x20, 0x21)  # metas that name a channel or a port: tracks are dealt to channels anew
POLYPHONIC = 0xA0  # aftertouch of one pitch
FIFTHS_A_SEMITONE, SHARPEST = 7, 6


class Moved(NamedTuple):
    """How a song was steered: semitones, steps, which tracks alone (None: all), and whether the others are gone."""

    pitch: int
    steps: int
    tracks: frozenset[int] | None
    dropped: bool

    def has(self, track: int) -> bool:
        """Whether a track moved."""
        return self.tracks is None or track in self.tracks


def move_extras(extras: Extras, edited: Song, moved: Moved) -> tuple[Extras, Counter[str]]:
    """The events that lie beside the edited song's notes, and how many of each kind are not kept."""
    pitched = [track for track in range(len(edited.tracks)) if not edited.tracks[track].is_drum]
    sounding = set(edited.notes["track"].tolist())
    all_move = all(moved.has(track) for track in pitched if track in sounding)
    kept, lost = list[Extra](), Counter[str]()
    named = False
    for event in extras.events:
        new: Extra | None = event
        if event.status == META and event.data[0] == NAME:  # of a chunk without notes: one names the piece
            new, named = (None if named else event), True
        elif event.status == META and event.data[0] == KEY:
            new = transposed_key(event, moved.pitch) if all_move or not moved.pitch else None
        elif not _is_held(event, extras.channels, moved):
            new = None
        elif event.status & 0xF0 == POLYPHONIC and event.track in pitched and moved.has(event.track):
            new = _transposed_touch(event, moved.pitch)
        new = new and _in_time(new, moved)
        if new is None:
            lost[event.kind] += 1
        else:
            kept.append(new)
    return Extras(tuple(kept), extras.channels), lost


def transposed_key(event: Extra, semitones: int) -> Extra:
    """A key signature moved in pitch, spelled with at most six sharps or flats where it moved."""
    if not semitones or len(event.data) < 3:
        return event
    sharps = int.from_bytes(event.data[2:3], signed=True) + FIFTHS_A_SEMITONE * semitones
    sharps = (sharps + SHARPEST - 1) % 12 - SHARPEST + 1
    return event._replace(data=event.data[:2] + sharps.to_bytes(1, signed=True) + event.data[3:])


def _is_held(event: Extra, channels: tuple[int, ...], moved: Moved) -> bool:
    """Whether a written file has a place for it."""
    if event.status == META:
        return event.data[0] not in ROUTING and not (
            moved.dropped and event.track != NOWHERE and not moved.has(event.track)
        )
    if event.status > 0xEF:
        return True
    if event.track == NOWHERE or (moved.dropped and not moved.has(event.track)):
        return False
    return event.status & 0xF0 != PROGRAM or bool(channels)


def _transposed_touch(event: Extra, semitones: int) -> Extra | None:
    pitch = event.data[0] + semitones
    return event._replace(data=bytes([pitch, *event.data[1:]])) if 0 <= pitch < 128 else None


def _in_time(event: Extra, moved: Moved) -> Extra | None:
    """The event beside its moved notes; None for a word that would begin before the song."""
    words = event.kind in (LYRIC, TEXT)
    beside = words or event.status < 0xF0
    goes = words if event.track == NOWHERE else moved.has(event.track)
    if not (beside and goes) or (event.at <= 0 and event.kind != LYRIC):
        return event
    at = event.at + moved.steps
    return None if words and at < 0 else event._replace(at=max(at, 0))

"""What does a MIDI file hold beside notes, tempi and metres? Pedals and other controllers, bends, keys, words, markers.

Nothing here is read as music. It is taken out of a file's bytes as it stands and put into those of another file beside
the same notes, so an event that this library knows nothing of is kept as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from softaxes.data.music.chunks import META, NOTE_ON, PROGRAM, Event, track_events, track_spans

NAME, TEMPO, METER, KEY, END = 0x03, 0x51, 0x58, 0x59, 0x2F
LYRIC, TEXT = "lyric", "text"
META_KINDS = {0x01: TEXT, 0x03: "track name", 0x05: LYRIC, 0x06: "marker", 0x07: "cue point", KEY: "key signature"}
CHANNEL_KINDS = {0xA0: "aftertouch", 0xB0: "controller", PROGRAM: "program change", 0xD0: "aftertouch"}
NOWHERE = -1  # the track of what belongs to no notes
Place = tuple[int, int]  # chunk and channel


class Extra(NamedTuple):
    """An event: ``at`` a tick or a step, beside the notes of ``track`` (`NOWHERE`: of none), its status and data."""

    at: int
    track: int
    status: int
    data: bytes

    @property
    def kind(self) -> str:
        """What musicians call it: "controller", "pitch bend", "lyric", "system message", ..."""
        if self.status == META:
            return META_KINDS.get(self.data[0], "other event")
        return CHANNEL_KINDS.get(self.status & 0xF0, "pitch bend" if self.status < 0xF0 else "system message")


class Extras(NamedTuple):
    """The events of a file, sorted by time, and the channel 0..15 of each track that has notes."""

    events: tuple[Extra, ...] = ()
    channels: tuple[int, ...] = ()


def extras_of(data: bytes) -> Extras:
    """Everything in a file but notes, tempi, metres, and the names of tracks that have notes; ``at`` in ticks.

    An event for a channel belongs to the notes of its chunk on that channel, else to the first of all notes on it; any
    other to the first notes of its chunk.

    Args:
        data: a file as `softaxes.data.music.chunks.plain_file` gives it.
    """
    chunks = [list(track_events(data, *span)) for span in track_spans(data)]
    places = sorted({(at, channel) for at, events in enumerate(chunks) for channel in _sounding(data, events)})
    track_of = {place: track for track, place in enumerate(places)}
    for track, (chunk, channel) in reversed(list(enumerate(places))):
        track_of[NOWHERE, channel] = track
        track_of[chunk, NOWHERE] = track
    found = []
    for chunk, events in enumerate(chunks):
        named = (chunk, NOWHERE) in track_of
        for event in events:
            extra = Extra(event.tick, _track(track_of, chunk, event), event.status, data[event.at : event.end])
            if not _is_read(extra, named):
                found.append(extra)
    return Extras(tuple(sorted(found, key=lambda extra: extra.at)), tuple(channel for _, channel in places))


def with_extras(data: bytes, extras: Iterable[Extra], channels: Sequence[int]) -> bytes:
    """A file as the MIDI library writes it, with these events (``at`` in ticks) beside its notes.

    The library's first chunk holds the tempi, metres and notes of the first track. Here they have a chunk of their own,
    which comes first, with the events that belong to no notes.
    """
    beside = defaultdict[int, list[Extra]](list)
    for extra in extras:
        beside[extra.track].append(extra)
    tracks = []
    maps = beside.pop(NOWHERE, [])
    for track, span in enumerate(track_spans(data)):
        own = [Extra(e.tick, track, e.status, data[e.at : e.end]) for e in track_events(data, *span)]
        maps += [event for event in own if _meta(event) in (TEMPO, METER)]
        own = [event for event in own if _meta(event) not in (TEMPO, METER)]
        tracks.append([_on_channel(event, channels[track]) for event in own + beside[track]])
    chunks = [_chunk(events) for events in (maps, *tracks)]
    return data[:10] + len(chunks).to_bytes(2, "big") + data[12:14] + b"".join(chunks)


def _chunk(events: list[Extra]) -> bytes:
    """A track chunk. At one tick: notes end, then what is no note, then notes begin."""
    body, now = bytearray(), 0
    for event in sorted(events, key=lambda event: (event.at, _turn(event))):
        if _meta(event) != END:
            body += _number(event.at - now) + bytes([event.status]) + event.data
            now = event.at
    body += b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def _on_channel(event: Extra, channel: int) -> Extra:
    return event._replace(status=event.status & 0xF0 | channel) if event.status < 0xF0 else event


def _turn(event: Extra) -> int:
    kind = event.status & 0xF0
    return 2 if kind == NOTE_ON and event.data[1] else 0 if kind in (0x80, NOTE_ON) else 1


def _meta(event: Extra) -> int:
    return event.data[0] if event.status == META else NOWHERE


def _is_read(event: Extra, named: bool) -> bool:
    """Whether a song holds it, or MIDI's own order does."""
    return event.status & 0xE0 == 0x80 or _meta(event) in (TEMPO, METER, END) or (named and _meta(event) == NAME)


def _track(track_of: dict[Place, int], chunk: int, event: Event) -> int:
    if event.status >= 0xF0:
        return track_of.get((chunk, NOWHERE), NOWHERE)
    channel = event.status & 0x0F
    return track_of.get((chunk, channel), track_of.get((NOWHERE, channel), NOWHERE))


def _sounding(data: bytes, events: list[Event]) -> set[int]:
    """The channels on which notes begin and end."""
    begun, ended = set[Place](), set[int]()
    for event in events:
        note = (event.status & 0x0F, data[event.at])
        if event.status & 0xF0 == NOTE_ON and data[event.at + 1]:
            begun.add(note)
        elif event.status & 0xE0 == 0x80 and note in begun:
            ended.add(note[0])
    return ended


def _number(value: int) -> bytes:
    """A number in bytes of seven bits, the last without its highest bit."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))

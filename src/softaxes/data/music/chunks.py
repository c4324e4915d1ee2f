"""What do the bytes of a MIDI file say that the MIDI library would not tell, or get wrong?

Headers that are longer than six bytes or promise fewer tracks than follow; metres over more than 2^7, which the library
takes for others; ticks beyond its 32 bits; and the channel of an event, without which a track whose program changes
falls into several. After the Standard MIDI Files specification 1.0 (1996).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

LAST_TICK = 2**31 - 1
META, NOTE_ON, PROGRAM = 0xFF, 0x90, 0xC0
TIME_SIGNATURE = re.compile(rb"(\xff\x58\x04.)[\x08-\xff]", re.DOTALL)


class Event(NamedTuple):
    """An event of a track: its tick, its status, where its data begin and end, and whether the status stands before."""

    tick: int
    status: int
    at: int
    end: int
    named: bool


def plain_file(data: bytes) -> bytes:
    """The file with a header of six bytes that tells how many tracks follow, and no metre that the library misreads.

    The last track may be cut: that is for the library to say.

    Raises:
        ValueError: no MIDI file, one of several songs, cut between two tracks, or with ticks that need over 31 bits.
    """
    if not data.startswith(b"MThd"[: max(1, len(data))]) and data:
        raise ValueError("not a MIDI file (it does not begin with MThd)")
    if len(data) < 14:
        raise ValueError("broken or cut short (no whole header)")
    length = max(int.from_bytes(data[4:8], "big"), 6)
    file_format, promised = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10))
    if file_format > 1:
        raise ValueError(
            f"MIDI of format {file_format} holds songs side by side, not one: save each as a file of its own"
        )
    held = len(track_spans(data, 8 + length))
    if held < promised:  # the library would read a file cut between two tracks as a whole one
        raise ValueError(f"broken or cut short (holds {held} of {promised} tracks)")
    header = b"MThd\0\0\0\6" + data[8:10] + held.to_bytes(2, "big") + data[12:14]
    plain = header + TIME_SIGNATURE.sub(rb"\g<1>" + b"\x08", data[8 + length :])  # 2^8: no metre, as for us
    if most_ticks(plain) > LAST_TICK and max(last_ticks(plain), default=0) > LAST_TICK:
        raise ValueError(f"broken (events beyond tick {LAST_TICK})")
    return plain


def one_program_a_channel(data: bytes) -> bytes:
    """The (plain) file with each track's channels kept to the program of their first note."""
    changed = bytearray(data)
    for begin, end in track_spans(data):
        now: dict[int, int] = {}  # the program of each channel so far, and at its first note
        first: dict[int, int] = {}
        changes: list[tuple[int, int]] = []
        for _, status, at, _, _ in track_events(data, begin, end):
            kind, channel = status & 0xF0, status & 0x0F
            if kind == PROGRAM and at < end:
                now[channel] = data[at]
                changes.append((channel, at))
            elif kind == NOTE_ON:
                first.setdefault(channel, now.get(channel, 0))
        for channel, at in changes:
            changed[at] = first.get(channel, data[at])
    return bytes(changed)


def track_spans(data: bytes, at: int = 14) -> list[tuple[int, int]]:
    """Where the events of each track chunk begin and end; the last one perhaps beyond the end of the file."""
    spans = []
    while len(data) >= at + 8:
        begin, kind = at + 8, data[at : at + 4]
        at = begin + int.from_bytes(data[at + 4 : begin], "big")
        if kind == b"MTrk":
            spans.append((begin, at))
    return spans


def track_events(data: bytes, begin: int, end: int) -> Iterator[Event]:
    """The events of one track in the order of the file; ends where the file does."""
    at, tick, status, end = begin, 0, 0, min(end, len(data))
    try:
        while at < end:
            delta, at = _number(data, at)
            tick += delta
            named = data[at] >= 0x80  # else the status of the event before holds on
            if named:
                status, at = data[at], at + 1
            begin = at
            if status >= 0xF0:
                length, at = _number(data, at + (status == META))
                at += length
            else:
                at += 1 if 0xC0 <= status < 0xE0 else 2
            yield Event(tick, status, begin, at, named)
    except IndexError:
        return


def last_ticks(data: bytes) -> Iterator[int]:
    """The tick of the last event of each track."""
    for begin, end in track_spans(data):
        yield max((event.tick for event in track_events(data, begin, end)), default=0)


def most_ticks(data: bytes) -> int:
    """A bound, had at once, on what any track's ticks can sum to: every byte taken for the end of a delta time."""
    values = np.frombuffer(data, dtype=np.uint8).astype(np.int64)
    long = values >= 0x80
    total, before = int(values[~long].sum()), ~long
    for back in range(1, 4):  # bytes of seven bits before the last
        before = before[1:] & long[: len(long) - back]
        total += int((values[: len(values) - back][before] & 0x7F).sum()) << (7 * back)
    return total


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in bytes of seven bits, and where the next thing begins."""
    value = 0
    while True:
        byte = data[at]
        value, at = value << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return value, at

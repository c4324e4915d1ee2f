"""MIDI files and notes made by hand, and slow twins that anyone believes. Shares no code with the library."""

from __future__ import annotations

import struct

import numpy as np

TEMPO, METER, NAME, END = 0x51, 0x58, 0x03, 0x2F


def varlen(value: int) -> bytes:
    """A number in MIDI's seven-bit groups."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | (value & 0x7F))
    return bytes(reversed(out))


def meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + varlen(len(data)) + data


def note_on(pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def note_off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


def midi_file(*tracks: list[tuple[int, bytes]], ticks: int = 480) -> bytes:
    """A MIDI file of tracks that are lists of (absolute tick, event), in order."""
    data = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), ticks)
    for events in tracks:
        body, now = b"", 0
        for tick, event in [*events, (max([t for t, _ in events], default=0), meta(END, b""))]:
            body += varlen(tick - now) + event
            now = tick
        data += b"MTrk" + struct.pack(">I", len(body)) + body
    return data


def slow_roll(rows: list[tuple[int, int, int]], length: int, start: int = 0) -> np.ndarray:
    """Roll of (onset, duration, pitch) rows, one cell at a time."""
    roll = np.zeros((2, 128, length), dtype=np.uint8)
    for onset, duration, pitch in rows:
        for step in range(onset, onset + duration):
            if 0 <= step - start < length:
                roll[1, pitch, step - start] = 1
                if step == onset:
                    roll[0, pitch, step - start] = 1
    return roll


def slow_notes(roll: np.ndarray, held: str) -> list[tuple[int, int, int]]:
    """(onset, duration, pitch) rows of a binary roll, walking along each pitch."""
    rows = []
    for pitch in range(128):
        began = None
        for step in range(roll.shape[2] + 1):
            inside = step < roll.shape[2]
            onset = inside and roll[0, pitch, step] == 1
            sounds = inside and (onset or roll[1, pitch, step] == 1)
            before = step > 0 and (roll[1, pitch, step - 1] == 1 or roll[0, pitch, step - 1] == 1)
            if began is not None and (onset or not sounds):
                rows.append((began, step - began, pitch))
                began = None
            starts = (held == "all" and not before) or (held == "entering" and step == 0)
            if onset or (sounds and began is None and starts):
                began = step
    return sorted(rows, key=lambda row: (row[0], row[2]))


def slow_unisons(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """One sounding note a pitch at a time: paint every pitch's line of time, then cut it at the onsets."""
    result = []
    for pitch in sorted({row[2] for row in rows}):
        mine = [row for row in rows if row[2] == pitch]
        sounding = {step for onset, duration, _ in mine for step in range(onset, onset + duration)}
        onsets = sorted({row[0] for row in mine})
        for onset in onsets:
            end = onset + 1
            while end in sounding and end not in onsets:
                end += 1
            result.append((onset, end - onset, pitch))
    return sorted(result, key=lambda row: (row[0], row[2]))


def rows_of(notes: np.ndarray) -> list[tuple[int, int, int]]:
    return [(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in notes]

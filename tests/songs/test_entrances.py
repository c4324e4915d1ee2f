"""One song of each sort through every entrance: all of them hear the same notes in the same bars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from softaxes.data.music import Song, iter_songs, read_song
from softaxes.data.music.pop909 import iter_pop909
from softaxes.data.music.regrid import read_both
from softaxes.explorer.library import Library
from softaxes.search.index.build import read_for_index
from tests.data.music.by_hand import METER, TEMPO, meta, midi_file, note_off, note_on

STEPS = 4


def notes(ticks: list[int], length: int, ticks_per_beat: int = 480) -> list[tuple[int, bytes]]:
    scale = ticks_per_beat / 480
    events = []
    for index, tick in enumerate(ticks):
        begin, end = round(tick * scale), round((tick + length) * scale)
        events += [(begin, note_on(60 + index % 7)), (end, note_off(60 + index % 7))]
    return sorted(events, key=lambda event: event[0])


def tempo(tick: int, bpm: float) -> tuple[int, bytes]:
    return tick, meta(TEMPO, round(60e6 / bpm).to_bytes(3, "big"))


def metre(tick: int, numerator: int, power: int) -> tuple[int, bytes]:
    return tick, meta(METER, bytes([numerator, power, 24, 8]))


def performed(folder: Path) -> None:
    """As POP909: beats that are no beats of the file, in a table beside it."""
    (folder / "001").mkdir()
    beats = 1.77 + np.cumsum(0.6 + 0.02 * np.sin(np.arange(40)))
    eighths = np.interp(np.arange(0, 30, 0.5), np.arange(40), beats)
    ticks = [round(t * 960) for t in eighths]
    (folder / "001" / "001.mid").write_bytes(midi_file([tempo(0, 120), metre(0, 1, 2)], notes(ticks, 200)))
    table = "".join(f"{s:.6f} 1.0 {float(k % 4 == 1)}\n" for k, s in enumerate(beats))
    (folder / "001" / "beat_midi.txt").write_text(table)


def score(folder: Path) -> None:
    """A waltz with a pickup of one quarter, and dotted rhythms."""
    ticks = [0, 480, 1200, 1440, *range(1920, 9600, 240)]
    (folder / "waltz.mid").write_bytes(midi_file([tempo(0, 90), metre(0, 1, 2), metre(480, 3, 2)], notes(ticks, 200)))


def late(folder: Path) -> None:
    """Played to a click that begins between two ticks of the grid."""
    (folder / "late.mid").write_bytes(midi_file([tempo(0, 100)], notes([70 + 240 * i for i in range(60)], 200)))


def fine_ticks(folder: Path) -> None:
    rows = notes([120 * i for i in range(80)], 100, 960)
    (folder / "fine.mid").write_bytes(midi_file([tempo(0, 100), metre(0, 6, 3)], rows, ticks=960))


def changing(folder: Path) -> None:
    """Tempo and metre change on the way."""
    marks = [tempo(0, 100), metre(0, 4, 2), tempo(1920, 140), metre(3840, 3, 2), metre(6720, 6, 3), tempo(7000, 70)]
    (folder / "changing.mid").write_bytes(midi_file(marks, notes([240 * i for i in range(70)], 240)))


SORTS = {f.__name__: f for f in (performed, score, late, fine_ticks, changing)}


def entrances(folder: Path) -> dict[str, Song]:
    """The song as training, steering, the index, the motif finder and the page have it."""
    (path,) = folder.rglob("*.mid")
    found: dict[str, Song] = {"reader": read_song(path, STEPS), "index": read_for_index(path, STEPS)}
    found["steer"] = read_both(path, STEPS)[1].song
    (read,) = iter_songs(folder, STEPS)
    assert isinstance(read[1], Song), read
    found["train"] = read[1]
    if path.parent.name == "001":
        (read,) = iter_pop909(folder, STEPS)
        found["pop909"] = read[1]  # type: ignore[assignment]
    library = Library(STEPS, folder=folder)
    found["page"], finer = library.open(library.entries()[0].id), library.finer(library.entries()[0].id)
    library.close()
    command = read_song(path, 24)
    assert finer.notes.tolist() == command.notes.tolist() and finer.meters == command.meters
    assert np.abs(command.notes["onset"] / 24 - found["reader"].notes["onset"] / STEPS).max() <= 0.5 / STEPS
    assert (command.bars()["start"] / 24).tolist() == (found["reader"].bars()["start"] / STEPS).tolist()
    return found


@pytest.mark.parametrize("sort", SORTS)
def test_every_entrance_hears_the_same_notes_in_the_same_bars(sort: str, tmp_path: Path) -> None:
    make: Callable[[Path], None] = SORTS[sort]
    make(tmp_path)
    found = entrances(tmp_path)
    first = found.pop("reader")
    for name, song in found.items():
        assert song.notes.tolist() == first.notes.tolist(), name
        assert song.meters == first.meters, name
        assert song.bars().tolist() == first.bars().tolist(), name
    assert first.counts.off_grid < 0.05

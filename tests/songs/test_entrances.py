"""One song of each sort through every entrance: all of them hear the same notes in the same bars."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from softaxes.commands import cli
from softaxes.data.music import Song, load_corpus, melody, read_song, write_song
from softaxes.data.music.manifest import Skipped
from softaxes.explorer.library import Library
from softaxes.search.index.build import update_index
from softaxes.search.index.store import Index
from softaxes.songs.codec import cut_song, grid_of
from softaxes.songs.folder import read_windows
from softaxes.songs.steer_file import steer_file
from tests.data.music.by_hand import METER, TEMPO, meta, midi_file, note_off, note_on
from tests.search.worlds import model_by_hand
from tests.songs.song_models import Perfect

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
    (folder / "late.mid").write_bytes(midi_file([tempo(0, 100)], notes([50 + 240 * i for i in range(60)], 200)))


def fine_ticks(folder: Path) -> None:
    rows = notes([120 * i for i in range(80)], 100, 960)
    (folder / "fine.mid").write_bytes(midi_file([tempo(0, 100), metre(0, 6, 3)], rows, ticks=960))


def changing(folder: Path) -> None:
    """Tempo and metre change on the way."""
    marks = [tempo(0, 100), metre(0, 4, 2), tempo(1920, 140), metre(3840, 3, 2), metre(6720, 6, 3), tempo(7000, 70)]
    (folder / "changing.mid").write_bytes(midi_file(marks, notes([240 * i for i in range(70)], 240)))


def free(folder: Path) -> None:
    """A performance without a table of beats: on its ticks as they are, and off them."""
    rng = np.random.default_rng(5)
    (folder / "free.mid").write_bytes(midi_file(notes(np.cumsum(rng.integers(90, 500, 60)).tolist(), 80)))


SORTS = {f.__name__: f for f in (performed, score, late, fine_ticks, changing, free)}
PLACES = {  # bar:beat of the first note, and of the last
    "performed": ("0:4", "8:1.5"),  # a beat before the first downbeat of four
    "score": ("0:3", "7:1.5"),
    "late": ("1:1", "8:2.5"),
    "fine_ticks": ("1:1", "7:4.5"),
    "changing": ("1:1", "11:6"),
}


def entrances(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Song]:
    """The song as training, steering, encoding, the index and the page have it, on the models' grid."""
    (path,) = folder.rglob("*.mid")
    found = {"reader": read_song(path, STEPS), "steer": steer_file(Perfect(), path).on_grid.song}
    found["train"] = load_corpus("folder", folder, steps_per_beat=STEPS).songs[0]
    if path.parent.name == "001":
        found["pop909"] = load_corpus("pop909", folder, steps_per_beat=STEPS).songs[0]
    update_index(folder, model_by_hand(), folder / "index")
    found["index"] = Index.open(folder / "index").segments[0].song(0, STEPS)
    library = Library(STEPS, folder=folder)
    found["page"] = library.open(library.entries()[0].id)
    found["finer page"] = library.finer(library.entries()[0].id)
    library.close()
    encoded = read_windows(folder, path.relative_to(folder).as_posix(), grid_of(Perfect()), 32)
    assert not isinstance(encoded, Skipped)
    _, start, rolls = cut_song(found["reader"], "melody", 32)
    assert encoded[0].tolist() == start.tolist() and (encoded[1] == rolls).all(), "encode"
    assert cli.main(["motifs", "find", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["notes"], said["bars"]) == (len(found["reader"].notes), len(found["reader"].bars())), "find"
    return found


@pytest.mark.parametrize("sort", SORTS)
def test_every_entrance_hears_the_same_notes_in_the_same_bars(
    sort: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SORTS[sort](tmp_path)
    found = entrances(tmp_path, capsys)
    first, finer = found.pop("reader"), found.pop("finer page")
    fields = ["onset", "duration", "pitch"]
    for name, song in found.items():
        heard = melody(first) if name == "index" else first.notes
        assert song.notes[fields].tolist() == heard[fields].tolist(), name
        assert song.bars().tolist() == first.bars().tolist() and song.meters == first.meters, name
    onset = first.notes["onset"]
    assert np.abs(finer.notes["onset"] / finer.steps_per_beat - onset / STEPS).max() <= 0.5 / STEPS
    assert (finer.bars()["start"] / finer.steps_per_beat).tolist() == (first.bars()["start"] / STEPS).tolist()
    if sort != "free":
        assert (first.place(int(onset[0])), first.place(int(onset[-1]))) == PLACES[sort]
        step = finer.notes["onset"]
        assert (finer.place(int(step[0])), finer.place(int(step[-1]))) == PLACES[sort]
    assert (first.counts.off_grid > 0.125) == (sort == "free")


@pytest.mark.parametrize("sort", SORTS)
def test_what_steer_writes_beside_its_source_is_read_where_it_was(sort: str, tmp_path: Path) -> None:
    SORTS[sort](tmp_path)
    (path,) = tmp_path.rglob("*.mid")
    write_song(steer_file(Perfect(), path, pitch=2).edited, path.with_name("up.mid"))
    source, steered = read_song(path, STEPS), read_song(path.with_name("up.mid"), STEPS)
    assert steered.notes["onset"].tolist() == source.notes["onset"].tolist()
    assert steered.notes["pitch"].tolist() == (source.notes["pitch"] + 2).tolist()
    assert [steered.place(int(s)) for s in steered.notes["onset"]] == [
        source.place(int(s)) for s in source.notes["onset"]
    ]


def test_a_table_of_another_song_is_said_and_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    performed(tmp_path)
    path = tmp_path / "001" / "001.mid"
    (tmp_path / "001" / "beat_midi.txt").write_text("".join(f"{0.2 * k} 1.0 {float(k % 4 == 0)}\n" for k in range(50)))
    assert "does not fit it" in steer_file(Perfect(), path).line
    assert cli.main(["motifs", "find", str(path), "--json"]) == 0
    assert "1 of 1 songs lie beside a beat_midi.txt that does not fit them" in capsys.readouterr().err

"""Songs of a folder and nothing else; files that are broken, huge, or kill their reader."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softaxes.data.music import Limits, Song, note_array, read_song, write_song
from softaxes.data.music.manifest import NOWHERE
from softaxes.explorer.library import DROPPED_SONGS, FINER_STEPS, Library, NoSuchSong, clean_name
from softaxes.explorer.reader import Reader
from softaxes.songs.motifs import STEPS_PER_BEAT


@pytest.fixture
def library(folder: Path) -> Library:
    made = Library(4, folder=folder)
    yield made  # type: ignore[misc]
    made.close()


@pytest.fixture(scope="module")
def reader() -> Reader:
    made = Reader()
    yield made  # type: ignore[misc]
    made.close()


@pytest.fixture
def midi(folder: Path) -> bytes:
    return (folder / "first.mid").read_bytes()


def test_songs_of_the_folder_are_listed_and_open(library: Library) -> None:
    assert [entry.name for entry in library.entries()] == ["first", "more/sécond song", "third"]
    for entry in library.entries():
        assert len(library.open(entry.id).notes) > 20


@pytest.mark.parametrize("name", ["../secret.mid", "/etc/passwd", "more/../first.mid", "", "first", "FIRST.mid"])
def test_only_listed_names_open(library: Library, name: str) -> None:
    for id in (f"folder:{name}", name, f"tunes:{name}", f"dropped:{name}"):
        with pytest.raises(NoSuchSong):
            library.open(id)


def test_links_out_of_the_folder_are_neither_listed_nor_served(folder: Path, tmp_path: Path, midi: bytes) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.mid").write_bytes(midi)
    (inside / "plain.mid").write_bytes(midi)
    (inside / "link.mid").symlink_to(outside / "secret.mid")
    (inside / "within.mid").symlink_to(inside / "plain.mid")
    (inside / "folder").symlink_to(outside)
    library = Library(4, folder=inside)
    assert [entry.name for entry in library.entries()] == ["plain", "within"]
    (inside / "plain.mid").unlink()
    (inside / "plain.mid").symlink_to(outside / "secret.mid")  # swapped after it was listed
    with pytest.raises(NoSuchSong, match="no longer in the folder"):
        library.open("folder:plain.mid")
    library.close()


def test_a_dropped_file_has_the_same_id_everywhere(library: Library, midi: bytes, folder: Path) -> None:
    other = Library(4, folder=folder)
    entry = library.drop(midi, "C:\\music\\my tune.mid")
    assert entry == other.drop(midi, "elsewhere/my tune.mid")
    assert entry.name == "my tune"
    assert library.entries()[0] == entry
    other.close()
    assert entry not in other.entries()  # nothing stays


def test_the_oldest_dropped_files_are_forgotten(library: Library, midi: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    song = library.open("folder:first.mid")
    monkeypatch.setattr(library.reader, "read", lambda *_: song)
    first = library.drop(midi + b"0", "a")
    for number in range(1, DROPPED_SONGS + 1):
        library.drop(midi + b"%d" % number, "a")
    assert len(library.dropped) == DROPPED_SONGS
    with pytest.raises(NoSuchSong, match="drop it again"):
        library.open(first.id)


@given(data=st.binary(max_size=200), header=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_reader(reader: Reader, data: bytes, header: bool) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        reader.read(b"MThd" * header + data, "x", 4)


@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_no_damage_breaks_the_reader(reader: Reader, folder: Path, at: int, byte: int) -> None:
    data = bytearray((folder / "first.mid").read_bytes())
    data[at % len(data)] = byte
    try:
        assert len(reader.read(bytes(data), "x", 4).notes)
    except ValueError as error:
        assert "\n" not in str(error)


def test_a_reader_that_dies_costs_one_file(midi: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    reader.read(midi, "x", 4)
    assert reader._process is not None and reader._process.pid is not None
    os.kill(reader._process.pid, signal.SIGSTOP)  # alive but stuck, then killed while the file waits
    monkeypatch.setattr(reader, "seconds", 0.2)
    with pytest.raises(ValueError, match="not read within"):
        reader.read(midi, "x", 4)
    monkeypatch.undo()
    assert len(reader.read(midi, "x", 4).notes)
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.join()
    assert len(reader.read(midi, "x", 4).notes)
    reader.close()


def test_a_reader_that_crashes_on_a_file_says_so(midi: bytes) -> None:
    reader = Reader()
    reader.read(midi, "x", 4)
    pipe = reader._pipe
    assert pipe is not None
    pipe.send("not four things")  # the worker's own bug: it ends with a TypeError
    with pytest.raises(ValueError, match="made its reader crash"):
        reader.read(midi, "x", 4)
    assert len(reader.read(midi, "x", 4).notes)
    reader.close()


@pytest.mark.parametrize(
    ("limits", "message"),
    [(Limits(bytes=50), "limit of 50"), (Limits(notes=3), "limit of 3"), (Limits(steps=8), "limit of 8")],
)
def test_limits(reader: Reader, midi: bytes, limits: Limits, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reader.read(midi, "x", 4, limits)


@pytest.mark.parametrize(
    ("name", "clean"),
    [("a.mid", "a"), ("../../etc/passwd", "passwd"), ("x\n\x00y.mid", "xy"), ("", "untitled"), ("z" * 300, "z" * 80)],
)
def test_names_are_cleaned(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_no_such_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        Library(4, folder=tmp_path / "none")


def test_a_reader_that_cannot_start_is_told_and_tried_again(midi: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()

    class Never:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise OSError("no process")

    with monkeypatch.context() as patched:
        patched.setattr("multiprocessing.context.SpawnContext.Process", Never)
        for _ in range(2):
            with pytest.raises(OSError, match="no process"):
                reader.read(midi, "x", 4)
    assert len(reader.read(midi, "x", 4).notes)
    reader.close()


def test_what_is_in_memory_is_given_at_once(library: Library, midi: bytes) -> None:
    assert library.in_memory("folder:first.mid") is None
    song = library.open("folder:first.mid")
    assert library.in_memory("folder:first.mid") is song
    assert library.in_memory("first.mid") is None  # no id
    dropped = library.drop(midi, "mine.mid")
    assert library.in_memory(dropped.id) is library.open(dropped.id)


def test_a_song_can_be_had_as_the_motif_command_reads_it(library: Library, folder: Path, midi: bytes) -> None:
    assert FINER_STEPS == STEPS_PER_BEAT
    wanted = read_song(folder / "first.mid", STEPS_PER_BEAT)
    entry = library.drop(midi, "mine.mid")
    for id in ("folder:first.mid", entry.id):
        finer = library.finer(id)
        assert finer.steps_per_beat == STEPS_PER_BEAT and (finer.notes == wanted.notes).all()
    library.close()
    for id in ("folder:../first.mid", entry.id):  # forgotten with what was dropped
        with pytest.raises(NoSuchSong):
            library.finer(id)


def test_a_tune_without_a_file_is_taken_as_it_is(library: Library) -> None:
    tune = library.open("folder:first.mid")
    library.tunes["tunes:book#1"] = tune
    assert library.finer("tunes:book#1") is tune


def test_a_name_that_is_no_utf_8_can_be_listed_and_opened(tmp_path: Path) -> None:
    write_song(Song("x", note_array([(0, 4, 60)])), tmp_path / "fine.mid")
    (tmp_path / "fine.mid").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.mid"))
    library = Library(4, folder=tmp_path)
    (entry,) = library.entries()
    json.dumps([entry], ensure_ascii=False).encode()
    assert entry.id == "folder:%E9t%E9.mid"
    assert len(library.open(entry.id).notes) == 1 and library.stamp(entry.id) != NOWHERE
    library.close()

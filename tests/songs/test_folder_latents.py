"""``softaxes encode``: latents of a folder, whole or gone on with, what was skipped listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from softaxes.commands import cli
from softaxes.commands import encode as command
from softaxes.data.files import one_writer
from softaxes.data.music import NOTE_DTYPE, Song, Track, read_song, write_song
from softaxes.data.music.folders import find_files
from softaxes.data.music.manifest import reading_remarks
from softaxes.model.checkpoint import save_model
from softaxes.model.model import Model
from softaxes.songs import folder as encoding
from softaxes.songs.codec import encode_song
from softaxes.songs.coded import CodedFolder
from softaxes.songs.folder import encode_files, read_latents
from softaxes.training.interrupt import Interrupted
from tests.data.music.by_hand import midi_file, note_off, note_on
from tests.songs.song_models import small_model

DRUMS = midi_file([(0, note_on(36, channel=9)), (480, note_off(36, channel=9))])


def tune(number: int, bars: int) -> Song:
    rng = np.random.default_rng(number)
    rows = [(240 * at, 240, int(rng.integers(50, 80)), 80, 0) for at in range(8 * bars)]
    return Song(f"tune {number}", np.array(rows, dtype=NOTE_DTYPE), (Track("MELODY"),), 480)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven songs of 1 to 7 bars, two levels deep, and three files that give none."""
    where = tmp_path / "songs"
    (where / "more of them").mkdir(parents=True)
    for number in range(1, 8):
        write_song(tune(number, number), where / ("more of them" if number % 2 else "") / f"{number}.mid")
    (where / "0 cut.mid").write_bytes((where / "2.mid").read_bytes()[:-20])
    (where / "5 empty.mid").write_bytes(b"")
    (where / "6 drums.mid").write_bytes(DRUMS)
    return where


def check(model: Model, folder: Path, out: Path, precision: str = "fp32") -> None:
    """Every song's latents are what encoding it alone gives."""
    songs = list(read_latents(out))
    assert [song.name for song in songs] == [
        "2.mid", "4.mid", "6.mid", *(f"more of them/{n}.mid" for n in (1, 3, 5, 7))
    ]  # fmt: skip
    for song in songs:
        alone = encode_song(model, read_song(folder / song.name))
        assert song.start.tolist() == alone.start.tolist()
        assert song.z.dtype == np.float32
        assert np.allclose(song.z, alone.z, atol=1e-5 if precision == "fp32" else 0.1)


@pytest.mark.parametrize("size", [1, 4, 64])
def test_every_song_is_encoded_whatever_the_shards(folder: Path, tmp_path: Path, size: int) -> None:
    model = small_model()
    latents = encode_files(model, folder, tmp_path / "out", files_a_shard=size)
    assert all(len(segment.record.songs) <= size for segment in latents.segments)
    check(model, folder, tmp_path / "out")
    assert [(row.file, row.reason.split(":")[0].split(" (")[0]) for row in latents.manifest.refused] == [
        ("0 cut.mid", "broken or cut short"),
        ("5 empty.mid", "the file is empty"),
        ("6 drums.mid", "no notes that this model hears"),
    ]
    assert (len(latents.manifest.songs()), latents.windows) == (7, sum([1, 1, 2, 2, 3, 3, 4]))
    arrays = [np.load(path) for path in (tmp_path / "out").glob("*.latents.npy")]
    assert sum(map(len, arrays)) == latents.windows and {a.dtype for a in arrays} == {np.dtype(np.float32)}


def test_batches_wait_for_each_other_and_split(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "PENDING_WINDOWS", 3)
    model, sizes = small_model(), []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda rolls, **how: sizes.append(len(rolls)) or encode(rolls, **how))
    encode_files(model, folder, tmp_path / "out")
    assert sizes == [3, 3, 3, 3, 4]
    monkeypatch.undo()
    check(model, folder, tmp_path / "out")


def test_bf16_is_near_and_told_in_the_settings(folder: Path, tmp_path: Path) -> None:
    model = small_model()
    encode_files(model, folder, tmp_path / "out", precision="bf16")
    check(model, folder, tmp_path / "out", "bf16")
    exact = encode_song(model, read_song(folder / "2.mid")).z.numpy()
    assert not np.array_equal(next(read_latents(tmp_path / "out")).z, exact)
    with pytest.raises(ValueError, match=r"other settings \(precision\)"):
        encode_files(model, folder, tmp_path / "out")


@pytest.mark.parametrize("dies_after", [0, 1, 4, 6])
def test_a_run_that_is_stopped_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    model, out, read, calls = small_model(), tmp_path / "out", encoding.read_windows, [0]

    def stops(*arguments: object) -> object:
        calls[0] += 1
        if calls[0] > dies_after:
            raise KeyboardInterrupt
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(encoding, "read_windows", stops)
    with pytest.raises(Interrupted, match=r"stopped after \d+ of 10 files; the same command goes on"):
        encode_files(model, folder, out, files_a_shard=2)
    with pytest.raises(ValueError, match="holds no finished latents"):
        list(read_latents(out))
    done = CodedFolder.open(out).manifest
    known = len(done.songs()) + len(done.refused)
    assert known >= dies_after - 2
    calls[0] = -99
    encode_files(model, folder, out, files_a_shard=2)
    assert calls[0] == -99 + 10 - known  # what was done is not read again
    check(model, folder, out)


def test_a_run_that_is_killed_between_two_writes_goes_on(folder: Path, tmp_path: Path) -> None:
    model, out = small_model(), tmp_path / "out"
    encode_files(model, folder, out, files_a_shard=3)
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "0123456789abcdef.latents.npy").write_bytes(b"an array that no manifest names yet")
    (out / ".shard-00003.npy.partial").write_bytes(b"half")
    encode_files(model, folder, out, files_a_shard=3)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole, "what a killed run left is gone"


def test_other_latents_are_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    encode_files(small_model(), folder, out)
    other = small_model()
    torch.nn.init.ones_(other.encoder.head.bias)
    with pytest.raises(ValueError, match=r"\(latents\) was made with other settings \(encoder\)"):
        encode_files(other, folder, out)
    write_song(tune(9, 1), folder / "9.mid")
    latents = encode_files(small_model(), folder, out)
    assert "9.mid" in latents.manifest.alive(), "a new file is taken in"
    with pytest.raises(ValueError, match=r"not empty and holds no latents"):
        encode_files(small_model(), folder, folder)
    with pytest.raises(ValueError, match=r"is a file, not the folder of latents"):
        encode_files(small_model(), folder, folder / "2.mid")


@pytest.mark.parametrize("precision", ["fp16", ""])
def test_settings_out_of_range(folder: Path, tmp_path: Path, precision: str) -> None:
    with pytest.raises(ValueError, match="`shard` must be >= 1 file, got 0"):
        encode_files(small_model(), folder, tmp_path / "out", files_a_shard=0)
    with pytest.raises(ValueError, match="`precision` must be one of fp32, bf16"):
        encode_files(small_model(), folder, tmp_path / "out", precision=precision)  # type: ignore[arg-type]


def test_the_command_tells_what_it_skipped(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(small_model(), tmp_path / "m.safetensors")
    words = ["encode", str(folder), "--out", str(tmp_path / "out"), "--model", str(tmp_path / "m.safetensors")]
    assert cli.main(words) == 0
    heard = capsys.readouterr()
    assert heard.out.startswith("7 songs, 16 windows, 3 files skipped, ")
    assert "skipped 6 drums.mid: no notes that this model hears" in heard.err
    assert "10/10" in heard.err
    assert cli.main([*words, "--no-progress"]) == 0
    assert "10/10" not in capsys.readouterr().err
    check(small_model(), folder, tmp_path / "out")


def test_a_dead_link_is_skipped_with_its_reason(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "9 dead.mid").symlink_to(tmp_path / "nowhere.mid")
    save_model(small_model(), tmp_path / "m.safetensors")
    words = ["encode", str(folder), "--out", str(tmp_path / "out"), "--model", str(tmp_path / "m.safetensors")]
    assert cli.main(words) == 0
    heard = capsys.readouterr()
    assert heard.out.startswith("7 songs, 16 windows, 4 files skipped, ")
    assert "skipped 9 dead.mid" in heard.err


def test_only_some_of_many_skipped_files_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "LISTED", 2)
    monkeypatch.setattr(command, "load", lambda name: small_model())
    command.encode_folder(folder, out=tmp_path / "out", progress=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("... and 1 more, see")


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda path: None, "no such folder"), (lambda path: path.mkdir(), r"holds no MIDI files \(\.mid, \.midi\)")],
)
def test_folders_without_music(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "none")  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        encode_files(small_model(), tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_bad_files_gives_empty_latents(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.mid").write_bytes(b"bad")
    latents = encode_files(small_model(), tmp_path / "in", tmp_path / "out")
    assert (latents.manifest.songs(), len(latents.manifest.refused)) == ([], 1)
    assert list(read_latents(tmp_path / "out")) == []


def test_arrays_that_do_not_fit_the_manifest_are_told(folder: Path, tmp_path: Path) -> None:
    encode_files(small_model(), folder, tmp_path / "out")
    (array,) = (tmp_path / "out").glob("*.latents.npy")
    np.save(array, np.zeros((3, 12), dtype=np.float32))
    with pytest.raises(ValueError, match=rf"damaged: {array.name} has other rows than its manifest"):
        list(read_latents(tmp_path / "out"))


def test_what_has_changed_is_encoded_anew_whatever_its_size_and_time(folder: Path, tmp_path: Path) -> None:
    """A transposition keeps a file's size; its time may be set back."""
    model, out, path = small_model(), tmp_path / "out", folder / "2.mid"
    encode_files(model, folder, out, files_a_shard=2)
    old, stat = path.read_bytes(), path.stat()
    before = {song.name: np.array(song.z) for song in read_latents(out)}
    song = read_song(path)
    write_song(song.transposed(5), path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert len(path.read_bytes()) == len(old) and path.read_bytes() != old
    encode_files(model, folder, out, files_a_shard=2)
    after = {song.name: np.array(song.z) for song in read_latents(out)}
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"2.mid"}


def test_two_processes_do_not_write_one_folder(folder: Path, tmp_path: Path) -> None:
    with one_writer(tmp_path / "out"), pytest.raises(OSError, match="another process is writing into"):
        encode_files(small_model(), folder, tmp_path / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "private").mkdir(mode=0)
    latents = encode_files(small_model(), folder, tmp_path / "out")
    assert ("private/", "permission denied") in [(row.file, row.reason) for row in latents.manifest.refused]


def test_an_unreadable_folder_stands_in_the_list_under_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(top: Path, onerror: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
        yield str(top), ["private"], ["a.mid"]
        onerror(PermissionError(13, "Permission denied", str(top / "private")))

    monkeypatch.setattr(os, "walk", walk)
    assert find_files(folder) == ["a.mid", "private/"]


def test_performances_are_counted(folder: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    notes = np.sort(rng.integers(0, 480 * 40, 60))
    performed = midi_file(
        sorted((int(t) + d, event) for t in notes for d, event in ((0, note_on(60)), (30, note_off(60))))
    )
    (folder / "played.mid").write_bytes(performed)
    latents = encode_files(small_model(), folder, tmp_path / "out")
    assert sum(song.off_grid for song in latents.manifest.songs()) == 1
    assert reading_remarks(7, 1, 0)[0].startswith("1 of 7 songs lie off the grid") and reading_remarks(7, 0, 0) == []


def test_names_with_brackets_stand_beside_the_bar_as_they_are(folder: Path, tmp_path: Path) -> None:
    """They were taken for markup, and `[/b]` ended the command with a traceback."""
    for name, odd in (("2.mid", "a [red] b [b].mid"), ("4.mid", "[x.mid"), ("6.mid", "c[/b].mid")):
        (folder / "x" / odd).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / "x" / odd)
    assert encode_files(small_model(), folder, tmp_path / "out", progress=True).windows == 16


def test_no_bar_is_shown_for_what_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="holds no latents"):
        encode_files(small_model(), folder, folder, progress=True)
    assert capsys.readouterr().err == ""

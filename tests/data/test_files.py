"""Outputs never write over what is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from softaxes.data.files import check_outputs, open_folder, write_text


@pytest.mark.parametrize("which", [0, 1])
def test_no_output_may_be_any_of_the_inputs(which: int, tmp_path: Path) -> None:
    inputs = [tmp_path / "a.mid", tmp_path / "b.mid"]
    for path in inputs:
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="`out` must not be the song itself"):
        check_outputs(inputs, {"out": inputs[which]})


def test_two_outputs_may_not_be_one_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`picture` must not be `out` as well"):
        check_outputs([], {"out": tmp_path / "x", "picture": tmp_path / "x"})


def test_a_link_is_written_through(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink() and real.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.txt", "real.txt"]


def test_a_pipe_or_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    """Renaming a file over /dev/stdout or a pipe would take it away from everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "to whom it may concern")
    assert os.read(reader, 100) == b"to whom it may concern" and pipe.is_fifo()
    os.close(reader)
    write_text(os.devnull, "nothing")
    assert not Path(os.devnull).is_file()


def test_a_name_as_long_as_the_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "long")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_folder_of_other_hidden_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(ValueError, match="is not empty and holds no run"):
        open_folder(tmp_path, "config.json", {}, "a run")
    (tmp_path / ".git").rmdir()
    (tmp_path / ".x.1.partial").write_bytes(b"half")
    open_folder(tmp_path, "config.json", {}, "a run")

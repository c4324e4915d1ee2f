"""Outputs never write over what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.data.files import check_outputs


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

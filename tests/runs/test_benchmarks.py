"""The benchmark of whole folders runs on what the library is today."""

from __future__ import annotations

from pathlib import Path

import softaxes as sa
from benchmarks import songs


def test_a_folder_is_encoded_and_counted(tmp_path: Path) -> None:
    songs.made_up(tmp_path, 2)
    figures = songs.folder_figures(sa.load("melody"), tmp_path, "fp32")
    assert figures["songs"] == 2 and figures["windows"] >= 2 * 30  # 60 bars and more, two to a window
    assert figures["seconds_a_thousand"] > 0 and figures["peak_gb"] > 0

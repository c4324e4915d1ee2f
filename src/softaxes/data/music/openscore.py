"""Who wrote the songs and quartets of OpenScore? Art songs with piano and string quartets as MIDI from MusicXML (CC0).

The folder holds ``lieder`` and ``quartets``, or one of them. A file is called after the composer, surname first, then
the opus or cycle and the piece, all joined by underscores: ``Schubert_Franz_Winterreise_D.911_5_Der_Lindenbaum.mid``.
Nothing parts the composer from the rest, so the *composer* is the first two parts of the name (``Schubert_Franz``);
further Christian names do not matter, and namesakes in these would be held for one, which a split can bear.

The notes are as written: no repeats are played and nothing is performed. The files say metres but no pickup: a song
that begins with one has its bar lines too early by the pickup's length throughout (see `Windows.step`).
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from softaxes.data.music.folders import check_folder, find_files

PARTS = ("lieder", "quartets")


def openscore_folder(folder: str | os.PathLike[str] | None) -> Path:
    """The folder that holds lieder/ or quartets/; ValueError (one line) if there is none."""
    root = check_folder(folder, "openscore")
    for candidate in (root, root / "openscore"):
        if any((candidate / part).is_dir() for part in PARTS):
            return candidate
    raise ValueError(f"{root}: holds no OpenScore music (folders lieder and quartets)")


def score_files(root: Path) -> list[str]:
    """Names of the files below lieder/ and quartets/, relative to ``root``, sorted."""
    return [f"{part}/{name}" for part in PARTS if (root / part).is_dir() for name in find_files(root / part)]


def composer(name: str) -> str:
    """``"lieder/Schubert_Franz_Winterreise_D.911_5_Der_Lindenbaum.mid"`` -> ``"Schubert_Franz"``."""
    return "_".join(PurePosixPath(name).name.split("_")[:2])

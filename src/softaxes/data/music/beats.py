"""Where do the beats of a performance fall? A table of beats that lies beside a MIDI file, as POP909 has them.

A row of ``beat_midi.txt`` holds seconds, whether it is a beat of weight, and whether it is a downbeat.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BEATS_FILE = "beat_midi.txt"
MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class Beats:
    """Where a performance's beats fall: ``seconds`` (n,) rising, n >= 2, and whether each begins a bar (n,)."""

    seconds: NDArray[np.float64]
    is_downbeat: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n, flags = len(self.seconds), len(self.is_downbeat)
        if n < 2 or n != flags or not np.isfinite(self.seconds).all() or np.diff(self.seconds).min() <= 0:
            raise ValueError(f"`seconds` must be two or more rising times with a flag each, got {n} with {flags} flags")


def read_beats(path: str | os.PathLike[str]) -> Beats:
    """Read a beat_midi.txt: beat times in seconds and downbeats. ValueError (one line) if it is not one."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        rows = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        return Beats(np.array([float(row[0]) for row in rows]), np.array([float(row[2]) > 0 for row in rows]))
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{path}: not a table of beats ({' '.join(str(error).split())})") from None


def beats_beside(path: str | os.PathLike[str]) -> Beats | None:
    """The beats that lie in a file's own folder, None where there are none; ValueError as `read_beats`."""
    beats = Path(path).parent / BEATS_FILE
    return read_beats(beats) if beats.is_file() else None

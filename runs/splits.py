"""How much music does a run learn from and is it judged on? Songs by side of the split, and those that have a window.

    python runs/splits.py [--pop909 FOLDER] [--json FILE]

A song has no window where its bars do not add up to the model's: tunes in 6/8 or 3/4 have none of 32 sixteenths in two
bars. Seeds 0, 1, 2; half a minute of one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MusicData, load_music

SEEDS = (0, 1, 2)


def counts(data: MusicData) -> dict[str, dict[str, int]]:
    """{side: {songs, songs_with_windows, windows}}, and the corpus as a whole."""
    found = {"corpus": {"songs": len(data.corpus), "groups": len(np.unique(data.corpus.groups))}}
    for side, songs in data.sides._asdict().items():
        windows = getattr(data, side)
        found[side] = {
            "songs": len(songs),
            "songs_with_windows": len(np.unique(windows.song)),
            "windows": len(windows),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pop909", type=Path, help="a POP909 folder; without it, the tunes alone")
    parser.add_argument("--json", type=Path, help="also write the counts here")
    options = parser.parse_args()
    runs = {"tunes": {"corpus": "tunes"}}
    if options.pop909:
        shared = {"corpus": "pop909", "folder": str(options.pop909)}
        runs |= {f"pop909 {texture}": shared | {"texture": texture} for texture in ("melody", "full")}
    found = {}
    for name, settings in runs.items():
        for seed in SEEDS:
            key = f"{name}, seed {seed}"
            found[key] = counts(load_music(MusicConfig(**settings, seed=seed)))
            print(f"{key}: {found[key]}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"figures": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

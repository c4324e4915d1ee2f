"""Put a finished run among the models that come with the package, with a card that says what it is.

    python runs/ship.py RUN NAME FIGURES

FIGURES is the folder into which runs/models_table.py wrote RUN.json and RUN-untrained.json. Weights are halved; fails
above 8 MB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from softaxes.model.checkpoint import load, save_model

MODELS = Path(__file__).resolve().parents[1] / "src" / "softaxes" / "model" / "shipped"
LIMIT = 8_000_000
DATA = (
    "POP909 (Wang et al., ISMIR 2020; MIT licence), OpenScore Lieder and String Quartets (CC0), and the public-domain "
    "fiddle tunes in the corpus of music21; split by song, by composer and by near-duplicate; songs of the test side "
    "were never seen in training"
)
ABOUT = """# {name}

Windows of {window_steps} sixteenths at any place and in any metre, {texture}; {dim} floats: register (line `pitch`),
chroma (cycle `chroma`, follows pitch) and a code that turns with the delay (cycle `metre`). Register and chroma are
read off the roll, and the network commutes with delay: what is learned are the notes, and to tell windows apart.

Data: {data}. Songs: {sides}, seed {seed}.

On held-out songs, an untrained network of the same build in brackets (docs/RESULTS.md says what each figure is):

{table}

Limits: a grid of sixteenths, so triplets and ornaments are moved to it; {rows} semitones from the lowest note upwards;
velocities, drums and tempo are not coded; where the lowest note enters or leaves a window, the register changes too.
"""
SHOWN = ("note_f1", "metre", "pitch", "own_shift", "own_shift 13..18", "hit_at_1", "hit_at_1 with unmoved", "found")


def main(run: Path, name: str, folder: Path) -> None:
    model = load(run)
    figures, untrained = (values(folder / f"{run.name}{end}.json") for end in ("", "-untrained"))
    model.card["config"]["folder"] = ""  # a place on the machine that trained it
    model.card |= {"figures": figures, "licence": f"trained on {DATA}", "name": name}
    path = MODELS / f"{name}.safetensors"
    save_model(model, path, half=True)
    if path.stat().st_size > LIMIT:
        path.unlink()
        sys.exit(f"{name} takes more than {LIMIT:,} bytes")
    (MODELS / f"{name}.md").write_text(card(name, model.card, figures, untrained), encoding="utf-8")
    print(f"{path}: {path.stat().st_size:,} bytes")


def values(path: Path) -> dict[str, dict[str, float]]:
    """The figures of a file by source, without their intervals."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {source: {key: row[key]["value"] for key in SHOWN} for source, row in rows.items()}


def card(name: str, known: dict[str, Any], figures: dict[str, Any], untrained: dict[str, Any]) -> str:
    """The model card: data, figures beside those of an untrained network of the build, limits."""
    sides = ", ".join(f"{len(songs)} {side}" for side, songs in known["split"].items())
    rows = ["| | " + " | ".join(figures) + " |", "| --- |" + " --- |" * len(figures)]
    for key in SHOWN:
        cells = [f"{row[key]:.3f} [{untrained[source][key]:.3f}]" for source, row in figures.items()]
        rows.append(f"| {key} | " + " | ".join(cells) + " |")
    return ABOUT.format(name=name, data=DATA, sides=sides, table="\n".join(rows), **known["config"])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

"""Put a finished run among the models that come with the package, with a card that says what it is
and the figures of its report.

    python runs/ship.py RUN NAME

Weights are halved; the run must have its report (softaxes report). Fails above 8 MB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from softaxes.model.checkpoint import load, save_model

MODELS = Path(__file__).resolve().parents[1] / "src" / "softaxes" / "model" / "shipped"
LIMIT = 8_000_000
LICENCE = "trained on POP909 (Wang et al., ISMIR 2020), MIT licence; songs of the test side were never seen in training"
SHOWN = {
    "running": ("same_cos", "opposite_cos", "cross_cos", "relative_error.pitch", "coordinate_r2.pitch",
                "own_shift.pitch", "phase_cos.metre", "phase_cos.beat", "effective_rank", "content_recall"),
    "joint": ("hit_at_1.pitch and metre", "hit_at_1_no_operator.pitch and metre"),
    "extrapolation": ("own_shift.pitch 13..18",),
}  # fmt: skip


def figures(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of the card, by name."""
    shown = {key: metrics["figures"][part][key]["value"] for part, keys in SHOWN.items() for key in keys}
    shown |= {f"reconstruction {key}": row["value"] for key, row in metrics["reconstruction"].items()}
    edits = metrics["edits"]["pitch"]
    return shown | {f"{method}: note_f1 after pitch": edits[method]["note_f1.pitch"]["value"] for method in edits}


def main(run: Path, name: str) -> None:
    model, metrics = load(run), json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    model.card["config"]["folder"] = ""  # a place on the machine that trained it
    model.card |= {"figures": figures(metrics), "licence": LICENCE, "name": name}
    path = MODELS / f"{name}.safetensors"
    save_model(model, path, half=True)
    if path.stat().st_size > LIMIT:
        path.unlink()
        sys.exit(f"{name} takes more than {LIMIT:,} bytes")
    rows = "\n".join(f"| {key} | {value:.4g} |" for key, value in model.card["figures"].items())
    config, split = model.card["config"], {side: len(songs) for side, songs in model.card["split"].items()}
    (MODELS / f"{name}.md").write_text(
        f"# {name}\n\nWindows of {config['bars']} bars ({config['window_steps']} steps), {config['texture']}, "
        f"{config['dim']} floats; kinds {', '.join(model.axes)}.\n\nData: {LICENCE}. Split by song: {split}, seed "
        f"{config['seed']}.\n\n| on held-out songs | |\n| --- | --- |\n{rows}\n\n"
        "Limits: 4/4 music on a grid of sixteenths; bar lines are found from the window alone and are wrong in part of "
        "them (phase_cos); velocities, drums and tempo are not coded.\n",
        encoding="utf-8",
    )
    (MODELS / f"{name}.metrics.json").write_bytes((run / "metrics.json").read_bytes())
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2])

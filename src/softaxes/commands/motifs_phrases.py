"""``softaxes motifs phrases FOLDER``: are a pop song's equal phrases found, and by what?"""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any, Literal

from softaxes.model.checkpoint import load
from softaxes.model.threads import torch_threads
from softaxes.search.phrases import judge_phrases
from softaxes.search.query import DEFAULT_MODEL


def compare_phrases(
    folder: Path,
    /,
    *,
    model: str = DEFAULT_MODEL,
    annotator: Literal[1, 2] = 1,
    songs: Literal["held-out", "all"] = "held-out",
    json: bool = False,
) -> str:
    """Find the repeated phrases of POP909's songs with the learned code, with chroma and with note overlap.

    Args:
        folder: POP909 with its human_label files; or the folder above POP909/.
        model: a shipped model, or a run folder.
        annotator: whose labels.
        songs: held-out takes the test songs of a model trained on POP909, and all songs of any other model.
        json: print JSON, and nothing else on standard output.

    Raises:
        ValueError: no POP909 there, no labels, or no such model.
    """
    with torch_threads(1):  # windows come in small batches: two threads would wait for each other
        loaded = load(model)
        record = judge_phrases(loaded, folder, annotator=annotator, held_out=songs == "held-out")
        return json_format.dumps(record, indent=1, ensure_ascii=False) if json else phrase_table(record)


def phrase_table(record: dict[str, Any]) -> str:
    """The methods as lines for people."""
    head = f"{record['songs']} songs, {record['phrases']} melodic phrases; {len(record['left_out'])} songs left out"
    lines = [head, f"{'':<20} {'MAP [95 % over songs]':<24} MAP, varied returns only"]
    for name, figures in record["methods"].items():
        cells = [f"{f['value']:.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in figures.values()]
        lines.append(f"{name:<20} {cells[0]:<24} {cells[1]}")
    return "\n".join(lines)

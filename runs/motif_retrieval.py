"""How well do scores that saw no marked motif find motifs again, alone and in the context of their gallery?

    python runs/motif_retrieval.py --data BPS_MOTIF [--model MODEL] [--json FILE]

The note count (the control that shows what size alone gives away), rhythm alone, overlap along the scale, the best
classic score, alone and re-ranked by walks through the gallery, and the learned code; then the codes of windows that
begin with the motifs, by a model of windows, compared as they are and up to a delay, and the mean of that and the best
classic score. Nothing is fitted here, so no movement is left out; the match classifier, which is fitted on marked
motifs, stands in ``runs/match_classifier.py``. A minute or two of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from records import write_record
from torch import Tensor

from softaxes.commands.motifs_evaluate import measure, table
from softaxes.data.music.song import note_array
from softaxes.geometry.alignment import align
from softaxes.model.checkpoint import load
from softaxes.model.model import Model
from softaxes.motifs.clip_code import code_similarity
from softaxes.motifs.context import in_context
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.evaluate import summary
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.motifs.patterns.similarities import SIMILARITIES
from softaxes.search.codes import content_codes, rotation_names
from softaxes.search.index.windows import clip_rolls

CLASSIC = ("note count", "rhythm", "overlap morphetic", "combined")
METHODS = {
    **{name: SIMILARITIES[name] for name in CLASSIC},
    "combined, in context": partial(in_context, SIMILARITIES["combined"]),
    "learned code": code_similarity,
}


def window_codes(model: Model, clips: Sequence[Notes]) -> Tensor:
    """Codes of windows that begin with each motif; what goes on after the window is left out."""
    step = TICKS_PER_BEAT / int(model.card["config"]["steps_per_beat"])
    rolls = []
    for clip in clips:
        begin = np.rint((clip.onset - clip.onset.min()) / step).astype(int)
        length = np.maximum(1, np.rint(clip.duration / step)).astype(int)
        notes = note_array(list(zip(begin.tolist(), length.tolist(), clip.midi.tolist(), strict=True)))
        rolls.append(clip_rolls(notes, np.zeros(1, np.int64), model.window_steps, model.window_steps)[0])
    return torch.from_numpy(content_codes(model.axes, model.encode(np.stack(rolls))))


def window_code(model: Model, queries: Sequence[Notes], gallery: Sequence[Notes]) -> NDArray[np.float64]:
    """Cosine of the codes of windows."""
    return (window_codes(model, queries) @ window_codes(model, gallery).T).double().numpy()


def aligned_window_code(model: Model, queries: Sequence[Notes], gallery: Sequence[Notes]) -> NDArray[np.float64]:
    """The same at the best delay."""
    one, two = window_codes(model, queries), window_codes(model, gallery)
    return align(one, two, model.axes, kinds=rotation_names(model.axes)).similarity.double().numpy()


def with_classic(model: Model, queries: Sequence[Notes], gallery: Sequence[Notes]) -> NDArray[np.float64]:
    """Mean of that and the best classic score."""
    return (aligned_window_code(model, queries, gallery) + SIMILARITIES["combined"](queries, gallery)) / 2


BY_WINDOW = {
    "window code": window_code,
    "window code, aligned": aligned_window_code,
    "window code and combined": with_classic,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BPS-Motif folder or zip")
    parser.add_argument("--json", type=Path, help="also write means and intervals here")
    parser.add_argument("--model", default="melody", help="a model of windows: shipped, or a run folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load(options.model)
    by_window = {name: partial(score, model) for name, score in BY_WINDOW.items()}
    rows, done = measure(load_bps_motif(options.data), {"retrieval": METHODS | by_window})
    print(table("retrieval", rows["retrieval"], done))
    if options.json:
        found = {
            method: {name: dict(zip(("value", "low", "high"), row, strict=True)) for name, row in measures.items()}
            for method, measures in summary(rows["retrieval"]).items()
        }
        write_record(options.json, found, movements=done)


if __name__ == "__main__":
    main()

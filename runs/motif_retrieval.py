"""How well do scores that saw no marked motif find motifs again, alone and in the context of their gallery?

    python runs/motif_retrieval.py --data BPS_MOTIF [--json FILE]

The note count (the control that shows what size alone gives away), rhythm alone, overlap along the scale, the best
classic score, alone and re-ranked by walks through the gallery, and the learned code. Nothing is fitted here, so no
movement is left out; the match classifier, which is fitted on marked motifs, stands in
``runs/match_classifier.py``. Half a minute of one core.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from records import write_record

from softaxes.commands.motifs_evaluate import measure, table
from softaxes.motifs.clip_code import code_similarity
from softaxes.motifs.context import in_context
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.evaluate import summary
from softaxes.motifs.patterns.similarities import SIMILARITIES

CLASSIC = ("note count", "rhythm", "overlap morphetic", "combined")
METHODS = {
    **{name: SIMILARITIES[name] for name in CLASSIC},
    "combined, in context": partial(in_context, SIMILARITIES["combined"]),
    "learned code": code_similarity,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BPS-Motif folder or zip")
    parser.add_argument("--json", type=Path, help="also write means and intervals here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, done = measure(load_bps_motif(options.data), {"retrieval": METHODS})
    print(table("retrieval", rows["retrieval"], done))
    if options.json:
        found = {
            method: {name: dict(zip(("value", "low", "high"), row, strict=True)) for name, row in measures.items()}
            for method, measures in summary(rows["retrieval"]).items()
        }
        write_record(options.json, found, movements=done)


if __name__ == "__main__":
    main()

"""Fit the quality of ``softaxes.motifs.hybrid`` on annotated movements, and measure it on movements it did not see.

    python runs/motif_mix.py --data BPS_MOTIF --keep FOLDS        # first: likenesses that did not see a movement
    python runs/motif_quality.py --data BPS_MOTIF --folds FOLDS   # each movement scored by weights of the others
    python runs/motif_quality.py --data BPS_MOTIF --folds FOLDS --freeze

Target: the best three-layer agreement (F1 of occurrences whose layer is F1 of notes) of a candidate motif with any
marked one; ridge regression on the traits. Candidates of a movement come from a mix that never saw it. The least
quality worth reporting is chosen on the training movements.
"""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import numpy as np

from softaxes.diagnostics.bootstrap import interval
from softaxes.motifs import hybrid
from softaxes.motifs.lines import lines_of
from softaxes.motifs.mix import load_mix
from softaxes.patterns.bps_motif import load_bps_motif
from softaxes.patterns.discovery_scores import agreement, discovery_scores
from softaxes.patterns.evaluate import DISCOVERY_MEASURES

LEAST = (0.0, 0.15, 0.2, 0.25, 0.3)


def load(options):
    """(name, lines, merged candidates, truth) of every movement; kept in the cache one by one."""
    cached = pickle.loads(options.cache.read_bytes()) if options.cache and options.cache.exists() else {}
    for movement in load_bps_motif(options.data, options.movements or None):
        if movement.name not in cached:
            lines = lines_of(movement.notes)
            found = hybrid.merged(lines, load_mix(options.folds / f"fold{movement.name}.npz"), 0.0)
            cached[movement.name] = movement.name, lines, found, movement.patterns()
            print(f"{movement.name}: {len(lines):,} notes of lines, {len(found)} candidates", flush=True)
            if options.cache:
                options.cache.write_bytes(pickle.dumps(cached))
    return list(cached.values())


def confident(name, lines, found, truth, log_odds):
    """(name, lines, candidates with the places that are sure enough, target of each, truth)."""
    kept = [hybrid.confident(lines, f, log_odds) for f in found]
    kept = [f for f in kept if len(f.places) > 1]
    patterns = as_patterns(lines, kept)
    return name, lines, kept, agreement(truth, patterns).layer2.max(axis=0) if kept else np.zeros(0), truth


def as_patterns(lines, chosen):
    return [[lines.clip(p.first, p.last).points() for p in f.places] for f in chosen]


def fit(gathered, ridge=1.0):
    x = np.concatenate([[f.traits for f in found] for _, found, _, _ in gathered if found])
    y = np.concatenate([target for _, _, target, _ in gathered])
    scale = x.std(axis=0) + 1e-9
    scale[-1] = 1.0
    z = x / scale
    return np.linalg.solve(z.T @ z + ridge * np.eye(z.shape[1]), z.T @ y) / scale


def scores(gathered, weights, least, most=hybrid.MOST_MOTIFS):
    return [
        discovery_scores(truth, as_patterns(lines, hybrid.choose(lines, found, weights, most, least)))
        for lines, found, _, truth in gathered
    ]


def best_least(gathered, weights):
    return max(LEAST, key=lambda least: np.mean([s["three_layer_f1"] for s in scores(gathered, weights, least)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--movements", type=int, nargs="*")
    parser.add_argument("--log-odds", type=float, default=0.0)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    gathered = [confident(*g, options.log_odds) for g in load(options)]
    names = [g[0] for g in gathered]
    gathered = [g[1:] for g in gathered]
    rows = []
    for k in range(len(gathered)):
        others = gathered[:k] + gathered[k + 1 :]
        weights = fit(others)
        row = scores([gathered[k]], weights, best_least(others, weights))[0]
        rows.append([row[m] for m in DISCOVERY_MEASURES])
        print(names[k], len(gathered[k][1]), "candidates", np.round(rows[-1], 3).tolist(), flush=True)
    for name, column in zip(DISCOVERY_MEASURES, np.array(rows).T, strict=True):
        low, high = interval(column, n=2000, seed=0)
        print(f"left out: {name} {column.mean():.3f} [{low:.3f}, {high:.3f}]")
    weights = fit(gathered)
    least = best_least(gathered, weights)
    print(dict(zip(hybrid.TRAITS, weights.round(3).tolist(), strict=True)), "least", least)
    if options.freeze:
        path = Path(hybrid.__file__).with_name("quality.npz")
        np.savez(path, allow_pickle=False, weights=weights.astype(np.float32), least=np.float32(least))


if __name__ == "__main__":
    main()

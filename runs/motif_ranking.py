"""Fit the ranking of ``softaxes.motifs.hybrid`` on annotated movements, and measure it on movements it did not see.

    python runs/match_classifier.py --data BPS_MOTIF --keep FOLDS      # first: classifiers that left one out
    python runs/motif_ranking.py --data BPS_MOTIF --folds FOLDS       # each movement scored by weights of the others
    python runs/motif_ranking.py --data BPS_MOTIF --folds FOLDS --freeze

Target: the best three-layer agreement (F1 of occurrences whose layer is F1 of notes) of a candidate with any
marked one; ridge regression on the features, every movement weighing the same. Candidates of a movement come from a
classifier that never saw it. Beside the hybrid stand what it chooses from (the best that any choice could do, and each
of the two sources alone) and, from its rows, the best classic method, with its interval over movements.
"""

from __future__ import annotations

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
from records import figure_line, over, write_record

from softaxes.motifs import hybrid
from softaxes.motifs.candidate_features import FEATURES, candidate_features
from softaxes.motifs.lines import lines_of
from softaxes.motifs.match_classifier import load_classifier
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.evaluate import DISCOVERY_MEASURES
from softaxes.motifs.patterns.scores.discovery import agreement, discovery_scores, f1

RIDGE = 30.0
THREE_LAYER = DISCOVERY_MEASURES[-1]


def load(options):
    """(name, lines, candidates, truth) of every movement; kept in the cache one by one."""
    cached = pickle.loads(options.cache.read_bytes()) if options.cache and options.cache.exists() else {}
    if options.cache and options.cached_only:
        return list(cached.values())
    for movement in load_bps_motif(options.data, options.movements or None):
        if movement.name not in cached:
            classifier = load_classifier(options.folds / f"fold{movement.name}.npz")
            lines, found = hybrid.find_candidates(lines_of(movement.notes), classifier)
            cached[movement.name] = movement.name, lines, found, movement.patterns()
            print(f"{movement.name}: {len(lines):,} notes of lines, {len(found)} candidates", flush=True)
            if options.cache:
                options.cache.write_bytes(pickle.dumps(cached))
    return list(cached.values())


class Candidates:
    """A movement's candidates with their features, how they agree with each other and (T, M) with what is marked."""

    def __init__(self, name, lines, found, truth):
        self.name, self.truth = name, truth
        self.patterns = hybrid.as_patterns(lines, found)
        self.melody = np.array([f.melody for f in found])
        self.features, self.agreeing = candidate_features(lines, [f.places for f in found], self.melody)
        self.layers = agreement(truth, self.patterns).layer2
        self.target = self.layers.max(axis=0)

    def three_layer(self, chosen):
        kept = self.layers[:, chosen]
        return float(f1(kept.max(axis=0).mean(), kept.max(axis=1).mean()))

    def best_choice(self):
        """Three-layer F1 of the best choice that taking one more at a time comes to."""
        chosen, best = [], 0.0
        while len(chosen) < len(self.patterns):
            rest = [k for k in range(len(self.patterns)) if k not in chosen]
            value, k = max((self.three_layer([*chosen, k]), k) for k in rest)
            if value <= best:
                break
            chosen, best = [*chosen, k], value
        return best


def fit(movements):
    """The ranker's weights: ridge regression, the same weight for every movement, no penalty on the bias."""
    features = np.concatenate([m.features for m in movements])
    target = np.concatenate([m.target for m in movements])
    weight = np.concatenate([np.full(len(m.target), 100 / len(m.target)) for m in movements])
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    z = np.append(hybrid.standard(features, mean, scale), np.ones((len(features), 1)), axis=1)
    penalty = RIDGE * np.eye(z.shape[1])
    penalty[-1, -1] = 0.0
    solved = np.linalg.solve(z.T @ (z * weight[:, None]) + penalty, z.T @ (weight * target))
    return hybrid.Ranker(mean, scale, solved[:-1], float(solved[-1]))


def chosen(movement, ranker, most=hybrid.MOST_PATTERNS, which=None):
    """Numbers of the chosen candidates, of those that ``which`` (M,) allows."""
    kept = np.arange(len(movement.target)) if which is None else np.flatnonzero(which)
    picked = hybrid.choose(ranker(movement.features[kept]), movement.agreeing[np.ix_(kept, kept)], most)
    return kept[picked]


def against_classic(rows, ours):
    """{method: {measure: values of the movements}} of the classic methods, and of the hybrid less the best of them."""
    columns = {
        method: {name: np.array([row[name] for row in named]) for name in DISCOVERY_MEASURES}
        for method, named in rows.items()
    }
    best = max(columns, key=lambda method: columns[method][THREE_LAYER].mean())
    return columns | {f"hybrid less {best}": {THREE_LAYER: np.asarray(ours) - columns[best][THREE_LAYER]}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--movements", type=int, nargs="*")
    parser.add_argument("--cache", type=Path, help="where candidates are kept")
    parser.add_argument("--cached-only", action="store_true", help="only movements of the cache")
    parser.add_argument("--classic", type=Path, help="rows of benchmarks/patterns.py discovery --json, same movements")
    parser.add_argument("--json", type=Path, help="also write means and intervals here")
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    movements = [Candidates(*row) for row in load(options)]
    rows, twelve, returns, melodies = [], [], [], []
    for k, movement in enumerate(movements):
        ranker = fit(movements[:k] + movements[k + 1 :])
        patterns = [movement.patterns[i] for i in chosen(movement, ranker)]
        row = discovery_scores(movement.truth, patterns)
        rows.append([row[m] for m in DISCOVERY_MEASURES])
        twelve.append(movement.three_layer(chosen(movement, ranker, hybrid.MOST_MOTIFS)))
        returns.append(movement.three_layer(chosen(movement, ranker, which=~movement.melody)))
        melodies.append(movement.three_layer(chosen(movement, ranker, which=movement.melody)))
        print(movement.name, len(movement.target), "candidates", np.round(rows[-1], 3).tolist(), flush=True)
    columns = {
        "hybrid": dict(zip(DISCOVERY_MEASURES, np.array(rows).T, strict=True)),
        f"hybrid, {hybrid.MOST_MOTIFS} motifs": {THREE_LAYER: twelve},
        "from returns alone": {THREE_LAYER: returns},
        "from melodies alone": {THREE_LAYER: melodies},
        "best choice of the candidates": {THREE_LAYER: [m.best_choice() for m in movements]},
    }
    if options.classic:
        columns |= against_classic(json.loads(options.classic.read_text()), columns["hybrid"][THREE_LAYER])
    found = {method: {name: over(column) for name, column in named.items()} for method, named in columns.items()}
    for method, named in found.items():
        for name, row in named.items():
            print(figure_line(f"{method}: {name}", row), flush=True)
    if options.json:
        write_record(options.json, found, movements=len(movements))
    ranker = fit(movements)
    print(dict(zip(FEATURES, ranker.weights.round(3).tolist(), strict=True)), "bias", round(ranker.bias, 3))
    if options.freeze:
        columns = {name: np.asarray(getattr(ranker, name), np.float32) for name in ("mean", "scale", "weights", "bias")}
        np.savez(Path(hybrid.__file__).with_name("ranking.npz"), allow_pickle=False, **columns)


if __name__ == "__main__":
    main()

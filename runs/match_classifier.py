"""Fit the weights of ``softaxes.motifs.match_classifier`` on annotated movements; measure them on movements left out.

    python runs/match_classifier.py --data BPS_MOTIF --seeds 3  # folds of movements: MAP, P@1, MAP over non-exact pairs
    python runs/match_classifier.py --data BPS_MOTIF --freeze   # and the weights of all movements, into the package

Loss: 1 - smoothed average precision of every query's list (all other occurrences; and the size-matched distractors of
the non-exact task), plus a little cross-entropy of its items, which makes scores log-odds.
"""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import numpy as np
import torch
from records import figure_line, over, write_record
from torch import nn

from softaxes.motifs import match_classifier
from softaxes.motifs.context import walks
from softaxes.motifs.match_classifier import MatchClassifier
from softaxes.motifs.patterns.datasets.bps_motif import load_bps_motif
from softaxes.motifs.patterns.scores.retrieval import map_and_p1, map_nonexact, non_exact_tasks
from softaxes.motifs.similarity_features import similarity_features

HIDDEN, LONGEST, BATCH = 32, 160, 32
ALONE, IN_CONTEXT = ("map", "p1", "map_nonexact"), ("map",)


def measure(movement):
    """(letters, measures of all pairs, [(task, measures of its pairs)])."""
    clips = [o.notes for o in movement.occurrences]
    tasks = non_exact_tasks(movement)
    pairs = [similarity_features(t.clips, [*t.clips, *t.distractors]).astype(np.float32) for t in tasks]
    letters = np.array([o.letter for o in movement.occurrences])
    return letters, similarity_features(clips, clips).astype(np.float32), list(zip(tasks, pairs, strict=True))


def query_lists(measured):
    """(measures (n, F), relevant (n,)) of every query of both tasks."""
    lists = []
    for letters, pairs, tasks in measured:
        for i in range(len(letters)):
            others = np.arange(len(letters)) != i
            if (letters[others] == letters[i]).any():
                lists.append((pairs[i][others], letters[others] == letters[i]))
        for task, scores in tasks:
            for i in np.flatnonzero(task.different.any(axis=1)):
                offered = np.concatenate([task.different[i], task.different[i][task.owner]])
                lists.append((scores[i][offered], (np.arange(len(offered)) < len(task.clips))[offered]))
    return lists


class Scorer(nn.Module):
    """The classifier as a network."""

    def __init__(self, sample: np.ndarray):
        super().__init__()
        self.mean, self.scale = torch.tensor(sample.mean(0)), torch.tensor(sample.std(0) + 1e-2)
        self.linear = nn.Linear(sample.shape[1], 1)
        self.first, self.second = nn.Linear(sample.shape[1], HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1, bias=False)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        x = (x - self.mean) / self.scale
        hidden = torch.tanh(self.second(self.dropout(torch.tanh(self.first(x)))))
        return (self.linear(x) + self.last(hidden))[..., 0]

    def frozen(self) -> MatchClassifier:
        parts = (
            self.mean, self.scale, self.linear.weight[0], self.first.weight, self.first.bias, self.second.weight,
            self.second.bias, self.last.weight[0], self.linear.bias[0],
        )  # fmt: skip
        return MatchClassifier(*(p.detach().numpy().astype(float) for p in parts))


def loss_of(scores, relevant, valid):
    scores = scores.masked_fill(~valid, -1e4)
    above = torch.sigmoid((scores[:, None, :] - scores[:, :, None]) / 0.5)
    rank = (above * valid[:, None, :]).sum(-1) + 0.5
    rank_of_good = (above * relevant[:, None, :]).sum(-1) + 0.5
    precision = (rank_of_good / rank * relevant).sum(1) / relevant.sum(1).clamp(min=1)
    entropy = nn.functional.binary_cross_entropy_with_logits(scores, relevant.float(), reduction="none")
    return (1 - precision).mean() + 0.3 * (entropy * valid).sum() / valid.sum()


def fit(measured, epochs=3, seed=0) -> MatchClassifier:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    lists = query_lists(measured)
    scorer = Scorer(np.concatenate([x for x, _ in lists[::7]]))
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = epochs * len(lists) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    for _ in range(steps):
        x = np.zeros((BATCH, LONGEST, len(lists[0][0][0])), np.float32)
        relevant, valid = np.zeros((BATCH, LONGEST), bool), np.zeros((BATCH, LONGEST), bool)
        for b, k in enumerate(rng.integers(len(lists), size=BATCH)):
            chosen = rng.permutation(len(lists[k][1]))[:LONGEST]
            x[b, : len(chosen)], relevant[b, : len(chosen)] = lists[k][0][chosen], lists[k][1][chosen]
            valid[b, : len(chosen)] = True
        loss = loss_of(scorer(torch.tensor(x)), torch.tensor(relevant), torch.tensor(valid))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return scorer.eval().frozen()


def judge(classifier, measured):
    """One row a movement: MAP, P@1, MAP over non-exact pairs, MAP in the context of the movement's other clips."""
    rows = []
    for letters, pairs, tasks in measured:
        alone = classifier.log_odds(pairs)
        scores = [map_nonexact([task], lambda *_, pairs=p: classifier.log_odds(pairs)) for task, p in tasks]
        queries = [int(task.different.any(axis=1).sum()) for task, _ in tasks]
        in_context = map_and_p1(walks((alone + alone.T) / 2), letters)[0]
        non_exact = np.average(scores, weights=queries) if tasks else np.nan
        rows.append([*map_and_p1(alone, letters), non_exact, in_context])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5, help="movements are left out in this many groups; 0: none")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="keep the measures of all pairs here (a pickle of your own)")
    parser.add_argument("--keep", type=Path, help="folder for the weights of every fold of seed 0: fold<movement>.npz")
    parser.add_argument("--json", type=Path, help="folder for the figures of every seed: match-classifier-<seed>.json")
    parser.add_argument("--freeze", action="store_true", help="write the weights of all movements into the package")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names, measured = load(options)
    for seed in range(options.seeds if options.folds else 0):
        table = np.full((len(measured), len(ALONE) + len(IN_CONTEXT)), np.nan)
        for fold in range(options.folds):
            out = np.arange(len(measured)) % options.folds == fold
            classifier = fit([m for m, left_out in zip(measured, out, strict=True) if not left_out], seed=seed)
            table[out] = judge(classifier, [m for m, left_out in zip(measured, out, strict=True) if left_out])
            for name in np.array(names)[out] if options.keep and seed == 0 else ():
                options.keep.mkdir(parents=True, exist_ok=True)
                classifier.save(options.keep / f"fold{name}.npz")
        print(dict(zip(names, table.round(3).tolist(), strict=True)))
        columns = [over(column) for column in table.T]
        found = {
            "match classifier": dict(zip(ALONE, columns[: len(ALONE)], strict=True)),
            "match classifier, in context": dict(zip(IN_CONTEXT, columns[len(ALONE) :], strict=True)),
        }
        for method, measures in found.items():
            for name, row in measures.items():
                print(figure_line(f"seed {seed}, left out: {method}, {name}", row), flush=True)
        if options.json:
            write_record(options.json / f"match-classifier-{seed}.json", found, movements=len(names), seed=seed)
    if options.freeze:
        fit(measured).save(Path(match_classifier.__file__).with_name("match_classifier.npz"))


def load(options):
    if options.cache and options.cache.exists():
        return pickle.loads(options.cache.read_bytes())
    movements = load_bps_motif(options.data)
    loaded = [m.name for m in movements], [measure(m) for m in movements]
    if options.cache:
        options.cache.write_bytes(pickle.dumps(loaded))
    return loaded


if __name__ == "__main__":
    main()

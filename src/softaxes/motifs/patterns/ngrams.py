"""Which short runs of intervals, of rhythms, and of both together, occur more often than chance?

A note's token says how the melody goes on: "pitch" the interval to the next note, "rhythm" the time to it (ticks, or
the ratio to the time before), "combined" both. An n-gram is a run of n tokens inside one melody. Against independence,
mu = product of the relative frequencies of its tokens, its t statistic is

    t = (p - mu) / sqrt(p (1 - p) / N),    p = count / N,  N = number of n-grams of that length,

and a lexicon keeps, for each length, the n-grams with the largest t. Where p = 1 the variance is taken as p / N.
``prediction`` asks what the combined tokens carry that the factored ones lose: with equal contexts, how often is the
next (interval, time) guessed, from joint counts or from the two factors by themselves?

Source: Wu, Zhang, Sun, Jin, Zhao, et al. (2023), "MelodyGLM: multi-task pre-training for symbolic melody generation",
section on n-gram lexicons; t statistic for collocations: Manning and Schütze (1999), section 5.3.1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod, sqrt

from numpy.typing import ArrayLike

from softaxes.motifs.patterns.notes import check_monophonic

KINDS = ("pitch", "rhythm", "combined")
RHYTHMS = ("time", "ratio")
Token = Hashable
NGram = tuple[Token, ...]


@dataclass(frozen=True)
class Entry:
    """An n-gram with its count and t statistic."""

    ngram: NGram
    count: int
    t: float


def tokens(voice: ArrayLike, kind: str = "combined", rhythm: str = "time") -> list[Token]:
    """One token a step between successive notes; with rhythm="ratio" (Fraction) the first step has none."""
    if kind not in KINDS or rhythm not in RHYTHMS:
        raise ValueError(f"`kind` must be one of {KINDS} and `rhythm` one of {RHYTHMS}, got {kind!r}, {rhythm!r}")
    points = check_monophonic(voice, "an n-gram lexicon").tolist()
    steps = [(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(points)]
    if rhythm == "time":
        pairs: list[tuple[int, Token]] = list(steps)
    else:
        pairs = [(b[0], Fraction(b[1], a[1])) for a, b in pairwise(steps)]
    if kind == "combined":
        return list(pairs)
    return [pair[KINDS.index(kind)] for pair in pairs]


def count_ngrams(melodies: Sequence[Sequence[Token]], n: int) -> Counter[NGram]:
    """How often each run of ``n`` tokens occurs; runs do not cross melodies."""
    return Counter(tuple(m[i : i + n]) for m in melodies for i in range(len(m) - n + 1))


def t_statistic(count: int, total: int, expected: float) -> float:
    """t of an n-gram seen ``count`` times among ``total``, of probability ``expected`` under independence."""
    p = count / total
    variance = p * (1 - p) if p < 1 else p
    return (p - expected) / sqrt(variance / total)


def lexicon(
    melodies: Sequence[Sequence[Token]], lengths: Sequence[int] = range(2, 13), size: int = 100, least: int = 2
) -> dict[int, list[Entry]]:
    """For each length, the ``size`` n-grams with the largest t among those seen ``least`` times, best first.

    Ties: the more frequent, then the one seen first. A length no melody reaches has an empty list.
    """
    if any(n < 1 for n in lengths):
        raise ValueError(f"`lengths` must be >= 1, got {list(lengths)}")
    single = Counter(token for melody in melodies for token in melody)
    everything = sum(single.values())
    result = {}
    for n in lengths:
        counts = count_ngrams(melodies, n)
        total = sum(counts.values())
        entries = [
            Entry(gram, count, t_statistic(count, total, prod(single[token] / everything for token in gram)))
            for gram, count in counts.items()
            if count >= least
        ]
        result[n] = sorted(entries, key=lambda e: (-e.t, -e.count))[:size]
    return result


def prediction(
    train: Sequence[ArrayLike], test: Sequence[ArrayLike], longest: int = 8, rhythm: str = "time"
) -> dict[str, float]:
    """Share of next tokens of the ``test`` voices guessed right, by the longest context seen in ``train`` (back-off).

    "combined": joint context, joint guess. "factored": interval from intervals alone, time from times alone, right if
    both are. "no context": the most frequent pair. Beside them the single parts: "pitch" and "rhythm" of the factored
    guess, "pitch of combined" and "rhythm of combined". NaN where the test voices have no token.
    """
    parts = {kind: [tokens(v, kind, rhythm) for v in train] for kind in KINDS}
    tables = {kind: _successors(parts[kind], longest) for kind in KINDS}
    hits: Counter[str] = Counter()
    total = 0
    for voice in test:
        sequences = {kind: tokens(voice, kind, rhythm) for kind in KINDS}
        for i in range(len(sequences["combined"])):
            guess = {kind: _guess(tables[kind], sequences[kind][:i], longest) for kind in KINDS}
            total += 1
            hits += _score(guess, sequences["combined"][i], _guess(tables["combined"], [], longest))
    names = ("combined", "factored", "no context", "pitch", "rhythm", "pitch of combined", "rhythm of combined")
    return {name: hits[name] / total if total else float("nan") for name in names}


def _score(guess: dict[str, Token], truth: Token, frequent: Token) -> Counter[str]:
    factored = (guess["pitch"], guess["rhythm"])
    joint = guess["combined"]
    right = {"combined": joint == truth, "factored": factored == truth, "no context": frequent == truth}
    for place, name in enumerate(("pitch", "rhythm")):
        right[name] = factored[place] == truth[place]  # type: ignore[index]
        right[f"{name} of combined"] = joint is not None and joint[place] == truth[place]  # type: ignore[index]
    return Counter({name: int(hit) for name, hit in right.items()})


def _successors(melodies: Sequence[Sequence[Token]], longest: int) -> dict[NGram, Token]:
    """The most frequent next token of every context of up to ``longest`` tokens; ties: the one seen first."""
    counts: dict[NGram, Counter[Token]] = defaultdict(Counter)
    for melody in melodies:
        for i, token in enumerate(melody):
            for n in range(min(i, longest) + 1):
                counts[tuple(melody[i - n : i])][token] += 1
    return {context: following.most_common(1)[0][0] for context, following in counts.items()}


def _guess(table: dict[NGram, Token], past: Sequence[Token], longest: int) -> Token:
    for n in range(min(len(past), longest), -1, -1):
        context = tuple(past[len(past) - n :])
        if context in table:
            return table[context]
    return None

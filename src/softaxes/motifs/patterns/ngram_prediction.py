"""Do combined n-grams carry what pitch and rhythm n-grams lose? Predict the next note of songs never seen.

Each predictor gives the next (interval, time) pair a probability from the notes before it:

    factored     P(interval | intervals) P(time | times): pitch n-grams and rhythm n-grams, each by itself
    combined     P(pair | pairs): combined n-grams alone
    both         a P(combined) + (1 - a) P(factored), a chosen on a fifth of the training songs: all three kinds of
                 n-gram together, as MelodyGLM uses them
    no context   the pair's own frequency
    chance       every pair of a known interval and a known time equally likely

Goal: bits a note on held-out songs (log loss, lower is better). If combined n-grams carried nothing more, "both" would
be no better than "factored". Contexts are interpolated (Witten and Bell 1991):

    P_n(t | c) = (count(c t) + types(c) P_{n-1}(t | c')) / (count(c) + types(c)),  c' = c without its oldest token,

down to equal shares for all known tokens and one for what was never seen. How many tokens of context help is chosen for
each kind of n-gram on the fifth of the training songs: refrains make long contexts too sure of themselves. Beside the
bits, the share of notes guessed right by the most frequent token after the longest context seen
(`softaxes.motifs.patterns.ngrams`).

Source of the question: Wu et al. (2023), MelodyGLM, ablation of n-gram lexicons.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softaxes.motifs.patterns.ngrams import KINDS, NGram, Token, _guess, _successors, tokens

PREDICTORS = ("both", "combined", "factored", "no context", "chance")
GUESSERS = ("combined", "factored", "no context")
SHARES = tuple(a / 10 for a in range(11))


@dataclass(frozen=True)
class Prediction:
    """Sums over each test song: ``notes`` (n,), ``bits`` (n,) by predictor, ``right`` (n,) by guesser.

    ``share`` is the weight a of the combined n-grams in "both", ``orders`` the context chosen for each kind.
    """

    notes: NDArray[np.int64]
    bits: dict[str, NDArray[np.float64]]
    right: dict[str, NDArray[np.int64]]
    share: float
    orders: dict[str, int]


class WittenBell:
    """Interpolated n-gram model of one kind of token; ``base`` is the probability of a token never seen, below all."""

    def __init__(self, melodies: Sequence[Sequence[Token]], longest: int, base: float | None = None) -> None:
        self.longest = longest
        self.counts: dict[NGram, Counter[Token]] = defaultdict(Counter)
        for melody in melodies:
            for i, token in enumerate(melody):
                for n in range(min(i, longest) + 1):
                    self.counts[tuple(melody[i - n : i])][token] += 1
        self.totals = {context: sum(following.values()) for context, following in self.counts.items()}
        self.base = 1 / (len(self.counts[()]) + 1) if base is None else base

    def by_order(self, past: Sequence[Token], token: Token) -> list[float]:
        """P(token | the last n tokens of ``past``) for n = 0 .. longest; beyond what was ever seen it stays."""
        p = self.base
        found: list[float] = []
        for n in range(self.longest + 1):
            context = tuple(past[len(past) - n :]) if n <= len(past) else None
            following = self.counts.get(context) if context is not None else None
            if following is None:
                return found + [p] * (self.longest + 1 - n)
            total, types = self.totals[context], len(following)  # type: ignore[index]
            p = (following[token] + types * p) / (total + types)
            found.append(p)
        return found

    def probability(self, past: Sequence[Token], token: Token) -> float:
        """P(token | the last tokens of ``past``), in (0, 1)."""
        return self.by_order(past[-self.longest :] if self.longest else (), token)[-1]


def predict_next(
    train: Sequence[ArrayLike], test: Sequence[ArrayLike], *, longest: int = 6, rhythm: str = "time"
) -> Prediction:
    """Fit all predictors on ``train`` voices (points (n, 2): onset, pitch) and judge them on each of ``test``.

    Raises:
        ValueError: fewer than 5 training voices, ``longest`` < 1, or a voice with several notes at once.
    """
    if len(train) < 5 or longest < 1:
        raise ValueError(f"`train` must hold >= 5 voices and `longest` be >= 1, got {len(train)} and {longest}")
    sequences = [_by_kind(voice, rhythm) for voice in train]
    tuning, fitting = sequences[::5], [s for i, s in enumerate(sequences) if i % 5]
    orders = {kind: _best_order([s[kind] for s in fitting], [s[kind] for s in tuning], longest) for kind in KINDS}
    share = _best_share(_Predictors(fitting, orders), tuning)
    predictors = _Predictors(sequences, orders)
    tables = {kind: _successors([s[kind] for s in sequences], longest) for kind in KINDS}
    judged = [_by_kind(voice, rhythm) for voice in test]
    bits = {name: np.zeros(len(judged)) for name in PREDICTORS}
    right = {name: np.zeros(len(judged), np.int64) for name in GUESSERS}
    for row, song in enumerate(judged):
        for at in range(len(song["combined"])):
            for name, p in predictors.probabilities(song, at, share).items():
                bits[name][row] -= log2(p)
            for name in _right(tables, song, at, longest):
                right[name][row] += 1
    return Prediction(np.array([len(song["combined"]) for song in judged], np.int64), bits, right, share, orders)


class _Predictors:
    """The n-gram models of all kinds, fitted on the same songs."""

    def __init__(self, songs: Sequence[dict[str, list[Token]]], orders: dict[str, int]) -> None:
        self.pitch = WittenBell([s["pitch"] for s in songs], orders["pitch"])
        self.rhythm = WittenBell([s["rhythm"] for s in songs], orders["rhythm"])
        self.chance = self.pitch.base * self.rhythm.base
        self.combined = WittenBell([s["combined"] for s in songs], orders["combined"], base=self.chance)

    def probabilities(self, song: dict[str, list[Token]], at: int, share: float) -> dict[str, float]:
        """P of the note at ``at`` by every predictor."""
        pitch = self.pitch.probability(song["pitch"][:at], song["pitch"][at])
        factored = pitch * self.rhythm.probability(song["rhythm"][:at], song["rhythm"][at])
        combined = self.combined.probability(song["combined"][:at], song["combined"][at])
        alone = self.combined.by_order((), song["combined"][at])[0]
        both = share * combined + (1 - share) * factored
        return {"both": both, "combined": combined, "factored": factored, "no context": alone, "chance": self.chance}


def _best_order(fitting: Sequence[Sequence[Token]], tuning: Sequence[Sequence[Token]], longest: int) -> int:
    """How many tokens of context cost the ``tuning`` melodies fewest bits, 0 .. longest."""
    model = WittenBell(fitting, longest)
    rows = [model.by_order(m[max(0, at - longest) : at], m[at]) for m in tuning for at in range(len(m))]
    return int(np.log2(rows).sum(0).argmax()) if rows else 0


def _best_share(predictors: _Predictors, songs: Sequence[dict[str, list[Token]]]) -> float:
    """The weight of the combined n-grams under which these songs cost fewest bits."""
    rows = [predictors.probabilities(song, at, 0.5) for song in songs for at in range(len(song["combined"]))]
    if not rows:
        return 0.5
    combined, factored = (np.array([row[name] for row in rows]) for name in ("combined", "factored"))
    costs = [-np.log2(a * combined + (1 - a) * factored).sum() for a in SHARES]
    return SHARES[int(np.argmin(costs))]


def _by_kind(voice: ArrayLike, rhythm: str) -> dict[str, list[Token]]:
    return {kind: tokens(voice, kind, rhythm) for kind in KINDS}


def _right(tables: dict[str, dict[NGram, Token]], song: dict[str, list[Token]], at: int, longest: int) -> list[str]:
    """Which guessers get the note at ``at`` right."""
    truth = song["combined"][at]
    guess = {kind: _guess(tables[kind], song[kind][max(0, at - longest) : at], longest) for kind in KINDS}
    guesses = {
        "combined": guess["combined"],
        "factored": (guess["pitch"], guess["rhythm"]),
        "no context": _guess(tables["combined"], [], longest),
    }
    return [name for name in GUESSERS if guesses[name] == truth]

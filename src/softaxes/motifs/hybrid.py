"""Which motifs does a piece have? Candidates of SIATEC-C and delta-gamma matching, merged and ranked as was learned.

1 repeats      stretches of the lines that return exactly (``repeats``)
2 merge        for each, all places that the match classifier holds for returns of it (``returns``): what SIATEC-C
               splits into many patterns, one for each variant, becomes one
3 melodies     beside them, what delta-gamma matching finds in the top voice: other rhythms, other lengths in time
4 rank         a linear score of the ``candidate_features``: how well such a candidate agreed with a motif that
               musicians marked
5 choose       best first, each worth the less the more of it is in one that was chosen before

Weights: ``match_classifier.npz`` and ``ranking.npz``, made by runs/match_classifier.py and
runs/motif_ranking.py from annotated movements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.candidate_features import candidate_features
from softaxes.motifs.lines import Lines, lines_of, with_top_voice
from softaxes.motifs.match_classifier import learned_classifier
from softaxes.motifs.patterns.delta_gamma import repeated_melodies
from softaxes.motifs.patterns.notes import Notes, Similarity
from softaxes.motifs.patterns.pointset import Points
from softaxes.motifs.repeats import exact_repeats
from softaxes.motifs.returns import Place, returns

MOST_MOTIFS, MOST_PATTERNS = 12, 30  # for people; for a measure that asks for all
LONGEST_VOICE = 4_000  # notes of the top voice in which melodies are looked for at once
MOST_REPEATS = 20_000  # of them in one such block: music that comes round has one for every note
KEPT_APART = 0.75  # a melody has so many of its places left when those that overlap are gone
WORTH_TWICE = 0.2  # what is left of a candidate's score when a better one has all of it
SURE = 8.0  # log-odds of the prototype itself


@dataclass(frozen=True)
class Candidate:
    """The prototype among ``places``, whether it is a melody (step 3), and the score that it is ranked by.

    The score is about the agreement with a marked motif, 0 to 1.
    """

    prototype: Place
    places: list[Place]
    melody: bool = False
    ranking_score: float = 0.0


@dataclass(frozen=True)
class Ranker:
    """Weights of the features: ``mean``, ``scale``, ``weights`` (F,) and ``bias`` ()."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ranking scores (M,) of features (M, F); beyond three deviations counts as three: other music differs."""
        return standard(features, self.mean, self.scale) @ self.weights + self.bias


def standard(
    features: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Features in deviations from the mean, at most three."""
    return np.clip((features - mean) / scale, -3, 3)


def find_candidates(
    lines: Lines, classifier: Similarity, most: int = 120, least_notes: int = 3
) -> tuple[Lines, list[Candidate]]:
    """Steps 1 to 3: the lines with the top voice behind them, and all candidates in these."""
    whole = with_top_voice(lines)
    found = merged(lines, classifier, most, least_notes) + melodies(whole, classifier)
    return whole, [f for f in found if f.prototype.last - f.prototype.first + 1 >= least_notes]


def merged(lines: Lines, classifier: Similarity, most: int = 120, least_notes: int = 3) -> list[Candidate]:
    """Steps 1 and 2: every exact repeat with its places, those with two or more."""
    found = []
    for repeat in exact_repeats(lines, most, least_notes):
        places = returns(lines, repeat.first, repeat.last, classifier)
        if len(distinct(lines, places, repeat.first)) > 1:
            found.append(Candidate(next(p for p in places if p.first == repeat.first), places))
    return found


def distinct(lines: Lines, places: Sequence[Place], prototype: int) -> list[Place]:
    """The places without those of equal notes, which two lines of one staff share; the prototype's own stays.

    For people. The ranking sees both: where two lines are one, nothing else sounds, which is a feature of its own.
    """
    onset, midi = lines.notes.onset, lines.notes.midi
    kept: dict[tuple[bytes, bytes], int] = {}
    for place in sorted(places, key=lambda p: p.first != prototype):
        notes = slice(place.first, place.last + 1)
        kept.setdefault((onset[notes].tobytes(), midi[notes].tobytes()), place.first)
    firsts = set(kept.values())
    return [p for p in places if p.first in firsts]


def melodies(lines: Lines, classifier: Similarity) -> list[Candidate]:
    """Step 3: the repeated melodies of the last line, one note an onset; the first place is the prototype."""
    begin = int(np.searchsorted(lines.line, lines.line[-1])) if len(lines) else 0
    found = []
    for start in range(begin, len(lines), LONGEST_VOICE):
        points = np.stack([lines.notes.onset, lines.notes.midi], axis=1)[start : start + LONGEST_VOICE]
        for occurrences in repeated_melodies(points, most_repeats=MOST_REPEATS):
            first = start + np.searchsorted(points[:, 0], [o[0, 0] for o in occurrences])
            places = _melody(lines, first.tolist(), len(occurrences[0]), classifier)
            if len(places) > 1 and len(places) >= KEPT_APART * len(occurrences):
                found.append(Candidate(places[0], places, melody=True))
    return found


def _melody(lines: Lines, starts: Sequence[int], size: int, classifier: Similarity) -> list[Place]:
    """The places of ``size`` notes that begin at ``starts``, those that do not overlap an earlier one."""
    kept: list[int] = []
    for start in starts:
        if not kept or start >= kept[-1] + size:
            kept.append(start)
    clips = [lines.clip(start, start + size - 1) for start in kept]
    odds = [SURE, *classifier(clips[:1], clips[1:])[0].tolist()] if len(clips) > 1 else [SURE]
    return [Place(start, start + size - 1, value) for start, value in zip(kept, odds, strict=True)]


def rated(lines: Lines, found: list[Candidate], ranker: Ranker) -> tuple[list[Candidate], NDArray[np.float64]]:
    """Step 4: the candidates with their scores, and how much they agree with each other, (M, M)."""
    features, agreeing = candidate_features(lines, [f.places for f in found], [f.melody for f in found])
    return [replace(f, ranking_score=float(s)) for f, s in zip(found, ranker(features), strict=True)], agreeing


def choose(scores: NDArray[np.float64], agreeing: NDArray[np.float64], most: int) -> list[int]:
    """Step 5: the numbers of at most ``most`` motifs, best first; of those worth nothing only the first is taken."""
    chosen: list[int] = []
    known = np.zeros(len(scores))
    while len(chosen) < min(most, len(scores)):
        worth = np.where(scores > 0, scores * (1 - (1 - WORTH_TWICE) * known), scores)
        worth[chosen] = -np.inf
        best = int(worth.argmax())
        if chosen and worth[best] <= 0:
            break
        chosen.append(best)
        known = np.maximum(known, agreeing[best])
    return chosen


def best_motifs(
    notes: Notes, most: int, classifier: Similarity | None = None, least_notes: int = 3
) -> tuple[Lines, list[Candidate]]:
    """All steps: the lines of a piece, and its motifs of ``least_notes`` or more, best first."""
    lines, found = find_candidates(lines_of(notes), classifier or learned_classifier(), least_notes=least_notes)
    known, agreeing = rated(lines, found, learned_ranker())
    return lines, [known[k] for k in choose(np.array([f.ranking_score for f in known]), agreeing, most)]


def discover(notes: Notes, most: int = MOST_PATTERNS, classifier: Similarity | None = None) -> list[list[Points]]:
    """Patterns, best first, each a list of (m, 2) points: a method for ``patterns.evaluate``."""
    if len(notes) == 0:
        return []
    return as_patterns(*best_motifs(notes, most, classifier))


def as_patterns(lines: Lines, found: Sequence[Candidate]) -> list[list[Points]]:
    """The points of every place of every motif."""
    points = np.stack([lines.notes.onset, lines.notes.midi], axis=1)  # a line has one note an onset, in order
    return [[points[p.first : p.last + 1] for p in motif.places] for motif in found]


@cache
def learned_ranker() -> Ranker:
    """The weights in the package."""
    with (
        resources.as_file(resources.files("softaxes.motifs") / "ranking.npz") as path,
        np.load(path, allow_pickle=False) as file,
    ):
        mean, scale, weights = (file[name].astype(float) for name in ("mean", "scale", "weights"))
        return Ranker(mean, scale, weights, float(file["bias"]))

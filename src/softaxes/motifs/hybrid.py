"""Which motifs does a piece have? Candidates of SIATEC-C, merged by a learned likeness and ranked by a learned quality.

1 candidates   stretches of the lines that return exactly (``candidates``)
2 merge        for each, all places that the learned mix holds for returns of it (``returns``): what SIATEC-C splits
               into many patterns, one for each variant, becomes one
3 rank         a linear quality of ``TRAITS``: how well a motif of such traits agreed with one that musicians marked
4 choose       best first, leaving out motifs whose places mostly lie in the places of a better one

Weights: ``mix.npz`` and ``quality.npz``, made by runs/motif_mix.py and runs/motif_quality.py from annotated movements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.candidates import Candidate, candidates
from softaxes.motifs.lines import Lines, lines_of
from softaxes.motifs.mix import learned_mix
from softaxes.motifs.returns import Likeness, Place, returns
from softaxes.patterns.notes import Notes
from softaxes.patterns.pointset import TICKS_PER_BEAT, Points

TRAITS = (
    "log count", "log exact count", "log notes", "log beats", "notes per beat", "share", "mean probability",
    "first return, of the piece", "covered, of the lines", "rest before", "distinct steps", "distinct gaps", "one",
)  # fmt: skip
MOST_MOTIFS = 12
MOST_COVERED = 0.15  # of the lines: short pieces would lie outside what the quality was fitted on
SHARED = 0.4  # a motif is left out if a better one has more of its notes


@dataclass(frozen=True)
class Found:
    """A motif: the prototype among ``places``, its quality (about the agreement with a marked motif, 0 to 1)."""

    prototype: Place
    candidate: Candidate
    places: list[Place]
    traits: NDArray[np.float64]
    quality: float = 0.0


def merged(lines: Lines, alike: Likeness, least_log_odds: float = 0.0, most: int = 120) -> list[Found]:
    """Steps 1 and 2: every candidate with its places, those with two or more."""
    found = []
    for candidate in candidates(lines, most):
        places = returns(lines, candidate.first, candidate.last, alike, least_log_odds)
        if len(places) > 1:
            prototype = next(p for p in places if p.first == candidate.first)
            found.append(Found(prototype, candidate, places, traits(lines, candidate, places)))
    return found


def confident(lines: Lines, found: Found, least_log_odds: float) -> Found:
    """The motif with only those places that are at least so likely."""
    places = [p for p in found.places if p.log_odds >= least_log_odds]
    return Found(found.prototype, found.candidate, places, traits(lines, found.candidate, places))


def traits(lines: Lines, candidate: Candidate, places: list[Place]) -> NDArray[np.float64]:
    """The numbers that quality is read from, in the order of ``TRAITS``."""
    notes = lines.notes
    first, last = candidate.first, candidate.last
    onset = notes.onset[first : last + 1]
    size, beats = last - first + 1, (onset[-1] - onset[0]) / TICKS_PER_BEAT
    probability = 1 / (1 + np.exp(-np.array([p.log_odds for p in places])))
    begins_line = first == 0 or lines.line[first - 1] != lines.line[first]
    gaps = np.diff(onset)
    before = 8 * TICKS_PER_BEAT if begins_line else onset[0] - notes.onset[first - 1]
    steps = np.diff(notes.pitch("morphetic")[first : last + 1])
    length = max(1, int(np.ptp(notes.onset)))
    return np.array([
        np.log(len(places)), np.log(candidate.count), np.log(size), np.log(beats + 0.25), size / (beats + 1),
        candidate.share, probability.mean(),
        min(notes.onset[p.first] for p in places) / length - notes.onset.min() / length,
        min(MOST_COVERED, sum(p.last - p.first + 1 for p in places) / len(lines)),
        float(before > np.median(gaps)), len(np.unique(steps)) / len(steps), len(np.unique(gaps)) / len(gaps), 1.0,
    ])  # fmt: skip


def choose(lines: Lines, found: list[Found], weights: NDArray[np.float64], most: int, least: float) -> list[Found]:
    """Steps 3 and 4: at most ``most`` motifs of quality ``least`` or more (the best one in any case), best first."""
    rated = [replace(f, quality=float(f.traits @ weights)) for f in found]
    chosen: list[Found] = []
    owners: list[NDArray[np.bool_]] = []
    for motif in sorted(rated, key=lambda f: -f.quality):
        if chosen and (len(chosen) == most or motif.quality < least):
            break
        own = np.zeros(len(lines), bool)
        for place in motif.places:
            own[place.first : place.last + 1] = True
        if all((own & other).sum() <= SHARED * min(own.sum(), other.sum()) for other in owners):
            chosen.append(motif)
            owners.append(own)
    return chosen


def discover(notes: Notes, most: int = MOST_MOTIFS, alike: Likeness | None = None) -> list[list[Points]]:
    """Patterns, best first, each a list of (m, 2) points: a method for ``patterns.evaluate``."""
    if len(notes) == 0:
        return []
    lines = lines_of(notes)
    weights, least = learned_quality()
    found = choose(lines, merged(lines, alike or learned_mix()), weights, most, least)
    return [[lines.clip(p.first, p.last).points() for p in motif.places] for motif in found]


@cache
def learned_quality() -> tuple[NDArray[np.float64], float]:
    """Weights of the traits, and the least quality worth reporting, from the package."""
    with (
        resources.as_file(resources.files("softaxes.motifs") / "quality.npz") as path,
        np.load(path, allow_pickle=False) as file,
    ):
        return file["weights"].astype(float), float(file["least"])

"""Which motifs does a piece have? Proposals of SIATEC-C and delta-gamma matching, merged and ranked as was learned.

1 candidates   stretches of the lines that return exactly (``candidates``)
2 merge        for each, all places that the learned mix holds for returns of it (``returns``): what SIATEC-C splits
               into many patterns, one for each variant, becomes one
3 melodies     beside them, what delta-gamma matching finds in the top voice: other rhythms, other lengths in time
4 rank         a linear quality of the ``traits``: how well a motif of such traits agreed with one that musicians marked
5 choose       best first, each worth the less the more of it is in one that was chosen before

Weights: ``mix.npz`` and ``quality.npz``, made by runs/motif_mix.py and runs/motif_quality.py from annotated movements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.candidates import candidates
from softaxes.motifs.lines import Lines, lines_of, with_top_voice
from softaxes.motifs.mix import learned_mix
from softaxes.motifs.patterns.delta_gamma import repeated_melodies
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.pointset import Points
from softaxes.motifs.returns import Likeness, Place, returns
from softaxes.motifs.traits import describe

MOST_MOTIFS, MOST_PATTERNS = 12, 30  # for people; for a measure that asks for all
LONGEST_VOICE = 4_000  # notes of the top voice in which melodies are looked for at once
MOST_REPEATS = 20_000  # of them in one such block: music that comes round has one for every note
KEPT_APART = 0.75  # a melody has so many of its places left when those that overlap are gone
WORTH_TWICE = 0.2  # what is left of a motif's quality when a better one has all of it
SURE = 8.0  # log-odds of the prototype itself


@dataclass(frozen=True)
class Found:
    """A motif: the prototype among ``places``, whether it is a melody (step 3), its quality.

    Quality is about the agreement with a marked motif, 0 to 1.
    """

    prototype: Place
    places: list[Place]
    melody: bool = False
    quality: float = 0.0


@dataclass(frozen=True)
class Quality:
    """Weights of the traits: ``mean``, ``scale``, ``weights`` (F,) and ``bias`` ()."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def __call__(self, traits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quality (M,) of traits (M, F); traits beyond three deviations count as three: other music differs."""
        return standard(traits, self.mean, self.scale) @ self.weights + self.bias


def standard(traits: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Traits in deviations from the mean, at most three."""
    return np.clip((traits - mean) / scale, -3, 3)


def proposed(lines: Lines, alike: Likeness, most: int = 120) -> tuple[Lines, list[Found]]:
    """Steps 1 to 3: the lines with the top voice behind them, and all proposals in these."""
    whole = with_top_voice(lines)
    return whole, merged(lines, alike, most=most) + melodies(whole, alike)


def merged(lines: Lines, alike: Likeness, least_log_odds: float = 0.0, most: int = 120) -> list[Found]:
    """Steps 1 and 2: every candidate with its places, those with two or more."""
    found = []
    for candidate in candidates(lines, most):
        places = returns(lines, candidate.first, candidate.last, alike, least_log_odds)
        if len(distinct(lines, places, candidate.first)) > 1:
            found.append(Found(next(p for p in places if p.first == candidate.first), places))
    return found


def distinct(lines: Lines, places: Sequence[Place], prototype: int) -> list[Place]:
    """The places without those of equal notes, which two lines of one staff share; the prototype's own stays.

    For people. The quality sees both: where two lines are one, nothing else sounds, and that tells something.
    """
    onset, midi = lines.notes.onset, lines.notes.midi
    kept: dict[tuple[bytes, bytes], int] = {}
    for place in sorted(places, key=lambda p: p.first != prototype):
        notes = slice(place.first, place.last + 1)
        kept.setdefault((onset[notes].tobytes(), midi[notes].tobytes()), place.first)
    firsts = set(kept.values())
    return [p for p in places if p.first in firsts]


def melodies(lines: Lines, alike: Likeness) -> list[Found]:
    """Step 3: the repeated melodies of the last line, one note an onset; the first place is the prototype."""
    begin = int(np.searchsorted(lines.line, lines.line[-1])) if len(lines) else 0
    found = []
    for start in range(begin, len(lines), LONGEST_VOICE):
        points = np.stack([lines.notes.onset, lines.notes.midi], axis=1)[start : start + LONGEST_VOICE]
        for occurrences in repeated_melodies(points, most_repeats=MOST_REPEATS):
            first = start + np.searchsorted(points[:, 0], [o[0, 0] for o in occurrences])
            places = _melody(lines, first.tolist(), len(occurrences[0]), alike)
            if len(places) > 1 and len(places) >= KEPT_APART * len(occurrences):
                found.append(Found(places[0], places, melody=True))
    return found


def _melody(lines: Lines, starts: Sequence[int], size: int, alike: Likeness) -> list[Place]:
    """The places of ``size`` notes that begin at ``starts``, those that do not overlap an earlier one."""
    kept: list[int] = []
    for start in starts:
        if not kept or start >= kept[-1] + size:
            kept.append(start)
    clips = [lines.clip(start, start + size - 1) for start in kept]
    odds = [SURE, *alike(clips[:1], clips[1:])[0].tolist()] if len(clips) > 1 else [SURE]
    return [Place(start, start + size - 1, value) for start, value in zip(kept, odds, strict=True)]


def rated(lines: Lines, found: list[Found], quality: Quality) -> tuple[list[Found], NDArray[np.float64]]:
    """Step 4: the proposals with their quality, and how much they agree with each other, (M, M)."""
    traits, agreeing = describe(lines, [f.places for f in found], [f.melody for f in found])
    return [replace(f, quality=float(q)) for f, q in zip(found, quality(traits), strict=True)], agreeing


def choose(quality: NDArray[np.float64], agreeing: NDArray[np.float64], most: int) -> list[int]:
    """Step 5: the numbers of at most ``most`` motifs, best first; of those worth nothing only the first is taken."""
    chosen: list[int] = []
    known = np.zeros(len(quality))
    while len(chosen) < min(most, len(quality)):
        worth = np.where(quality > 0, quality * (1 - (1 - WORTH_TWICE) * known), quality)
        worth[chosen] = -np.inf
        best = int(worth.argmax())
        if chosen and worth[best] <= 0:
            break
        chosen.append(best)
        known = np.maximum(known, agreeing[best])
    return chosen


def best_motifs(
    notes: Notes, most: int, alike: Likeness | None = None, least_notes: int = 3
) -> tuple[Lines, list[Found]]:
    """All steps: the lines of a piece, and its motifs of ``least_notes`` or more, best first."""
    lines, found = proposed(lines_of(notes), alike or learned_mix())
    found = [f for f in found if f.prototype.last - f.prototype.first + 1 >= least_notes]
    known, agreeing = rated(lines, found, learned_quality())
    return lines, [known[k] for k in choose(np.array([f.quality for f in known]), agreeing, most)]


def discover(notes: Notes, most: int = MOST_PATTERNS, alike: Likeness | None = None) -> list[list[Points]]:
    """Patterns, best first, each a list of (m, 2) points: a method for ``patterns.evaluate``."""
    if len(notes) == 0:
        return []
    return as_patterns(*best_motifs(notes, most, alike))


def as_patterns(lines: Lines, found: Sequence[Found]) -> list[list[Points]]:
    """The points of every place of every motif."""
    points = np.stack([lines.notes.onset, lines.notes.midi], axis=1)  # a line has one note an onset, in order
    return [[points[p.first : p.last + 1] for p in motif.places] for motif in found]


@cache
def learned_quality() -> Quality:
    """The weights in the package."""
    with (
        resources.as_file(resources.files("softaxes.motifs") / "quality.npz") as path,
        np.load(path, allow_pickle=False) as file,
    ):
        mean, scale, weights = (file[name].astype(float) for name in ("mean", "scale", "weights"))
        return Quality(mean, scale, weights, float(file["bias"]))

"""Which motifs has a piece, and what becomes of each when it returns?

``find_motifs`` takes bare notes (``Notes``) and gives motifs, best first, each with all its returns in order of time;
where two lines or two staves carry it side by side, it returns once. A return is described against the
motif's first clear statement, its prototype:
"exact"         the same steps in semitones, the same gaps between onsets
"diatonic"      the same steps of the scale, the same gaps: a sequence within the key
"rhythm kept"   the same gaps, other pitches
"contour kept"  as many notes that go up, down or repeat at the same places, in another rhythm or other steps
"varied"        anything else that the match classifier holds for a return
Transposition is the median, over the notes that keep their place in time, of pitch less the prototype's, in semitones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from softaxes.motifs.hybrid import MOST_MOTIFS, MOST_REPEATS, Candidate, best_motifs, distinct, learned_classifier
from softaxes.motifs.lines import Lines
from softaxes.motifs.patterns.notes import Notes, Similarity
from softaxes.motifs.returns import Place, returns

RELATIONS = ("exact", "diatonic", "rhythm kept", "contour kept", "varied")


@dataclass(frozen=True)
class Return:
    """One return: its notes, how far it is transposed, what is kept (``RELATIONS``), and P(return of this motif)."""

    notes: Notes
    transposition_semitones: int
    relation: str
    probability: float


@dataclass(frozen=True)
class Motif:
    """A motif: a letter, the prototype's notes, all returns (the prototype among them) in order of time."""

    name: str
    prototype: Notes
    returns: list[Return]
    ranking_score: float


def find_motifs(
    notes: Notes, most: int = MOST_MOTIFS, least_notes: int = 3, classifier: Similarity | None = None
) -> list[Motif]:
    """At most ``most`` motifs of ``least_notes`` notes or more, best first; none in a piece where nothing returns.

    Raises:
        ValueError: ``most`` or ``least_notes`` out of range.
    """
    if most < 1:
        raise ValueError(f"`most` must be >= 1 motif, got {most}")
    if least_notes < 3:
        raise ValueError(f"`least_notes` must be >= 3 (two notes are an interval, not a motif), got {least_notes}")
    if len(notes) < 2 * least_notes:
        return []
    lines, found = best_motifs(notes, most, classifier, least_notes)
    return [_motif(lines, everywhere(lines, f, classifier), _name(k)) for k, f in enumerate(found)]


def everywhere(lines: Lines, found: Candidate, classifier: Similarity | None = None) -> Candidate:
    """A chosen motif with all its returns: while candidates compete, each is looked for at its best places only."""
    if found.melody and len(found.places) < MOST_REPEATS:
        return found
    places = returns(lines, found.prototype.first, found.prototype.last, classifier or learned_classifier(), most=None)
    return replace(found, places=places) if len(places) > len(found.places) else found


def one_a_beginning(places: list[Place], lines: Lines, prototype: int) -> list[Place]:
    """Of places that begin together, in two lines or staves that carry the motif side by side, the likeliest one."""
    best: dict[int, Place] = {}
    for place in sorted(places, key=lambda p: (p.first != prototype, -p.log_odds, p.first)):
        best.setdefault(int(lines.notes.onset[place.first]), place)
    return sorted(best.values(), key=lambda p: lines.notes.onset[p.first])


def relation(prototype: Notes, clip: Notes) -> str:
    """What of the prototype is kept in the clip: one of ``RELATIONS``. Both by onset, one note an onset."""
    if len(prototype) != len(clip):
        return "varied"
    same_gaps = np.array_equal(np.diff(prototype.onset), np.diff(clip.onset))
    if same_gaps and np.array_equal(np.diff(prototype.midi), np.diff(clip.midi)):
        return "exact"
    if same_gaps and _same_steps(prototype, clip):
        return "diatonic"
    if same_gaps:
        return "rhythm kept"
    same_contour = np.array_equal(np.sign(np.diff(prototype.midi)), np.sign(np.diff(clip.midi)))
    return "contour kept" if same_contour else "varied"


def transposition(prototype: Notes, clip: Notes) -> int:
    """Median distance in semitones of the notes that keep their place in time; of the means where none does."""
    _, a, b = np.intersect1d(prototype.onset - prototype.onset[0], clip.onset - clip.onset[0], return_indices=True)
    if len(a) == 0:
        return round(float(clip.midi.mean() - prototype.midi.mean()))
    distances = np.sort(clip.midi[b] - prototype.midi[a])
    return int(distances[(len(distances) - 1) // 2])


def _same_steps(prototype: Notes, clip: Notes) -> bool:
    if prototype.morphetic is None or clip.morphetic is None:
        return False
    return np.array_equal(np.diff(prototype.morphetic), np.diff(clip.morphetic))


def _motif(lines: Lines, found: Candidate, name: str) -> Motif:
    prototype = lines.clip(found.prototype.first, found.prototype.last)
    found_returns = []
    for place in one_a_beginning(distinct(lines, found.places, found.prototype.first), lines, found.prototype.first):
        clip = lines.clip(place.first, place.last)
        probability = float(1 / (1 + np.exp(-place.log_odds)))
        found_returns.append(Return(clip, transposition(prototype, clip), relation(prototype, clip), probability))
    return Motif(name, prototype, found_returns, found.ranking_score)


def _name(index: int) -> str:
    """A, B, ..., Z, A2, B2, ..."""
    letter = chr(ord("A") + index % 26)
    return letter if index < 26 else f"{letter}{index // 26 + 1}"

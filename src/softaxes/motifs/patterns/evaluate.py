"""How does every method fare on the same movements, by the same measures?

Methods are plain callables in a dict, so a learned one is added by adding a key:
retrieval  name -> similarity(queries, gallery): two lists of clips (``Notes``) to a score matrix, larger = more similar
discovery  name -> discover(notes): the notes of a movement to patterns, best first, each a list of (m, 2) point arrays

``evaluate_retrieval`` and ``evaluate_discovery`` give one row a movement; ``summary`` gives means over movements with a
95 % bootstrap interval. Discovery is scored against all occurrences at absolute positions, chromatic pitch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns.cosiatec import cosiatec
from softaxes.motifs.patterns.datasets.bps_motif import Movement
from softaxes.motifs.patterns.delta_gamma import repeated_melodies
from softaxes.motifs.patterns.forth import forth
from softaxes.motifs.patterns.matrix_profile import profile_motifs
from softaxes.motifs.patterns.notes import Notes, Similarity
from softaxes.motifs.patterns.pointset import TEC, Points
from softaxes.motifs.patterns.ranking import widen
from softaxes.motifs.patterns.scores.discovery import discovery_scores
from softaxes.motifs.patterns.scores.retrieval import non_exact_tasks, retrieval
from softaxes.motifs.patterns.siatec import siatec
from softaxes.motifs.patterns.siatec_c import FOUR_BEATS, siatec_c
from softaxes.motifs.patterns.siateccompress import better_of_conjugates, siateccompress
from softaxes.motifs.patterns.similarities import SIMILARITIES
from softaxes.motifs.patterns.tecs import TECList
from softaxes.motifs.patterns.trawler import siact
from softaxes.motifs.patterns.wavelets import wavelet_patterns

Patterns = list[list[NDArray[np.int64]]]
Discover = Callable[[Notes], Patterns]
Rows = dict[str, list[dict[str, float]]]

RETRIEVAL_MEASURES = ("map", "p1", "map_nonexact")
DISCOVERY_MEASURES = ("est_f1", "occ75_f1", "occ5_f1", "three_layer_f1")
MIN_NOTES = 3  # shorter patterns are not reported: no motif that musicians mark is a mere interval


def patterns_of(tecs: Sequence[TEC], min_size: int = MIN_NOTES) -> Patterns:
    """Discovery output of TECs: those that repeat and have at least ``min_size`` points."""
    return [list(t.occurrences()) for t in tecs if len(t.pattern) >= min_size and len(t.translators) > 1]


def cosiatec_patterns(notes: Notes, segment: bool = False) -> Patterns:
    """COSIATEC; in segment mode each occurrence is widened to all notes of its time span."""
    found = patterns_of(_cosiatec(notes.points().tobytes()))
    return widened(found, notes) if segment else found


def siateccompress_patterns(notes: Notes, segment: bool = False, delta_ticks: int | None = None) -> Patterns:
    """SIATECCompress, or SIATEC-CCompress when ``delta_ticks`` is given."""
    found = patterns_of(_siateccompress(notes.points().tobytes(), delta_ticks))
    return widened(found, notes) if segment else found


def forth_patterns(notes: Notes, trawl: bool = True, least_new: int = 2) -> Patterns:
    """Primary patterns of Forth's cover, over the TECs of the compactness trawler or of SIATEC."""
    tecs = siact(notes.points()) if trawl else _siatec(notes.points().tobytes())
    return patterns_of([group[0] for group in forth(tecs, least_new)])


def siatec_c_patterns(notes: Notes, top: int | None = None) -> Patterns:
    """SIATEC-C with delta = 4 beats: all TECs, or the ``top`` by ranking score."""
    tecs = siatec_c(notes.points())
    ranked = tecs if top is None else better_of_conjugates(tecs)
    return patterns_of(list(ranked))[:top]


def siatec_patterns(notes: Notes, top: int = 100) -> Patterns:
    """The ``top`` TECs of SIATEC by ranking score."""
    ranked = better_of_conjugates(_siatec(notes.points().tobytes()))
    return patterns_of(list(ranked[: 4 * top]))[:top]


def compressed(points: NDArray[np.int64]) -> Patterns:
    """SIATEC-CCompress with delta = 4 beats on bare points."""
    return patterns_of(siateccompress(points, delta_ticks=FOUR_BEATS))


def on_skyline(discover: Callable[..., Patterns], notes: Notes) -> Patterns:
    """A one-voice method applied to the top voice."""
    return discover(notes.skyline().points())


# The last result of a slow algorithm is kept: the method after it in the table often starts from the same one.


@lru_cache(maxsize=1)
def _siatec(points: bytes) -> TECList:
    return siatec(_unpack(points))


@lru_cache(maxsize=1)
def _cosiatec(points: bytes) -> list[TEC]:
    return cosiatec(_unpack(points))


@lru_cache(maxsize=1)
def _siateccompress(points: bytes, delta_ticks: int | None) -> list[TEC]:
    return siateccompress(_unpack(points), delta_ticks=delta_ticks)


def _unpack(points: bytes) -> NDArray[np.int64]:
    return np.frombuffer(points, np.int64).reshape(-1, 2)


def widened(patterns: Patterns, notes: Notes) -> Patterns:
    """Segment mode."""
    points = notes.points()
    return [list(widen(np.array(occurrences), points, "segment")) for occurrences in patterns]


DISCOVERY: dict[str, Discover] = {
    "siatec (100 best)": siatec_patterns,
    "forth": partial(forth_patterns, trawl=False),
    "cosiatec": cosiatec_patterns,
    "cosiatec, segments": partial(cosiatec_patterns, segment=True),
    "siateccompress": siateccompress_patterns,
    "siateccompress, segments": partial(siateccompress_patterns, segment=True),
    "forth, trawler": forth_patterns,
    "siatec-c": siatec_c_patterns,
    "siatec-c (100 best)": partial(siatec_c_patterns, top=100),
    "siatec-c compress": partial(siateccompress_patterns, delta_ticks=FOUR_BEATS),
    "siatec-c compress, skyline": partial(on_skyline, compressed),
    "delta-gamma, skyline": partial(on_skyline, repeated_melodies),
    "matrix profile, skyline": partial(on_skyline, profile_motifs),
    "wavelets, skyline": partial(on_skyline, wavelet_patterns),
}


def evaluate_retrieval(movements: Sequence[Movement], methods: Mapping[str, Similarity] = SIMILARITIES) -> Rows:
    """{method: [{"map", "p1", "map_nonexact"} per movement]}; all methods see the same distractors."""
    rows: Rows = {name: [] for name in methods}
    for movement in movements:
        tasks = non_exact_tasks(movement)
        for name, similarity in methods.items():
            rows[name].append(asdict(retrieval(movement, similarity, tasks)))
    return rows


class Annotated(Protocol):
    """A piece of which it is known where patterns return: a ``Movement``, or a ``jku_pdd.Piece``."""

    @property
    def notes(self) -> Notes: ...

    def patterns(self) -> list[list[Points]]: ...


def evaluate_discovery(movements: Sequence[Annotated], methods: Mapping[str, Discover] = DISCOVERY) -> Rows:
    """{method: [{"est_f1", "occ75_f1", "occ5_f1", "three_layer_f1"} per movement]}."""
    rows: Rows = {name: [] for name in methods}
    for movement in movements:
        truth = movement.patterns()
        for name, discover in methods.items():
            scores = discovery_scores(truth, discover(movement.notes))
            rows[name].append({measure: scores[measure] for measure in DISCOVERY_MEASURES})
    return rows


def means(rows: Rows) -> dict[str, dict[str, float]]:
    """{method: {measure: mean over movements}}; movements where a measure is NaN are left out of it."""
    return {name: {m: _mean(_finite([row[m] for row in r])) for m in r[0]} for name, r in rows.items() if r}


def summary(rows: Rows, draws: int = 2000, seed: int = 0) -> dict[str, dict[str, tuple[float, float, float]]]:
    """{method: {measure: (mean, low, high)}}: 95 % percentile interval over movements drawn with replacement."""
    from softaxes.diagnostics.bootstrap import interval

    table: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, per_movement in rows.items():
        table[name] = {}
        for measure in per_movement[0] if per_movement else ():
            values = _finite([row[measure] for row in per_movement])
            low, high = interval(values, n=draws, seed=seed) if len(values) else (float("nan"), float("nan"))
            table[name][measure] = (_mean(values), low, high)
    return table


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _finite(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.array(values, float)
    return array[np.isfinite(array)]

"""Which motifs repeat in the open song, and where in the corpus is something like the notes that were chosen?

The page knows two functions of this module, and nothing else of how motifs are found:

    find_motifs(notes, song)            -> {"motifs": [{"notes", "occurrences": [{"start", "bar", "beat", "place",
                                            "transposition", "kept", "notes"}]}]}
    search_motif(chosen, atlas, ...)    -> {"results": [...], "windows", "songs", "total"}

Repeats come from SIATEC-C: patterns of `SMALLEST` notes or more, at most `LONGEST_BEATS` long, two thirds of whose span
is their own, ranked by the notes that they save. Each is then looked for in the top voice with its rhythm kept and its
pitches free. "exact": transposed as a whole; "contour": same rhythm, same ups and downs; "rhythm": the onsets alone.

The corpus is asked through the model: windows whose latents, axes removed, point where that of the chosen notes does.
Which transposition and shift maps the choice onto a window, and how much of it is there, is then read off the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from softaxes.model import Model
from softaxes.music.rolls import notes_to_roll, texture_notes
from softaxes.music.song import Song
from softaxes.patterns.pointset import TICKS_PER_BEAT

if TYPE_CHECKING:
    from softaxes.explorer.atlas import Atlas
    from softaxes.patterns.tecs import TECList

SMALLEST, LONGEST_BEATS, COMPACT = 4, 16, 2 / 3
MOTIFS = 12  # most that are shown
NEW = 1 / 3  # share of a motif's notes that no better one holds
RHYTHM_NOTES = 6  # shorter rhythms return everywhere
MOST_NOTES = 6000  # of a song: a second of one core
CHOSEN_NOTES = 64
RESULTS, VERIFIED = 24, 72
Notes = NDArray[np.void]
Places = Int[np.ndarray, "occurrences notes"]


# ---------------------------------------------------------------------- within one song


def find_motifs(notes: Notes, song: Song) -> dict[str, Any]:
    """The song's repeated motifs, best first; "notes" are those of the first occurrence, [onset, duration, pitch].

    Args:
        notes: the song's texture, sorted by onset.
        song: for bars and beats.

    Raises:
        ValueError: more than `MOST_NOTES` notes; numba is not installed.
    """
    if len(notes) > MOST_NOTES:
        raise ValueError(f"motifs are looked for in songs of at most {MOST_NOTES:,} notes, this one has {len(notes):,}")
    found = []
    for places in repeats(notes, song):
        exact = [(row, "exact") for row in places]
        both = sorted(exact + varied(notes, places), key=lambda pair: int(pair[0][0]))
        first = notes[places[0]]
        found.append(
            {"notes": rows_of(first), "occurrences": [_occurrence(notes[row], first, kept, song) for row, kept in both]}
        )
    return {"motifs": found}


def repeats(notes: Notes, song: Song) -> list[Places]:
    """For each motif, the notes (indices, one row an occurrence) of its exact repeats, none overlapping another."""
    tecs = _siatec_c(notes, song.steps_per_beat)
    longest = LONGEST_BEATS * song.steps_per_beat
    index = {(int(n["onset"]), int(n["pitch"])): i for i, n in enumerate(notes)}
    candidates = []
    for k in np.flatnonzero(tecs.sizes() >= SMALLEST):
        tec = tecs[int(k)]
        points = tec.occurrences() // [TICKS_PER_BEAT // song.steps_per_beat, 1]
        places = np.array([[index[int(x), int(y)] for x, y in row] for row in points])
        for variant in (places, before_the_next(notes, places)):
            if variant.shape[1] < SMALLEST or _span(notes, variant[0]) > longest:
                continue
            if _compactness(notes, variant[0]) >= COMPACT:
                apart = without_overlaps(notes, variant)
                candidates.append(((len(apart) - 1) * (variant.shape[1] - 1), apart))
    candidates.sort(key=lambda pair: -pair[0])
    chosen, covered = list[Places](), np.zeros(len(notes), bool)
    for score, places in candidates:
        if score > 0 and (~covered[places]).mean() >= NEW and len(chosen) < MOTIFS:
            chosen.append(places)
            covered[places] = True
    return chosen


def _siatec_c(notes: Notes, steps_per_beat: int) -> TECList:
    from softaxes.patterns.siatec_c import siatec_c  # numba: seconds that a page without motifs need not wait for

    ticks = TICKS_PER_BEAT // steps_per_beat
    try:
        return siatec_c(np.stack([notes["onset"].astype(np.int64) * ticks, notes["pitch"].astype(np.int64)], axis=1))
    except ImportError as error:  # numba comes with the extra "patterns"
        raise ValueError(str(error)) from None


def before_the_next(notes: Notes, places: Places) -> Places:
    """The part of a motif that lies before its next occurrence begins: what is left where occurrences overlap."""
    starts = np.unique(notes["onset"][places[:, 0]])
    nearest = int(np.diff(starts).min()) if len(starts) > 1 else 0
    return places[:, notes["onset"][places[0]] - notes["onset"][places[0, 0]] < nearest]


def without_overlaps(notes: Notes, places: Places) -> Places:
    """Of occurrences in order, those that begin after the last kept one has ended."""
    kept, end = list[int](), -1
    for k in np.argsort(notes["onset"][places[:, 0]], kind="stable"):
        if notes["onset"][places[k, 0]] >= end:
            kept.append(int(k))
            end = _end(notes, places[k])
    return places[kept]


def varied(notes: Notes, places: Places) -> list[tuple[NDArray[np.int64], str]]:
    """Other places in the top voice with the motif's rhythm, and what else they keep; none overlaps any other.

    What keeps more goes first; "exact" ones are left where the motif is a part of what was found. A motif with
    simultaneous notes has none.
    """
    first = notes[places[0]]
    offsets = first["onset"] - first["onset"][0]
    top = {int(n["onset"]): i for i, n in enumerate(notes)}  # sorted by onset, then pitch: the highest stays
    onsets = np.array(sorted(top))
    taken = [(int(notes["onset"][row[0]]), _end(notes, row)) for row in places]
    found = list[tuple[NDArray[np.int64], str]]()
    for wanted in ("exact", "contour", "rhythm") if len(first) >= RHYTHM_NOTES else ("exact", "contour"):
        for start in onsets.tolist():
            inside = onsets[(onsets >= start) & (onsets <= start + offsets[-1])]
            if len(inside) != len(offsets) or not np.array_equal(inside - start, offsets):
                continue
            row = np.array([top[int(at)] for at in inside])
            end = _end(notes, row)
            if any(start < b and a < end for a, b in taken):
                continue
            kept = _likeness(notes["pitch"][row], first["pitch"])
            if kept == wanted or wanted == "rhythm":
                found.append((row, kept))
                taken.append((start, end))
    return found


def _likeness(pitch: NDArray[np.int16], first: NDArray[np.int16]) -> str:
    steps, wanted = (np.diff(p.astype(int)) for p in (pitch, first))
    if np.array_equal(steps, wanted):
        return "exact"
    return "contour" if np.array_equal(np.sign(steps), np.sign(wanted)) else "rhythm"


def _span(notes: Notes, row: NDArray[np.int64]) -> int:
    return int(notes["onset"][row].max() - notes["onset"][row[0]])


def _end(notes: Notes, row: NDArray[np.int64]) -> int:
    """Where the last note begins, plus one: a held last note may reach into the next occurrence."""
    return int(notes["onset"][row].max()) + 1


def _compactness(notes: Notes, row: NDArray[np.int64]) -> float:
    begin, end = notes["onset"][row[0]], notes["onset"][row].max()
    return len(row) / int(((notes["onset"] >= begin) & (notes["onset"] <= end)).sum())


def _occurrence(occurrence: Notes, first: Notes, kept: str, song: Song) -> dict[str, Any]:
    start = int(occurrence["onset"][0])
    place = song.place(start)
    bar, _, beat = place.partition(":")
    return {
        "start": start,
        "bar": int(bar),
        "beat": beat,
        "place": place,
        "transposition": int(occurrence["pitch"][0]) - int(first["pitch"][0]),
        "kept": kept,
        "notes": rows_of(occurrence),
    }


def rows_of(notes: Notes) -> list[list[int]]:
    """[onset, duration, pitch] of each note."""
    return [[int(n["onset"]), int(n["duration"]), int(n["pitch"])] for n in notes]


# ---------------------------------------------------------------------- in the corpus


def search_motif(chosen: Notes, song: Song, model: Model, atlas: Atlas, *, own_id: str = "") -> dict[str, Any]:
    """Windows of the atlas most like the chosen notes, register and position apart.

    Args:
        chosen: notes of ``song``, sorted by onset; those beyond one window of the model, from the bar in which the
            first begins, are left out.
        own_id: the song's id in the library; the place itself is no result.

    Returns:
        {"results", "windows", "songs", "total", "used"}: results as {"song", "name", "start", "place", "transposition",
        "shift", "kept", "of", "likeness"}: ``kept`` of ``of`` notes begin there at the right step and pitch once moved
        by ``transposition`` semitones; ``likeness`` is the cosine of the latents with axes removed. Sorted by both.

    Raises:
        ValueError: fewer than 2 or more than `CHOSEN_NOTES` notes.
    """
    if not 2 <= len(chosen) <= CHOSEN_NOTES:
        raise ValueError(f"choose 2 to {CHOSEN_NOTES} notes, got {len(chosen)}")
    begin = int(song.bars(int(chosen["onset"][0]) + 1)["start"][-1])
    chosen = chosen[chosen["onset"] < begin + model.window_steps]
    rows, content = atlas.content()
    told = atlas.describe()
    answer = {"results": [], "windows": len(rows), "songs": told["done"], "total": told["total"], "used": len(chosen)}
    if len(rows) == 0 or len(chosen) < 2:
        return answer
    query = model.axes.remove(model.encode(notes_to_roll(chosen, model.window_steps, begin)[None])).numpy()[0]
    likeness = cosines_to(query, content)
    entries, results = atlas.entries, list[dict[str, Any]]()
    for k in np.argsort(-likeness, kind="stable")[:VERIFIED]:
        entry, start = entries[int(rows[k, 0])], int(rows[k, 1])
        try:
            other = atlas.library.open(entry.id)
        except (ValueError, OSError):
            continue  # its file went away since it was mapped
        notes = texture_notes(other, atlas.grid.texture)
        near = notes[(notes["onset"] >= start) & (notes["onset"] < start + model.window_steps)]
        kept, pitch, at = best_match(chosen, near)
        if entry.id == own_id and at == int(chosen["onset"][0]) and pitch == 0:
            continue
        results.append(
            {
                "song": entry.id,
                "name": entry.name,
                "start": start,
                "at": at,
                "place": other.place(at),
                "transposition": pitch,
                "kept": kept,
                "of": len(chosen),
                "likeness": round(float(likeness[k]), 3),
            }
        )
    answer["results"] = distinct(sorted(results, key=lambda row: (-row["kept"], -row["likeness"])))[:RESULTS]
    return answer


def cosines_to(query: Float[np.ndarray, " D"], content: Float[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
    """Cosines between a code and many, all from their common mean; 0 where one is the mean."""
    mean = content.mean(axis=0)
    one, many = query - mean, content - mean
    lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
    return np.divide(many @ one, lengths, out=np.zeros(len(many), lengths.dtype), where=lengths > 0)


def best_match(chosen: Notes, others: Notes) -> tuple[int, int, int]:
    """The translation that lays most of ``chosen`` on ``others``: how many notes, semitones, the first note's step.

    Ties: the smaller transposition, then the earlier step. Without ``others``: none of them.
    """
    points = [np.stack([n["onset"].astype(int), n["pitch"].astype(int)], axis=1) for n in (chosen, others)]
    if len(others) == 0:
        return 0, 0, int(chosen["onset"][0])
    vectors = (points[1][None] - points[0][:, None]).reshape(-1, 2)
    different, counts = np.unique(vectors, axis=0, return_counts=True)
    best = np.lexsort((different[:, 0], np.abs(different[:, 1]), -counts))[0]
    steps, semitones = different[best].tolist()
    return int(counts[best]), semitones, max(0, int(chosen["onset"][0]) + steps)


def distinct(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Windows overlap: of results at one place of a song the first stays."""
    seen, kept = set(), []
    for row in results:
        if (row["song"], row["at"]) not in seen:
            seen.add((row["song"], row["at"]))
            kept.append(row)
    return kept


def chosen_indices(text: str, length: int) -> NDArray[np.int64]:
    """Indices that an address names, "3-7,9"; ValueError if they are none of 0..length-1."""
    wanted: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        numbers = [first, last] if dash else [first]
        if not all(number.isascii() and number.isdigit() for number in numbers):
            raise ValueError(f"`notes` must be numbers and ranges such as 3-7,9, got {text[:40]!r}")
        begin, end = int(numbers[0]), int(numbers[-1])
        if not begin <= end < length:
            raise ValueError(f"`notes` must name notes 0..{length - 1} of the song, got {part[:40]!r}")
        wanted.update(range(begin, end + 1))
    return np.array(sorted(wanted))

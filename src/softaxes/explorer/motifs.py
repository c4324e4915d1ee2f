"""Which motifs has the open song, and where in the corpus is something like the notes that were chosen?

The page knows two functions of this module, and nothing else of how motifs are found:

    motifs_of(finer, song, texture)     -> {"motifs": [{"name", "notes", "occurrences": [{"start", "place", "relation",
                                            "transposition", "probability", "track", "statement", "notes", "held"}]}]}
    search_motif(chosen, atlas, ...)    -> {"results": [...], "windows", "songs", "total"}

Motifs are those of ``softaxes motifs find``, read on its grid, which is finer than the model's. The page draws the
model's: so each note of an occurrence also says which drawn note it is ("held").

The corpus is asked through the model: windows whose latents, register and chroma removed, point where that of the
chosen notes does once it is turned by the best delay.
Which transposition and shift maps the choice onto a window, and how much of it is there, is then read off the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from softaxes.data.music.rolls import Texture, full_texture, notes_to_roll, texture_notes
from softaxes.data.music.song import Song
from softaxes.explorer.atlas import Atlas
from softaxes.geometry.alignment import align
from softaxes.geometry.axes import Axes, LineAxis
from softaxes.model.model import Model
from softaxes.motifs.patterns.notes import Notes as Points
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT

MOST_NOTES = 20_000  # of a song: some ten seconds of one core
CHOSEN_NOTES = 64
RESULTS, VERIFIED = 24, 72
Notes = NDArray[np.void]


# ---------------------------------------------------------------------- within one song


def motifs_of(finer: Song, song: Song, texture: Texture) -> dict[str, Any]:
    """The song's motifs, best first, as ``softaxes motifs find`` finds and describes them.

    Args:
        finer: the song on the grid of that command.
        song: the same on the model's grid, in whose steps everything is given (of the finer grid: to 1/1000).
        texture: what the model hears; see `drawn_notes`.

    Returns:
        "notes" are those of the prototype, [onset, duration, pitch]; of the occurrences the one that is the prototype
        has "statement". "held": for each note, its place in the two arrays of `drawn_notes`, one after the other.

    Raises:
        ValueError: more than `MOST_NOTES` notes; numba is not installed.
    """
    from softaxes.songs.motifs import motifs_of_song

    if len(finer.notes) > MOST_NOTES:
        raise ValueError(
            f"motifs are looked for in songs of at most {MOST_NOTES:,} notes, this one has {len(finer.notes):,}"
        )
    found = motifs_of_song(finer)
    drawn, ticks = np.concatenate(drawn_notes(song, texture)), TICKS_PER_BEAT / song.steps_per_beat
    motifs = []
    for motif, rows in zip(found.motifs, found.rows, strict=True):
        occurrences = [
            {
                "start": _steps(returned.notes.onset[0], ticks),
                "place": row["place"],
                "track": row["track"],
                "transposition": returned.transposition_semitones,
                "relation": returned.relation,
                "probability": row["probability"],
                "statement": _same(returned.notes, motif.prototype),
                "notes": _note_rows(returned.notes, ticks),
                "held": nearest(drawn, returned.notes.onset / ticks, returned.notes.midi),
            }
            for row, returned in zip(rows, motif.returns, strict=True)
        ]
        motifs.append({"name": motif.name, "notes": _note_rows(motif.prototype, ticks), "occurrences": occurrences})
    return {"motifs": motifs}


def drawn_notes(song: Song, texture: Texture) -> tuple[Notes, Notes]:
    """What the page draws: the notes that the model hears, and all others but drums."""
    heard, every = texture_notes(song, texture), full_texture(song)
    return heard, every[~np.isin(_keys(every), _keys(heard))]


def nearest(drawn: Notes, onset_steps: Float[np.ndarray, " n"], pitch: NDArray[np.int64]) -> list[int]:
    """Which note of ``drawn`` each note is: of those of its pitch, the first that begins nearest; -1 where none is."""
    places = []
    for onset, midi in zip(onset_steps, pitch, strict=True):
        same = np.flatnonzero(drawn["pitch"] == midi)
        away = np.abs(drawn["onset"][same] - onset)
        places.append(int(same[away.argmin()]) if len(same) else -1)
    return places


def _keys(notes: Notes) -> NDArray[np.int64]:
    return notes["onset"].astype(np.int64) * 128 + notes["pitch"]


def _same(notes: Points, others: Points) -> bool:
    same_place = np.array_equal(notes.onset, others.onset) and np.array_equal(notes.midi, others.midi)
    return same_place and (notes.staff is None or others.staff is None or bool((notes.staff == others.staff).all()))


def _note_rows(notes: Points, ticks: float) -> list[list[float]]:
    columns = zip(notes.onset, notes.duration, notes.midi, strict=True)
    return [[_steps(onset, ticks), _steps(duration, ticks), int(pitch)] for onset, duration, pitch in columns]


def _steps(at: float, ticks: float) -> float:
    """Ticks in steps of ``ticks``: a whole number where it is one, as JSON tells it."""
    steps = round(float(at) / ticks, 3)
    return int(steps) if steps == int(steps) else steps


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
        "shift", "kept", "of", "similarity"}: ``kept`` of ``of`` notes begin there at the right step and pitch moved
        by ``transposition`` semitones; ``similarity`` is that of `similarity_to`. Sorted by both.

    Raises:
        ValueError: fewer than 2 or more than `CHOSEN_NOTES` notes.
    """
    if not 2 <= len(chosen) <= CHOSEN_NOTES:
        raise ValueError(f"choose 2 to {CHOSEN_NOTES} notes, got {len(chosen)}")
    begin = int(song.bars(int(chosen["onset"][0]) + 1)["start"][-1])
    chosen = chosen[chosen["onset"] < begin + model.window_steps]
    rows, latents = atlas.windows()
    state = atlas.describe()
    answer = {"results": [], "windows": len(rows), "songs": state["done"], "total": state["total"], "used": len(chosen)}
    if len(rows) == 0 or len(chosen) < 2:
        return answer
    query = model.encode(notes_to_roll(chosen, model.window_steps, begin)[None])[0]
    similarity = similarity_to(query, torch.from_numpy(latents), model.axes)
    entries, results = atlas.entries, list[dict[str, Any]]()
    for k in np.argsort(-similarity, kind="stable")[:VERIFIED]:
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
                "similarity": round(float(similarity[k]), 3),
            }
        )
    answer["results"] = distinct(sorted(results, key=lambda row: (-row["kept"], -row["similarity"])))[:RESULTS]
    return answer


def similarity_to(query: Float[Tensor, " D"], latents: Float[Tensor, "n D"], axes: Axes) -> Float[np.ndarray, " n"]:
    """Cosines between a latent and many, lines and what follows them removed, the rest turned until they fit best."""
    lines = [name for name, axis in axes.items() if isinstance(axes[axis.kind.family], LineAxis)]
    turning = [name for name, axis in axes.items() if axis.kind.family == name not in lines]
    one, many = (axes.remove(z, *lines) for z in (query[None], latents)) if lines else (query[None], latents)
    return align(one, many, axes, kinds=turning).similarity[0].numpy()


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

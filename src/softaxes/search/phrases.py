"""``softaxes motifs phrases FOLDER``: are a pop song's equal phrases found, and by what?

Goal: within a song of POP909, every melodic phrase is a query once; relevant are the other phrases of its letter (human
labels). Mean average precision over a song's queries, then the mean over songs, with intervals over songs. The second
figure leaves exact returns out of the gallery (same notes, moved in time and pitch as a whole), so only varied returns
are to be found.

    learned code           codes of the melody at every bar, one bar long, and two where they lie inside the phrase:
                           mean of both best diagonals (`softaxes.search.stretches`)
    overlap                most melody notes that one translation in time and pitch makes coincide
    chroma                 beat chroma of all tracks, best diagonal of the self-similarity matrix
    chroma, any key        the same under the best of twelve transpositions
    learned and overlap    mean of the two
    note count, bars       controls: what the size of a phrase gives away
    chance                 a constant score

A model is judged on the songs that its card names as test songs, where it was trained on POP909.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softaxes.data.music import Song
from softaxes.data.music.folders import read_files
from softaxes.data.music.manifest import Skipped
from softaxes.data.music.pop909 import song_files, song_folder
from softaxes.data.music.rolls import full_texture, melody
from softaxes.data.optional import need
from softaxes.diagnostics.bootstrap import interval
from softaxes.model.model import Model
from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.patterns.scores.phrases import label_offset, phrase_spans, read_phrases
from softaxes.motifs.patterns.scores.retrieval import average_precision, exact_pairs
from softaxes.motifs.patterns.similarities import note_count, overlap
from softaxes.search.index.build import encode_clips, index_settings
from softaxes.search.stretches import best_of_keys, chroma_parts, stretch_similarity

METHODS = (
    "learned code",
    "overlap",
    "chroma",
    "chroma, any key",
    "learned and overlap",
    "note count",
    "bars",
    "chance",
)
POWER = 2.0  # of the codes' cosines; chosen with the clips on songs that do not count here, see docs/LOG.md
Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class SongPhrases:
    """A song's melodic phrases: labels, bars, spans in steps, and each one's melody in ticks of its own notes."""

    name: str
    letters: tuple[str, ...]
    bars: tuple[int, ...]
    spans: NDArray[np.int64]
    notes: tuple[NDArray[np.void], ...]

    def clips(self) -> list[Notes]:
        """The phrases' melodies for the classic similarities."""
        return [
            Notes(n["onset"].astype(np.int64), n["pitch"].astype(np.int64), n["duration"].astype(np.int64))
            for n in self.notes
        ]


def judge_phrases(model: Model, folder: Path, *, annotator: int = 1, held_out: bool = True) -> dict[str, Any]:
    """{"songs", "phrases", "left_out", "methods": {name: {"map", "map_varied"}}, "apart"} with intervals over songs."""
    need("numba", "comparing phrases")  # said once, not as a reason to leave out each song
    wanted = _test_songs(model) if held_out else None
    root, left_out = song_folder(folder), {}
    rows: list[dict[str, tuple[float, float]]] = []
    phrases = 0
    for read in read_files(root, song_files(root), index_settings(model).steps_per_beat):
        name = str(Path(read[0]).parent)
        if wanted is not None and name not in wanted:
            continue
        try:
            if isinstance(read, Skipped):
                raise ValueError(read.reason)
            found = song_phrases(name, read[1], root / name, annotator)
            rows.append(judge_song(phrase_scores(model, read[1], found), found))
            phrases += len(found.letters)
        except (ValueError, OSError) as error:
            left_out[name] = " ".join(str(error).replace(f"{root}/", "").split())
    if not rows:
        raise ValueError(f"no song of {root.name} has two phrases of one letter to find ({len(left_out)} left out)")
    return _record(rows, phrases, left_out)


def song_phrases(name: str, song: Song, folder: Path, annotator: int = 1) -> SongPhrases:
    """The labelled melodic phrases of a song that hold at least two notes; ValueError where no letter repeats."""
    labels, lines, notes = read_phrases(folder, annotator), song.downbeats(), melody(song)
    offset = label_offset(labels, lines, float(notes["onset"].min()))
    spans = np.rint(phrase_spans(labels, lines, offset)).astype(np.int64)
    kept = []
    for label, (begin, end) in zip(labels, spans.tolist(), strict=True):
        mine = notes[(notes["onset"] >= begin) & (notes["onset"] < end)]
        if label.melodic and len(mine) >= 2:
            kept.append((label.letter, label.bars, (begin, end), mine))
    letters = tuple(letter for letter, _, _, _ in kept)
    if len(set(letters)) == len(letters):
        raise ValueError("no letter of a melodic phrase repeats")
    bars, places, parts = (tuple(column) for column in list(zip(*kept, strict=True))[1:])
    return SongPhrases(name, letters, bars, np.array(places, np.int64), parts)


def phrase_scores(model: Model, song: Song, phrases: SongPhrases) -> Scores:
    """Every method's (phrases, phrases) matrix."""
    clips = phrases.clips()
    chroma = [_chroma(song, begin, end) for begin, end in phrases.spans.tolist()]
    learned = _learned(model, song, phrases)
    shared = overlap(clips, clips)
    bars = np.array(phrases.bars, float)
    return {
        "learned code": learned,
        "overlap": shared,
        "chroma": stretch_similarity(chroma),
        "chroma, any key": best_of_keys(chroma),
        "learned and overlap": (learned + shared) / 2,
        "note count": note_count(clips, clips),
        "bars": np.minimum.outer(bars, bars) / np.maximum.outer(bars, bars),
        "chance": np.zeros((len(bars), len(bars))),
    }


def judge_song(scores: Scores, phrases: SongPhrases) -> dict[str, tuple[float, float]]:
    """(MAP, MAP over varied returns) by method; NaN where there is nothing to find."""
    letters = np.array(phrases.letters)
    exact = exact_pairs_of(phrases)
    return {name: (_map(scores[name], letters, None), _map(scores[name], letters, exact)) for name in METHODS}


def exact_pairs_of(phrases: SongPhrases) -> NDArray[np.bool_]:
    """Which phrases are one another moved as a whole in time and pitch."""
    spelled = [Notes(c.onset, c.midi, c.duration, morphetic=c.midi) for c in phrases.clips()]
    return exact_pairs(spelled)


def _map(scores: NDArray[np.float64], letters: NDArray[Any], left_out: NDArray[np.bool_] | None) -> float:
    """Mean average precision, each phrase a query against all others but its exact returns."""
    values = []
    for query in range(len(letters)):
        gallery = np.arange(len(letters)) != query
        if left_out is not None:
            gallery &= ~(left_out[query] & (letters == letters[query]))
        relevant = letters[gallery] == letters[query]
        if relevant.any():
            values.append(average_precision(scores[query, gallery], relevant))
    return float(np.mean(values)) if values else float("nan")


def _learned(model: Model, song: Song, phrases: SongPhrases) -> NDArray[np.float64]:
    """Best diagonals of the codes of clips of a window and of half a window, mean of both."""
    lines, scores = song.downbeats().astype(np.int64), []
    for length in (model.window_steps, model.window_steps // 2):
        stretches = []
        for notes, (begin, end) in zip(phrases.notes, phrases.spans.tolist(), strict=True):
            starts = lines[(lines >= begin) & (lines < end)]
            if length == model.window_steps:
                starts = starts[: max(1, int((starts + length <= end).sum()))]
            stretches.append(_codes(model, notes, starts, length))
        scores.append(stretch_similarity(stretches, POWER))
    mean: NDArray[np.float64] = np.mean(scores, axis=0)
    return mean


def _codes(model: Model, notes: NDArray[np.void], starts: NDArray[np.int64], length: int) -> NDArray[np.float32]:
    """Codes of clips of a phrase's own notes; zeros for a silent clip, which is like nothing."""
    codes, _ = encode_clips(model, notes, starts, length)
    onsets = np.sort(notes["onset"])
    sounds = np.searchsorted(onsets, starts + length) > np.searchsorted(onsets, starts)
    return codes * sounds[:, None]


def _chroma(song: Song, begin: int, end: int) -> NDArray[np.float64]:
    notes = full_texture(song)
    edges = np.arange(begin, end + 1, song.steps_per_beat)
    return chroma_parts(notes["onset"], notes["onset"] + notes["duration"], notes["pitch"], edges)


def _test_songs(model: Model) -> set[str] | None:
    """The songs of POP909 that the model never saw, if it was trained on it, alone or in a mixed corpus."""
    if model.card.get("corpus", {}).get("name") not in ("pop909", "mixed"):
        return None
    return {name.removeprefix("pop909/") for name in model.card["split"]["test"]}


def _record(rows: Sequence[dict[str, tuple[float, float]]], phrases: int, left_out: dict[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = {"songs": len(rows), "phrases": phrases, "left_out": left_out, "methods": {}, "apart": {}}
    for name in METHODS:
        columns = np.array([row[name] for row in rows])
        figures["methods"][name] = {
            figure: _mean(columns[:, place]) for place, figure in enumerate(("map", "map_varied"))
        }
        if name not in ("learned code", "chance"):
            gap = np.array([row["learned code"] for row in rows]) - columns
            figures["apart"][f"learned code over {name}"] = {
                figure: _mean(gap[:, place]) for place, figure in enumerate(("map", "map_varied"))
            }
    return figures


def _mean(values: NDArray[np.float64]) -> dict[str, float | int]:
    """Mean over the songs that have the figure, with its interval over songs."""
    present = values[~np.isnan(values)]
    if not len(present):
        return {"value": float("nan"), "low": float("nan"), "high": float("nan"), "songs": 0}
    low, high = interval(present)
    return {
        "value": round(float(present.mean()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "songs": len(present),
    }

"""``softaxes motifs vocabulary FOLDER``: the motifs of a corpus as clusters, beside its n-grams.

A cluster holds clips of nearly one code, whatever their register and place. Clips begin where a note does, on a beat,
and hold at least ``MIN_NOTES`` notes. Beside the clusters stands how stable they are: how often a clip and its
transposed or delayed copy share a cluster, against the same grouping of the latents with their axes kept, and chance.
Then the pitch, rhythm and combined n-grams that are most over-represented (MelodyGLM's lexicon), and how well each
kind predicts the next note of held-out songs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from softaxes.data.music.duplicates import group_together, near_duplicates
from softaxes.data.music.skyline import skyline
from softaxes.diagnostics.bootstrap import interval
from softaxes.geometry.axes import Axes
from softaxes.model.model import Model
from softaxes.motifs.patterns.ngram_prediction import GUESSERS, PREDICTORS, Prediction, predict_next
from softaxes.motifs.patterns.ngrams import KINDS, lexicon, tokens
from softaxes.motifs.patterns.pointset import TICKS_PER_BEAT
from softaxes.search.clusters import Cluster, describe_clusters, fit_clusters, same_cluster_by_chance, stability
from softaxes.search.codes import content_codes, mean_latent, rotation_names, turned
from softaxes.search.index.store import Index
from softaxes.search.index.windows import clip_rolls
from softaxes.search.query import note_points, place_name

MIN_NOTES = 3
SAMPLE = 1500  # clips that are shifted and encoded again for `stability`
SEMITONES, STEPS = 12, 8  # largest shifts of those copies
SHOWN_GRAMS = 12
HELD_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips that are grouped: row i is clip ``row[i]`` of segment ``segment[i]``; ``song`` indexes ``files``."""

    codes: NDArray[np.float32]
    segment: NDArray[np.int64]
    row: NDArray[np.int64]
    song: NDArray[np.int64]
    start: NDArray[np.int64]
    files: tuple[str, ...]


@dataclass(frozen=True)
class ClusterStability:
    """Share of clips that keep their cluster when shifted, by kind of shift: ``codes`` is what the vocabulary does, up
    to a turn of the code, ``latents`` groups whole latents; ``chance`` by grouping. ``clips`` were shifted."""

    codes: dict[str, float]
    latents: dict[str, float]
    chance: dict[str, float]
    clips: int


@dataclass(frozen=True)
class Vocabulary:
    """Everything the command prints; ``ngrams`` by kind, ``prediction`` by predictor."""

    index: Index
    clips: Clips
    length_steps: int
    clusters: list[Cluster]
    stability: ClusterStability
    ngrams: dict[str, list[dict[str, Any]]]
    prediction: dict[str, Any]


def find_vocabulary(
    index: Index, model: Model, *, clusters: int = 64, steps: int | None = None, seeds: int = 3, seed: int = 0
) -> Vocabulary:
    """The vocabulary of an index; see `motif_vocabulary`."""
    settings = index.settings
    length = settings.lengths[min(1, len(settings.lengths) - 1)] if steps is None else steps
    if length not in settings.lengths:
        raise ValueError(f"`steps` must be one of the index's clip lengths {settings.lengths}, got {length}")
    if seeds < 0:
        raise ValueError(f"`seeds` must be >= 0, got {seeds}")
    clips = clips_to_group(index, length)
    if len(clips.row) == 0:
        raise ValueError(f"no song of the index has a clip of {length} steps with {MIN_NOTES} notes")
    group, centroids = fit_clusters(clips.codes, clusters, seed)
    return Vocabulary(
        index,
        clips,
        length,
        describe_clusters(clips.codes, group, centroids, clips.song, clips.start, length),
        cluster_stability(index, model, clips, length, clusters, seed),
        song_ngrams(index),
        predict_held_out(index, seeds) if seeds else {},
    )


def clips_to_group(index: Index, length: int) -> Clips:
    """Clips that begin with a note and hold ``MIN_NOTES``."""
    files = tuple(sorted(index.manifest.alive()))
    number = {file: at for at, file in enumerate(files)}
    parts: list[tuple[Any, ...]] = []
    for at, segment in enumerate(index.segments):
        table = segment.table[length]
        chosen = []
        for place, song in enumerate(segment.record.songs):
            if not song.alive:
                continue
            rows = np.flatnonzero(table["song"] == place)
            onsets = np.unique(segment.song_notes(place)["onset"])
            start = table["start"][rows]
            inside = np.searchsorted(onsets, start + length) - np.searchsorted(onsets, start)
            chosen.append((rows[np.isin(start, onsets) & (inside >= MIN_NOTES)], number[song.file]))
        rows = np.concatenate([np.zeros(0, np.int64), *(r for r, _ in chosen)])
        songs = np.concatenate([np.zeros(0, np.int64), *(np.full(len(r), song) for r, song in chosen)])
        parts.append((segment.codes[length][rows], np.full(len(rows), at), rows, songs, table["start"][rows]))
    dim = index.settings.dim
    empty = (np.zeros((0, dim), np.float32), *(np.zeros(0, np.int64) for _ in range(4)))
    codes, segments, rows, songs, starts = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    return Clips(codes, segments, rows, songs, starts.astype(np.int64), files)


def cluster_stability(
    index: Index, model: Model, clips: Clips, length: int, clusters: int, seed: int
) -> ClusterStability:
    """Group a sample by its codes and by its latents; how often does a shifted copy keep its cluster?"""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(clips.row))[:SAMPLE]
    rolls = sample_rolls(index, clips, chosen, length)
    semitones = rng.integers(1, SEMITONES + 1, len(rolls)) * rng.choice([-1, 1], len(rolls))
    room = min(STEPS, (rolls.shape[-1] - length) // 2)
    delays = (
        rng.integers(1, room + 1, len(rolls)) * rng.choice([-1, 1], len(rolls)) if room else np.zeros(len(rolls), int)
    )
    latents = {
        "none": model.encode(rolls),
        "pitch": model.encode(_rolled(rolls, semitones, 2)),
        "time": model.encode(_rolled(rolls, delays, 3)),
    }
    ways: dict[str, Callable[[torch.Tensor], NDArray[np.float32]]] = {
        "codes": lambda z: all_turns(model.axes, content_codes(model.axes, z), room),
        "latents": lambda z: torch.nn.functional.normalize(z - mean_latent(model.axes, z), dim=-1).numpy()[None],
    }
    kept: dict[str, dict[str, float]] = {}
    chance = {}
    for name, way in ways.items():
        unmoved = way(latents["none"])
        group, centroids = fit_clusters(unmoved[0], clusters, seed)
        kinds = ("pitch", "time") if room else ("pitch",)
        kept[name] = {kind: stability(centroids, unmoved, way(latents[kind])) for kind in kinds}
        chance[name] = same_cluster_by_chance(group)
    return ClusterStability(kept["codes"], kept["latents"], chance, len(rolls))


def all_turns(axes: Axes, codes: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """The codes (T, n, D) as they are, then turned by 1..``most`` steps either way in what rotates, all at once."""
    rotations = rotation_names(axes)
    amounts = [0, *(side * step for step in range(1, most + 1) for side in (-1, 1))] if rotations else [0]
    return np.stack([turned(axes, codes, **dict.fromkeys(rotations, float(amount))) for amount in amounts])


def sample_rolls(index: Index, clips: Clips, chosen: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
    """The rolls (n, 2, 128, window) of some of the clips."""
    window = index.settings.window_steps
    rolls = np.zeros((len(chosen), 2, 128, window), np.uint8)
    alive = index.manifest.alive()
    for song in np.unique(clips.song[chosen]):
        mine = np.flatnonzero(clips.song[chosen] == song)
        at, place = alive[clips.files[song]]
        notes = index.segments[at].song_notes(place)
        rolls[mine] = clip_rolls(notes, clips.start[chosen[mine]], length, window)
    return rolls


def _rolled(rolls: NDArray[np.uint8], amounts: NDArray[np.int64], axis: int) -> NDArray[np.uint8]:
    """Each roll moved by its amount along an axis; the clips have silence enough around them."""
    moved = [np.roll(roll, amount, axis - 1) for roll, amount in zip(rolls, amounts.tolist(), strict=True)]
    return np.stack(moved) if moved else rolls


def voices(index: Index) -> list[NDArray[np.int64]]:
    """The top voice of every song as points (onset in ticks, pitch), by file name."""
    ticks = TICKS_PER_BEAT // index.settings.steps_per_beat
    tops = [note_points(skyline(segment.song_notes(place).copy())) for segment, place in index.each_song()]
    return [points * np.array([ticks, 1]) for points in tops]


def song_ngrams(index: Index, lengths: Sequence[int] = range(2, 9)) -> dict[str, list[dict[str, Any]]]:
    """The most over-represented n-grams of every kind with their counts, t statistics, and songs they occur in."""
    found: dict[str, list[dict[str, Any]]] = {}
    tops = voices(index)
    for kind in KINDS:
        melodies = [tokens(voice, kind) for voice in tops]
        entries = [entry for rows in lexicon(melodies, lengths, size=SHOWN_GRAMS).values() for entry in rows]
        best = sorted(entries, key=lambda entry: (-entry.t, -entry.count))[:SHOWN_GRAMS]
        found[kind] = [
            {
                "ngram": [_beats(kind, token) for token in entry.ngram],
                "count": entry.count,
                "songs": sum(_holds(melody, entry.ngram) for melody in melodies),
                "t": round(entry.t, 2),
            }
            for entry in best
        ]
    return found


def _beats(kind: str, token: Any) -> Any:
    """A token with its time in beats."""
    if kind == "pitch":
        return token
    return [token[0], token[1] / TICKS_PER_BEAT] if kind == "combined" else token / TICKS_PER_BEAT


def _holds(melody: Sequence[Any], gram: Sequence[Any]) -> bool:
    n = len(gram)
    return any(melody[at] == gram[0] and tuple(melody[at : at + n]) == gram for at in range(len(melody) - n + 1))


def predict_held_out(index: Index, seeds: int) -> dict[str, Any]:
    """How well each kind of n-gram predicts the next note of songs never seen: ``seeds`` splits by groups of
    near-duplicate songs, intervals over the held-out songs of all of them. {} with too few songs."""
    songs = [segment.song(place, index.settings.steps_per_beat) for segment, place in index.each_song()]
    tops = voices(index)
    group = group_together(len(songs), [(a, b) for a, b, _ in near_duplicates(songs)])
    numbers = np.unique(group)
    held = max(1, round(HELD_OUT * len(numbers)))
    if len(numbers) - held < 5:
        return {}
    runs, tested = [], []
    for seed in range(seeds):
        out = np.isin(group, np.random.default_rng(seed).permutation(numbers)[:held])
        train, test = ([v for v, hidden in zip(tops, out, strict=True) if hidden == side] for side in (False, True))
        runs.append(predict_next(train, test))
        tested.append(group[out])
    return prediction_record(runs, np.concatenate(tested))


def prediction_record(runs: Sequence[Prediction], group: NDArray[np.int64]) -> dict[str, Any]:
    """Bits a note and share of notes right, with intervals over groups, and what the combined n-grams gain."""
    notes = np.concatenate([run.notes for run in runs])
    bits = {name: np.concatenate([run.bits[name] for run in runs]) for name in PREDICTORS}
    right = {name: np.concatenate([run.right[name] for run in runs]) for name in GUESSERS}
    record: dict[str, Any] = {
        "seeds": len(runs),
        "songs": len(notes),
        "notes": int(notes.sum()),
        "share_of_combined": [run.share for run in runs],
        "orders": [run.orders for run in runs],
        "bits": {name: _rate(sums, notes, group) for name, sums in bits.items()},
        "right": {name: _rate(sums, notes, group) for name, sums in right.items()},
        "bits_saved": {
            "both over factored": _rate(bits["factored"] - bits["both"], notes, group),
            "combined over factored": _rate(bits["factored"] - bits["combined"], notes, group),
        },
        "right_gained": {"combined over factored": _rate(right["combined"] - right["factored"], notes, group)},
    }
    saved = [float((run.bits["factored"] - run.bits["both"]).sum() / max(1, run.notes.sum())) for run in runs]
    record["bits_saved"]["both over factored"]["by_seed"] = [round(value, 4) for value in saved]
    return record


def _rate(sums: NDArray[Any], notes: NDArray[np.int64], group: NDArray[np.int64]) -> dict[str, Any]:
    """Sum a note, with its interval over groups of songs."""
    rows = np.stack([sums, notes], axis=1).astype(np.float64)
    low, high = interval(rows, group, statistic=lambda mean: mean[:, 0] / mean[:, 1])
    return {"value": float(rows[:, 0].sum() / max(1.0, rows[:, 1].sum())), "low": low, "high": high}


def vocabulary_record(found: Vocabulary) -> dict[str, Any]:
    """Every number of the page, as JSON can hold it."""
    clips = found.clips
    meters = {song.file: song.meters for song in found.index.manifest.songs()}

    def cluster_record(cluster: Cluster) -> dict[str, Any]:
        file, start = clips.files[clips.song[cluster.clip]], int(clips.start[cluster.clip])
        place = place_name(meters[file], found.index.settings.steps_per_beat, start)
        example = {"file": file, "place": place, "start_step": start}
        mean_cosine = round(cluster.mean_cosine, 4)
        return {
            "count": cluster.count,
            "songs": cluster.songs,
            "clips": len(cluster.rows),
            "mean_cosine": mean_cosine,
            "example": example,
        }

    return {
        "songs": found.index.songs,
        "clips": len(clips.row),
        "length_steps": found.length_steps,
        "clusters": [cluster_record(cluster) for cluster in found.clusters],
        "cluster_stability": dataclasses.asdict(found.stability),
        "ngrams": found.ngrams,
        "prediction": found.prediction,
    }


def cluster_rolls(found: Vocabulary) -> NDArray[np.uint8]:
    """What each cluster looks like: the roll (2, 128, window) of the clip nearest its centroid, cluster by cluster."""
    chosen = np.array([cluster.clip for cluster in found.clusters], np.int64)
    return sample_rolls(found.index, found.clips, chosen, found.length_steps)

"""What do latents of music know that no loss asked for? Key, root, chroma, density and bar lines, read off linearly.

Each probe is fitted on some held-out songs and judged on the others, on several features of the same windows:

    latents             all of z
    chroma axis         the planes of the cycle ``chroma`` alone, where the model has one
    roll                the windows' own rolls, cut down to as many principal components as z has numbers
    untrained encoder   z of the same networks with other weights

Chance is the share of the most common class of the other songs, R^2 = 0, or the cosine of one phase for all.

    key       of 24, accuracy       root     of 12, accuracy       (windows that POP909 labels)
    chroma    R^2 of the share of each pitch class in what sounds
    density   R^2 of the number of onsets
    step      in the bar, accuracy, of each of `METRES`; the phase of the same readout's probabilities, mean cosine of
              its error. Windows of `DOUBTFUL` sources are left out: their bar lines are wrong too often
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from sklearn.decomposition import PCA

from softaxes.data.music import Windows, pop909
from softaxes.data.music.pop909_labels import NONE, song_labels, window_labels
from softaxes.data.music.rolls import ONSET, SUSTAIN
from softaxes.diagnostics import Figure
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.labelled import Array
from softaxes.diagnostics.probes import category, cyclic, r2_of_means, ridge_r2
from softaxes.model.model import Model
from softaxes.report.controls import untrained
from softaxes.report.page import READING, Section, Table
from softaxes.report.tables import number, with_interval
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.data import MusicData

WORDS = {
    "key": ("key of 24, accuracy", "1: the key of every window of songs it has not seen"),
    "root": ("root of 12, accuracy", "1: the root that sounds most in the window"),
    "chroma": ("chroma, R²", "1: how much of each pitch class sounds"),
    "density": ("density, R²", "1: how many notes begin"),
}
CLASSES = ("key", "root")
METRES = ((4, 4), (3, 4), (6, 8))
DOUBTFUL = ("openscore",)  # the bar lines of every fourth song are wrong
CHROMA, UNTRAINED = "chroma", "untrained encoder"
Reports = Mapping[str, Mapping[str, Figure]]


@dataclass(frozen=True, eq=False)
class ProbeTargets:
    """What to read off n windows; ``key``, ``root`` and ``step`` are NONE where nobody knows, ``group`` is the song.

    ``step`` is that of the bar of ``bar_steps`` steps and metre ``meter`` in which the window begins.
    """

    key: Int[np.ndarray, " n"]
    root: Int[np.ndarray, " n"]
    step: Int[np.ndarray, " n"]
    bar_steps: Int[np.ndarray, " n"]
    meter: Int[np.ndarray, "n 2"]
    chroma: Float[np.ndarray, "n 12"]
    density: Float[np.ndarray, " n"]
    group: Array


def probe_targets(rolls: UInt8[np.ndarray, "n 2 128 steps"], group: Array, **labels: Array) -> ProbeTargets:
    """Chroma (shares that sum to 1; 0 in silence) and density are counted; ``labels`` may be missing."""
    sounding = rolls[:, SUSTAIN].sum(-1, dtype=np.int64)  # (n, 128)
    chroma = np.stack([sounding[:, pitch_class::12].sum(1) for pitch_class in range(12)], axis=1)
    unknown = np.full(len(rolls), NONE)
    missing = dict.fromkeys(("key", "root", "step", "bar_steps"), unknown) | {"meter": np.zeros((len(rolls), 2), int)}
    return ProbeTargets(
        **missing | labels,
        chroma=chroma / np.maximum(chroma.sum(1, keepdims=True), 1),
        density=rolls[:, ONSET].sum((1, 2)).astype(np.float64),
        group=group,
    )


def labelled_targets(folder: str, data: MusicData, windows: Windows) -> ProbeTargets:
    """Targets of windows; those of POP909, alone or in a mixed corpus, have the labels that lie beside its songs.

    ``folder`` is that of the corpus.
    """
    key, root = np.full(len(windows), NONE), np.full(len(windows), NONE)
    source = data.corpus.sources[windows.song]
    labelled = np.unique(windows.song[source == "pop909"]).tolist()
    if labelled:
        mixed = data.corpus.name == "mixed"
        place = pop909.song_folder(Path(folder, "pop909") if mixed else folder) if folder else pop909.fetch_pop909()
    for index in labelled:
        song, rows = data.corpus.songs[index], np.flatnonzero(windows.song == index)
        id_ = data.corpus.ids[index].removeprefix("pop909/")
        labels = song_labels(place, id_, song.length_steps, song.steps_per_beat)
        key[rows], root[rows] = (window_labels(part, windows.start[rows], windows.window_steps) for part in labels)
    beats = np.array([song.steps_per_beat for song in data.corpus.songs])[windows.song]
    return probe_targets(
        windows.center(),
        data.corpus.groups[windows.song],
        key=key,
        root=root,
        step=np.where(np.isin(source, DOUBTFUL), NONE, windows.step),
        bar_steps=4 * beats * windows.meter[:, 0] // np.maximum(windows.meter[:, 1], 1),
        meter=windows.meter,
    )


def run_probes(
    model: Model, data: MusicData, config: MusicConfig, *, windows: int = 1000, seed: int = 0, draws: int = 1000
) -> Reports:
    """The probes of a run on its held-out windows, at most ``windows`` of each source, drawn evenly."""
    rng, source = np.random.default_rng(seed), data.corpus.sources[data.test.song]
    drawn = [rng.permutation(np.flatnonzero(source == name))[:windows] for name in np.unique(source)]
    test = data.test.select(np.sort(np.concatenate(drawn)))
    return music_probes(model, test.center(), labelled_targets(config.folder, data, test), draws=draws)


def music_probes(
    model: Model, rolls: UInt8[np.ndarray, "n 2 128 steps"], targets: ProbeTargets, *, draws: int = 1000
) -> Reports:
    """Figures by features and target; a target that fewer than two songs have is left out."""
    z = model.encode(rolls)
    features = {"latents": z.numpy()}
    if CHROMA in model.axes:
        features["chroma axis"] = (z @ model.axes[CHROMA].basis.T).numpy()
    if len(rolls):
        pca = PCA(min(model.axes_dim, len(rolls)), svd_solver="randomized", random_state=0)
        features["roll"] = pca.fit_transform(rolls.reshape(len(rolls), -1).astype(np.float32))
    features[UNTRAINED] = untrained(model).encode(rolls).numpy()
    return {name: probe_figures(rows, targets, draws=draws) for name, rows in features.items()}


def probe_figures(features: Float[np.ndarray, "n D"], targets: ProbeTargets, *, draws: int = 1000) -> dict[str, Figure]:
    """One figure a target that can be judged, two of each metre's bars."""
    figures = {}
    for name in WORDS:
        target = getattr(targets, name)
        known = np.flatnonzero(target != NONE) if name in CLASSES else np.arange(len(target))
        if len(np.unique(targets.group[known])) < 2:
            continue
        read = category if name in CLASSES else ridge_r2
        probe = read(features[known], target[known], targets.group[known])
        statistic = None if name in CLASSES else r2_of_means
        low, high = Bootstrap(targets.group[known], n=draws).interval(probe.values, statistic=statistic)
        kind = "category" if name in CLASSES else "ridge_r2"
        figures[name] = Figure(kind, probe.score, low, high, len(known), probe.chance, name)
    for meter in METRES:
        figures |= _bar_figures(features, targets, meter, draws)
    return figures


def _bar_figures(features: Array, targets: ProbeTargets, meter: tuple[int, int], draws: int) -> dict[str, Figure]:
    """The step in a bar of one metre, right or wrong, and the phase of the same readout."""
    known = np.flatnonzero((targets.meter == meter).all(1) & (targets.step != NONE))
    group = targets.group[known]
    if len(np.unique(group)) < 2:
        return {}
    probes = cyclic(features[known], targets.step[known], int(targets.bar_steps[known[0]]), group)
    bootstrap, figures = Bootstrap(group, n=draws), {}
    for kind, what, probe in zip(("category", "phase_readout"), ("step", "phase"), probes, strict=True):
        name, interval = f"{what} in {meter[0]}/{meter[1]}", bootstrap.interval(probe.values)
        figures[name] = Figure(kind, probe.score, *interval, len(known), probe.chance, name)
    return figures


def probe_section(reports: Reports, dim: int) -> Section:
    """The probes as a section of the report."""
    header = ["probe", *reports, "chance", "n", READING]
    rows = []
    for name, figure in reports["latents"].items():
        words, reading = WORDS.get(name) or _bar_words(name)
        cells = [with_interval(report.get(name)) for report in reports.values()]
        rows.append([words, *cells, number(figure.chance), f"{figure.n:,}", reading])
    caption = (
        f"Linear probes, fitted on some held-out songs and judged on the others. Roll: the window itself, cut down to "
        f"{dim} principal components, as many floats as a latent."
    )
    blocks = [Table(header, rows, caption)] if rows else ["Fewer than two songs to judge on."]
    return Section("What it was not trained for", blocks)


def _bar_words(name: str) -> tuple[str, str]:
    if name.startswith("phase"):
        return f"{name}, cos of the error", "1: where in the bar every window begins; 0: a blind guess"
    return f"{name}, accuracy", "1: the step of the bar on which every window begins"

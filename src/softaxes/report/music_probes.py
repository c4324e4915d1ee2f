"""What do latents of music know that no loss asked for? Key, root, chroma and density, read off linearly.

Each probe is fitted on some held-out songs and judged on the others, on features of one size: the latents; the latents
with their axes removed; and the windows' own rolls, cut down to as many principal components. Chance is the share of
the most common class of the other songs, or R^2 = 0.

Pitch class is what is left of a register when octaves are taken away, which nothing linear reads off a line. So the
latents are read once more as they were made to be: the axis of pitch says the register, the rest says key, root and
chroma *above that register*, and the two are added (`OWN`). Its chance is that of the register with the most common
class above it.

    key       of 24, accuracy       root     of 12, accuracy       (windows that POP909 labels)
    chroma    R^2 of the share of each pitch class in what sounds
    density   R^2 of the number of onsets
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from softaxes.diagnostics.probes import Probe, category, r2_of_means, ridge_r2
from softaxes.model.model import Model
from softaxes.report.music_views import PITCH
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
OWN = "in its own register"
Reports = Mapping[str, Mapping[str, Figure]]


@dataclass(frozen=True, eq=False)
class ProbeTargets:
    """What to read off n windows; ``key`` and ``root`` are NONE where nobody knows, ``group`` is the song."""

    key: Int[np.ndarray, " n"]
    root: Int[np.ndarray, " n"]
    chroma: Float[np.ndarray, "n 12"]
    density: Float[np.ndarray, " n"]
    group: Array


def probe_targets(
    rolls: UInt8[np.ndarray, "n 2 128 steps"],
    group: Array,
    key: Int[np.ndarray, " n"] | None = None,
    root: Int[np.ndarray, " n"] | None = None,
) -> ProbeTargets:
    """Chroma (shares that sum to 1; 0 in silence) and density are counted; labels may be missing."""
    sounding = rolls[:, SUSTAIN].sum(-1, dtype=np.int64)  # (n, 128)
    chroma = np.stack([sounding[:, pitch_class::12].sum(1) for pitch_class in range(12)], axis=1)
    unknown = np.full(len(rolls), NONE)
    return ProbeTargets(
        key=unknown if key is None else key,
        root=unknown if root is None else root,
        chroma=chroma / np.maximum(chroma.sum(1, keepdims=True), 1),
        density=rolls[:, ONSET].sum((1, 2)).astype(np.float64),
        group=group,
    )


def labelled_targets(folder: str, data: MusicData, windows: Windows) -> ProbeTargets:
    """Targets of windows; those of POP909, alone or in a mixed corpus, have the labels that lie beside its songs.

    ``folder`` is that of the corpus.
    """
    key, root = np.full(len(windows), NONE), np.full(len(windows), NONE)
    labelled = np.unique(windows.song[data.corpus.sources[windows.song] == "pop909"]).tolist()
    if labelled:
        mixed = data.corpus.name == "mixed"
        place = pop909.song_folder(Path(folder, "pop909") if mixed else folder) if folder else pop909.fetch_pop909()
    for index in labelled:
        song, rows = data.corpus.songs[index], np.flatnonzero(windows.song == index)
        id_ = data.corpus.ids[index].removeprefix("pop909/")
        labels = song_labels(place, id_, song.length_steps, song.steps_per_beat)
        key[rows], root[rows] = (window_labels(part, windows.start[rows], windows.window_steps) for part in labels)
    return probe_targets(windows.center(), data.corpus.groups[windows.song], key, root)


def run_probes(
    model: Model, data: MusicData, config: MusicConfig, *, windows: int = 1000, seed: int = 0, draws: int = 1000
) -> Reports:
    """The probes of a run on its held-out windows, at most ``windows`` of them, drawn evenly."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(data.test))[:windows])
    test = data.test.select(drawn)
    return music_probes(model, test.center(), labelled_targets(config.folder, data, test), draws=draws)


def music_probes(
    model: Model, rolls: UInt8[np.ndarray, "n 2 128 steps"], targets: ProbeTargets, *, draws: int = 1000
) -> Reports:
    """Figures by features and target; a target that fewer than two songs have is left out."""
    z = model.encode(rolls)
    features = {"latents": z.numpy(), "axes removed": model.axes.remove(z).numpy()}
    if len(rolls):
        pca = PCA(min(model.axes_dim, len(rolls)), svd_solver="randomized", random_state=0)
        features["roll"] = pca.fit_transform(rolls.reshape(len(rolls), -1).astype(np.float32))
    reports = {name: probe_figures(rows, targets, draws=draws) for name, rows in features.items()}
    if PITCH in model.axes and len(rolls):
        register = np.rint(np.asarray(model.axes[PITCH].coordinate(z))).astype(np.int64)
        rest = features["axes removed"]
        reports[OWN] = probe_figures(rest, above(targets, register), draws=draws, spread=targets.chroma)
    return reports


def above(targets: ProbeTargets, register: Int[np.ndarray, " n"]) -> ProbeTargets:
    """The targets seen from a register in semitones: what is its pitch class becomes 0."""
    columns = (np.arange(12) + register[:, None]) % 12
    tonic, mode = targets.key % 12, targets.key // 12
    return replace(
        targets,
        key=np.where(targets.key == NONE, NONE, (tonic - register) % 12 + 12 * mode),
        root=np.where(targets.root == NONE, NONE, (targets.root - register) % 12),
        chroma=np.take_along_axis(targets.chroma, columns, axis=1),
    )


def probe_figures(
    features: Float[np.ndarray, "n D"],
    targets: ProbeTargets,
    *,
    draws: int = 1000,
    spread: Float[np.ndarray, "n 12"] | None = None,
) -> dict[str, Figure]:
    """One figure a target that can be judged. ``spread``: the chroma whose variance is to be explained, if another."""
    figures = {}
    for name in WORDS:
        target = getattr(targets, name)
        known = np.flatnonzero(target != NONE) if name in CLASSES else np.arange(len(target))
        if len(np.unique(targets.group[known])) < 2:
            continue
        read = category if name in CLASSES else ridge_r2
        probe = read(features[known], target[known], targets.group[known])
        if name == "chroma" and spread is not None:
            probe = _explaining(probe, spread)
        statistic = None if name in CLASSES else r2_of_means
        low, high = Bootstrap(targets.group[known], n=draws).interval(probe.values, statistic=statistic)
        kind = "category" if name in CLASSES else "ridge_r2"
        figures[name] = Figure(kind, probe.score, low, high, len(known), probe.chance, name)
    return figures


def _explaining(probe: Probe, target: Float[np.ndarray, "n 12"]) -> Probe:
    """The probe's errors against the spread of ``target``: a rotation of each row's classes changes no error."""
    spread = np.square(target - target.mean(axis=0)).sum(axis=1)
    values = np.stack([probe.values[:, 0], spread], axis=1)
    return Probe(float(r2_of_means(values.mean(axis=0, keepdims=True))[0]), 0.0, values)


def probe_section(reports: Reports, dim: int) -> Section:
    """The probes as a section of the report."""
    first = reports["latents"]
    header = ["probe", *reports, "chance", "n", READING]
    rows = [
        [WORDS[name][0], *(_cell(column, report.get(name)) for column, report in reports.items()),
         number(figure.chance), f"{figure.n:,}", WORDS[name][1]]
        for name, figure in first.items()
    ]  # fmt: skip
    caption = (
        f"Linear probes, fitted on some held-out songs and judged on the others. Roll: the window itself, cut down to "
        f"{dim} principal components, as many floats as a latent. {OWN.capitalize()}: the axis of pitch says the "
        f"register, a linear probe of the rest says what lies how far above it."
    )
    blocks = [Table(header, rows, caption)] if rows else ["Fewer than two songs to judge on."]
    return Section("What it was not trained for", blocks)


def _cell(column: str, figure: Figure | None) -> str:
    """The figure; with its own chance where that is another than the other columns'."""
    own = column == OWN and figure is not None and figure.name == "category"
    return with_interval(figure) + (f", chance {number(figure.chance)}" if own and figure else "")

"""Where do songs stand on the circle of fifths? On one plane of the chroma axis, and what the labels say of it.

    python runs/circle_of_fifths.py [--folder POP909] [--model piano-roll] [--out docs/pictures/circle-of-fifths.png]

A song's place is the mean of its windows on the plane of harmonic 5 of the cycle ``chroma``, mirrored, which makes it
harmonic 7 (= 5 backwards): a fifth up is one place further. Songs have the key that their windows are labelled with
most; songs that change key are drawn too. Spokes are the mean of all major songs, turned. Prints how often the place
names the scale (a minor key has that of the major key three semitones above it): the nearest of the twelve turns of the
mean of the *other* songs of that mode, with the 95 % interval over songs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

import softaxes as sa
from softaxes.data.music import cut_windows, load_corpus, pop909
from softaxes.data.music.pop909_labels import NONE, song_labels
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.model.model import Model
from softaxes.report.pictures.canvas import FAINT, INK, blank, name

FIFTHS = 5  # harmonic 7 of 12, backwards
PLACES = 7  # of the circle that a semitone up goes
NAMES = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]


def places(model: Model, folder: Path) -> tuple[NDArray[np.complex128], NDArray[np.int64]]:
    """Mean place of each song on the plane of fifths, as complex numbers, and its key (0..23); unlabelled ones go."""
    corpus = load_corpus("pop909", folder)
    windows = cut_windows(
        corpus.songs, model.window_steps, hop_steps=16, min_notes=3, texture=model.card["config"]["texture"]
    )
    axis = model.axes["chroma"]
    plane = axis.basis[2 * axis.kind.harmonics.index(FIFTHS) :][:2]
    sums, counts = np.zeros(len(corpus), complex), np.zeros(len(corpus))
    for rows in np.array_split(np.arange(len(windows)), max(1, len(windows) // 4096)):
        xy = (model.encode(windows.center(rows)) @ plane.T).numpy()
        np.add.at(sums, windows.song[rows], xy[:, 0] - 1j * xy[:, 1])
        np.add.at(counts, windows.song[rows], 1)
    key = np.array([main_key(folder, corpus.ids[i], song) for i, song in enumerate(corpus.songs)])
    known = (key != NONE) & (counts > 0)
    return sums[known] / counts[known], key[known]


def main_key(folder: Path, id_: str, song: sa.Song) -> int:
    """The key that is labelled for most steps of a song."""
    key = song_labels(folder, id_, song.length_steps, song.steps_per_beat).key
    return int(np.bincount(key[key != NONE]).argmax()) if (key != NONE).any() else NONE


def scale_of(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tonic of the major key that has the same notes."""
    return np.where(key >= 12, key + 3, key) % 12


def named(place: NDArray[np.complex128], key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Is a song's scale the nearest of twelve, each song judged by the mean of the others of its mode, turned to C?"""
    scale, right = scale_of(key), np.zeros(len(key), bool)
    unit = place / np.maximum(np.abs(place), 1e-12)
    for minor in (False, True):
        rows = (key >= 12) == minor
        to_c = unit[rows] * np.exp(-2j * np.pi * PLACES * scale[rows] / 12)
        angle = np.angle(unit[rows] / (to_c.sum() - to_c))
        right[rows] = np.rint(angle * 12 / (2 * np.pi)).astype(int) % 12 == PLACES * scale[rows] % 12
    return right


def picture(place: NDArray[np.complex128], key: NDArray[np.int64]) -> Figure:
    """One dot a song, coloured by the place of its scale on the circle; crosses for minor keys."""
    figure, plots = blank(width=7.2, height=7.2)
    plot, scale = plots[0, 0], scale_of(key)
    colour = hsv_to_rgb(np.stack([(PLACES * scale % 12) / 12, np.full(len(key), 0.75), np.full(len(key), 0.8)], 1))
    for minor, marker, label in ((False, "o", "major"), (True, "x", "minor")):
        rows = (key >= 12) == minor
        plot.scatter(place[rows].real, place[rows].imag, c=colour[rows], marker=marker, s=22, linewidth=1.1,
                     alpha=0.75, label=f"{label} ({rows.sum()} songs)")  # fmt: skip
    major = key < 12
    middle = (place[major] * np.exp(-2j * np.pi * PLACES * scale[major] / 12)).mean()
    reach = np.quantile(np.abs(place), 0.995) * 1.12
    for at in range(12):
        direction = middle / abs(middle) * np.exp(2j * np.pi * PLACES * at / 12)
        plot.plot([0, 0.93 * reach * direction.real], [0, 0.93 * reach * direction.imag], color=FAINT, linewidth=0.4)
        plot.text(reach * direction.real, reach * direction.imag, f"{NAMES[at]}\n{NAMES[(at + 9) % 12].lower()}",
                  color=INK, ha="center", va="center", fontsize=10)  # fmt: skip
    name(plot, "songs of POP909 on the plane of fifths", "cosine of harmonic 7", "sine of harmonic 7")
    plot.set(aspect="equal", xlim=(-1.12 * reach, 1.12 * reach), ylim=(-1.12 * reach, 1.12 * reach))
    plot.legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=INK)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--model", default="piano-roll")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/circle-of-fifths.png"))
    given = parser.parse_args()
    folder = pop909.song_folder(given.folder) if given.folder else pop909.fetch_pop909()
    place, key = places(sa.load(given.model), folder)
    right = named(place, key)
    low, high = Bootstrap(np.arange(len(right))).interval(right.astype(float))
    common = np.bincount(scale_of(key)).max() / len(key)
    print(f"{len(key)} songs; scale named {right.mean():.3f} [{low:.3f}, {high:.3f}], the most common {common:.3f}")
    to_c = place * np.exp(-2j * np.pi * PLACES * scale_of(key) / 12)
    further = np.angle(to_c[key >= 12].mean() / to_c[key < 12].mean()) * 12 / (2 * np.pi)
    print(f"minor songs stand {further:.2f} places further along than major songs of their scale")
    figure = picture(place, key)
    figure.patch.set(facecolor="white", alpha=1.0)
    figure.savefig(given.out, dpi=110)


if __name__ == "__main__":
    main()

"""Which phrases of a pop song repeat, and when? (human phrase labels of POP909)

A label file says "i4A4B8": phrase types and their lengths in bars, in playing order; equal letters repeat, a capital
letter has a melody, a small one has none (i intro, o outro, b bridge, x other). Bars are counted from the first label;
bars of the MIDI may precede it. ``label_offset`` finds how many: the melody enters where the first capital letter
starts.

Source: Dai, Zhang, Dannenberg (2020), "Automatic analysis and influence of hierarchical structure on melody, rhythm and
harmony in popular music"; files human_label1.txt and human_label2.txt of POP909.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Phrase:
    """``bars`` bars from ``start_bar`` (0 = the first labelled bar)."""

    letter: str
    start_bar: int
    bars: int

    @property
    def melodic(self) -> bool:
        """Has the phrase a melody?"""
        return self.letter.isupper()


def parse_phrases(text: str) -> list[Phrase]:
    """Phrases of a label string; ValueError where it is not letters, each with a whole number of bars."""
    compact = "".join(text.split())
    if not re.fullmatch(r"(?:[A-Za-z]\d+)+", compact):
        raise ValueError(f"phrase labels must be letters with bar counts, as in i4A4B8, got {text.strip()[:40]!r}")
    phrases: list[Phrase] = []
    bar = 0
    for letter, bars in re.findall(r"([A-Za-z])(\d+)", compact):
        phrases.append(Phrase(letter, bar, int(bars)))
        bar += int(bars)
    return phrases


def read_phrases(song_folder: str | Path, annotator: int = 1) -> list[Phrase]:
    """The phrases of one song by annotator 1 or 2."""
    if annotator not in (1, 2):
        raise ValueError(f"`annotator` must be 1 or 2, got {annotator}")
    return parse_phrases((Path(song_folder) / f"human_label{annotator}.txt").read_text())


def label_offset(phrases: list[Phrase], downbeats: ArrayLike, first_melody_onset: float) -> int:
    """Bars before the first label, >= 0: the downbeat nearest the melody's entry less the bars of labels before it.

    ``downbeats`` and ``first_melody_onset`` share one unit (seconds or beats). 0 for labels without a melodic phrase.
    """
    melodic = [p for p in phrases if p.melodic]
    times = np.asarray(downbeats, float)
    if not melodic or len(times) == 0:
        return 0
    return max(0, int(np.abs(times - first_melody_onset).argmin()) - melodic[0].start_bar)


def phrase_spans(phrases: list[Phrase], downbeats: ArrayLike, offset: int = 0) -> NDArray[np.float64]:
    """Start and end of every phrase in the downbeats' unit, (n, 2); bars past the last downbeat go on at its tempo."""
    times = np.asarray(downbeats, float)
    if len(times) < 2:
        raise ValueError(f"`downbeats` must hold at least two, got {len(times)}")
    last = offset + max((p.start_bar + p.bars for p in phrases), default=0)
    extra = np.arange(1, max(0, last - len(times) + 1) + 1) * (times[-1] - times[-2])
    grid = np.concatenate([times, times[-1] + extra])
    return np.array([[grid[offset + p.start_bar], grid[offset + p.start_bar + p.bars]] for p in phrases]).reshape(-1, 2)

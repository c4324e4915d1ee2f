"""On which line or space would a note be written, when the file does not say? A guess of the diatonic step.

Each note is spelled as a degree of the harmonic chromatic scale (flat 2, 3, 6, 7, sharp 4) of the tonic that fits the
notes around it best: every chroma votes for its degree with the times it sounds in the context, from ``BEFORE`` notes
before to ``AFTER`` notes after. Steps are numbered so that C4 = 60, as in ``notes``.

Source: Meredith (2006), "The ps13 pitch spelling algorithm", JNMR 35(2): stage 1, contexts 10 and 42.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

BEFORE, AFTER = 10, 42
DEGREE = np.array([0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6])  # of the harmonic chromatic scale, by semitones over the tonic


def guess_morphetic(midi: ArrayLike) -> NDArray[np.int64]:
    """Diatonic step (n,) of each note; ``midi`` in order of onset, then pitch. The first note is spelled simply."""
    pitches = np.asarray(midi).astype(np.int64)
    if len(pitches) == 0:
        return pitches
    counts = np.zeros((len(pitches) + 1, 12), np.int64)
    np.add.at(counts, (np.arange(1, len(pitches) + 1), pitches % 12), 1)
    counts = counts.cumsum(axis=0)
    n = np.arange(len(pitches))
    near = counts[np.minimum(n + AFTER, len(pitches))] - counts[np.maximum(n - BEFORE, 0)]
    first = _first_step(int(pitches[0] % 12), near[0])
    tonics = np.arange(12)
    of_tonic = (first - DEGREE[(pitches[0] - tonics) % 12]) % 7  # each tonic's own step, fixed by the first note
    vote = (of_tonic[None, :] + DEGREE[(pitches[:, None] - tonics) % 12]) % 7
    strength = np.array([(near * (vote == step)).sum(axis=1) for step in range(7)])
    return _in_octave(pitches, strength.argmax(axis=0))


def _first_step(chroma: int, near: NDArray[np.int64]) -> int:
    """The step of the first note: its degree over the tonic whose major scale holds most notes."""
    major = np.array([0, 2, 4, 5, 7, 9, 11])
    tonic = int(np.argmax([near[(major + t) % 12].sum() for t in range(12)]))
    steps_of_tonics = np.array([0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6])  # C Db D Eb E F Gb G Ab A Bb B
    return int((steps_of_tonics[tonic] + DEGREE[(chroma - tonic) % 12]) % 7)


def _in_octave(pitches: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number with this step (0 = C) that lies nearest to the pitch."""
    height = 60 + (pitches - 60) * 7 / 12
    return step + 7 * np.rint((height - 60 - step) / 7).astype(np.int64) + 60

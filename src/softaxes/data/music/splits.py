"""How is a corpus dealt into training, validation and test? By whole groups, each source by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from softaxes.data.music.corpus import Corpus


class Split(NamedTuple):
    """Sorted song indices of the three parts of a corpus."""

    train: Int[np.ndarray, " a"]
    validation: Int[np.ndarray, " b"]
    test: Int[np.ndarray, " c"]


def split(corpus: Corpus, seed: int = 0, fractions: Sequence[float] = (0.8, 0.1, 0.1)) -> Split:
    """Deal songs into train, validation and test by whole groups; the same corpus and seed give the same split.

    Groups are shuffled, then dealt from the largest to the smallest, each to the part that lacks most songs of the
    group's source; so big families train, every source of a mixed corpus has its fractions, and every part that was
    asked for gets a song if there are groups enough.

    Raises:
        ValueError: fractions that are not three numbers >= 0 with sum 1.
    """
    if len(fractions) != 3 or not min(fractions) >= 0 or not abs(sum(fractions) - 1) < 1e-6:
        raise ValueError(f"`fractions` must be three numbers >= 0 with sum 1, got {tuple(fractions)}")
    numbers, group_of_song = np.unique(corpus.groups, return_inverse=True)
    names, source_of_song = np.unique(corpus.sources, return_inverse=True)
    holds = np.zeros((len(numbers), len(names)), dtype=np.int64)
    np.add.at(holds, (group_of_song, source_of_song), 1)
    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    order = shuffled[np.argsort(-holds[shuffled].sum(1), kind="stable")]
    lacking = np.outer(fractions, holds.sum(0))
    wanted = [part for part in np.argsort(fractions, kind="stable").tolist() if fractions[part] > 0]
    part_of = np.zeros(len(numbers), dtype=np.int64)
    for position, group in enumerate(order.tolist()):
        still_empty = [part for part in wanted if part not in part_of[order[:position]]]
        must_fill = len(order) - position <= len(still_empty)
        part = still_empty[-1] if must_fill and still_empty else int(lacking[:, holds[group] > 0].sum(1).argmax())
        part_of[group] = part
        lacking[part] -= holds[group]
    return Split(*(np.flatnonzero(part_of[group_of_song] == part) for part in range(3)))

"""Are two clips returns of one motif? Similarity features, weighed by what musicians marked.

score = log-odds that both clips are returns of one motif of a piece: a linear map of the standardised
``similarity_features`` plus a small two-layer network of them. The weights come from annotated development movements
(``runs/match_classifier.py`` makes them, and measures them on movements that the weights did not see) and are frozen in
``match_classifier.npz``; any other ``MatchClassifier`` can be passed in its place.

Conventions: scores (queries, gallery), larger = more similar, 0 = as likely as not. Invariant to moving either clip by
whole bars and to transposing it (octaves exactly; other intervals up to the spelling, for clips that have one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softaxes.motifs.patterns.notes import Notes
from softaxes.motifs.similarity_features import FEATURES, similarity_features

Floats = NDArray[np.float64]
WEIGHTS = ("mean", "scale", "linear", "first", "first_bias", "second", "second_bias", "last", "bias")


@dataclass(frozen=True)
class MatchClassifier:
    """``mean``, ``scale``, ``linear`` (F,); ``first`` (H, F); ``second`` (H, H); ``last`` (H,); ``bias`` ()."""

    mean: Floats
    scale: Floats
    linear: Floats
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats
    last: Floats
    bias: Floats

    def __post_init__(self) -> None:
        if self.mean.shape != (len(FEATURES),):
            raise ValueError(f"a classifier must weigh {len(FEATURES)} features, got {self.mean.shape}: train it again")

    def log_odds(self, features: Floats) -> Floats:
        """Features (..., F) to log-odds (...)."""
        x = (features - self.mean) / self.scale
        hidden = np.tanh(np.tanh(x @ self.first.T + self.first_bias) @ self.second.T + self.second_bias)
        return x @ self.linear + hidden @ self.last + self.bias

    def __call__(self, queries: Sequence[Notes], gallery: Sequence[Notes]) -> Floats:
        """Log-odds of every pair, (queries, gallery)."""
        return self.log_odds(similarity_features(queries, gallery))

    def save(self, path: str | Path) -> None:
        """Write the weights (numpy's .npz, no pickle)."""
        columns = {name: np.asarray(getattr(self, name), np.float32) for name in WEIGHTS}
        np.savez(path, allow_pickle=False, **columns)


def load_classifier(path: str | Path) -> MatchClassifier:
    """Weights from a file; ValueError naming what is missing."""
    with np.load(path, allow_pickle=False) as file:
        missing = sorted(set(WEIGHTS) - set(file.files))
        if missing:
            raise ValueError(f"{path} is no classifier: it has no {', '.join(missing)}")
        return MatchClassifier(*(file[name].astype(float) for name in WEIGHTS))


@cache
def learned_classifier() -> MatchClassifier:
    """The weights in the package."""
    with resources.as_file(resources.files("softaxes.motifs") / "match_classifier.npz") as path:
        return load_classifier(path)

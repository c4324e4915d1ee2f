"""What does each figure mean, and what does it not depend on?

One row a figure: what it is called in a report, the function that computes it, its range, its best value, the chance
level in words, how to read it, and how it answers six transformations of the latents. A test walks this table: every
figure of a report and every metric of the package has a row, every claimed invariance holds, and every claimed
dependence can be shown.

    rotation      z -> Q z for one orthogonal Q
    scale         z -> c z
    translation   z -> z + t
    permutation   of items, with their labels
    stretch       one coordinate of z times 3: not a similarity, so angles and distances change
    own_rotation  every crop's differences rotated by a Q of its own: what the cosines of one anchor cannot see

Figures of rolls have no latents; only ``permutation`` applies to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TRANSFORMATIONS = ("rotation", "scale", "translation", "permutation", "stretch", "own_rotation")
SIMILARITY = frozenset({"rotation", "scale", "translation", "permutation"})
BLIND = SIMILARITY | {"own_rotation"}  # of one anchor at a time
ITEMS = frozenset({"permutation"})
STRETCH = frozenset({"stretch"})
SEES = frozenset({"stretch", "own_rotation"})
INF = math.inf


@dataclass(frozen=True)
class Property:
    """A row of the table; ``low`` and ``high`` bound the figure, ``best`` is NaN where no value is best as such."""

    name: str
    function: str
    low: float
    high: float
    best: float
    chance: str
    invariant: frozenset[str]
    varies: frozenset[str]
    reading: str


def _rows() -> list[Property]:
    cos, half = "cosines.cosines", "+1/2: two differences of one anchor share an end"
    law, size = "additivity.additivity", "additivity.size_law"
    near, ops = "neighbours.retrieval", "operators."
    no_op = "1: doing nothing"
    return [
        Property("dead", cos, 0, 1, 0, "0", BLIND, frozenset(), "share of shifts that leave z where it is"),
        Property("cross_cos", cos, 0, 1, 0, half, BLIND, STRETCH, "mean |cos| of two kinds; 0: orthogonal"),
        Property("same_cos", cos, -1, 1, 1, half, BLIND, STRETCH, "one line, same sign; 1: parallel"),
        Property("opposite_cos", cos, -1, 1, -1, half, BLIND, STRETCH, "one line, opposite signs; -1: anti-parallel"),
        Property("circle_error", cos, 0, 2, 0, "none in closed form", BLIND, STRETCH, "|cos - chord law|; 0: a circle"),
        Property("cycle_error", cos, 0, 2, 0, "about |1/2 - law|", BLIND, STRETCH, "|cos - law|; 0: turns as one code"),
        Property("law_error", "cosines.law_curves", 0, 2, 0, "about |1/2 - law|", BLIND, STRETCH,
                 "|mean cos - law| over pairs of amounts; 0: the law holds"),
        Property("opening_angle", "cosines.opening_angle", 0, 180, 180, "60 to 90 degrees", SIMILARITY, SEES,
                 "degrees between mean + and mean -; 180: one axis both ways"),
        Property("axis_agreement", "global_axis.axis_agreement", -1, 1, 1, "0 (P planes: 2 P / D)", SIMILARITY, SEES,
                 "cos to the mean direction of other songs; 1: one global axis"),
        Property("between_images", "global_axis.axis_agreement", -1, 1, 1, "0", SIMILARITY, SEES,
                 "mean cos of two songs' differences; 1: one global axis"),
        Property("additivity", law, 0, 3, 0, "sqrt(2), or sqrt(3) if s + t = 0", BLIND, STRETCH,
                 "|d_s + d_t - d_s+t| over the longest; 0: shifts add"),
        Property("size_r2", size, -INF, 1, 1, "<= 0", BLIND, STRETCH, "R^2 of |d| = c |s|; 1: calibrated"),
        Property("size_exponent", size, -INF, INF, 1, "0", BLIND, STRETCH, "|d| grows as |s|^this; 1: in proportion"),
        Property("size_ratio_cv", size, 0, INF, 0, "spread of 1 / |s|", BLIND, STRETCH,
                 "spread of |d| / |s|; 0: one scale for all songs and amounts"),
        Property("effective_rank", "spectrum.effective_rank", 0, INF, INF, "D: isotropic noise",
                 BLIND, STRETCH, "directions that z uses, 1 to D"),
        Property("content_rank", "spectrum.effective_rank", 0, INF, INF, "D - axes: isotropic noise",
                 SIMILARITY, SEES, "directions that z uses with the axes removed"),
        Property("difference_pca2", "spectrum.pca_ratios", 0, 1, math.nan, "2 / D", SIMILARITY, SEES,
                 "share of the differences' variance in two directions"),
        Property("grid_first", "spectrum.grid_spectra", 0, 1, math.nan, "about 1 / P, 1 / T", BLIND, STRETCH,
                 "first singular value of a shift grid, as a share; 1: it moves in step"),
        Property("content_recall", "neighbours.content_ranks", 0, 1, 1, "1 / B", SIMILARITY, SEES,
                 "with axes removed, the shifted crop's nearest anchor is its own"),
        Property("hit_at_1", near, 0, 1, 1, "1 / gallery", SIMILARITY, SEES,
                 "op(z, s) is nearest to the true shifted crop"),
        Property("hit_at_5", near, 0, 1, 1, "5 / gallery", SIMILARITY, SEES,
                 "the true shifted crop is among the nearest 5"),
        Property("mrr", near, 0, 1, 1, "log(gallery) / gallery", SIMILARITY, SEES, "mean of 1 / rank of the true one"),
        Property("hit_at_1_with_query", near, 0, 1, 1, "1 / gallery", SIMILARITY, SEES,
                 "the same, with the unshifted crop among the candidates"),
        Property("hit_at_1_with_unmoved", near, 0, 1, 1, "1 / gallery", SIMILARITY, SEES,
                 "the same, with the unshifted crops of all among the candidates"),
        Property("hit_at_1_no_operator", near, 0, 1, math.nan, "1 / gallery", SIMILARITY, SEES,
                 "control for hit_at_1: z itself as the prediction"),
        Property("hit_at_1_random_direction", near, 0, 1, math.nan, "1 / gallery", frozenset({"scale", "translation"}),
                 frozenset({"own_rotation"}), "control for hit_at_1: as far as the operator, in a random direction"),
        Property("relative_error", ops + "relative_error", 0, INF, 0, no_op, SIMILARITY, SEES,
                 "|op(z, s) - z_s| / |z_s - z|; 0: exact, 1: did nothing"),
        Property("skill", ops + "skill", -INF, 1, 1, "0: doing nothing", SIMILARITY, SEES,
                 "squared error against no change; 1: exact, 0: did nothing"),
        Property("coordinate_r2", ops + "coordinate_r2", -INF, 1, 1, "that of no change, often > .9", SIMILARITY,
                 SEES, "R^2 of coordinate after = before + s; read the skill"),
        Property("coordinate_skill", ops + "coordinate_r2", -INF, 1, 1, "0: no change", SIMILARITY, SEES,
                 "the same against no change; 1: exact"),
        Property("phase_cos", ops + "phase_cos", -1, 1, 1, "0", SIMILARITY, SEES, "cos of the phase error; 1: exact"),
        Property("own_shift", ops + "own_shift", 0, 1, 1, "1 / candidates", SIMILARITY, SEES,
                 "the true amount is the nearest of the crop's own shifts"),
        Property("analogy_error", "analogies.analogy_error", 0, INF, 0, "sqrt(1 + 1 / donors)",
                 SIMILARITY - ITEMS, SEES,
                 "relative error of adding 5 other songs' difference; 0: exact"),
        Property("disagreement", ops + "disagreement", 0, INF, 0, "about sqrt(2)", SIMILARITY, STRETCH,
                 "of two ways to one latent (composition, commutation); 0: none"),
        Property("drift", ops + "drift", 0, INF, 0, "sqrt(2)", SIMILARITY, STRETCH,
                 "how far decode-encode cycles carry z, in spreads"),
        Property("shift_r2", "probes.shift_r2", -INF, 1, 1, "0", SIMILARITY, frozenset({"own_rotation"}),
                 "held-out R^2 of the amount from the difference, linear"),
        Property("ridge_r2", "probes.ridge_r2", -INF, 1, 1, "0", SIMILARITY, frozenset(),
                 "held-out R^2 of a target from z, linear"),
        Property("category", "probes.category", 0, 1, 1, "share of the most common class", SIMILARITY, STRETCH,
                 "held-out accuracy of a class from z, linear"),
        Property("phase_readout", "probes.cyclic", -1, 1, 1, "0", SIMILARITY, STRETCH,
                 "held-out cos of the error of a phase that a linear readout tells"),
        Property("subspace_overlap", "probes.subspace_overlap", 0, 1, 0, "max(dims) / D", SIMILARITY, SEES,
                 "cos^2 of the angles between two kinds' differences; 0: apart"),
        Property("frame_f1", "notes.frame_counts", 0, 1, 1, "density of notes", ITEMS, frozenset(), "F1 of cells"),
        Property("note_f1", "notes.note_counts", 0, 1, 1, "density of onsets", ITEMS, frozenset(), "F1 of onsets"),
        Property("transposition", "notes.transposition", 0, 1, 1, "1 / (2 reach + 1)", ITEMS, frozenset(),
                 "share of edits whose best-matching transposition is the right one"),
        Property("onset_leakage", "notes.onset_leakage", 0, 1, 0, "none", ITEMS, frozenset(),
                 "share of onsets that a pitch edit moved in time"),
        Property("pitch_leakage", "notes.pitch_leakage", 0, 1, 0, "none", ITEMS, frozenset(),
                 "share of onsets whose pitch a time edit changed"),
    ]  # fmt: skip


PROPERTIES = {row.name: row for row in _rows()}

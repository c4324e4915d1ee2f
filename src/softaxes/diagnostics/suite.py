"""The whole metric suite at once: every figure that applies to labelled latents, of any encoder.

``diagnose`` asks the questions of this package in turn. A figure that does not apply is absent (cross cosines of one
kind, triples where no amounts add up); one that applies but cannot be computed is NaN (cosines of a dead encoder).
Operators are judged on groups that their axes were not fitted on (``held_out``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from softaxes.diagnostics import additivity, cosines, global_axis, neighbours, operators, probes, spectrum
from softaxes.diagnostics.analogies import analogies, donor_errors
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.held_out import Folds, coordinates, fit, held_out_axes, predict
from softaxes.diagnostics.labelled import Array, Labelled, label
from softaxes.diagnostics.report import Report, Suite
from softaxes.geometry.axes import Axes
from softaxes.geometry.kinds import Kind, Rotation

GALLERY = 2000  # most crops among which an operator's result is looked for
DONORS = 5  # other crops whose difference an analogy averages
RANK_DRAWS = 200  # of spectra: each draw is an eigenvalue problem


def diagnose(
    *,
    anchor: ArrayLike,
    views: ArrayLike,
    kind: ArrayLike,
    amount: ArrayLike,
    group: ArrayLike | None = None,
    clipped: ArrayLike | None = None,
    kinds: Sequence[Kind] | None = None,
    axes: Axes | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Report:
    """Every applicable figure of labelled latents, with intervals over groups, chance levels and how to read it.

    Args:
        anchor: (B, D) latents; numpy or torch.
        views: (B, V, D) latents of shifted views.
        kind: (B, V) integers that index ``kinds``, or names.
        amount: (B, V) signed, in the kind's unit.
        group: (B,) song of each item. Without groups every item counts as independent, and figures with held-out
            halves depend on the order of the items.
        clipped: (B, V) booleans; if given, unclipped and clipped views are reported apart as well.
        kinds: Line, Circle and Cycle declarations; lines by default.
        axes: fitted on training data; by default each half of the groups is judged by axes of the other half.
        draws: of the bootstrap.
        seed: of draws, controls and of the crops in the gallery.

    Raises:
        ValueError: on shapes that do not fit or non-finite values, naming the argument.
    """
    batch = label(anchor, views, kind, amount, clipped=clipped, group=group, kinds=kinds)
    suite = Suite(batch, Bootstrap(batch.group, n=draws, seed=seed))
    folds = held_out_axes(batch, axes)
    _same_anchor(suite)
    _axes_of_all(suite)
    _laws(suite)
    _spectra(suite, axes, seed)
    _content(suite, folds)
    _operators(suite, folds, seed)
    _probes(suite)
    return Report(suite.figures)


def _same_anchor(suite: Suite) -> None:
    """Dead views, the cosines of each relation (of each kind too, where there are several), the opening angles."""
    batch = suite.batch
    found = cosines.cosines(batch)
    item, view = np.nonzero(batch.shifted)
    suite.add("dead", (~batch.alive)[item, view], item, chance=0.0)
    chance = cosines.chance_same_anchor(batch.anchor.shape[1])
    for relation in cosines.RELATIONS:
        asked = found.asked(relation)
        level = math.nan if relation in ("circle", "cycle") else chance
        for kind, of_kind in _kinds_of_pairs(batch, found, asked):
            for part, mask in found.parts().items():
                chosen = asked & of_kind & mask & found.alive
                values, item = found.error(relation)[chosen], found.item[chosen]
                suite.add(_COSINES[relation], values, item, chance=level, kind=kind, part=part)
    for kind, curve in cosines.law_curves(batch).items():
        suite.put("law_error", curve.error, (math.nan, math.nan), int(curve.n.sum()), chance=math.nan, kind=kind)
    for index, line in suite.lines:
        for part, where in batch.parts().items():
            values, item = cosines.signed_differences(batch, index, where)
            angle = cosines.angle_of_halves
            suite.add("opening_angle", values, item, chance=90.0, kind=line.name, part=part, statistic=angle)


_COSINES = {
    "cross": "cross_cos",
    "same": "same_cos",
    "opposite": "opposite_cos",
    "circle": "circle_error",
    "cycle": "cycle_error",
}


def _kinds_of_pairs(batch: Labelled, found: cosines.Cosines, asked: Array) -> list[tuple[str, Array]]:
    """("", all pairs), then (name or names, its pairs) for each pair of kinds, if there is more than one."""
    if not asked.any():
        return []
    pairs = np.unique(np.stack([found.first[asked], found.second[asked]], axis=1), axis=0)
    masks = [("", np.ones(len(asked), dtype=bool))]
    if len(pairs) > 1:
        for a, b in pairs:
            name = batch.kinds[a].name if a == b else f"{batch.kinds[a].name}+{batch.kinds[b].name}"
            masks.append((name, (found.first == a) & (found.second == b)))
    return masks


def _axes_of_all(suite: Suite) -> None:
    """Agreement of each kind over images."""
    batch = suite.batch
    for index, kind in suite.occurring:
        chance = global_axis.chance(kind, batch.anchor.shape[1])
        for part, where in batch.parts().items():
            values, item = global_axis.agreement_values(batch, index, where)
            suite.add("axis_agreement", values, item, chance=chance, kind=kind.name, part=part)
            unit, group, item = global_axis.signed_units(batch, index, where)
            if not isinstance(kind, Rotation) and (len(unit) or part == "all"):
                value, interval = math.nan, (math.nan, math.nan)
                if len(unit):
                    value = global_axis.between_images(unit, group)
                    interval = global_axis.between_images_interval(unit, item, suite.draws)
                suite.put("between_images", value, interval, len(unit), chance=0.0, kind=kind.name, part=part)


def _laws(suite: Suite) -> None:
    """Additivity of lines where triples add up, the size law of every kind."""
    batch = suite.batch
    found = additivity.additivity(batch)
    alive = ~np.isnan(found.error)
    for index, line in suite.lines:
        of_kind = found.kind == index
        for part, mask in _parts_of(found.clipped, len(found.kind)).items():
            chosen = of_kind & mask & alive
            if of_kind.any():
                errors, item = found.error[chosen], found.item[chosen]
                level = float(found.chance[of_kind].mean())
                suite.add("additivity", errors, item, chance=level, kind=line.name, part=part)
    laws = (("size_r2", additivity.r2, 0.0), ("size_exponent", additivity.exponent, 0.0))
    for index, kind in suite.occurring:
        for part, where in batch.parts().items():
            moments, item = additivity.size_moments(batch, index, where)
            for name, statistic, chance in (*laws, ("size_ratio_cv", additivity.ratio_cv, math.nan)):
                suite.add(name, moments, item, chance=chance, kind=kind.name, part=part, statistic=statistic)


def _spectra(suite: Suite, axes: Axes | None, seed: int) -> None:
    """Effective rank of latents and of content (axes fitted on these very items unless given), PCA of differences."""
    batch, every = suite.batch, np.arange(len(suite.batch.anchor))
    axes = fit(batch) if axes is None else axes
    dims = batch.anchor.shape[1]
    item, view = np.nonzero(batch.shifted)
    differences = batch.difference[item, view]
    content = axes.remove(torch.from_numpy(batch.anchor)).numpy()
    free = dims - sum(len(axis.basis) for axis in axes.values())
    draws = Bootstrap(batch.group, n=RANK_DRAWS, seed=seed, bundles=RANK_DRAWS)
    for name, rows, of, statistic, chance, high in (
        ("effective_rank", batch.anchor, every, spectrum.rank_of_spectrum, float(dims), float(dims)),
        ("content_rank", content, every, spectrum.rank_of_spectrum, float(free), float(free)),
        ("difference_pca2", differences, item, _first_two, min(1.0, 2 / dims), 1.0),
    ):
        value, interval = math.nan, (math.nan, math.nan)
        if len(rows):
            value = float(statistic(spectrum.variances_of(rows)[None])[0])
            interval = spectrum.spectrum_interval(rows, draws, of, statistic, high=high)
        suite.put(name, value, interval, len(rows), chance=chance)


def _first_two(variances: Array) -> Array:
    return np.asarray(spectrum.shares_of_spectrum(variances)[:, :2].sum(axis=1))


def _content(suite: Suite, folds: Folds) -> None:
    """Is the same music still the nearest, once the axes are removed?"""
    found = neighbours.content_ranks(suite.batch, folds=folds)
    for part, mask in _parts_of(found.clipped, len(found.rank)).items():
        right, item = (found.rank <= 1)[mask], found.item[mask]
        suite.add("content_recall", right, item, chance=1 / found.candidates, part=part)


def _operators(suite: Suite, folds: Folds, seed: int) -> None:
    """The operators of the held-out axes: errors, own shifts, retrieval; analogies; each axis' coordinate."""
    batch = suite.batch
    predicted = predict(batch, folds)
    known = batch.shifted & ~np.isnan(predicted).any(axis=-1)
    own = operators.nearest_own_shift(predicted - batch.anchor[:, None], batch)
    for index, kind in suite.occurring:
        of_kind = known & (batch.kind == index)
        _errors(suite, predicted, of_kind, kind.name)
        item, view = np.nonzero(of_kind)
        level = float(own.chance[item, view].mean()) if len(item) else math.nan
        suite.add("own_shift", own.right[item, view], item, chance=level, kind=kind.name)
        _retrieval(suite, predicted, of_kind, kind.name, seed)
    by_donors = analogies(batch, donors=DONORS, seed=seed)
    for index, line in suite.lines:
        errors, item = donor_errors(batch, by_donors, index)
        if len(errors):
            suite.add("analogy_error", errors, item, chance=math.sqrt(1 + 1 / DONORS), kind=line.name)
    for index, kind in enumerate(batch.kinds):
        if (batch.amounts[..., index] != 0).any():
            _coordinate(suite, folds, index, kind)


def _errors(suite: Suite, predicted: Array, of_kind: Array, kind: str) -> None:
    """Relative error by part, and skill, of the operator of one kind."""
    batch = suite.batch
    for part, where in batch.parts().items():
        item, view = np.nonzero(of_kind & batch.alive & where)
        errors = np.linalg.norm(predicted[item, view] - batch.views[item, view], axis=-1) / batch.norm[item, view]
        suite.add("relative_error", errors, item, chance=1.0, kind=kind, part=part)
    item, view = np.nonzero(of_kind)
    error = np.square(predicted[item, view] - batch.views[item, view]).sum(axis=-1)
    values = np.stack([error, np.square(batch.norm[item, view])], axis=1)
    suite.add("skill", values, item, chance=0.0, kind=kind, statistic=probes.r2_of_means)


def _retrieval(suite: Suite, predicted: Array, known: Array, kind: str, seed: int) -> None:
    """Each crop's first view of a kind among those of all crops (at most ``GALLERY`` of them), and the controls."""
    batch = suite.batch
    item = np.flatnonzero(known.any(axis=1))
    if len(item) > GALLERY:
        item = np.sort(np.random.default_rng(seed).permutation(item)[:GALLERY])
    if len(item) < 2:
        return
    view = known[item].argmax(axis=1)
    reached, start, gallery = predicted[item, view], batch.anchor[item], batch.views[item, view]
    target = np.arange(len(item))
    alone = neighbours.retrieval(reached, start, gallery, target, seed=seed)
    crowded = neighbours.retrieval(reached, start, gallery, target, seed=seed, with_query=True)
    unmoved = neighbours.retrieval(reached, start, np.concatenate([gallery, start]), target, seed=seed)
    chance, rank = alone.operator.chance, alone.operator.rank
    harmonic = float((1 / np.arange(1, len(item) + 1)).mean())
    for name, values, level in (
        ("hit_at_1", rank <= 1, chance),
        ("hit_at_5", rank <= 5, min(1.0, 5 * chance)),
        ("mrr", 1 / rank, harmonic),
        ("hit_at_1_with_query", crowded.operator.rank <= 1, crowded.operator.chance),
        ("hit_at_1_with_unmoved", unmoved.operator.rank <= 1, unmoved.operator.chance),
        ("hit_at_1_no_operator", alone.no_operator.rank <= 1, chance),
        ("hit_at_1_random_direction", alone.random_direction.rank <= 1, chance),
    ):
        suite.add(name, values, item, chance=level, kind=kind)


def _coordinate(suite: Suite, folds: Folds, index: int, kind: Kind) -> None:
    before, after, amount, item = coordinates(suite.batch, folds, index)
    if isinstance(kind, Rotation):
        values = operators.phase_cos(before, after, amount, kind.coordinate_period)
        suite.add("phase_cos", values, item, chance=0.0, kind=kind.name)
        return
    values = np.stack([np.square(after - before - amount), np.square(after - before), after, np.square(after)], axis=1)
    idle = float(_coordinate_r2(values.mean(axis=0, keepdims=True)[:, 1:])[0]) if len(values) else math.nan
    columns = values[:, [0, 2, 3]]
    suite.add("coordinate_r2", columns, item, chance=idle, kind=kind.name, statistic=_coordinate_r2)
    suite.add("coordinate_skill", values[:, :2], item, chance=0.0, kind=kind.name, statistic=probes.r2_of_means)


def _coordinate_r2(means: Array) -> Array:
    """From means of squared error, coordinate, squared coordinate."""
    error, first, second = means.T
    return probes.r2_of_means(np.stack([error, second - first**2], axis=1))


def _probes(suite: Suite) -> None:
    """Linear probes of the amount (needs two groups to hold one out), overlap of the kinds' subspaces (no interval)."""
    batch = suite.batch
    for index, line in suite.lines:
        if len(np.unique(batch.group[(batch.kind == index).any(axis=1)])) > 1:
            probe, item = probes.shift_probe(batch, index)
            statistic = probes.r2_of_means
            suite.add("shift_r2", probe.values, item, chance=0.0, kind=line.name, statistic=statistic)
    for (a, b), found in probes.subspace_overlap(batch).items():
        nothing = (math.nan, math.nan)
        n = int((batch.alive & batch.shifted).sum())
        suite.put("subspace_overlap", found.overlap, nothing, n, chance=found.chance, kind=f"{a}+{b}")


def _parts_of(clipped: Array | None, n: int) -> dict[str, Array]:
    every = np.ones(n, dtype=bool)
    return {"all": every} if clipped is None else {"all": every, "unclipped": ~clipped, "clipped": clipped}

"""Do two operations at once find the right window, and does one carry on beyond the amounts it was trained on?

    joint           pitch and metre together: op(z, k, s) looks for f(T_k T_s x) among the shifted views of all windows
    extrapolation   pitch by more semitones than training ever showed, among all of the window's own shifts

Each beside its controls; intervals are over songs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from softaxes.diagnostics import Figure, Report
from softaxes.diagnostics.bootstrap import Bootstrap
from softaxes.diagnostics.neighbours import Hits, retrieval
from softaxes.diagnostics.operators import relative_errors
from softaxes.geometry.kinds import Rotation
from softaxes.geometry.shifts import shift
from softaxes.model.model import Model
from softaxes.report.music_views import PITCH, HeldOut

EXTRAPOLATION_SEMITONES = 6  # further than training went
MEASURES = (("hit_at_1", 1), ("hit_at_5", 5))


def joint_figures(model: Model, held_out: HeldOut, *, seed: int = 0, draws: int = 1000) -> Report:
    """H@1, H@5 and MRR of pitch and the leading circle or cycle together; empty without one.

    The gallery holds every window's own shifted view and no other; ``with_query`` adds the query's own unmoved window,
    ``with_unmoved`` those of all.
    """
    circles = [kind for kind in model.axes.kinds if isinstance(kind, Rotation) and kind.family == kind.name]
    if not circles:
        return Report([])
    rng = np.random.default_rng(seed)
    semitones, steps = (
        _signed(rng, most, len(held_out.rolls)) for most in (held_out.pitch_semitones, held_out.shift_steps)
    )
    moved = shift(held_out.rolls, torch.from_numpy(steps), dim=-1, edge="stream", context=held_out.context)[0]
    moved = shift(moved, torch.from_numpy(semitones), dim=-2)[0]
    z, gallery = model.encode(held_out.centre), model.encode(moved)
    amounts = {PITCH: torch.from_numpy(semitones).float(), circles[0].name: torch.from_numpy(steps).float()}
    predicted = model.steer(z, **amounts)
    own = np.arange(len(z))
    found = retrieval(predicted.numpy(), z.numpy(), gallery.numpy(), own, seed=seed)
    with_query = retrieval(predicted.numpy(), z.numpy(), gallery.numpy(), own, with_query=True, seed=seed)
    everything = np.concatenate([gallery.numpy(), z.numpy()])
    with_unmoved = retrieval(predicted.numpy(), z.numpy(), everything, own, seed=seed)
    bootstrap, name = Bootstrap(held_out.group, n=draws), f"{PITCH} and {circles[0].name}"
    figures = [_share(label, found.operator, most, bootstrap, name) for label, most in MEASURES]
    figures += [_reciprocal(found.operator, bootstrap, name)]
    controls = {"hit_at_1_with_query": with_query.operator, "hit_at_1_with_unmoved": with_unmoved.operator,
                "hit_at_1_no_operator": found.no_operator,
                "hit_at_1_random_direction": found.random_direction}  # fmt: skip
    return Report([*figures, *(_share(label, hits, 1, bootstrap, name) for label, hits in controls.items())])


def extrapolation_figures(model: Model, held_out: HeldOut, *, draws: int = 1000) -> Report:
    """Own-shift identification and relative error of pitch beyond the amounts of training, both signs.

    The candidates are all own shifts of a window up to `EXTRAPOLATION_SEMITONES` more than training showed, the
    window itself left out.
    """
    most = held_out.pitch_semitones + EXTRAPOLATION_SEMITONES
    amounts = np.array([k for k in range(-most, most + 1) if k])
    number = len(held_out.rolls)
    repeated = held_out.centre.repeat_interleave(len(amounts), 0)
    views = shift(repeated, torch.from_numpy(np.tile(amounts, number)), dim=-2)[0]
    z = model.encode(held_out.centre).numpy()
    own = model.encode(views).numpy().reshape(number, len(amounts), -1)
    right, wrong = [], []
    far = np.flatnonzero(np.abs(amounts) > held_out.pitch_semitones)
    for place in far:
        predicted = model.steer(z, pitch=float(amounts[place])).numpy()
        distance = np.square(own - predicted[:, None]).sum(-1)
        nearest = np.delete(distance, place, axis=1).min(axis=1)
        right.append(distance[:, place] < nearest)
        wrong.append(relative_errors(predicted, z, own[:, place]))
    bootstrap = Bootstrap(held_out.group, n=draws)
    name = f"{PITCH} {held_out.pitch_semitones + 1}..{most}"
    item = np.repeat(np.arange(number), len(far))
    hits, errors = np.stack(right, 1).ravel(), np.stack(wrong, 1).ravel()
    figures = [
        Figure("own_shift", float(hits.mean()), *bootstrap.interval(hits, item), len(hits), 1 / len(amounts), name)
    ]
    alive = ~np.isnan(errors)
    if alive.any():
        error, low_high = float(errors[alive].mean()), bootstrap.interval(errors[alive], item[alive])
        figures.append(Figure("relative_error", error, *low_high, int(alive.sum()), 1.0, name))
    return Report(figures)


def _signed(rng: np.random.Generator, most: int, n: int) -> NDArray[np.int64]:
    return rng.integers(1, most + 1, size=n) * rng.choice([-1, 1], size=n)


def _share(label: str, hits: Hits, most: int, bootstrap: Bootstrap, name: str) -> Figure:
    right = hits.rank <= most
    return Figure(label, float(right.mean()), *bootstrap.interval(right), len(right), most / hits.candidates, name)


def _reciprocal(hits: Hits, bootstrap: Bootstrap, name: str) -> Figure:
    values = 1 / hits.rank
    chance = float(np.mean(1 / np.arange(1, hits.candidates + 1)))
    return Figure("mrr", float(values.mean()), *bootstrap.interval(values), len(values), chance, name)

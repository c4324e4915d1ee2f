"""In which planes do latents turn? Least squares on pairs of latents whose shift is known.

A shift by ``s`` turns a plane of harmonic h by ``h alpha``, ``alpha = 2 pi s / period``. With ``y = w . z`` the complex
coordinate of a plane and ``c`` that of its centre, the squared error of predicting the turn is

    sum |y_s - c - exp(i h alpha) (y - c)|^2

The best ``c`` is linear in ``w``, so what the turn saves of ``sum |y_s - y|^2``, the error of no change, is a Hermitian
form ``w* G_h w``: its *gain*. One plane is where the gain is the largest share of what moves, an eigenproblem; a ridge
on the share keeps it from directions in which little moves. Many planes begin like that, the best plane of all
harmonics first, each among the directions that are left, and are then turned together until the error of all is least.

Shifts by whole steps turn a plane of harmonic period / 2 by whole half turns, in which all its pairs of directions are
alike: which of them half a step turns, only half steps can tell.
"""

from __future__ import annotations

import math
from collections import Counter

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from softaxes.geometry.kinds import Circle, Cycle, turns

RIDGE = 1.0  # of the mean squared difference of a latent coordinate: .1 to 1 do best on trained and synthetic latents
POLISH = 1000  # steps at most
SETTLED = 1e-9  # what a step adds to the gain, as a share of what moves, below which more steps are not worth it


def turning_planes(
    kind: Circle | Cycle,
    z: Float[Tensor, "N D"],
    moved: Float[Tensor, "N D"],
    amount: Float[Tensor, " N"],
    *,
    orthogonal_to: Float[Tensor, "K D"],
) -> tuple[Float[Tensor, "P 2 D"], Float[Tensor, " D"]]:
    """Planes that turn ``z`` into ``moved``, one for each entry of ``kind.harmonics``, and the centre of the turn.

    All rows are orthonormal, and orthogonal to those of ``orthogonal_to``. Where views are few, planes are sought in
    their span alone, so that time and memory go with the smaller of views and dimensions.

    Raises:
        ValueError: there are not two free dimensions for each plane.
    """
    taken, origin, needed = orthogonal_to.to(z), moved.mean(0), 2 * len(kind.harmonics)
    free, dims = _free_directions(taken, torch.cat([z, moved]) - origin, needed)
    if dims < needed:
        need = f"latents must have {needed} dimensions free for kind {kind.name!r}"
        raise ValueError(f"{need}, got {dims} of {z.shape[1]}")
    before, after = (z - origin) @ free.T, (moved - origin) @ free.T
    difference = after - before
    moves = difference.T @ difference
    gains, centres = _gains(kind, before, after, amount)
    planes = _best_planes(kind, gains, moves, dims)
    if len(kind.harmonics) > 1:
        planes = _polish(planes, gains, float(moves.diagonal().sum()))
    rows, centre = [], torch.zeros_like(before[0])
    for h in kind.harmonics:
        plane, planes[h] = planes[h][0], planes[h][1:]
        middle = torch.complex(plane[0], plane[1]) @ centres[h]
        centre = centre + torch.stack([middle.real, middle.imag]) @ plane
        rows.append(plane)
    return (torch.stack(rows) @ free).float(), (origin + centre @ free).float()


def _gains(
    kind: Circle | Cycle, before: Float[Tensor, "N R"], after: Float[Tensor, "N R"], amount: Float[Tensor, " N"]
) -> tuple[dict[int, Complex[Tensor, "R R"]], dict[int, Complex[Tensor, " R"]]]:
    """By harmonic: the gain, and the vector whose product with ``w`` is the centre ``c``; see the module.

    Views of one amount share their turn, so their products are summed once for all harmonics.
    """
    steps, which = torch.unique(amount, return_inverse=True)
    several = len(steps) <= 4 * len(kind.spectrum)
    groups = [which == i for i in range(len(steps))] if several else []
    products = [after[rows].T @ before[rows] for rows in groups]
    gains, centres = {}, {}
    for h, angle in zip(kind.spectrum, turns(kind, steps, kind.spectrum).unbind(-1), strict=True):
        change = torch.complex(torch.cos(angle) - 1, torch.sin(angle))  # exp(i h alpha) - 1
        if several:
            cross = sum(c * product for c, product in zip(change, products, strict=True))
        else:
            cross = (change[which][:, None] * after).T @ before.to(change)
        lever = -(change.conj()[which] @ after.to(change)) - change[which] @ before.to(change)
        weight = change[which].abs().square().sum()
        centre = lever / weight if weight > 1e-12 * len(amount) else torch.zeros_like(lever)
        gains[h] = cross + cross.mH + lever.conj()[:, None] * centre
        centres[h] = centre
    return gains, centres


def _best_planes(
    kind: Circle | Cycle, gains: dict[int, Complex[Tensor, "R R"]], moves: Float[Tensor, "R R"], dims: int
) -> dict[int, Float[Tensor, "P 2 R"]]:
    """By harmonic, planes of orthonormal rows, all orthogonal to each other.

    ``dims`` is how many coordinates the latent has free, of which the R given ones hold all that moves.
    """
    ridge = RIDGE * (moves.diagonal().sum() / dims).clamp_min(1e-30)
    left = torch.eye(len(moves)).to(moves)
    scale, wanted = moves + ridge * left, Counter(kind.harmonics)
    found = {h: moves.new_empty(0, 2, len(moves)) for h in gains}
    bound = dict.fromkeys(gains, math.inf)  # no plane that is left has more: with fewer directions shares only fall
    while wanted:
        h = max(wanted, key=bound.__getitem__)
        rival = max((bound[other] for other in wanted if other != h), default=-math.inf)
        planes, bound[h] = _planes_of_one_turn(gains[h], scale, left, wanted[h], at_least=rival)
        if len(planes):
            found[h] = torch.cat([found[h], planes])
            left = _complement(planes.flatten(0, 1), left)
            wanted -= Counter({h: len(planes)})
    return found


def _planes_of_one_turn(
    gain: Complex[Tensor, "R R"],
    scale: Float[Tensor, "R R"],
    left: Float[Tensor, "L R"],
    count: int,
    *,
    at_least: float,
) -> tuple[Float[Tensor, "P 2 R"], float]:
    """At most ``count`` planes in the span of ``left`` with a share ``at_least`` that, best first; the next share.

    Rows are orthonormal and turn from the first to the second.
    """
    within = left.to(gain)
    whiten = torch.linalg.inv(torch.linalg.cholesky(left @ scale @ left.T)).to(gain)
    shares, vectors = torch.linalg.eigh(whiten @ (within @ gain @ within.T) @ whiten.mH)
    falling = shares.flip(0)
    take = int((falling[:count] >= at_least).sum())
    best = (whiten.mH @ vectors.flip(1)[:, :take]).T
    planes = _nearest_orthonormal(best / best.abs().square().sum(1, keepdim=True).sqrt())
    return planes @ left, float(falling[min(take, len(falling) - 1)])


def _polish(
    planes: dict[int, Float[Tensor, "P 2 R"]], gains: dict[int, Complex[Tensor, "R R"]], moved: float
) -> dict[int, Float[Tensor, "P 2 R"]]:
    """Planes turned together, staying orthonormal, until the gain of all is largest.

    The gain is convex once a multiple of the identity is added, which moves no maximum; the orthonormal rows nearest to
    its slope then have no less of it (majorization: Kiers 1990).
    """
    lift = {h: -float(torch.linalg.eigvalsh(gain)[0].clamp_max(0)) for h, gain in gains.items()}
    sizes, before = [len(some) for some in planes.values()], planes
    last, smooth = -math.inf, 0
    for _ in range(POLISH):
        total = sum(float(_saved(some, gains[h])) for h, some in planes.items())
        if smooth and total - last <= SETTLED * moved:
            if total > last:
                break
            smooth = 0  # too far: go on without momentum
        last, ahead = total, smooth / (smooth + 3)
        slopes = []
        for h, some in planes.items():
            rows = _complex(some + ahead * (some - before[h]))
            slopes.append(rows @ gains[h].T + lift[h] * rows)
        before, smooth = planes, smooth + 1
        planes = dict(zip(planes, _nearest_orthonormal(torch.cat(slopes)).split(sizes), strict=True))
    return planes


def _complex(planes: Float[Tensor, "P 2 R"]) -> Complex[Tensor, "P R"]:
    return torch.complex(planes[:, 0], planes[:, 1])


def _saved(planes: Float[Tensor, "P 2 R"], gain: Complex[Tensor, "R R"]) -> Tensor:
    """Sum of ``w* G w``."""
    rows = _complex(planes)
    return (rows.conj() * (rows @ gain.T)).sum().real


def _nearest_orthonormal(rows: Complex[Tensor, "P R"]) -> Float[Tensor, "P 2 R"]:
    """The planes of orthonormal rows nearest to the real and imaginary parts of ``rows``."""
    pairs = torch.stack([rows.real, rows.imag], dim=1).flatten(0, 1)
    left, _, right = torch.linalg.svd(pairs, full_matrices=False)
    return (left @ right).unflatten(0, (len(rows), 2))


def _complement(rows: Float[Tensor, "K R"], within: Float[Tensor, "M R"]) -> Float[Tensor, "L R"]:
    """Orthonormal rows of the span of ``within`` (orthonormal too) that are orthogonal to ``rows``."""
    return torch.linalg.svd(rows @ within.T, full_matrices=True)[2][len(rows) :] @ within


def _free_directions(
    taken: Float[Tensor, "K D"], rows: Float[Tensor, "N D"], spare: int
) -> tuple[Float[Tensor, "R D"], int]:
    """Orthonormal rows orthogonal to ``taken``, and the dimension of all such directions.

    Where rows are few, only their span and ``spare`` directions more: a plane in which nothing moves beats a wrong
    turn.
    """
    dims = rows.shape[1]
    few = len(taken) + len(rows) + spare < dims
    _, values, right = torch.linalg.svd(taken, full_matrices=not few)
    rank = int((values > 1e-6 * values.amax().clamp_min(1e-30)).sum()) if len(taken) else 0
    if not few:
        return right[rank:], dims - rank
    some = torch.eye(rank + spare, dims, dtype=rows.dtype, device=rows.device)
    return torch.linalg.qr(torch.cat([right[:rank], rows, some]).T)[0].T[rank:], dims - rank

"""What kinds of shift are there, and what law does each promise? One function of the amount says it: the variogram.

A *kind* names an augmentation whose signed *amount* is known: ``Line("pitch")`` for transposition in semitones,
``Circle("metre", period=16)`` for a delay in steps against a bar of 16, ``Cycle("metre", period=32)`` for a code that
turns with the delay. A kind is a group that acts linearly on latents; its *variogram* is half the mean squared length
of the difference that a shift by ``s`` makes:

    Line    gamma(s) = size^2 s^2 / 2                              differences are parallel
    Circle  gamma(s) = size^2 (1 - cos(2 pi s / period))           chords of one circle
    Cycle   gamma(s) = size^2 sum_h w_h (1 - cos(2 pi h s / period)),  sum_h w_h = 1

and two differences from one anchor make the angle

    cos(d_s, d_t) = (gamma(s) + gamma(t) - gamma(s - t)) / (2 sqrt(gamma(s) gamma(t)))

which is sign(s t) on a line, the chord law on a circle, and tends to 1/2, the chance level of two differences that
share an end, as a cycle has more and more harmonics (Schoenberg 1938: metrics that embed in a Hilbert space).

Conventions: amounts are signed and in the kind's own unit; ``size`` is the length of one unit step of a line, or the
radius of a circle or cycle. It matters only for views that shift several kinds at once, where it weighs the kinds.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Line:
    """Shifts that add: register in semitones, or the position of an isolated motif in steps.

    Raises:
        ValueError: ``name`` cannot be a keyword argument, or ``size`` is not positive and finite.
    """

    name: str
    size: float = 1.0

    @property
    def family(self) -> str:
        """Name of the shift that moves along this line: its own."""
        return self.name

    def __post_init__(self) -> None:
        _check_name_and_size(self)

    def length(self, s: Tensor) -> Tensor:
        """Length of the difference that amount ``s`` makes: ``size |s|``."""
        return self.size * s.abs()

    def variogram(self, s: Tensor) -> Tensor:
        """Half the squared length: ``size^2 s^2 / 2``."""
        return self.length(s).square() / 2

    def cosine(self, s: Tensor, t: Tensor) -> Tensor:
        """Cosine of the differences that two amounts make from one anchor: ``sign(s t)``, exactly; 0 where one is 0."""
        return torch.sign(s) * torch.sign(t)


@dataclass(frozen=True)
class Circle:
    """Shifts that rotate: position in the bar, ``period`` units of the amount to a turn.

    ``follows`` names a kind whose shift turns this circle as well: a delay moves ``Circle("metre", 16)`` and
    ``Circle("beat", 4, follows="metre")`` together, and steering by ``metre`` turns both. Naming the follower itself
    moves it alone.

    Raises:
        ValueError: as for `Line`, or ``period`` is below 2 (a step would pass half a turn) or not finite.
    """

    name: str
    period: float
    size: float = 1.0
    follows: str = ""

    @property
    def family(self) -> str:
        """Name of the shift that moves this circle: its own, or that of the kind it follows."""
        return self.follows or self.name

    def __post_init__(self) -> None:
        _check_name_and_size(self)
        if not 2 <= self.period < math.inf:
            raise ValueError(f"`period` of kind {self.name!r} must be >= 2 steps and finite, got {self.period}")

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Of its one plane: 1."""
        return (1,)

    spectrum = harmonics

    @property
    def coordinate_period(self) -> float:
        """Steps after which the coordinate on a fitted axis comes round."""
        return self.period

    def angle(self, s: Tensor) -> Tensor:
        """Angle in radians that amount ``s`` turns: ``2 pi s / period``."""
        return s * (2 * math.pi / self.period)

    def length(self, s: Tensor) -> Tensor:
        """Length of the chord that amount ``s`` makes: ``2 size |sin(alpha/2)|``; exactly 0 at whole turns."""
        return 2 * self.size * self._half_sine(s).abs()

    def variogram(self, s: Tensor) -> Tensor:
        """Half the squared chord: ``size^2 (1 - cos(alpha))``."""
        return self.length(s).square() / 2

    def cosine(self, s: Tensor, t: Tensor) -> Tensor:
        """Cosine of two chords from one point: ``cos((a-b)/2) sign(sin(a/2) sin(b/2))``; 0 where one is no chord."""
        half = self.angle(s) / 2 - self.angle(t) / 2
        return torch.sign(self._half_sine(s)) * torch.sign(self._half_sine(t)) * torch.cos(half)

    def _half_sine(self, s: Tensor) -> Tensor:
        """``sin(alpha / 2)``, and 0 at whole turns, which floating point does not say."""
        return torch.sin(self.angle(s) / 2).where(s.remainder(self.period) != 0, 0.0)


@dataclass(frozen=True)
class Cycle:
    """Shifts that turn the code itself: a representation of the cyclic group, several planes that turn together.

    A plane of *harmonic* h turns by ``2 pi h s / period``. ``harmonics`` names one harmonic for each plane, repeated
    where several planes turn alike; by default 1, 2, ..., period / 2 once each. ``weights`` says how the power of the
    code is spread over the *different* harmonics, in rising order; by default it is measured from the batch where a law
    is asked for, and taken as even where there is none. ``follows`` as for `Circle`.

    A real number of steps turns between the points of the grid: half a step twice is a whole step.

    Raises:
        ValueError: as for `Circle`; a harmonic that is no whole number of 1..period/2; weights that are not one for
            each harmonic, negative, or all zero.
    """

    name: str
    period: float
    harmonics: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    size: float = 1.0
    follows: str = ""

    def __post_init__(self) -> None:
        _check_name_and_size(self)
        if not 2 <= self.period < math.inf:
            raise ValueError(f"`period` of kind {self.name!r} must be >= 2 steps and finite, got {self.period}")
        most = int(self.period // 2)
        object.__setattr__(self, "harmonics", tuple(self.harmonics) or tuple(range(1, most + 1)))
        object.__setattr__(self, "weights", tuple(float(w) for w in self.weights))
        for h in self.harmonics:
            if not 1 <= h <= most or h != int(h):
                raise ValueError(f"`harmonics` of kind {self.name!r} must be whole numbers of 1..{most}, got {h}")
        possible = all(0 <= w < math.inf for w in self.weights) and any(self.weights)
        if self.weights and not (possible and len(self.weights) == len(self.spectrum)):
            need = f"{len(self.spectrum)} numbers >= 0, not all 0, one for each harmonic"
            raise ValueError(f"`weights` of kind {self.name!r} must be {need}, got {self.weights}")

    @property
    def family(self) -> str:
        """Name of the shift that turns this cycle: its own, or that of the kind it follows."""
        return self.follows or self.name

    @property
    def spectrum(self) -> tuple[int, ...]:
        """The different harmonics, rising."""
        return tuple(sorted(set(self.harmonics)))

    @property
    def coordinate_period(self) -> float:
        """Steps after which the coordinate on a fitted axis, the phase of the lowest harmonic, comes round."""
        return self.period / min(self.harmonics)

    def angle(self, s: Tensor) -> Tensor:
        """Angle in radians that amount ``s`` turns a plane of harmonic 1: ``2 pi s / period``."""
        return s * (2 * math.pi / self.period)

    def waves(self, s: Tensor) -> Float[Tensor, "*S H"]:
        """``1 - cos(2 pi h s / period)`` of every harmonic of the spectrum; exactly 0 at whole periods."""
        return 2 * torch.sin(turns(self, s, self.spectrum) / 2).square()

    def length(self, s: Tensor, weights: Float[Tensor, " H"] | None = None) -> Tensor:
        """Root mean square length of the difference that amount ``s`` makes: ``sqrt(2 gamma(s))``."""
        square = 2 * self.variogram(s, weights)
        return square.where(square > 0, 1.0).sqrt().where(square > 0, 0.0)  # a root has no slope at 0

    def variogram(self, s: Tensor, weights: Float[Tensor, " H"] | None = None) -> Tensor:
        """``size^2 sum_h w_h (1 - cos(2 pi h s / period))``, the weights (the kind's, or these) made to sum to 1."""
        if weights is None:
            weights = torch.tensor(self.weights or [1.0] * len(self.spectrum), dtype=s.dtype, device=s.device)
        return self.size**2 * (self.waves(s) @ (weights / weights.sum()).to(s))

    def cosine(self, s: Tensor, t: Tensor, weights: Float[Tensor, " H"] | None = None) -> Tensor:
        """The law of the module, in [-1, 1]; 0 where an amount moves nothing."""
        one, two, apart = (self.variogram(x, weights) for x in (s, t, s - t))
        moves = (one > 0) & (two > 0)
        length = 2 * one.where(moves, 1.0).sqrt() * two.where(moves, 1.0).sqrt()
        return ((one + two - apart) / length).clamp(-1, 1).where(moves, 0.0)


Kind = Line | Circle | Cycle
Rotation = Circle | Cycle  # what comes round again


def turns(
    kind: Circle | Cycle, s: Float[Tensor, "*S"], harmonics: tuple[int, ...] | None = None
) -> Float[Tensor, "*S P"]:
    """Angle in radians by which amount ``s`` turns each plane of ``kind``, or planes of these harmonics.

    Whole turns are taken out: angles lie within half a turn, and are exactly 0 where ``s`` turns a plane whole.
    """
    harmonics = kind.harmonics if harmonics is None else harmonics
    steps = s[..., None] * torch.tensor(harmonics, dtype=s.dtype, device=s.device)
    return kind.angle(steps - kind.period * torch.round(steps / kind.period))


def rotate(xy: Float[Tensor, "*S 2"], angle: Float[Tensor, "*#S"]) -> Float[Tensor, "*S 2"]:
    """Points of planes turned by ``angle``, from the first coordinate towards the second."""
    x, y = xy[..., 0], xy[..., 1]
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


def _check_name_and_size(kind: Kind) -> None:
    if not kind.name.isidentifier() or keyword.iskeyword(kind.name):
        raise ValueError(
            f"`name` of a kind must be an identifier and no keyword of Python (steering takes it as an argument), "
            f"got {kind.name!r}"
        )
    if not (math.isfinite(kind.size) and kind.size > 0):
        raise ValueError(f"`size` of kind {kind.name!r} must be positive and finite, got {kind.size}")


def check_kinds(kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """The kinds as a tuple.

    Raises:
        TypeError: something is no kind.
        ValueError: there is none, two share a name, or one follows a kind that is missing or a follower itself.
    """
    if len(kinds) == 0:
        raise ValueError("`kinds` must name at least one kind, got none")
    for kind in kinds:
        if not isinstance(kind, Kind):
            raise TypeError(f"`kinds` must hold Line, Circle or Cycle, got {type(kind).__name__}")
    names = [kind.name for kind in kinds]
    if len(set(names)) < len(names):
        raise ValueError(f"names of `kinds` must differ, got {names}")
    leaders = {kind.name for kind in kinds if kind.family == kind.name}
    for kind in kinds:
        if kind.family not in leaders:
            raise ValueError(f"kind {kind.name!r} follows {kind.family!r}, which `kinds` must hold as a leader")
    return tuple(kinds)

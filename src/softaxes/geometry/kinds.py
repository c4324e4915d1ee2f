"""What kinds of shift are there, and what geometry does each promise?

A *kind* names an augmentation whose signed *amount* is known: ``Line("pitch")`` for transposition in semitones,
``Circle("metre", period=16)`` for a delay in steps against a bar of 16. A kind is a promise about differences that
start at one anchor: on a line they are parallel, on a circle they are chords from one point.

Conventions: amounts are signed and in the kind's own unit; ``size`` is the length of one unit step of a line, or the
radius of a circle. It matters only for views that shift several kinds at once, where it weighs the kinds.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
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

    def inner(self, s: Tensor, t: Tensor) -> Tensor:
        """Inner product of the differences that amounts ``s`` and ``t`` promise: ``size^2 s t``."""
        return self.size**2 * s * t


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

    def angle(self, s: Tensor) -> Tensor:
        """Angle in radians that amount ``s`` turns: ``2 pi s / period``."""
        return s * (2 * math.pi / self.period)

    def inner(self, s: Tensor, t: Tensor) -> Tensor:
        """Inner product of two chords from one point: ``4 size^2 sin(a/2) sin(b/2) cos((a-b)/2)``."""
        half_s, half_t = self.angle(s) / 2, self.angle(t) / 2
        return 4 * self.size**2 * torch.sin(half_s) * torch.sin(half_t) * torch.cos(half_s - half_t)


Kind = Line | Circle


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
        TypeError: something is neither Line nor Circle.
        ValueError: there is none, two share a name, or a circle follows a kind that is missing or a follower itself.
    """
    if len(kinds) == 0:
        raise ValueError("`kinds` must name at least one kind, got none")
    for kind in kinds:
        if not isinstance(kind, Line | Circle):
            raise TypeError(f"`kinds` must hold Line or Circle, got {type(kind).__name__}")
    names = [kind.name for kind in kinds]
    if len(set(names)) < len(names):
        raise ValueError(f"names of `kinds` must differ, got {names}")
    leaders = {kind.name for kind in kinds if kind.family == kind.name}
    for kind in kinds:
        if kind.family not in leaders:
            raise ValueError(f"kind {kind.name!r} follows {kind.family!r}, which `kinds` must hold as a leader")
    return tuple(kinds)

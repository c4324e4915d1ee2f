"""Which values may the settings of a run have? Checks that `MusicConfig`, `ToyConfig` and `Machine` share.

Types and choices are read off a dataclass's annotations; ranges are given as a table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints


class Range(NamedTuple):
    """Finite numbers from ``least`` to ``most``; ``open``: without the two ends."""

    least: float = 0
    most: float = math.inf
    open: bool = False

    def holds(self, value: float) -> bool:
        """Does ``value`` lie in the range? NaN and infinity never do."""
        inside = self.least < value < self.most if self.open else self.least <= value <= self.most
        return inside and math.isfinite(value)

    def __str__(self) -> str:
        if self.most < math.inf:
            return f"lie between {self.least} and {self.most}" if self.open else f"lie in {self.least}..{self.most}"
        return "be positive" if self.open else f"be >= {self.least}"


def check_settings(config: Any, ranges: Mapping[str, Range]) -> None:
    """ValueError, naming the setting, for a value outside its choices or range; TypeError for one of another type.

    A tuple of choices may hold any of them; what may be None is left open by it. Numbers without a range are finite.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):
        name, value, hint = field.name, getattr(config, field.name), hints[field.name]
        if NoneType in get_args(hint):
            if value is None:
                continue
            hint = get_args(hint)[0]
        choices = get_args(get_args(hint)[0] if get_origin(hint) is tuple else hint)
        if choices:
            _check_choice(name, value, choices)
            continue
        wanted = (int, float) if hint is float else hint
        if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
            raise TypeError(f"`{name}` must be of type {hint.__name__}, got {value!r}")
        allowed = ranges.get(name, Range(-math.inf))
        if hint in (int, float) and not allowed.holds(value):
            finite = " and finite" if hint is float and allowed.most == math.inf else ""
            raise ValueError(f"`{name}` must {allowed}{finite}, got {value}")


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    several = isinstance(value, tuple)
    for one in value if several else (value,):
        if one not in choices:
            listed = ", ".join(str(choice) for choice in choices)
            raise ValueError(f"`{name}` must be {'of' if several else 'one of'} {listed}, got {one!r}")


def refuse_idle(config: Any, idle: Iterable[str], where: str) -> None:
    """ValueError if a setting that does nothing ``where`` has another value than its default."""
    default = {field.name: field.default for field in fields(config)}
    idle = set(idle)
    changed = [f"`{name}`" for name in default if name in idle and getattr(config, name) != default[name]]
    if changed:
        raise ValueError(
            f"{where} does not take {', '.join(changed)}: leave {'it' if len(changed) == 1 else 'them'} out"
        )

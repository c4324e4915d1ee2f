"""softaxes: teach any encoder named axes by one soft loss on labelled shifts."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softaxes.axes import Axes, CircleAxis, LineAxis, fit_axes
    from softaxes.checkpoint import load
    from softaxes.diagnostics import diagnose
    from softaxes.factorization import SoftFactorization, triplet_factorization_loss
    from softaxes.kinds import Circle, Line
    from softaxes.lejepa import lejepa, sigreg
    from softaxes.model import Model
    from softaxes.operators import LearnedOperators
    from softaxes.shifts import labelled_views, shift

__version__ = "0.3.0"

_HOME = {
    "Axes": "axes",
    "Circle": "kinds",
    "CircleAxis": "axes",
    "LearnedOperators": "operators",
    "Line": "kinds",
    "LineAxis": "axes",
    "Model": "model",
    "SoftFactorization": "factorization",
    "diagnose": "diagnostics",
    "fit_axes": "axes",
    "labelled_views": "shifts",
    "lejepa": "lejepa",
    "load": "checkpoint",
    "shift": "shifts",
    "sigreg": "lejepa",
    "triplet_factorization_loss": "factorization",
}
__all__ = [
    "Axes",
    "Circle",
    "CircleAxis",
    "LearnedOperators",
    "Line",
    "LineAxis",
    "Model",
    "SoftFactorization",
    "__version__",
    "diagnose",
    "fit_axes",
    "labelled_views",
    "lejepa",
    "load",
    "shift",
    "sigreg",
    "triplet_factorization_loss",
]


def __getattr__(name: str) -> Any:
    """Names load their module when first used, so that ``softaxes --help`` imports no torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'softaxes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"softaxes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """This package, whose functions ``lejepa`` and ``sigreg`` have the names of the modules they live in: importing
    such a module must not put it in the function's place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

"""softaxes: teach any encoder named axes by one soft loss on labelled shifts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softaxes.diagnostics import diagnose
    from softaxes.geometry.alignment import align
    from softaxes.geometry.axes import Axes, CircleAxis, CycleAxis, LineAxis
    from softaxes.geometry.fit import fit_axes
    from softaxes.geometry.kinds import Circle, Cycle, Line
    from softaxes.geometry.operators import LearnedOperators
    from softaxes.geometry.shifts import labelled_views, shift
    from softaxes.losses.factorization import SoftFactorization, triplet_factorization_loss
    from softaxes.losses.lejepa import lejepa
    from softaxes.losses.sigreg import sigreg
    from softaxes.model.checkpoint import load
    from softaxes.model.model import Model

__version__ = "0.4.0.dev0"

_HOME = {
    "Axes": "geometry.axes",
    "Circle": "geometry.kinds",
    "CircleAxis": "geometry.axes",
    "Cycle": "geometry.kinds",
    "CycleAxis": "geometry.axes",
    "LearnedOperators": "geometry.operators",
    "Line": "geometry.kinds",
    "LineAxis": "geometry.axes",
    "Model": "model.model",
    "SoftFactorization": "losses.factorization",
    "align": "geometry.alignment",
    "diagnose": "diagnostics",
    "fit_axes": "geometry.fit",
    "labelled_views": "geometry.shifts",
    "lejepa": "losses.lejepa",
    "load": "model.checkpoint",
    "shift": "geometry.shifts",
    "sigreg": "losses.sigreg",
    "triplet_factorization_loss": "losses.factorization",
}
__all__ = [
    "Axes",
    "Circle",
    "CircleAxis",
    "Cycle",
    "CycleAxis",
    "LearnedOperators",
    "Line",
    "LineAxis",
    "Model",
    "SoftFactorization",
    "__version__",
    "align",
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

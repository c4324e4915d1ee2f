"""How do the inner loops run at machine speed without making numba a core dependency?

``@compiled`` hands a plain loop to numba, which comes with the ``patterns`` extra; without it the module still imports,
and the first call says in one line what to install. Machine code is cached beside the source or in the
user's cache folder; where neither can be written, it is compiled afresh in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softaxes.data.optional import missing


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` compiled by numba in no-Python mode; ValueError on the first call where numba is missing."""
    try:
        import numba
    except ImportError:

        def uncompiled(*args: object) -> None:
            raise missing("numba", "motif discovery")

        return uncompiled
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available" on a read-only system
        return numba.njit(function)

"""Compiled loops without numba, and without a place to cache machine code."""

from __future__ import annotations

import builtins
import subprocess
import sys

import numba
import pytest

from softaxes.motifs.patterns import _compiled


def double(x: int) -> int:
    return 2 * x


def test_missing_numba_is_said_at_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name == "numba":
            raise ImportError("no numba")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"needs numba: pip install 'softaxes\[patterns\]'"):
        _compiled.compiled(double)(3)


def test_without_a_writable_cache_it_compiles_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def njit(*args: object, **kwargs: object) -> object:
        if kwargs.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **kwargs)

    monkeypatch.setattr(numba, "njit", njit)
    assert _compiled.compiled(double)(3) == 6


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import softaxes.motifs.patterns, sys; print(sorted({'torch', 'numba', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

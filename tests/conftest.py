"""Fixtures that every test shares: a seed, and the evaluation data where it is present."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

from .shapes import accepted_arrays

# Not the motif algorithms: numba compiles them, and takes no wrapped function.
ROOMS = ("geometry", "losses", "diagnostics", "data", "model", "training", "songs", "search", "report", "explorer")
# Every tensor that a function of the package takes or gives has the shape and type that its signature says.
install_import_hook([f"softaxes.{room}" for room in ROOMS], f"{accepted_arrays.__module__}.{accepted_arrays.__name__}")

# The same examples at every run, and none fails because the machine is busy.
settings.register_profile("softaxes", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("softaxes")

SHARED_DATA = Path(os.environ.get("SOFTAXES_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test starts from the same random state."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  libraries that draw from the global state
    try:
        import torch
    except ImportError:  # the help test runs without torch
        return
    torch.manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def pop909_folder() -> Path:
    """The POP909 songs beside the checkout, or a skip."""
    folder = SHARED_DATA / "pop909" / "POP909"
    if not folder.is_dir():
        pytest.skip(f"POP909 is not at {folder} (set SOFTAXES_DATA to the folder that holds pop909/)")
    return folder


@pytest.fixture(scope="session")
def openscore_folder() -> Path:
    """The songs and quartets of OpenScore beside the checkout, or a skip."""
    folder = SHARED_DATA / "openscore"
    if not folder.is_dir():
        pytest.skip(f"OpenScore is not at {folder} (set SOFTAXES_DATA to the folder that holds openscore/)")
    return folder


@pytest.fixture(scope="session")
def bps_motif_zip() -> Path:
    """The development movements of BPS-Motif, or a skip."""
    path = SHARED_DATA / "bps_motif_dev.zip"
    if not path.is_file():
        pytest.skip(f"BPS-Motif is not at {path} (set SOFTAXES_DATA to the folder that holds it)")
    return path

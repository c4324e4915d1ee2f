"""A run on blobs that takes a second to train, shared by the tests of its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.training.loop import train
from softaxes.training.machine import Machine
from softaxes.training.tasks.blobs.config import ToyConfig
from softaxes.training.tasks.blobs.task import ToyTask

TINY = ToyConfig(encoder="flat", width=64, depth=1, steps=60, batch=64, bfloat16=False)


@pytest.fixture(scope="session")
def tiny_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run; tests that write into it take a copy."""
    return train(ToyTask(TINY), tmp_path_factory.mktemp("runs") / "toy", Machine(progress=False, log_every=5))

"""Which packages may be missing, and what is said then? One owner of every optional import, whatever room needs it."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

EXTRAS = {  # module: the extra that brings it
    "numba": "patterns", "faiss": "faiss", "qdrant_client": "qdrant", "umap": "umap", "plotly": "umap",
    "pooch": "corpora", "music21": "corpora", "wandb": "wandb", "trackio": "trackio", "tensorboard": "tensorboard",
}  # fmt: skip


def has(module: str) -> bool:
    """Whether an optional module is installed; imports nothing."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # loaded, but without a spec
        return True


def missing(module: str, user: str) -> ValueError:
    """What to raise where ``user``, such as "backend 'faiss'", lacks a module."""
    return ValueError(f"{user} needs {module}: pip install 'softaxes[{EXTRAS[module]}]'")


def need(module: str, user: str) -> Any:
    """An optional module, imported; ValueError in one line that names the extra where it is missing or broken."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(module, user) from error

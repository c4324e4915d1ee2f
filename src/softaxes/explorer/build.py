"""Which model, songs, blobs and reports does the page show? The app, from what the command names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette

from softaxes.data.music.corpora import load_corpus
from softaxes.data.music.corpus import Corpus
from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.blob_world import BlobWorld, is_toy, toy_models
from softaxes.explorer.library import Library
from softaxes.explorer.reports import Reports
from softaxes.model.checkpoint import shipped
from softaxes.model.model import Model
from softaxes.songs.codec import grid_of


def build(
    model: Model, name: str, folder: Path | None = None, blobs: Sequence[str] = (), reports: Sequence[str] = ()
) -> Starlette:
    """The app for a loaded model: with the songs of ``folder``, else with music21's tunes where it is installed.

    A model of blobs opens the page of blobs alone.
    """
    toy = is_toy(model)
    world = BlobWorld(toy_models([name, *blobs] if toy else blobs))
    toys = dict.fromkeys([*([name] if toy else []), *blobs, *(known for known in shipped() if known in world.models)])
    opened = Reports(dict.fromkeys([name, *toys]), reports, toys)
    if toy:
        return build_app(None, world, opened)
    steps_per_beat = grid_of(model).steps_per_beat
    library = Library(steps_per_beat, folder=folder, corpus=None if folder else _tunes(steps_per_beat))
    return build_app(Explorer(model, library, Path(name).resolve().name), world, opened)


def _tunes(steps_per_beat: int) -> Corpus | None:
    """The tunes that come with music21, or None where it is not installed."""
    try:
        return load_corpus("tunes", steps_per_beat=steps_per_beat)
    except ValueError:
        return None

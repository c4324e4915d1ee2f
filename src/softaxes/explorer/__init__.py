"""See, drag and hear the axes: a local page that needs nothing from outside.

In reading order: `guard` (who may talk to it), `reader` and `library` (songs), `steering` (an edit beside the true
one), `atlas` (the map), `blob_world` (the toy), `app` (addresses to answers), `pages` and ``static/`` (what the browser
gets), `serve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from softaxes.model import Model
    from softaxes.music.corpora import Corpus


def explore(
    model: Annotated[str, tyro.conf.Positional] = "",
    folder: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    blobs: Sequence[str] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Open a page on this machine in which to see, drag and hear a model's axes.

    Args:
        model: a run folder, a model file, or a shipped model's name; by default the first that ships.
        folder: MIDI files to choose from; by default the tunes that come with music21, if it is installed.
        blobs: run folders of toy models for the page of blobs, beside those that ship and an untrained one.
        host: listen to the network on this address; the page then asks for a token.
        port: listen on this port; 0 takes a free one.
        open_browser: open the page.
    """
    from softaxes.checkpoint import load, shipped
    from softaxes.explorer.serve import serve

    names = [model] if model else shipped()
    if not names:
        raise ValueError("no model ships with this version: give the folder of a run, softaxes explore RUN")
    serve(build(load(names[0]), names[0], folder, blobs), host, port, open_browser)


def build(model: Model, name: str, folder: Path | None = None, blobs: Sequence[str] = ()) -> Starlette:
    """The app for a loaded model: with the songs of ``folder``, else with music21's tunes where it is installed.

    A model of blobs opens the page of blobs alone.
    """
    import torch

    from softaxes.explorer.app import Explorer, build_app
    from softaxes.explorer.blob_world import BlobWorld, is_toy, toy_models
    from softaxes.explorer.library import Library
    from softaxes.songs import grid_of

    torch.set_num_threads(1)  # a single window gains nothing from more, and the browser needs the other cores
    if is_toy(model):
        return build_app(None, BlobWorld(toy_models([name, *blobs])))
    steps_per_beat = grid_of(model).steps_per_beat
    library = Library(steps_per_beat, folder=folder, corpus=None if folder else _tunes(steps_per_beat))
    return build_app(Explorer(model, library, Path(name).resolve().name), BlobWorld(toy_models(blobs)))


def _tunes(steps_per_beat: int) -> Corpus | None:
    """The tunes that come with music21, or None where it is not installed."""
    from softaxes.music.corpora import load_corpus

    try:
        return load_corpus("tunes", steps_per_beat=steps_per_beat)
    except ValueError:
        return None

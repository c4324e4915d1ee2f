"""See, drag and hear the axes: a local page that needs nothing from outside.

In reading order: `guard` (who may talk to it), `reader` and `library` (songs), `steering` (an edit beside the true
one), `atlas` (the map), `motifs` (what repeats), `blob_world` (the toy), `reports` (what was measured), `app`
(addresses to answers), `pages` and ``static/`` (what the browser gets), `serve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from softaxes.data.music.corpora import Corpus
    from softaxes.model.model import Model


DEFAULT = "pop909-melody"


def explore(
    model: Annotated[str, tyro.conf.Positional] = "",
    folder: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    blobs: Sequence[str] = (),
    reports: Sequence[str] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Open a page on this machine in which to see, drag and hear a model's axes.

    Args:
        model: a run folder, a model file, or a shipped model's name; by default pop909-melody.
        folder: MIDI files to choose from; by default the tunes that come with music21, if it is installed.
        blobs: run folders of toy models for the page of blobs, beside those that ship and an untrained one.
        reports: more folders that hold a report, such as a sweep's, for the page of reports.
        host: listen to the network on this address; the page then asks for a token.
        port: listen on this port; 0 takes the usual one, so that an open page finds a restarted server, or a free one.
        open_browser: open the page.
    """
    from softaxes.explorer.serve import serve
    from softaxes.model.checkpoint import load, shipped

    name = model or default_model(shipped())
    serve(build(load(name), name, folder, blobs, reports), host, port, open_browser)


def default_model(names: Sequence[str]) -> str:
    """The model that opens when none is named, if it is among the shipped ``names``; else a ValueError in one line."""
    if DEFAULT in names:
        return DEFAULT
    others = f", or one that ships: {', '.join(names)}" if names else ""
    raise ValueError(
        f"{DEFAULT} does not ship with this version: give the folder of a run, softaxes explore RUN{others}"
    )


def build(
    model: Model, name: str, folder: Path | None = None, blobs: Sequence[str] = (), reports: Sequence[str] = ()
) -> Starlette:
    """The app for a loaded model: with the songs of ``folder``, else with music21's tunes where it is installed.

    A model of blobs opens the page of blobs alone.
    """
    import torch

    from softaxes.explorer.app import Explorer, build_app
    from softaxes.explorer.blob_world import BlobWorld, is_toy, toy_models
    from softaxes.explorer.library import Library
    from softaxes.explorer.reports import Reports
    from softaxes.model.checkpoint import shipped
    from softaxes.songs.codec import grid_of

    torch.set_num_threads(1)  # a single window gains nothing from more, and the browser needs the others
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
    from softaxes.data.music.corpora import load_corpus

    try:
        return load_corpus("tunes", steps_per_beat=steps_per_beat)
    except ValueError:
        return None

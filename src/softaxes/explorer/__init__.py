"""See, drag and hear the axes: a local page that needs nothing from outside.

In reading order: `guard` (who may talk to it), `reader` and `library` (songs), `steering` (an edit beside the true
one), `app` (addresses to answers), `pages` and ``static/`` (what the browser gets), `serve`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from softaxes.model import Model
    from softaxes.music.corpora import Corpus


def explore(
    model: Annotated[str, tyro.conf.Positional] = "",
    folder: Annotated[Path | None, tyro.conf.Positional] = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Open a page on this machine in which to see, drag and hear a model's axes.

    Args:
        model: a run folder, a model file, or a shipped model's name; by default the first that ships.
        folder: MIDI files to choose from; by default the tunes that come with music21, if it is installed.
        host: listen to the network on this address; the page then asks for a token.
        port: listen on this port; 0 takes a free one.
        open_browser: open the page.
    """
    from softaxes.checkpoint import load, shipped
    from softaxes.explorer.app import Explorer, build_app
    from softaxes.explorer.library import Library
    from softaxes.explorer.serve import serve
    from softaxes.explorer.steering import grid_of

    names = [model] if model else shipped()
    if not names:
        raise ValueError("no model ships with this version: give the folder of a run, softaxes explore RUN")
    trained = load(names[0])
    library = Library(grid_of(trained).steps_per_beat, folder=folder, corpus=None if folder else _tunes(trained))
    explorer = Explorer(trained, library, Path(names[0]).resolve().name)
    serve(build_app(explorer), host, port, open_browser)


def _tunes(model: Model) -> Corpus | None:
    """The tunes that come with music21, or None where it is not installed."""
    from softaxes.explorer.steering import grid_of
    from softaxes.music.corpora import load_corpus

    try:
        return load_corpus("tunes", steps_per_beat=grid_of(model).steps_per_beat)
    except ValueError:
        return None

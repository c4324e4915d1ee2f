"""``softaxes explore``: a local page to see, drag and hear the axes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from softaxes.explorer.build import build
from softaxes.explorer.serve import serve
from softaxes.model.checkpoint import load, shipped
from softaxes.model.threads import torch_threads

DEFAULT = "melody"


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
        model: a run folder, a model file, or a shipped model's name; by default melody.
        folder: MIDI files to choose from; by default the tunes that come with music21, if it is installed.
        blobs: run folders of toy models for the page of blobs, beside those that ship and an untrained one.
        reports: more folders that hold a report, such as a sweep's, for the page of reports.
        host: listen to the network on this address; the page then asks for a token.
        port: listen on this port; 0 takes the usual one, so that an open page finds a restarted server, or a free one.
        open_browser: open the page.
    """
    name = model or default_model(shipped())
    with torch_threads(1):  # a single window gains nothing from more, and the browser needs the others
        serve(build(load(name), name, folder, blobs, reports), host, port, open_browser)


def default_model(names: Sequence[str]) -> str:
    """The model that opens when none is named, if it is among the shipped ``names``; else a ValueError in one line."""
    if DEFAULT in names:
        return DEFAULT
    others = f", or one that ships: {', '.join(names)}" if names else ""
    raise ValueError(
        f"{DEFAULT} does not ship with this version: give the folder of a run, softaxes explore RUN{others}"
    )

"""How does a page come together? One shell, one body per page, and the colours of the kinds as a style sheet."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

from softaxes.report.page import KIND_COLOURS

STATIC = Path(__file__).parent / "static"


def page(name: str, pages: Mapping[str, str], model: str) -> HTMLResponse:
    """The page ``name`` with links to all ``pages`` (address to name)."""
    shell = Template((STATIC / "shell.html").read_text(encoding="utf-8"))
    links = [
        f'<a href="{address}"{" aria-current=page" if other == name else ""}>{other.title()}</a>'
        for address, other in pages.items()
    ]
    songs = (STATIC / "songs.html").read_text(encoding="utf-8")  # the field for a song, on every page that opens one
    body = Template((STATIC / f"{name}.html").read_text(encoding="utf-8")).substitute(songs=songs)
    return HTMLResponse(
        shell.substitute(name=name, title=name.title(), links="".join(links), model=html.escape(model), body=body)
    )


def kinds_css() -> str:
    """One custom property and one class for each kind: ``var(--pitch)``, ``.kind-pitch``."""
    colours = "".join(f"--{name}:{colour};" for name, colour in KIND_COLOURS.items())
    classes = "".join(f".kind-{name}{{--accent:var(--{name})}}" for name in KIND_COLOURS)
    return f":root{{{colours}}}{classes}"

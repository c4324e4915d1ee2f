"""Take the pictures of docs/explorer.md again.

    python docs/take_screenshots.py RUN --folder SONGS --blobs TOY_RUN --reports SWEEP \
        [--pages motifs report] [--out docs/pictures]

Needs Chromium with its driver and the dev extra. Every page is taken light and dark, and on a phone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import tyro

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from explorer.browser import Browser, chromium
from explorer.conftest import running

from softaxes.explorer.build import build
from softaxes.model.checkpoint import load

PAGES = {
    "steer": "/?pitch=5&metre=4",
    "map": "/map?places=content&colour=song",
    "motifs": "/motifs?motif=A&notes=0-7&find=1",
    "blobs": "/blobs?row=2&column=-1",
    "report": "/report",
}
SIZES = {"light": (1280, 1240, False), "dark": (1280, 1240, True), "phone": (390, 844, False)}
READY = {"motifs": "document.body.dataset.found && document.getElementById('bar').hidden"}  # all songs were searched


def take(
    run: tyro.conf.Positional[str],
    folder: Path | None = None,
    blobs: tuple[str, ...] = (),
    reports: tuple[str, ...] = (),
    pages: tuple[str, ...] = tuple(PAGES),
    out: Path = Path("docs/pictures"),
) -> None:
    """Start the page for a run and take every picture.

    Args:
        run: a music run or a shipped model's name.
        folder: MIDI files.
        blobs: toy runs.
        reports: more folders with a report: a sweep.
        pages: which to take.
        out: where the pictures go.
    """
    out.mkdir(parents=True, exist_ok=True)
    app = build(load(run), run, folder, blobs, reports)
    with tempfile.TemporaryDirectory() as profile, running(app) as origin, chromium(Path(profile)) as browser:
        for page in pages:
            for size, (width, height, dark) in SIZES.items():
                browser.resize(width, height, dark=dark)
                shoot(browser, origin + PAGES[page], out / f"explorer-{page}-{size}.png", READY.get(page, "true"))


def shoot(browser: Browser, address: str, path: Path, ready: str) -> None:
    """One picture, when everything is there."""
    browser.get(address)
    browser.wait(f"document.body.dataset.shown && {ready}", 600)
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    browser.save_screenshot(str(path))
    print(path)


if __name__ == "__main__":
    tyro.cli(take)

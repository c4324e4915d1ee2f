"""How long from moving a slider to the new picture, how soon and how heavy is a page, and what of a busy server?

Everything in headless Chromium. For each page: first contentful paint from a warm start, and all that it loaded. Then
times of 100 asks: from the slider's event until the frame that follows the drawing, beside a request that computes
nothing and a request that is computed but not drawn. "dragged" is what a user sees who takes hold of a slider (its
amounts are computed ahead); "computed when asked" moves it so that no answer can be there. The last rows ask twice a
second while motifs are looked for, and while the songs are encoded in the background (at that pace most of the time
goes to the songs; asked without a pause they would wait). FOLDER's files are copied over and over until there are
``--songs`` of them.

    python benchmarks/explorer.py RUN [FOLDER] [--songs 1000]     RUN: a model of music; FOLDER: MIDI files
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tyro

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from explorer.browser import Browser, chromium
from explorer.conftest import running

from softaxes.explorer.build import build
from softaxes.model.checkpoint import load

REPEATS = 100
EDITS = [(pitch, 1 + i // 36) for i, pitch in enumerate([*range(-18, 0), *range(1, 19)] * 3)][:REPEATS]  # all different
ASK = """
const [addresses, pause, done] = arguments, times = [];
(async () => {
  for (const address of addresses) {
    await new Promise((go) => setTimeout(go, pause));
    const start = performance.now();
    await (await fetch(address)).json();
    times.push(performance.now() - start);
  }
  done(times);
})();
"""
SLIDE = """
const [kind, values, metres, done] = arguments, times = [], slider = document.getElementById('slide-' + kind);
(async () => {
  for (const [i, value] of values.entries()) {
    if (metres) document.getElementById('slide-metre').value = metres[i];
    const start = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event('input'));
    while (!document.body.dataset.shown.includes(`${kind}=${value}&`)) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  done(times);
})();
"""
GRAB = """
const [kind, done] = arguments, true_fetch = window.fetch;
window.fetch = (...asked) => true_fetch(...asked).finally(() => String(asked[0]).includes('/ahead') && done());
document.getElementById('slide-' + kind).focus();
"""


PAGES = ("/", "/map", "/motifs", "/blobs", "/report")
READY = {"/map": "document.getElementById('message').textContent"}  # the map itself comes when all is encoded
PAUSE, PACED = 500, 60  # ms between two asks, and how many, while the server is busy


def main(run: tyro.conf.Positional[str], folder: tyro.conf.Positional[Path | None] = None, songs: int = 1000) -> None:
    """Measure and print.

    Args:
        run: a music run or a shipped model's name.
        folder: MIDI files.
        songs: how many there are to be encoded; copies of those of ``folder``.
    """
    with tempfile.TemporaryDirectory() as where:
        os.environ["SOFTAXES_CACHE"] = f"{where}/cache"  # no song has been encoded before
        app = build(load(run), run, None if folder is None else copies(folder, songs, Path(where) / "songs"))
        with running(app) as origin, chromium(Path(where) / "profile") as browser:
            browser.resize(1280, 900)
            browser.set_script_timeout(600)
            tell(measure(browser, origin))
            pages(browser, origin)


def copies(folder: Path, count: int, into: Path) -> Path:
    """A folder with ``count`` files, those of ``folder`` over and over."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    into.mkdir()
    for number, path in zip(range(count), itertools.cycle(files), strict=False):
        shutil.copyfile(path, into / f"{number:05d} {path.name}")
    return into


def measure(browser: Browser, origin: str) -> dict[str, list[float]]:
    """Milliseconds of every ask, by what was asked."""
    for _ in range(2):
        browser.get(origin)
        browser.wait("document.body.dataset.shown")
    shown = browser.execute_script("return document.body.dataset.shown")
    steer, song = f"{origin}/api/steer{shown}", re.search(r"id=[^&]+", shown)
    empty, ask = f"{origin}/api/model", browser.execute_async_script
    rows: dict[str, list[float]] = {
        "empty request (/api/model)": ask(ASK, [empty] * REPEATS, 0),
        "steered, not drawn (/api/steer)": ask(ASK, fresh(steer, 1), 0),
        "slider to picture, computed when asked": ask(
            SLIDE, "pitch", [pitch for pitch, _ in EDITS], [-metre for _, metre in EDITS]
        ),
    }
    ask(GRAB, "metre")
    rows["slider to picture, dragged"] = ask(SLIDE, "metre", [i % 15 - 7 for i in range(REPEATS)], None)  # 15 places
    rows["empty request, twice a second"] = ask(ASK, [empty] * PACED, PAUSE)
    rows["steered, twice a second"] = ask(ASK, fresh(steer, 4)[:PACED], PAUSE)
    assert song is not None
    motifs = f"{origin}/api/motifs?{song[0]}"
    browser.execute_script("window.looked = fetch(arguments[0]).then((r) => r.json())", motifs)
    rows["empty request while motifs are looked for"] = ask(ASK, [empty] * 10, 100)
    ask("window.looked.then(arguments[0])")
    begun = time.monotonic()
    ask("fetch('/api/map').then(arguments[0])")  # begins to encode
    rows["empty request while songs are encoded"] = ask(ASK, [empty] * PACED, PAUSE)
    rows["steered while songs are encoded"] = ask(ASK, fresh(steer, 7)[:PACED], PAUSE)
    answer = ask("fetch('/api/map').then((r) => r.json()).then(arguments[0])")
    passed = time.monotonic() - begun
    load_now = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    print(
        f"{answer['done']} of {answer['total']} songs ({answer['windows']:,} windows) were encoded "
        f"in the {passed:.0f} s of"
    )
    print(f"the last two rows; load of the machine {load_now}")
    return rows


def tell(rows: dict[str, list[float]]) -> None:
    """Print the table of times."""
    base = statistics.median(next(iter(rows.values())))
    for name, times in rows.items():
        low, high = (statistics.quantiles(times, n=20, method="inclusive")[i] for i in (0, 18))
        middle = statistics.median(times)
        print(
            f"{name:<42} median {middle:6.1f} ms  5-95 %: {low:5.1f} .. {high:6.1f}  worst {max(times):6.1f}  "
            f"{middle / base:5.1f} x empty"
        )


def pages(browser: Browser, origin: str) -> None:
    """Print first paint and weight of every page, opened for the second time."""
    for page in PAGES:
        for _ in range(2):
            browser.get(origin + page)
            browser.wait(READY.get(page, "document.body.dataset.shown"))
        answer: dict[str, Any] = browser.execute_script(
            "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];"
            "return {paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,"
            "weight: all.reduce((sum, e) => sum + e.decodedBodySize, 0)}"
        )
        print(f"{page:<8} first paint {answer['paint']:4.0f} ms, weight with data {answer['weight'] / 1000:4.0f} kB")


def fresh(steer: str, metre: int) -> list[str]:
    """Addresses of edits that nobody has asked for; ``metre`` and the two above it are used up."""
    bare = re.sub(r"&(pitch|metre)=-?\d+", "", steer)
    return [f"{bare}&pitch={pitch}&metre={metre - 1 + more}" for pitch, more in EDITS]


if __name__ == "__main__":
    tyro.cli(main)

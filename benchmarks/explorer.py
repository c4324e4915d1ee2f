"""How long from moving a slider to the new picture?

Medians of 100 in headless Chromium: from the slider's event until the frame that follows the drawing, beside a request
that computes nothing, a request that is computed but not drawn, and the time from opening the address to first paint.

    python benchmarks/explorer.py RUN [FOLDER]     RUN: a model of music; FOLDER: MIDI files
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from explorer.browser import Browser, chromium
from explorer.conftest import running

from softaxes.checkpoint import load
from softaxes.explorer import build

REPEATS = 100
ASK = """
const [address, repeats, done] = arguments, times = [];
(async () => {
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await (await fetch(address.replace('PITCH', 1 + i % 9))).json();
    times.push(performance.now() - start);
  }
  done(times);
})();
"""
SLIDE = """
const [repeats, done] = arguments, times = [], slider = document.getElementById('slide-pitch');
(async () => {
  for (let i = 0; i < repeats; i++) {
    const value = String(1 + i % 9), start = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event('input'));
    while (!document.body.dataset.shown.includes(`pitch=${value}&`)) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  done(times);
})();
"""


def main() -> None:
    run, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None
    app = build(load(run), run, folder)
    with tempfile.TemporaryDirectory() as profile, running(app) as origin, chromium(Path(profile)) as browser:
        browser.resize(1280, 900)
        browser.set_script_timeout(300)
        for _ in range(2):  # the second time is the warm one
            browser.get(origin)
            browser.wait("document.body.dataset.shown")
        measure(browser, origin)


def measure(browser: Browser, origin: str) -> None:
    """Print the table."""
    paint = browser.execute_script(
        "return performance.getEntriesByType('paint').find((e) => e.name === 'first-contentful-paint').startTime"
    )
    weight = browser.execute_script(
        "return performance.getEntriesByType('resource').reduce((sum, e) => sum + e.decodedBodySize, 0)"
    )
    shown = browser.execute_script("return document.body.dataset.shown")
    steer = f"{origin}/api/steer{shown}".replace("pitch=0", "pitch=PITCH")
    rows = {
        "empty request (/api/model)": browser.execute_async_script(ASK, f"{origin}/api/model", REPEATS),
        "steered, not drawn (/api/steer)": browser.execute_async_script(ASK, steer, REPEATS),
        "slider to picture": browser.execute_async_script(SLIDE, REPEATS),
    }
    print(f"first contentful paint, warm: {paint:.0f} ms; page weight with data: {weight / 1000:.0f} kB")
    for name, times in rows.items():
        low, high = (statistics.quantiles(times, n=20)[i] for i in (0, 18))
        print(f"{name:<34} median {statistics.median(times):6.1f} ms   5-95 %: {low:.1f} .. {high:.1f}")


if __name__ == "__main__":
    main()

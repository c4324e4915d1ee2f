"""How long from moving a slider to the new picture?

Medians of 100 in headless Chromium: from the slider's event until the frame that follows the drawing, beside a request
that computes nothing, a request that is computed but not drawn, and the time from opening the address to first paint.
"dragged" is what a user sees who takes hold of a slider (its amounts are computed ahead); "computed when asked" moves
it so that no answer can be there. The last row asks while all songs of FOLDER are being encoded in the background.

    python benchmarks/explorer.py RUN [FOLDER]     RUN: a model of music; FOLDER: MIDI files
"""

from __future__ import annotations

import os
import re
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
EDITS = [(pitch, 1 + i // 36) for i, pitch in enumerate([*range(-18, 0), *range(1, 19)] * 3)][:REPEATS]  # all different
ASK = """
const [addresses, done] = arguments, times = [];
(async () => {
  for (const address of addresses) {
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


def main() -> None:
    run, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None
    app = build(load(run), run, folder)
    with tempfile.TemporaryDirectory() as profile, running(app) as origin, chromium(Path(profile)) as browser:
        os.environ["SOFTAXES_CACHE"] = profile  # no song has been encoded before
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
    steer = f"{origin}/api/steer{shown}"
    empty, ask = [f"{origin}/api/model"] * REPEATS, browser.execute_async_script
    base = ask(ASK, empty)
    rows = {
        "empty request (/api/model)": base,
        "steered, not drawn (/api/steer)": ask(ASK, fresh(steer, 1)),
        "slider to picture, computed when asked": ask(
            SLIDE, "pitch", [pitch for pitch, _ in EDITS], [-metre for _, metre in EDITS]
        ),
    }
    browser.execute_async_script(GRAB, "metre")
    rows["slider to picture, dragged"] = ask(SLIDE, "metre", [i % 15 - 7 for i in range(REPEATS)], None)  # 15 places
    browser.get(f"{origin}/map")  # begins to encode
    browser.wait("document.getElementById('told').textContent")
    rows["empty request while songs are encoded"] = ask(ASK, empty)
    rows["steered while songs are encoded"] = ask(ASK, fresh(steer, 4))
    told = browser.execute_async_script("fetch('/api/map').then((r) => r.json()).then(arguments[0])")
    print(f"first contentful paint, warm: {paint:.0f} ms; page weight with data: {weight / 1000:.0f} kB")
    load = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    print(f"songs encoded by the end: {told['done']} of {told['total']}; load {load}")
    for name, times in rows.items():
        low, high = (statistics.quantiles(times, n=20)[i] for i in (0, 18))
        middle = statistics.median(times)
        ratio = middle / statistics.median(base)
        print(f"{name:<39} median {middle:6.1f} ms   5-95 %: {low:5.1f} .. {high:5.1f}   {ratio:5.1f} x empty")


def fresh(steer: str, metre: int) -> list[str]:
    """Addresses of edits that nobody has asked for; ``metre`` and the two above it are used up."""
    bare = re.sub(r"&(pitch|metre)=-?\d+", "", steer)
    return [f"{bare}&pitch={pitch}&metre={metre - 1 + more}" for pitch, more in EDITS]


if __name__ == "__main__":
    main()

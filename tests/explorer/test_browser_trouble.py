"""What may go wrong in a real browser: jumps, huge files, a server that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.library import Library
from softaxes.explorer.steering import true_edit
from softaxes.model.model import Model

pytest.importorskip("selenium", reason="the browser tests need the dev extra: pip install softaxes[dev]")


from .browser import SLIDE, Browser, find_chromium, notes_in, show, shown
from .conftest import PAGES, rows, running, tune

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium with chromedriver is installed"),
]


JUMPS = """
const done = arguments[0], jumps = [];
new PerformanceObserver((list) => list.getEntries().filter((e) => !e.hadRecentInput).forEach((e) => jumps.push(
    [e.value, e.sources.map(({node}) => node?.id || node?.className || node?.nodeName || "text")])))
  .observe({type: 'layout-shift', buffered: true});
setTimeout(() => done(jumps), 300)
"""


@pytest.mark.parametrize("page", PAGES)
def test_nothing_jumps_while_a_page_loads(browser: Browser, origin: str, page: str) -> None:
    """The calmest of three loads counts: now and then the window takes its size only after the first paint."""
    loads = []
    for _ in range(3):
        show(browser, origin + page)
        loads.append(browser.execute_async_script(JUMPS))
        if sum(value for value, _ in loads[-1]) < 0.006:  # Chromium's score; below .1 is called good
            return
    pytest.fail(f"what moved, in three loads: {loads}")


def test_a_file_of_100_mb_is_refused_and_nothing_is_lost(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid&pitch=4")
    before = notes_in(browser, "truth")
    browser.execute_script(
        "const t = new DataTransfer(); t.items.add(new File([new Uint8Array(1e8)], 'huge.mid'));"
        "window.dispatchEvent(new DragEvent('drop', {dataTransfer: t, cancelable: true}))"
    )
    browser.wait("document.getElementById('say').textContent.includes('huge.mid: a file may have 5 MB at most')")
    assert notes_in(browser, "truth") == before and "pitch=4" in browser.current_url


def test_a_server_that_was_killed_is_told_and_found_again(browser: Browser, model: Model, folder: Path) -> None:
    with running(build_app(Explorer(model, Library(4, folder=folder), "a model"))) as first:
        show(browser, f"{first}/?song=folder:first.mid&pitch=2")
        port = int(first.rpartition(":")[2])
    browser.execute_script(SLIDE, "slide-pitch", 5)
    browser.wait("document.getElementById('say').textContent.includes('Start softaxes explore again')")
    with running(build_app(Explorer(model, Library(4, folder=folder), "a model")), port=port):
        browser.execute_script(SLIDE, "slide-pitch", 6)
        shown(browser, "pitch=6")
        assert notes_in(browser, "truth") == rows(true_edit(tune(1).notes, 0, 32, {"pitch": 6}))
        assert all("ERR_CONNECTION" in line or "Failed to load" in line for line in browser.errors())
        browser.foreign_requests(first)

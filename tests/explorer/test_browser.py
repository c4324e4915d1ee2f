"""The pages in a real browser: what is seen, heard, typed, dropped and downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.data.music import read_song
from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.library import Library
from softaxes.explorer.steering import Edit, true_edit
from softaxes.model.model import Model

pytest.importorskip("selenium", reason="the browser tests need the dev extra: pip install softaxes[dev]")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import SLIDE, Browser, find_chromium, notes_in, show, shown, until
from .conftest import PAGES, rows, running, steer_window, tune

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium with chromedriver is installed"),
]


def test_a_slider_changes_the_rolls_to_the_right_notes(browser: Browser, origin: str, model: Model) -> None:
    notes = tune(1).notes
    show(browser, f"{origin}/?song=folder:first.mid&at=16")
    assert notes_in(browser, "truth") == {
        (int(n["onset"]) - 16, int(n["duration"]), int(n["pitch"])) for n in notes if 16 <= n["onset"] < 48
    }
    for slider, amounts in (("slide-pitch", {"pitch": 7}), ("slide-metre", {"pitch": 7, "metre": -3})):
        kind = slider.removeprefix("slide-")
        browser.execute_script(SLIDE, slider, amounts[kind])
        shown(browser, f"{kind}={amounts[kind]}")
        assert notes_in(browser, "truth") == rows(true_edit(notes, 16, 32, amounts))
        assert notes_in(browser, "decoded") == rows(steer_window(model, notes, 16, Edit(amounts)).decoded)
    browser.wait(f"location.search.includes('pitch={amounts['pitch']}')")


def test_keyboard_alone_moves_sliders_and_window(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    slider = browser.find_element(By.ID, "slide-pitch")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    shown(browser, "pitch=2")
    slider.send_keys("0")
    shown(browser, "pitch=0")
    roll = browser.find_element(By.ID, "roll")
    roll.send_keys(Keys.ARROW_RIGHT)
    shown(browser, "at=16")
    roll.send_keys(Keys.SHIFT + Keys.ARROW_RIGHT)
    shown(browser, "at=20")
    roll.send_keys(Keys.ARROW_LEFT)
    shown(browser, "at=16")
    assert roll.get_attribute("aria-valuetext") == "from bar 2 of 8"


def test_tab_reaches_every_control_and_shows_where_it_is(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    seen, element = set(), browser.find_element(By.TAG_NAME, "body")
    while len(seen) < 40:
        element.send_keys(Keys.TAB)
        element = browser.switch_to.active_element
        if element.tag_name == "body":
            break
        seen.add(element.get_attribute("id"))
        assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", element) != "none"
    controls = {"song", "choose", "roll", "play-song", "slide-pitch", "slide-blend", "play-decoded", "save-truth"}
    assert controls <= seen


@pytest.mark.parametrize("page", PAGES[1:])
def test_tab_shows_where_it_is_on_every_page(browser: Browser, origin: str, page: str) -> None:
    show(browser, origin + page)
    wanted = browser.execute_script(
        "return [...document.querySelectorAll('a, button, select, input, [tabindex=\"0\"]')]"
        ".filter((e) => e.offsetParent && !e.disabled).slice(0, 25).map((e, k) => e.dataset.tab = k)"
    )
    seen, element = set(), browser.find_element(By.TAG_NAME, "body")
    for _ in range(len(wanted) + 3):
        element.send_keys(Keys.TAB)
        element = browser.switch_to.active_element
        if element.tag_name == "body":
            break
        seen.add(element.get_attribute("data-tab"))
        assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", element) != "none"
    assert {str(k) for k in wanted} <= seen


@pytest.mark.parametrize("page", PAGES)
def test_every_control_has_a_name(browser: Browser, origin: str, page: str) -> None:
    show(browser, origin + page)
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('input:not([hidden]), button, a, canvas, svg[role]')].filter((e) => "
        "!e.textContent.trim() && !e.getAttribute('aria-label') && !e.labels?.length).map((e) => e.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize(("key", "button"), [(" ", "play-decoded"), ("t", "play-truth"), ("s", "play-song")])
def test_playing_sounds_and_stops(browser: Browser, origin: str, key: str, button: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    browser.find_element(By.ID, "slide-pitch").send_keys(key)
    browser.wait(f"document.getElementById('{button}').getAttribute('aria-pressed') === 'true'")
    browser.execute_script(
        "import('/static/synth.js').then(({sound}) => { const {context, analyser} = sound(); window.loudest = 0;"
        "const wave = new Float32Array(analyser.fftSize); window.running = () => context.state; setInterval(() => {"
        "analyser.getFloatTimeDomainData(wave); loudest = Math.max(loudest, ...wave.map(Math.abs)); }, 20); })"
    )
    browser.wait("window.loudest > 0.01 && running() === 'running'")
    browser.find_element(By.ID, "slide-pitch").send_keys(Keys.ESCAPE)
    browser.wait(f"document.getElementById('{button}').getAttribute('aria-pressed') === 'false'")


@pytest.mark.parametrize("which", ["decoded", "truth"])
def test_a_download_holds_what_is_shown(browser: Browser, origin: str, downloads: Path, which: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid&at=32&pitch=-4")
    browser.find_element(By.ID, f"save-{which}").click()
    path = until(lambda: next(downloads.glob(f"*{which}.mid"), None))
    song = read_song(path)
    assert {(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in song.notes} == notes_in(browser, which)
    assert song.tempi[0][1] == pytest.approx(100, abs=0.01)


def test_a_file_is_chosen_and_kept_when_the_server_forgets(
    browser: Browser, model: Model, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.mid"
    path.write_bytes((folder / "third.MIDI").read_bytes())
    with running(build_app(Explorer(model, Library(4), "a model"))) as first:
        browser.get(first)
        browser.wait("!document.getElementById('empty').hidden")  # the empty state says what to do
        assert "Drop a MIDI file" in browser.find_element(By.ID, "empty").text
        browser.find_element(By.ID, "file").send_keys(str(path))
        browser.wait("document.body.dataset.shown")
        before, port = notes_in(browser, "truth"), int(first.rpartition(":")[2])
    with running(build_app(Explorer(model, Library(4), "a model")), port=port):
        browser.refresh()
        browser.wait("document.body.dataset.shown")
        assert notes_in(browser, "truth") == before != set()
        refused = browser.errors()  # the browser reports every 404, also one that the page repairs
        assert all("404" in line for line in refused)
        browser.foreign_requests(first)


def test_a_dropped_file_opens_and_a_broken_one_is_told(browser: Browser, origin: str, folder: Path) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    drop = (
        "const t = new DataTransfer(); t.items.add(new File([new Uint8Array(arguments[1])], arguments[0]));"
        "window.dispatchEvent(new DragEvent('drop', {dataTransfer: t, cancelable: true}))"
    )
    browser.execute_script(drop, "mine.mid", list((folder / "third.MIDI").read_bytes()))
    shown(browser, "id=dropped")
    assert "song=dropped" in browser.current_url
    browser.execute_script(drop, "broken.mid", list(b"MThd nothing"))
    browser.wait("document.getElementById('say').textContent.includes('broken.mid')")
    assert all("400" in line for line in browser.errors())
    browser.execute_script("history.back()")
    shown(browser, "id=folder")


def test_back_leads_to_the_window_before(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid&pitch=3")
    browser.find_element(By.ID, "roll").send_keys(Keys.ARROW_RIGHT)
    shown(browser, "at=16")
    browser.back()
    shown(browser, "at=0")
    assert browser.execute_script("return document.getElementById('slide-pitch').value") == "3"


def test_a_click_on_the_roll_chooses_the_bar(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    x = browser.execute_script(
        "const r = document.getElementById('roll').getBoundingClientRect(); const at = (t, x) => document."
        "getElementById('roll').dispatchEvent(new PointerEvent(t, {clientX: x, clientY: r.top + 90, bubbles: true}));"
        "at('pointerdown', r.left + 34 + 300); at('pointerup', r.left + 34 + 300); return r.width"
    )
    assert x > 0
    at = "Number(new URLSearchParams(document.body.dataset.shown).get('at'))"
    assert browser.wait(at) % 16 == 0


def test_a_second_window_blends_and_has_no_true_edit(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid&with=64&blend=0.5")
    assert "no such edit" in browser.find_element(By.ID, "truth").text
    assert browser.execute_script("return document.getElementById('play-truth').disabled")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", PAGES)
def test_no_width_scrolls_sideways(browser: Browser, origin: str, page: str, width: int, dark: bool) -> None:
    browser.resize(width, 844, dark=dark)
    show(browser, origin + page)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(22, 24, 28)") is dark


def test_what_is_shown_is_reloaded_from_the_address(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid&at=48&pitch=-5&metre=2&with=0&blend=0.25")
    before = notes_in(browser, "decoded")
    browser.refresh()
    browser.wait("document.body.dataset.shown")
    assert notes_in(browser, "decoded") == before
    assert browser.execute_script("return document.getElementById('slide-blend').value") == "25"


def test_a_long_drag_does_not_flood_the_address_bar(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/?song=folder:first.mid")
    browser.execute_async_script(
        "const s = document.getElementById('slide-pitch'), done = arguments[0]; let i = 0; const move = () => {"
        "s.value = i % 19 - 9; s.dispatchEvent(new Event('input')); ++i < 400 ? setTimeout(move, 2) : done() }; move()"
    )  # browsers refuse the 201st change within ten seconds, and complain
    browser.wait("location.search.includes('pitch=-9')")
    shown(browser, "pitch=-9")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_weighs_little(browser: Browser, origin: str, page: str) -> None:
    show(browser, origin + page)
    weight = browser.execute_script(
        "return ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".reduce((sum, e) => sum + e.decodedBodySize, 0)"
    )
    assert 10_000 < weight < 1_500_000


def test_a_blob_is_moved_by_keys_and_by_hand(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/blobs")
    blob = browser.find_element(By.ID, "blob")
    circle = "return [...document.querySelectorAll('#models .here')].map((c) => c.getAttribute('cx'))"
    before = browser.execute_script(circle)
    blob.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    assert browser.find_element(By.ID, "blob-place").text == "moved 2 down, 1 left"
    assert browser.execute_script(circle) != before
    blob.send_keys(*[Keys.ARROW_UP] * 9)
    assert browser.find_element(By.ID, "blob-place").text == "moved 4 up, 1 left"
    browser.wait("location.search.includes('row=-4')")
    ActionChains(browser).drag_and_drop_by_offset(blob, 0, round(blob.size["height"] / 4)).perform()
    assert browser.find_element(By.ID, "blob-place").text == "moved 1 left"


def test_a_blob_is_painted_with_keys_alone(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/blobs")
    browser.find_element(By.ID, "clear").send_keys(Keys.ENTER)
    browser.wait(f"document.body.dataset.shown === '{'0' * 64}'")
    browser.find_element(By.ID, "blob").send_keys(" ", Keys.ARROW_RIGHT, " ")
    first = browser.wait(f"document.body.dataset.shown !== '{'0' * 64}' && document.body.dataset.shown")
    browser.wait("document.body.dataset.shown.match(/[^0]/g).length > 0")
    assert set(first) <= set("0123456789abcdef")
    bits = browser.wait(  # the address follows the brush a little later
        "(image => image && [...image].reduce((n, digit) => n + [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]"
        "[parseInt(digit, 16)], 0) === 2 && image)(new URLSearchParams(location.search).get('image'))"
    )
    assert bin(int(bits, 16)).count("1") == 2
    browser.refresh()
    browser.wait(f"document.body.dataset.shown === '{bits}'")


def test_the_map_shows_every_window_and_opens_one(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/map")
    browser.wait("document.body.dataset.shown === '21'")
    assert browser.execute_script("return document.getElementById('bar').hidden")
    canvas = browser.find_element(By.ID, "map")
    drawn = (
        "const c = document.getElementById('map'); const p = c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data; let n = 0; for (let i = 3; i < p.length; i += 4) n += p[i] > 0; return n"
    )
    assert browser.execute_script(drawn) > 21 * 9
    canvas.send_keys("+")
    browser.wait("!document.getElementById('card').hidden && document.querySelectorAll('#mini .note').length > 3")
    canvas.send_keys(Keys.ENTER)
    browser.wait("location.pathname === '/' && document.body.dataset.shown")
    assert "song=folder" in browser.current_url
    browser.back()
    browser.wait("location.pathname === '/map' && document.body.dataset.shown === '21'")


def test_the_lasso_lists_what_it_catches(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/map?places=content&colour=key")
    browser.find_element(By.ID, "lasso").click()
    around = (
        "const c = document.getElementById('map'), r = c.getBoundingClientRect();"
        "c.setPointerCapture = () => {}; const at = (type, x, y) => c.dispatchEvent(new PointerEvent(type, {clientX:"
        "r.left + x * r.width, clientY: r.top + y * r.height, bubbles: true})); at('pointerdown', 0, 0);"
        "for (const [x, y] of [[1, 0], [1, 1], [0, 1]]) at('pointermove', x, y); at('pointerup', 0, 1)"
    )
    browser.execute_script(around)
    assert browser.find_element(By.ID, "chosen-title").text == "21 windows"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#list a")) == 21
    browser.find_element(By.ID, "play-all").click()
    browser.wait("document.querySelector('#list .playing')")
    canvas = browser.find_element(By.ID, "map")
    canvas.send_keys(Keys.ESCAPE)
    browser.wait("document.getElementById('play-all').getAttribute('aria-pressed') === 'false'")


def test_the_keyboard_lists_what_is_near(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/map")
    browser.find_element(By.ID, "map").send_keys("l")
    assert browser.find_element(By.ID, "chosen-title").text == "21 windows"  # of 24 it would list
    browser.find_element(By.CSS_SELECTOR, "#list a").send_keys(Keys.ENTER)
    browser.wait("location.pathname === '/' && document.body.dataset.shown")


def test_umap_is_shown_where_it_is_installed(
    browser: Browser, model: Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softaxes.explorer.atlas.has_umap", lambda: True)
    monkeypatch.setattr("softaxes.explorer.atlas.umap_embedding", lambda content, dims: content[:, :dims] ** 2)
    explorer = Explorer(model, Library(4, folder=folder), "a model")
    explorer.atlas.folder = tmp_path
    with running(build_app(explorer)) as where:
        browser.get(f"{where}/map?places=umap")
        browser.wait("document.body.dataset.umap === 'true'")
        assert browser.find_element(By.ID, "x-name").text.startswith("umap 1")
        assert browser.foreign_requests(where) == []


def test_a_hundred_thousand_points_are_drawn(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/map")
    drawn = browser.execute_async_script(
        "const done = arguments[0]; import('/static/points.js').then(({PointMap}) => {"
        "const c = document.createElement('canvas'); c.style.cssText = 'width:600px;height:400px';"
        "document.body.append(c); const n = 100000, xs = Float32Array.from({length: n}, (_, i) => i % 317);"
        "const ys = xs.map((x, i) => (i / 317) | 0);"
        "const map = new PointMap(c, {}); map.show(xs, ys, new Uint32Array(n).fill(0xff0000ff));"
        "map.paint(); map.pan(10, 5); map.paint();"
        "const near = map.nearest(300, 200, 1e6); c.remove(); done([near, xs[near]]) })"
    )
    assert 0 <= drawn[0] < 100_000 and 100 < drawn[1] < 220

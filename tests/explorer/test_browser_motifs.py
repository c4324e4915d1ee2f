"""The Motifs page in a real browser: listed, framed, heard; notes chosen by hand and by key; the corpus asked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from softaxes.data.music import read_song, write_song
from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.library import Library
from softaxes.model.model import Model
from softaxes.songs.motifs import STEPS_PER_BEAT, motifs_of_song

pytest.importorskip("selenium", reason="the browser tests need the dev extra: pip install softaxes[dev]")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import Browser, find_chromium, show, text_of
from .conftest import running
from .test_motifs import piece

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium with chromedriver is installed"),
]

SECOND = "/motifs?song=folder:more/s%C3%A9cond%20song.mid"


def test_motifs_are_listed_framed_and_heard(browser: Browser, origin: str, tmp_path: Path) -> None:
    path = write_song(piece((0, 0), (16, 5), (36, -3), (52, 0), under=((0, 8, 40), (20, 4, 43))), tmp_path / "mine.mid")
    found = motifs_of_song(read_song(path, STEPS_PER_BEAT))
    show(browser, origin + SECOND)
    browser.find_element(By.ID, "file").send_keys(str(path))
    browser.wait("location.search.includes('song=dropped') && document.getElementById('looking').hidden")
    assert browser.execute_script("return document.body.dataset.motifs") == str(len(found.motifs))
    heads = browser.find_elements(By.CSS_SELECTOR, ".motif > button")
    assert heads[0].text.split("\n") == ["A", "5 notes, 4 times", "all exact"]
    heads[0].send_keys(Keys.ENTER)
    listed = [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".occurrences button")]
    answer = ["1 · 1:1 · ±0 · statement", "2 · 2:1 · +5 · exact", "3 · 3:2 · −3 · exact", "4 · 4:2 · ±0 · exact"]
    assert listed == [*answer, "find it in the corpus"]
    rows = found.rows[0]  # of the command
    assert [row["place"] for row in rows] == ["1:1", "2:1", "3:2", "4:2"]
    assert [row["transposition_semitones"] for row in rows] == [0, 5, -3, 0]
    assert "motif=A" in browser.current_url
    browser.find_element(By.ID, "play-all").click()
    browser.wait("document.querySelector('.occurrences .playing')")
    listen_in(browser)
    browser.wait("window.loudest > 0.01")
    browser.wait("document.querySelectorAll('.occurrences button')[1].classList.contains('playing')")  # in a row
    browser.find_element(By.ID, "roll").send_keys(Keys.ESCAPE)
    browser.wait("document.getElementById('play-all').getAttribute('aria-pressed') === 'false'")
    browser.refresh()
    browser.wait("document.querySelector('.motif [aria-pressed=true]')?.id === 'motif-A'")


def test_notes_are_chosen_while_motifs_are_looked_for(
    browser: Browser, model: Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = threading.Event()
    monkeypatch.setattr("softaxes.explorer.app.motifs_of", lambda *_: {"motifs": []} if going.wait(60) else None)
    explorer = Explorer(model, Library(4, folder=folder), "a model")
    explorer.atlas.folder = tmp_path
    with running(build_app(explorer)) as where:
        browser.get(f"{where}/motifs?song=folder:first.mid&motif=B&notes=0-3&find=1")
        browser.wait("document.body.dataset.found?.startsWith('0-3:')")
        assert "looking for motifs" in text_of(browser, "motifs-message")
        assert not browser.execute_script("return document.getElementById('looking').hidden")
        assert "motif=B" in browser.current_url  # it may still come
        going.set()
        browser.wait("document.body.dataset.shown")
        assert "nothing of three notes" in text_of(browser, "motifs-message")
        assert browser.execute_script("return document.getElementById('looking').hidden")
        assert browser.foreign_requests(where) == []


def listen_in(browser: Browser) -> None:
    browser.execute_script(
        "import('/static/synth.js').then(({sound}) => { const {analyser} = sound(); window.loudest = 0;"
        "const wave = new Float32Array(analyser.fftSize); setInterval(() => {"
        "analyser.getFloatTimeDomainData(wave); loudest = Math.max(loudest, ...wave.map(Math.abs)); }, 20); })"
    )


def test_notes_are_chosen_with_keys_and_found_in_the_corpus(browser: Browser, origin: str) -> None:
    show(browser, origin + SECOND)
    roll = browser.find_element(By.ID, "roll")
    roll.send_keys(Keys.HOME)
    roll.send_keys(Keys.SHIFT + 5 * Keys.ARROW_RIGHT)
    assert text_of(browser, "chosen-notes") == "6 notes chosen, from bar 1"
    roll.send_keys(Keys.ENTER)
    browser.wait("document.body.dataset.found === '0-5:3'", 30)
    found = browser.find_elements(By.CSS_SELECTOR, "#found button")
    assert found and "/6" in found[0].text
    assert "notes=0-5" in browser.current_url and "find=1" in browser.current_url
    before = [e.text for e in found]
    browser.refresh()
    browser.wait("document.body.dataset.found === '0-5:3'", 30)
    assert [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#found button")] == before
    browser.find_element(By.CSS_SELECTOR, "#found button").send_keys(Keys.ENTER)
    browser.wait("document.querySelector('#found .playing')")
    browser.find_element(By.CSS_SELECTOR, "#found a").click()
    browser.wait("location.pathname === '/' && document.body.dataset.shown")
    browser.back()
    browser.wait("location.pathname === '/motifs' && document.body.dataset.found === '0-5:3'", 30)


def test_notes_are_chosen_with_a_box(browser: Browser, origin: str) -> None:
    show(browser, origin + SECOND)
    drag = (
        "const c = document.getElementById('roll'), r = c.getBoundingClientRect(); c.setPointerCapture = () => {};"
        "const at = (type, x, y, more) => c.dispatchEvent(new PointerEvent(type, {pointerType: 'mouse', clientX: r.left"
        "+ x, clientY: r.top + y, bubbles: true, ...more})); at('pointerdown', 35, 20); at('pointermove', 90, 100);"
        "at('pointermove', ...arguments[0]); at('pointerup', ...arguments[0])"
    )
    browser.execute_script(drag, [300, 238])
    chosen = browser.wait("new URLSearchParams(location.search).get('notes')")
    assert chosen.startswith("0-")
    browser.execute_script(drag, [36, 21])  # nothing lies there
    browser.wait("new URLSearchParams(location.search).get('notes') === null")
    assert browser.execute_script("return document.getElementById('search').disabled")


def test_the_song_goes_along_to_the_other_page(browser: Browser, origin: str) -> None:
    show(browser, origin + SECOND)
    browser.find_element(By.CSS_SELECTOR, "nav a[href^='/?']").click()
    browser.wait("location.pathname === '/' && document.body.dataset.shown")
    assert browser.execute_script("return document.getElementById('song').value") == "more/sécond song"

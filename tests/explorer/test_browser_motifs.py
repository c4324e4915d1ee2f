"""The Motifs page in a real browser: listed, framed, heard; notes chosen by hand and by key; the corpus asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from softaxes.explorer.motifs import find_motifs
from softaxes.music import write_song

pytest.importorskip("selenium", reason="the browser tests need the dev extra: pip install softaxes[dev]")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import Browser, find_chromium, show, text_of
from .test_motifs import MOTIF, piece

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium with chromedriver is installed"),
]

SECOND = "/motifs?song=folder:more/s%C3%A9cond%20song.mid"


def test_motifs_are_listed_framed_and_heard(browser: Browser, origin: str, tmp_path: Path) -> None:
    song = piece((0, 0, MOTIF), (16, 5, MOTIF), (36, -3, MOTIF))
    write_song(song, tmp_path / "mine.mid")
    show(browser, origin + SECOND)
    assert "nothing of four notes" in text_of(browser, "motifs-told")
    browser.find_element(By.ID, "file").send_keys(str(tmp_path / "mine.mid"))
    browser.wait("document.body.dataset.motifs === '1'")
    expected = find_motifs(song.notes, song)["motifs"]
    heads = browser.find_elements(By.CSS_SELECTOR, ".motif > button")
    assert [head.text.split("\n")[0] for head in heads] == ["5 notes, 3 times"]
    heads[0].send_keys(Keys.ENTER)
    listed = [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".occurrences button")][:-1]
    assert len(listed) == len(expected[0]["occurrences"])
    for text, occurrence in zip(listed, expected[0]["occurrences"], strict=True):
        up = occurrence["transposition"]
        sign = f"+{up}" if up > 0 else f"−{-up}" if up < 0 else "±0"
        assert f"{occurrence['place']} · {sign} · " in text
    assert "motif=1" in browser.current_url
    browser.find_element(By.ID, "play-all").click()
    browser.wait("document.querySelector('.occurrences .playing')")
    listen_in(browser)
    browser.wait("window.loudest > 0.01")
    browser.wait("document.querySelectorAll('.occurrences button')[1].classList.contains('playing')")  # in a row
    browser.find_element(By.ID, "roll").send_keys(Keys.ESCAPE)
    browser.wait("document.getElementById('play-all').getAttribute('aria-pressed') === 'false'")


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

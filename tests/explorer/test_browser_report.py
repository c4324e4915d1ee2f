"""The Report page in a real browser: markers, the sweep, the suite, and what stands there when nothing does."""

from __future__ import annotations

import pytest

pytest.importorskip("selenium", reason="the browser tests need the dev extra: pip install softaxes[dev]")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import Browser, find_chromium, set_slider, show, text_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium with chromedriver is installed"),
]


def test_the_markers_read_the_report(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/report")
    assert "pitch, same sign 100 %" in text_of(browser, "cosine-read").replace("\n", " ")
    set_slider(browser, "cosine-marker", 24)
    assert "two kinds 75 %" in text_of(browser, "cosine-read").replace("\n", " ")
    marker = browser.find_element(By.ID, "cosine-marker")
    marker.send_keys(Keys.ARROW_RIGHT)
    assert "two kinds 25 %" in text_of(browser, "cosine-read").replace("\n", " ")
    assert marker.get_attribute("aria-valuetext").startswith("cosine 0.00")
    assert "moved by +2.25" in text_of(browser, "move-read")
    browser.find_element(By.CSS_SELECTOR, "#move-kinds .kind-metre").send_keys(Keys.ENTER)
    assert "right phase: 42 %" in text_of(browser, "move-read")  # 20 of 48 views
    assert "chance: 13 %" in text_of(browser, "move-read")
    set_slider(browser, "success-marker", 0)
    read = text_of(browser, "success-read").replace("\n", " ")
    assert "operator 90 %" in read and "no operator 20 %" in read and "chance 1 %" in read
    dashed = "return getComputedStyle(document.querySelector('#cosines .chance')).strokeDasharray"
    assert browser.execute_script(dashed) != "none"
    sentences = browser.execute_script(
        "return [...document.querySelectorAll('#all > section, .picture')]"
        ".map((s) => s.textContent.includes('How to read it'))"
    )
    assert sentences == [True] * 5


def test_the_sweep_has_a_marker_to_move(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/report?report=sweep")
    assert browser.execute_script("return document.getElementById('cosines-section').hidden")
    set_slider(browser, "sweep-marker", 0)
    assert text_of(browser, "sweep-read").startswith("weight 0") and "0.305 [0.300, 0.310]" in text_of(
        browser, "sweep-read"
    )
    assert len(browser.find_elements(By.CSS_SELECTOR, "#sweep .dot.seed")) == 4
    before = browser.execute_script("return document.querySelector('#sweep .mark').getAttribute('x1')")
    browser.find_element(By.ID, "sweep-marker").send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script("return document.querySelector('#sweep .mark').getAttribute('x1')") != before
    browser.execute_script(
        "const s = document.getElementById('sweep-figure'); s.value = 'effective_rank';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert "against=effective_rank" in browser.current_url
    assert "effective rank" in browser.find_element(By.CSS_SELECTOR, "#sweep .name.start").text


def test_the_operation_suite_is_told_by_kind(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/report")
    rows = browser.find_elements(By.CSS_SELECTOR, "#rows .figure-row")
    assert len(rows) == 2
    assert all(
        word in rows[0].text for word in ("H@1 of the operator: pitch", "0.900", "[0.850, 0.950]", "chance 0.010")
    )
    assert "untrained encoder 0.400" in rows[0].text and "op(z, s) is nearest" in rows[0].text
    browser.find_element(By.CSS_SELECTOR, "#suite-kinds .kind-pitch").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#rows .figure-row")) == 1
    assert "kind=pitch" in browser.current_url
    colour = "return getComputedStyle(document.querySelector('.figure-row')).borderLeftColor"
    assert browser.execute_script(colour) == "rgb(63, 131, 216)"  # that of pitch on every page
    browser.back()
    browser.wait("document.querySelectorAll('#rows .figure-row').length === 2")


def test_a_run_without_a_report_says_what_to_do(browser: Browser, origin: str) -> None:
    show(browser, f"{origin}/report?report=bare")
    assert not browser.execute_script("return document.getElementById('empty').hidden")
    assert text_of(browser, "empty-command").startswith("softaxes report ") and "bare" in text_of(browser, "empty-text")


CONTRAST = """
const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => (v / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05; };
return [...document.querySelectorAll('button[aria-pressed=true]')].filter((b) => b.offsetParent).map((button) => {
  const {color, backgroundColor} = getComputedStyle(button), [a, b] = [light(color), light(backgroundColor)];
  return [button.textContent, backgroundColor.startsWith('rgba(0, 0, 0, 0') ? 1 : Math.max(a, b) / Math.min(a, b)]; })
"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("address", ["/report", "/report?kind=pitch", "/blobs"])
def test_what_is_pressed_can_be_read(browser: Browser, origin: str, address: str, dark: bool) -> None:
    browser.resize(1280, 900, dark=dark)
    show(browser, origin + address)
    pressed = browser.execute_script(CONTRAST)
    assert pressed and all(contrast >= 3 for _, contrast in pressed), pressed

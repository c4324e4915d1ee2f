"""Chromium without a window, for tests, screenshots and the benchmark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

SLIDE = "const s = document.getElementById(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('input'))"
NOTES = "return [...document.querySelectorAll(arguments[0] + ' .note')].map((n) => ({...n.dataset}))"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
]


def find_chromium() -> tuple[str, str] | None:
    """The browser and its driver, or None where one of them is not installed."""
    browser = next(filter(None, map(shutil.which, PROGRAMS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser(webdriver.Chrome):
    """Chrome that remembers what it asked for and what it complained of."""

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Show pages at this size and in this theme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": theme})

    def wait(self, condition: str, seconds: float = 60) -> Any:
        """Until a JavaScript expression is truthy; its value."""
        waiting: WebDriverWait[Any] = WebDriverWait(self, seconds, 0.03)
        return waiting.until(lambda _: self.execute_script(f"return ({condition})"), f"never true: {condition}")

    def errors(self) -> list[str]:
        """Errors and warnings on the console since the last call."""
        return [entry["message"] for entry in self.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def foreign_requests(self, origin: str) -> list[str]:
        """Addresses asked for since the last call that do not belong to ``origin``."""
        messages = [json.loads(entry["message"])["message"] for entry in self.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        local = ("data", "blob", "about")
        return [url for url in sent if urlsplit(url).scheme not in local and not url.startswith(f"{origin}/")]


@contextmanager
def chromium(profile: Path, downloads: Path | None = None) -> Iterator[Browser]:
    """A browser with the empty profile folder ``profile``."""
    found = find_chromium()
    assert found is not None
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    browser = Browser(options=options, service=webdriver.ChromeService(found[1]))
    browser.get("about:blank")
    browser.get_log("performance")  # what the browser's own first tab asked for
    try:
        yield browser
    finally:
        browser.quit()


def until(ready: Callable[[], Any], seconds: float = 30) -> Any:
    """Until ``ready()`` is truthy; its value. Fails after ``seconds``."""
    import time

    for _ in range(int(seconds / 0.05)):
        if value := ready():
            return value
        time.sleep(0.05)
    raise AssertionError(f"still not so after {seconds} s")


def show(browser: Browser, address: str) -> None:
    browser.get(address)
    browser.wait("document.body.dataset.shown")


def shown(browser: Browser, parts: str) -> None:
    browser.wait(f"document.body.dataset.shown.includes('{parts}')")


def text_of(browser: Browser, element: str) -> str:
    return str(browser.find_element("id", element).text)


def set_slider(browser: Browser, element: str, value: int) -> None:
    browser.execute_script(SLIDE, element, value)


def notes_in(browser: Browser, panel: str) -> set[tuple[int, int, int]]:
    rows = browser.execute_script(NOTES, f"#{panel}")
    return {
        (int(r["onset"]), int(r["duration"]), int(r["pitch"]))
        for r in rows
        if panel == "truth" or r["mark"] != "missing"
    }

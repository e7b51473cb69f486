"""A real browser for the pages; needs chromium, chromedriver and selenium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--lang=en",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,1600",
)  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Downloads go to `tmp_path / "downloads"`."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


def look(driver: Any, page: Path, width: int, *, dark: bool = False) -> None:
    """Opens a page on a screen of so many CSS pixels, in the light or the dark that the system asks for."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.get(page.as_uri())


def clashing_texts(driver: Any) -> list[str]:
    """Texts of charts that are cut at the chart's edge or lie over each other."""
    return driver.execute_script("""
        const wrong = [];
        for (const svg of document.querySelectorAll("svg")) {
            const frame = svg.getBoundingClientRect();
            const texts = [...svg.querySelectorAll("text")].map((e) => [e.textContent, e.getBoundingClientRect()])
                .filter(([, b]) => b.width);
            texts.forEach(([name, b], i) => {
                if (b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1)
                    wrong.push(name + " is cut");
                for (const [other, o] of texts.slice(i + 1))
                    if (b.left < o.right && o.left < b.right && b.top < o.bottom - 3 && o.top < b.bottom - 3) wrong.push(name + " over " + other);
            });
        }
        return wrong;
    """)


def sticking_out(driver: Any) -> list[str]:
    """Elements that stick out of the window, those apart that lie in a box with a scroll bar of its own; and the page where it
    scrolls sideways."""
    return driver.execute_script("""
        const width = document.documentElement.clientWidth;
        const boxed = (e) => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || boxed(e.parentElement));
        const out = [...document.querySelectorAll("body *:not(.skip)")].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && (box.right > width + 1 || box.left < -1) && !boxed(e.parentElement);
        }).map((e) => e.tagName + "." + (e.className.baseVal ?? e.className) + " " + e.textContent.slice(0, 40));
        return document.documentElement.scrollWidth > width ? ["page", ...out] : out;
    """)

"""Makes docs/report.png, the picture in README.md, from a report: its upper part as a browser shows it.

python -m spacy project run train . && python -m spacy project run evaluate .
python docs/make_report_png.py                        # of metrics/report.html, which the commands before wrote
python docs/make_report_png.py other.html other.png   # another report, another picture

Needs selenium, chromium and chromedriver, as the browser tests do; where one is missing, one line says so and nothing is made.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1200, 1500
LARGEST = 300_000  # bytes: the picture is in the repository


def main(arguments: list[str]) -> int:
    """0 where the picture was made or no browser is here, 1 for a report that is not there or a picture too large."""
    page = Path(arguments[0]) if arguments else ROOT / "metrics" / "report.html"
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "report.png"
    if not page.is_file():
        print(f"{page}: no such file; make train writes it", file=sys.stderr)
        return 1
    missing = what_is_missing()
    if missing:
        print(f"skipped: {missing} is not installed")
        return 0
    picture = taken(page)
    if len(picture) > LARGEST:
        print(f"{target}: {len(picture):,} bytes, more than {LARGEST:,}: not written", file=sys.stderr)
        return 1
    target.write_bytes(picture)
    print(f"{target}: {len(picture):,} bytes")
    return 0


def what_is_missing() -> str:
    """The first of what a picture needs that is not here; empty where all is."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium"
    if browser() is None:
        return "chromium"
    return "" if shutil.which("chromedriver") else "chromedriver"


def browser() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def taken(page: Path) -> bytes:
    """A PNG of the page's first `WIDTH` x `HEIGHT` pixels, in light colours."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser() or ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in ("headless", "no-sandbox", "disable-gpu", "no-first-run", "hide-scrollbars", "lang=en",
                     "disable-background-networking", f"user-data-dir={profile}"):  # fmt: skip
            options.add_argument(f"--{flag}")
        driver: Any = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            light = {"name": "prefers-color-scheme", "value": "light"}
            screen = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [light]})
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            driver.get(page.resolve().as_uri())
            return driver.get_screenshot_as_png()
        finally:
            driver.quit()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

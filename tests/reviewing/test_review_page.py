"""The page in a real browser: rows are decided by mouse and keys, kept, and saved as a file that `convert` applies."""

from __future__ import annotations

import json
import time

import pytest

from cloudner.corpus.convert.decisions import Decisions
from cloudner.reviewing.page import page
from cloudner.reviewing.rows import lines

from .test_review import EVIL

pytestmark = pytest.mark.slow


def made(count: int) -> list[dict]:
    return [
        {"id": f"d{i}", "kind": ("type", "missed")[i % 2], "start": 0, "end": 3, "label": (None if i % 2 else "ORG"),
         "suggested": {"start": 0, "end": 3, "label": "PER"}, "probability": 1 - i / count, "confident": True,
         "text": "Ada", "suggested_text": "Ada", "before": EVIL, "after": " met Bob", "decision": ""}
        for i in range(count)
    ]  # fmt: skip


def test_rows_are_decided_kept_and_saved(browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    rows = made(120)
    file = tmp_path / "review.html"
    file.write_text(page(rows, lines(rows), title="a", summary="b"), "utf8")
    browser.get(file.as_uri())

    def items():
        return browser.find_elements(By.CSS_SELECTOR, "#rows li")

    def said(name):
        return browser.find_element(By.ID, name).text

    assert len(items()) == 50
    assert EVIL.split("\u2028")[0] in items()[0].text  # as text
    assert not browser.find_elements(By.CSS_SELECTOR, "#rows img")
    items()[0].find_elements(By.TAG_NAME, "button")[0].click()
    items()[1].find_elements(By.TAG_NAME, "button")[1].click()
    items()[2].click()
    items()[2].send_keys("a")  # and goes on to the next
    browser.switch_to.active_element.send_keys("r")
    assert said("progress") == "4 of 120 decided"
    browser.switch_to.active_element.send_keys("k" + "u")
    assert said("progress") == "3 of 120 decided"

    browser.find_element(By.ID, "open").click()
    assert said("page") == "page 1 of 3, 117 rows"
    browser.find_element(By.ID, "kind").send_keys("missed", Keys.TAB)
    assert said("page") == "page 1 of 2, 59 rows"
    browser.find_element(By.ID, "next").click()
    assert len(items()) == 9

    browser.refresh()  # kept
    assert said("progress") == "3 of 120 decided"
    browser.find_element(By.ID, "save").click()
    saved = tmp_path / "downloads" / "decisions.jsonl"
    until = time.monotonic() + 20
    while not saved.is_file() and time.monotonic() < until:
        time.sleep(0.1)
    answers = [json.loads(line)["decision"] for line in saved.read_text("utf8").split("\n") if line]
    assert answers[:5] == ["accept", "reject", "accept", "", ""]
    assert Decisions(saved).counts == {"accept": 2, "reject": 1, "open": 117}

    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"]
    assert not [url for url in urls if url.startswith("http")]

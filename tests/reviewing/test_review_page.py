"""The page in a real browser: rows are decided by mouse and keys, kept, and saved as a file that `convert` applies."""

from __future__ import annotations

import json
import time

import pytest

from browsing import look, sticking_out
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
    rows[0]["others"] = [{"text": EVIL, "label": "FAC"}, {"text": "Ada met", "label": "LOC"}]
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
    assert "also annotated here: </script>" in items()[0].text
    assert "FAC, Ada met LOC" in items()[0].text
    assert "also annotated" not in items()[1].text
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


def test_annotation_and_suggestion_are_marked_on_the_same_words(browser, tmp_path):
    text = "😀 So the New York Times wrote, it is said, about nothing at all and went on for a while. " * 2
    start = len("😀 So the ")
    rows = [
        {"id": "a", "kind": "boundary", "start": start, "end": start + 14, "label": "ORG",
         "suggested": {"start": start, "end": start + 8, "label": "LOC"}, "probability": 1.0, "confident": True,
         "text": "New York Times", "suggested_text": "New York", "before": text[:start], "after": text[start + 14 :], "decision": ""},
        {"id": "b", "kind": "invented", "start": start, "end": start + 3, "label": "PER", "suggested": None, "probability": 0.5,
         "confident": True, "text": "New", "suggested_text": None, "before": "the ", "after": " York", "decision": ""},
    ]  # fmt: skip
    file = tmp_path / "review.html"
    file.write_text(page(rows, lines(rows), title="a/" * 60, summary="b"), "utf8")
    look(browser, file, 420)
    assert sticking_out(browser) == []
    first, second = browser.find_elements("css selector", "#rows .context")
    pieces = [
        (e.get_attribute("class"), e.text) for e in first.find_elements("css selector", ":scope > span")
    ]
    assert pieces == [
        ("g p", "New York"), ("tag model", "suggested LOC"), ("g", " Times".strip()), ("tag gold", "now ORG")
    ]  # fmt: skip
    assert [e.text for e in second.find_elements("css selector", ":scope > span")] == ["New", "now PER"]
    assert "99.9 % sure" in browser.find_element("css selector", "#rows .meta").text

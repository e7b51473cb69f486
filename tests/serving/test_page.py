"""The page in a real browser (needs chromium, chromedriver and selenium), and what it is made of."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Running, running

EVIL = "<img src=x onerror=\"document.title='taken'\"></textarea><script>document.title='taken'</script>"


def test_the_pages_load_nothing_from_elsewhere(served: Running) -> None:
    for path in ("/", "/?lang=zh", "/docs"):
        answer = served.client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        loaded = re.findall(r'(?:src|<link [^>]*href)="([^"]*)"', answer.text)
        assert set(loaded) <= {"page.css", "page.js", "data:,"}
        assert not re.search(r"<script>|<style|\son\w+=|style=", answer.text)
    for path, kind in (("/page.css", "text/css"), ("/page.js", "text/javascript")):
        answer = served.client.get(path)
        assert answer.headers["content-type"].startswith(kind)
        assert "//" not in re.sub(r"(?m)(^|\s)// .*$", "", answer.text)
        assert "innerHTML" not in answer.text


def test_the_language_is_the_browsers_or_the_one_asked_for(served: Running) -> None:
    def lang(path: str, accepted: str | None = None) -> str:
        headers = {"accept-language": accepted} if accepted else {}
        return re.search(r'<html lang="(\w+)"', served.client.get(path, headers=headers).text)[1]  # type: ignore[index]

    assert lang("/") == "en"
    assert lang("/", "zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert lang("/", "de,en") == "en"
    assert lang("/?lang=en", "zh-CN") == "en"
    assert lang("/?lang=zh") == "zh"


def test_both_languages_say_the_same(served: Running) -> None:
    from cloudner.serving.page import SAID

    assert SAID["en"].keys() == SAID["zh"].keys()
    for name, text in SAID["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", SAID["zh"][name])), name


def test_the_page_about_the_routes_names_fields_and_answers(served: Running) -> None:
    page = served.client.get("/docs").text
    for part in ("POST /v1/entities", "POST /v1/stream", "GET /metrics", "threshold", "429", served.url):
        assert part in page


class Page:
    """What a user does with it."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser = browser
        browser.get(url)

    def find(self, selector: str) -> list[Any]:
        from selenium.webdriver.common.by import By

        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> Any:
        (found,) = self.find(selector)
        return found

    def type(self, text: str) -> None:
        self.browser.execute_script("document.getElementById('text').value = arguments[0]", text)

    def ask(self, text: str) -> None:
        self.type(text)
        self.one("#go").click()
        self.until(lambda: "..." not in self.status and "……" not in self.status and self.status)

    @property
    def status(self) -> str:
        return self.one("#status").text

    @property
    def marked(self) -> list[str]:
        """The texts that are highlighted, without their labels."""
        script = "return [...document.querySelectorAll('mark')].map(m => m.firstChild.textContent)"
        return self.browser.execute_script(script)

    def slide(self, percent: int) -> None:
        self.browser.execute_script(
            "const s = document.getElementById('threshold'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
            percent,
        )

    def until(self, condition: Any, seconds: float = 20) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends
            time.sleep(0.05)

    def requests(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.mark.slow
def test_the_page_in_a_browser(served: Running, browser: Any, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    page = Page(browser, served.url)
    text = "🙂 北京 Marie Curie lived in Paris."
    page.ask(text)
    assert page.one("#result").get_attribute("textContent").startswith("🙂 北京")
    before = served.post(text).json()["entities"]
    assert page.marked == [entity["text"] for entity in before]  # offsets beyond the basic plane are right
    # the slider
    page.slide(100)
    kept = [e for e in before if e["confidence"] >= 1]
    assert len(page.find("mark")) == len(page.find("#rows tr")) == len(kept) < len(before)
    page.slide(0)
    assert len(page.find("mark")) == len(before)
    assert page.one("#value").text == "0 %"
    # downloads
    page.one("#json").click()
    page.one("#csv").click()
    page.until(lambda: (downloads / "entities.json").exists() and (downloads / "entities.csv").exists())
    assert json.loads((downloads / "entities.json").read_text(encoding="utf-8"))["entities"] == before
    assert len((downloads / "entities.csv").read_text(encoding="utf-8-sig").splitlines()) == len(before) + 1
    # text of a page is text
    page.ask(EVIL)
    assert browser.title == "Named entities"
    assert page.find("#result img, #result script") == []
    # the other language keeps the text
    page.type("Apple bought Beats in 2014")
    page.one("#language").click()
    page.until(lambda: browser.title == "命名实体识别")
    assert page.one("#text").get_attribute("value") == "Apple bought Beats in 2014"
    page.ask("王小明在北京大学工作。")
    assert "王小明在北京大学工作。" in re.sub(r"[A-Z]+ [\d.]+ %", "", page.one("#result").text)
    assert {
        url.split("?")[0] for url in page.requests() if not url.startswith(("data:", "blob:", "chrome"))
    } <= {f"{served.url}{path}" for path in ("/", "/page.css", "/page.js", "/v1/entities")}
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.slow
def test_the_page_asks_for_a_token(trained_folder: Path, browser: Any) -> None:
    with running(trained_folder, tokens=("s" * 20,)) as made:
        page = Page(browser, made.url)
        page.ask("Marie Curie lived in Paris.")
        assert page.status == "This service asks for a token."
        page.one("#token").send_keys("s" * 20)
        page.ask("Marie Curie lived in Paris.")
        page.until(lambda: len(page.find("mark")) == 2)


@pytest.mark.slow
def test_a_text_whose_entities_overlap_is_shown_once(served: Running, browser: Any) -> None:
    page = Page(browser, served.url)
    text = "🙂 University of Warsaw, Poland"
    spans = [(2, 22, "ORG"), (16, 22, "LOC"), (16, 30, "LOC"), (2, 22, "LOC")]
    entities = [
        {"start": a, "end": b, "label": label, "text": text[a:b], "confidence": 0.9} for a, b, label in spans
    ]
    answer = json.dumps({"model": "m", "entities": entities})
    browser.execute_script(
        "window.fetch = async () => new Response(arguments[0])".replace("arguments[0]", json.dumps(answer))
    )
    page.ask(text)
    script = "return [...document.querySelectorAll('#result small')].map(e => e.textContent)"
    labels = browser.execute_script(script)
    assert sorted(labels) == ["LOC 90 %"] * 3 + ["ORG 90 %"]
    shown = page.one("#result").get_attribute("textContent")
    for label in ("LOC 90 %", "ORG 90 %"):
        shown = shown.replace(label, "")
    assert shown == text
    assert len(page.find("#rows tr")) == len(spans)

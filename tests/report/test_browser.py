"""The page in a real browser; needs chromium, chromedriver and selenium."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest
import srsly
from spacy.tokens import Doc, Span

from browsing import clashing_texts, look, sticking_out
from cloudner.report.evaluate import evaluate
from cloudner.report.evaluation.confidence import reliability_of
from cloudner.report.evaluation.mistakes import confusion, find_errors
from cloudner.report.evaluation.scores import count_arrays, strict_scores
from cloudner.report.evaluation.significance import bootstrap_intervals

from .conftest import disturb, random_tags, ruler, tagged_documents, write_docs
from .test_html import EVIL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with more than 4,000 mistakes, a log and a confidence."""
    tmp_path = tmp_path_factory.mktemp("page")
    nlp = ruler([("Oslo", "LOC")])
    evaluation = evaluate(nlp, write_docs(tmp_path / "one.spacy", [nlp("Oslo")]), rounds=10)
    rng = random.Random(1)
    labels = ["LOC", "ORG", "PER"]
    gold = [random_tags(rng, 30, labels) for _ in range(900)]
    documents = tagged_documents(gold, [disturb(rng, tags, labels) for tags in gold])
    for i, document in enumerate(documents):
        document.meta["id"] = f"doc-{i}"
        document.confidence = [0.4 + 0.6 * rng.random() for _ in document.predicted]
    evaluation.documents = documents
    evaluation.strict = strict_scores(documents)
    found = bootstrap_intervals(count_arrays(documents, labels), rounds=20)
    evaluation.intervals, evaluation.label_intervals = found[0], dict(zip(labels, found[1], strict=True))
    evaluation.errors = find_errors(documents)
    evaluation.confusion = confusion(documents)
    evaluation.calibration = reliability_of(documents)
    evaluation.log = [
        {"step": i, "loss": 5 / (i + 1), "lr": 5e-5, "memory_mb": 900, "words_per_second": 1000 + i,
         **({"scores": {"ents_f": 1 - 1 / (i + 1)}} if i % 10 == 0 else {})}
        for i in range(100)
    ]  # fmt: skip
    assert 4000 < len(evaluation.errors) < 10_000
    path = tmp_path / "report.html"
    path.write_text(evaluation.to_html(max_errors=10_000), encoding="utf-8")
    return evaluation, path


def count(driver) -> int:
    from selenium.webdriver.common.by import By

    text = driver.find_element(By.ID, "count").text
    return int(text.split(" of ")[1].replace(",", "")) if " of " in text else 0


def test_filters_pages_theme_and_charts(browser, page, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    evaluation, path = page
    errors = evaluation.errors
    started = time.perf_counter()
    browser.get(path.as_uri())
    WebDriverWait(browser, 10).until(lambda d: count(d) == len(errors))
    assert time.perf_counter() - started < 10

    def find(selector):
        return browser.find_element(By.CSS_SELECTOR, selector)

    def items():
        return browser.find_elements(By.CSS_SELECTOR, "#list > li")

    def click(element):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    assert len(items()) == 25
    assert find("#prev").get_attribute("disabled")
    click(find("#next"))
    assert find("#page").text == f"page 2 of {-(-len(errors) // 25)}"

    # Classes: all but one off leaves that one.
    for kind in ("boundary", "type", "both", "spurious"):
        click(find(f".chip[data-kind={kind}]"))
    missed = [e for e in errors if e.kind == "missed"]
    assert count(browser) == len(missed)
    assert {item.get_attribute("data-kind") for item in items()} == {"missed"}
    assert find(".chip[data-kind=type]").get_attribute("aria-pressed") == "false"

    # And a label with it.
    Select(find("#f-label")).select_by_value("ORG")
    assert count(browser) == sum(e.gold.label == "ORG" for e in missed)

    click(find("#f-reset"))
    assert count(browser) == len(errors)

    # Text search finds documents too, and waits for the typing to end.
    find("#f-text").send_keys("doc-77")
    expected = sum("doc-77" in e.source for e in errors)
    WebDriverWait(browser, 5).until(lambda d: count(d) == expected)
    find("#f-text").clear()
    find("#f-text").send_keys("no such text anywhere")
    WebDriverWait(browser, 5).until(lambda d: "Nothing fits" in find("#count").text)
    click(find("#f-reset"))

    # Order by confidence: the surest mistake comes first, missed entities have none.
    Select(find("#f-order")).select_by_value("sure")
    surest = max(e.confidence for e in errors if e.confidence is not None)
    assert f"confidence {100 * surest:.1f} %" in items()[0].text.replace("\xa0", " ")
    model = items()[0].find_element(By.CSS_SELECTOR, "mark.focus .p")
    assert model.value_of_css_property("border-top-style") == "dashed"
    assert model.value_of_css_property("border-top-width") != "0px"

    # A column name sorts its table.
    heads = browser.find_elements(By.CSS_SELECTOR, "table.sortable thead button")
    click(heads[5])
    column = [
        int(cell.text.replace(",", ""))
        for cell in browser.find_elements(By.CSS_SELECTOR, "table.sortable td:nth-child(6)")
    ]
    assert column == sorted(column, reverse=True)

    # The pointer over a curve reads its value.
    chart = find("[data-chart=speed] svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    ActionChains(browser).move_to_element(chart).perform()
    assert "step" in find("[data-chart=speed] output").text

    # The theme changes colours and stays chosen.
    before = find("body").value_of_css_property("background-color")
    browser.execute_script("window.scrollTo({top: 0, behavior: 'instant'})")
    click(find("#theme"))
    assert find("body").value_of_css_property("background-color") != before

    browser.execute_script("document.getElementById('errors').scrollIntoView({behavior: 'instant'})")
    shot = tmp_path / "report.png"
    assert browser.save_screenshot(str(shot))
    assert shot.stat().st_size > 20_000

    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    requested = [
        message["params"]["request"]["url"]
        for entry in browser.get_log("performance")
        if (message := srsly.json_loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    assert {url.split(":")[0] for url in requested} <= {"file", "data", "chrome"}
    assert all("report.html" in url for url in requested if url.startswith("file"))


@pytest.mark.parametrize("width", [1280, 768, 420, 360])
@pytest.mark.parametrize("labels", [3, 7, 18])
def test_nothing_sticks_out_of_the_window(browser, page, tmp_path, width, labels):
    evaluation, path = page
    if labels > 3:
        evaluation = replace(evaluation)
        names = [f"LABEL_{i:02}" for i in range(labels - 1)] + ["A_VERY_LONG_NAME_OF_A_LABEL"]
        rng = random.Random(0)
        gold = [random_tags(rng, 60, names) for _ in range(60)]
        documents = tagged_documents(gold, [disturb(rng, tags, names) for tags in gold])
        evaluation.documents, evaluation.strict = documents, strict_scores(documents)
        found = bootstrap_intervals(count_arrays(documents, sorted(names)), rounds=5)
        evaluation.label_intervals = dict(zip(sorted(names), found[1], strict=True))
        evaluation.errors, evaluation.confusion = find_errors(documents), confusion(documents)
        path = tmp_path / "many.html"
        path.write_text(evaluation.to_html(), encoding="utf-8")
    look(browser, path, width)
    assert sticking_out(browser) == []
    assert clashing_texts(browser) == []
    hint = browser.find_element("css selector", ".hint").rect
    assert hint["width"] > 0.8 * browser.find_element("css selector", ".card:has(.matrix)").rect["width"]
    # The whole matrix is seen, and its numbers are large enough to be read.
    matrix = browser.find_element("css selector", ".matrix")
    box = browser.execute_script(
        "return [arguments[0].scrollWidth, arguments[0].clientWidth]", matrix.find_element("xpath", "..")
    )
    assert box[0] <= box[1]
    cells = [cell for cell in matrix.find_elements("css selector", "td.hit, td.miss") if cell.is_displayed()]
    assert len(cells) == sum(count > 0 for row in evaluation.confusion[1] for count in row)
    size = cells[0].value_of_css_property("font-size")
    assert float(size.removesuffix("px")) >= 11
    too_small = browser.execute_script(
        "return [...arguments[0].querySelectorAll('td.hit, td.miss')].filter(e => e.scrollWidth > e.clientWidth + 4).length",
        matrix,
    )
    assert too_small == 0


def test_a_documents_id_leads_to_all_its_mistakes(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    evaluation, path = page
    look(browser, path, 1280)
    Select(browser.find_element(By.ID, "f-label")).select_by_value("ORG")
    link = browser.find_element(By.CSS_SELECTOR, "#list > li .meta a")
    name = link.text
    expected = [error for error in evaluation.errors if error.source == name]
    assert len(expected) > 1
    browser.execute_script("arguments[0].click()", link)
    WebDriverWait(browser, 5).until(lambda d: count(d) == len(expected))
    assert browser.current_url.endswith(f"#document-{expected[0].document + 1}")
    chosen = browser.find_element(By.ID, "f-document")
    assert chosen.text == f"{name} ✕"
    assert {each.text for each in browser.find_elements(By.CSS_SELECTOR, "#list .meta a")} == {name}
    browser.refresh()  # the address says which
    WebDriverWait(browser, 5).until(lambda d: count(d) == len(expected))
    browser.execute_script("arguments[0].click()", browser.find_element(By.ID, "f-document"))
    assert count(browser) == len(evaluation.errors)
    assert not browser.find_element(By.ID, "f-document").is_displayed()
    assert "#" not in browser.current_url


def test_gold_and_model_stand_on_the_same_words_in_the_dark_too(browser, page):
    look(browser, page[1], 420, dark=True)
    for kind in (".g", ".p"):
        mark = browser.find_element("css selector", f"#list {kind}")
        assert contrast(browser, mark) > 4.5
    for tag in ("gold", "model"):
        assert contrast(browser, browser.find_element("css selector", f"#list .tag.{tag}")) > 4.5


def contrast(driver, element) -> float:
    """The contrast of an element's text with its own background, by WCAG."""
    return driver.execute_script(
        """
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const light = (colour) => {
            canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
                .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const style = getComputedStyle(arguments[0]);
        const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
        """,
        element,
    )


def test_nothing_in_the_data_runs(browser, corpus, tmp_path):
    nlp = ruler([("Oslo", "LOC")])
    doc = Doc(nlp.vocab, words=["Oslo", EVIL, "<img src=x onerror=document.title='owned'>"])
    doc.set_ents(
        [Span(doc, 1, 2, label=EVIL), Span(doc, 2, 3, label="<img src=x onerror=document.title='owned'>")]
    )
    evaluation = evaluate(nlp, write_docs(tmp_path / "evil.spacy", [doc]), rounds=10)
    path = tmp_path / "evil.html"
    path.write_text(evaluation.to_html(), encoding="utf-8")
    browser.get(path.as_uri())
    time.sleep(0.3)
    assert browser.title.endswith("evaluation")
    assert not browser.find_elements("css selector", "img")
    assert len(browser.find_elements("css selector", "#list > li")) == 3

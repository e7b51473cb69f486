from __future__ import annotations

import io
import json
import re
from html import escape
from html.parser import HTMLParser

import pytest
import spacy
from rich.console import Console
from spacy.tokens import Doc, Span

from cloudner.report.evaluate import evaluate
from cloudner.report.evaluation.confidence import Bin
from cloudner.report.render.facts import flatten
from cloudner.report.render.html import evaluation_html
from cloudner.report.render.reliability import reliability_chart
from cloudner.report.render.terminal import print_evaluation

from .conftest import ruler, tagged_documents, write_docs

VOID = {"meta", "input", "br", "link", "img", "hr"}
LOG = [
    {"step": 0, "epoch": 0, "loss": 9.0, "lr": 0.0, "seconds": 1, "memory_mb": 400, "scores": {"ents_f": 0.0}},
    {"step": 50, "epoch": 0, "lr": 5e-5, "seconds": 9, "memory_mb": 420},
    {"step": 100, "epoch": 1, "loss": 1.5, "lr": 2e-5, "words_per_second": 900.0, "seconds": 20, "memory_mb": 430,
     "scores": {"ents_f": 0.61, "ents_p": 0.6, "ents_r": 0.62}},
]  # fmt: skip


class Page(HTMLParser):
    """Checks that elements nest and collects what a page could load."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.loads += [
            v for k, v in attrs if k in ("src", "href", "action", "data", "poster", "srcset") and v
        ]
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID and not (
            self.stack and "svg" in self.stack and tag in ("line", "rect", "polyline", "circle")
        ):
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def evaluation(model, corpus):
    found = evaluate(model, corpus[1], train=corpus[0], compare_with=ruler([("Oslo", "LOC")]), rounds=50)
    found.log = LOG
    found.run = {
        "hardware": {"device": "CPU", "cores": 2},
        "settings": {"precision": "bf16", "batch": None},
        "seed": 0,
    }
    return found


def page_data(html: str, name: str = "data") -> dict:
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', html, re.S).group(1))


def test_page_is_well_formed_and_loads_nothing(evaluation):
    html = evaluation.to_html()
    page = Page(html)
    assert page.stack == []
    assert all(target.startswith("#") for target in page.loads)
    assert {target[1:] for target in page.loads} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert "{{" not in html


def test_policy_allows_the_pages_own_script_only(evaluation):
    import base64
    import hashlib

    html = evaluation.to_html()
    script = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = next(attrs["content"] for tag, attrs in Page(html).tags if "http-equiv" in attrs)
    assert policy.split("; ")[:3] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
    ]


def test_page_shows_scores_charts_settings_and_errors(evaluation):
    html = evaluation.to_html()
    text = " ".join(Page(html).text)
    for expected in ("66.67", "72.73", "Confusion matrix", "Seen in training", "Comparison",
                     "Reliability", "precision", "bf16", "Loss per step", "Learning rate", "Memory of the process"):  # fmt: skip
        assert expected in text or expected in html, expected
    assert ("Other ways to count" in text) == (evaluation.schemes is not None)
    data = page_data(html)
    assert [row["k"] for row in data["errors"]] == [e.kind for e in evaluation.errors]
    both = next(row for row in data["errors"] if row["k"] == "both")
    assert both["gt"] == "New York Times"
    assert both["f"].endswith("test.spacy:3")
    assert both["h"].count("New York") == 1
    charts = page_data(html, "charts")
    assert set(charts) == {"loss", "f1", "lr", "speed", "memory"}
    assert {tuple(chart["x"]) for chart in charts.values()} == {(0, 100)}
    assert "best F1 61.00 at step 100" in text
    assert charts["lr"]["series"][0]["points"] == [[0, 0], [50, 5e-5], [100, 2e-5]]


def test_page_without_log_run_training_data_or_confidence(corpus):
    evaluation = evaluate(ruler([("Oslo", "LOC")], confidence=False), corpus[1], rounds=10)
    html = evaluation.to_html()
    assert Page(html).stack == []
    assert "No training log beside the model" in html
    assert "--train corpus/train.spacy" in html
    assert "gives no confidence" in html


def test_page_of_a_perfect_and_of_an_empty_model(corpus, tmp_path):
    nlp = ruler([("Oslo", "LOC")])
    perfect = evaluate(nlp, write_docs(tmp_path / "p.spacy", [nlp("Oslo"), nlp("Rome")]), rounds=10)
    assert perfect.strict.micro.f1 == 1.0
    assert page_data(perfect.to_html())["errors"] == []
    nothing = evaluate(
        spacy.blank("en"), write_docs(tmp_path / "n.spacy", [Doc(nlp.vocab, words=["a"], ents=["O"])])
    )
    assert Page(nothing.to_html()).stack == []


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{data}}"


def test_everything_from_outside_is_escaped(tmp_path):
    nlp = ruler([("Oslo", "LOC")])
    doc = Doc(nlp.vocab, words=["Oslo", EVIL, "<!--", "Rome"])
    doc.set_ents([Span(doc, 1, 2, label="<b onclick=x>L</b>"), Span(doc, 3, 4, label=EVIL)])
    doc.user_data["meta"] = {"id": EVIL, "genre": EVIL}
    path = write_docs(tmp_path / "evil.spacy", [doc])
    evaluation = evaluate(nlp, path, train=path, rounds=10)
    evaluation.model = evaluation.other = EVIL
    evaluation.notes.append(EVIL)
    evaluation.run = {EVIL: {EVIL: EVIL}, "list": [EVIL]}
    evaluation.log = [
        {"step": 0, "loss": 1.0, "epoch": EVIL, "scores": {EVIL: 1}},
        {"step": EVIL, "loss": EVIL},
    ]
    html = evaluation.to_html()
    page = Page(html)
    assert page.stack == []
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert scripts == [
        {"type": "application/json", "id": "charts"},
        {"type": "application/json", "id": "data"},
        {},
    ]
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    for row in page_data(html)["errors"]:
        marks = Page(row["h"])
        assert {tag for tag, _ in marks.tags} <= {"mark", "span", "br", "b"}
        assert not [a for _, a in marks.tags if set(a) - {"class"}]
    assert page_data(html)["errors"][0]["s"] == EVIL


def test_many_errors_are_cut_evenly_and_the_page_says_so(evaluation):
    html = evaluation_html(evaluation, max_errors=2)
    assert len(page_data(html)["errors"]) == 2
    assert "2 of 5 mistakes are in this page" in html


def test_labels_beyond_the_palette_still_have_a_colour(corpus, tmp_path):
    tags = [[f"B-L{i}"] for i in range(30)]
    from cloudner.report.evaluation.scores import strict_scores
    from cloudner.report.render.html import label_colours

    evaluation = evaluate(ruler([("Oslo", "LOC")]), corpus[1], rounds=10)
    evaluation.strict = strict_scores(tagged_documents(tags, tags))
    assert set(label_colours(evaluation).values()) == set(range(10))


def test_nested_facts_become_flat_rows_with_units():
    values = {
        "ram_total": 25276063744,
        "gpus": [{"name": "NVIDIA A10G", "memory": 24 * 2**30}, {"name": "other", "memory": 0}],
        "fast": True,
        "window": None,
        "rate": 3e-5,
        "tags": ["B", "I"],
        "empty": [],
    }
    assert flatten(values) == [
        ("ram_total", "23.5 GiB"),
        ("gpus[0].name", "NVIDIA A10G"),
        ("gpus[0].memory", "24.0 GiB"),
        ("gpus[1].name", "other"),
        ("gpus[1].memory", "0"),
        ("fast", "yes"),
        ("window", "–"),
        ("rate", "3e-05"),
        ("tags", "B, I"),
        ("empty", "–"),
    ]


def test_only_the_columns_of_bars_have_their_name_at_the_left(evaluation):
    heads = re.findall(r'<th scope="col"( class="wide")?>([^<]*)</th>', evaluation.to_html())
    assert {name for wide, name in heads if wide} == {"F1 with 95 % interval", ""}
    assert {"Label", "F1", "Gold"} <= {name for wide, name in heads if not wide}


def test_reliability_bars_are_as_high_as_the_accuracy():
    svg = reliability_chart([Bin(0.8, 0.9, 10, 0.85, 0.5), Bin(0.9, 1.0, 40, 0.95, 1.0)])
    heights = [float(h) for h in re.findall(r'<rect class="column s0".*?height="([\d.]+)"', svg)]
    assert heights[0] == pytest.approx(heights[1] / 2, abs=0.2)


def test_a_notebook_shows_the_scores(evaluation):
    shown = evaluation._repr_html_()
    micro = evaluation.strict.micro
    assert f"F1 <b>{100 * micro.f1:.2f}</b>" in shown
    rows = re.findall(r"<tr><th>([^<]*)</th><td>[\d.]+</td><td>[\d.]+</td><td>([\d.]+)</td>", shown)
    assert rows[0] == ("all", f"{100 * micro.f1:.2f}")
    assert [name for name, _ in rows[1:]] == [escape(label) for label in evaluation.strict.per_label]
    assert "<script" not in shown
    assert f"F1 {100 * micro.f1:.2f}" in repr(evaluation)
    assert len(repr(evaluation)) < 400


def cells_of(html: str, first: str) -> list[str]:
    """The texts of the cells of the table row that begins with this head."""
    row = next(
        row for row in re.findall(r"<tr>.*?</tr>", html, re.S) if re.search(rf">{first}(<small|</th>)", row)
    )
    return [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]


def test_a_label_without_gold_has_dashes_and_no_bar(corpus, tmp_path):
    nlp = ruler([("Oslo", "LOC"), ("Rome", "EVENT")])
    doc = ruler([("Oslo", "LOC")])("Oslo and Rome and Oslo")
    evaluation = evaluate(nlp, write_docs(tmp_path / "a.spacy", [doc]), rounds=10)
    html = evaluation.to_html()
    labels, matrix = html.split("Confusion matrix")
    assert cells_of(labels, "EVENT") == ["0.00", "–", "–", "", "0", "1", "0"]
    assert cells_of(labels, "LOC")[:3] == ["100.00", "100.00", "100.00"]
    assert re.search(r"EVENT<small>no gold</small>", matrix)
    assert cells_of(matrix, "EVENT") == ["–", "–", "–"]
    assert cells_of(matrix, "LOC") == ["·", "2100 %", "·"]  # EVENT, LOC with its share, nothing
    assert "Labels without gold count as 0 in the macro mean." in html
    assert "| EVENT | 0.00 | – | – | 0 | 1 |" in evaluation.to_markdown()
    console = Console(record=True, width=120, file=io.StringIO())
    print_evaluation(evaluation, console)
    row = next(line for line in console.export_text().splitlines() if "EVENT" in line)
    assert re.split(r"\W*[│┃]\s*", row.replace("–", "dash"))[1:6] == ["EVENT", "0.00", "dash", "dash", "dash"]


def test_labels_do_not_steer_the_terminal(tmp_path):
    """A label that clears the screen, turns what follows around and is markup of rich."""
    label = "P\x1b[2J\u202e[red]"
    nlp = ruler([("Oslo", "LOC")])
    evaluation = evaluate(
        nlp, write_docs(tmp_path / "a.spacy", [ruler([("Oslo", label)])("Oslo")]), rounds=10
    )
    console = Console(width=200, file=io.StringIO())
    print_evaluation(evaluation, console)
    said = console.file.getvalue()
    assert "P\\x1b[2J\\u202e[red]" in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_many_labels_have_a_matrix_of_their_own_form(corpus):
    from cloudner.report.evaluation.mistakes import confusion
    from cloudner.report.evaluation.scores import strict_scores

    evaluation = evaluate(ruler([("Oslo", "LOC")]), corpus[1], rounds=10)
    assert '<table class="matrix">' in evaluation.to_html()
    for names in ([f"L{i}" for i in range(7)], ["ORGANIZATION"]):
        documents = tagged_documents([[f"B-{name}"] for name in names], [[f"B-{name}"] for name in names])
        evaluation.confusion, evaluation.strict = confusion(documents), strict_scores(documents)
        evaluation.label_intervals = dict.fromkeys(names, evaluation.intervals)
        many = " many" if len(names) > 1 else ""
        assert f'<table class="matrix{many} upright">' in evaluation.to_html()


def test_a_comparison_says_what_the_difference_is_worth(model, corpus, evaluation):
    same = evaluate(model, corpus[1], compare_with=model, rounds=10).to_html()
    assert "Both models find the same entities." in same
    assert '<a href="#comparison">Comparison</a>' in same
    assert "Both models find" not in evaluation.to_html()
    alone = evaluate(model, corpus[1], rounds=10).to_html()
    assert "#comparison" not in alone

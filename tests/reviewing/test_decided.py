"""A list made again keeps what was decided about the one before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Span

import cloudner
from cloudner.errors import InputError
from cloudner.reviewing.decided import keep_decisions
from cloudner.reviewing.rows import lines

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cpu.cfg"
TEXTS = [f"Ada {i} met Bob in Oslo today" for i in range(6)]


def gold(text: str) -> list[list[object]]:
    return [[0, 3, "PER"], [text.index("Bob"), text.index("Bob") + 3, "PER"]]


def write(path: Path, texts: list[str], **more: object) -> Path:
    """The corpus; with `confidence`, predictions of it that have a place too."""
    rows = []
    for i, text in enumerate(texts):
        at = text.index("Oslo")
        place = [[at, at + 4, "LOC"]] if more else []
        rows.append({"id": f"d{i}", "text": text, "entities": [*gold(text), *place], **more})
    path.write_text(lines(rows), "utf8")
    return path


@pytest.fixture
def review(tmp_path):
    corpus = write(tmp_path / "gold.jsonl", TEXTS)
    predictions = write(tmp_path / "pred.jsonl", TEXTS, confidence=[0.9, 0.9, 0.95])

    def run(**options):
        return cloudner.review(corpus, CONFIG, predictions=predictions, output=tmp_path / "out", **options)

    run.corpus, run.file, run.past = (
        corpus,
        tmp_path / "out/suspects.jsonl",
        tmp_path / "out/past-decisions.jsonl",
    )
    return run


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf8").split("\n") if line]


def decided(rows: list[dict]) -> dict[str, tuple]:
    return {row["id"]: (row["suggested"]["label"], row["decision"]) for row in rows if row["decision"]}


def decide(path: Path) -> None:
    """Of the missed places one is accepted as it is, one corrected by hand, one rejected."""
    rows = rows_of(path)
    for row in rows:
        if row["kind"] != "missed" or row["id"] not in ("d1", "d2", "d3"):
            continue
        row["decision"] = "reject" if row["id"] == "d3" else "accept"
        if row["id"] == "d2":
            row["suggested"].update(label="GPE", end=row["suggested"]["end"] + 6)
    path.write_text(lines(rows), "utf8")


WANTED = {"d1": ("LOC", "accept"), "d2": ("GPE", "accept"), "d3": ("LOC", "reject")}


def test_decisions_and_corrections_stay_in_a_list_of_any_length(review):
    whole = len(review().rows)
    decide(review.file)
    again = review()
    assert decided(again.rows) == decided(rows_of(review.file)) == WANTED
    assert (len(again.rows), again.kept) == (whole, 0)
    corrected = next(row for row in again.rows if row["id"] == "d2" and row["decision"])
    assert corrected["suggested_text"] == "Oslo today"
    short = review(count=1)
    assert decided(short.rows) == WANTED
    assert len(short.rows) == 1 + short.kept
    assert (
        f"; 1 rows, the most probable error first, and {short.kept} that were decided before" in short.summary
    )
    page = (review.file.parent / "review.html").read_text("utf8")
    assert "GPE" in page
    assert decided(review().rows) == WANTED
    assert len(rows_of(review.file)) == whole
    report = cloudner.convert(review.corpus, review.corpus.with_name("new.jsonl"), apply=review.file)
    assert (report.decisions["accept"], report.decisions["reject"]) == (2, 1)
    assert not review.past.exists()


def test_decisions_about_what_is_not_there_any_more_are_put_aside_and_come_back(review, caplog):
    review()
    decide(review.file)
    texts = [*TEXTS]
    texts[1] = texts[1].replace("Oslo", "in Oslo")
    write(review.corpus, texts)
    write(review.corpus.with_name("pred.jsonl"), texts, confidence=[0.9, 0.9, 0.95])
    changed = review()
    assert decided(changed.rows) == {name: WANTED[name] for name in ("d2", "d3")}
    assert decided(rows_of(review.past)) == {"d1": WANTED["d1"]}
    assert changed.files["past"] == review.past
    assert "1 decisions are about texts or annotations" in caplog.text
    review()
    assert decided(rows_of(review.past)) == {"d1": WANTED["d1"]}
    write(review.corpus, TEXTS)
    write(review.corpus.with_name("pred.jsonl"), TEXTS, confidence=[0.9, 0.9, 0.95])
    assert decided(review().rows) == WANTED
    assert not review.past.exists()


def test_decisions_that_were_applied_are_put_aside(review):
    review()
    decide(review.file)
    done = review.corpus.with_name("new.jsonl")
    cloudner.convert(review.corpus, done, apply=review.file)
    review.corpus.write_bytes(done.read_bytes())
    assert decided(review().rows) == {"d3": WANTED["d3"]}
    assert decided(rows_of(review.past)) == {name: WANTED[name] for name in ("d1", "d2")}


EVIL = "</script>\u2028<!--"


@pytest.fixture
def doc():
    made = spacy.blank("en")("Ada met Bob" + EVIL)
    made.set_ents([Span(made, 0, 1, "ORG")])
    return made


def type_row(label: str, decision: str = "") -> dict:
    suggested = {"start": 0, "end": 3, "label": label}
    return {"id": "a", "kind": "type", "start": 0, "end": 3, "label": "ORG", "suggested": suggested,
            "text": "Ada", "after": EVIL, "decision": decision}  # fmt: skip


def kept(doc, tmp_path, new: list[dict], old: list[dict]) -> list[tuple]:
    (tmp_path / "s.jsonl").write_text(lines(old), "utf8")
    listed, gone = keep_decisions(new, [tmp_path / "s.jsonl", tmp_path / "none.jsonl"], {"a": doc})
    assert not gone
    return [(row["suggested"]["label"], row["decision"]) for row in [*new, *listed]]


def test_another_suggestion_for_the_same_annotation(doc, tmp_path):
    new = [type_row("LOC")]
    # What was accepted settles the annotation; what was rejected says nothing about another label.
    assert kept(doc, tmp_path, new, [type_row("PER", "accept")]) == [("PER", "accept")]
    assert kept(doc, tmp_path, [type_row("LOC")], [type_row("PER", "reject")]) == [
        ("LOC", ""),
        ("PER", "reject"),
    ]
    assert kept(doc, tmp_path, [type_row("LOC")], [type_row("LOC", "reject")]) == [("LOC", "reject")]
    assert kept(doc, tmp_path, [type_row("LOC")], [type_row("PER")]) == [("LOC", "")]


def test_a_correction_is_not_taken_for_that_of_another_suggestion_in_the_same_place(doc, tmp_path):
    """Where entities nest, one span may be missed with two labels."""

    def missed(label: str, decision: str = "") -> dict:
        at = {"start": 8, "end": 11}
        return {
            "id": "a",
            "kind": "missed",
            **at,
            "label": None,
            "suggested": {**at, "label": label},
            "decision": decision,
        }

    new = [missed("PER"), missed("LOC")]
    found = kept(doc, tmp_path, new, [missed("PER"), missed("GPE", "accept")])
    assert found == [("PER", ""), ("GPE", "accept")]


def test_files_that_are_none(doc, tmp_path):
    path = tmp_path / "suspects.jsonl"
    for text, said in (
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        ('{"decision": "accept"}', "without a span"),
    ):
        path.write_text(lines([type_row("PER")]) + text + "\n", "utf8")
        with pytest.raises(InputError, match=rf"suspects\.jsonl:2: .*{said}"):
            keep_decisions([type_row("PER")], [path], {"a": doc})

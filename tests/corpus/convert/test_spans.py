"""`convert --spans`: annotations that nest, overlap and share their place are kept."""

from __future__ import annotations

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from cloudner.cli import app
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.training.reader import create_reader
from cloudner.errors import ConfigError
from corpus.converting import converted, docs_at, entities, issue_texts
from corpus.samples.text import GERMEVAL, WEBANNO

TEXT = "The University of Warsaw Library and Paris."
# Inside to a depth of three, two labels in one place, crossing.
SPANS = [(4, 32, "ORG"), (4, 24, "ORG"), (18, 24, "LOC"), (18, 24, "GPE"), (25, 42, "MISC"), (37, 42, "LOC")]
FOUND = sorted((TEXT[a:b], label) for a, b, label in SPANS)
FLAT = [("University of Warsaw Library", "ORG"), ("Paris", "LOC")]

JSONL = (
    json.dumps({"text": TEXT, "label": [list(s) for s in SPANS]})
    + "\n"
    + json.dumps({"text": "No one.", "label": []})
    + "\n"
)
CMEEE = json.dumps(
    [
        {
            "text": TEXT,
            "entities": [
                {"start_idx": a, "end_idx": b - 1, "type": c, "entity": TEXT[a:b]} for a, b, c in SPANS
            ],
        }
    ]
)
PUBTATOR = f"1|t|{TEXT}\n1|a|\n" + "".join(f"1\t{a}\t{b}\t{TEXT[a:b]}\t{c}\tX\n" for a, b, c in SPANS)
BRAT = "".join(f"T{i}\t{c} {a} {b}\t{TEXT[a:b]}\n" for i, (a, b, c) in enumerate(SPANS, 1))


def groups(docs, key="sc"):
    return [sorted((span.text, span.label_) for span in doc.spans[key]) for doc in docs]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", JSONL), ("a.json", CMEEE), ("a.pubtator", PUBTATOR)],
    ids=["jsonl", "cmeee", "pubtator"],
)
def test_all_of_them_in_a_group_and_the_longest_as_entities(tmp_path, name, content):
    report, docs = converted(tmp_path, name, content, spans="sc")
    assert groups(docs)[0] == FOUND
    assert entities(docs)[0] == FLAT
    assert not report.lost
    assert not report.issues
    assert groups(docs)[1:] == [[]] * (len(docs) - 1), "a document without any has an empty group"


def test_brat(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "a.ann").write_text(BRAT)
    convert(str(tmp_path / "a.ann"), tmp_path / "out.spacy", spans="sc")
    assert groups(docs_at(tmp_path / "out.spacy")) == [FOUND]


def test_layers_of_tags(tmp_path):
    _, docs = converted(tmp_path, "a.tsv", GERMEVAL, spans="sc", lang="de")
    assert groups(docs) == [[("Berlin", "LOC"), ("Universität Berlin", "ORG")], [("Bonn", "LOC")]]
    assert entities(docs) == [[("Universität Berlin", "ORG")], [("Bonn", "LOC")]]
    _, docs = converted(tmp_path, "b.tsv", WEBANNO, spans="sc")
    assert [(text, label) for text, label in groups(docs)[0] if text == "Acme"] == [
        ("Acme", "LOC_X"),
        ("Acme", "ORG"),
    ]


@pytest.mark.parametrize("n_process", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_flat_tags(tmp_path, n_process):
    conll = "Marie B-PER\nCurie I-PER\nleft O\nParis B-LOC\n\nNobody O\ncame O\n\nOslo U-LOC\n\n"
    report, docs = converted(tmp_path, "a.conll", conll, spans="x", n_process=n_process)
    assert groups(docs, "x") == [[("Marie Curie", "PER"), ("Paris", "LOC")], [], [("Oslo", "LOC")]]
    assert groups(docs, "x") == [sorted(found) for found in entities(docs)]
    assert report.entities == 3


def test_what_is_not_annotated_throughout_has_no_group(tmp_path):
    conll = "Marie B-PER\nleft -\nParis B-LOC\n\nOslo B-LOC\nagain O\n\n"
    _, docs = converted(tmp_path, "a.conll", conll, spans="sc")
    assert ["sc" in doc.spans for doc in docs] == [False, True]


def test_an_annotation_that_stands_twice_is_kept_once(tmp_path):
    line = json.dumps({"text": TEXT, "label": [[37, 42, "LOC"], [37, 42, "LOC"], [38, 42, "LOC"]]}) + "\n"
    report, docs = converted(tmp_path, "a.jsonl", line, spans="sc")
    assert groups(docs) == [[("Paris", "LOC")]]
    assert report.issues == {("duplicate", "noted"): 1, ("misaligned", "changed"): 1}


def test_without_it_they_are_dropped_and_the_hint_says_what_to_type(tmp_path):
    report, docs = converted(tmp_path, "a.jsonl", JSONL)
    assert not docs[0].spans
    assert entities(docs)[0] == FLAT
    assert report.lost == 4
    assert [hint for hint in report.hints if "4 annotations" in hint and "--spans sc" in hint]
    again, _ = converted(tmp_path, "a.jsonl", JSONL, spans="sc")
    assert not again.hints


def test_settings_that_cannot_work(tmp_path):
    for spans in ("", "incorrect_spans"):
        with pytest.raises(ConfigError, match="spans="):
            converted(tmp_path, "a.jsonl", JSONL, spans=spans)
    with pytest.raises(ConfigError, match=r"\.spacy output"):
        convert(str(tmp_path / "a.jsonl"), tmp_path / "out.csv", spans="sc")


def test_the_command(tmp_path):
    (tmp_path / "a.jsonl").write_text(JSONL)
    result = CliRunner().invoke(
        app, ["convert", str(tmp_path / "a.jsonl"), str(tmp_path / "o.spacy"), "--spans", "all"]
    )
    assert result.exit_code == 0, result.output
    assert groups(docs_at(tmp_path / "o.spacy"), "all")[0] == FOUND
    assert "doc.spans['all']: 6 spans, 4 inside another, 2 across one, 2 in the same place" in result.output


def test_groups_of_a_spacy_file_that_are_left_out_are_told(tmp_path):
    doc = Doc(spacy.blank("en").vocab, words=["New", "York", "Times"])
    doc.spans["sc"] = [Span(doc, 0, 3, label="ORG"), Span(doc, 0, 2, label="LOC")]
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    report = convert(str(tmp_path / "in.spacy"), tmp_path / "out.spacy")
    assert report.issues == {("unsupported", "dropped"): 1}
    assert issue_texts(report) == ["2 of doc.spans['sc'] left out; --spans sc keeps them"]


def test_the_corpus_reader_keeps_them_too(tmp_path):
    (tmp_path / "a.jsonl").write_text(JSONL)
    nlp = spacy.blank("en")
    examples = list(create_reader(str(tmp_path / "a.jsonl"), spans_key="sc")(nlp))
    assert groups([eg.reference for eg in examples]) == [FOUND, []]
    with pytest.warns(UserWarning, match="4 annotations are dropped"):
        (plain,) = list(create_reader(str(tmp_path / "a.jsonl"), limit=1)(nlp))
    assert not plain.reference.spans

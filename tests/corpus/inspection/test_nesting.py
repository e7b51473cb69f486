"""What `inspect` says of spans that nest and overlap, and of the component that they need."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.corpus.inspection.nesting import count

TEXT = "The University of Warsaw Library and Paris."
NESTED = [[4, 32, "ORG"], [4, 24, "ORG"], [18, 24, "LOC"], [18, 24, "GPE"], [25, 42, "MISC"]]


def plainly(spans):
    """The definitions, pair by pair."""
    pairs = [(a, b) for i, a in enumerate(spans) for j, b in enumerate(spans) if i != j]
    inside = [any(b[0] <= a[0] and a[1] <= b[1] and a != b for c, b in pairs if c == a) for a in spans]
    across = [
        any(a[0] < b[0] < a[1] < b[1] or b[0] < a[0] < b[1] < a[1] for c, b in pairs if c == a) for a in spans
    ]
    return len(spans), sum(inside), sum(across), sum(spans.count(a) > 1 for a in spans)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 5)).map(lambda p: (p[0], sum(p))), max_size=9))
@settings(max_examples=80, deadline=None)
def test_counts_are_those_of_the_definitions(spans):
    assert count(spans) == plainly(spans)


@pytest.fixture
def files(tmp_path):
    rows = [{"text": TEXT, "label": NESTED}, {"text": "Paris it is.", "label": [[0, 5, "LOC"]]}]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "flat.jsonl").write_text(json.dumps(rows[1]) + "\n")
    return tmp_path


def notes(path):
    made = inspect_corpus([str(path)], train=str(path))
    return made, [note for note in made.notes if "cloudner_spans" in note]


def test_a_corpus_with_groups(files):
    convert(str(files / "train.jsonl"), files / "train.spacy", spans="sc")
    made, found = notes(files / "train.spacy")
    assert made.splits[0].spans == {"sc": {"spans": 6, "nested": 3, "crossing": 2, "same_place": 2}}
    assert found == [
        "train: of 6 spans in doc.spans['sc'] 3 lie inside another, 2 cross one and 2 share their place; "
        "cloudner_spans learns them all (configs/spans.cfg), cloudner the longest that do not overlap"
    ]
    assert made.to_dict()["splits"][0]["spans"]["sc"]["nested"] == 3


def test_groups_without_an_overlap(files):
    convert(str(files / "flat.jsonl"), files / "flat.spacy", spans="sc")
    made, found = notes(files / "flat.spacy")
    assert not found
    assert [note for note in made.notes if "cloudner is the better choice" in note]


def test_an_annotation_file(files):
    _, found = notes(files / "train.jsonl")
    assert len(found) == 1
    assert found[0].startswith(
        "train: 4 annotations lie inside others or overlap them; cloudner_spans learns them"
    )
    assert notes(files / "flat.jsonl")[1] == []

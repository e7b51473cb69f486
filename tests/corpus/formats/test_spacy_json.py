"""spaCy's JSON: Doc.to_json and Example.to_dict."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at
from corpus.reading import put, read_all
from corpus.samples.words import lines


def test_an_example_whose_tokens_are_missing(aligner, tmp_path):
    words = {"ORTH": ["Ann", "left"], "SPACY": [True, False], "SENT_START": [1, -1]}
    spans = {"sc": [[0, 3, "X", ""]]}
    item = {"doc_annotation": {"entities": ["U-PER", None], "spans": spans}, "token_annotation": words}
    _, (record,) = read_all(tmp_path, "a.json", json.dumps(item))
    assert (record.tags, record.sent_starts) == (["U-PER", None], [0])
    assert record.notes == [("unsupported", "noted", "1 spans of sc left out")]
    item["doc_annotation"]["entities"] = ["O"]
    with pytest.raises(InputError, match="2 words"):
        read_all(tmp_path, "a.json", json.dumps(item))


def test_spans_of_spancat_are_told(tmp_path):
    spans = {"sc": [{"start": 0, "end": 3, "label": "PER"}]}
    tokens = [{"id": 0, "start": 0, "end": 3}, {"id": 1, "start": 4, "end": 8}]
    content = lines({"text": "Ann left", "ents": [], "spans": spans, "tokens": tokens})
    report = convert(put(tmp_path, "a.jsonl", content), tmp_path / "a.spacy")
    assert report.examples["unsupported"].done == "1 spans of sc left out; --spans sc keeps them"


def test_a_group_of_spans_is_read_where_it_is_asked_for(tmp_path):
    """As from a `.spacy` file: in place of the entities, which are then those that do not overlap."""
    text = "Bank of England"
    spans = [{"start": a, "end": b, "label": label} for a, b, label in ((0, 15, "ORG"), (8, 15, "LOC"))]
    words = [{"id": i, "start": a, "end": b} for i, (a, b) in enumerate(((0, 4), (5, 7), (8, 15)))]
    item = {"text": text, "ents": [{**spans[0], "label": "MISC"}], "spans": {"sc": spans}, "tokens": words}
    report = convert(put(tmp_path, "a.json", json.dumps([item])), tmp_path / "a.spacy", spans="sc")
    (doc,) = docs_at(tmp_path / "a.spacy")
    assert sorted((span.text, span.label_) for span in doc.spans["sc"]) == [(text, "ORG"), ("England", "LOC")]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [(text, "ORG")]
    assert report.examples["unsupported"].done == "1 of ents that are not in the spans of sc left out"

"""spaCy's JSON: Doc.to_json and Example.to_dict."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
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
    assert report.examples["unsupported"].done == "1 spans of sc left out, only ents are read"

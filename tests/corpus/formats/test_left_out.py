"""What a record cannot hold is told, whatever the format."""

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.reading import put
from corpus.samples.words import LABELS, lines, row


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.jsonl", lines({"tokens": ["Bob", "ran"], "ner_tags": ["PER", "O"], "fine_ner_tags": ["B-PER", "O"]})),
        ("a.csv", "tokens,ner_tags,fine_ner_tags\n\"['Bob', 'ran']\",\"['PER', 'O']\",\"['B-PER', 'O']\"\n"),
        ("b.jsonl", row(entities=LABELS, spans=LABELS)),
    ],
)  # fmt: skip
def test_a_second_column_is_told(file, content, tmp_path):
    report = convert(put(tmp_path, file, content), tmp_path / "a.spacy")
    assert report.issues == {("unsupported", "noted"): 1}
    flag = "--entities-column spans" if file == "b.jsonl" else "--tag-column fine_ner_tags"
    assert report.examples["unsupported"].done.endswith(flag)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.csv", "Sentence #,Word,Tag\n1,Ann,B-PER\n1,,O\n1,ran,O\n2,Bob,B-PER\n2,,O\n"),
        ("a.jsonl", lines({"tokens": ["Ann", "", "ran"], "ner_tags": ["B-PER", "O", "O"]},
                          {"tokens": ["Bob", ""], "ner_tags": ["B-PER", "O"]})),
        ("b.csv", "tokens,ner_tags\n\"['Ann', '', 'ran']\",\"['B-PER', 'O', 'O']\"\n\"['Bob', '']\",\"['B-PER', 'O']\"\n"),
        ("b.jsonl", lines({"tokens": ["Ann", "", "ran"], "entities": [{"type": "PER", "start": 0, "end": 1}]},
                          {"tokens": ["", "Bob"], "entities": [{"type": "PER", "start": 1, "end": 2}]})),
    ],
)  # fmt: skip
def test_empty_tokens_are_told(file, content, tmp_path):
    report = convert(put(tmp_path, file, content), tmp_path / "out.spacy")
    assert report.issues == {("empty-token", "noted"): 2}
    docs = DocBin().from_disk(tmp_path / "out.spacy").get_docs(Vocab())
    assert [(doc.text.strip(), [ent.text for ent in doc.ents]) for doc in docs] == [
        ("Ann ran", ["Ann"]),
        ("Bob", ["Bob"]),
    ]

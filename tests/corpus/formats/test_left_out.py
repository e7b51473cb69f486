"""What a record cannot hold is told, whatever the format."""

import csv
import io
import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.converting import converted, entities, issue_texts
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


WHO = [{"start": 0, "end": 9, "text": "Oto Benes", "labels": ["PERSON"]}]
WHERE = [{"start": 15, "end": 19, "text": "Brno", "labels": ["PLACE"]}]
LEFT = "Oto Benes left Brno."


def as_table(*rows):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


STUDIO = [
    ("a.json", json.dumps([{"id": 4, "text": LEFT, "where": WHERE, "who": WHO, "annotation_id": 1},
                           {"id": 5, "text": "Nobody.", "annotation_id": 2}])),
    ("a.csv", as_table(["text", "id", "where", "who", "annotator", "annotation_id"],
                       [LEFT, 4, json.dumps(WHERE), json.dumps(WHO), 1, 1], ["Nobody.", 5, "", "", 1, 2])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), STUDIO, ids=["json-min", "csv"])
def test_all_controls_of_label_studio_are_read(tmp_path, name, content):
    report, docs = converted(tmp_path, name, content)
    assert entities(docs) == [[("Oto Benes", "PERSON"), ("Brno", "PLACE")], []]
    assert not report.issues
    _, docs = converted(tmp_path, name, content, entities_column="who")
    assert entities(docs) == [[("Oto Benes", "PERSON")], []]


PEOPLE, PLACES = [[0, 9, "PERSON"]], [[15, 19, "PLACE"]]


@pytest.mark.parametrize(
    ("name", "content", "read", "flag"),
    [
        ("a.csv", as_table(["text", "label", "entities"], [LEFT, PLACES, PEOPLE]), "PERSON", "--entities-column label"),
        ("b.csv", as_table(["text", "who", "where"], [LEFT, PEOPLE, PLACES]), "PERSON", "--entities-column where"),
        ("c.csv", as_table(["text", "entities", "where"], [LEFT, "0:9:PERSON", "15:19:PLACE"]), "PERSON", "--entities-column where"),
        ("d.csv", as_table([LEFT, PEOPLE, PLACES], ["Bye.", [], []]), "PERSON", "--entities-column 2"),
        ("a.jsonl", lines({"text": LEFT, "where": PLACES, "entities": PEOPLE}), "PERSON", "--entities-column where"),
        ("b.jsonl", lines({"text": LEFT, "where": [{"text": "Brno", "label": "PLACE"}], "entities": [{"text": "Oto Benes", "label": "PERSON"}]}),
         "PERSON", "--entities-column where"),
        ("e.csv", as_table(["text", "entities", "mentions"], [LEFT, "Oto Benes:PERSON", "Brno:PLACE"]),
         "PERSON", "--entities-column mentions"),
        ("f.csv", as_table(["one", "other"], ["<PERSON>Oto</PERSON> left Brno.", "Oto left <PLACE>Brno</PLACE>."]),
         "PERSON", "--text-column other"),
    ],
)  # fmt: skip
def test_a_second_column_of_spans_is_told_under_any_name(tmp_path, name, content, read, flag):
    report, _ = converted(tmp_path, name, content)
    assert report.labels == {read: 1}
    assert report.issues == {("unsupported", "noted"): 1}
    assert report.examples["unsupported"].done.endswith(f"is read; {flag}")
    option, column = flag.removeprefix("--").replace("-", "_").split()
    assert converted(tmp_path, name, content, **{option: column})[0].labels == {"PLACE": 1}


def test_rows_of_python_with_two_lists_of_spans(tmp_path):
    report = convert([{"text": LEFT, "entities": PEOPLE, "where": PLACES}] * 2, tmp_path / "a.spacy")
    assert report.issues == {("unsupported", "noted"): 1}


def test_what_only_looks_like_spans_is_not_told(tmp_path):
    table = as_table(["text", "entities", "date"], [LEFT, PEOPLE, "10-31-2020"])
    tokens = [{"text": "Oto", "start": 0, "end": 3, "id": 0}]
    links = [{"from": 0, "to": 1, "type": "left"}]
    assert not converted(tmp_path, "a.csv", table)[0].issues
    for more in ({"tokens": tokens}, {"links": links}):
        content = lines({"text": LEFT, "entities": PEOPLE, **more})
        assert not converted(tmp_path, "a.jsonl", content)[0].issues


def test_a_second_job_of_ground_truth_is_told(tmp_path):
    """Its entities were left out without a word."""
    jobs = {name: {"annotations": {"entities": [{"startOffset": start, "endOffset": end, "label": "PER"}]}}
            for name, start, end in (("one", 0, 3), ("two", 8, 10))}  # fmt: skip
    content = lines({"source": "Ann met Jo.", **jobs}, {"source": "Ann met Jo.", **jobs})
    report, docs = converted(tmp_path, "a.manifest", content)
    assert entities(docs) == [[("Ann", "PER")]] * 2
    told = [text for text in issue_texts(report) if "spans too" in text]
    assert told == ["'two' holds spans too, 'one' is read; --entities-column two"]
    _, docs = converted(tmp_path, "a.manifest", content, entities_column="two")
    assert entities(docs) == [[("Jo", "PER")]] * 2

"""Annotations that pandas, numpy and the `datasets` library wrote as a text or by columns."""

import json

import pytest

from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect_source
from cloudner.corpus.formats.json import objects
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.literals import NO_LITERAL, printed
from corpus.reading import put, read_all, surfaces

ENTITIES = [("Ann", "PER"), ("Oslo", "LOC")]
SPANS = [{"start": 0, "end": 3, "label": "PER"}, {"start": 9, "end": 13, "label": "LOC"}]
WORDS = [{"entity": "Ann", "types": ["PER"]}, {"entity": "Oslo", "types": ["LOC"]}]


def as_cell(value):
    return '"' + value.replace('"', '""') + '"'


@pytest.mark.parametrize(
    "cell",
    [
        str(SPANS).replace("}, {", "}\n {"),  # an array of dictionaries
        "{'start': array([0, 9]), 'end': array([ 3, 13]), 'label': array(['PER', 'LOC'], dtype=object)}",
        "[array([0, 3, 'PER'], dtype=object) array([9, 13, 'LOC'], dtype=object)]",
        str(WORDS),
        "{'text': array(['Ann', 'Oslo'], dtype=object), 'type': array(['PER', 'LOC'], dtype=object)}",
    ],
)
def test_a_cell_as_pandas_writes_it(tmp_path, cell):
    _, (record,) = read_all(tmp_path, "a.csv", f"text,entities\nAnn left Oslo.,{as_cell(cell)}\n")
    assert surfaces(record) == ENTITIES


def test_arrays_of_words_are_no_tokens(tmp_path):
    """They were one token, whose label was the array of tags."""
    words, tags = "array(['Ann', 'left'], dtype=object)", "array(['B-PER', 'O'],\n      dtype='<U5')"
    found, (record,) = read_all(tmp_path, "a.csv", f"tokens,ner_tags\n{as_cell(words)},{as_cell(tags)}\n")
    assert (found, record.tokens, record.tags) == ("tag-table", ["Ann", "left"], ["B-PER", "O"])


@pytest.mark.parametrize(
    "row",
    [
        {"text": "Ann left Oslo.", "entities": {"start": [0, 9], "end": [3, 13], "label": ["PER", "LOC"]}},
        {"text": "Ann left Oslo.", "entities": {"offsets": [[0, 3], [9, 13]], "type": ["PER", "LOC"]}},
        {"text": "Ann left Oslo.", "entities": {"text": ["Ann", "Oslo"], "type": ["PER", "LOC"]}},
        {"text": "Ann left Oslo.", "entities": json.dumps(SPANS)},
        {"text": "Ann left Oslo.", "spans": str(SPANS)},
        {"text": "Ann left Oslo.", "entities": "[(0, 3, 'PER'), (9, 13, 'LOC')]"},
        {"generated_text": "Ann left Oslo.", "pii_spans": json.dumps(SPANS)},
        {"text": "Ann left Oslo.", "entities": str(WORDS)},
        {"tokens": "['Ann', 'left', 'Oslo']", "ner_tags": "['B-PER', 'O', 'B-LOC']"},
        {"input": "Ann left Oslo.", "output": "['Ann <> PER <> somebody', 'Oslo <> LOC <> a town']"},
    ],
)
def test_a_row_of_json(tmp_path, row):
    _, records = read_all(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    (record,) = records
    pairs = surfaces(record) if record.tags is None else list(zip(record.tokens, record.tags, strict=True))
    assert pairs in (ENTITIES, [("Ann", "B-PER"), ("left", "O"), ("Oslo", "B-LOC")])


def test_labels_called_like_keys_stay_labels(tmp_path):
    row = {"text": "Ann left Oslo.", "entities": {"name": ["Ann"], "entity": ["Oslo"]}}
    _, (record,) = read_all(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert surfaces(record) == [("Ann", "name"), ("Oslo", "entity")]


def test_nothing_is_run_and_sums_are_none():
    assert printed("['a' \"it's\"\n 'b' ... nan -2]") == ["a", "it's", "b", ..., None, -2]
    for text in ("__import__('os')", "[f(1)]", "[1, x]", "[3-1]", "['a', [1]", "array([1], [2])"):
        with pytest.raises(NO_LITERAL):
            printed(text)


def test_detection_reads_what_is_printed_once(tmp_path, monkeypatch):
    """Each of some thirty formats read it anew: seconds for a file of long arrays."""
    read = []
    monkeypatch.setattr(objects, "answer_of", lambda value: read.append(value) or answer_of(value))
    row = {"tokens": "['Ann' 'ran']", "ner_tags": "['B-PER' 'O']"}
    path = put(tmp_path, "a.jsonl", (json.dumps(row) + "\n") * 3)
    assert detect_source(next(open_sources(str(path)))).format.name == "hf-jsonl"
    assert len(read) == 6

"""re3d: two files of JSON lines."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import docs_at, entities
from corpus.reading import put, read_all, surfaces
from corpus.samples.words import lines

TEXTS = lines(
    {"_id": "d2", "sourceName": "x", "text": "Nobody.", "title": "t"},
    {"_id": "d1", "sourceName": "x", "text": "Ann left Oslo.", "title": "t"},
)
FOUND = lines(
    {
        "_id": "e2",
        "documentId": "d1",
        "type": "Location",
        "begin": 9,
        "end": 13,
        "value": "Oslo",
        "confidence": 1,
    },
    {
        "_id": "e1",
        "documentId": "d1",
        "type": "Person",
        "begin": 0,
        "end": 3,
        "value": "Ann",
        "confidence": 1,
    },
)


def test_entities_and_their_documents(tmp_path):
    put(tmp_path, "documents.json", TEXTS)
    name, (empty, record) = read_all(tmp_path, "entities.json", FOUND)
    assert name == "re3d"
    assert (empty.text, empty.spans, empty.meta) == ("Nobody.", [], {"id": "d2"})
    assert (record.line, record.meta) == (2, {"id": "d1"})
    assert surfaces(record) == [("Ann", "Person"), ("Oslo", "Location")]


def test_a_folder_gives_each_document_once(tmp_path):
    put(tmp_path, "in/documents.json", TEXTS)
    put(tmp_path, "in/entities.json", FOUND)
    convert(tmp_path / "in", tmp_path / "out.spacy")
    assert entities(docs_at(tmp_path / "out.spacy")) == [[], [("Ann", "Person"), ("Oslo", "Location")]]


def test_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"the text 'documents.json' that it names is not beside it"):
        read_all(tmp_path, "entities.json", FOUND)
    put(tmp_path, "documents.json", TEXTS.replace('"d1"', '"d3"'))
    with pytest.raises(InputError, match=r"entities.json:1: entities of the document 'd1', which is not in"):
        read_all(tmp_path, "entities.json", FOUND)
    with pytest.raises(InputError, match=r"entities.json:2: entity: the offset 'x' is not a number"):
        read_all(tmp_path, "entities.json", FOUND.replace('"begin": 0', '"begin": "x"'))

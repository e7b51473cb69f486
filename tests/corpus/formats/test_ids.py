"""A document's id is written where a format has a place for one, and is there again when that is read."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from corpus.converting import converted, docs_at, entities
from corpus.reading import put

ROWS = [{"id": "k/1", "text": "Ann left.", "entities": [[0, 3, "PER"]]}, {"id": "k/2", "text": "Bo ran.", "entities": [[0, 2, "PER"]]}]  # fmt: skip
HOLD_IDS = [
    "jsonl",
    "csv",
    "tsv",
    "doccano",
    "prodigy",
    "label-studio",
    "spacy-v2-json",
    "spacy-v3-json",
    "hf-jsonl",
]


def ids(path):
    return [doc.user_data.get("meta", {}).get("id") for doc in docs_at(path)]


@pytest.mark.parametrize("name", HOLD_IDS)
def test_ids_come_back(tmp_path, name):
    written = tmp_path / "a.json"
    convert(ROWS, written, to=name)
    convert(written, tmp_path / "back.spacy", format=name)
    assert ids(tmp_path / "back.spacy") == ["k/1", "k/2"]
    assert entities(docs_at(tmp_path / "back.spacy")) == [[("Ann", "PER")], [("Bo", "PER")]]


@pytest.mark.parametrize("name", HOLD_IDS)
def test_an_id_is_written_once(tmp_path, name):
    """Documents of several files may share one, which would be refused when the file is read."""
    for number, row in enumerate(ROWS):
        put(tmp_path, f"{number}.jsonl", json.dumps({**row, "id": 2}) + "\n")
    convert([str(tmp_path / "0.jsonl"), str(tmp_path / "1.jsonl")], tmp_path / "a.json", to=name)
    convert(tmp_path / "a.json", tmp_path / "back.spacy", format=name)
    first, second = ids(tmp_path / "back.spacy")
    assert str(first) == "2"
    assert str(second).startswith("2-")


def test_prodigy_shows_the_id(tmp_path):
    convert(ROWS, tmp_path / "a.jsonl", to="prodigy")
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert (first["id"], first["meta"]) == ("k/1", {"id": "k/1"})


def test_paragraphs_of_one_document_of_spacy_2(tmp_path):
    """They were refused, as documents of one id with different texts."""

    def paragraph(*words):
        tokens = [{"orth": word, "ner": "U-PER" if not i else "O"} for i, word in enumerate(words)]
        return {"sentences": [{"tokens": tokens}]}

    raw = {"raw": "Jo sat.", "entities": [[0, 2, "PER"]]}
    tree = [
        {"id": 7, "paragraphs": [paragraph("Ann", "left"), paragraph("Bo", "ran"), raw]},
        {"id": 8, "paragraphs": [raw]},
    ]
    _, docs = converted(tmp_path, "a.json", json.dumps(tree), group_by="id")
    assert [doc.user_data["meta"] for doc in docs] == [
        {"id": 7, "group": 7}, {"id": 7, "group": 7}, {"id": 7, "group": 7}, {"id": 8, "group": 8}
    ]  # fmt: skip
    _, docs = converted(tmp_path, "a.json", json.dumps(tree))
    assert [doc.user_data["meta"]["id"] for doc in docs] == ["7:1", "7:2", "7:3", 8]
    assert entities(docs) == [[("Ann", "PER")], [("Bo", "PER")], [("Jo", "PER")], [("Jo", "PER")]]

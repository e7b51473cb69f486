"""TACRED."""

import json

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all

ROW = {"id": "e1", "relation": "no_relation", "token": ["Ann", "Lee", "left", "Oslo", "and", "Rome", "."], "subj_start": 0, "subj_end": 1, "subj_type": "PERSON",
       "obj_start": 3, "obj_end": 3, "obj_type": "CITY", "stanford_ner": ["PERSON", "PERSON", "O", "CITY", "O", "CITY", "O"]}  # fmt: skip


def test_the_two_entities_of_a_row(tmp_path):
    report, docs = converted(tmp_path, "a.json", json.dumps([ROW, {**ROW, "id": "e2"}]))
    assert entities(docs) == [[("Ann Lee", "PERSON"), ("Oslo", "CITY")]] * 2
    assert [token.text for token in docs[0]] == ROW["token"]
    (told,) = [text for text in issue_texts(report) if "relation" in text]
    assert told.endswith("--tag-column stanford_ner reads a program's tags")
    _, docs = converted(tmp_path, "a.json", json.dumps([ROW]), tag_column="stanford_ner")
    assert entities(docs) == [[("Ann Lee", "PERSON"), ("Oslo", "CITY"), ("Rome", "CITY")]]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"obj_end": 9}, "row e2: the words 3 to 9; expected first and last of 7 words"),
        ({"token": None}, "row e2: no words"),
    ],
)
def test_broken_rows_are_one_line(tmp_path, change, found):
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.json", json.dumps([ROW, {**ROW, "id": "e2", **change}]))

"""Marks of running text inside JSON and tables: the file is never taken for text because of them."""

import json

import pytest

from corpus.converting import converted, entities
from corpus.reading import detected

ROW = {"text": "Ann wrote {} in Oslo.", "entities": [[0, 3, "PER"]]}
MARKS = ["<ref>x</ref>", "<code>f(x)</code>", "[site](Page)", "a/O b/O", "{{x: y}}", "<START:a> b <END>"]


def lines(mark, times=3):
    return (json.dumps(ROW).replace("{}", mark) + "\n") * times


def table(mark, times=3):
    return "text,entities\n" + f'"Ann wrote {mark} in Oslo.","[[0, 3, ""PER""]]"\n' * times


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
def test_the_files_own_annotations_are_read(tmp_path, mark, name):
    content = table(mark) if name.endswith((".csv", ".txt")) else lines(mark)
    _, docs = converted(tmp_path, name, content)
    assert entities(docs) == [[("Ann", "PER")]] * 3
    assert all(doc.text.startswith("Ann wrote ") for doc in docs)


def test_a_tagged_cell_is_read_as_inline_text(tmp_path):
    content = "number,marked\n1, <PER>Ann Lee</PER> left <LOC>Oslo</LOC>.\n2, She left.\n"
    report, docs = converted(tmp_path, "a.csv", content)
    assert [doc.text for doc in docs] == ["Ann Lee left Oslo.", "She left."]
    assert entities(docs) == [[("Ann Lee", "PER"), ("Oslo", "LOC")], []]
    assert "'marked'" in report.detected[0][2]


def test_a_tagged_json_value_is_read_as_inline_text(tmp_path):
    rows = [
        {"id": 5, "text": "Ann Lee left Oslo.", "marked": "<PER>Ann Lee</PER> left <LOC>Oslo</LOC>."},
        {"id": 6, "text": "She left.", "marked": "She left."},
    ]
    _, docs = converted(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert [doc.text for doc in docs] == ["Ann Lee left Oslo.", "She left."]
    assert entities(docs) == [[("Ann Lee", "PER"), ("Oslo", "LOC")], []]
    assert [doc.user_data["meta"]["id"] for doc in docs] == [5, 6]


def test_elements_in_running_text_are_still_inline_xml(tmp_path):
    assert (
        detected(tmp_path, "<PER>Ann</PER> left, so did <PER>Al</PER>, at <LOC>Oslo</LOC>.\n", "a.txt")
        == "inline-xml"
    )

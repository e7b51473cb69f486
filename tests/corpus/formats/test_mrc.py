"""Entities as answers to questions."""

import json

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all, surfaces


def _row(number, label, starts, ends, context="Bank of Oslo left Rome .", **more):
    return {"qas_id": number, "context": context, "entity_label": label, "query": "which?", "impossible": not starts,
            "start_position": starts, "end_position": ends, **more}  # fmt: skip


ROWS = [
    _row("0.1", "ORG", [0], [2], span_position=["0;2"]),
    _row("0.2", "LOC", [2, 4], [2, 4], span_position=["2;2", "4;4"]),
    _row("0.3", "PER", [], [], span_position=[]),
    _row("1.1", "LOC", [0], [1], "高 勇 去 了"),
    _row("1.2", "PER", [0], [1], "高 勇 去 了"),
]


def test_rows_of_a_sentence_are_one_record(tmp_path):
    name, (first, second) = read_all(tmp_path, "a.json", json.dumps(ROWS))
    assert name == "mrc"
    assert surfaces(first) == [("Bank of Oslo", "ORG"), ("Oslo", "LOC"), ("Rome", "LOC")]
    assert (first.text, first.tokens, first.meta) == (
        "Bank of Oslo left Rome .",
        ["Bank", "of", "Oslo", "left", "Rome", "."],
        {"id": "0"},
    )
    assert (second.text, surfaces(second)) == ("高勇去了", [("高勇", "LOC"), ("高勇", "PER")])


def test_places_that_are_paired_nest(tmp_path):
    row = _row("0.1", "ORG", [0, 2], [2], span_position=["0;2", "2;2"])
    _, (record,) = read_all(tmp_path, "a.json", json.dumps([row]))
    assert surfaces(record) == [("Bank of Oslo", "ORG"), ("Oslo", "ORG")]


def test_rows_in_another_order(tmp_path):
    """A sentence whose rows were apart was several documents, each without the other's entities."""
    _, records = read_all(tmp_path, "a.json", json.dumps([ROWS[i] for i in (1, 4, 0, 3, 2)]))
    assert [(record.meta, surfaces(record)) for record in records] == [
        ({"id": "0"}, [("Bank of Oslo", "ORG"), ("Oslo", "LOC"), ("Rome", "LOC")]),
        ({"id": "1"}, [("高勇", "LOC"), ("高勇", "PER")]),
    ]
    rows = [_row(None, *row) for row in (("ORG", [0], [2]), ("ORG", [], []), ("LOC", [4], [4]))]
    for row in rows:
        del row["qas_id"]
    _, records = read_all(
        tmp_path, "b.json", json.dumps([rows[0], _row("", "ORG", [], [], "No ."), rows[2], rows[1]])
    )
    assert [surfaces(record) for record in records] == [
        [("Bank of Oslo", "ORG"), ("Rome", "LOC")],
        [],
        [],
    ]


def test_the_same_sentence_twice_is_two_records(tmp_path):
    _, records = read_all(
        tmp_path, "a.json", json.dumps([_row("0.1", "ORG", [0], [2]), _row("1.1", "ORG", [0], [2])])
    )
    assert [surfaces(record) for record in records] == [[("Bank of Oslo", "ORG")]] * 2


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (_row("0.4", "LOC", [4], [9]), "row 0.4: the words 4 to 9; expected first and last of 6 words"),
        (_row("0.4", "LOC", [4], []), "as many ends as starts"),
        (_row("0.4", "LOC", [4], [4], span_position=["4"]), r'row 0.4: the places \["4"\]'),
        ({"qas_id": "0.4", "text": "x"}, "a row with 'qas_id', 'text'"),
    ],
)
def test_broken_rows_are_one_line(tmp_path, row, found):
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.json", json.dumps([*ROWS[:3], row]))

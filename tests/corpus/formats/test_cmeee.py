"""CMeEE: rows without entities."""

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all
from corpus.samples.words import lines

FIRST = {"text": "Ann left", "entities": [{"start_idx": 0, "end_idx": 2, "type": "dis", "entity": "Ann"}]}


def test_a_row_that_nobody_annotated_is_not_one_without_entities(tmp_path):
    name, records = read_all(
        tmp_path, "a.jsonl", lines(FIRST, {"text": "Bob ran"}, {"text": "x", "entities": []})
    )
    assert (name, [record.complete for record in records]) == ("cmeee", [True, False, True])


def test_entities_of_another_shape_are_one_line(tmp_path):
    other = {"text": "Bob ran", "entities": [{"start": 0, "end": 3, "type": "dis"}]}
    with pytest.raises(InputError, match=r"a.jsonl:2: entity: .*start.*; expected \[{\"start_idx\": 0"):
        read_all(tmp_path, "a.jsonl", lines(FIRST, other))

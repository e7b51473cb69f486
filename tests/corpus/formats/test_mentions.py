"""JSON with entities as words without offsets."""

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all
from corpus.samples.words import lines


def test_mentions_say_what_they_could_not_place(aligner, tmp_path):
    item = {
        "text": "Paris, Parisian Paris",
        "entities": [{"text": w, "label": "LOC"} for w in ("Paris", "Rome")],
    }
    _, records = read_all(tmp_path, "a.jsonl", lines(item))
    assert [(s.start, s.end) for s in records[0].spans] == [(0, 5), (16, 21)]
    assert [note[:2] for note in records[0].notes] == [
        ("surface-mismatch", "noted"),
        ("surface-mismatch", "dropped"),
    ]


def test_places_of_words(aligner, tmp_path):
    """Whole words where there are any, within words else; longer mentions first."""
    text = "a_Ann Ann annex-Ann Ann Lee, New York, York (York) C++ C++x"
    item = {"text": text, "entities": {"X": ["Ann", "Ann Lee", "York", "New York", "C++", "nnex"]}}
    _, records = read_all(tmp_path, "a.jsonl", lines(item))
    assert [(s.start, text[s.start : s.end]) for s in records[0].spans] == [
        (6, "Ann"), (11, "nnex"), (16, "Ann"), (20, "Ann Lee"), (29, "New York"), (39, "York"), (45, "York"),
        (51, "C++"), (55, "C++"),
    ]  # fmt: skip


FIRST = {"input": "Ann left Oslo", "output": '["Ann <> PER", "Oslo <> LOC"]'}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            {"input": "Bob ran", "output": '["Bob <> PER"'},
            r"a.jsonl:2: .*'output' is .*Bob <> PER.*; expected a whole list",
        ),
        ({"input": "Bob ran", "output": "I cannot do that"}, "'output' is .*I cannot do that"),
        ({"input": "Bob ran"}, r"a.jsonl:2: .*no entities among the keys 'input'; expected the key 'output'"),
    ],
)
def test_an_answer_that_breaks_off_is_not_an_answer_of_none(tmp_path, row, found):
    content = lines(FIRST, row)
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.jsonl", content)


@pytest.mark.parametrize("answer", ["[]", "", "None.", None, []])
def test_answers_of_no_entity(tmp_path, answer):
    content = lines(FIRST, {"input": "He ran", "output": answer})
    name, records = read_all(tmp_path, "a.jsonl", content)
    assert (name, [len(record.spans) for record in records]) == ("mentions", [2, 0])


@pytest.mark.parametrize(
    "answer",
    [
        {"entities": [{"text": "Ann", "label": "PER"}], "relations": []},
        '{"entities": [{"text": "Ann", "label": "PER"}]}',
        {"entities": {"PER": ["Ann"], "LOC": []}, "entity_descriptions": {"PER": "a person"}},  # GLiNER 2
    ],
)
def test_an_answer_around_the_entities(tmp_path, answer):
    rows = lines({"input": "Ann met.", "output": answer}, {"input": "No.", "output": {"entities": []}})
    name, records = read_all(tmp_path, "a.jsonl", rows)
    assert name == "mentions"
    assert [[(s.start, s.end, s.label) for s in record.spans] for record in records] == [[(0, 3, "PER")], []]

"""Conversations with a language model as entities: the shapes of services, several exchanges, answers with marks."""

import json

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.samples.words import lines

JSON = '[{"text": "Ann", "label": "PER"}]'
ANN, NONE = [("Ann", "PER")], []


def _said(*turns):
    return {
        "messages": [
            {"role": ("user", "assistant")[n % 2], "content": words} for n, words in enumerate(turns)
        ]
    }


def _call(words):
    return {"id": "c", "type": "function", "function": {"name": "entities", "arguments": words}}


@pytest.mark.parametrize(
    "row",
    [
        {"contents": [{"role": "user", "parts": [{"text": "Ann left."}]}, {"role": "model", "parts": [{"text": JSON}]}]},
        _said([{"type": "text", "text": "Ann left."}], [{"type": "text", "text": JSON}]),
        {"messages": [{"role": "user", "content": "Ann left."},
                      {"role": "assistant", "content": None, "tool_calls": [_call(JSON)]}]},
        {"messages": [{"role": "user", "content": "Ann left."},
                      {"role": "assistant", "content": None, "function_call": _call(JSON)["function"]}]},
        {"prompt": "Ann left.", "completion": f" {JSON} END"},
        {"instruction": "Ann left.", "input": "", "output": JSON},
        _said("Ann left.", f"<think>\n[who] left?\n</think>\n\n{JSON}"),
        _said("Ann left.", "<PER>Ann</PER> left."),
    ],
)  # fmt: skip
def test_shapes_of_conversations(tmp_path, row):
    _, docs = converted(tmp_path, "a.jsonl", lines(row))
    assert [doc.text for doc in docs] == ["Ann left."]
    assert entities(docs) == [ANN]


def test_each_exchange_is_a_text(tmp_path):
    """Only the last one was read."""
    row = {**_said("Can you mark names?", "Yes.", "Ann left.", JSON, "Nobody left.", "[]"), "id": "c"}
    report, docs = converted(tmp_path, "a.jsonl", lines(row))
    assert [doc.text for doc in docs] == ["Ann left.", "Nobody left."]
    assert [doc.user_data["meta"]["id"] for doc in docs] == ["c", "c:2"]
    assert entities(docs) == [ANN, NONE]
    assert issue_texts(report) == ["1 answers without entities left out"]


def test_a_text_without_entities_is_said_again_as_it_is(tmp_path):
    _, docs = converted(
        tmp_path,
        "a.jsonl",
        lines(_said("Mark: Ann left.", "<PER>Ann</PER> left."), _said("Mark: No one.", "No one.")),
    )
    assert [doc.text for doc in docs] == ["Ann left.", "No one."]
    assert entities(docs) == [ANN, NONE]


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (_said("Ann left.", JSON, "Jo left.", '[{"text": "Jo", "lab'), "the answer '[{"),
        (_said("Jo left.", "<PER>Jo</PER> went."), "the answer '<PER>Jo"),
    ],
)
def test_an_answer_that_is_none_is_refused(tmp_path, second, found):
    first = _said("Ann left.", "<PER>Ann</PER> left." if "went" in json.dumps(second) else JSON)
    with pytest.raises(InputError, match="answer") as error:
        converted(tmp_path, "a.jsonl", lines(first, second))
    assert found in str(error.value)
    assert "a.jsonl:" in str(error.value)


def test_what_every_question_ends_with_is_no_text(tmp_path):
    rows = [{"prompt": f"{text}\n\n###\n\n", "completion": f" {JSON} END"} for text in ("Ann left.", "Ann?")]
    report, docs = converted(tmp_path, "a.jsonl", lines(*rows))
    assert [doc.text for doc in docs] == ["Ann left.", "Ann?"]
    assert issue_texts(report) == [r"each question ends '\n\n###\n\n': left out"]

"""Dialogflow's intents."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put, read_all

CITY = {"text": "Oslo", "alias": "to", "meta": "@sys.geo-city", "userDefined": True}
SAID = {"id": "1", "isTemplate": False, "data": [{"text": "To "}, CITY, {"text": " on "}, {"text": "him", "alias": "x", "meta": "@sys.ignore"}]}  # fmt: skip
TEMPLATE = {"id": "2", "isTemplate": True, "data": [{"text": "To @sys.geo-city:to", "userDefined": False}]}


def test_an_exported_intent(tmp_path):
    """What Dialogflow is told to ignore is no entity; templates and the names of parameters are told."""
    intent = {"name": "go", "userSays": [TEMPLATE, SAID, SAID], "responses": [{"parameters": []}]}
    report, docs = converted(tmp_path, "go.json", json.dumps(intent))
    assert report.detected[0][1] == "dialogflow"
    assert [doc.text for doc in docs] == ["To Oslo on him"] * 2
    assert entities(docs) == [[("Oslo", "sys.geo-city")]] * 2
    told = issue_texts(report)
    assert "the parameter 'to' of a sys.geo-city left out" in told
    assert "1 tasks hold a template and no text: left out" in told


def test_broken_utterances_are_one_line(tmp_path):
    path = put(tmp_path, "a.json", json.dumps([SAID, {"id": "2", "data": [{"txt": "x"}]}]))
    with pytest.raises(InputError, match=r"a\.json:1.*no parts with a text"):
        read_all(tmp_path, path.name, path.read_text())
    path = put(tmp_path, "b.json", json.dumps([TEMPLATE]))
    with pytest.raises(InputError, match="a template"):
        convert(str(path), tmp_path / "b.spacy", format="dialogflow")


def test_phrases_of_dialogflow_cx(tmp_path):
    """Its export has the training phrases of a language in a file of their own."""
    parts = [{"text": "To ", "auto": True}, {"text": "Oslo", "parameterId": "to", "auto": True}]
    content = {"trainingPhrases": [{"id": "1", "parts": parts, "repeatCount": 1, "languageCode": "en"}]}
    _, docs = converted(tmp_path, "en.json", json.dumps(content))
    assert [doc.text for doc in docs] == ["To Oslo"]
    assert entities(docs) == [[("Oslo", "to")]]

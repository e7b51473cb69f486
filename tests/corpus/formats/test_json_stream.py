"""The beginning of JSON, which may be cut anywhere."""

import json

import pytest

from cloudner.corpus.contract import Sample
from cloudner.corpus.formats.json.stream import peek

TREE = {
    "text": "Ann left",
    "n": 1,
    "entities": [{"start": 0, "end": 3, "label": "PER"}, {"start": 4, "end": 8}],
}


def seen(text):
    return peek(Sample("a.json", text.encode(), text, text.split("\n"), True))


@pytest.mark.parametrize("indent", [None, 1])
def test_a_tree_that_is_cut_is_seen_without_what_is_cut(indent):
    text = json.dumps(TREE, indent=indent)
    for end in range(1, len(text)):
        found = seen(text[:end])
        assert found is not None, text[:end]
        assert found.kind == "object"
        (item,) = found.items
        assert list(item) == list(TREE)[: len(item)]
        assert item.get("text", TREE["text"]) == TREE["text"]
        spans = item.get("entities", [])
        assert spans[:-1] == TREE["entities"][: max(0, len(spans) - 1)]
        if spans and spans[-1].get("label"):
            assert spans[-1] == TREE["entities"][0]


@pytest.mark.parametrize("text", ["{Ann: left", "{{PER:Ann}} left", '{"a": 1,, "b"', "[Ann](PER) left", "{]"])
def test_what_only_begins_like_json_is_none(text):
    assert seen(text) is None

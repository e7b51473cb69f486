"""JSON objects with a text and its spans."""

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all, read_entities
from corpus.samples.words import TEXT, lines, row


def test_numeric_labels_are_named_by_the_user(aligner, tmp_path):
    """doccano #113, #1291: exports with label ids."""
    content = lines(
        {"id": 1, "text": TEXT, "annotations": [{"label": 7, "start_offset": 0, "end_offset": 11, "user": 1}]}
    )
    assert read_entities(aligner, tmp_path, content, "a.jsonl")[1] == [[("Marie Curie", "7")]]
    assert [issue.cause for issue in aligner.take_issues()] == ["unknown-tag"]
    named = read_entities(aligner, tmp_path, content, "a.jsonl", labels={"7": "PER"})
    assert named[1] == [[("Marie Curie", "PER")]]


def test_a_text_that_stands_for_its_label(tmp_path):
    with pytest.raises(InputError, match=r"no label in .*'t' is the text"):
        read_all(tmp_path, "a.jsonl", row(entities=[{"s": 0, "e": 11, "t": "Marie Curie", "kind": "PER"}]))


def test_words_said_of_a_whole_text_are_no_entities(tmp_path):
    with pytest.raises(InputError, match="no format recognises"):
        read_all(tmp_path, "a.jsonl", lines({"text": "Paris is nice", "label": {"mood": "nice"}}))

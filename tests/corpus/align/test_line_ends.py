"""Offsets of files whose tool counted line ends in another way."""

import json

from corpus.reading import converted, entities_of_doc


def test_offsets_that_count_some_line_ends_once(tmp_path):
    """doccano/doccano#2114: both kinds of line ends in one text, and `\\r\\n` counted as one character."""
    text = "Hotels\nNews\r\n\r\nVenue\r\nAt the new Four Seasons in town\r\nBy: Four Seasons Hotels and Resorts\n"
    counted = text.replace("\r\n", "\n")
    first, second = counted.index("Four"), counted.rindex("Four")
    label = [[first, first + 12, "Company"], [second, second + 31, "Company"]]
    report, (doc,) = converted(tmp_path, "a.jsonl", json.dumps({"id": 1, "text": text, "label": label}))
    assert entities_of_doc(doc) == [
        ("Four Seasons", "Company"),
        ("Four Seasons Hotels and Resorts", "Company"),
    ]
    assert report.issues == {("offsets-crlf", "repaired"): 2}
    assert doc.text == text

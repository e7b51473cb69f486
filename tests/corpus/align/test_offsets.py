"""Offsets in other units, and their repair where the stored text proves it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.corpus.align.offsets import OffsetMap, repair
from corpus.reading import align, converted, entities_of_doc

EMOJI = "😀 and 😀: Marie Curie"


CRLF = "One.\r\nTwo.\r\nMarie Curie\r\n"


@pytest.mark.parametrize(
    ("text", "start", "end", "cause"),
    [
        (EMOJI, 11, 22, "offsets-utf16"),
        (EMOJI, 15, 26, "offsets-bytes"),
        (CRLF, 10, 21, "offsets-crlf"),
        (CRLF.replace("\r", ""), 12, 23, "offsets-crlf"),
        ("By Marie Curie.", 3, 13, "offsets-inclusive"),
        ("<b>By</b> Marie Curie.", 3, 14, "offsets-moved"),
    ],
)
def test_surface_text_repairs_offsets(text, start, end, cause):
    """label-studio #1347, converter #37, doccano #99: the text beside the offsets tells where it is."""
    assert align(text, (start, end, "PER", "Marie Curie")) == (
        [("Marie Curie", "PER")],
        [(cause, "repaired")],
    )


def test_surface_text_that_is_nowhere():
    assert align("Nothing here at all", (0, 7, "X", "Marie")) == ([], [("surface-mismatch", "dropped")])
    assert align("Marie Curie", (0, 5, "X", "MARIE")) == ([("Marie", "X")], [("surface-mismatch", "noted")])
    assert align("Marie\n Curie", (0, 12, "X", "Marie Curie")) == ([("Marie\n Curie", "X")], [])
    assert align("Ann and Ann and Bob", (9, 12, "X", "Ann"))[1] == [("surface-mismatch", "dropped")]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30), st.data())
@settings(max_examples=60, deadline=None)
def test_every_unit_maps_back(text, data):
    text = text.replace("\n", "\r\n")
    start = data.draw(st.integers(0, len(text)))
    offsets = OffsetMap(text)
    for unit, size in (
        ("offsets-utf16", lambda s: len(s.encode("utf-16-le")) // 2),
        ("offsets-bytes", lambda s: len(s.encode())),
        ("crlf-as-one", lambda s: len(s.replace("\r\n", "\n"))),
    ):
        before = text[:start]
        if unit == "crlf-as-one" and before.endswith("\r"):
            continue
        found = offsets.convert(size(before), unit)
        if found is not None:
            assert size(text[:found]) == size(before)
            assert found == start or text[min(found, start) : max(found, start)] in ("\r", "")


@given(st.text("ab 😀é\n", min_size=1, max_size=40), st.data())
@settings(max_examples=60, deadline=None)
def test_a_repair_is_where_the_surface_text_is(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    surface = text[start:end]
    units = len(text[:start].encode("utf-16-le")) // 2, len(text[:end].encode("utf-16-le")) // 2
    found = repair(OffsetMap(text), *units, surface)
    if found is not None:
        assert text[found.start : found.end].split() == surface.split()


def test_offsets_that_count_some_line_ends_once(tmp_path):
    """doccano/doccano#2114: both kinds of line ends in one text, and `\\r\\n` counted as one character."""
    text = "Hotels\nNews\r\n\r\nVenue\r\nAt the new Four Seasons in town\r\nBy: Four Seasons Hotels and Resorts\nOf Lyon\n"
    counted = text.replace("\r\n", "\n")
    first, second = counted.index("Four"), counted.rindex("Four")
    last = counted.index("Lyon")
    label = [[first, first + 12, "Company"], [second, second + 31, "Company"], [last, last + 4, "City"]]
    report, (doc,) = converted(tmp_path, "a.jsonl", json.dumps({"id": 1, "text": text, "label": label}))
    assert entities_of_doc(doc) == [
        ("Four Seasons", "Company"),
        ("Four Seasons Hotels and Resorts", "Company"),
        ("Lyon", "City"),
    ]
    assert report.issues == {("offsets-crlf", "repaired"): 1}
    assert doc.text == text

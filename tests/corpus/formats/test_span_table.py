"""Tables with a span a row, and the first line that Excel writes into tables."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import put

TEXT = "Marie Curie was born in Warsaw."
FOUND = [("Marie Curie", "PER"), ("Warsaw", "LOC")]


def test_the_column_text_may_hold_the_words_of_the_spans(tmp_path):
    content = f"sentence,text,start,end,label\n{TEXT},Marie Curie,0,11,PER\n{TEXT},Warsaw,24,30,LOC\n"
    _, docs = converted(tmp_path, "a.csv", content)
    assert [doc.text for doc in docs] == [TEXT]
    assert entities(docs) == [FOUND]


@pytest.mark.parametrize(
    "content",
    [
        "filename,start,end,label,text\na.txt,0,11,PER,Marie Curie\nb.txt,24,30,LOC,Warsaw\n",
        # as `predict` gives it: "document" may hold texts, but numbers documents here
        "document,start,end,label,text,confidence\n0,0,11,PER,Marie Curie,0.9\n1,24,30,LOC,Warsaw,0.8\n",
    ],
)
def test_words_without_the_text_that_the_offsets_count_in(tmp_path, content):
    with pytest.raises(InputError, match=r"the texts under 'text' are the words of the spans.*--text-column"):
        convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")


def test_texts_that_are_one_entity_each(tmp_path):
    content = "text,start,end,label\nWarsaw,0,6,LOC\nParis,0,5,LOC\n"
    assert entities(converted(tmp_path, "a.csv", content)[1]) == [[("Warsaw", "LOC")], [("Paris", "LOC")]]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_line_of_excel_that_names_the_delimiter(tmp_path, delimiter):
    rows = [
        ("id", "text", "start", "end", "label"),
        ("1", TEXT, "0", "11", "PER"),
        ("1", TEXT, "24", "30", "LOC"),
    ]
    content = f"\ufeffsep={delimiter}\r\n" + "".join(delimiter.join(row) + "\r\n" for row in rows)
    assert entities(converted(tmp_path, "a.csv", content)[1]) == [FOUND]
    content = f"sep={delimiter}\nWord{delimiter}Tag\nAnn{delimiter}B-PER\nleft{delimiter}O\n"
    assert entities(converted(tmp_path, "a.csv", content)[1]) == [[("Ann", "PER")]]


@pytest.mark.parametrize("ids", [("id,", "1,", "1,", "2,"), ("id,", "1,", ",", "2,"), ("", "", "", "")])
def test_a_text_that_stands_only_beside_its_first_span(tmp_path, ids):
    """As cells that were merged are written; the last row has no span."""
    head, first, second, third = ids
    content = f"{head}text,start,end,label\n{first}{TEXT},0,11,PER\n{second},24,30,LOC\n{third}No.,,,\n"
    report, docs = converted(tmp_path, "a.csv", content)
    assert entities(docs) == [FOUND, []]
    assert not report.issues

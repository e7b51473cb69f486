"""Knowtator's and eHOST's XML."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, docs_at, entities, issue_texts
from corpus.reading import put

TEXT = "Ann 😀 met Jo.\nJo left."
MARK = (
    '<annotation><mention id="{n}"/><annotator id="e">{who}</annotator>{spans}<spannedText>{words}</spannedText>'
    '<creationDate>Mon</creationDate></annotation><classMention id="{n}"><mentionClass id="PER">{words}</mentionClass>'
    "</classMention>"
)


def _export(*marks):
    parts = [
        MARK.format(
            n=n, who=who, words=words, spans="".join(f'<span start="{a}" end="{b}"/>' for a, b in spans)
        )
        for n, (who, words, spans) in enumerate(marks)
    ]
    return f'<?xml version="1.0"?>\n<annotations textSource="a.txt">\n{"".join(parts)}\n</annotations>\n'


def test_ehost_keeps_its_texts_in_another_folder(tmp_path):
    put(tmp_path, "project/corpus/a.txt", TEXT)
    put(tmp_path, "project/corpus/b.txt", "Nobody.")
    put(
        tmp_path,
        "project/saved/a.txt.knowtator.xml",
        _export(("x", "Ann", [(0, 3)]), ("x", "Jo", [(10, 12)])),
    )
    put(tmp_path, "project/saved/b.txt.knowtator.xml", _export().replace("a.txt", "b.txt"))
    convert(tmp_path / "project/saved", tmp_path / "out.spacy")
    docs = docs_at(tmp_path / "out.spacy")
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")], []]
    assert [doc.user_data["meta"]["id"] for doc in docs] == ["a.txt", "b.txt"]


def test_annotators_and_spans_in_parts(tmp_path):
    put(tmp_path, "a.txt", TEXT)
    content = _export(("x", "Ann ... Jo", [(0, 3), (10, 12)]), ("y", "Jo", [(14, 16)]))
    report, docs = converted(tmp_path, "a.xml", content)
    assert entities(docs) == [[("Ann 😀 met Jo", "PER")]]
    assert "PER 'Ann ... Jo' in 2 parts made one span" in issue_texts(report)
    _, docs = converted(tmp_path, "a.xml", content, annotator="y")
    assert entities(docs) == [[("Jo", "PER")]]


def test_knowtator_2_has_several_texts_in_a_file(tmp_path):
    put(tmp_path, "articles/a.txt", TEXT)
    put(tmp_path, "articles/b.txt", "Jo left.")
    document = (
        '<document id="{0}" text-file="{0}.txt"><annotation annotator="x" id="{0}1" type="identity"><class id="PER"/>'
        '<span end="{1}" id="{0}s" start="0">{2}</span></annotation><graph-space id="{0}g"><triple annotator="x" '
        'id="t" object="o" property="p" subject="s"/></graph-space></document>'
    )
    body = document.format("a", 3, "Ann") + document.format("b", 2, "Jo")
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n<knowtator-project>{body}</knowtator-project>'
    report, docs = converted(tmp_path, "annotations/a.knowtator", content)
    assert entities(docs) == [[("Ann", "PER")], [("Jo", "PER")]]
    assert issue_texts(report) == ["2 relations left out"]


def test_a_text_that_is_not_there_and_a_bad_offset(tmp_path):
    with pytest.raises(InputError, match="that it names is not beside it"):
        converted(tmp_path, "a.xml", _export(("x", "Ann", [(0, 3)])))
    put(tmp_path, "a.txt", TEXT)
    with pytest.raises(InputError, match=r"a\.xml:3: <span>: the offset 'x' is not a number"):
        converted(tmp_path, "a.xml", _export(("x", "Ann", [("x", 3)])))

"""Inline markup, [Marie Curie](PER)."""

from cloudner.corpus.formats.registry import formats
from corpus.reading import read, surfaces
from corpus.samples.text import SAMPLES


def test_markup_document(tmp_path):
    first, second = read(tmp_path, formats()["markup"], SAMPLES["markup"][1])
    assert first.text.startswith(
        "Marie Curie won it twice. She worked in Paris, see [1] and [the page](https:"
    )
    assert first.meta == {"topic": "prizes", "split": "train"}
    assert second.spans == []


def test_markup_without_headers_is_a_document_a_line(tmp_path):
    records = read(tmp_path, formats()["markup"], "[Ann](PER) left.\n\nShe ran.\nTo [Oslo](LOC).\n")
    assert [(r.text, r.line) for r in records] == [("Ann left.", 1), ("She ran.", 3), ("To Oslo.", 4)]


def test_chinese_markup_is_joined_without_spaces(tmp_path):
    (record,) = read(tmp_path, formats()["markup"], "## 新闻 | train\n[王明](PER)走了。\n他在[北京](LOC)。\n")
    assert record.text == "王明走了。他在北京。"
    assert surfaces(record) == [("王明", "PER"), ("北京", "LOC")]

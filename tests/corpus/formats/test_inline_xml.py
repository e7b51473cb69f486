"""Entities as XML elements in the text."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import entities_of, put, read, read_all
from corpus.samples.text import VARIANTS
from corpus.samples.xml import SHAPES


def test_xml_lines_of_a_root_are_records(tmp_path):
    content = "<root>\n<PER>Ann</PER> left.\nNobody came to <LOC>Oslo</LOC>.\n</root>\n"
    records = read(tmp_path, formats()["inline-xml"], content)
    assert [(r.text, r.line) for r in records] == [("Ann left.", 2), ("Nobody came to Oslo.", 3)]


def test_xml_documents(tmp_path):
    first, second = read(tmp_path, formats()["inline-xml"], VARIANTS[0][2])
    assert first.text == "Report\nAnn Lee left Oslo.\nShe was at University of Rome."
    assert (first.meta, second.meta) == ({"id": "d1"}, {"id": "d2"})
    assert (first.line, second.line) == (3, 7)
    assert second.spans == []


def test_blocks_and_heads_of_xml(aligner, tmp_path):
    content = (
        "<?xml version='1.0'?><!DOCTYPE TEI SYSTEM 'tei.dtd'><TEI><teiHeader><title>Head</title></teiHeader><text><body>"
        "<head>One</head><p><persName>Bob</persName> in <placeName>Oslo</placeName>.</p></body></text></TEI>"
    )
    _, records = read_all(tmp_path, "a.xml", content)
    assert entities_of(aligner, records) == [("Bob", "persName"), ("Oslo", "placeName")]
    assert "Head" not in "".join(record.text for record in records)


def test_the_number_behind_a_sentence_is_its_id(tmp_path):
    _, _, content = SHAPES["a number behind each sentence"]
    _, records = read_all(tmp_path, "a.txt", content)
    assert [(record.text, record.meta["id"]) for record in records] == [
        ("Ada Byron wrote to Leipzig.", "1693"),
        ("She wrote on.", "1694"),
    ]


def test_junk_behind_a_root_that_does_not_nest_is_an_error(tmp_path):
    content = "<DOC>\nIn <LOC>Bonn</LOC> now.\n</DOC>\n<DOC>\nIn <LOC>Rome now.\n</DOC>\n"
    with pytest.raises(InputError, match="not well-formed XML: mismatched tag") as error:
        convert([put(tmp_path, "a.sgm", content)], tmp_path / "a.spacy")
    assert error.value.line == 6

"""CoreNLP's XML."""

import pytest

from cloudner.errors import InputError
from corpus.reading import entities_of, read_all


def _token(word, start, end, ner):
    return (
        f"<token id='1'><word>{word}</word><lemma>x</lemma><CharacterOffsetBegin>{start}</CharacterOffsetBegin>"
        f"<CharacterOffsetEnd>{end}</CharacterOffsetEnd><POS>NNP</POS><NER>{ner}</NER><Speaker>PER0</Speaker></token>\n"
    )


FIRST = [("Ann", 0, 3, "PERSON"), ("Lee", 4, 7, "PERSON"), ("-LRB-", 8, 9, "O"), ("Oslo", 9, 13, "CITY"), (".", 13, 14, "O")]  # fmt: skip
SECOND = [("No", 15, 17, "O"), (".", 17, 18, "O")]
XML = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<?xml-stylesheet href='CoreNLP-to-HTML.xsl' type='text/xsl'?>\n"
    "<root><document><docId>a.txt</docId><sentences>\n"
    + "".join(
        f"<sentence id='1'><tokens>\n{''.join(_token(*t) for t in sentence)}</tokens><parse>(ROOT)</parse></sentence>\n"
        for sentence in (FIRST, SECOND)
    )
    + "</sentences><coreference/></document></root>\n"
)


def test_tokens_and_their_ner(aligner, tmp_path):
    name, (record,) = read_all(tmp_path, "a.xml", XML)
    assert (name, record.meta, record.sent_starts) == ("corenlp-xml", {"id": "a.txt"}, [0, 5])
    assert record.tokens == ["Ann", "Lee", "(", "Oslo", ".", "No", "."]
    assert record.spaces == [True, True, False, False, True, False, False]
    assert entities_of(aligner, [record]) == [("Ann Lee", "PERSON"), ("Oslo", "CITY")]


@pytest.mark.parametrize(
    ("begin", "end"),
    [("<document><docId>{}</docId>", "</document>"), ("<DOC id='{}' type='story'>", "</DOC>")],
)
def test_documents_of_one_file_are_apart(aligner, tmp_path, begin, end):
    """The Annotated Gigaword has many in a file; their offsets begin anew."""
    parts = [
        f"{begin.format(name)}<sentences><sentence id='1'><tokens>{_token(word, 0, 3, 'PERSON')}</tokens></sentence>"
        f"</sentences>{end}\n"
        for name, word in (("a", "Ann"), ("b", "Bob"))
    ]
    name, records = read_all(tmp_path, "a.xml", f"<FILE id='x'>\n{''.join(parts)}</FILE>\n")
    assert name == "corenlp-xml"
    assert [(record.tokens, record.meta) for record in records] == [
        (["Ann"], {"id": "a"}),
        (["Bob"], {"id": "b"}),
    ]
    assert [record.line for record in records] == [2, 4]
    assert entities_of(aligner, records) == [("Ann", "PERSON"), ("Bob", "PERSON")]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("<word>Lee</word>", "<word/>", r"a.xml:6: a token without a word; expected <word>Ann</word>"),
        ("</tokens>", "", r"a.xml:10: not well-formed XML"),
    ],
)
def test_broken_files_are_one_line(tmp_path, old, new, found):
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.xml", XML.replace(old, new, 1))

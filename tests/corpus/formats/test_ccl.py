"""CCL."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, surfaces


def tok(orth, **channels):
    marks = "".join(f'<ann chan="{name}">{number}</ann>' for name, number in channels.items())
    return f'<tok><orth>{orth}</orth><lex disamb="1"><base>{orth}</base><ctag>x</ctag></lex>{marks}</tok>\n'


SENTENCES = (
    "<sentence id='s1'>\n"
    + tok("Jan", per=1, org=0)
    + tok("i", per=0, org=0)
    + tok("Uniwersytet", per=0, org=1)
    + tok("Anny", per=2, org=1)
    + tok("w", per=0, org=0)
    + tok("Łodzi", per=0, org=0, loc=1)
    + "<ns/>"
    + tok(".")
    + "</sentence>\n<sentence id='s2'>\n"
    + tok("Ewa", per=1)
    + tok("Maria", per=1)
    + tok("śpi")
    + "</sentence>\n"
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE chunkList SYSTEM "ccl.dtd">\n'
CCL = f"{HEAD}<chunkList><chunk id='ch1' type='p'>{SENTENCES}</chunk></chunkList>"
INNER = [("Jan", "per"), ("Uniwersytet Anny", "org"), ("Anny", "per"), ("Łodzi", "loc"), ("Ewa Maria", "per")]


def test_numbers_join_tokens_of_a_channel_in_a_sentence(tmp_path):
    name, (record,) = read_all(tmp_path, "a.xml", CCL)
    assert name == "ccl"
    assert record.text == "Jan i Uniwersytet Anny w Łodzi. Ewa Maria śpi"
    assert (record.sent_starts, record.meta) == ([0, 7], {"id": "ch1"})
    assert surfaces(record) == INNER
    _, (doc,) = converted(tmp_path, "a.xml", CCL, spans="sc")
    assert [(span.text, span.label_) for span in doc.spans["sc"]] == INNER


@pytest.mark.parametrize(
    ("around", "end"),
    [
        ("<chunkList>", "</chunkList>"),
        ("<cesAna><chunkList><chunk type='p'>", "</chunk></chunkList></cesAna>"),
    ],
)
def test_sentences_without_paragraphs_and_as_chunks(tmp_path, around, end):
    inner = SENTENCES
    if "cesAna" in around:
        inner = inner.replace("<sentence", "<chunk type='s'").replace("</sentence", "</chunk")
    name, records = read_all(tmp_path, "a.xml", HEAD + around + inner + end)
    assert name == "ccl"
    assert [pair for record in records for pair in surfaces(record)] == INNER
    assert len(records) == (1 if "cesAna" in around else 2)


def test_phrases_are_left_out_unless_asked_for(tmp_path):
    content = CCL.replace('chan="org"', 'chan="chunk_np"')
    report, docs = converted(tmp_path, "a.xml", content)
    assert entities(docs) == [[pair for pair in INNER if pair[1] != "org"]]
    assert issue_texts(report) == [
        "1 phrases (chunk_...) left out; --entities-column CHANNEL reads one channel"
    ]
    _, docs = converted(tmp_path, "a.xml", content, entities_column="chunk_np")
    assert entities(docs) == [[("Uniwersytet Anny", "chunk_np")]]


def test_tokens_with_others_between_them(tmp_path):
    content = CCL.replace(tok("w", per=0, org=0), tok("w", per=1, org=0))
    report, _ = converted(tmp_path, "a.xml", content)
    assert "per 'Jan w', words with others between them, made one span" in issue_texts(report)


def test_a_file_without_channels_is_told(tmp_path):
    report, _ = converted(tmp_path, "a.xml", CCL.replace('<ann chan="', '<x c="').replace("</ann>", "</x>"))
    assert any("no <ann> in the file" in text for text in issue_texts(report))


def test_broken_files_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"a.xml:9: <ann chan='loc'>: 'x'"):
        read_all(tmp_path, "a.xml", CCL.replace('<ann chan="loc">1', '<ann chan="loc">x'))
    with pytest.raises(InputError, match=r"a.xml:4: <tok>: a token without its form"):
        read_all(tmp_path, "a.xml", CCL.replace("<orth>Jan</orth>", "<orth/>"))
    with pytest.raises(InputError, match=r"a token outside of sentences"):
        read_all(tmp_path, "a.xml", "<chunkList><tok><orth>Jan</orth></tok></chunkList>")

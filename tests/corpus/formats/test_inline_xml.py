"""Entities as XML elements in the text."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.reading import entities_of, put, read, read_all, surfaces
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


def _texts(tmp_path, content):
    return [
        (record.text, [(record.text[s.start : s.end], s.label) for s in record.spans])
        for record in read(tmp_path, formats()["inline-xml"], '<?xml version="1.0"?>' + content, "a.xml")
    ]


SENT = "<p><PER>Jo</PER> sent it to <LOC>Bonn</LOC>{}.</p>"
LEFT = "<p>Then <PER>Al</PER> left.</p>"
MARKS = [("Jo", "PER"), ("Bonn", "LOC")]
LEFT_RECORD = ("Then Al left.", [("Al", "PER")])


@pytest.mark.parametrize(
    "aside", ["<note>See <PER>Mo</PER>.</note>", "<note>See p. 3.</note>", "<post>No.</post>"]
)
def test_a_note_within_a_paragraph_is_no_document(tmp_path, aside):
    content = f"<TEI><text><body>{SENT.format(aside)}{LEFT}</body></text></TEI>"
    first, second = _texts(tmp_path, content)
    assert first[1] == [*MARKS, *([("Mo", "PER")] if "Mo" in aside else [])]
    assert first[0].startswith("Jo sent it to Bonn\n")
    assert second == LEFT_RECORD


@pytest.mark.parametrize("name", ["note", "abstract", "message"])
def test_what_leaves_entities_outside_is_not_all_documents(tmp_path, name):
    content = f"<article><{name}>In <LOC>Oslo</LOC>.</{name}><body>{SENT.format('')}{LEFT}</body></article>"
    assert [marks for _, marks in _texts(tmp_path, content)] == [[("Oslo", "LOC"), *MARKS, ("Al", "PER")]]
    records = _texts(tmp_path, content.replace("article", "TEI"))
    assert records == [
        ("In Oslo.", [("Oslo", "LOC")]),
        ("Jo sent it to Bonn.", MARKS),
        LEFT_RECORD,
    ]


def test_entities_between_records_are_a_record(tmp_path):
    head = "<head>News of <LOC>Rome</LOC></head>"
    content = f"<TEI><text><body>{SENT.format('')}{head}{LEFT}</body></text></TEI>"
    assert _texts(tmp_path, content) == [
        ("Jo sent it to Bonn.", MARKS),
        ("News of Rome", [("Rome", "LOC")]),
        LEFT_RECORD,
    ]
    docs = "<corpus><doc>" + SENT.format("") + "</doc><title>To <LOC>Rome</LOC></title><doc>" + LEFT + "</doc></corpus>"  # fmt: skip
    assert [text for text, _ in _texts(tmp_path, docs)] == [
        "Jo sent it to Bonn.",
        "To Rome",
        "Then Al left.",
    ]


def test_text_outside_the_records_is_told(tmp_path):
    beside = "<opener>Dear <PER>Di</PER>,</opener><pb n='2'/>"
    content = (
        f"<?xml version='1.0'?><TEI><text><body><head>One</head>{LEFT}{beside}{LEFT}</body></text></TEI>"
    )
    records = read(tmp_path, formats()["inline-xml"], content.replace(beside, ""), "a.xml")
    told = ("unsupported", "noted", "text outside the <p> elements left out: 'One'")
    assert [record.notes for record in records] == [[told], []]
    assert [text for text, _ in _texts(tmp_path, content[21:])] == [
        "Then Al left.",
        "Dear Di,",
        "Then Al left.",
    ]


def test_an_entity_around_records_is_told(tmp_path):
    content = f"<TEI><body><entity type='X'>{LEFT}{LEFT}</entity></body></TEI>"
    first, second = read(tmp_path, formats()["inline-xml"], "<?xml version='1.0'?>" + content, "a.xml")
    assert (first.text, second.text) == ("Then Al left.", "Then Al left.")
    assert first.notes == [("unsupported", "dropped", "1 entities that are around a <p> left out")]


def test_how_words_look_is_no_entity(tmp_path):
    content = "<TEI><text><p>On <date>May 1</date> <hi rend='i'>Ann</hi> <emph>left</emph> CO<sub>2</sub>.</p></text></TEI>"
    _, (record,) = read_all(tmp_path, "a.xml", '<?xml version="1.0"?>\n' + content)
    assert (record.text, surfaces(record)) == ("On May 1 Ann left CO2.", [("May 1", "date")])


MUC = """<DOC>
<DOCID> nyt960214.0704 </DOCID>
<STORYID cat=f pri=u> A4479 </STORYID>
<TEXT>
<p>
<ENAMEX TYPE=PERSON>Ann Lee</ENAMEX> left <ENAMEX TYPE="LOCATION">Oslo</ENAMEX> & Co &mdash; 3 < 4.
<p>
She paid <NUMEX TYPE=MONEY MIN='3'>$3</NUMEX>.
</TEXT>
</DOC>
<DOC>
<DOCNO>nyt2</DOCNO>
<TEXT>
In <ENAMEX TYPE=LOCATION>Rome</ENAMEX>.
</TEXT>
</DOC>
"""


def test_sgml_of_muc(tmp_path):
    name, (first, second) = read_all(tmp_path, "a.sgm", MUC)
    assert name == "inline-xml"
    assert first.text == "A4479\nAnn Lee left Oslo & Co \u2014 3 < 4.\nShe paid $3."
    assert surfaces(first) == [("Ann Lee", "PERSON"), ("Oslo", "LOCATION"), ("$3", "MONEY")]
    assert (second.text, surfaces(second), second.line) == ("In Rome.", [("Rome", "LOCATION")], 11)
    assert [record.meta for record in (first, second)] == [{"id": "nyt960214.0704"}, {"id": "nyt2"}]


def test_the_number_of_a_document_is_its_id_and_no_text(tmp_path):
    content = "<DOC>\n<HEADER><DOCNO> N-1 </DOCNO></HEADER>\n<TXT><s>In <ENAMEX TYPE='LOC'>Rome</ENAMEX>.</s></TXT>\n</DOC>\n"
    _, records = read_all(tmp_path, "a.sgm", content * 2)
    assert [(r.text, r.meta) for r in records] == [("In Rome.", {"id": "N-1"})] * 2


def test_lines_with_attributes_without_quotes(tmp_path):
    _, (record,) = read_all(tmp_path, "a.txt", "<ENAMEX TYPE=PERSON>Ann</ENAMEX> is a=b.\n")
    assert (record.text, surfaces(record)) == ("Ann is a=b.", [("Ann", "PERSON")])


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Oslo</ENAMEX>", "Oslo", r"a.sgm:9: not well-formed XML: mismatched tag"),
        ("Rome</ENAMEX>", "Rome<ENAMEX>", r"a.sgm:15: not well-formed XML: mismatched tag"),
        ("<DOC>", "<!DOCTYPE x [<!ENTITY a 'b'>]><DOC>", "XML that declares entities"),
    ],
)
def test_sgml_whose_entities_do_not_close_is_one_line(tmp_path, old, new, found):
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.sgm", MUC.replace(old, new, 1))


def test_a_break_parts_words_unless_the_word_goes_on(tmp_path):
    content = (
        '<?xml version="1.0"?>\n<TEI><text><body><p><persName>Eva</persName>, <persName>Karl<lb/>Marx</persName> und<pb n="2"/>Frau '
        '<persName>Ann<lb break="no"/>a</persName> <milestone unit="x"/>kamen <lb/>heim.</p></body></text></TEI>'
    )
    _, (record,) = read_all(tmp_path, "a.xml", content)
    assert record.text == "Eva, Karl\nMarx und\nFrau Anna kamen heim."
    assert surfaces(record) == [("Eva", "persName"), ("Karl\nMarx", "persName"), ("Anna", "persName")]
    lines = "<PER>Ann</PER> left<br/>for <LOC>Oslo</LOC>. <br>\n<PER>Bob</PER> <lb/>left.\n"
    _, (first, second) = read_all(tmp_path, "a.txt", lines)
    assert (first.text.rstrip(), second.text) == ("Ann left for Oslo.", "Bob left.")
    assert surfaces(first) == [("Ann", "PER"), ("Oslo", "LOC")]


def test_of_two_elements_around_the_same_words_the_outer_one_is_kept(tmp_path, aligner):
    line = "In <placeName><settlement>Trier</settlement></placeName> today, <persName>Ann</persName>.\n"
    tree = f'<?xml version="1.0"?>\n<TEI><text><body><p>{line}</p></body></text></TEI>'
    for name, content in (("a.txt", line), ("a.xml", tree)):
        _, records = read_all(tmp_path, name, content)
        assert surfaces(records[0]) == [("Trier", "placeName"), ("Trier", "settlement"), ("Ann", "persName")]
        assert entities_of(aligner, records) == [("Trier", "placeName"), ("Ann", "persName")]

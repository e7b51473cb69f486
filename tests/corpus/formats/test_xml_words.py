"""XML with an element a word and elements around the words of an entity."""

import pytest

from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read, read_all, surfaces

PARLAMINT = """<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0" xml:id="ParlaMint-XX"><teiHeader><title><name type="org">House</name></title></teiHeader>
<text><body><u who="#A"><seg xml:id="g1"><s xml:id="s1">
<name type="PER"><w xml:id="w1" lemma="Ann">Ann</w>
<w xml:id="w2" join="right">Lee</w></name><w xml:id="w3">'s</w>
<w>mother<w norm="mo"/><w norm="ther"/></w>
<name type="LOC"><w join="right">Oslo</w></name><pc>.</pc>
<linkGrp type="UD-SYN"><link ana="ud-syn:nsubj" target="#w3 #w1"/></linkGrp>
</s><s xml:id="s2"><w join="right">No</w><pc>.</pc></s></seg></u></body></text></TEI>
"""
SUC = """<corpus id="suc3"><text id="aa01a"><sentence id="a-1">
<name type="person"><ne ex="ENAMEX" subtype="HUM" type="PRS"><w pos="PM">Ann</w>
<w pos="PM">Lee</w></ne></name>
<w pos="VB">left</w>
<ne ex="TIMEX" type="TME"><w>today</w></ne>
</sentence></text></corpus>
"""
GENIA = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE set SYSTEM "gpml.merged.dtd">
<set><article><title><sentence><w c="NN">IL-2</w> <cons lex="g" sem="G#DNA"><cons sem="G#protein"><w c="NN">CD28</w></cons> <cons lex="gene"><w c="NN">gene</w></cons></cons><w c=".">.</w></sentence></title></article></set>
"""


def test_parlamint(tmp_path):
    name, (first, second) = read_all(tmp_path, "a.xml", PARLAMINT)
    assert name == "xml-words"
    assert (first.text, first.meta, first.line) == ("Ann Lee's mother Oslo.", {"id": "s1"}, 3)
    assert surfaces(first) == [("Ann Lee", "PER"), ("Oslo", "LOC")]
    assert first.tokens == ["Ann", "Lee", "'s", "mother", "Oslo", "."]
    assert (second.text, second.spans, second.notes) == ("No.", [], [])


def test_of_two_annotations_one_is_read_and_the_other_told(tmp_path):
    report, docs = converted(tmp_path, "a.xml", SUC)
    assert entities(docs) == [[("Ann Lee", "PRS"), ("today", "TME")]]
    (told,) = issue_texts(report)
    assert "1 <name> left out" in told
    assert "--entities-column name" in told
    _, docs = converted(tmp_path, "a.xml", SUC, entities_column="name")
    assert entities(docs) == [[("Ann Lee", "person")]]


def test_genia_nests_and_says_where_spaces_are(tmp_path):
    name, (record,) = read_all(tmp_path, "a.xml", GENIA)
    assert (name, record.text) == ("xml-words", "IL-2 CD28 gene.")
    assert surfaces(record) == [("CD28 gene", "G#DNA"), ("CD28", "G#protein")]


def test_white_space_in_words_and_signs_that_are_none(tmp_path):
    content = '<x><s n="1"><name type="PER"><w>Ann </w><w>Lee</w></name><w>\'s </w><mw><w>of </w><w>course</w></mw><c>.</c></s></x>'
    _, (record,) = read_all(tmp_path, "a.xml", content)
    assert (record.text, surfaces(record)) == ("Ann Lee's of course.", [("Ann Lee", "PER")])


def test_what_no_record_holds_is_told(tmp_path):
    around = "<s><w>One</w> <w>two</w></s><s><w>three</w></s>"
    content = f"<x><s><PER><w>Ann</w></PER>, <w>so</w></s><entity type='ORG'>{around}</entity></x>"
    _, (first, *rest) = read_all(tmp_path, "a.xml", content)
    assert (first.text, surfaces(first)) == ("Ann so", [("Ann", "PER")])
    assert [note[1:] for note in first.notes] == [
        ("noted", "text outside the words left out: ','"),
        ("dropped", "1 entities that are around a sentence left out"),
    ]
    assert [record.spans for record in rest] == [[], []]


def test_paragraphs_are_records_where_no_sentence_is_marked(tmp_path):
    content = "<x><p><LOC><w>Rome</w></LOC> <w>fell</w></p><head><w>Two</w></head><p><w>No</w></p></x>"
    _, records = read_all(tmp_path, "a.xml", content)
    assert [(r.text, surfaces(r)) for r in records] == [
        ("Rome fell", [("Rome", "LOC")]),
        ("Two", []),
        ("No", []),
    ]


def test_broken_xml_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"a.xml:5: not well-formed XML: mismatched tag"):
        read_all(tmp_path, "a.xml", PARLAMINT.replace('<w xml:id="w1" lemma="Ann">Ann</w>', "<w>Ann"))
    empty = SUC.replace("w>", "wort>").replace("<w ", "<wort ")
    with pytest.raises(InputError, match=r"a.xml:1: no words in it"):
        read(tmp_path, formats()["xml-words"], empty, "a.xml")


def test_what_is_about_a_word_is_no_part_of_it(tmp_path):
    content = (
        '<x><s id="1"><name type="person"><w n="1">Ann<ana><ps>PM</ps><b>Ann</b></ana></w></name> '
        "<w>l<hi>e</hi>ft<lemma>leave</lemma></w> <tok><orth>Oslo</orth><lex><base>Oslo</base></lex></tok></s></x>"
    )
    _, (record,) = read_all(tmp_path, "a.xml", content)
    assert (record.text, surfaces(record)) == ("Ann left Oslo", [("Ann", "person")])


def test_phrases_are_no_entities(tmp_path):
    """A noun phrase around a name was the entity, and the name another annotation of its words."""
    content = "<x><s><NP><name type='PER'><pc>“</pc><w>Ann</w></name></NP> <VP><w>ran</w></VP></s></x>"
    name, (record,) = read_all(tmp_path, "a.xml", content)
    assert (name, surfaces(record), record.notes) == ("xml-words", [("“Ann", "PER")], [])


@pytest.mark.parametrize("sentence", [True, False])
def test_names_as_segments(tmp_path, sentence):
    """As in ssj500k."""
    inside = '<seg type="name" subtype="per"><w>Ana</w><c> </c><w>Lee</w></seg><c> </c><w>je</w><c> </c><seg type="name"><w>Oslo</w></seg><pc>.</pc>'
    inside = f"<s>{inside}</s>" if sentence else inside
    content = f'<?xml version="1.0"?>\n<TEI><text><body><p>{inside}</p></body></text></TEI>'
    name, (record,) = read_all(tmp_path, "a.xml", content)
    assert (name, record.text) == ("xml-words", "Ana Lee je Oslo.")
    assert surfaces(record) == [("Ana Lee", "per"), ("Oslo", "name")]

"""FoLiA."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, surfaces

FOLIA = """<?xml version="1.0" encoding="utf-8"?>
<FoLiA xmlns="http://ilk.uvt.nl/folia" xml:id="x" version="2.5">
<metadata type="native"><annotations><entity-annotation set="ner"/></annotations></metadata>
<text xml:id="x.text">
  <head xml:id="x.h"><w xml:id="x.h.w.1"><t>Nieuws</t></w></head>
  <p xml:id="x.p.1"><t>Jan Jansen woont in Den Haag. Hij slaapt.</t>
    <s xml:id="x.s.1"><t>Jan Jansen woont in Den Haag.</t>
      <w xml:id="x.s.1.w.1"><t>Jan</t><lemma class="jan"/><morphology><morpheme><t>Ja</t></morpheme></morphology></w>
      <w xml:id="x.s.1.w.2"><t class="original">Jansn</t><t>Jansen</t><alt><t>Janssen</t></alt></w>
      <w xml:id="x.s.1.w.3"><correction><new><t>woont</t></new><original auth="no"><t>wont</t></original></correction></w>
      <w xml:id="x.s.1.w.4"><t>in</t></w>
      <w xml:id="x.s.1.w.5"><t>Den</t></w>
      <w xml:id="x.s.1.w.6" space="no"><t>Haag</t></w>
      <w xml:id="x.s.1.w.7"><t>.</t></w>
      <entities>
        <entity class="per" confidence="0.9"><feat subset="a" class="b"/><wref id="x.s.1.w.1" t="Jan"/><wref id="x.s.1.w.2" t="Jansen"/></entity>
        <alt><entity class="org"><wref id="x.s.1.w.1"/></entity></alt>
      </entities>
    </s>
    <s xml:id="x.s.2">
      <w xml:id="x.s.2.w.1"><t>Hij</t></w>
      <w xml:id="x.s.2.w.2" space="no"><t>slaapt</t></w>
      <w xml:id="x.s.2.w.3"><t>.</t></w>
    </s>
    <entities><entity class="loc"><wref id="x.s.1.w.5"/><wref id="x.s.1.w.6"/></entity></entities>
  </p>
</text>
</FoLiA>
"""
LOC = '<entity class="loc"><wref id="x.s.1.w.5"/><wref id="x.s.1.w.6"/></entity>'


def test_words_spaces_and_entities_of_sentence_and_paragraph(tmp_path):
    name, (head, record) = read_all(tmp_path, "a.folia.xml", FOLIA)
    assert name == "folia"
    assert (head.text, head.spans, head.meta) == ("Nieuws", [], {"id": "x.h"})
    assert record.text == "Jan Jansen woont in Den Haag. Hij slaapt."
    assert record.sent_starts == [0, 7]
    assert (record.line, record.meta) == (6, {"id": "x.p.1"})
    assert surfaces(record) == [("Jan Jansen", "per"), ("Den Haag", "loc")]


def test_an_entity_with_a_gap_and_one_of_two_paragraphs_are_told(tmp_path):
    content = FOLIA.replace('<wref id="x.s.1.w.2" t="Jansen"/>', '<wref id="x.s.1.w.3"/>').replace(
        LOC, LOC.replace("x.s.1.w.6", "x.h.w.1")
    )
    report, docs = converted(tmp_path, "a.xml", content)
    assert entities(docs) == [[], [("Jan Jansen woont", "per")]]
    assert sorted(issue_texts(report)) == [
        "loc in line 25, which has words of several paragraphs, left out",
        "per 'Jan woont', words with others between them, made one span",
    ]


def test_sets_are_told_and_one_can_be_asked_for(tmp_path):
    content = FOLIA.replace("<entities><entity", '<entities set="gold"><entity')
    report, _ = converted(tmp_path, "a.xml", content)
    assert issue_texts(report) == [
        "entities of 2 sets read together, '', 'gold'; --entities-column SET reads one"
    ]
    assert entities(converted(tmp_path, "a.xml", content, entities_column="gold")[1]) == [
        [],
        [("Den Haag", "loc")],
    ]
    with pytest.raises(InputError, match="no entities of the set 'silver'; expected one of , gold"):
        converted(tmp_path, "a.xml", content, entities_column="silver")


def test_words_outside_of_paragraphs_are_those_of_the_element_around_them(tmp_path):
    content = '<FoLiA><text><div><w xml:id="a"><t>Jan</t></w><w><t>slaapt</t></w></div><div><w><t>Nee</t></w></div><entities><entity class="per"><wref id="a"/></entity></entities></text></FoLiA>'
    _, records = read_all(tmp_path, "a.xml", content)
    assert [(record.text, surfaces(record)) for record in records] == [
        ("Jan slaapt", [("Jan", "per")]),
        ("Nee", []),
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('<wref id="x.s.1.w.6"/>', '<wref id="y"/>', r"a.xml:25: <entity>: the word 'y', which is not in"),
        ('<wref id="x.s.1.w.5"/><wref id="x.s.1.w.6"/>', "", r"a.xml:25: <entity>: no word"),
        ('class="loc"', "", r"a.xml:25: <entity>: it has no class"),
    ],
)
def test_a_broken_entity_is_one_line(tmp_path, old, new, error):
    with pytest.raises(InputError, match=error):
        read_all(tmp_path, "a.xml", FOLIA.replace(old, new))


def test_what_is_not_tokenised_or_not_annotated(tmp_path):
    with pytest.raises(InputError, match=r"no words in it.*ucto"):
        read_all(tmp_path, "a.xml", "<FoLiA><text><p><t>Jan slaapt.</t></p></text></FoLiA>")
    with pytest.raises(InputError, match="no entities, and no declaration"):
        read_all(tmp_path, "a.xml", "<FoLiA><text><p><w><t>Jan</t></w></p></text></FoLiA>")

"""SemEval's aspects in XML."""

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all, surfaces

TERMS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<sentences>
  <sentence id="31">
    <text>The food &amp; the staff were bad.</text>
    <aspectTerms>
      <aspectTerm term="staff" polarity="negative" from="15" to="20"/>
      <aspectTerm term="food" polarity="conflict" from="4" to="8"/>
    </aspectTerms>
    <aspectCategories><aspectCategory category="service" polarity="negative"/></aspectCategories>
  </sentence>
  <sentence id="32"><text>Fine.</text></sentence>
</sentences>
"""
OPINIONS = """<Reviews><Review rid="1"><sentences><sentence id="1:0">
<text>A good place, and cheap.</text>
<Opinions>
<Opinion target="place" category="RESTAURANT#GENERAL" polarity="positive" from="7" to="12"/>
<Opinion target="place" category="RESTAURANT#PRICES" polarity="positive" from="7" to="12"/>
<Opinion target="NULL" category="FOOD#PRICES" polarity="positive" from="0" to="0"/>
</Opinions></sentence></sentences></Review></Reviews>
"""


def test_terms_have_their_polarity(tmp_path):
    name, (first, second) = read_all(tmp_path, "a.xml", TERMS)
    assert (name, first.text, first.meta, first.line) == (
        "semeval-absa",
        "The food & the staff were bad.",
        {"id": "31"},
        3,
    )
    assert surfaces(first) == [("food", "conflict"), ("staff", "negative")]
    assert (second.text, second.spans, second.notes) == ("Fine.", [], [])


def test_opinions_have_their_category(tmp_path):
    name, (record,) = read_all(tmp_path, "a.xml", OPINIONS)
    assert name == "semeval-absa"
    assert surfaces(record) == [("place", "RESTAURANT#GENERAL"), ("place", "RESTAURANT#PRICES")]
    assert [note[2] for note in record.notes] == [
        "1 opinions of what their sentence does not name left out",
        "the polarity of 2 opinions left out",
    ]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('from="15" ', "", r"a.xml:6: <aspectTerm>: it has term, polarity, to"),
        ('from="15"', 'from="x"', r"a.xml:6: <aspectTerm>: the offset 'x' is not a number"),
        ("</text>", "", r"a.xml:10: not well-formed XML"),
    ],
)
def test_broken_files_are_one_line(tmp_path, old, new, found):
    with pytest.raises(InputError, match=found):
        read_all(tmp_path, "a.xml", TERMS.replace(old, new, 1))

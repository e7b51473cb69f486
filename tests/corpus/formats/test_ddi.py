"""DDI's XML."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, surfaces

DDI = """<?xml version="1.0" encoding="UTF-8"?>
<document id="d519">
  <sentence id="d519.s0" text="Give Plenaxis or NSAID and other drugs &lt;5 mg.">
    <entity id="d519.s0.e1" charOffset="17-21" type="group" text="NSAID"/>
    <entity id="d519.s0.e0" charOffset="5-12" type="brand" text="Plenaxis"/>
    <entity id="d519.s0.e2" charOffset="17-21;33-37" type="group" text="NSAID drugs"/>
    <pair id="d519.s0.p0" e1="d519.s0.e0" e2="d519.s0.e1" ddi="true" type="effect"/>
    <pair id="d519.s0.p1" e1="d519.s0.e0" e2="d519.s0.e2" ddi="false"/>
  </sentence>
  <sentence id="d519.s1" text="No."/>
</document>
"""


def test_ends_are_the_last_characters(tmp_path):
    name, (first, second) = read_all(tmp_path, "a.xml", DDI)
    assert (name, first.meta, first.text) == (
        "ddi",
        {"id": "d519.s0"},
        "Give Plenaxis or NSAID and other drugs <5 mg.",
    )
    assert surfaces(first) == [
        ("Plenaxis", "brand"),
        ("NSAID and other drugs", "group"),
        ("NSAID", "group"),
    ]
    assert (second.text, second.spans) == ("No.", [])
    report, _ = converted(tmp_path, "a.xml", DDI)
    assert "1 relations left out" in issue_texts(report)
    assert any("'NSAID drugs' in 2 parts made one span" in text for text in issue_texts(report))


def test_ends_behind_the_last_characters_where_the_words_say_so(tmp_path):
    content = DDI.replace('"17-21" type', '"17-22" type').replace("5-12", "5-13")
    _, docs = converted(tmp_path, "a.xml", content.replace('    <entity id="d519.s0.e2"', "<x"))
    assert entities(docs)[0] == [("Plenaxis", "brand"), ("NSAID", "group")]


@pytest.mark.parametrize("place", ["", "5", "x-y", "12-5", "5-12;"])
def test_a_broken_place_is_one_line(tmp_path, place):
    with pytest.raises(InputError, match=r"a.xml:5: <entity id='d519.s0.e0'>: charOffset="):
        read_all(tmp_path, "a.xml", DDI.replace('"5-12"', f'"{place}"'))

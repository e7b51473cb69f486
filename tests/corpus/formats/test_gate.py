"""GATE's XML."""

import pytest

from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import all_surfaces, read
from corpus.samples.text import SAMPLES


def test_gate_prefers_the_key_set(tmp_path):
    content = SAMPLES["gate"][1].replace(
        '<AnnotationSet Name="Original markups">', '<AnnotationSet Name="Key">'
    )
    assert all_surfaces(read(tmp_path, formats()["gate"], content)) == [("Ann Lee & Bob left Oslo", "body")]


TWO_SETS = """<?xml version='1.0' encoding='utf-8'?>
<GateDocument version="3"><TextWithNodes><Node id="0"/>Ann<Node id="3"/> met <Node id="8"/>Jo<Node id="10"/>.</TextWithNodes>
<AnnotationSet><Annotation Id="1" Type="PER" StartNode="0" EndNode="3"/></AnnotationSet>
<AnnotationSet Name="Key"><Annotation Id="2" Type="PER" StartNode="8" EndNode="10"/></AnnotationSet>
</GateDocument>
"""


def test_gate_tells_of_other_sets(tmp_path):
    """What was in them was left out, or mixed in, without a word."""
    report, docs = converted(tmp_path, "a.xml", TWO_SETS)
    assert entities(docs) == [[("Jo", "PER")]]
    assert issue_texts(report) == ["annotations left out: 1 of the set ''; 'Key' is read"]
    report, docs = converted(tmp_path, "a.xml", TWO_SETS, entities_column="")
    assert entities(docs) == [[("Ann", "PER")]]
    assert report.issues_path is None
    report, docs = converted(tmp_path, "a.xml", TWO_SETS.replace("Key", "jo"))
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")]]
    assert issue_texts(report) == ["the sets '', 'jo' are read together; --entities-column SET reads one"]
    with pytest.raises(InputError, match="no annotation in the set 'x'"):
        converted(tmp_path, "a.xml", TWO_SETS, entities_column="x")

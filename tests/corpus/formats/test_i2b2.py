"""Texts with tags beside them: i2b2's, and those of MAE, whose version 2 writes offsets as spans="0~9"."""

import pytest

from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts

TEXT = "Ada Byron had sore eyes and ears."


def _file(*tags):
    return f"<Task><TEXT><![CDATA[{TEXT}]]></TEXT><TAGS>{''.join(tags)}</TAGS></Task>"


def test_spans_of_mae_2(tmp_path):
    tags = (
        '<PERSON id="P0" spans="0~9" text="Ada Byron" />',
        '<SIGN id="S0" spans="14~18,28~32" text="sore ... ears" />',
        '<LINK id="L0" fromID="S0" fromText="sore ... ears" toID="P0" toText="Ada Byron" />',
        '<PERSON id="P1" spans="-1~-1" text="" />',
    )
    report, docs = converted(tmp_path, "a.xml", _file(*tags))
    assert entities(docs) == [[("Ada Byron", "PERSON"), ("sore eyes and ears", "SIGN")]]
    assert sorted(issue_texts(report)) == [
        "<LINK> is a relation: left out",
        "SIGN 'sore ... ears' in 2 parts made one span",
    ]


@pytest.mark.parametrize("place", ['at="0" to_="9"', "", 'spans=""', 'start="-1" end="-1"'])
def test_a_tag_whose_offsets_are_not_known_is_dropped(tmp_path, place):
    tags = (
        f'<PERSON id="P0" {place} text="Ada Byron" />',
        '<SIGN id="S0" start="19" end="23" text="eyes" />',
    )
    report, docs = converted(tmp_path, "a.xml", _file(*tags))
    assert entities(docs) == [[("eyes", "SIGN")]]
    assert report.issues == {("unsupported", "dropped"): 1}


def test_a_tag_of_the_document_is_noted(tmp_path):
    report, _ = converted(tmp_path, "a.xml", _file('<SMOKER id="D0" status="unknown" />'))
    assert report.issues == {("unsupported", "noted"): 1}


def test_spans_that_are_no_offsets(tmp_path):
    with pytest.raises(InputError, match="<PERSON spans='0-9'>"):
        converted(tmp_path, "a.xml", _file('<PERSON spans="0-9" text="Ada Byron" />'))

"""Tables with a column a label and words of the text in its cells."""

import pytest

from cloudner.corpus.convert.convert import convert
from corpus.reading import put


@pytest.mark.parametrize("between", ["; ", ", ", "|", "、", "；", "，"])
def test_what_parts_the_words_of_a_cell(tmp_path, between):
    rows = [
        "text,PER,LOC",
        f'"王明和李娜去了成都","王明{between}李娜",成都',
        "张伟来了,张伟,",
        "成都下雨,,成都",
    ]
    report = convert(put(tmp_path, "a.csv", "\n".join(rows) + "\n"), tmp_path / "a.spacy", lang="zh")
    assert report.labels == {"PER": 3, "LOC": 2}
    assert not report.issues


def test_a_list_that_stands_in_the_text_as_it_is_written_is_a_list(tmp_path):
    rows = ["text,PER,LOC", "王明、李娜去了成都,王明、李娜,成都", "张伟来了,张伟,", "成都下雨,,成都"]
    report = convert(put(tmp_path, "a.csv", "\n".join(rows) + "\n"), tmp_path / "a.spacy", lang="zh")
    assert report.labels == {"PER": 3, "LOC": 2}


def test_a_column_with_too_few_words_of_the_texts_is_told(tmp_path):
    rows = [
        "text,PER,LOC,ORG",
        "Ann and Bob left Oslo for IBM.,Ann/Bob,Oslo,IBM",
        "Cid left Rome for SAP.,Cid,Rome,SAP",
    ]
    report = convert(put(tmp_path, "a.csv", "\n".join(rows) + "\n"), tmp_path / "a.spacy")
    assert report.labels == {"LOC": 2, "ORG": 2}
    assert report.issues == {("unsupported", "dropped"): 1}
    assert "'PER' is not read" in report.examples["unsupported"].done


def test_dates_may_be_entities(tmp_path):
    rows = ["text,person,date", "Ann left on Monday.,Ann,Monday", "Bob left on Friday.,Bob,Friday"]
    report = convert(put(tmp_path, "a.csv", "\n".join(rows) + "\n"), tmp_path / "a.spacy")
    assert report.labels == {"person": 2, "date": 2}

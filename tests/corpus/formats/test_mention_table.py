"""Tables with entities as words without offsets."""

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.reading import entities_of, put, read_all


def test_words_of_a_table_that_stand_in_several_places(tmp_path):
    content = (
        "text,entities\n\"Paris met Ann in Paris.\",\"[('Paris', 'LOC'), ('Bob', 'PER'), ('Ann', 'PER')]\"\n"
    )
    report = convert(put(tmp_path, "a.csv", content), tmp_path / "a.spacy")
    assert report.labels == {"LOC": 2, "PER": 1}
    assert report.issues == {("surface-mismatch", "noted"): 1, ("surface-mismatch", "dropped"): 1}
    with pytest.raises(InputError, match=r"b\.csv:2: column 'entities': no label for 'Paris, Ann'"):
        read_all(tmp_path, "b.csv", 'text,entities\nParis met Ann.,"Paris, Ann"\n')


def test_a_colon_within_an_entity(aligner, tmp_path):
    _, records = read_all(tmp_path, "a.csv", 'text,entities\n"At 10:30, Bob ran.",10:30:TIME; PER: Bob\n')
    assert entities_of(aligner, records) == [("10:30", "TIME"), ("Bob", "PER")]


@pytest.mark.parametrize(
    "cell",
    ["王明：PER；成都：LOC", "王明（PER）、成都（LOC）", "王明:PER，成都:LOC", "王明【PER】；成都【LOC】"],
)
def test_full_width_punctuation_between_words_and_labels(aligner, tmp_path, cell):
    _, records = read_all(tmp_path, "a.csv", f"text,entities\n王明 在 成都 。,{cell}\n")
    assert entities_of(aligner, records) == [("王明", "PER"), ("成都", "LOC")]


def test_a_text_that_stands_only_beside_its_first_entity(tmp_path, aligner):
    """As cells that were merged are written."""
    content = "text,entity,label\nAnn Lee left Oslo for Rome.,Ann Lee,PER\n,Oslo,LOC\n,Rome,LOC\nBob sat.,Bob,PER\nNo.,,\n"
    name, records = read_all(tmp_path, "a.csv", content)
    assert name == "mention-table"
    assert [record.text for record in records] == ["Ann Lee left Oslo for Rome.", "Bob sat.", "No."]
    assert entities_of(aligner, records) == [
        ("Ann Lee", "PER"),
        ("Oslo", "LOC"),
        ("Rome", "LOC"),
        ("Bob", "PER"),
    ]

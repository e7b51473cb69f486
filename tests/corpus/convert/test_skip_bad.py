"""One bad record does not refuse a corpus: left out where that is asked for, and listed."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import ConfigError, InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put

GOOD = json.dumps({"text": "Ann left.", "entities": [[0, 3, "PER"]]})
BAD = {
    "an offset": (json.dumps({"text": "Al left.", "entities": [["x", 3, "PER"]]}), "is not a number"),
    "no JSON": ('{"text": "Al', "not JSON"),
    "half a pair": ('{"text": "Al \\ud83d", "entities": []}', "surrogate"),
    "no text": (json.dumps({"texxt": "Al", "entities": []}), "no text"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_left_out_and_listed(tmp_path, case):
    bad, found = BAD[case]
    content = "\n".join([GOOD, GOOD, bad, GOOD]) + "\n"
    report, docs = converted(tmp_path, "a.jsonl", content, skip_bad=1)
    assert entities(docs) == [[("Ann", "PER")]] * 3
    assert report.issues == {("bad-record", "dropped"): 1}
    (told,) = issue_texts(report)
    assert told.startswith("line 3 left out: ")
    assert found in told
    with pytest.raises(InputError):
        converted(tmp_path, "a.jsonl", content)


def test_the_last_line_may_be_bad(tmp_path):
    report, docs = converted(tmp_path, "a.jsonl", f"{GOOD}\n{BAD['no JSON'][0]}\n", skip_bad="all")
    assert len(docs) == 1
    assert report.issues["bad-record", "dropped"] == 1


def test_a_table_and_a_list(tmp_path):
    row = '"Ann left.","[[0, 3, ""PER""]]"\n'
    report, docs = converted(
        tmp_path, "a.csv", "text,entities\n" + row + "one,two,three\n" + row + "Al,[[\n" + row, skip_bad="all"
    )
    assert entities(docs) == [[("Ann", "PER")]] * 3
    assert [text[:16] for text in issue_texts(report)] == ["line 3 left out:", "line 5 left out:"]
    tree = "[\n" + ",\n".join([GOOD, BAD["an offset"][0], GOOD]) + "\n]\n"
    report, docs = converted(tmp_path, "a.json", tree, skip_bad=1)
    assert entities(docs) == [[("Ann", "PER")]] * 2


def test_no_more_than_was_said(tmp_path):
    path = put(tmp_path, "a.jsonl", "\n".join([GOOD, "{x", GOOD, "{y", GOOD]) + "\n")
    with pytest.raises(InputError, match="--skip-bad 1 allows 1") as error:
        convert(str(path), tmp_path / "a.spacy", skip_bad=1)
    assert error.value.line == 4
    with pytest.raises(ConfigError, match="a number, or all"):
        convert(str(path), tmp_path / "a.spacy", skip_bad="some")


def test_strict_counts_what_was_left_out(tmp_path):
    path = put(tmp_path, "a.jsonl", f"{GOOD}\n{{x\n{GOOD}\n")
    with pytest.raises(InputError, match="1 annotations would be dropped or changed"):
        convert(str(path), tmp_path / "a.spacy", skip_bad=1, strict=True)


@pytest.mark.parametrize("row", [{"text": None, "entities": []}, {"text": None, "entities": None}])
def test_a_null_text_is_an_empty_document(tmp_path, row):
    report, docs = converted(tmp_path, "a.jsonl", f"{GOOD}\n{json.dumps(row)}\n")
    assert len(docs) == 1
    assert report.issues == {("empty-document", "noted"): 1}


def test_tokens_without_a_text_are_left_out(tmp_path):
    report, docs = converted(tmp_path, "a.tsv", "Ann\tB-PER\n\tO\nleft\tO\n\tB-LOC\n")
    assert [token.text for token in docs[0]] == ["Ann", "left"]
    assert report.issues == {("empty-token", "noted"): 1, ("empty-token", "dropped"): 1}
    row = {"tokens": ["Ann", None, "left"], "ner_tags": ["B-PER", "O", "O"]}
    _, docs = converted(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert [token.text for token in docs[0]] == ["Ann", "left"]


def test_a_brat_label_with_a_blank_is_listed(tmp_path):
    put(tmp_path, "in/a.txt", "Ann left Oslo.\n")
    put(tmp_path, "in/a.ann", "T1\tPER 0 3\tAnn\nT2\tmain place 9 13\tOslo\n")
    report = convert(str(tmp_path / "in"), tmp_path / "out.spacy")
    assert report.labels == {"PER": 1}
    assert report.issues == {("unsupported", "dropped"): 1}
    assert "line 2 left out: the label 'main place'" in issue_texts(report)[0]


def test_a_sentence_with_a_bad_row_is_left_out_whole(tmp_path):
    """It was two sentences, with a part of New York City in each."""
    good, bad = "Ann\tB-PER\nleft\tO\n\n", "New\tB-LOC\nYork\nCity\tI-LOC\n\n"
    report, docs = converted(tmp_path, "a.conll", good + bad + good, skip_bad=1)
    assert entities(docs) == [[("Ann", "PER")]] * 2
    assert issue_texts(report) == ["lines 4 to 6 left out: 1 column in 'York'"]
    with pytest.raises(InputError, match="--skip-bad 1 allows 1"):
        converted(tmp_path, "a.conll", good + bad + good + bad, skip_bad=1)


def test_what_begins_a_document_stays_where_its_first_sentence_is_left_out(tmp_path):
    document = "-DOCSTART- -DOCSTART- O\nAnn N B-PER\n\nShe N O\n\n"
    content = document + document.replace("Ann N B-PER", "Bob\nran V O") + document
    _, docs = converted(tmp_path, "ned.train", content, skip_bad=1)
    assert [doc.text for doc in docs] == ["Ann She ", "She ", "Ann She "]


def test_without_blank_lines_the_row_alone_is_left_out(tmp_path):
    _, docs = converted(tmp_path, "a.conll", "Ann\tB-PER\nleft\tO\n.\tO\nBob\nran\tO\n.\tO\n" * 2, skip_bad=2)
    assert " ".join(doc.text for doc in docs).split() == ["Ann", "left", ".", "ran", "."] * 2

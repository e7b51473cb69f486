"""spaCy's training tuples as JSON, as Python and as text."""

import json

import pytest

from corpus.reading import converted, entities_of_doc, read_entities
from corpus.samples.words import TEXT


def test_a_python_file_is_read_and_not_run(tmp_path, aligner):
    marker = tmp_path / "ran"
    content = f"open({str(marker)!r}, 'w')\nTRAIN_DATA = [({TEXT!r}, {{'entities': [(0, 11, 'PER')]}})]\n"
    assert read_entities(aligner, tmp_path, content, "t.py", "spacy-tuples")[1] == [[("Marie Curie", "PER")]]
    assert not marker.exists()


def test_missing_tags_in_tuples(tmp_path):
    """explosion/spaCy#2603: a token that the user knows nothing of, None or `-` among the tags, is missing and not O."""
    rows = [
        ["Ann saw Oslo", {"entities": ["U-PER", None, "U-LOC"]}],
        ["Bob left", {"entities": [None, "-"]}],
    ]
    report, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert report.issues == {}
    assert [entities_of_doc(doc) for doc in docs] == [[("Ann", "PER"), ("Oslo", "LOC")], []]
    assert [[token.ent_iob_ for token in doc] for doc in docs] == [["B", "", "B"], ["", ""]]


def test_a_text_file_of_tuples(tmp_path):
    """explosion/spaCy#3257: training tuples, one a line with a comma behind each, saved as text."""
    content = '("Uber blew through $1 million", [(0, 4, \'ORG\')]),\n("Maps 😂 by Google", [(10, 16, "PRODUCT")]),\n'
    report, docs = converted(tmp_path, "a.txt", content)
    assert [entities_of_doc(doc) for doc in docs] == [[("Uber", "ORG")], [("Google", "PRODUCT")]]
    assert report.issues == {}


def test_simple_training_json_gives_its_documents(tmp_path):
    """explosion/spaCy#6342: pairs of text and offsets as JSON, of which `spacy convert` made no document and no error."""
    pairs = [["Who is Shaka Khan?", {"entities": [[7, 17, "PERSON"]]}], ["No one.", {"entities": []}]]
    report, docs = converted(tmp_path, "dev.json", json.dumps(pairs))
    assert [entities_of_doc(doc) for doc in docs] == [[("Shaka Khan", "PERSON")], []]
    assert report.issues == {}


@pytest.mark.parametrize("name", ["train.py", "train.json"])
def test_the_words_of_a_span_before_its_label(tmp_path, name):
    spans = [(0, 9, "Oto Benes", "PERSON"), (21, 24, "Brno", "PLACE")]  # the second end is the last character
    pairs = [("Oto Benes lives near Brno.", {"entities": spans})]
    content = json.dumps(pairs) if name.endswith("json") else f"TRAIN_DATA = {pairs!r}\n"
    report, docs = converted(tmp_path, name, content)
    assert [entities_of_doc(doc) for doc in docs] == [[("Oto Benes", "PERSON"), ("Brno", "PLACE")]]
    assert report.issues == {("offsets-inclusive", "repaired"): 1}


def test_groups_of_spans_beside_entities_are_told(tmp_path):
    pairs = [["Oto lives in Brno.", {"entities": [[0, 3, "PERSON"]], "spans": {"sc": [[13, 17, "PLACE"]]}}]]
    report, docs = converted(tmp_path, "a.json", json.dumps(pairs))
    assert [entities_of_doc(doc) for doc in docs] == [[("Oto", "PERSON")]]
    assert report.examples["unsupported"].done == "the spans of sc left out"

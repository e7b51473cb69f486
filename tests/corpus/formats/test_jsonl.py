"""JSON objects with a text and its spans."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import read_all, read_entities, surfaces
from corpus.samples.words import TEXT, lines, row


def test_numeric_labels_are_named_by_the_user(aligner, tmp_path):
    """doccano #113, #1291: exports with label ids."""
    content = lines(
        {"id": 1, "text": TEXT, "annotations": [{"label": 7, "start_offset": 0, "end_offset": 11, "user": 1}]}
    )
    assert read_entities(aligner, tmp_path, content, "a.jsonl")[1] == [[("Marie Curie", "7")]]
    assert [issue.cause for issue in aligner.take_issues()] == ["unknown-tag"]
    named = read_entities(aligner, tmp_path, content, "a.jsonl", labels={"7": "PER"})
    assert named[1] == [[("Marie Curie", "PER")]]


def test_a_text_that_stands_for_its_label(tmp_path):
    with pytest.raises(InputError, match=r"no label in .*'t' is the text"):
        read_all(tmp_path, "a.jsonl", row(entities=[{"s": 0, "e": 11, "t": "Marie Curie", "kind": "PER"}]))


def test_words_said_of_a_whole_text_are_no_entities(tmp_path):
    with pytest.raises(InputError, match="no format recognises"):
        read_all(tmp_path, "a.jsonl", lines({"text": "Paris is nice", "label": {"mood": "nice"}}))


def part(word, count):
    return [{"id": i, "text": f"{word} {i} left", "entities": [[0, len(word), "PER"]]} for i in range(count)]


@pytest.mark.parametrize("indent", [None, 1])
def test_all_splits_of_one_object_are_read(tmp_path, indent):
    """Ids may begin anew in each; documents say which they are from."""
    tree = {"train": part("Ida", 3), "validation": part("Oto", 2), "test": part("Eva", 1)}
    report, docs = converted(tmp_path, "corpus.json", json.dumps(tree, indent=indent))
    assert [doc.text for doc in docs] == [row["text"] for rows in tree.values() for row in rows]
    assert [doc.user_data["meta"]["split"] for doc in docs] == ["train"] * 3 + ["validation"] * 2 + ["test"]
    assert report.labels == {"PER": 6}
    assert issue_texts(report) == ["the rows under 'train', 'validation', 'test' are read together"]


def test_splits_of_tokens_and_splits_without_train(tmp_path):
    rows = [{"tokens": ["Ida", "left"], "ner_tags": ["B-PER", "O"]}]
    _, docs = converted(tmp_path, "a.json", json.dumps({"dev": rows, "test": rows * 2}))
    assert entities(docs) == [[("Ida", "PER")]] * 3
    _, docs = converted(tmp_path, "b.json", json.dumps({"examples": part("Ida", 1), "data": part("Oto", 1)}))
    assert entities(docs) == [[("Ida", "PER")], [("Oto", "PER")]]


def test_a_split_of_other_rows_is_told_and_left_out(tmp_path):
    tree = {"train": part("Ida", 2), "test": [{"id": 9, "text": "Eva left"}], "people": [{"name": "Ida"}]}
    report, docs = converted(tmp_path, "a.json", json.dumps(tree))
    assert len(docs) == 2
    assert "split" not in docs[0].user_data["meta"]
    assert issue_texts(report) == [
        "only 'train' is read; those under 'test' have other keys and are left out"
    ]


MEETING = "Oto Benes met Eva in Brno, in Ulm."


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ([0, 9, "Oto Benes", "PERSON"], ("Oto Benes", "PERSON")),
        ([0, 8, "Oto Benes", "PERSON"], ("Oto Benes", "PERSON")),  # the end is the last character
        ([22, 26, "Brno", "PLACE"], ("Brno", "PLACE")),  # one off
        ([20, 24, "PLACE", "Brno"], ("Brno", "PLACE")),
        (["PLACE", 21, 25, "Brno"], ("Brno", "PLACE")),
        (["Brno", 21, 25, "PLACE"], ("Brno", "PLACE")),
        ([21, 25, "PLACE", "Q14960"], ("Brno", "PLACE")),
        ([21, 25, "met", "Q14960"], ("Brno", "met")),  # a label that is a word of the text as well
        ([21, 25, "PLACE", "Eva"], ("Brno", "PLACE")),  # who marked it is one, too
    ],
)
def test_a_span_of_offsets_and_two_words(tmp_path, span, expected):
    """The word that stands at the offsets, or stood there as they were counted, is the text; the other is the label."""
    row = {"text": MEETING, "entities": [span]}
    assert entities(converted(tmp_path, "a.jsonl", json.dumps(row) + "\n")[1]) == [[expected]]
    report = convert([row], tmp_path / "rows.spacy")
    assert report.labels == {expected[1]: 1}


def test_the_order_of_two_words_holds_for_all_spans_of_a_text(tmp_path):
    row = {"text": MEETING, "entities": [[0, 9, "Oto Benes", "PERSON"], [21, 25, "Brünn", "PLACE"]]}
    report, docs = converted(tmp_path, "a.jsonl", json.dumps(row) + "\n")
    assert entities(docs) == [[("Oto Benes", "PERSON")]]
    assert report.issues == {("surface-mismatch", "dropped"): 1}
    assert report.examples["surface-mismatch"].label == "PLACE"


def test_luis_names_the_last_character(tmp_path):
    """Its batch tests: a list without the schema that says whose it is."""
    marks = [{"entity": "Loc", "startPos": 10, "endPos": 13}, {"entity": "N", "startPos": 5, "endPos": 5}]
    content = json.dumps([{"text": "book 2 to oslo", "intent": "Book", "entities": marks}])
    _, (record,) = read_all(tmp_path, "a.json", content)
    assert [(span.start, span.end, span.label) for span in record.spans] == [(10, 14, "Loc"), (5, 6, "N")]


def test_labels_with_their_confidence(tmp_path):
    """As Flair's `Sentence.to_dict` gives them."""
    row = {
        "text": "Ann left",
        "labels": [],
        "entities": [
            {"text": "Ann", "start_pos": 0, "end_pos": 3, "labels": [{"value": "PER", "confidence": 0.9}]}
        ],
    }
    _, (record,) = read_all(tmp_path, "a.jsonl", json.dumps(row))
    assert surfaces(record) == [("Ann", "PER")]


@pytest.mark.parametrize("turned", [False, True])
def test_words_before_their_offsets(tmp_path, turned):
    spans = [["Ann", "PER", 0, 3], ["Oslo", "LOC", 9, 13]]
    row = {"text": "Ann left Oslo", "entities": [[b, a, *n] if turned else [a, b, *n] for a, b, *n in spans]}
    _, (record,) = read_all(tmp_path, "a.jsonl", json.dumps(row))
    assert surfaces(record) == [("Ann", "PER"), ("Oslo", "LOC")]


ANN, OSLO = {"start": 0, "end": 3}, {"start": 7, "end": 11}


@pytest.mark.parametrize(
    "row",
    [
        # PubAnnotation and TextAE
        {"sourcedb": "x", "project": "p", "denotations": [{"id": "T1", "span": {"begin": 0, "end": 3}, "obj": "PER"},
         {"id": "T2", "span": {"begin": 7, "end": 11}, "obj": "LOC"}], "attributes": []},
        # GATE's JSON
        {"entities": {"PER": [{"indices": [0, 3], "kind": "x"}], "LOC": [{"indices": [7, 11]}], "ORG": []}},
        {"entities": {"PER": [{**ANN, "text": "Ann"}], "LOC": [{**OSLO, "text": "Oslo"}]}},
        # Presidio's analyzer
        {"results": [{"entity_type": label, **place, "score": 0.85, "analysis_explanation": None}
                     for place, label in ((ANN, "PER"), (OSLO, "LOC"))]},
    ],
)  # fmt: skip
def test_spans_under_other_names(tmp_path, row):
    _, docs = converted(tmp_path, "a.json", json.dumps([{"text": "Ann in Oslo.", **row}]))
    assert entities(docs) == [[("Ann", "PER"), ("Oslo", "LOC")]]


def test_utterances_of_wit_ai(tmp_path):
    said = {"text": "Ann left", "intent": "go", "traits": [],
            "entities": [{"entity": "person:who", "start": 0, "end": 3, "body": "Ann", "entities": []}]}  # fmt: skip
    other = {"text": "No", "intent": "go", "traits": [], "entities": []}
    _, docs = converted(tmp_path, "utterances-1.json", json.dumps({"utterances": [said, other]}))
    assert entities(docs) == [[("Ann", "person:who")], []]


def test_extractions_of_langextract(tmp_path):
    """Some have no place, where a model said what the text does not."""
    found = [
        {"extraction_class": "PER", "extraction_text": "Ann", "char_interval": {"start_pos": 0, "end_pos": 3},
         "alignment_status": "match_exact", "extraction_index": 1, "attributes": {"role": "x"}},
        {"extraction_class": "PER", "extraction_text": "Jo", "char_interval": None, "alignment_status": None},
    ]  # fmt: skip
    rows = [
        {"document_id": "d1", "text": "Ann left.", "extractions": found},
        {"document_id": "d2", "text": "No.", "extractions": []},
        {"document_id": "d3", "text": "Nobody.", "extractions": found[1:]},
    ]
    report, docs = converted(tmp_path, "a.jsonl", lines(*rows))
    assert entities(docs) == [[("Ann", "PER")], [], []]
    assert issue_texts(report) == ["'Jo' (PER) has no place in the text"] * 2

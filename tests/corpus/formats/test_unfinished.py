"""What nobody has annotated, or somebody has rejected, in exports of annotation tools: unknown, not "no entity"."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, docs_at, entities, issue_texts, missing
from corpus.samples.words import lines

TEXT = "Ann met Jo."
ANN, JO = {"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 10, "label": "PER"}


def _argilla(responses, suggestions, status="pending"):
    return {
        "id": "r",
        "status": status,
        "fields": {"text": TEXT},
        "responses": responses,
        "suggestions": suggestions,
    }


def test_a_suggestion_that_nobody_confirmed_is_no_annotation(tmp_path):
    """Argilla 2: the rest of a data set in which some records are answered."""
    answered = {"spans": [{"user_id": "u1", "status": "submitted", "value": [ANN, JO]}]}
    suggested = {"spans": {"value": [ANN], "agent": "model", "score": None}}
    rows = [_argilla(answered, suggested, "completed"), {**_argilla({}, suggested), "id": "s"}]
    report, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")], []]
    assert missing(docs) == [0, 4]
    assert (
        "answered by nobody: the suggestion of model is left out; --annotator model takes it"
        in issue_texts(report)
    )
    _, docs = converted(tmp_path, "a.json", json.dumps(rows), annotator="model")
    assert entities(docs) == [[("Ann", "PER")], [("Ann", "PER")]]


def test_a_feedback_data_set_has_a_list_of_people(tmp_path):
    """Argilla from 1.8 to 1.29: FeedbackDataset."""
    people = [
        {"user_id": "u1", "status": "discarded", "values": {"ner": {"value": [JO]}}},
        {
            "user_id": "u2",
            "status": "submitted",
            "values": {"ner": {"value": [ANN]}, "mood": {"value": "sad"}},
        },
    ]
    row = {"fields": {"text": TEXT}, "responses": people, "suggestions": [], "metadata": {}}
    _, docs = converted(tmp_path, "a.json", json.dumps([row]))
    assert (entities(docs), missing(docs)) == ([[("Ann", "PER")]], [0])


def test_argilla_1_records_that_nobody_validated(tmp_path):
    tokens = ["Ann", "met", "Jo", "."]
    base = {"text": TEXT, "tokens": tokens, "prediction": [["PER", 8, 10, 0.9]]}
    rows = [
        {**base, "id": "a", "annotation": [["PER", 0, 3]], "status": "Validated"},
        {**base, "id": "b", "annotation": None, "status": "Default"},
        {**base, "id": "c", "annotation": [], "status": "Discarded"},
        {**base, "id": "d", "annotation": [], "status": "Validated"},
    ]
    _, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert (entities(docs), missing(docs)) == ([[("Ann", "PER")], [], [], []], [0, 4, 4, 0])


def _kili(kind, offset, who, **more):
    mark = {"beginOffset": offset, "content": TEXT[offset : offset + 2], "categories": [{"name": "PER"}]}
    return {
        "labelType": kind,
        "author": {"email": who},
        "jsonResponse": {"NER": {"annotations": [mark]}},
        **more,
    }


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([_kili("PREDICTION", 0, "m"), _kili("DEFAULT", 8, "a")], ["Jo"]),
        ([_kili("DEFAULT", 0, "a"), _kili("REVIEW", 8, "b")], ["Jo"]),
        (
            [
                _kili("DEFAULT", 0, "a", isLatestLabelForUser=False),
                _kili("DEFAULT", 8, "a", isLatestLabelForUser=True),
            ],
            ["Jo"],
        ),
        (
            [
                {
                    **_kili("DEFAULT", 8, "a"),
                    "jsonResponse": json.dumps(_kili("DEFAULT", 8, "a")["jsonResponse"]),
                }
            ],
            ["Jo"],
        ),
        ([_kili("PREDICTION", 8, "m")], None),
        ([_kili("AUTOSAVE", 8, "a")], None),
    ],
)
def test_kili_s_labels_that_hold(tmp_path, labels, found):
    _, docs = converted(
        tmp_path, "a.json", json.dumps([{"externalId": "x", "content": TEXT, "labels": labels}])
    )
    assert [ent.text for ent in docs[0].ents] == (found or [])
    assert missing(docs) == [0 if found else 4]


def test_annotations_that_a_reviewer_called_wrong(tmp_path):
    """LightTag: `correct` is true, false, or null where nobody has reviewed."""
    marks = [
        {**ANN, "correct": True},
        {**JO, "correct": None},
        {"start": 4, "end": 7, "label": "PER", "correct": False},
    ]
    content = json.dumps({"examples": [{"content": TEXT, "annotations": marks}]})
    report, docs = converted(tmp_path, "a.json", content)
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")]]
    assert issue_texts(report) == ["1 annotations that a reviewer called wrong left out"]


def test_answers_to_other_questions_say_nothing_of_the_entities(tmp_path):
    """Prodigy: choice, text_input and their like beside what was marked in a view before."""
    rows = [
        {"text": TEXT, "spans": spans, "_view_id": view, "_input_hash": 1, "answer": "accept"}
        for view, spans in (("choice", []), ("choice", [ANN]), ("text_input", []), ("ner_manual", []))
    ]
    _, docs = converted(tmp_path, "a.jsonl", lines(*rows))
    assert entities(docs) == [[], [("Ann", "PER")], [], []]
    assert missing(docs) == [4, 3, 4, 0]


def test_a_text_rejected_in_a_manual_view_has_no_wrong_spans(tmp_path):
    """It is rejected whole; a suggestion that is rejected in the view `ner` is known not to be."""
    rows = [
        {"text": TEXT, "spans": [ANN, JO], "_view_id": view, "_input_hash": 1, "answer": "reject"}
        for view in ("ner_manual", "ner")
    ]
    _, docs = converted(tmp_path, "a.jsonl", lines(*rows))
    assert missing(docs) == [4, 4]
    assert [[span.text for span in doc.spans.get("incorrect_spans", [])] for doc in docs] == [
        [],
        ["Ann", "Jo"],
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_document_on_which_annotate_failed(tmp_path, kind):
    """Its row has a text, no entities and an error: it counted as a text without entities."""
    rows = [
        {"id": "a", "entities": [ANN], "error": None, "text": TEXT},
        {"id": "b", "entities": None, "error": "[E088] Text too long", "text": TEXT + " Twice."},
        {"id": "c", "entities": [], "error": None, "text": "Nobody."},
    ]
    if kind == "parquet":
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "part.parquet"
        parquet.write_table(pa.Table.from_pylist(rows), path)
        report = convert(str(path), str(tmp_path / "a.spacy"))
        docs = docs_at(tmp_path / "a.spacy")
    else:
        report, docs = converted(tmp_path, "part.jsonl", lines(*rows))
    assert entities(docs) == [[("Ann", "PER")], [], []]
    assert missing(docs) == [0, 6, 0]
    assert "it could not be annotated ([E088] Text too long): kept as unannotated" in issue_texts(report)


def test_a_text_that_is_a_number_is_told_as_that(tmp_path):
    rows = [{"text": TEXT, "entities": [ANN]}, {"text": 5, "entities": []}]
    with pytest.raises(InputError, match=r"a.jsonl:2: row: the text is 5; expected a string; .*--skip-bad 1"):
        converted(tmp_path, "a.jsonl", lines(*rows))


@pytest.mark.parametrize(
    "rows",
    [
        # Kili: the asset or its only label was skipped
        [{"content": TEXT, "labels": [_kili("DEFAULT", 0, "a")]}, {"content": TEXT, "skipped": True,
          "labels": [{"labelType": "DEFAULT", "jsonResponse": {}}]}],
        [{"content": TEXT, "labels": [_kili("DEFAULT", 0, "a")]}, {"content": TEXT,
          "labels": [{"labelType": "DEFAULT", "skipped": True, "jsonResponse": {}}]}],
        # LightTag: nobody has opened it
        [{"content": TEXT, "annotations": [ANN], "seen_by": [{"annotator": "a"}]},
         {"content": TEXT, "annotations": [], "seen_by": []}],
        # DataTurks
        [{"content": TEXT, "annotation": [{"label": ["PER"], "points": [{"start": 0, "end": 2, "text": "Ann"}]}],
          "metadata": {"status": "done"}}, {"content": TEXT, "annotation": [], "metadata": {"status": "skipped"}}],
    ],
)  # fmt: skip
def test_what_was_skipped_or_never_opened_is_unannotated(tmp_path, rows):
    _, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert [len(doc.ents) for doc in docs] == [1, 0]
    assert missing(docs) == [0, 4]


def test_a_row_of_vertex_without_annotations(tmp_path):
    rows = [
        {
            "textContent": TEXT,
            "textSegmentAnnotations": [{"startOffset": 0, "endOffset": 3, "displayName": "PER"}],
        },
        {"textContent": TEXT},
        {"textContent": TEXT, "textSegmentAnnotations": []},
    ]
    _, docs = converted(tmp_path, "a.jsonl", lines(*rows))
    assert (entities(docs), missing(docs)) == ([[("Ann", "PER")], [], []], [0, 4, 0])


def test_a_text_of_vertex_that_is_stored_apart(tmp_path):
    row = {
        "textGcsUri": "gs://bucket/a.txt",
        "textSegmentAnnotations": [{"startOffset": 8, "endOffset": 10, "displayName": "PER"}],
    }
    with pytest.raises(InputError, match="that it names is not beside it"):
        converted(tmp_path, "a.jsonl", lines(row))
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    _, docs = converted(tmp_path, "a.jsonl", lines(row))
    assert entities(docs) == [[("Jo", "PER")]]

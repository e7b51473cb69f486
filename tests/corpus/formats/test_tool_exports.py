"""Files of annotation tools, services and language models: recognised, and read to the same two entities."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put
from corpus.samples.tools import TOOL_SAMPLES

EXPORTS = {case: each for case, each in TOOL_SAMPLES.items() if "element" not in case}
FOUND = [("Ann Lee", "PER"), ("Oslo", "LOC")]


@pytest.mark.parametrize("case", EXPORTS)
def test_an_export_is_read(tmp_path, case):
    name, file, content = EXPORTS[case]
    report, docs = converted(tmp_path, file, content)
    assert report.detected[0][1] == name
    assert entities(docs)[0] == FOUND
    assert docs[0].text.rstrip().replace(" .", ".").endswith("Ann Lee left Oslo.")
    assert all(not pairs for pairs in entities(docs)[1:])
    assert report.unannotated_tokens == 0


def test_another_layer_is_told_and_can_be_asked_for(tmp_path):
    _, file, content = EXPORTS["UIMA CAS as JSON"]
    report, _ = converted(tmp_path, file, content)
    assert issue_texts(report) == ["1 annotations of the layer Mood left out; --entities-column Mood"]
    assert entities(converted(tmp_path, file, content, entities_column="Mood")[1]) == [[("left", "sad")]]
    with pytest.raises(InputError, match="no layer 'Colour' among Mood, NamedEntity"):
        converted(tmp_path, file, content, entities_column="Colour")


TASK = {
    "id": 4,
    "data": {"text": "Ann met Jo."},
    "annotations": [
        {"id": 1, "completed_by": {"email": "a@x.org"}, "result": [
            {"type": "labels", "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}]},
        {"id": 2, "completed_by": {"email": "b@x.org"}, "result": [
            {"type": "labels", "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}},
            {"type": "labels", "value": {"start": 8, "end": 10, "text": "Jo", "labels": ["PER"]}}]},
    ],
}  # fmt: skip


def test_two_annotators_and_how_far_they_agree(tmp_path):
    report, docs = converted(tmp_path, "a.json", json.dumps([TASK]))
    assert entities(docs) == [[("Ann", "PER")]]
    assert issue_texts(report) == [
        "2 annotators (a@x.org, b@x.org) agree on 1 of 2 spans: took a@x.org; --annotator b@x.org takes the other"
    ]
    _, docs = converted(tmp_path, "a.json", json.dumps([TASK]), annotator="b@x.org")
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")]]


def test_what_an_annotator_did_not_do_is_unannotated(tmp_path):
    mine = {"id": 3, "completed_by": {"email": "c@x.org"}, "result": []}
    other = {"id": 5, "data": {"text": "It rained."}, "annotations": [mine]}
    report, _ = converted(tmp_path, "a.json", json.dumps([TASK, other]), annotator="c@x.org")
    assert report.unannotated_docs == 1
    assert issue_texts(report) == ["not annotated by c@x.org, but by a@x.org, b@x.org"]


def test_one_annotator_of_prodigy(tmp_path):
    rows = [
        {"text": "Ann left.", "spans": spans, "answer": "accept", "_annotator_id": f"names-{who}"}
        for who, spans in (("jo", [{"start": 0, "end": 3, "label": "PER"}]), ("mo", []))
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    assert entities(converted(tmp_path, "a.jsonl", content, annotator="jo")[1]) == [[("Ann", "PER")]]
    assert entities(converted(tmp_path, "a.jsonl", content, annotator="mo")[1]) == [[]]


def test_the_same_instruction_before_each_text_is_no_text(tmp_path):
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Find the names in this text:\n{text}"},
                {"role": "assistant", "content": answer},
            ]
        }
        for text, answer in (
            ("Ann left.", '{"PER": ["Ann"]}'),
            ("Jo sat.", '{"PER": ["Jo"]}'),
            ("It rained.", "{}"),
        )
    ]
    report, docs = converted(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert [doc.text for doc in docs] == ["Ann left.", "Jo sat.", "It rained."]
    assert entities(docs) == [[("Ann", "PER")], [("Jo", "PER")], []]
    assert "left out" in issue_texts(report)[0]


OPTIONS = [
    ({"review": "Ann left.", "ner_spans": [{"start": 0, "end": 3, "label": "PER"}]}, {"text_column": "review", "entities_column": "ner_spans"}),
    ({"data_x": "Ann left.", "label_x": [[0, 3, "PER"]]}, {"text_column": "data_x", "entities_column": "label_x"}),
    ({"words": ["Ann", "left"], "pos": ["B-PER", "O"]}, {"token_column": "words", "tag_column": "pos"}),
    ({"satz": "Ann left.", "namen": {"PER": ["Ann"]}}, {"text_column": "satz", "entities_column": "namen"}),
]  # fmt: skip


@pytest.mark.parametrize(("row", "options"), OPTIONS)
def test_the_options_decide(tmp_path, row, options):
    _, docs = converted(tmp_path, "a.jsonl", json.dumps(row) + "\n", **options)
    assert entities(docs) == [[("Ann", "PER")]]


def test_the_options_decide_for_tables(tmp_path):
    content = 'satz,namen,n\nAnn left.,"[[0, 3, ""PER""]]",1\nBye.,[],2\n'
    _, docs = converted(tmp_path, "a.csv", content, text_column="satz", entities_column="namen")
    assert entities(docs) == [[("Ann", "PER")], []]
    content = "wort,klasse\nAnn,B-PER\nleft,O\n"
    assert entities(converted(tmp_path, "a.csv", content, token_column="wort", tag_column="klasse")[1]) == [
        [("Ann", "PER")]
    ]


def test_the_keys_of_what_nothing_reads_are_shown(tmp_path):
    content = json.dumps({"review": "Ann left.", "marks": 3}) + "\n"
    with pytest.raises(
        InputError, match=r"whose keys are 'review', 'marks'.*--text-column KEY --entities-column KEY"
    ):
        convert(str(put(tmp_path, "a.jsonl", content)), str(tmp_path / "a.spacy"))

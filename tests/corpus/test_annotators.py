"""Texts that several people annotated: one person's annotation is read, the others' are told, and how far they agree."""

from __future__ import annotations

import json
import logging
import zipfile

import pytest

from cloudner.corpus.annotators import Agreement, Annotators
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.inspection.splits import read_chunks
from cloudner.errors import InputError
from corpus.converting import converted, docs_at, entities, issue_texts

TEXT = "Ann met Jo."
ANN, JO = (0, 3, "PER"), (8, 10, "PER")
# What ann and bo marked in three texts: they agree on one span of three, and that the last text has none.
MARKS = {"ann": ([ANN], [(0, 2, "ORG")], []), "bo": ([ANN, JO], [], [])}
TEXTS = (TEXT, "Al ran.", "It rained.")
READ = {
    "ann": [[("Ann", "PER")], [("Al", "ORG")], []],
    "bo": [[("Ann", "PER"), ("Jo", "PER")], [], []],
}
LINE = "agreement of ann and bo: F1 50.00 of spans with equal ends and label, 2 and 2 spans in 3 documents"


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def spans(marks):
    return [{"start": a, "end": b, "label": label} for a, b, label in marks]


def _label_studio():
    values = [
        {
            who: [
                {"type": "labels", "value": {"start": a, "end": b, "labels": [label]}}
                for a, b, label in MARKS[who][number]
            ]
            for who in MARKS
        }
        for number in range(3)
    ]
    tasks = [
        {
            "id": number,
            "data": {"text": text},
            "annotations": [
                {"id": place, "completed_by": {"email": who}, "result": result}
                for place, (who, result) in enumerate(values[number].items())
            ],
        }
        for number, text in enumerate(TEXTS)
    ]
    return "a.json", json.dumps(tasks)


def _label_studio_min():
    rows = [
        {
            "id": number, "text": text, "annotator": who, "annotation_id": 10 * number + len(who),
            "label": [{"start": a, "end": b, "labels": [label]} for a, b, label in MARKS[who][number]],
        }
        for number, text in enumerate(TEXTS)
        for who in MARKS
    ]  # fmt: skip
    return "a.json", json.dumps(rows)


def _label_studio_csv():
    rows = ["text,id,label,annotator,annotation_id"]
    for number, text in enumerate(TEXTS):
        for who in MARKS:
            marks = [{"start": a, "end": b, "labels": [label]} for a, b, label in MARKS[who][number]]
            cell = json.dumps(marks).replace('"', '""')
            rows.append(f'{text},{number},"{cell}",{who},{number}{len(who)}')
    return "a.csv", "\n".join(rows) + "\n"


def _prodigy():
    rows = [
        {"text": text, "spans": spans(MARKS[who][number]), "answer": "accept", "_annotator_id": who, "_input_hash": number}
        for who in MARKS
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip
    return "a.jsonl", lines(rows)


def _rows():
    return "a.jsonl", lines(
        {"text": text, "entities": spans(MARKS[who][number]), "annotator": who}
        for who in MARKS
        for number, text in enumerate(TEXTS)
    )


FILES = {f.__name__: f for f in (_label_studio, _label_studio_min, _label_studio_csv, _prodigy, _rows)}


@pytest.mark.parametrize("name", FILES)
def test_the_first_is_read_and_the_report_says_how_far_they_agree(tmp_path, name):
    report, docs = converted(tmp_path, *FILES[name]())
    assert [doc.text for doc in docs] == list(TEXTS)
    assert entities(docs) == READ["ann"]
    assert LINE in report.lines()
    assert report.as_dict()["agreement"] == [{"annotators": ["ann", "bo"], "documents": 3, "f1": 0.5}]
    assert report.issues["several-annotators", "noted"] == 3
    assert report.unannotated_tokens == 0
    assert all("took ann" in done and "--annotator bo" in done for done in issue_texts(report))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("who", MARKS)
def test_an_annotator_by_name(tmp_path, name, who):
    report, docs = converted(tmp_path, *FILES[name](), annotator=who)
    assert entities(docs) == READ[who]
    assert LINE in report.lines()


@pytest.mark.parametrize("name", FILES)
def test_a_name_that_nobody_has(tmp_path, name):
    with pytest.raises(InputError, match="no annotation by 'cy'; expected one of ann, bo"):
        converted(tmp_path, *FILES[name](), annotator="cy")
    assert not (tmp_path / "out.spacy").exists()


def test_a_file_that_names_nobody(tmp_path):
    with pytest.raises(InputError, match="no annotation by 'ann'; expected a file that says who annotated"):
        converted(tmp_path, "a.jsonl", lines([{"text": TEXT, "entities": spans([ANN])}]), annotator="ann")


def test_what_only_others_annotated_is_left_out_and_told(tmp_path):
    rows = [
        {"text": TEXT, "entities": spans([ANN]), "annotator": "ann"},
        {"text": "Al ran.", "entities": [], "annotator": "bo"},
    ]
    report, docs = converted(tmp_path, "a.jsonl", lines(rows), annotator="ann")
    assert entities(docs) == [[("Ann", "PER")]]
    assert "not annotated by ann, but by bo: left out" in issue_texts(report)
    assert report.agreement == []


# -- doccano ------------------------------------------------------------------------------------------------------


def doccano(*users):
    return {
        "id": 1,
        "text": TEXT,
        "annotations": [
            {"label": label, "start_offset": a, "end_offset": b, "user": user}
            for user, marks in users
            for a, b, label in marks
        ],
    }


def test_users_of_doccano_who_mark_the_same_text(tmp_path):
    content = lines([doccano((1, [ANN]), (2, [ANN, JO]))])
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs) == [[("Ann", "PER")]]
    assert [pair.f1 for pair in report.agreement] == [pytest.approx(2 / 3)]
    assert "2 annotators (1, 2) agree on 1 of 2 spans: took 1; --annotator 2 takes the other" in issue_texts(
        report
    )
    _, docs = converted(tmp_path, "a.jsonl", content, annotator="2")
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")]]


def test_users_of_doccano_who_share_a_text(tmp_path):
    content = lines([doccano((2, [JO]), (1, [ANN]))])
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs) == [[("Ann", "PER"), ("Jo", "PER")]]
    assert issue_texts(report) == [
        "marks of 2 people (2, 1), none over another's: taken as one annotation; --annotator 2 takes one's"
    ]
    assert entities(converted(tmp_path, "a.jsonl", content, annotator="1")[1]) == [[("Ann", "PER")]]


def test_an_archive_of_doccano_with_a_file_for_each_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for who, marks in MARKS.items():
            rows = [
                {"id": number, "text": text, "label": [list(mark) for mark in marks[number]], "Comments": []}
                for number, text in enumerate(TEXTS)
            ]
            archive.writestr(f"{who}.jsonl", lines(rows))
    report = convert(str(tmp_path / "export.zip"), str(tmp_path / "out.spacy"))
    assert entities(docs_at(tmp_path / "out.spacy")) == READ["ann"]
    assert LINE in report.lines()
    convert(str(tmp_path / "export.zip"), str(tmp_path / "out.spacy"), annotator="bo")
    assert entities(docs_at(tmp_path / "out.spacy")) == READ["bo"]


# -- WebAnno and INCEpTION ----------------------------------------------------------------------------------------


def _tsv(*marks):
    words = [(0, 3, "Ann"), (4, 7, "met"), (8, 10, "Jo"), (10, 11, ".")]
    labels = {(a, b): label for a, b, label in marks}
    rows = [f"1-{n}\t{a}-{b}\t{word}\t{labels.get((a, b), '_')}\t" for n, (a, b, word) in enumerate(words, 1)]
    return "#FORMAT=WebAnno TSV 3.3\n#T_SP=de.NamedEntity|value\n\n\n#Text=Ann met Jo.\n" + "\n".join(rows) + "\n"  # fmt: skip


def _xmi(*marks):
    found = "".join(
        f'<type:NamedEntity xmi:id="{n}" sofa="1" begin="{a}" end="{b}" value="{label}"/>'
        for n, (a, b, label) in enumerate(marks, 2)
    )
    return f'<?xml version="1.0"?><xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmlns:type="http:///ner/type.ecore">{found}<cas:Sofa xmi:id="1" sofaString="{TEXT}"/></xmi:XMI>'  # fmt: skip


def _json(*marks):
    found = [
        {"%ID": n, "%TYPE": "ner.NamedEntity", "@sofa": 1, "begin": a, "end": b, "value": label}
        for n, (a, b, label) in enumerate(marks, 2)
    ]
    return json.dumps({"%TYPES": {}, "%FEATURE_STRUCTURES": [{"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": TEXT}, *found]})  # fmt: skip


@pytest.mark.parametrize(("suffix", "write"), [("tsv", _tsv), ("xmi", _xmi), ("json", _json)])
@pytest.mark.parametrize("packed", [False, True])
def test_a_project_of_inception(tmp_path, suffix, write, packed):
    """annotation/DOCUMENT/PERSON, and the document as it was imported."""
    files = {"ann": write(ANN), "bo": write(ANN, JO), "INITIAL_CAS": write()}
    source = tmp_path / ("project.zip" if packed else "project")
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        for who, content in files.items():
            name = f"annotation/one.txt/{who}.{suffix}"
            archive.writestr(name, content)
            (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "project" / name).write_text(content)
    report = convert(str(source), str(tmp_path / "out.spacy"))
    assert entities(docs_at(tmp_path / "out.spacy")) == [[("Ann", "PER")]]
    assert (
        "agreement of ann and bo: F1 66.67 of spans with equal ends and label, 1 and 2 spans in 1 document"
        in report.lines()
    )
    assert set(issue_texts(report)) == {
        "the text before anybody annotated it",
        "bo and ann agree on 1 of 2 spans: took ann; --annotator bo takes the other",
    }
    convert(str(source), str(tmp_path / "out.spacy"), annotator="bo")
    assert entities(docs_at(tmp_path / "out.spacy")) == [[("Ann", "PER"), ("Jo", "PER")]]


# -- without convert ----------------------------------------------------------------------------------------------


def test_training_and_inspection_read_one_and_say_so(tmp_path, caplog):
    name, content = _rows()
    (tmp_path / name).write_text(content)
    with caplog.at_level(logging.WARNING, "cloudner"):
        documents = sum(len(chunk) for chunk in read_chunks(str(tmp_path / name), "en"))
    assert documents == 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / name}: the same texts are annotated by ann, bo. Of each text the annotation of the first of them is "
        "read; `cloudner convert --annotator NAME` takes another's, and its report says how far they agree."
    ]


def test_judgements_of_single_suggestions_are_all_read(tmp_path):
    """Prodigy's binary answers: each says something of one span, whoever gave it."""
    rows = [
        {"text": TEXT, "spans": spans([mark]), "answer": "accept", "_view_id": "ner", "_annotator_id": who}
        for who, mark in (("ann", ANN), ("bo", JO))
    ]
    report, docs = converted(tmp_path, "a.jsonl", lines(rows))
    assert entities(docs) == [[("Ann", "PER")], [("Jo", "PER")]]
    assert report.agreement == []


def test_f1():
    pair = Agreement(("a", "b"))
    assert pair.f1 is None
    pair.add(frozenset({ANN}), frozenset({ANN, JO}))
    pair.add(frozenset(), frozenset())
    assert (pair.f1, pair.documents) == (2 / 3, 2)
    assert Annotators().pairs == {}

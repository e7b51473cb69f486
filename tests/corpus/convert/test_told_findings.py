"""Findings with the record they concern, messages that say what helps, hints that fit the texts."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put


def findings(report):
    return [json.loads(line) for line in report.issues_path.read_text(encoding="utf-8").splitlines()]


def test_a_finding_names_the_record(tmp_path):
    rows = [
        {"id": "a7", "text": "Annabel left", "entities": [[0, 3, "PER"]]},
        {"text": "Annabel left", "entities": [[0, 3, "PER"]]},
    ]
    report, _ = converted(tmp_path, "a.json", json.dumps(rows))
    assert [each["record"] for each in findings(report)] == ["a7", "#2"]
    assert any("(a7)" in line for line in report.lines())


def test_a_split_keeps_the_ids(tmp_path):
    rows = "".join(
        json.dumps({"id": f"d{n}", "text": f"Ann {n} left.", "entities": [[0, 3, "PER"]]}) + "\n"
        for n in range(10)
    )
    path = put(tmp_path, "a.jsonl", rows)
    for to in ("csv", "jsonl"):
        convert(str(path), tmp_path / f"out.{to}", split="80/20")
        again = [
            each
            for part in ("train", "dev")
            for each in (tmp_path / f"out-{part}.{to}").read_text().splitlines()
        ]
        assert sum("d3" in line for line in again) == 1
    _, docs = converted(tmp_path, "b.csv", (tmp_path / "out-train.csv").read_text())
    assert all(doc.user_data["meta"]["id"].startswith("d") for doc in docs)


def test_the_report_shows_the_first_words(tmp_path):
    report, _ = converted(tmp_path, "a.tsv", "Ann\tB-PER\nleft\tO\nOslo\tB-LOC\n")
    assert report.lines()[0].endswith("; begins: Ann left Oslo)")


def test_labels_that_differ_in_case_name_the_option(tmp_path):
    rows = [{"text": "Ann left", "entities": [[0, 3, label]]} for label in ("PER", "PER", "per")]
    report, _ = converted(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert any("--label per=PER joins them" in text for text in issue_texts(report))


def test_unlabelled_texts_say_so(tmp_path):
    path = put(tmp_path, "a.jsonl", json.dumps({"text": "Ann left", "url": "x"}) + "\n")
    with pytest.raises(
        InputError, match="texts under 'text' and no annotation of them under the keys 'text', 'url'"
    ):
        convert(str(path), tmp_path / "a.spacy")


def test_a_text_beside_its_annotations_is_not_left_out(tmp_path):
    put(tmp_path, "in/docs.txt", "Ann left Oslo.\n")
    put(tmp_path, "in/notes.txt", "nothing here\n")
    put(tmp_path, "in/a.csv", "File,Line,Begin Offset,End Offset,Type\ndocs.txt,0,0,3,PER\n")
    report = convert(str(tmp_path / "in"), tmp_path / "out.spacy")
    assert report.labels == {"PER": 1}
    assert [each["file"].rsplit("/", 1)[-1] for each in findings(report)] == ["notes.txt"]


def test_korean_with_spans_before_particles(tmp_path):
    content = json.dumps({"text": "부산의 바다가 좋다.", "entities": [[0, 2, "LC"]]}) + "\n"
    report, docs = converted(tmp_path, "a.jsonl", content)
    assert entities(docs) == [[("부산의", "LC")]]
    assert "Korean" in report.hints[0]
    assert "--lang ko" in report.hints[0]


def test_a_sign_that_joins_entities_is_named(tmp_path):
    rows = [{"text": f"Go~~Perl{n} then", "entities": [[0, 2, "Skill"]]} for n in range(3)]
    report, _ = converted(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert "by '~', 3 times" in report.hints[0]
    assert "--lang en" in report.hints[0]


WEBANNO = (
    "#FORMAT=WebAnno TSV 3.3\n#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n"
    "#T_SP=webanno.custom.Craft|kind\n\n\n#Text=Ann sews .\n1-1\t0-3\tAnn\t_\tPER\t_\t\n1-2\t4-8\tsews\t_\t_\ttextile\t\n1-3\t9-10\t.\t_\t_\t_\t\n"
)


def test_a_second_layer_is_told_and_can_be_asked_for(tmp_path):
    report, docs = converted(tmp_path, "a.tsv", WEBANNO)
    assert entities(docs) == [[("Ann", "PER")]]
    assert issue_texts(report) == ["the layer Craft left out; --entities-column Craft"]
    assert entities(converted(tmp_path, "a.tsv", WEBANNO, entities_column="Craft")[1]) == [
        [("sews", "textile")]
    ]


@pytest.mark.parametrize("head", ["", '<?xml version="1.0"?>\n'])
def test_of_several_readings_the_first(tmp_path, head):
    content = '<doc><text>In <LOC KIND="a">Bonn</LOC> by <ALT><ORG KIND="b">Ek Co</ORG> | <PER KIND="c">Ek</PER> Co</ALT> now.</text></doc>'
    report, docs = converted(tmp_path, "a.xml", head + content)
    assert docs[0].text.split() == ["In", "Bonn", "by", "Ek", "Co", "now."]
    assert entities(docs) == [[("Bonn", "LOC"), ("Ek Co", "ORG")]]
    assert any("took the first of each" in text for text in issue_texts(report))


def test_findings_of_inspect_name_the_record(tmp_path):
    """Of a JSON list on one line every document begins on line 1: its number and id say which it is."""
    rows = [
        {"id": f"r{n}", "text": "Ann left Oslo today", "entities": [[0, 3, label]]}
        for n, label in enumerate(("PER", "ORG"))
    ]
    found = inspect_corpus(str(put(tmp_path, "train.json", json.dumps(rows))), encoder=None)
    (pair,) = found.document_conflicts
    assert {(each["line"], each["record"]) for each in (pair, pair["other"])} == {(1, "r0"), (2, "r1")}
    assert "train.json:2 (r1)" in found.to_markdown()

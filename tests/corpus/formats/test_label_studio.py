"""Label Studio's exports, and what its users met."""

import json

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from corpus.reading import converted, entities_of_doc, read_entities
from corpus.samples.words import TEXT


def test_a_task_nobody_finished_is_missing_not_outside(aligner, tmp_path):
    tasks = [
        {"id": 1, "data": {"text": TEXT}, "annotations": [{"was_cancelled": True, "result": []}]},
        {"id": 2, "data": {"text": TEXT}, "annotations": []},
        {"id": 3, "data": {"text": TEXT}, "annotations": [{"result": []}]},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    docs = [aligner.doc(r) for r in formats()["label-studio"].read(next(open_sources(path)), ReadOptions())]
    assert [doc.has_annotation("ENT_IOB") for doc in docs] == [False, False, True]
    aligner.take_issues()


def test_label_studio_html(aligner, tmp_path):
    """label-studio #2777, #4843: offsets of HTML tasks do not count the text; the stored text is found instead."""
    html = "<html><head><title>t</title></head><body>\n<h1>About &amp; around</h1><p>Marie Curie was in Warsaw.</p></body>"
    value = {
        "start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 11,
        "globalOffsets": {"start": 3, "end": 14}, "text": "Marie Curie", "hypertextlabels": ["PER"],
    }  # fmt: skip
    task = {
        "id": 1,
        "data": {"html": html},
        "annotations": [{"result": [{"type": "hypertextlabels", "value": value}]}],
    }
    assert read_entities(aligner, tmp_path, json.dumps([task]), "a.json")[1] == [[("Marie Curie", "PER")]]
    assert [issue.cause for issue in aligner.take_issues()] == ["offsets-moved"]


def test_label_studio_tsv_after_an_emoji(aligner, tmp_path):
    """label-studio #1347: a TSV export counts UTF-16 code units."""
    content = (
        "id\ttext\tlabel\n1\t💩This is an annotation.\t"
        '"[{""start"": 13, ""end"": 23, ""text"": ""annotation"", ""labels"": [""X""]}]"\n'
    )
    assert read_entities(aligner, tmp_path, content, "a.tsv") == ("tsv", [[("annotation", "X")]])
    assert [(i.cause, i.action) for i in aligner.take_issues()] == [("offsets-utf16", "repaired")]


def test_multiple_labels_on_one_span_are_told(aligner, tmp_path):
    value = {"start": 0, "end": 11, "text": "Marie Curie", "labels": ["PER", "HERO"]}
    task = {
        "id": 1,
        "data": {"text": TEXT},
        "annotations": [{"result": [{"type": "labels", "value": value}]}],
    }
    assert read_entities(aligner, tmp_path, json.dumps([task]), "a.json")[1] == [[("Marie Curie", "PER")]]
    assert [(i.cause, i.label) for i in aligner.take_issues()] == [("conflicting-labels", "HERO")]


def test_names_that_hang_together_by_hyphens(tmp_path):
    """HumanSignal/label-studio-converter#15: two spans in what a tokenizer at white space takes for one token."""
    text = "AHU-G1-V-1-1-Ctrl-Md"
    spans = [(0, 12, "Equip"), (13, 20, "Point")]
    result = [
        {"type": "labels", "value": {"start": a, "end": b, "text": text[a:b], "labels": [label]}}
        for a, b, label in spans
    ]
    tasks = [{"id": 1, "data": {"text": text}, "annotations": [{"result": result}]}]
    report, (doc,) = converted(tmp_path, "a.json", json.dumps(tasks))
    assert entities_of_doc(doc) == [("AHU-G1-V-1-1", "Equip"), ("Ctrl-Md", "Point")]
    # columns keep them apart, and where a token cannot be cut each loss is told
    convert(tmp_path / "a.json", tmp_path / "a.conll")
    convert(tmp_path / "a.conll", tmp_path / "b.spacy")
    (again,) = DocBin().from_disk(tmp_path / "b.spacy").get_docs(Vocab())
    assert [(ent.start, ent.end, ent.label_) for ent in again.ents] == [
        (ent.start, ent.end, ent.label_) for ent in doc.ents
    ]
    joined = text.replace("-", "_")
    row = {"text": joined, "entities": [list(span) for span in spans]}
    report, _ = converted(tmp_path, "b.jsonl", json.dumps(row))
    assert report.issues == {("misaligned", "changed"): 2, ("conflicting-labels", "dropped"): 1}

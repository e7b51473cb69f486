"""Label Studio's exports, and what its users met."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
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


QUESTION, ANSWER = "Where is Rome, Anna?", "Anna Rossi says that Rome is in Italy."


def _task(number, *regions, **data):
    """regions: key of the text, start, end, label, and the object's name where that is another."""
    result = []
    for key, start, end, label, *name in regions:
        value = {"start": start, "end": end, "text": data[key][start:end], "labels": [label]}
        result.append({"from_name": "x", "to_name": (*name, key)[0], "type": "labels", "value": value})
    return {"id": number, "data": data, "annotations": [{"id": number, "result": result}]}


def _records(tmp_path, *tasks, **options):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    return [
        (r.meta["id"], r.text, [(r.text[s.start : s.end], s.label) for s in r.spans], [n[2] for n in r.notes])
        for r in formats()["label-studio"].read(next(open_sources(path)), ReadOptions(**options))
    ]


def test_each_text_that_regions_name_is_a_record(tmp_path):
    texts = {"heading": QUESTION, "text": ANSWER}
    tasks = [
        _task(1, ("heading", 9, 13, "LOC"), ("text", 0, 10, "PER"), **texts),
        _task(2, ("heading", 15, 19, "PER"), **texts),
        _task(3, **texts),
    ]
    assert _records(tmp_path, *tasks) == [
        (1, ANSWER, [("Anna Rossi", "PER")], []),
        ("1:heading", QUESTION, [("Rome", "LOC")], []),
        (2, ANSWER, [], []),
        ("2:heading", QUESTION, [("Anna", "PER")], []),
        (3, ANSWER, [], []),
        ("3:heading", QUESTION, [], []),
    ]
    told = "1 regions on 'heading' left out; --text-column heading"
    assert _records(tmp_path, *tasks[:2], text_column="text") == [
        (1, ANSWER, [("Anna Rossi", "PER")], [told]),
        (2, ANSWER, [], [told]),
    ]
    assert [len(doc.ents) for doc in converted(tmp_path, "b.json", json.dumps(tasks))[1]] == [
        1,
        1,
        0,
        1,
        0,
        0,
    ]


def test_the_text_that_regions_name_is_read_though_another_is_longer(tmp_path):
    texts = {"reply": ANSWER, "question": QUESTION}
    tasks = [_task(1, **texts), _task(2, ("question", 15, 19, "PER"), **texts)]
    assert _records(tmp_path, *tasks) == [
        (1, QUESTION, [], []),
        (2, QUESTION, [("Anna", "PER")], []),
    ]


def test_names_that_are_no_keys(tmp_path):
    """The exported regions do not say what an object shows: the text at their offsets does, where it is one alone."""
    regions = (("question", 15, 19, "PER", "view"), ("reply", 21, 25, "LOC", "other"))
    task = _task(1, *regions, reply=ANSWER, question=QUESTION)
    assert _records(tmp_path, task) == [
        (1, ANSWER, [("Rome", "LOC")], []),
        ("1:question", QUESTION, [("Anna", "PER")], []),
    ]
    task["data"]["question"] = ANSWER
    (record,) = _records(tmp_path, task)
    assert record[:2] == (1, ANSWER)
    assert record[3] == ["regions on 'view' and 'other', which is no key of the data: taken to be on 'reply'"]


def _hyper(word, start, end):
    value = {
        "start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 0,
        "globalOffsets": {"start": start, "end": end}, "text": word, "hypertextlabels": ["PER"],
    }  # fmt: skip
    return {"type": "hypertextlabels", "value": value}


def test_regions_of_html_count_its_text_nodes(aligner, tmp_path):
    """Not the line ends between blocks; UTF-16 code units, a `<br>` one. Names that come often tell right from near."""
    html = "<p>Bo 😀 saw Bo.</p>" * 6 + "<div>Bo<br/>and <b>B</b>o<br></div><p>Bo</p>"
    counted = ("Bo 😀 saw Bo." * 6 + "Bo\nand Bo\nBo").encode("utf-16-le")
    places = [at // 2 for at in range(0, len(counted), 2) if counted[at : at + 4] == "Bo".encode("utf-16-le")]
    assert len(places) == 15
    task = {
        "id": 1,
        "data": {"text": html},
        "annotations": [{"result": [_hyper("Bo", at, at + 2) for at in places]}],
    }
    (record,) = formats()["label-studio"].read(_source(tmp_path, [task]), ReadOptions())
    assert record.text == "Bo 😀 saw Bo.\n" * 6 + "Bo\nand Bo\nBo\n"
    assert [record.text[span.start : span.end] for span in record.spans] == ["Bo"] * 15
    assert len({span.start for span in record.spans}) == 15
    assert read_entities(aligner, tmp_path, json.dumps([task]), "a.json")[1] == [[("Bo", "PER")] * 15]
    assert not aligner.take_issues()


def _source(tmp_path, tasks):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks))
    return next(open_sources(path))


def test_a_file_for_each_annotation(tmp_path):
    """What a target storage gets: an annotation with its task in it; other people's are in other files."""
    for number, (who, start, end) in enumerate((("ann", 0, 11), ("bo", 0, 5)), start=1):
        value = {"start": start, "end": end, "text": TEXT[start:end], "labels": ["PER"]}
        task = {"id": 7, "data": {"text": TEXT}, "project": 1}
        stored = {
            "id": number, "completed_by": {"id": number, "email": who}, "was_cancelled": False, "task": task,
            "result": [{"from_name": "label", "to_name": "text", "type": "labels", "value": value}],
        }  # fmt: skip
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / str(number)).write_text(json.dumps(stored))
    for options, expected in (({}, "Marie Curie"), ({"annotator": "bo"}, "Marie")):
        report = convert(tmp_path / "out", tmp_path / "a.spacy", **options)
        (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())
        assert entities_of_doc(doc) == [(expected, "PER")]
        assert doc.user_data["meta"]["id"] == 7
        assert report.issues == {("several-annotators", "noted"): 1}


def test_which_tasks_of_json_min_were_annotated(aligner, tmp_path):
    marked = [{"start": 0, "end": 11, "text": TEXT[:11], "labels": ["PER"]}]
    tasks = [
        {"id": 1, "text": TEXT, "label": marked, "annotator": 1, "lead_time": 3.5},
        {"id": 2, "text": TEXT, "label": [], "annotator": 1, "lead_time": 3.5},
        {"id": 3, "text": TEXT, "annotation_id": 9},
        {"id": 4, "text": TEXT, "annotator": None, "annotation_id": None, "lead_time": None},
        {"id": 5, "text": TEXT, "label": []},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    docs = [
        aligner.doc(r) for r in formats()["label-studio-min"].read(next(open_sources(path)), ReadOptions())
    ]
    assert [doc.has_annotation("ENT_IOB") for doc in docs] == [True, True, True, False, False]
    aligner.take_issues()


def _region(start, end, text, label):
    path = "/div[1]/p[1]/text()[1]"
    return {
        "start": path, "end": path, "startOffset": start, "endOffset": end,
        "globalOffsets": {"start": start, "end": end}, "text": text, "hypertextlabels": [label],
    }  # fmt: skip


def test_json_min_of_a_page_is_the_text_that_was_shown(tmp_path):
    """The source of the page was the text, and entities ran into its tags."""
    html = "<div><p>Ann &amp; Jo met.</p><p>In Oslo.</p></div>"
    marks = [_region(6, 8, "Jo", "PER"), _region(16, 20, "Oslo", "LOC")]
    rows = [
        {"id": 1, "html": html, "ner": marks, "annotation_id": 1},
        {"id": 2, "html": "<p>No</p>", "annotation_id": 2},
    ]
    report, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert docs[0].text == "Ann & Jo met.\nIn Oslo.\n"
    assert entities_of_doc(docs[0]) == [("Jo", "PER"), ("Oslo", "LOC")]
    assert report.issues_path is None


def test_json_min_of_a_dialogue(tmp_path):
    turns = [{"author": "A", "text": "Hi Ann!"}, {"author": "B", "text": "Oslo is cold"}]
    marks = [
        {"start": str(turn), "end": str(turn), "startOffset": start, "endOffset": end, "text": text,
         "paragraphlabels": [label]}
        for turn, start, end, text, label in ((0, 3, 6, "Ann", "PER"), (1, 0, 4, "Oslo", "LOC"))
    ]  # fmt: skip
    rows = [
        {"id": 1, "dialogue": turns, "ner": marks, "annotator": 1, "annotation_id": 1},
        {"id": 2, "dialogue": turns[:1], "annotator": 1, "annotation_id": 2},
    ]
    _, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert [doc.text for doc in docs] == ["Hi Ann!\nOslo is cold", "Hi Ann!"]
    assert [entities_of_doc(doc) for doc in docs] == [[("Ann", "PER"), ("Oslo", "LOC")], []]


def test_conll_with_labels_of_several_words(tmp_path):
    """The file was refused."""
    tags = (("Ann", "B-First Name"), ("Lee", "I-First Name"), ("left", "O"), ("Oslo", "B-LOC"), (".", "O"))
    content = "-DOCSTART- -X- O\n" + "".join(f"{token} -X- _ {tag}\n" for token, tag in tags) + "\n"
    _, docs = converted(tmp_path, "a.conll", content)
    assert entities_of_doc(docs[0]) == [("Ann Lee", "First Name"), ("Oslo", "LOC")]


def test_labels_of_several_controls_on_a_text(tmp_path):
    """Parts of speech were entities, without a word."""
    marks = (("ner", 0, 3, "Ann", "PER"), ("pos", 4, 7, "met", "VERB"), ("pos", 8, 10, "Jo", "NOUN"))
    results = [
        {"from_name": name, "to_name": "text", "type": "labels",
         "value": {"start": start, "end": end, "text": text, "labels": [label]}}
        for name, start, end, text, label in marks
    ]  # fmt: skip
    tasks = [{"id": n, "data": {"text": "Ann met Jo."}, "annotations": [{"result": results}]} for n in (1, 2)]
    report, docs = converted(tmp_path, "a.json", json.dumps(tasks))
    assert [len(doc.ents) for doc in docs] == [3, 3]
    told = "labels of the controls 'ner' and 'pos' are read together; --entities-column ner reads one"
    assert report.issues_path.read_text(encoding="utf-8").count(told) == 1
    _, docs = converted(tmp_path, "a.json", json.dumps(tasks), entities_column="ner")
    assert [entities_of_doc(doc) for doc in docs] == [[("Ann", "PER")]] * 2
    with pytest.raises(InputError, match="no labels of the control 'x'; expected one of 'ner', 'pos'"):
        converted(tmp_path, "a.json", json.dumps(tasks), entities_column="x")

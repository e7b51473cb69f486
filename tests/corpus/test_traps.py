"""Traps that users of other tools reported, which no test of a single format holds."""

import json

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert


def converted(folder, name, content, **settings):
    (folder / name).write_bytes(content.encode())
    report = convert(folder / name, folder / "out.spacy", **settings)
    return report, list(DocBin().from_disk(folder / "out.spacy").get_docs(Vocab()))


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_missing_tags_in_tuples(tmp_path):
    """explosion/spaCy#2603: a token that the user knows nothing of, None or `-` among the tags, is missing and not O."""
    rows = [
        ["Ann saw Oslo", {"entities": ["U-PER", None, "U-LOC"]}],
        ["Bob left", {"entities": [None, "-"]}],
    ]
    report, docs = converted(tmp_path, "a.json", json.dumps(rows))
    assert report.issues == {}
    assert [entities(doc) for doc in docs] == [[("Ann", "PER"), ("Oslo", "LOC")], []]
    assert [[token.ent_iob_ for token in doc] for doc in docs] == [["B", "", "B"], ["", ""]]


def test_tags_stay_on_the_tokens_of_the_file(tmp_path):
    """explosion/spaCy#4578: Korean morphemes, which no tokenizer of words gives, tagged in BIO and not in BILUO."""
    rows = [("이어", "O"), ("김일성", "B-PER"), ("의", "O"), ("한", "B-NOH"), ("차례", "I-NOH"), ("씩", "O")]
    report, (doc,) = converted(tmp_path, "a.txt", "".join(f"{w}\t{t}\n" for w, t in rows), lang="xx")
    assert [token.text for token in doc] == [word for word, _ in rows]
    assert entities(doc) == [("김일성", "PER"), ("한 차례", "NOH")]
    assert report.issues == {}


def test_offsets_that_count_some_line_ends_once(tmp_path):
    """doccano/doccano#2114: both kinds of line ends in one text, and `\\r\\n` counted as one character."""
    text = "Hotels\nNews\r\n\r\nVenue\r\nAt the new Four Seasons in town\r\nBy: Four Seasons Hotels and Resorts\nOf Lyon\n"
    counted = text.replace("\r\n", "\n")
    first, second = counted.index("Four"), counted.rindex("Four")
    last = counted.index("Lyon")
    label = [[first, first + 12, "Company"], [second, second + 31, "Company"], [last, last + 4, "City"]]
    report, (doc,) = converted(tmp_path, "a.jsonl", json.dumps({"id": 1, "text": text, "label": label}))
    assert entities(doc) == [
        ("Four Seasons", "Company"),
        ("Four Seasons Hotels and Resorts", "Company"),
        ("Lyon", "City"),
    ]
    assert report.issues == {("offsets-crlf", "repaired"): 1}
    assert report.examples["offsets-crlf"].done.startswith("3 spans")
    assert doc.text == text


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
    assert entities(doc) == [("AHU-G1-V-1-1", "Equip"), ("Ctrl-Md", "Point")]
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


def test_a_text_file_of_tuples(tmp_path):
    """explosion/spaCy#3257: training tuples, one a line with a comma behind each, saved as text."""
    content = '("Uber blew through $1 million", [(0, 4, \'ORG\')]),\n("Maps 😂 by Google", [(10, 16, "PRODUCT")]),\n'
    report, docs = converted(tmp_path, "a.txt", content)
    assert [entities(doc) for doc in docs] == [[("Uber", "ORG")], [("Google", "PRODUCT")]]
    assert report.issues == {}


def test_simple_training_json_gives_its_documents(tmp_path):
    """explosion/spaCy#6342: pairs of text and offsets as JSON, of which `spacy convert` made no document and no error."""
    pairs = [["Who is Shaka Khan?", {"entities": [[7, 17, "PERSON"]]}], ["No one.", {"entities": []}]]
    report, docs = converted(tmp_path, "dev.json", json.dumps(pairs))
    assert [entities(doc) for doc in docs] == [[("Shaka Khan", "PERSON")], []]
    assert report.issues == {}


def test_every_span_that_cuts_a_token_is_listed(tmp_path):
    """explosion/spaCy#11497: a user asked for a list of what W030 warns of; ends are one short in spaced Japanese."""
    text = "はい . シマムラ ヒロユキ 様 、 ありがとう"
    report, (doc,) = converted(
        tmp_path, "a.jsonl", json.dumps({"text": text, "entities": [[5, 13, "PERSON"]]})
    )
    assert entities(doc) == [("シマムラ ヒロユキ", "PERSON")]
    (issue,) = map(json.loads, report.issues_path.read_text().splitlines())
    assert (issue["cause"], issue["line"], issue["excerpt"]) == (
        "misaligned",
        1,
        "はい . [シマムラ ヒロユ]キ 様 、 ありがとう",
    )

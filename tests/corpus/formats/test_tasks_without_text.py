"""Exports of annotation tools in which some tasks hold no text: an image, a recording, the name of a file, or nothing."""

import json

import pytest

from cloudner.corpus.convert.convert import convert
from cloudner.errors import InputError
from corpus.converting import converted, entities, issue_texts
from corpus.reading import put
from corpus.samples.words import DICTS, TEXT, lines

FOUND = [("Marie Curie", "PER"), ("Warsaw", "LOC")]


def region(start, end, label, text, to_name="text"):
    value = {"start": start, "end": end, "text": text, "labels": [label]}
    return {"type": "labels", "from_name": "label", "to_name": to_name, "value": value}


def task(number, data, *regions):
    return {"id": number, "data": data, "annotations": [{"id": number, "result": list(regions)}]}


WARSAW = region(24, 30, "LOC", "Warsaw")
GOOD = task(1, {"text": TEXT}, region(0, 11, "PER", "Marie Curie"), WARSAW)
BOX = {"type": "rectanglelabels", "to_name": "image", "value": {"x": 1, "y": 2, "rectanglelabels": ["Cat"]}}
SPEECH = {"type": "labels", "to_name": "audio", "value": {"start": 0.5, "end": 1.5, "labels": ["Speech"]}}
FILE = "/data/upload/1/0a1b2c3d-letters.txt"


def test_label_studio_reads_the_texts_and_counts_the_others(tmp_path):
    image = task(2, {"image": "/data/upload/1/cat.jpg", "source": "camera 1 in the hall"}, BOX)
    tasks = [image, GOOD, task(3, {"audio": "s3://b/a.wav"}, SPEECH), task(4, {"image": "a.png"}), task(5, {"text": None})]  # fmt: skip
    report, docs = converted(tmp_path, "a.json", json.dumps(tasks))
    assert entities(docs) == [FOUND]
    assert [text for text in issue_texts(report) if "tasks" in text] == [
        "2 tasks hold 'image' and no text: left out",
        "1 tasks hold 'audio' and no text: left out",
    ]
    assert report.issues == {("empty-document", "noted"): 3}


def test_label_studio_min(tmp_path):
    label = [{"start": s["start"], "end": s["end"], "labels": [s["label"]]} for s in DICTS]
    tasks = [
        {"id": 1, "annotation_id": 1, "image": "/data/upload/1/cat.jpg", "source": "camera 1", "box": []},
        {"id": 2, "annotation_id": 2, "text": TEXT, "label": label},
        {"id": 3, "annotation_id": 3, "text": FILE, "label": [{"start": 2, "end": 9, "text": "Ann Lee", "labels": ["PER"]}]},
    ]  # fmt: skip
    report, docs = converted(tmp_path, "a.json", json.dumps(tasks))
    assert entities(docs) == [FOUND]
    assert report.issues == {("empty-document", "noted"): 1, ("empty-document", "dropped"): 1}


@pytest.mark.parametrize(
    "address", [FILE, "s3://bucket/letters.txt", "https://a.org/letters", "gs://b/letters"]
)
def test_the_name_of_a_file_is_no_text(tmp_path, address):
    named = task(2, {"text": address}, WARSAW)
    report, docs = converted(tmp_path, "a.json", json.dumps([GOOD, named, named]))
    assert entities(docs) == [FOUND]
    (told,) = issue_texts(report)
    assert told.startswith("2 tasks hold the name of a file, such as ")
    assert address[:20] in told
    assert told.endswith("and not its text: left out, with 2 annotations")
    assert report.issues == {("empty-document", "dropped"): 1}
    path = put(tmp_path, "b.json", json.dumps([named]))
    with pytest.raises(InputError, match=r"task 2: 'text' is the name of a file.*not its text.*contents"):
        convert(str(path), tmp_path / "b.spacy")


def test_an_address_that_is_the_text(tmp_path):
    """Where a part of the address is marked, or nothing is, as in a message that is a link."""
    link = "https://a.org/warsaw.txt"
    tasks = [task(1, {"text": link}, region(14, 20, "LOC", "warsaw")), task(2, {"text": "https://t.co/Ab1"})]
    report, docs = converted(tmp_path, "a.json", json.dumps(tasks), align="expand")
    assert [doc.text for doc in docs] == [link, "https://t.co/Ab1"]
    assert not [text for text in issue_texts(report) if "file" in text]


def test_a_text_under_another_key_beside_an_image(tmp_path):
    item = task(1, {"image": "a.png", "words": TEXT}, region(24, 30, "LOC", "Warsaw", "ocr"))
    _, docs = converted(tmp_path, "a.json", json.dumps([item]))
    assert entities(docs) == [[("Warsaw", "LOC")]]


def test_prodigy(tmp_path):
    image = {"image": "data:image/png;base64,aaaa", "text": "cat.png", "spans": [{"points": [[1, 2]], "label": "CAT"}], "_input_hash": 1, "answer": "accept"}  # fmt: skip
    audio = {"audio": "a.wav", "audio_spans": [], "_input_hash": 2, "answer": "accept"}
    good = {"text": TEXT, "spans": DICTS, "_input_hash": 3, "answer": "accept"}
    empty = {"text": None, "spans": [], "_input_hash": 4, "answer": "accept"}
    report, docs = converted(tmp_path, "a.jsonl", lines(image, audio, good, empty, image))
    assert entities(docs) == [FOUND]
    told = [text for text in issue_texts(report) if "tasks" in text]
    assert told == [
        "2 tasks hold 'image' and no text: left out",
        "1 tasks hold 'audio' and no text: left out",
    ]
    path = put(tmp_path, "b.jsonl", lines(audio, audio))
    with pytest.raises(InputError, match=r"b\.jsonl:1.*no text"):
        convert(str(path), tmp_path / "b.spacy", format="prodigy")


def test_skip_bad_is_named_for_a_line_without_a_text(tmp_path):
    good = {"text": TEXT, "spans": DICTS, "_input_hash": 3, "answer": "accept"}
    path = put(tmp_path, "a.jsonl", lines(good, {"html": "<b>x</b>", "_input_hash": 4}, good))
    with pytest.raises(InputError, match=r"a\.jsonl:2.*no text.*--skip-bad 1"):
        convert(str(path), tmp_path / "a.spacy")
    assert convert(str(path), tmp_path / "a.spacy", skip_bad=1).issues == {("bad-record", "dropped"): 1}


def test_skip_bad_is_named_and_does_not_hide_why(tmp_path):
    """A task that nothing can be said of; leaving out the only line of a file leaves nothing, and the error says what was wrong."""
    content = json.dumps([GOOD, task(7, {"number": 3})])
    path = put(tmp_path, "a.json", content)
    with pytest.raises(InputError, match=r"task 7: no text in data.*--skip-bad"):
        convert(str(path), tmp_path / "a.spacy")
    with pytest.raises(InputError, match="task 7: no text in data"):
        convert(str(path), tmp_path / "a.spacy", skip_bad=1)
    pretty = put(tmp_path, "b.json", json.dumps([GOOD, task(7, {"number": 3})], indent=1))
    assert convert(str(pretty), tmp_path / "b.spacy", skip_bad=1).issues == {("bad-record", "dropped"): 1}

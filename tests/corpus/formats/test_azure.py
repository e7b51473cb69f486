"""Azure AI Language's export beside its texts."""

import json

import pytest

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
from corpus.converting import converted, entities
from corpus.reading import read_entities
from corpus.samples.words import SPANS


def test_azure_reads_its_texts_as_they_are(aligner, tmp_path):
    """Offsets count CRLF as two and an emoji as two; normalised newlines would cut words."""
    text = "A 😀 line\r\n\r\nMarie Curie\r\nWarsaw\r\n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    utf16 = lambda s: len(text[: text.index(s)].encode("utf-16-le")) // 2  # noqa: E731
    labels = [{"category": c, "offset": utf16(s), "length": len(s)} for s, c in SPANS]
    project = {
        "projectFileVersion": "2022-05-01",
        "stringIndexType": "Utf16CodeUnit",
        "assets": {
            "projectKind": "CustomEntityRecognition",
            "documents": [
                {"location": "a.txt", "entities": [{"regionOffset": 0, "regionLength": 99, "labels": labels}]}
            ],
        },
    }
    assert read_entities(aligner, tmp_path, json.dumps(project), "labels.json") == ("azure", [SPANS])
    assert aligner.take_issues() == []


def test_azure_text_outside_its_folder(tmp_path):
    project = {
        "projectFileVersion": "1",
        "assets": {"documents": [{"location": "../../etc/passwd", "entities": []}]},
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(project))
    with pytest.raises(InputError, match="outside its folder"):
        list(formats()["azure"].read(next(open_sources(path)), ReadOptions()))


MARKS = [{"category": "PER", "offset": 0, "length": 3}, {"category": "LOC", "offset": 10, "length": 4}]


def test_conversations_have_their_texts_in_the_export(tmp_path):
    """Conversational language understanding; its offsets are UTF-16 code units."""
    said = {
        "text": "Ann 😀 in Oslo",
        "intent": "go",
        "language": "en-us",
        "dataset": "Train",
        "entities": MARKS,
    }
    other = {"text": "No", "intent": "None", "entities": []}
    project = {
        "projectFileVersion": "2022-10-01-preview",
        "stringIndexType": "Utf16CodeUnit",
        "assets": {
            "projectKind": "Conversation",
            "entities": [{"category": "PER"}],
            "utterances": [said, other],
        },
    }
    _, docs = converted(tmp_path, "clu.json", json.dumps(project))
    assert entities(docs) == [[("Ann", "PER"), ("Oslo", "LOC")], []]
    assert docs[0].user_data["meta"] == {"intent": "go", "split": "Train"}


@pytest.mark.parametrize(
    "export",
    [
        {"entityNames": ["PER", "LOC"], "documents": [{"location": "a.txt", "culture": "en-us", "entities": [
            {"regionStart": 0, "regionLength": 9, "labels": [{"entity": 0, "start": 0, "length": 3},
                                                             {"entity": 1, "start": 7, "length": 4}]}]}]},
        {"extractors": [{"name": "PER"}, {"name": "LOC"}], "documents": [{"location": "a.txt", "extractors": [
            {"regionOffset": 0, "regionLength": 9, "labels": [{"extractorName": "PER", "offset": 0, "length": 3},
                                                              {"extractorName": 1, "offset": 7, "length": 4}]}]}]},
    ],
)  # fmt: skip
def test_entities_of_older_exports_are_named_apart(tmp_path, export):
    """They were dropped as entities without a label."""
    (tmp_path / "a.txt").write_text("Ann in Oslo", encoding="utf-8")
    _, docs = converted(tmp_path, "old.json", json.dumps(export))
    assert entities(docs) == [[("Ann", "PER"), ("Oslo", "LOC")]]

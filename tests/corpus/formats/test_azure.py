"""Azure AI Language's export beside its texts."""

import json

import pytest

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from cloudner.errors import InputError
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

"""A pipeline that an earlier version saved loads, and finds what it found then."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import spacy

import cloudner
import tiny

# Saved by 0.1.0 (commit 4d61232): a tiny BERT with case features and a CRF that knows `tiny.DATA` by heart.
SAVED = Path(__file__).parents[1] / "data" / "pipeline_0_1_0.zip"
CONFIDENCES = [0.996302, 0.997756, 0.998339, 0.998057, 0.99626, 0.997943, 0.99798, 0.998187]


@pytest.fixture
def folder(tmp_path):
    with zipfile.ZipFile(SAVED) as archive:
        archive.extractall(tmp_path)
    return tmp_path


@pytest.mark.parametrize("load", [spacy.load, lambda folder: cloudner.load(folder, device="cpu")])
def test_it_finds_what_it_found(folder, load):
    nlp = load(folder)
    docs = list(nlp.pipe([text for text, _ in tiny.DATA]))
    for doc, (_, entities) in zip(docs, tiny.DATA, strict=True):
        assert [(e.start_char, e.end_char, e.label_) for e in doc.ents] == entities
    found = [e._.confidence for doc in docs for e in doc.ents]
    assert found == pytest.approx(CONFIDENCES, abs=1e-4)


def test_it_can_be_trained_further(folder):
    nlp = spacy.load(folder)
    examples = tiny.make_examples(nlp)
    optimizer = tiny.adamw(1e-4)
    assert nlp.update(examples, sgd=optimizer)["cloudner"] < 0.1

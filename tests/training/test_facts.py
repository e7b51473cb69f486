"""What a training writes down of itself, what it says when it is interrupted, and the language that is typed."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
import spacy
from spacy.util import load_config

import tiny
from cloudner.calibration import calibrate
from cloudner.cli.train import _usable
from cloudner.training.language import take_tokenizer
from cloudner.training.provenance import provenance

CONFIGS = Path(__file__).parents[2] / "configs"
GENERAL = {"@tokenizers": "spacy.Tokenizer.v1"}


@pytest.mark.parametrize(
    ("lang", "more", "expected"),
    [
        ("zh", {}, {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "char"}),
        ("ja", {}, {"@tokenizers": "spacy.ja.JapaneseTokenizer", "split_mode": None}),
        ("de", {}, GENERAL),
        ("zh", {"nlp.tokenizer.@tokenizers": "spacy.Tokenizer.v1"}, GENERAL),
    ],
)
def test_a_language_that_is_typed_brings_its_tokenizer(lang, more, expected):
    overrides = {"nlp.lang": lang, **more}
    config = load_config(CONFIGS / "cpu.cfg", overrides=overrides, interpolate=False)
    name = take_tokenizer(config, overrides)
    assert dict(config["nlp"]["tokenizer"]) == expected
    assert name == (None if expected == GENERAL else expected["@tokenizers"])


def test_a_tokenizer_that_the_config_has_chosen_stays():
    config = load_config(CONFIGS / "zh-gpu.cfg", interpolate=False)
    before = dict(config["nlp"]["tokenizer"])
    assert take_tokenizer(config, {"nlp.lang": "ja"}) is None
    assert take_tokenizer(config, {}) is None
    assert dict(config["nlp"]["tokenizer"]) == before


def test_what_made_a_pipeline(tmp_path, monkeypatch):
    asked = {"corpora": {"paths.train": "ab12"}, "config": "cd34", "overrides": {"training.max_epochs": 3}}
    config = load_config(CONFIGS / "cpu.cfg", interpolate=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(asked, config)["commit"] is None
    for command in ("init -q", "add file", "-c user.name=a -c user.email=a@b commit -qm first"):
        (tmp_path / "file").write_text("one")
        subprocess.run(["git", *command.split()], check=True)
    facts = provenance(asked, config)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert facts["commit"] == head.stdout.strip()
    (tmp_path / "file").write_text("two")
    assert provenance(asked, config)["commit"] == facts["commit"] + "+"
    assert facts["versions"]["spacy"] == spacy.__version__
    assert (facts["seed"], facts["data"], facts["config"]) == (0, {"paths.train": "ab12"}, "cd34")
    json.dumps(facts)


def test_what_is_left_after_an_interrupt(trained, tmp_path):
    began = time.time() - 1
    assert "no pipeline yet" in _usable(tmp_path, began)
    trained.meta["performance"] = {"ents_f": 0.5}
    trained.to_disk(tmp_path / "model-best")
    assert (
        _usable(tmp_path, began) == f"Usable: {tmp_path / 'model-best'} (the best so far, F1 on dev 50.0 %)."
    )
    assert "no pipeline yet" in _usable(tmp_path, time.time() + 60)  # an earlier training's


def test_a_temperature_that_makes_confidences_worse_is_not_kept(trained):
    """Every entity found is right, and many are missed by a sure O: the tags' likelihood wants a higher temperature, under
    which the entities' confidences would fall away from the truth."""
    missed = [(text, [*gold, (text.index(word), text.index(word) + len(word), "LOC")]) for (text, gold), word in zip(tiny.DATA, ("lived", "bought", "entity", "met"), strict=True)]  # fmt: skip
    made = calibrate(trained, tiny.make_examples(trained, missed))
    assert made.temperature == 1.0
    assert made.ece_after == made.ece_before
    assert trained.get_pipe("cloudner").cfg["temperature"] == 1.0

"""`cloudner.training.train` from a config to pipelines on disk, on a CPU and on a GPU."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import DocBin, Span
from spacy.util import load_config
from typer.testing import CliRunner

import tiny
from cloudner.cli import app
from cloudner.errors import ConfigError, InputError
from cloudner.training import resolve, train

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize(
    "gpu_id",
    [
        -1,
        pytest.param(
            0,
            marks=[
                pytest.mark.gpu,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
            ],
        ),
    ],
)
def test_a_run_saves_pipelines_that_load_anywhere(bert, tmp_path, gpu_id):
    blank = spacy.blank("en")
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in tiny.make_examples(blank, tiny.DATA * 8)]).to_disk(corpus)
    best = train(
        CONFIGS / "gpu.cfg",
        tmp_path / "training",
        gpu_id=gpu_id,
        encoder=str(bert),
        overrides={
            "paths.train": str(corpus),
            "paths.dev": str(corpus),
            "training.max_epochs": 8,
            "training.batcher.batch_size": 4,
            "training.optimizer.learn_rate.initial_rate": 1e-2,
            "components.cloudner.model.dropout": 0.0,
        },
    )
    meta = json.loads((best / "meta.json").read_text(encoding="utf8"))
    assert meta["performance"]["cloudner_loss"] > 0
    spacy.require_cpu()
    nlp = spacy.load(best, config={"components": {"cloudner": {"model": {"device": "cpu"}}}})
    for text, entities in tiny.DATA:
        assert [(e.start_char, e.end_char, e.label_) for e in nlp(text).ents] == entities


@pytest.mark.parametrize("told", [True, False])  # with labels in dev that training has not
def test_training_that_taught_nothing_is_told(bert, tmp_path, caplog, monkeypatch, told):
    """And labels that only dev has take nothing from the calibration but themselves."""
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="cloudner")
    docs = [eg.reference for eg in tiny.make_examples(spacy.blank("en"), tiny.DATA * 8)]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    for doc in docs if told else ():
        doc.set_ents([Span(doc, ent.start, ent.end, "UNSEEN") for ent in doc.ents])
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    train(
        CONFIGS / "cpu.cfg",
        tmp_path / "training",
        gpu_id=-1,
        encoder=str(bert),
        overrides={
            "paths.train": str(tmp_path / "train.spacy"),
            "paths.dev": str(tmp_path / "dev.spacy"),
            "training.max_epochs": 8,
            "training.batcher.batch_size": 4,
            "training.optimizer.learn_rate.initial_rate": 1e-2,
        },
    )
    assert ("finds hardly anything" in caplog.text) == told
    assert ("cloudner: 64 of the entities to calibrate on have labels" in caplog.text) == told
    assert ("count as missed: UNSEEN (64)" in caplog.text) == told
    assert "Not calibrated" not in caplog.text
    run = json.loads((tmp_path / "training" / "run.json").read_text(encoding="utf8"))
    assert run["calibration"]["documents"] == 32


def test_what_was_trained_is_calibrated_and_what_is_frozen_stays(bert, tmp_path):
    """Also a component that the config takes from a trained pipeline, or whose encoder is another component's."""
    docs = [eg.reference for eg in tiny.make_examples(spacy.blank("en"), tiny.DATA * 4)]
    DocBin(docs=docs).to_disk(tmp_path / "docs.spacy")
    overrides = {
        "paths.train": str(tmp_path / "docs.spacy"), "paths.dev": str(tmp_path / "docs.spacy"), "training.max_epochs": 3,
    }  # fmt: skip
    config = load_config(CONFIGS / "cpu.cfg", interpolate=False)
    width = {"width": 24, "depth": 1, "embed_size": 200, "window_size": 1, "maxout_pieces": 2}
    config["nlp"]["pipeline"] = ["tok2vec", "cloudner"]
    config["components"] = {
        "tok2vec": {"factory": "tok2vec", "model": {
            "@architectures": "spacy.HashEmbedCNN.v2", "subword_features": True, "pretrained_vectors": None, **width,
        }},
        "cloudner": {"factory": "cloudner", "model": {"@architectures": "cloudner.SharedNER.v1", "tok2vec": {
            "@architectures": "spacy.Tok2VecListener.v1", "width": 24, "upstream": "*",
        }}},
    }  # fmt: skip
    config.to_disk(tmp_path / "shared.cfg")
    best = train(tmp_path / "shared.cfg", tmp_path / "shared", gpu_id=-1, overrides=overrides)
    told = json.loads((tmp_path / "shared" / "run.json").read_text())["calibration"]
    assert told["documents"] == 16
    assert json.loads((best / "cloudner" / "cfg").read_text())["temperature"] == told["temperature"]

    first = train(CONFIGS / "cpu.cfg", tmp_path / "first", gpu_id=-1, encoder=str(bert), overrides=overrides)
    before = {**json.loads((first / "cloudner" / "cfg").read_text()), "temperature": 1.2345}
    (first / "cloudner" / "cfg").write_text(json.dumps(before))
    config["nlp"]["pipeline"] = ["kept", "cloudner"]
    config["components"] = {
        "kept": {"source": str(first), "component": "cloudner"}, "cloudner": {"source": str(first)},
    }  # fmt: skip
    config["training"]["frozen_components"] = ["kept"]
    config.to_disk(tmp_path / "second.cfg")
    best = train(tmp_path / "second.cfg", tmp_path / "second", gpu_id=-1, overrides=overrides)
    told = json.loads((tmp_path / "second" / "run.json").read_text())["calibration"]
    kept, trained = (json.loads((best / name / "cfg").read_text()) for name in ("kept", "cloudner"))
    assert kept.pop("platt") == pytest.approx(before.pop("platt"))
    assert (
        kept.pop("digests").keys() == before.pop("digests").keys()
    )  # spaCy takes one source twice as one object
    assert kept == before
    assert trained["temperature"] == told["temperature"] != 1.2345
    assert trained["digests"]  # which the calibration has left there
    spacy.load(best)


@pytest.mark.parametrize("entities", [True, False])
def test_dev_data_without_entities_are_told(bert, tmp_path, caplog, monkeypatch, entities):
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    docs = [eg.reference for eg in tiny.make_examples(spacy.blank("en"), tiny.DATA)]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    DocBin(docs=docs if entities else []).to_disk(tmp_path / "dev.spacy")
    train(
        CONFIGS / "cpu.cfg", tmp_path / "training", gpu_id=-1, encoder=str(bert),
        overrides={
            "paths.train": str(tmp_path / "train.spacy"), "paths.dev": str(tmp_path / "dev.spacy"), "training.max_epochs": 1,
        },
    )  # fmt: skip
    assert ("No entity is annotated in the dev data" in caplog.text) == (not entities)
    assert entities or "finds hardly anything" not in caplog.text


def test_settings_that_spacy_would_leave_out_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no such setting.*try: --training.max_epochs 1"):
        resolve(CONFIGS / "cpu.cfg", overrides={"training.max_epoch": 1})
    with pytest.raises(ConfigError, match=r"--training.max_epochs one; expected a number"):
        resolve(CONFIGS / "cpu.cfg", overrides={"training.max_epochs": "one"})
    result = CliRunner().invoke(app, ["train", str(CONFIGS / "cpu.cfg"), "--max_epochs", "1"])
    assert result.exit_code == 1
    assert "no option --max_epochs" in result.stderr


def test_a_corpus_in_another_format_is_told(bert, tmp_path):
    """spaCy's reader takes no file but .spacy, and gives no document instead."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "Ann ran.", "entities": [[0, 3, "PER"]]}) + "\n")
    overrides = {"paths.train": str(path), "paths.dev": str(path)}
    with pytest.raises(InputError, match=r"corpus is empty.*\.spacy files only.*try: .*convert .*a\.jsonl"):
        resolve(CONFIGS / "cpu.cfg", encoder=str(bert), overrides=overrides)
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    with pytest.raises(ConfigError, match=r"no training examples.*\.spacy files only"):
        nlp.initialize(list)


def test_a_run_without_paths_calibrates_on_the_dev_corpus_of_the_config(bert, tmp_path):
    """The dev data come through the config's own reader: here a table whose columns only the config knows."""
    row = '"in Paris and on","[[3, 8, ""PLACE""]]"\n'
    for name in ("train", "dev"):
        (tmp_path / f"{name}.csv").write_text("when,what\n" + row * 8)
    config = load_config(CONFIGS / "cpu.cfg", interpolate=False)
    del config["paths"]
    config["initialize"].update(vectors=None, init_tok2vec=None)
    for name in ("train", "dev"):
        config["corpora"][name] = {
            "@readers": "cloudner.Corpus.v1", "path": str(tmp_path / f"{name}.csv"), "format": "csv",
            "text_column": "when", "entities_column": "what", "labels": {"PLACE": "LOC"},
        }  # fmt: skip
    config.to_disk(tmp_path / "run.cfg")
    overrides = {"training.max_epochs": 2, "training.optimizer.learn_rate.min_steps": 0}
    best = train(tmp_path / "run.cfg", tmp_path / "out", gpu_id=-1, encoder=str(bert), overrides=overrides)
    calibration = json.loads((tmp_path / "out" / "run.json").read_text())["calibration"]
    assert calibration["documents"] == 8
    assert json.loads((best / "meta.json").read_text())["cloudner"]["calibration"] == calibration


@pytest.mark.parametrize(
    ("config", "overrides", "expected"),
    [
        ("cpu.cfg", {"nlp.lang": "zh"}, "spacy.zh.ChineseTokenizer"),
        ("zh-gpu.cfg", {"nlp.lang": "en"}, "spacy.Tokenizer.v1"),
        ("cpu.cfg", {"nlp.lang": "de"}, None),
        ("zh-gpu.cfg", {"nlp.lang": "zh"}, None),
        ("cpu.cfg", {}, None),
        ("cpu.cfg", {"nlp.lang": "zh", "nlp.tokenizer.@tokenizers": "spacy.Tokenizer.v1"}, None),
    ],
)
def test_a_language_brings_its_tokenizer(config, overrides, expected):
    from cloudner.training.language import fit_tokenizer

    loaded = load_config(CONFIGS / config, overrides=overrides, interpolate=False)
    before = dict(loaded["nlp"]["tokenizer"])
    row = fit_tokenizer(loaded, overrides)
    if expected is None:
        assert row is None
        assert loaded["nlp"]["tokenizer"] == before
    else:
        assert row[:2] == ("nlp.tokenizer", expected)
        assert before["@tokenizers"] in row[2]
        fresh = spacy.blank(overrides["nlp.lang"]).config["nlp"]["tokenizer"]
        assert loaded["nlp"]["tokenizer"] == fresh


def test_a_tokenizer_of_ones_own_stays():
    from cloudner.training.language import fit_tokenizer

    config = {"nlp": {"tokenizer": {"@tokenizers": "my.Tokenizer.v1"}}}
    assert fit_tokenizer(config, {"nlp.lang": "zh"}) is None
    with pytest.raises(ConfigError, match="no such language"):
        fit_tokenizer(config, {"nlp.lang": "english"})


def test_a_chinese_run_from_the_english_config_is_told(bert, tmp_path):
    nlp = spacy.blank("zh")
    doc = nlp("王小明在北京大学工作。")
    doc.ents = [Span(doc, 0, 3, "PER"), Span(doc, 4, 8, "ORG")]
    DocBin(docs=[doc]).to_disk(tmp_path / "data.spacy")
    overrides = {
        "nlp.lang": "zh", "paths.train": str(tmp_path / "data.spacy"), "paths.dev": str(tmp_path / "data.spacy"),
    }  # fmt: skip
    made = resolve(CONFIGS / "cpu.cfg", gpu_id=-1, overrides=overrides, encoder=str(bert))
    assert ("nlp.tokenizer", "spacy.zh.ChineseTokenizer") in [row[:2] for row in made.rows]
    loaded = spacy.util.load_model_from_config(made.config.interpolate(), auto_fill=True)
    assert [token.text for token in loaded.make_doc("北京大学")] == list("北京大学")

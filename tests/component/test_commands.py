"""spaCy's own commands on a pipeline with the component in it, through spaCy's own command line."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from thinc.api import Config
from typer.testing import CliRunner

import tiny

CONFIG = """
[paths]
train = "{train}"
dev = "{train}"

[nlp]
lang = "en"
pipeline = ["cloudner"]

[components]

[components.cloudner]
factory = "cloudner"

[components.cloudner.model]
@architectures = "cloudner.TransformerNER.v1"
encoder = "{encoder}"
mixed_precision = "fp32"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${{paths.train}}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${{paths.dev}}

[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_epochs = 12
eval_frequency = 500

[training.batcher]
@batchers = "cloudner.batch_by_pieces.v1"
batch_size = 4

[training.logger]
@loggers = "cloudner.Console.v1"

[training.optimizer]
@optimizers = "cloudner.AdamW.v1"

[training.optimizer.learn_rate]
@schedules = "cloudner.linear.v1"
initial_rate = 0.01
total_steps = "auto"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("data") / "train.spacy"
    DocBin(docs=[eg.reference for eg in tiny.make_examples(nlp, tiny.DATA * 2)]).to_disk(path)
    return path


@pytest.fixture(scope="module")
def config(data, bert) -> Path:
    path = data.parent / "base.cfg"
    path.write_text(CONFIG.format(train=data, encoder=bert))
    return path


@pytest.fixture(scope="module")
def filled(config) -> Path:
    path = config.parent / "filled.cfg"
    run("init", "fill-config", config, path)
    return path


def run(*arguments, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output[-3000:]
    return result.output


def test_init_fill_config(filled):
    config = Config().from_disk(filled)  # older versions write a section as a line of its parent's
    made = config["components"]["cloudner"]
    assert made["model"]["pooling"] == "first"
    assert made["threshold"] == 0.0
    assert made["scorer"] == {"@scorers": "spacy.ner_scorer.v1"}
    assert config["training"]["optimizer"]["grad_clip"] == 1.0


def test_debug_config(filled):
    output = run("debug", "config", filled, "--show-functions")
    for name in ("cloudner.TransformerNER.v1", "cloudner.batch_by_pieces.v1", "cloudner.AdamW.v1"):
        assert name in output


def test_debug_data(filled, tmp_path):
    """spaCy counts fewer than 100 training docs as an error."""
    nlp = spacy.blank("en")
    data = [(f"{text} {i}", entities) for i in range(25) for text, entities in tiny.DATA]
    path = tmp_path / "train.spacy"
    DocBin(docs=[eg.reference for eg in tiny.make_examples(nlp, data)]).to_disk(path)
    output = run("debug", "data", filled, "--verbose", "--no-format", "--paths.train", path)
    assert "100 training docs" in output
    assert "error" not in output


def test_init_labels(filled, tmp_path):
    run("init", "labels", filled, tmp_path)
    assert json.loads((tmp_path / "cloudner.json").read_text()) == list(tiny.LABELS)
    # And they are read from there.
    config = spacy.util.load_config(filled)
    config["initialize"]["components"]["cloudner"] = {
        "labels": {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "cloudner.json")}
    }
    nlp = spacy.training.initialize.init_nlp(config.interpolate())
    assert nlp.get_pipe("cloudner").labels == tiny.LABELS


def test_train_evaluate_assemble_find_threshold(filled, data, tmp_path):
    run("train", filled, "--output", tmp_path)
    best = tmp_path / "model-best"
    saved = spacy.util.load_config(best / "config.cfg")
    total = saved["training"]["optimizer"]["learn_rate"]["total_steps"]
    assert isinstance(total, int)
    assert saved["training"]["max_steps"] == total - 1
    assert total == pytest.approx(24, abs=2)
    run("evaluate", best, data, "--output", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["ents_f"] > 0.9
    # find-threshold overwrites cfg and reads the scorer.
    output = run("find-threshold", best, data, "cloudner", "threshold", "ents_f", "--n_trials", 3)
    assert "0.0" in output
    # assemble: a pipeline from a config that sources the component.
    source = tmp_path / "assemble.cfg"
    source.write_text(
        f'[nlp]\nlang = "en"\npipeline = ["ner"]\n\n[components]\n\n[components.ner]\nsource = "{best}"\ncomponent = "cloudner"\n'
    )
    run("assemble", source, tmp_path / "assembled")
    nlp = spacy.load(tmp_path / "assembled")
    assert nlp.pipe_names == ["ner"]
    text = tiny.DATA[0][0]
    assert tiny.ents(nlp(text)) == tiny.ents(spacy.load(best)(text))


@pytest.mark.parametrize(
    ("typed", "steps", "told"),
    [
        ({"training.max_epochs": 3}, 6, "epochs x batches"),
        ({}, 100, "12 epochs of this small corpus are only 24"),
        ({"training.max_epochs": 3, "training.optimizer.learn_rate.min_steps": 60}, 60, "only 6"),
    ],
)
def test_a_small_corpus_is_trained_on_for_min_steps_unless_epochs_are_typed(filled, data, typed, steps, told):
    from cloudner.training import resolve

    text = filled.read_text(encoding="utf-8").replace("min_steps = 0", "min_steps = 100")
    assert "min_steps = 100" in text
    config = filled.parent / "min_steps.cfg"
    config.write_text(text, encoding="utf-8")
    made = resolve(config, gpu_id=-1, overrides={"paths.train": str(data), "paths.dev": str(data), **typed})
    total, why = next(row[1:] for row in made.rows if row[0] == "total_steps")
    assert total == pytest.approx(steps, abs=2)
    assert told in why


@pytest.mark.parametrize("said", ["auto", True, False])
def test_checkpointing_is_resolved_and_pieces_are_counted_for_it(filled, data, said):
    from cloudner.training import resolve

    overrides = {"paths.train": str(data), "paths.dev": str(data),
                 "components.cloudner.model.gradient_checkpointing": said}  # fmt: skip
    made = resolve(filled, gpu_id=-1, overrides=overrides)
    used = made.config["components"]["cloudner"]["model"]["gradient_checkpointing"]
    reasons = [row[2] for row in made.rows if row[0] == "cloudner.gradient_checkpointing"]
    assert made.settings["gradient_checkpointing"] is used
    if said == "auto":
        assert isinstance(used, bool)
        assert "fit" in reasons[0]
    else:
        assert (used, reasons) == (said, [])


def test_package(trained_folder, tmp_path, monkeypatch):
    run("package", trained_folder, tmp_path, "--name", "tiny_ner", "--build", "none")
    (folder,) = tmp_path.glob("xx_tiny_ner-*")
    requirements = json.loads((folder / "meta.json").read_text())["requirements"]
    assert any(r.startswith("cloudner>=") for r in requirements), "a package asks for what it needs to load"
    shutil.copy(folder / "meta.json", folder / "xx_tiny_ner")  # as its setup.py does
    monkeypatch.syspath_prepend(str(folder))
    nlp = importlib.import_module("xx_tiny_ner").load()
    assert tiny.ents(nlp(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]


def test_pipe_analysis(trained):
    problems = trained.analyze_pipes()
    assert problems["summary"]["cloudner"]["assigns"] == ["doc.ents", "token.ent_iob", "token.ent_type"]
    assert not problems["problems"]["cloudner"]
    assert spacy.language.Language.get_factory_meta("cloudner").default_score_weights["ents_f"] == 1.0

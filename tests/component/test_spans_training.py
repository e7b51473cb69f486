"""`cloudner_spans` under the training commands and spaCy's: train, calibrate, load, evaluate, find-threshold."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from spacy.training.loop import create_evaluation_callback
from typer.testing import CliRunner

import cloudner
import spans
import tiny
from cloudner.report.loggers.progress import entity_score
from cloudner.report.render.training_curves import training_curves
from cloudner.training.result import read_result
from cloudner.training.run import train

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "spans.cfg"


def run(*arguments) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output[-3000:]
    return result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("data") / "train.spacy"
    DocBin(docs=[eg.reference for eg in spans.gold(nlp, spans.NESTED * 2)]).to_disk(path)
    return path


@pytest.fixture(scope="module")
def best(data, bert) -> Path:
    """Trained by the configuration that cloudner comes with, on a tiny encoder."""
    settings = {
        "paths.train": str(data), "paths.dev": str(data), "training.optimizer.learn_rate.initial_rate": 0.004,
        "training.optimizer.learn_rate.min_steps": 40, "training.batcher.batch_size": 6, "training.dropout": 0.0,
        "components.cloudner_spans.model.dropout": 0.0, "components.cloudner_spans.model.mixed_precision": "fp32",
        "training.logger.progress": False,
    }  # fmt: skip
    return train(CONFIG, data.parent / "training", gpu_id=-1, overrides=settings, encoder=str(bert))


def test_cloudner_train_finds_all_depths(best):
    nlp = cloudner.load(best, device="cpu")
    for doc, (_, expected) in zip(nlp.pipe(text for text, _ in spans.NESTED), spans.NESTED, strict=True):
        assert spans.found(doc) == sorted(expected)
    log = [json.loads(line) for line in (best.parent / "log.jsonl").read_text().splitlines()]
    assert max(record["scores"]["spans_sc_f"] for record in log if record.get("scores")) == 1.0
    performance = json.loads((best / "meta.json").read_text())["performance"]
    assert entity_score(performance) == performance["spans_sc_f"] == 1.0
    per_label = read_result(best, [], {}, "cpu").scores["dev"]["per_label"]
    assert set(per_label) == {label for _, marks in spans.NESTED for *_, label in marks}
    assert all(each["f1"] == 1.0 for each in per_label.values())
    card = (best / "README.md").read_text()
    assert "| all (micro) | 100.00 | 100.00 | 100.00 |" in card
    curve = next(curve for curve in training_curves(log) if curve.key == "f1")
    assert curve.best


def test_a_temperature_is_fitted(best):
    run_json = json.loads((best.parent / "run.json").read_text())
    temperature = json.loads((best / "cloudner_spans" / "cfg").read_text())["temperature"]
    assert run_json["calibration"]["temperature"] == temperature
    assert run_json["calibration"]["ece_after"] <= run_json["calibration"]["ece_before"]
    nlp = spacy.load(best)
    pipe = nlp.get_pipe("cloudner_spans")
    pipe.cfg["temperature"] = 3.0
    flatter = nlp(spans.NESTED[0][0])
    pipe.cfg["temperature"] = 1.0
    sharper = nlp(spans.NESTED[0][0])
    assert spans.found(flatter) == spans.found(sharper)
    assert (np.array(flatter.spans["sc"].attrs["scores"]) < sharper.spans["sc"].attrs["scores"]).all()


def test_what_a_temperature_is_fitted_on(best):
    """Wrong labels in the gold make the confidences of what is found too high, and the temperature higher."""
    nlp = spacy.load(best)
    right = cloudner.calibrate(nlp, spans.gold(nlp))
    wrong = [(text, [(s, e, "PER") for s, e, _ in there]) for text, there in spans.NESTED]
    other = cloudner.calibrate(nlp, spans.gold(nlp, wrong))
    assert other.temperature > right.temperature
    assert other.ece_after < other.ece_before


def test_a_label_that_only_the_data_has_takes_nothing_else_away(best, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cloudner"), "propagate", True)
    nlp = spacy.load(best)
    whole = cloudner.calibrate(nlp, spans.gold(nlp))
    more = [(text, [*there, (0, 1, "UNSEEN")]) for text, there in spans.NESTED]
    assert cloudner.calibrate(nlp, spans.gold(nlp, more)) == whole
    assert f"count as missed: UNSEEN ({len(more)})" in caplog.text


@pytest.mark.slow
def test_spacys_commands(best, data, tmp_path):
    scores = tmp_path / "scores.json"
    run("evaluate", best, data, "--output", scores)
    assert json.loads(scores.read_text())["spans_sc_f"] == 1.0
    output = run("find-threshold", best, data, "cloudner_spans", "threshold", "spans_sc_f", "--n_trials", 3)
    assert "Best threshold" in output
    resolved = best.parent / "resolved.cfg"
    many = tmp_path / "many.spacy"  # spaCy counts fewer than 100 training docs as an error
    DocBin(docs=[eg.reference for eg in spans.gold(spacy.blank("en"), spans.NESTED * 17)]).to_disk(many)
    assert "102 training docs" in run(
        "debug", "data", resolved, "--no-format", "--verbose", "--paths.train", many
    )
    run("init", "labels", resolved, tmp_path / "labels")
    assert json.loads((tmp_path / "labels" / "cloudner_spans.json").read_text()) == list(spans.LABELS)


def test_a_record_without_entity_scores_has_those_of_spans():
    assert entity_score({"spans_sc_f": 0.5, "spans_sc_p": 0.4}) == 0.5
    assert entity_score({"spans_sc_f": 0.5, "ents_f": 0.7, "spans_sc_p": 0.4}) == 0.7
    assert entity_score({"spans_sc_f": 0.5, "spans_sc_p": 0.4}, "p") == 0.4
    assert entity_score({"ents_f": None, "spans_a_f": None, "spans_sc_f": 0.5}) == 0.5
    assert entity_score({"token_acc": 1.0}) is None
    # As spaCy writes meta.json, with a 0 for what nothing scores.
    assert entity_score({"spans_sc_f": 0.0, "spans_all_f": 0.5}) == 0.5
    assert entity_score({"spans_sc_f": 0.0, "spans_all_f": 0.0}) == 0.0


@pytest.mark.parametrize("given", [{}, {"spans_all_p": 0.3, "spans_all_f": 0.7}])
def test_the_best_step_of_another_key_is_not_the_first(given, bert):
    """The factory's default weights name the scores of "sc"; where they are not there, spaCy counts 0 for all steps."""
    nlp = spacy.blank("xx", config={"training": {"score_weights": given}})
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("cloudner_spans", config={**spans.settings(bert), "spans_key": "all"})
    examples = spans.gold(nlp, key="all")
    tiny.start(nlp, examples)
    weights = {name: weight for name, weight in nlp.config["training"]["score_weights"].items() if weight}
    share = {"spans_all_f": weights.pop("spans_all_f"), "spans_all_p": weights.pop("spans_all_p", 0.0)}
    assert weights.keys() == {"sents_f"}
    assert share["spans_all_p"] == pytest.approx(share["spans_all_f"] * 3 / 7 if given else 0.0, abs=0.01)
    optimizer = tiny.adamw(1e-2)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    evaluate = create_evaluation_callback(nlp, lambda _: examples, nlp.config["training"]["score_weights"])
    assert evaluate()[0] == pytest.approx(sum(share.values()), abs=0.01)


def test_the_weights_of_two_keys_and_of_the_default_one(bert):
    nlp = spacy.blank("xx")
    for key in ("one", "two"):
        nlp.add_pipe("cloudner_spans", name=key, config={**spans.settings(bert), "spans_key": key})
    examples = spans.gold(nlp, key="one")
    for example in examples:
        example.reference.spans["two"] = list(example.reference.spans["one"])
    tiny.start(nlp, examples)
    weights = nlp.config["training"]["score_weights"]
    assert (weights["spans_one_f"], weights["spans_two_f"], weights["spans_sc_f"]) == (0.5, 0.5, None)
    assert spans.make_nlp(bert).config["training"]["score_weights"]["spans_sc_f"] == 1.0


def test_spancats_scores_of_the_default_key_keep_their_weight(bert):
    nlp = spacy.blank("xx")
    nlp.add_pipe("spancat")
    nlp.add_pipe("cloudner_spans", config={**spans.settings(bert), "spans_key": "all"})
    with nlp.select_pipes(disable="spancat"):
        tiny.start(nlp, spans.gold(nlp, key="all"))
    assert nlp.config["training"]["score_weights"]["spans_sc_f"] == 1.0

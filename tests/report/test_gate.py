"""The gate: a pipeline that is worse, has lost a label or is slower does not pass, by itself and by exit code."""

from __future__ import annotations

import time

import pytest
import srsly
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import Doc
from typer.testing import CliRunner

import cloudner
import spans
from cloudner.errors import ConfigError
from cloudner.report.evaluation.gate import labels_of

from .conftest import gold_doc, ruler, write_docs

NAMES = [("Anna Berg", "PER"), ("Oslo", "LOC"), ("Acme", "ORG")]


@Language.component("report_test_slow")
def slow(doc: Doc) -> Doc:
    time.sleep(0.002)
    return doc


@pytest.fixture
def data(tmp_path):
    nlp = ruler([], confidence=False)
    texts = [("Anna Berg left Acme", [NAMES[0], NAMES[2]]), ("Oslo is far", [NAMES[1]])]
    docs = [gold_doc(nlp, f"{text} {i}.", ents) for i in range(15) for text, ents in texts]
    return write_docs(tmp_path / "test.spacy", docs)


def gate(new, old, data, **options):
    return cloudner.evaluate(new, data, compare_with=old, rounds=100, gate=True, **options).gate


def test_an_equal_pipeline_passes(data):
    found = gate(ruler(NAMES, confidence=False), ruler(NAMES, confidence=False), data, max_slowdown=100.0)
    assert found.passed
    assert found.reasons == []
    assert found.slowdown > 0


def test_worse_and_lost(data):
    better, worse = ruler(NAMES, confidence=False), ruler(NAMES[:1], confidence=False)
    found = gate(worse, better, data, max_slowdown=100.0)
    assert not found.passed
    assert found.reasons[0].startswith("worse: F1 -")
    assert found.reasons[1].startswith("labels lost: LOC, ORG")
    assert gate(better, worse, data, max_slowdown=100.0).passed


def test_a_label_that_is_there_and_silent_is_lost(data):
    silent = ruler([*NAMES[:2], ("Nobody", "ORG")], confidence=False)
    reasons = gate(silent, ruler(NAMES, confidence=False), data, max_slowdown=100.0).reasons
    assert any(reason == "labels lost: ORG (no entity is found any more)" for reason in reasons)


def test_a_label_of_spans_is_lost(bert, tmp_path):
    old = spans.make_nlp(bert)
    new = spans.make_nlp(bert, [(text, [s for s in found if s[2] != "PER"]) for text, found in spans.NESTED])
    without = [(text, found) for text, found in spans.NESTED if all(s[2] != "PER" for s in found)]
    test = write_docs(tmp_path / "test.spacy", [example.reference for example in spans.gold(old, without)])
    reasons = gate(new, old, test, max_slowdown=1e6).reasons
    assert "labels lost: PER (the new pipeline does not have them)" in reasons
    reasons = gate(old, new, test, max_slowdown=1e6).reasons
    assert not any("does not have them" in reason for reason in reasons)


def test_labels_are_those_of_what_is_scored(bert):
    nlp = spans.make_nlp(bert, component={"ents": "longest"})
    nlp.add_pipe("entity_ruler").add_patterns([{"pattern": "Oslo", "label": "GPE"}])
    ruler_of = nlp.add_pipe("span_ruler", config={"spans_key": "other"})
    ruler_of.add_patterns([{"pattern": "Oslo", "label": "CITY"}])
    assert labels_of(nlp) == {"LOC", "ORG", "PER", "GPE"}
    assert labels_of(nlp, "sc") == {"LOC", "ORG", "PER"}
    assert labels_of(nlp, "other") == {"CITY"}
    nlp.get_pipe("cloudner_spans").cfg["ents"] = "none"
    assert labels_of(nlp) == {"GPE"}


def test_slower(data):
    slow_one = ruler(NAMES, confidence=False)
    slow_one.add_pipe("report_test_slow")
    found = gate(slow_one, ruler(NAMES, confidence=False), data)
    assert found.slowdown > 1.5
    assert [reason.split(":")[0] for reason in found.reasons] == ["slower"]
    assert gate(slow_one, ruler(NAMES, confidence=False), data, max_slowdown=1e6).passed


def test_a_gate_needs_another_pipeline(data):
    with pytest.raises(ConfigError, match="compare with"):
        cloudner.evaluate(ruler(NAMES), data, gate=True)


@pytest.mark.parametrize("most", [float("nan"), 0, -1])
def test_a_limit_that_nothing_or_all_would_pass_is_refused(data, most):
    with pytest.raises(ConfigError, match="max_slowdown = "):
        cloudner.evaluate(ruler(NAMES), data, compare_with=ruler(NAMES), gate=True, max_slowdown=most)


@pytest.mark.parametrize(("patterns", "code"), [(NAMES, 0), (NAMES[:1], 3)])
def test_the_exit_code(patterns, code, data, tmp_path):
    import cloudner.cli  # noqa: F401  registers the commands

    ruler(patterns, confidence=False).to_disk(tmp_path / "new")
    ruler(NAMES, confidence=False).to_disk(tmp_path / "old")
    words = [
        "cloudner", "evaluate", tmp_path / "new", data, "--compare", tmp_path / "old", "--gate", "--max-slowdown", 1000,
        "--rounds", 100, "--output", tmp_path / "report.html", "--json", tmp_path / "metrics.json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    assert ("Gate: passed" in done.output) == (code == 0)
    found = srsly.read_json(tmp_path / "metrics.json")["gate"]
    assert found["passed"] == (code == 0)
    assert (tmp_path / "report.html").exists()


def test_an_error_and_wrong_usage_have_other_codes(data, tmp_path):
    import cloudner.cli  # noqa: F401

    words = ["cloudner", "evaluate", str(tmp_path / "none"), str(data), "--gate"]
    assert CliRunner().invoke(app, words).exit_code == 1
    assert CliRunner().invoke(app, [*words, "--max-slow", "2"]).exit_code == 2

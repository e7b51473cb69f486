"""Drift: equal texts do not drift, other ones do, and the tests of significance keep what they promise."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner

import cloudner
import spans
from cloudner.errors import CloudnerError
from cloudner.studies.permutation import holm, permutation_p
from cloudner.studies.texts import texts_of


def texts(seed: int, count: int = 60, person: float = 0.5) -> list[str]:
    rng = random.Random(seed)
    return [
        f"{'Ada' if rng.random() < person else 'Nobody'} went to {rng.choice(['Oslo', 'Rome', 'school'])}"
        + " again" * rng.randint(0, 4)
        for _ in range(count)
    ]


@pytest.fixture
def nlp():
    made = spacy.blank("en")
    patterns = [("Ada", "PER"), ("Oslo", "LOC"), ("Rome", "LOC")]
    made.add_pipe("entity_ruler").add_patterns([{"pattern": p, "label": label} for p, label in patterns])
    return made


def changed(found, name="new"):
    return {change.name for change in found.changes[name] if change.drifted}


def test_p_values_are_uniform_where_nothing_differs():
    rng = np.random.default_rng(0)
    counts, ones = rng.poisson(3, (40, 200)).astype(float), np.ones((20, 200))
    found = permutation_p((counts[:20], ones), (counts[20:], ones), rounds=300)
    assert found.shape == (200,)
    assert 0.03 <= np.mean(found < 0.1) <= 0.17
    one, zero = np.ones((20, 1)), np.zeros((20, 1))
    assert permutation_p((zero, one), (one, one), rounds=200).tolist() == [1 / 201]
    assert permutation_p((zero, zero), (one, one)).tolist() == [1.0]


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_like_texts_do_not_drift_and_others_do(nlp):
    before = texts(4)
    assert changed(cloudner.drift(before, texts(5), model=nlp)) == set()
    without = cloudner.drift(before, texts(6, person=0.02), model=nlp)
    assert changed(without) == {"entities PER", "entities"}
    longer = cloudner.drift(before, [text + " and on" * 9 for text in texts(5)], model=nlp)
    assert "length" in changed(longer)
    assert (without.drifted, longer.drifted) == (True, True)


def test_measures_of_a_transformer(trained):
    known = ["Marie Curie lived in Paris."] * 20
    found = cloudner.drift(
        known, {"same": known, "greek": ["Ωμέγα ψ."] * 20}, model=trained, train=None, rounds=500
    )
    by_name = {change.name: change for change in found.changes["greek"]}
    assert {"word pieces", "unknown pieces", "confidence", "entities LOC"} <= set(by_name)
    assert by_name["unknown pieces"].drifted
    assert by_name["unknown pieces"].reference == 0 < by_name["unknown pieces"].new
    assert changed(found, "same") == set()
    assert "training data is not there" in found.notes[0]
    assert json.loads(json.dumps(found.to_dict()))["drifted"] is True


def test_spans_of_a_group_are_measured(bert, tmp_path):
    nlp = spans.overfit(spans.make_nlp(bert, component={"threshold": 0.01}), steps=12)
    before = [text for text, _ in spans.NESTED] * 2
    train = tmp_path / "train.spacy"
    DocBin(docs=[example.reference for example in spans.gold(nlp, spans.NESTED[:1])]).to_disk(train)
    known = {"University of Warsaw Library", "University of Warsaw", "Warsaw"}
    found = cloudner.drift(before, ["nothing at all"] * 6, model=nlp, train=train, rounds=100)
    by_name = {change.name: change.reference for change in found.changes["new"]}
    docs = list(nlp.pipe(before))
    every = [span for doc in docs for span in doc.spans["sc"]]
    tokens = sum(len(doc) for doc in docs)
    assert len(every) > 0
    assert not any(doc.ents for doc in docs)
    assert by_name["entities"] == pytest.approx(1000 * len(every) / tokens)
    for label in spans.LABELS:
        count = sum(span.label_ == label for span in every)
        assert by_name[f"entities {label}"] == pytest.approx(1000 * count / tokens)
    scores = [score for doc in docs for score in doc.spans["sc"].attrs["scores"]]
    assert by_name["confidence"] == pytest.approx(float(np.mean(scores)))
    unseen = sum(span.text not in known for span in every)
    assert by_name["unseen entities"] == pytest.approx(unseen / len(every))


def test_unseen_entities(nlp, tmp_path):
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "Ada is in Oslo", "entities": [[0, 3, "PER"], [10, 14, "LOC"]]}\n')
    found = cloudner.drift(["Ada in Oslo"] * 20, ["Rome is far"] * 20, model=nlp, train=train)
    change = {c.name: c for c in found.changes["new"]}["unseen entities"]
    assert (change.reference, change.new, change.drifted) == (0.0, 1.0, True)


def test_a_reference_that_the_pipeline_was_trained_on_is_told(nlp, tmp_path):
    """Its entities are known and the new ones' are not, which looks like drift."""
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "Ada is in Oslo", "entities": [[0, 3, "PER"], [10, 14, "LOC"]]}\n')
    found = cloudner.drift(["Ada  is in Oslo", "Ada is out"], ["Rome is far"] * 2, model=nlp, train=train)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("1 of 2 documents of the reference are training data")
    assert found.notes[0] in found.lines()
    assert cloudner.drift(["Ada is out"] * 2, ["Ada is in Oslo"] * 2, model=nlp, train=train).notes == []


def test_texts_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two", "label": 3}\n')
    (tmp_path / "a.csv").write_text('id,Text\n1,one\n2,"two"\n')
    (tmp_path / "a.conll").write_text("one\tO\n\ntwo\tO\n")
    for name in ("a.txt", "a.jsonl", "a.csv", "a.conll"):
        assert [text.strip() for text in texts_of(tmp_path / name)] == ["one", "two"], name
    (tmp_path / "b.csv").write_text("id\n1\n")
    (tmp_path / "b.jsonl").write_text('{"text": "one"}\n{"te')
    for name, said in (("b.csv", "b.csv:1: no text"), ("b.jsonl", "b.jsonl:2: no JSON")):
        with pytest.raises(CloudnerError, match=said):
            list(texts_of(tmp_path / name))
    with pytest.raises(CloudnerError, match="no such file"):
        list(texts_of("nothing.txt"))


def test_what_cannot_work_is_one_error(nlp):
    with pytest.raises(CloudnerError, match="1 documents in new"):
        cloudner.drift(["a", "b"], ["c"], model=nlp)
    with pytest.raises(CloudnerError, match="level = 0"):
        cloudner.drift(["a", "b"], ["c", "d"], model=nlp, level=0)


@pytest.mark.parametrize("new", [{}, {"reference": texts(2)}])
def test_no_new_texts_and_such_that_are_named_as_the_others(nlp, new):
    with pytest.raises(CloudnerError, match="new texts"):
        cloudner.drift(texts(1), new, model=nlp)


def test_the_command(nlp, tmp_path):
    import cloudner.cli  # noqa: F401

    nlp.to_disk(tmp_path / "model")
    for name, lines in (("before", texts(4)), ("like", texts(5)), ("other", texts(6, person=0.02))):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))

    def run(*names):
        words = [str(tmp_path / f"{name}.txt") for name in ("before", *names)]
        options = ["--model", str(tmp_path / "model"), "--output", str(tmp_path / "drift.html"), "--json", str(tmp_path / "drift.json")]  # fmt: skip
        return CliRunner().invoke(app, ["cloudner", "drift", *words, *options, "--gate"])

    assert run("like").exit_code == 0
    done = run("like", "other")
    assert done.exit_code == 3, done.output
    assert done.output.strip().splitlines()[-1] == str(tmp_path / "drift.html")
    kept = json.loads((tmp_path / "drift.json").read_text())
    assert [any(c["drifted"] for c in changes) for changes in kept["changes"].values()] == [False, True]
    assert "other.txt" in (tmp_path / "drift.html").read_text()

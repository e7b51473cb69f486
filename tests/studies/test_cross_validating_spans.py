"""Cross-validation of entities that nest: all spans kept out of fold, scored exactly and by depth, and reviewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

import cloudner
from cloudner.errors import CloudnerError
from cloudner.report.evaluation.scores import Score
from cloudner.studies.cross_validation import Spread

CITIES = ["Warsaw", "Oxford", "Leipzig", "Lyon", "Paris", "Brussels"]
VERBS = ["opened", "closed", "moved", "grew"]
DATA = [
    (text, [(0, 18 + len(city), "ORG"), (18, 18 + len(city), "LOC")])
    for city in CITIES
    for verb in VERBS
    for text in [f"The University of {city} {verb}"]
]
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "spans.cfg"
QUICK = {
    "components.cloudner_spans.model.mixed_precision": "fp32",
    "components.cloudner_spans.model.dropout": 0.0,
    "components.cloudner_spans.ents": "longest",
    "training.dropout": 0.0,
    "training.optimizer.learn_rate.initial_rate": 5e-3,
    "training.optimizer.learn_rate.min_steps": 40,
}


@pytest.fixture(scope="module")
def made(bert, tmp_path_factory):
    output = tmp_path_factory.mktemp("crossval") / "out"
    options = {"config": CONFIG, "encoder": str(bert), "overrides": QUICK, "device": "cpu"}
    return cloudner.cross_validate(DATA, folds=2, output=output, **options)


def rows_of(made):
    return [json.loads(line) for line in made.predictions.read_text("utf8").splitlines()]


def test_all_spans_are_kept_and_scored(made):
    rows = rows_of(made)
    assert {row["spans_key"] for row in rows} == {"sc"}
    by_fold, by_depth = {}, {}
    for row, (text, gold) in zip(rows, DATA, strict=True):
        assert row["text"] == text
        likely = {tuple(span[:3]): span[3] for span in row["likely"]}
        found = {tuple(span) for span in row["entities"]}
        assert found == {span for span, p in likely.items() if p >= 0.5}
        assert row["confidence"] == [likely[tuple(span)] for span in row["entities"]]
        score = Score(len(found & set(gold)), len(found), len(gold))
        by_fold[row["fold"]] = by_fold.get(row["fold"], Score()) + score
        for depth, place in (("1", gold[0]), ("2", gold[1])):
            inside = {s for s in found if (place[:2] != gold[0][:2]) == (s[:2] != gold[0][:2])}
            score = Score(len(inside & {place}), len(inside), 1)
            by_depth[depth, row["fold"]] = by_depth.get((depth, row["fold"]), Score()) + score
    assert any(len(row["entities"]) > 1 for row in rows)  # nested ones are found
    assert [fold.scores.micro.f1 for fold in made.folds] == [by_fold[n].f1 for n in range(2)]
    assert made.f1 == Spread.of([by_fold[n].f1 for n in range(2)])
    assert made.f1.mean > 0.5
    assert made.evaluation.strict.micro == by_fold[0] + by_fold[1]
    assert made.evaluation.spans_key == "sc"
    assert set(made.per_depth) == {"1", "2"}
    kept = json.loads((made.predictions.parent / "cross-validation.json").read_text())
    assert kept["per_depth"]["2"]["mean"] == made.per_depth["2"].mean
    assert any(line.startswith("depth 2") for line in made.lines())
    assert "<h2>By depth</h2>" in made.to_html()


def test_the_corpus_keeps_the_group(made):
    docs = list(DocBin().from_disk(made.corpus).get_docs(spacy.blank("en").vocab))
    assert [len(doc.spans["sc"]) for doc in docs] == [2] * len(DATA)
    assert [[ent.label_ for ent in doc.ents] for doc in docs] == [["ORG"]] * len(DATA)


def test_evaluate_takes_the_predictions(made, tmp_path):
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps({"text": t, "entities": e}) + "\n" for t, e in DATA), "utf8")
    scored = cloudner.evaluate(made.predictions, gold, compare_with=made.predictions, rounds=20)
    assert scored.strict == made.evaluation.strict
    assert scored.strict.micro.gold == 2 * len(DATA)
    assert scored.by_depth == made.evaluation.by_depth
    rows = rows_of(made)
    flat = tmp_path / "flat.jsonl"
    flat.write_text("".join(json.dumps({**row, "spans_key": None}) + "\n" for row in rows), "utf8")
    # Without the name of a group, entities are scored; with it, the same file is that of a group.
    assert cloudner.evaluate(flat, gold, rounds=20).strict.micro.gold == len(DATA)
    assert cloudner.evaluate(flat, gold, spans_key="sc", rounds=20).strict == scored.strict
    with pytest.raises(
        CloudnerError, match=r"predictions of doc\.spans\['sc'\]; expected predictions of doc\.ents"
    ):
        cloudner.evaluate(flat, gold, compare_with=made.predictions, rounds=20)
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(json.dumps(rows[0]) + "\n" + json.dumps({**rows[1], "spans_key": "b"}) + "\n", "utf8")
    with pytest.raises(CloudnerError, match=r"mixed\.jsonl:2: spans_key 'b'; expected 'sc'"):
        cloudner.evaluate(mixed, gold)


def test_review_takes_the_predictions(made, tmp_path):
    settings = {"overrides": QUICK, "gpu_id": -1, "output": tmp_path / "review"}
    reviewed = cloudner.review(made.corpus, CONFIG, predictions=made.predictions, **settings)
    assert reviewed.annotations == 2 * len(DATA)
    assert sum(each.given is not None for each in reviewed.suspects) == 2 * len(DATA)
    flat = tmp_path / "flat.jsonl"
    flat.write_text("".join(json.dumps({**row, "spans_key": None}) + "\n" for row in rows_of(made)), "utf8")
    with pytest.raises(
        CloudnerError, match=r"predictions of doc\.ents; expected those of doc\.spans\['sc'\]"
    ):
        cloudner.review(made.corpus, CONFIG, predictions=flat, **settings)


def test_trials_divide_by_the_spans(tmp_path):
    """A label that is nested alone is in every fold, and the folds' files keep the group."""
    from cloudner.studies.trials import corpora_of

    parts = corpora_of(DATA, None, 2, tmp_path, 0, {"lang": "en", "spans": "sc"})
    vocab = spacy.blank("en").vocab
    for part in parts:
        for path in part.values():
            docs = list(DocBin().from_disk(path).get_docs(vocab))
            assert all(len(doc.spans["sc"]) == 2 for doc in docs)

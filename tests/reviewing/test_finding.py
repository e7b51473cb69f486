"""Planted errors are found by small trainings of a real encoder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from benchmarks.corruption import KINDS, corrupt
from benchmarks.review import exact, places_of, scores

import cloudner
from cloudner.folds.documents import read_config, read_corpus
from cloudner.reviewing.suspects import Suspect

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs" / "cpu.cfg"


def corrupted(folder: Path, count: int, share: float):
    """The first documents of assets, their annotation before, and the errors planted in it."""
    with open(ROOT / "assets" / "train.csv", encoding="utf8", newline="") as stream:
        rows = list(csv.DictReader(stream))[:count]
    with open(folder / "assets.csv", "w", encoding="utf8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    corpus = read_corpus(folder / "assets.csv", read_config(CONFIG, {}))
    before = [[(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in corpus.docs]
    return corpus, before, corrupt(corpus.docs, share, seed=0)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return corrupted(tmp_path_factory.mktemp("assets"), 60, 0.1)


def test_errors_of_four_kinds_are_planted_where_they_are_said_to_be(planted):
    corpus, before, errors = planted
    assert len(errors) == round(0.1 * sum(map(len, before)))
    assert {error.kind for error in errors} == set(KINDS)
    after = [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in corpus.docs]
    for number, spans in enumerate(before):
        mine = [error for error in errors if error.doc == number]
        gone = {error.before for error in mine} - {None}
        new = {error.after for error in mine} - {None}
        assert after[number] == (set(spans) - gone) | new
    for error in errors:
        assert (error.before is None) == (error.kind == "invented")
        assert (error.after is None) == (error.kind == "missed")
        assert len(error.tokens) == (1 if error.kind == "boundary" else len(error.tokens)) > 0


def test_a_list_that_knows_all_errors_scores_one(planted):
    _, _, errors = planted
    told = [Suspect(e.doc, e.kind, e.after, e.before, 1.0, True) for e in errors]
    assert exact(told, errors)["recall_2n"] == scores(places_of(told), errors)["recall_2n"] == 1
    nothing = [Suspect(0, "missed", None, (0, 0, "X"), 1.0, True)]
    assert exact(nothing, errors)["recall_2n"] == scores(places_of(nothing), errors)["recall_2n"] == 0


@pytest.mark.slow
def test_most_planted_errors_come_first(tmp_path):
    """120 documents, two folds of 70 small steps: too few for a good pipeline, enough to find half of the errors."""
    corpus, _, errors = corrupted(tmp_path, 120, 0.1)
    source = tmp_path / "corpus.jsonl"
    rows = [
        {"id": name, "text": doc.text, "entities": [[e.start_char, e.end_char, e.label_] for e in doc.ents]}
        for name, doc in zip(corpus.names, corpus.docs, strict=False)
    ]
    source.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf8")
    steps = {
        "training.max_epochs": 1,
        "training.optimizer.learn_rate.min_steps": 70,
        "training.batcher.max_pieces": 256,
    }
    made = cloudner.review(
        source, CONFIG, folds=2, overrides=steps, gpu_id=-1, count=2 * len(errors), output=tmp_path / "out"
    )
    found = scores(places_of(made.suspects), errors)
    chance = 2 * len(errors) / len(made.suspects)
    assert chance < 0.2
    assert found["recall_2n"] > 0.5
    assert found["precision_100"] > 0.4

    # The decisions of somebody who knows the truth bring annotations back.
    truth = {(error.doc, error.after): error.before for error in errors}
    number = {name: i for i, name in enumerate(corpus.names)}
    right = 0
    for each, suspect in zip(made.rows, made.suspects, strict=False):
        if (
            truth.get((number[each["id"]], suspect.given), suspect.given)
            == suspect.suggested
            != suspect.given
        ):
            each["decision"], right = "accept", right + 1
    assert right > len(errors) / 4
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text("".join(json.dumps(each) + "\n" for each in made.rows), "utf8")
    report = cloudner.convert(source, tmp_path / "better.jsonl", apply=decisions)
    assert report.decisions["accept"] == right

"""Cross-validation: real trainings on folds, scores that follow from the kept predictions, a kill that loses no fold."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from statistics import mean, stdev

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner

import cloudner
from cloudner.errors import CloudnerError
from cloudner.report.evaluation.scores import Score
from training import runs

NAMES = ["Ada Byron", "Marie Curie", "Angela Merkel", "Grace Hopper"]
CITIES = ["Paris", "Warsaw", "Oxford", "Leipzig", "Lyon", "Brussels"]
DATA = [
    (f"{name} lived in {city}.", [(0, len(name), "PER"), (len(name) + 10, len(name) + 10 + len(city), "LOC")])
    for name in NAMES
    for city in CITIES
]
DATA[3] = (DATA[3][0] + " Mars", [*DATA[3][1], (len(DATA[3][0]) + 1, len(DATA[3][0]) + 5, "PLANET")])
QUICK = {
    "components.cloudner.model.mixed_precision": "fp32",
    "training.max_epochs": 4,
    "training.optimizer.learn_rate.initial_rate": 5e-3,
}


@pytest.fixture(scope="module")
def made(bert, tmp_path_factory):
    output = tmp_path_factory.mktemp("crossval") / "out"
    options = {"folds": 3, "encoder": str(bert), "output": output, "overrides": QUICK, "device": "cpu"}

    def killed(number, fold):
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cloudner.cross_validate(DATA, told=killed, **options)
    times = {path: path.stat().st_mtime_ns for path in output.glob("folds/fold-*.json")}
    assert [path.name for path in sorted(times)] == ["fold-0.json", "fold-1.json"]
    told = []
    found = cloudner.cross_validate(DATA, told=lambda number, fold: told.append(fold), **options)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert [fold.number for fold in told] == [0, 1, 2]
    return found, options


def rows_of(made):
    return [json.loads(line) for line in made.predictions.read_text("utf8").splitlines()]


def test_every_document_is_predicted_once_by_a_pipeline_that_has_not_seen_it(made):
    found, options = made
    rows = rows_of(found)
    assert [row["text"] for row in rows] == [text for text, _ in DATA]
    for number in range(3):
        kept = json.loads((options["output"] / "folds" / f"fold-{number}.json").read_text())
        assert kept["documents"] == [i for i, row in enumerate(rows) if row["fold"] == number]
        assert kept["trained_on"] == len(DATA) - len(kept["documents"])
    assert not list(options["output"].glob("folds/fold-?"))  # pipelines


def test_the_scores_follow_from_the_predictions(made):
    found, options = made
    by_fold: dict[int, Score] = {}
    by_label: dict[tuple[int, str], Score] = {}
    for row, (_, gold) in zip(rows_of(found), DATA, strict=True):
        predicted = {tuple(span) for span in row["entities"]}
        likely = {tuple(span[:3]): span[3] for span in row["likely"]}
        confidences = [likely[tuple(span)] for span in row["entities"]]
        assert row["confidence"] == pytest.approx(confidences, abs=1e-4)
        for label in ("PER", "LOC", "PLANET"):
            mine, right = ({s for s in spans if s[2] == label} for spans in (predicted, set(gold)))
            score = Score(len(mine & right), len(mine), len(right))
            by_fold[row["fold"]] = by_fold.get(row["fold"], Score()) + score
            key = row["fold"], label
            by_label[key] = by_label.get(key, Score()) + score
    values = [by_fold[number].f1 for number in range(3)]
    assert [fold.scores.micro.f1 for fold in found.folds] == values
    assert (found.f1.mean, found.f1.std) == (mean(values), stdev(values))
    assert found.f1.mean > 0.5
    for label in ("PER", "LOC"):
        assert found.per_label[label].mean == mean(by_label[n, label].f1 for n in range(3))
    assert (found.per_label["PLANET"].mean, found.per_label["PLANET"].std) == (0.0, None)
    assert found.notes == ["PLANET is in 1 of 3 folds alone: its mean says little."]
    assert found.evaluation.strict.micro == sum(by_fold.values(), Score())
    kept = json.loads((options["output"] / "cross-validation.json").read_text())
    assert kept["f1"] == {"mean": found.f1.mean, "std": found.f1.std, "folds": 3}
    assert kept["pooled"]["micro"]["gold"] == 2 * len(DATA) + 1
    page = (options["output"] / "cross-validation.html").read_text()
    assert str(found.f1) in page
    assert "PLANET" in found._repr_html_()
    assert (options["output"] / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_a_fold_is_scored_as_evaluate_scores_its_pipeline(bert, tmp_path):
    """On the pipeline's own tokens: in this corpus the city and what follows it are two, in the pipeline's often one."""
    nlp = spacy.blank("en")
    docs = []
    for i, city in enumerate(CITIES * 4):
        words = ["Ada", "lived", "in", city, str(1900 + i), "."]
        doc = spacy.tokens.Doc(nlp.vocab, words=words, spaces=[True, True, True, i % 2 == 0, False, False])
        doc.ents = [spacy.tokens.Span(doc, 0, 1, "PER"), spacy.tokens.Span(doc, 3, 4, "LOC")]
        docs.append(doc)
    overrides = {**QUICK, "training.max_epochs": 40}
    found = cloudner.cross_validate(
        docs,
        folds=2,
        encoder=str(bert),
        output=tmp_path,
        overrides=overrides,
        device="cpu",
        keep_pipelines=True,
    )
    kept = list(DocBin().from_disk(found.corpus).get_docs(nlp.vocab))
    on_gold = []
    for fold in found.folds:
        here = json.loads((tmp_path / "folds" / f"fold-{fold.number}.json").read_text())["documents"]
        DocBin(docs=[kept[i] for i in here]).to_disk(tmp_path / "fold.spacy")
        pipeline = tmp_path / "folds" / f"fold-{fold.number}" / "training" / "model-best"
        same, other = (
            cloudner.evaluate(
                pipeline, tmp_path / "fold.spacy", device="cpu", gold_preproc=gold, rounds=10
            ).strict
            for gold in (False, True)
        )
        assert fold.scores == same
        on_gold.append(other)
    assert found.f1.mean > 0
    assert on_gold != [fold.scores for fold in found.folds]


def test_evaluate_takes_the_predictions(made, tmp_path):
    found, _ = made
    # Against another file of the same documents, without tokens, and beside worse predictions.
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps({"text": t, "entities": e}) + "\n" for t, e in DATA), "utf8")
    worse = tmp_path / "worse.jsonl"
    worse.write_text(
        "".join(json.dumps({**row, "entities": [], "confidence": []}) + "\n" for row in rows_of(found)),
        "utf8",
    )
    scored = cloudner.evaluate(found.predictions, gold, compare_with=worse)
    assert scored.strict == found.evaluation.strict
    assert scored.comparison is not None
    assert scored.comparison.f1 == (scored.strict.micro.f1, 0.0)
    assert scored.calibration is not None
    assert "words/s" not in scored.to_markdown()
    with pytest.raises(CloudnerError, match="a gate over files of predictions"):
        cloudner.evaluate(found.predictions, gold, compare_with=worse, gate=True)
    (tmp_path / "other.jsonl").write_text('{"text": "Ada slept", "entities": [[0, 3, "PER"]]}\n')
    with pytest.raises(CloudnerError, match="no prediction of document text-"):
        cloudner.evaluate(found.predictions, tmp_path / "other.jsonl")
    worse.write_text('{"text": "Ada", "entities": [[0, 9, "PER"]]}\n')
    with pytest.raises(CloudnerError, match=r"worse\.jsonl:1: no predictions in a line"):
        cloudner.evaluate(worse, gold)
    corpus = tmp_path / "applied.spacy"
    spacy.tokens.DocBin(docs=[spacy.blank("en")("Ada slept")]).to_disk(corpus)
    with pytest.raises(
        CloudnerError, match=r"applied\.spacy: a corpus, which is no pipeline.*evaluate PIPELINE GOLD"
    ):
        cloudner.evaluate(corpus, gold)


def test_predictions_inside_tokens_are_scored_as_they_are(tmp_path):
    doc = spacy.blank("en")("Ada met Bob-like men")
    doc.set_ents([spacy.tokens.Span(doc, 0, 1, "PER")])
    assert [token.text for token in doc][2] == "Bob"
    gold, file = tmp_path / "gold.spacy", tmp_path / "p.jsonl"
    DocBin(docs=[doc]).to_disk(gold)
    file.write_text(json.dumps({"text": doc.text, "entities": [[0, 3, "PER"], [8, 10, "PER"]]}) + "\n")
    score = cloudner.evaluate(file, gold).strict.micro
    assert (score.correct, score.predicted, score.gold) == (1, 2, 1)


def test_predictions_of_equal_texts(tmp_path):
    """The first of equal texts is the first in both files, with ids and without."""
    rows = [("Yes.", []), ("Ada slept.", [[0, 3, "PER"]]), ("Yes.", [[0, 3, "PER"]])]
    gold, file = tmp_path / "gold.jsonl", tmp_path / "p.jsonl"

    def write(path, ids):
        made = (
            {"text": t, "entities": e, **({} if n is None else {"id": n})}
            for (t, e), n in zip(rows, ids, strict=True)
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf8")

    for gold_ids in ([None] * 3, ["a", "b", "c"], ["a", "a", "a"]):
        for ids in ([None] * 3, gold_ids):
            write(gold, gold_ids)
            write(file, ids)
            score = cloudner.evaluate(file, gold, rounds=10).strict.micro
            assert (score.correct, score.predicted, score.gold) == (2, 2, 2)
    write(file, ["a", "a", "a#2"])
    with pytest.raises(CloudnerError, match=r"p\.jsonl:3: a second prediction of document a#2"):
        cloudner.evaluate(file, gold)
    rows.pop()
    write(file, [None] * 2)
    with pytest.raises(CloudnerError, match="no prediction of document a#3"):
        cloudner.evaluate(file, gold)


def test_review_takes_the_predictions(made, tmp_path):
    found, _ = made
    settings = {"config": "configs/cpu.cfg", "overrides": QUICK, "gpu_id": -1}
    reviewed = cloudner.review(found.corpus, output=tmp_path / "r", predictions=found.predictions, **settings)
    assert not (tmp_path / "r" / "folds").exists()  # nothing was trained
    given = [each for each in reviewed.suspects if each.given is not None]
    assert len(given) == reviewed.annotations == 2 * len(DATA) + 1
    planet = next(each for each in given if each.given[2] == "PLANET")  # no pipeline has learned it
    assert planet.probability >= sorted(each.probability for each in given)[-3]
    bare = tmp_path / "bare.jsonl"
    bare.write_text(json.dumps({"text": DATA[0][0], "entities": [[0, 9, "PER"]]}) + "\n")
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps({"text": DATA[0][0], "entities": DATA[0][1]}) + "\n")
    with pytest.raises(CloudnerError, match="no probabilities of document"):
        cloudner.review(one, predictions=bare, output=tmp_path / "b", **settings)


def test_what_cannot_work_is_one_error(tmp_path):
    with pytest.raises(
        CloudnerError, match=r"8 different texts for 5 folds; expected 10 or more .*; try: a larger"
    ):
        cloudner.cross_validate(DATA[:8], output=tmp_path / "a")
    with pytest.raises(CloudnerError, match="1 folds; expected 2 or more"):
        cloudner.cross_validate(DATA, folds=1, output=tmp_path / "b")


def test_the_command(bert, tmp_path):
    import cloudner.cli  # noqa: F401

    source = tmp_path / "data.jsonl"
    source.write_text("".join(json.dumps({"text": t, "entities": e}) + "\n" for t, e in DATA[:8]), "utf8")
    overrides = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
    command = ["cloudner", "cross-validate", str(source), "--folds", "2", "--encoder", str(bert), "--output",
               str(tmp_path / "out"), "--gpu-id", "-1", *overrides, "--training.max_epochs", "1"]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    lines = done.output.strip().splitlines()
    assert lines[0].startswith("fold 1: F1 ")
    assert lines[-1] == str(tmp_path / "out" / "report.html")
    assert any(line.startswith("F1 ") and "of 2 folds" in line for line in lines)


CODE = """
import json, sys
import cloudner
data, options = json.loads(sys.argv[1])
data = [(text, [tuple(span) for span in spans]) for text, spans in data]
made = cloudner.cross_validate(data, told=lambda n, fold: print("fold", n, flush=True), device="cpu", **options)
print(json.dumps(made.f1.mean))
"""


@pytest.mark.slow
def test_a_killed_process_loses_no_fold(bert, tmp_path):
    options = {"folds": 3, "encoder": str(bert), "output": str(tmp_path / "out"), "overrides": QUICK}
    command = [sys.executable, "-c", CODE, json.dumps([DATA, options])]
    first = subprocess.Popen(command, env=runs.environment(), stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("fold"):
            break
    first.kill()
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/folds").glob("fold-*.json")}
    assert tmp_path / "out/folds/fold-0.json" in kept
    assert len(kept) < 3
    done = subprocess.run(
        command, env=runs.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    whole = cloudner.cross_validate(DATA, device="cpu", **{**options, "output": tmp_path / "whole"})
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(whole.f1.mean)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process hears")
def test_sigterm_in_a_training_is_one_line(bert, tmp_path):
    """It was a traceback; the fold goes on from the checkpoint that the training writes as it stops."""
    (tmp_path / "data.jsonl").write_text(
        "".join(json.dumps({"text": t, "entities": e}) + "\n" for t, e in DATA), "utf8"
    )
    overrides = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
    command = [
        sys.executable, "-m", "cloudner", "cross-validate", "data.jsonl", "--folds", "2", "--encoder", str(bert), "--gpu-id",
        "-1", *overrides, "--training.max_epochs", "0", "--training.max_steps", "400", "--training.eval_frequency", "5",
    ]  # fmt: skip
    options = {"cwd": tmp_path, "env": runs.environment(), "text": True}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    training = tmp_path / "cross-validation/folds/fold-0/training"
    while not (training / "model-best").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert said.splitlines()[-1] == "Stopped by SIGTERM: the same command goes on with what is not done."
    assert "Traceback" not in said
    assert list((training / "checkpoints").iterdir())

"""Tuning: real trainings, a search that processes share and a kill does not lose."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from spacy.cli._util import app
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from typer.testing import CliRunner

import cloudner
import cloudner.cli
from cloudner.errors import CloudnerError
from cloudner.studies.trials import check_space
from cloudner.training.resolution import resolve
from training import runs

optuna = pytest.importorskip("optuna", reason="the extra `tune` is not installed")

DATA = [(f"In {1800 + i} {n} lived in Paris.", [(8, 8 + len(n), "PER"), (18 + len(n), 23 + len(n), "LOC")]) for i in range(12) for n in ("Ada Byron", "Marie Curie")]  # fmt: skip
RATE = "training.optimizer.learn_rate.initial_rate"
SPACE = {RATE: (1e-4, 1e-2, "log"), "training.max_epochs": (1, 3), "training.batcher.batch_size": [4, 8]}
FP32 = {"components.cloudner.model.mixed_precision": "fp32"}


@pytest.fixture(scope="module")
def found(bert, tmp_path_factory):
    output = tmp_path_factory.mktemp("tune")
    options = {"encoder": str(bert), "space": SPACE, "output": output, "overrides": FP32, "device": "cpu"}
    told = []
    made = cloudner.tune(DATA, trials=3, told=lambda number, f1: told.append((number, f1)), **options)
    return made, options, told


def test_the_best_config_is_that_of_the_best_trial(found):
    made, options, told = found
    assert [number for number, _ in told] == [0, 1, 2]
    assert made.f1 == max(f1 for _, f1 in told if f1 is not None) > 0
    config = Config().from_disk(made.config, interpolate=False)["training"]
    assert config["optimizer"]["learn_rate"]["initial_rate"] == pytest.approx(made.best[RATE])
    assert config["max_epochs"] == made.best["training.max_epochs"]
    assert config["optimizer"]["learn_rate"]["min_steps"] == 0
    kept = json.loads((options["output"] / "tune.json").read_text())
    assert kept["f1"] == made.f1
    assert [trial["number"] for trial in kept["trials"]] == [0, 1, 2]
    assert "<h2>Trials</h2>" in (options["output"] / "tune.html").read_text()
    assert "Trials" in made.to_html()
    assert not list(options["output"].glob("trial-*"))


def test_a_second_call_goes_on(found):
    made, options, _ = found
    told = []
    again = cloudner.tune(DATA, trials=4, told=lambda number, f1: told.append(number), **options)
    assert told == [3]
    assert len(again.trials) == 4
    assert again.f1 >= made.f1
    with pytest.raises(CloudnerError, match="another data"):
        cloudner.tune(DATA[:-2], trials=5, **options)
    with pytest.raises(CloudnerError, match="another space"):
        cloudner.tune(DATA, trials=5, **{**options, "space": {RATE: (1e-4, 1e-3)}})


NAMES = ["Ada Byron", "Marie Curie", "Angela Merkel"]
MORE = [
    (f"{name} lived in {city}.", [(0, len(name), "PER"), (len(name) + 10, len(name) + 10 + len(city), "LOC")])
    for name in NAMES
    for city in ("Paris", "Warsaw", "Oxford", "Leipzig")
]


def test_folds_of_the_training_data(bert, tmp_path):
    options = {
        "encoder": str(bert), "space": {RATE: (1e-3, 1e-2, "log")}, "output": tmp_path / "tune", "device": "cpu",
        "overrides": {**FP32, "training.max_epochs": 2}, "folds": 3,
    }  # fmt: skip
    talkative = optuna.logging.get_verbosity()
    made = cloudner.tune(MORE, trials=2, **options)
    for trial in made.trials:
        assert len(trial["folds"]) == 3
        assert trial["f1"] == pytest.approx(sum(trial["folds"]) / 3)
    assert made.f1 == max(trial["f1"] for trial in made.trials)
    assert "best mean F1 of 3 folds" in made.lines()[0]
    parts = [DocBin().from_disk(p) for p in sorted((tmp_path / "tune/corpus").glob("fold-*/dev.spacy"))]
    texts = [doc.text for part in parts for doc in part.get_docs(Vocab())]
    assert sorted(texts) == sorted(text for text, _ in MORE)

    # A process that is killed in its third fold leaves the scores of two in the journal.
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "tune/journal.log")))  # fmt: skip
    study = optuna.load_study(study_name="cloudner", storage=storage)
    killed = study.ask({RATE: optuna.distributions.FloatDistribution(1e-3, 1e-2, log=True)})
    for name, value in (("host", socket.gethostname()), ("pid", gone.pid), ("scores", [0.25, 0.5])):
        killed.set_user_attr(name, value)
    again = cloudner.tune(MORE, trials=3, **options)
    assert [trial["state"] for trial in again.trials] == ["complete", "complete", "fail", "complete"]
    assert again.trials[3]["folds"][:2] == [0.25, 0.5]
    assert len(again.trials[3]["folds"]) == 3
    assert again.trials[3]["settings"] == killed.params

    # One whose number another process has now, as in a container that is started anew: here this one's own.
    ended = study.ask({RATE: optuna.distributions.FloatDistribution(1e-3, 1e-2, log=True)})
    for name, value in (
        ("host", socket.gethostname()),
        ("pid", os.getpid()),
        ("began", 1.0),
        ("scores", [0.5] * 3),
    ):
        ended.set_user_attr(name, value)
    corpus = {path: path.read_bytes() for path in (tmp_path / "tune/corpus").rglob("*.spacy")}
    assert [trial["state"] for trial in cloudner.tune(MORE, trials=4, **options).trials][4:] == [
        "fail",
        "complete",
    ]

    # What is refused leaves the corpus of the search as it was: its other processes train on it.
    with pytest.raises(CloudnerError, match="another data"):
        cloudner.tune(MORE[1:], trials=5, **options)
    assert {path: path.read_bytes() for path in (tmp_path / "tune/corpus").rglob("*.spacy")} == corpus
    assert not list((tmp_path / "tune").glob(".asked-*"))
    assert optuna.logging.get_verbosity() == talkative
    with pytest.raises(CloudnerError, match="another data, folds"):
        cloudner.tune(MORE, trials=4, **{**options, "folds": None})
    with pytest.raises(CloudnerError, match="3 folds beside a dev corpus"):
        cloudner.tune(MORE, MORE, **options)
    with pytest.raises(CloudnerError, match="4 different texts for 3 folds"):
        cloudner.tune(MORE[:4], **{**options, "output": tmp_path / "few"})


def test_the_command(bert, tmp_path):
    source = tmp_path / "data.jsonl"
    source.write_text("".join(json.dumps({"text": t, "entities": e}) + "\n" for t, e in MORE), "utf8")
    overrides = [word for name, value in FP32.items() for word in (f"--{name}", str(value))]
    command = ["cloudner", "tune", str(source), "--config", str(runs.CONFIGS / "cpu.cfg"), "--encoder", str(bert), "--trials", "1",
               "--folds", "2", "--output", str(tmp_path / "out"), "--gpu-id", "-1", "--lang", "de", *overrides]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    lines = done.output.strip().splitlines()
    assert lines[0].startswith("trial 0: F1 ")
    assert any("best mean F1 of 2 folds" in line for line in lines)
    best = Config().from_disk(tmp_path / "out" / "best.cfg", interpolate=False)
    (trial,) = json.loads((tmp_path / "out" / "tune.json").read_text())["trials"]
    assert best["training"]["max_epochs"] == trial["settings"]["training.max_epochs"]
    # What was given for every trial is in the config too: training with it is the training that was scored.
    assert best["nlp"]["lang"] == "de"
    assert best["components"]["cloudner"]["model"]["encoder"] == str(bert)
    assert best["components"]["cloudner"]["model"]["mixed_precision"] == "fp32"
    assert lines[-1].endswith("best.cfg")


def constant(config):
    config["training"]["optimizer"]["learn_rate"] = 1e-3


def other_schedule(config):
    rate = {"@schedules": "warmup_linear.v1", "warmup_steps": 5, "total_steps": 50, "initial_rate": 1e-3}
    config["training"]["optimizer"]["learn_rate"] = rate


def pieces(config):
    config["nlp"]["tokenizer"] = {"@tokenizers": "cloudner.EncoderPieces.v1", "encoder": "elsewhere"}


@pytest.mark.parametrize(
    ("change", "given"),
    [
        (None, {"lang": "zh"}), (pieces, {}), (constant, {}), (other_schedule, {}),
        (None, {"overrides": {"training.optimizer.learn_rate.min_steps": 7}}),
    ],
)  # fmt: skip
def test_the_best_config_is_the_training_that_was_scored(change, given, bert, tmp_path):
    config = Config().from_disk(runs.CONFIGS / "cpu.cfg", interpolate=False)
    if change is not None:
        change(config)
    config.to_disk(tmp_path / "asked.cfg")
    # A search whose one trial is over: nothing is left to train.
    output = tmp_path / "tune"
    output.mkdir()
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(output / "journal.log")))  # fmt: skip
    study = optuna.create_study(storage=storage, study_name="cloudner", direction="maximize")
    space = {"training.max_epochs": optuna.distributions.IntDistribution(1, 3)}
    study.add_trial(optuna.trial.create_trial(params={"training.max_epochs": 2}, distributions=space, value=0.5))  # fmt: skip
    made = cloudner.tune(
        MORE, MORE, config=tmp_path / "asked.cfg", encoder=str(bert), space={"training.max_epochs": (1, 3)}, trials=1,
        output=output, device="cpu", **given,
    )  # fmt: skip
    assert made.best == {"training.max_epochs": 2}
    paths = {f"paths.{name}": str(output / "corpus" / f"{name}.spacy") for name in ("train", "dev")}
    lang = {"nlp.lang": given["lang"]} if "lang" in given else {}
    trial = {**paths, **lang, **given.get("overrides", {}), **made.best}
    scored = resolve(tmp_path / "asked.cfg", gpu_id=-1, overrides=trial, encoder=str(bert)).config
    again = resolve(made.config, gpu_id=-1, overrides=paths).config
    assert again.to_str() == scored.to_str()
    assert again["components"]["cloudner"]["model"]["encoder"] == str(bert)
    if lang:
        assert again["nlp"]["tokenizer"]["@tokenizers"] == "spacy.zh.ChineseTokenizer"
    if change is pieces:
        assert again["nlp"]["tokenizer"]["encoder"] == str(bert)


@pytest.mark.parametrize("values", [(1, 2, 3), (2, 1), [], "ab", (0, 1, "log"), (1,)])
def test_a_range_that_is_none(values):
    with pytest.raises(CloudnerError, match="the range of x"):
        check_space({"x": values})


CODE = """
import sys, json
import cloudner
data, options = json.loads(sys.argv[1])
data = [(text, [tuple(span) for span in spans]) for text, spans in data]
options["space"] = {name: tuple(v) if v[-1] == "log" else v for name, v in options["space"].items()}
cloudner.tune(data, told=lambda number, f1: print("done", number, flush=True), device="cpu", **options)
"""


def test_what_is_given_is_not_searched(bert, tmp_path):
    """It was varied all the same, without a word."""
    options = {"encoder": str(bert), "overrides": {**FP32, "training.max_epochs": 1}, "device": "cpu"}
    made = cloudner.tune(DATA, trials=1, output=tmp_path / "out", **options)
    assert set(made.best) == {
        RATE,
        "training.batcher.batch_size",
        "training.dropout",
        "training.optimizer.layer_decay",
    }
    assert Config().from_disk(made.config, interpolate=False)["training"]["max_epochs"] == 1
    with pytest.raises(
        CloudnerError, match=r"training\.max_epochs has both a value and a range; expected one of the two"
    ):
        cloudner.tune(DATA, trials=1, space=SPACE, output=tmp_path / "other", **options)


def test_ctrl_c_loses_no_fold(bert, tmp_path):
    """The trial that it came into is tried again, and a fold that was over is not trained again."""
    output = tmp_path / "out"
    options = {
        "encoder": str(bert), "space": SPACE, "output": output, "trials": 2, "folds": 3, "overrides": FP32, "device": "cpu",
    }  # fmt: skip

    def interrupt():
        while not (output / "journal.log").is_file() or scores() == 0:
            time.sleep(0.01)
        time.sleep(0.1)  # the journal's lock is released: Optuna does not expect an interrupt in that moment
        os.kill(os.getpid(), signal.SIGINT)

    def scores():  # written after each training
        return sum(
            '"user_attr":{"scores"' in line for line in (output / "journal.log").read_text().splitlines()
        )

    waiting = threading.Thread(target=interrupt)
    # Where the tests run in the background the shell has it ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        waiting.start()
        with pytest.raises(KeyboardInterrupt):
            cloudner.tune(MORE, **options)
        waiting.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    before = scores()
    assert 0 < before < 3
    made = cloudner.tune(MORE, **options)
    first, again, last = made.trials
    assert [t["state"] for t in made.trials] == ["fail", "complete", "complete"]
    assert again["settings"] == first["settings"]
    assert again["folds"][:before] == first["folds"]
    assert len(again["folds"]) == len(last["folds"]) == 3
    assert scores() == 6


def test_a_search_that_is_refused_leaves_nothing(bert, tmp_path):
    """A folder in which nothing was written goes again, and settings that no training takes are no search."""
    output = tmp_path / "out"
    with pytest.raises(CloudnerError, match="4 different texts for 3 folds"):
        cloudner.tune(MORE[:4], folds=3, output=output)
    assert not output.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(CloudnerError, match="file: cannot be written: "):
        cloudner.tune(MORE, output=tmp_path / "file")

    options = {"encoder": str(bert), "space": {RATE: (1e-4, 1e-2, "log")}, "output": output, "device": "cpu"}
    with pytest.raises(CloudnerError, match=r"training\.max_epoch: there is no such setting"):
        cloudner.tune(DATA, trials=1, overrides={**FP32, "training.max_epoch": 1}, **options)
    made = cloudner.tune(DATA, trials=1, overrides={**FP32, "training.max_epochs": 1}, **options)
    assert [trial["state"] for trial in made.trials] == ["complete"]
    with pytest.raises(CloudnerError, match="holds a search with another given"):
        cloudner.tune(DATA, trials=1, overrides=FP32, **options)


@pytest.mark.slow
def test_two_processes_and_a_kill(bert, tmp_path):
    options = {
        "encoder": str(bert), "space": {RATE: [1e-4, 1e-2, "log"]}, "output": str(tmp_path / "tune"), "trials": 8,
        "overrides": {**FP32, "training.max_epochs": 4},
    }  # fmt: skip
    command = [sys.executable, "-c", CODE, json.dumps([DATA, options])]

    def start():
        return subprocess.Popen(command, env=runs.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip

    first = start()
    assert first.stdout is not None
    for (
        line
    ) in first.stdout:  # the first is past its first trial, so that the kill comes in the middle of one
        if line.startswith("done"):
            break
    second = start()
    time.sleep(0.5)
    first.kill()
    first.wait()
    said, _ = second.communicate(timeout=300)
    assert second.returncode == 0, said[-3000:]
    done = subprocess.run(
        command, env=runs.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    states = [t["state"] for t in json.loads((tmp_path / "tune" / "tune.json").read_text())["trials"]]
    assert len([s for s in states if s in ("complete", "pruned")]) == 8
    assert states.count("fail") <= 1

from __future__ import annotations

import io
import os
import pty
import sys
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import spacy
import srsly
from spacy import registry
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_model_from_config
from thinc.api import Config

from cloudner.report.loggers.console import duration
from cloudner.report.loggers.progress import Clock, learn_rate

CONFIG = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["ner"]

[components]

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 2
use_upper = false
nO = null

[components.ner.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 16
depth = 1
embed_size = 200
window_size = 1
maxout_pieces = 2
subword_features = true

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}

[training]
max_steps = 12
eval_frequency = 4
patience = 0

[training.logger]
@loggers = "cloudner.Console.v1"
log_every = 3
log_file = null

[training.score_weights]
ents_f = 1.0
"""


def trained(corpus, log_file, **overrides):
    config = Config().from_str(CONFIG, interpolate=False)
    config["paths"] = {"train": str(corpus[1]), "dev": str(corpus[1])}
    config["training"]["logger"]["log_file"] = log_file
    config["training"].update(overrides)
    nlp = init_nlp(load_model_from_config(config, auto_fill=True).config)
    out = io.StringIO()
    train(nlp, None, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_real_run_prints_lines_and_writes_its_log(corpus, tmp_path):
    log = tmp_path / "deep" / "log.jsonl"
    text = trained(corpus, str(log))
    lines = text.splitlines()
    header = next(line for line in lines if line.split()[:3] == ["epoch", "step", "loss"])
    assert len(header) <= 80
    rows = [line.split() for line in lines if line[:5].strip().isdigit()]
    assert [row[1] for row in rows] == ["0", "4", "8", "12"]
    assert sum(row[3].endswith("*") for row in rows) >= 1
    # Between evaluations a line every three steps; 12 is an evaluation.
    assert [line.split()[1] for line in lines if line.startswith("  step")] == ["3", "6", "9"]
    assert "of 12" in text
    assert "left" in text
    assert f"Log: {log}" in text
    records = list(srsly.read_jsonl(log))
    assert [record["step"] for record in records] == [0, 3, 4, 6, 8, 9, 12]
    for record in records:
        assert record["memory_mb"] > 10
        assert record["memory_kind"] in ("host", "cuda", "mps")
    evaluations = [record for record in records if "scores" in record]
    assert [record["step"] for record in evaluations] == [0, 4, 8, 12]
    for record in evaluations:
        assert set(record["losses"]) == {"ner"}
        assert {"ents_f", "ents_p", "ents_r"} <= set(record["scores"])
    # Loss is that of a step: the losses since the last evaluation over its four steps.
    assert evaluations[1]["loss"] == pytest.approx(evaluations[1]["losses"]["ner"] / 4, rel=1e-6)
    assert all(record["words_per_second"] > 0 for record in evaluations[1:])
    seconds = [record["seconds"] for record in records]
    assert seconds == sorted(seconds)


def test_no_total_steps_gives_no_time_left(corpus):
    text = trained(corpus, None, max_steps=0, max_epochs=4)
    assert "step 3," in text
    assert " left" not in text
    assert "Log:" not in text


def info(step, f1, loss=1.5):
    return {
        "epoch": 0, "step": step, "score": f1, "other_scores": {"ents_f": f1, "ents_p": f1, "ents_r": f1, "per": {}},
        "losses": {"ner": loss}, "checkpoints": [], "seconds": 1, "words": 100 * (step + 1),
    }  # fmt: skip


@pytest.fixture
def nlp():
    made = spacy.blank("en")
    made.config["training"]["max_steps"] = 50
    return made


def logger(nlp, out, **settings):
    return registry.loggers.get("cloudner.Console.v1")(**settings)(nlp, out, io.StringIO())


@contextmanager
def terminal():
    """A real pseudo-terminal: the file to write to, and a list that holds all its output at the end."""
    master, slave = pty.openpty()
    chunks: list[bytes] = []

    def read():
        # Linux raises EIO once the other side is closed and everything is read.
        with suppress(OSError):
            while chunk := os.read(master, 65536):
                chunks.append(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    output: list[str] = []
    with os.fdopen(slave, "w", encoding="utf-8") as file:
        yield file, output
    reader.join(timeout=10)
    os.close(master)
    output.append(b"".join(chunks).decode())


@pytest.fixture
def colour_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "CI", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("colour_terminal")
def test_a_terminal_gets_a_live_bar_and_a_row_an_evaluation(nlp):
    with terminal() as (file, output):
        log_step, finalize = logger(nlp, file, log_file=None)
        log_step(info(0, 0.1))
        for _ in range(24):
            log_step(None)
        log_step(info(25, 0.625))
        finalize()
    text = output[0]
    assert "25/50" in text
    assert "left" in text
    assert "F1 62.50 (best 62.50)" in text
    assert "62.50*" in text
    assert "\x1b[?25l" in text  # a live display: the cursor is hidden...
    assert "\x1b[?25h" in text  # ...and shown again at the end
    assert "Best dev F1 62.50 at step 25" in text
    assert " gone" not in text


@pytest.mark.usefixtures("colour_terminal")
def test_progress_can_be_turned_off_on_a_terminal(nlp):
    with terminal() as (file, output):
        log_step, finalize = logger(nlp, file, progress=False, log_file=None, log_every=1)
        log_step(info(0, 0.1))
        log_step(None)
        finalize()
    assert "\x1b[?25l" not in output[0]
    assert "  step 1 of 50" in output[0]


def test_best_is_marked_once_and_a_worse_score_is_not(nlp):
    out = io.StringIO()
    log_step, finalize = logger(nlp, out, log_file=None)
    for step, f1 in enumerate([0.2, 0.5, 0.5, 0.4]):
        log_step(info(step, f1))
    finalize()
    assert out.getvalue().count("*") == 2
    assert "Best dev F1 50.00 at step 1" in out.getvalue()


def test_losses_on_a_device_are_read_as_numbers(nlp, tmp_path):
    import torch

    log_step, finalize = logger(nlp, io.StringIO(), log_file=str(tmp_path / "log.jsonl"))
    log_step(info(0, 0.5, loss=torch.tensor(2.5)))
    log_step(info(1, 0.5, loss=np.float32(1.5)))
    finalize()
    records = list(srsly.read_jsonl(tmp_path / "log.jsonl"))
    assert [record["loss"] for record in records] == [2.5, 1.5]


def test_published_totals_and_learning_rates_are_used(corpus, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("A")
    nlp.meta["cloudner"] = {"total_steps": 20, "output_path": str(tmp_path / "run")}
    assert learn_rate(nlp) is None
    nlp.get_pipe("ner").model.attrs["learn_rate"] = 3e-5
    assert learn_rate(nlp) == 3e-5
    out = io.StringIO()
    log_step, finalize = logger(nlp, out, log_every=1)
    log_step(info(0, 0.1))
    log_step(None)
    finalize()
    assert "step 1 of 20" in out.getvalue()
    assert "lr 3.0e-05" in out.getvalue()
    records = list(srsly.read_jsonl(tmp_path / "run" / "log.jsonl"))
    assert [record["lr"] for record in records] == pytest.approx([3e-5, 3e-5])


@pytest.mark.parametrize(
    ("argv", "folder"),
    [
        (["spacy", "train", "c.cfg", "--output", "{}"], True),
        (["spacy", "train", "c.cfg", "-o", "{}"], True),
        (["spacy", "train", "c.cfg", "--output={}"], True),
        (["spacy", "train", "c.cfg"], False),
        (["spacy", "evaluate", "-o", "{}"], False),
    ],
)
def test_auto_log_file_is_beside_the_model_of_the_command(nlp, tmp_path, monkeypatch, argv, folder):
    monkeypatch.setattr(sys, "argv", [word.format(tmp_path / "out") for word in argv])
    log_step, finalize = logger(nlp, io.StringIO())
    log_step(info(0, 0.1))
    finalize()
    assert (tmp_path / "out" / "log.jsonl").exists() == folder


def test_clock_takes_evaluations_out():
    times = iter([0.0, 1.0, 2.0, 3.0, 14.0, 15.0, 16.0])
    clock = Clock(lambda: next(times))
    for _ in range(3):
        clock.tick(evaluated=False)
    clock.tick(evaluated=True)  # one second of training, ten of evaluation
    assert clock.training_seconds() == 4.0
    clock.tick(evaluated=True)
    assert clock.training_seconds() == 1.0
    assert clock.seconds == 15.0
    assert Clock().training_seconds() is None


def test_durations():
    assert [duration(s) for s in (0, 9.4, 185, 7620)] == ["0s", "9s", "3m 05s", "2h 07m"]


def test_settings_are_checked_by_the_config():
    logger_config = {"@loggers": "cloudner.Console.v1", "log_every": "often"}
    with pytest.raises(ValueError, match="log_every"):
        registry.resolve({"logger": logger_config})
    assert registry.resolve({"logger": {"@loggers": "cloudner.Console.v1", "log_file": None}})


def test_importing_the_loggers_imports_no_torch_by_itself():
    import ast
    from pathlib import Path

    from cloudner.report.loggers import console, progress, tensorboard

    for module in (console, progress, tensorboard):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {alias.name for node in imports for alias in node.names}
        names |= {node.module for node in imports if isinstance(node, ast.ImportFrom)}
        assert not [name for name in names if name.split(".")[0] == "torch"]


def test_tensorboard_beside_the_console(nlp, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = """
    [logger]
    @loggers = "spacy.ChainLogger.v1"

    [logger.logger1]
    @loggers = "cloudner.Console.v1"
    log_file = null

    [logger.logger2]
    @loggers = "cloudner.TensorBoard.v1"
    log_every = 1
    """
    monkeypatch.setattr(sys, "argv", ["spacy", "train", "c.cfg", "-o", str(tmp_path / "out")])
    out = io.StringIO()
    log_step, finalize = registry.resolve(Config().from_str(config))["logger"](nlp, out, io.StringIO())
    log_step(info(0, 0.25))
    log_step(None)
    log_step(info(2, 0.5, loss=3.0))
    finalize()
    assert "Best dev F1 50.00 at step 2" in out.getvalue()
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("dev/ents_f")] == [(0, 0.25), (2, 0.5)]
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(0, 1.5), (2, 1.5)]
    assert [e.step for e in events.Scalars("train/memory_mb")] == [0, 1, 2]


def test_missing_tensorboard_is_told(nlp, monkeypatch):
    from cloudner.errors import ConfigError
    from cloudner.report.loggers.tensorboard import tensorboard_logger

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        tensorboard_logger()(nlp, io.StringIO(), io.StringIO())


def test_a_log_file_gets_a_line_a_minute(nlp):
    """Steps that take long: nothing is printed for `log_every` of them, and somebody waits."""
    from cloudner.report.loggers.console import TrainingConsole

    out = io.StringIO()
    console = TrainingConsole(nlp, out, None, progress=True, log_every=1000)
    lines = []
    for minutes in (0, 0, 1, 0, 1):
        console.printed -= 61 * minutes
        console.log_step(None)
        lines.append(out.getvalue().count("gone"))
    assert lines == [1, 1, 2, 2, 3]  # the first step's, and one after each minute
    console.finalize()


def test_a_step_of_minutes_gets_its_lines_while_it_lasts(nlp, monkeypatch):
    """An evaluation on much data: no step ends, and the log file must not stand still."""
    from cloudner.report.loggers import console as module

    monkeypatch.setattr(module, "_SILENCE", 0.1)
    out = io.StringIO()
    console = module.TrainingConsole(nlp, out, None, progress=True, log_every=1000)
    for step in range(2):
        console.log_step(info(step, 0.5))
    time.sleep(0.8)
    console.finalize()
    lines = [line for line in out.getvalue().splitlines() if " gone, " in line]
    assert len(lines) >= 2
    assert all(line.startswith("  step 1 of 50, ") and " left, " in line for line in lines)
    time.sleep(0.3)
    assert out.getvalue().count(" gone, ") == len(lines)  # and none when the training is over

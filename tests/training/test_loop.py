"""The loop is spaCy's to the byte, and a training that is killed ends as if it had not been."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import time

import pytest
from typer.testing import CliRunner

import cloudner
from cloudner.cli import app
from cloudner.errors import ConfigError
from cloudner.training.loop import _steps
from cloudner.training.progress import Progress
from training import runs


@pytest.fixture(scope="module")
def whole(encoder_folder, tmp_path_factory):
    """A training of 41 steps that nothing disturbs, as it is typed: those of `fresh` are compared with it."""
    folder = tmp_path_factory.mktemp("whole")
    runs.write_corpus(folder / "corpus")
    runs.run(folder, runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "1000"))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole / "corpus", tmp_path / "corpus")
    return tmp_path


def test_the_pipelines_are_spacys_to_the_byte(whole, folder, fresh):
    """`spacy train` on the resolved config, in a folder alike."""
    (folder / "training").mkdir()
    shutil.copy(whole / "training" / "resolved.cfg", folder / "training" / "resolved.cfg")
    words = [sys.executable, "-m", "spacy", "train", "training/resolved.cfg", "--output", "training"]
    runs.run(folder, words, fresh)
    runs.assert_same(whole, folder)
    assert len(runs.files(whole / "training" / "model-best")) > 8


def test_a_training_leaves_no_checkpoints(whole):
    left = {path.name for path in (whole / "training").iterdir()}
    assert left == {"log.jsonl", "model-best", "model-last", "resolved.cfg", "run.json"}


@pytest.mark.parametrize(
    "steps",
    [
        [3],
        pytest.param([13, 27], marks=pytest.mark.slow),
        pytest.param(list(range(1, 40, 2)), marks=pytest.mark.slow),
    ],
    ids=["3", "13-27", "20"],
)
def test_kills_leave_no_trace(whole, folder, fresh, encoder_folder, steps):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "1")
    for step in steps:
        assert runs.killed(folder, words, step, fresh=fresh) == -signal.SIGKILL
    output = runs.run(folder, words, fresh)
    assert "checkpoint in" in output
    runs.assert_same(whole, folder)
    steps_logged = [
        json.loads(line)["step"] for line in (folder / "training" / "log.jsonl").read_text().splitlines()
    ]
    assert steps_logged == sorted(set(steps_logged))  # one curve
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] > steps[-1]


@pytest.mark.slow
def test_a_stop_signal_writes_a_checkpoint_and_says_how_to_go_on(whole, folder, fresh, encoder_folder):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "5")
    assert runs.killed(folder, words, 9, signal.SIGTERM, fresh) == 128 + signal.SIGTERM
    assert "the same command goes on from there" in (folder / "killed.log").read_text()
    runs.run(folder, words, fresh)
    runs.assert_same(whole, folder)


@pytest.mark.slow
def test_another_machine_goes_on_with_the_best_pipeline(whole, folder, fresh, encoder_folder):
    """Of the first one only the checkpoints are left."""
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "1", "--checkpoints", "bucket")
    (folder / "training").mkdir()
    (folder / "training" / "checkpoints").symlink_to(folder / "bucket")  # where `killed` looks
    runs.killed(folder, words, 34, fresh=fresh)
    shutil.rmtree(folder / "training")
    runs.run(folder, words, fresh)
    runs.assert_same(whole, folder)
    assert not (folder / "bucket").exists()


def test_a_checkpoint_that_is_not_whole_is_passed_over(whole, folder, fresh, encoder_folder):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "4", "--keep", "3")
    runs.killed(folder, words, 15, fresh=fresh)
    kept = sorted((folder / "training" / "checkpoints").glob("step-*"))
    assert len(kept) >= 2
    with open(kept[-1] / "tensors.safetensors", "r+b") as file:
        file.seek(-10, 2)
        file.write(b"\0\1\2")
    output = runs.run(folder, words, fresh)
    assert "is passed over" in output
    runs.assert_same(whole, folder)


def test_what_is_asked_otherwise_begins_anew(folder, fresh, encoder_folder):
    bert = encoder_folder("bert")
    runs.killed(folder, runs.command(folder, bert, "--checkpoint-steps", "2"), 19, fresh=fresh)
    words = runs.command(folder, bert, "--checkpoint-steps", "2", steps=12)
    # Those of the training before are gone: its steps are higher, and would be taken for newer.
    assert runs.killed(folder, words, 3, fresh=fresh) == -signal.SIGKILL
    kept = {path.name for path in (folder / "training" / "checkpoints").glob("step-*")}
    assert "step-00000003" in kept
    assert max(kept) < "step-00000012"
    assert "begins anew" in (folder / "killed.log").read_text()
    output = runs.run(folder, words, fresh)
    assert "begins anew" not in output
    log = (folder / "killed.log").read_text()
    assert "--training.max_steps" in log
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] < 12


@pytest.mark.slow
def test_a_stream_goes_on_where_it_was(folder, fresh, tmp_path_factory, encoder_folder):
    more = {"training.max_epochs": -1}
    bert = encoder_folder("bert")
    other = tmp_path_factory.mktemp("stream")
    shutil.copytree(folder / "corpus", other / "corpus")
    runs.run(other, runs.command(other, bert, "--checkpoint-steps", "1000", **more), fresh)
    words = runs.command(folder, bert, "--checkpoint-steps", "1", **more)
    runs.killed(folder, words, 17, fresh=fresh)
    runs.run(folder, words, fresh)
    runs.assert_same(other, folder)


@pytest.mark.parametrize(
    ("patience", "max_steps", "steps"), [(0, 8, 8), (10, 40, 32), (10, 40, 33), (0, 40, 39), (0, 0, 99)]
)
def test_a_training_that_was_stopped_after_its_last_step_takes_no_further(patience, max_steps, steps):
    """The first best evaluation was that after step 22."""
    settings = {"patience": patience, "max_steps": max_steps, "dropout": 0.1}
    progress = Progress(step=steps, results=[(0.1, 0), (0.5, 22), (0.5, 30)])
    over = steps >= (max_steps or 1000) or (patience and steps >= 32)

    def batches():
        raise RuntimeError("a further step")
        yield

    taken = _steps(None, settings, None, batches(), lambda: None, progress, None, lambda step: False, None)
    if over:
        assert list(taken) == []
    else:
        with pytest.raises(RuntimeError, match="a further step"):
            list(taken)


@pytest.mark.slow
def test_a_stop_after_the_last_step_leaves_no_trace(whole, folder, fresh, encoder_folder):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "1")
    runs.killed(folder, words, 40, fresh=fresh)
    runs.run(folder, words, fresh)
    runs.assert_same(whole, folder)


def test_two_trainings_in_a_folder_are_one_too_many(folder, fresh, encoder_folder):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "1")
    first = runs.start(folder, words, folder / "first.log", fresh)
    try:
        while first.poll() is None and not (folder / "training" / ".lock").exists():
            time.sleep(0.002)
        second = fresh.run(*words[1:], cwd=folder)
    finally:
        first.kill()
        first.wait()
    assert second.returncode == 1
    assert "another training writes into this folder" in second.stderr + second.stdout


def test_ctrl_c_says_what_is_usable(folder, fresh, encoder_folder):
    words = runs.command(folder, encoder_folder("bert"), "--checkpoint-steps", "5")
    assert runs.killed(folder, words, 14, signal.SIGINT, fresh) == 128 + signal.SIGINT
    said = (folder / "killed.log").read_text()
    assert "Traceback" not in said
    f1 = json.loads((folder / "training" / "model-best" / "meta.json").read_text())["performance"]["ents_f"]
    assert f"model-best is usable, with the best dev F1 so far, {100 * f1:.2f}" in said
    step = int(re.search(r"goes on from the checkpoint of step (\d+)", said)[1])
    # Going on, and interrupted before an evaluation: the pipeline is still this training's. (It was called an earlier one's.)
    (folder / "again.log").touch()
    resumed = runs.start(folder, words, folder / "again.log", fresh)
    while resumed.poll() is None and "epoch     step" not in (folder / "again.log").read_text():
        time.sleep(0.002)
    resumed.send_signal(signal.SIGINT)
    resumed.wait()
    assert "model-best is usable, with the best dev F1 so far" in (folder / "again.log").read_text()
    step = int(re.search(r"goes on from the checkpoint of step (\d+)", (folder / "again.log").read_text())[1])
    runs.run(folder, words, fresh)
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] == step


def test_ctrl_c_before_anything_is_saved(tmp_path):
    from cloudner.training.checkpoint_options import CheckpointOptions
    from cloudner.training.checkpoints import Checkpoints
    from cloudner.training.interrupted import usable

    config = runs.CONFIGS / "cpu.cfg"
    lines = list(usable(config, tmp_path, {}, None, CheckpointOptions(), 0.0))
    assert lines[0].startswith("Interrupted. No pipeline is usable")
    assert lines[1].startswith("No checkpoint to go on from")
    best = tmp_path / "model-best"
    best.mkdir()
    (best / "meta.json").write_text('{"performance": {"ents_f": 0.5}}')
    later = best.stat().st_mtime + 100
    earlier = list(usable(config, tmp_path, {}, None, CheckpointOptions(), later))
    assert "an earlier training's" in earlier[0]
    # With --base the config that is trained with is another than the one given: it was said to begin anew.
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.write(24, {}, {"progress": {"results": [[0.5, 20]]}}, {"config": "made", "resolved": {}})
    kept.wait()
    update = list(usable(config, tmp_path, {}, None, CheckpointOptions(), later, update=True))
    assert "is usable, with the best dev F1 so far, 50.00" in update[0]
    assert update[1].startswith("The same command goes on from the checkpoint of step 25")


@pytest.mark.parametrize(
    ("option", "value", "least"),
    [("minutes", -1.0, 0), ("minutes", float("nan"), 0), ("steps", -3, 0), ("keep", 0, 1)],
)
def test_checkpoint_options_that_mean_nothing(option, value, least):
    with pytest.raises(ConfigError, match=f"{option} = {value}; expected {least} or more"):
        cloudner.CheckpointOptions(**{option: value})
    flag = "--keep" if option == "keep" else f"--checkpoint-{option}"
    ended = CliRunner().invoke(app, ["train", "cpu", flag, str(value)])
    assert ended.exit_code == 1
    assert ended.stderr.strip() == f"cloudner: checkpoints: {option} = {value}; expected {least} or more"

"""`cloudner train --ranks 2` as a user types it, stopped and killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from training import runs

pytestmark = pytest.mark.slow


def words(folder, encoder, *options, **more):
    return runs.command(folder, encoder, "--ranks", "2", *options, **more)


@pytest.fixture(scope="module")
def whole(encoder_folder, tmp_path_factory):
    """41 steps of two processes that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    runs.write_corpus(folder / "corpus")
    said = runs.run(folder, words(folder, encoder_folder("bert"), "--checkpoint-steps", "1000"))
    assert "2 processes, on the CPU" in said
    assert said.count("Best pipeline: training/model-best") == 1 + ("Best pipeline" in said.split("Saved")[0])
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole / "corpus", tmp_path / "corpus")
    return tmp_path


def started(folder, command):
    with open(folder / "killed.log", "a", encoding="utf8") as log:
        return subprocess.Popen(command, cwd=folder, env=runs.environment(), stdout=log, stderr=log)


def after_checkpoint(folder, process, step):
    """The workers, by rank, once this checkpoint is there."""
    wanted = folder / "training" / "checkpoints" / f"step-{step:08d}" / "state.json"
    until = time.monotonic() + 120
    while process.poll() is None and not wanted.exists() and time.monotonic() < until:
        time.sleep(0.002)
    assert process.poll() is None, (folder / "killed.log").read_text()[-3000:]
    workers = psutil.Process(process.pid).children(recursive=True)
    return {int(each.environ()["RANK"]): each for each in workers if "RANK" in each.environ()}


def test_kills_leave_no_trace(whole, folder, encoder_folder):
    """The launcher and both processes, by SIGKILL; then the same command."""
    command = words(folder, encoder_folder("bert"), "--checkpoint-steps", "1")
    for step in (13, 27):
        process = started(folder, command)
        workers = after_checkpoint(folder, process, step)
        assert sorted(workers) == [0, 1]
        for each in (*workers.values(), process):
            each.kill()
        process.wait()
    assert "checkpoint in" in runs.run(folder, command)
    runs.assert_same(whole, folder)
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] > 27


@pytest.mark.parametrize("who", ["launcher", 1])
def test_a_stop_signal_to_any_of_them_writes_a_checkpoint(whole, folder, encoder_folder, who):
    command = words(folder, encoder_folder("bert"), "--checkpoint-steps", "5")
    process = started(folder, command)
    workers = after_checkpoint(folder, process, 9)
    os.kill(process.pid if who == "launcher" else workers[who].pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    said = (folder / "killed.log").read_text()
    assert said.count("the same command goes on from there") == 1
    assert "Traceback" not in said
    assert not psutil.pid_exists(workers[0].pid)
    runs.run(folder, command)
    runs.assert_same(whole, folder)


def test_a_process_that_dies_takes_the_others_along(whole, folder, encoder_folder):
    command = words(folder, encoder_folder("bert"), "--checkpoint-steps", "5")
    process = started(folder, command)
    workers = after_checkpoint(folder, process, 9)
    workers[1].kill()
    assert process.wait(timeout=60) == 128 + signal.SIGKILL
    assert "another process of this training has ended" in (folder / "killed.log").read_text()
    runs.run(folder, command)
    runs.assert_same(whole, folder)


def test_processes_whose_launcher_is_killed_while_they_begin(folder, encoder_folder):
    """They waited for each other, for minutes at least, and nobody knew of them."""
    process, workers = started(folder, words(folder, encoder_folder("bert"))), []
    while len(workers) < 2:
        assert process.poll() is None
        workers = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    for each in alive:
        each.kill()
    assert len(gone) == 2


def test_two_processes_find_what_one_does(whole, folder, encoder_folder):
    """Without dropout, whose draws are a process's own."""
    more = {"components.cloudner.model.dropout": 0.0, "training.dropout": 0.0}
    bert = encoder_folder("bert")
    scores = []
    for name, ranks in (("one", []), ("two", ["--ranks", "2"])):
        place = folder / name
        shutil.copytree(folder / "corpus", place / "corpus")
        runs.run(place, runs.command(place, bert, *ranks, "--checkpoint-steps", "1000", **more))
        log = (place / "training" / "log.jsonl").read_text().splitlines()
        scores.append([json.loads(line).get("ents_f") for line in log])
    assert scores[0] == scores[1]


def test_one_process_goes_on_from_two(folder, encoder_folder):
    command = words(folder, encoder_folder("bert"), "--checkpoint-steps", "5")
    process = started(folder, command)
    workers = after_checkpoint(folder, process, 24)
    for each in (*workers.values(), process):
        each.kill()
    process.wait()
    said = runs.run(folder, [word for word in command if word not in ("--ranks", "2")])
    assert "The checkpoint is of 2 process(es), this training has 1" in said
    assert "2 processes, on the CPU" not in said


def test_what_is_wrong_is_said_once(folder, encoder_folder):
    command = words(folder, encoder_folder("bert"), **{"components.cloudner.model.encoder": "nowhere/at-all"})
    done = subprocess.run(
        command, cwd=folder, env=runs.environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.count("cloudner: ") == 1
    assert "Traceback" not in done.stderr + done.stdout

"""`cloudner train --ranks 2` on a corpus that is read as a stream, killed and gone on with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from thinc.api import Config

from training import runs

pytestmark = pytest.mark.slow

READERS = {
    "spacy": {"@readers": "spacy.Corpus.v1"},
    # fewer than the documents: what is in the buffer depends on the place in the stream
    "cloudner": {"@readers": "cloudner.Corpus.v1", "shuffle_buffer": 5},
}


def words(folder, encoder, reader, every):
    """The command of a training on a stream, with the config that it needs."""
    config = Config().from_disk(runs.CONFIGS / "cpu.cfg", interpolate=False)
    config["corpora"]["train"] |= READERS[reader]
    config.to_disk(folder / "stream.cfg")
    more = {"training.max_epochs": -1, "training.batcher.buffer_batches": 2}
    found = runs.command(folder, encoder, "--ranks", "2", "--checkpoint-steps", str(every), **more)
    found[found.index(str(runs.CONFIGS / "cpu.cfg"))] = "stream.cfg"
    return found


def kill_the_launcher(folder, command, step):
    """SIGKILL to the launcher alone once this checkpoint is there; its two processes end by themselves."""
    with open(folder / "killed.log", "a", encoding="utf8") as log:
        process = subprocess.Popen(command, cwd=folder, env=runs.environment(), stdout=log, stderr=log)
    wanted = folder / "training" / "checkpoints" / f"step-{step:08d}" / "state.json"
    until = time.monotonic() + 240
    while process.poll() is None and not wanted.exists() and time.monotonic() < until:
        time.sleep(0.002)
    assert process.poll() is None, (folder / "killed.log").read_text()[-3000:]
    assert wanted.exists()
    workers = psutil.Process(process.pid).children(recursive=True)
    assert sum("RANK" in each.environ() for each in workers) == 2
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert psutil.wait_procs(workers, timeout=120)[1] == []


@pytest.mark.parametrize("reader", READERS)
def test_a_killed_launcher_leaves_no_trace(encoder_folder, tmp_path, reader):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    runs.write_corpus(whole / "corpus")
    runs.run(whole, words(whole, encoder_folder("bert"), reader, 1000))
    epochs = [
        json.loads(line)["epoch"] for line in (whole / "training" / "log.jsonl").read_text().splitlines()
    ]
    assert epochs[-1] > 1  # the stream has been read from its beginning more than once
    shutil.copytree(whole / "corpus", folder / "corpus")
    command = words(folder, encoder_folder("bert"), reader, 1)
    for step in (3, 22):
        kill_the_launcher(folder, command, step)
    assert "checkpoint in" in runs.run(folder, command)
    runs.assert_same(whole, folder)
    assert json.loads((folder / "training" / "run.json").read_text())["resumed_from_step"] > 22

"""A process that is killed takes along those that it started."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest


def wait(condition: Callable[[], bool], seconds: float = 300) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def killed(words: list[str], number: int, begun: Path | None = None) -> None:
    """Start a command, kill it once it has so many workers: none of them lives on. begun: a file that the worker writes once
    it watches its parent; without one it is told of the parent's end whenever that was (multiprocessing)."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers: list[psutil.Process] = []

    def all_there() -> bool:
        assert process.poll() is None
        workers[:] = psutil.Process(process.pid).children(recursive=True)
        return sum("resource_tracker" not in " ".join(each.cmdline()) for each in alive(workers)) == number

    try:
        wait(all_there)
        if begun is None:
            time.sleep(1)
        else:
            wait(begun.exists)
        process.kill()
        process.wait()
        wait(lambda: not alive(workers))
    finally:
        for each in alive(workers):
            each.kill()


CHILDREN = """
    import multiprocessing, os, subprocess, sys, time
    from cloudner.orphans import end_with_parent

    def work():
        end_with_parent()
        open(__file__ + ".begun", "w").close()
        time.sleep(600)

    if __name__ == "__main__":
        if sys.argv[1] == "spawn":
            multiprocessing.get_context("spawn").Process(target=work).start()
        elif sys.argv[1] == "work":
            work()
        else:
            subprocess.Popen([sys.executable, __file__, "work"])
        time.sleep(600)
"""


@pytest.mark.parametrize("how", ["spawn", "Popen"])
def test_a_child_ends_with_its_parent(tmp_path: Path, how: str) -> None:
    path = tmp_path / "parent.py"
    path.write_text(textwrap.dedent(CHILDREN))
    killed([sys.executable, str(path), how], 1, tmp_path / "parent.py.begun" if how == "Popen" else None)


def test_a_parent_that_ended_before_is_not_missed() -> None:
    """The launcher of `train --ranks` may be killed while its processes import torch."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    code = "import sys, time; from cloudner.orphans import end_with_parent\nend_with_parent(parent=int(sys.argv[1])); time.sleep(60)"
    done = subprocess.run([sys.executable, "-c", code, str(gone.pid)], timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM


@pytest.mark.slow
def test_what_tests_start_ends_with_pytest(tmp_path: Path) -> None:
    code = "import os, sys; sys.path.insert(0, sys.argv[1])\nfrom fresh import Fresh; from pathlib import Path; import time; out = Path(sys.argv[2])\nforked = Fresh(out).start(['-c', 'import subprocess, time; subprocess.Popen([\"sleep\", \"600\"]); time.sleep(600)'], out / 'o', out / 'e'); time.sleep(600)"  # fmt: skip
    killed([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)], 3)


def test_processes_that_align(tmp_path: Path) -> None:
    lines = [
        json.dumps({"text": f"Marie Curie lived in {i} Paris", "entities": [[0, 11, "PER"]]})
        for i in range(1000)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines * 200))
    command = [
        sys.executable,
        "-m",
        "cloudner",
        "convert",
        str(tmp_path / "a.jsonl"),
        str(tmp_path / "a.spacy"),
    ]
    killed([*command, "--n-process", "2"], 2)
    assert not (tmp_path / "a.spacy").exists()


@pytest.mark.slow
def test_processes_that_serve(trained_folder: Path) -> None:
    command = [sys.executable, "-m", "cloudner", "serve", str(trained_folder), "--port", "0"]
    killed([*command, "--workers", "2"], 2)

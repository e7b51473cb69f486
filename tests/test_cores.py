"""Cores that others use too: when a command starts itself again, what it sets, and what is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from cloudner import cores

ORIGINAL = ["python", "-m", "spacy", "cloudner", "train", "a b.cfg"]
SPACY = SimpleNamespace(__spec__=SimpleNamespace(name="spacy.__main__"))
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_", "CLOUDNER_"))}


def test_a_command_of_python_m_spacy_starts_again_with_its_arguments():
    assert cores.restart_arguments(SPACY, ORIGINAL, {}, True) == [sys.executable, *ORIGINAL[1:]]


@pytest.mark.parametrize(
    ("main", "environment", "torch_loaded"),
    [
        (SPACY, {"CLOUDNER_RESTARTED": "1"}, True),  # once
        (SPACY, {"OMP_WAIT_POLICY": "active"}, True),  # the user's own
        (SPACY, {"GOMP_SPINCOUNT": "infinite"}, True),
        (SPACY, {"KMP_BLOCKTIME": "0"}, True),
        (SPACY, {"OMP_NUM_THREADS": "1"}, True),  # nobody to wait for
        (SPACY, {"TORCHELASTIC_RUN_ID": "none"}, True),
        (SPACY, {"LOCAL_RANK": "0"}, True),
        (SPACY, {}, False),
        (SimpleNamespace(__spec__=SimpleNamespace(name="pytest.__main__")), {}, True),
        (SimpleNamespace(__spec__=SimpleNamespace(name="ipykernel_launcher")), {}, True),
        (SimpleNamespace(__spec__=None, __file__="app.py"), {}, True),
        (SimpleNamespace(), {}, True),
    ],
)
def test_nothing_else_is_started_again(main, environment, torch_loaded):
    assert cores.restart_arguments(main, ORIGINAL, environment, torch_loaded) is None


def test_a_command_called_in_a_test_goes_on_in_its_process(tmp_path):
    """typer's CliRunner calls commands within a process that is pytest's."""
    from typer.testing import CliRunner

    from cloudner.cli import app

    done = CliRunner().invoke(app, ["train", str(tmp_path / "no.cfg"), "--dry-run"])
    assert done.exit_code == 1


def starts(tmp_path, *command, **environment):
    """What each start of Python in a command, and in those it becomes, was told."""
    site = tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"with open({str(tmp_path / 'starts')!r}, 'a') as file:\n"
        "    print(os.getpid(), os.environ.get('OMP_WAIT_POLICY'), sys.orig_argv[-1], sep='|', file=file)\n"
    )
    done = subprocess.run([sys.executable, *command], env={**CLEAN, "PYTHONPATH": str(site), **environment},
                          capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    return done, [line.split("|") for line in (tmp_path / "starts").read_text().splitlines()]


def test_it_starts_again_once_as_the_same_process(tmp_path):
    command = ["-m", "spacy", "cloudner", "train", "no such.cfg", "--output", str(tmp_path / "an output")]
    done, seen = starts(tmp_path, *command)
    assert done.returncode == 1
    assert "no such.cfg" in done.stderr
    assert done.stderr.count("cloudner:") == 1
    first, second = seen[0], seen[-1]
    assert (first[1], second[1]) == ("None", "passive")
    assert first[0] == second[0]  # exec: signals and exit codes are the command's own
    assert first[2] == second[2] == str(tmp_path / "an output")
    assert len(seen) == 2


def test_python_m_cloudner_need_not_start_again(tmp_path):
    done, seen = starts(tmp_path, "-m", "cloudner", "train", "no such.cfg")
    assert done.returncode == 1
    assert "no such.cfg" in done.stderr
    assert len(seen) == 1


def test_importing_cloudner_sets_it_before_torch_and_not_after():
    code = "import os{}; import cloudner; print(os.environ.get('OMP_WAIT_POLICY'))"
    for between, expected in (("", "passive"), (", torch", "None")):
        done = subprocess.run([sys.executable, "-c", code.format(between)], env=CLEAN, capture_output=True, text=True, check=True)  # fmt: skip
        assert done.stdout.strip() == expected


def test_a_busy_core_is_seen():
    quiet = cores.CoreWatch()
    begun, worked = time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < 0.5:
        pass
    own = quiet.others()
    share = (time.process_time() - worked) / (time.perf_counter() - begun)  # of a core that this process got
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        watch = cores.CoreWatch()
        time.sleep(0.7)
        beside = watch.others()
    finally:
        busy.kill()
        busy.wait()
    assert beside >= 0.4  # less than a core only where the machine is busy with more
    assert own <= (os.cpu_count() or 1) - share + 0.15  # this process's own work is not counted
    if watch.others() >= 0.5:
        assert "OMP_NUM_THREADS=" in (watch.told(threads=10_000) or "")
        assert "OMP_NUM_THREADS=" not in (watch.told(threads=1) or "")
    assert cores.CoreWatch().others() == 0.0


@pytest.mark.parametrize(("wanted", "threads"), [("1", 1), (" 3 ", 3), ("many", None), ("", None)])
def test_doctor_judges_by_the_number_of_threads_that_is_set(
    wanted: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
):
    """With OMP_NUM_THREADS=1 on a busy machine it said "OMP_NUM_THREADS=1 may be faster"."""
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    monkeypatch.setattr(cores.CoreWatch, "told", lambda self, threads: str(threads))
    assert cores.busy_now(0) == str(threads or os.cpu_count())

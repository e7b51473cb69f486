"""SIGKILL of a worker and of the whole run, at random moments; then the same command again: every id once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bulk import jobs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]


def wait_for(found: Any, seconds: float = 120.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("nothing happened")


def pieces(target: Path) -> list[Path]:
    return sorted(target.glob("part-*"))


def words(source: Path, target: Path, model: Path, *more: object) -> list[object]:
    return [
        source,
        target,
        "--model",
        model,
        "--id-column",
        "key",
        "--rows-per-piece",
        500,
        "--gpu-id",
        -1,
        *more,
    ]


def check(target: Path, count: int) -> None:
    rows = jobs.rows_of(target)
    assert sorted(row["id"] for row in rows) == sorted(f"k{i}" for i in range(count))
    assert [jobs.spans(row) for row in rows] == [jobs.KNOWN[int(row["id"][1:]) % 4] for row in rows]
    assert (target / "_SUCCESS").exists()
    assert not list(target.glob(".*.tmp"))


def test_a_killed_worker_is_replaced(trained_folder: Path, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(12_000))
    target = tmp_path / "out"
    process = jobs.start(*words(source, target, trained_folder, "--to", "jsonl", "--workers", 2))
    for finished in (1, 4):
        wait_for(lambda n=finished: len(pieces(target)) >= n)
        victim = random.choice(wait_for(lambda: jobs.workers_of(process.pid)))
        os.kill(victim.pid, signal.SIGKILL)
    out, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    assert "12,000 documents" in out
    check(target, 12_000)


def test_a_killed_run_goes_on(trained_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(12_000))
    target = tmp_path / "out"
    command = words(source, target, trained_folder, "--workers", 2)
    for finished in (2, 7):
        process = jobs.start(*command)
        wait_for(lambda n=finished: len(pieces(target)) >= n)
        time.sleep(random.uniform(0, 0.3))
        helpers = jobs.workers_of(process.pid)
        process.kill()
        process.communicate()
        # Nobody is left to write into the target.
        wait_for(
            lambda those=helpers: not any(each.is_running() and each.status() != "zombie" for each in those),
            15,
        )
        assert not (target / "_SUCCESS").exists()
    before = {path: path.stat().st_mtime_ns for path in pieces(target)}
    process = jobs.start(*command)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    assert f"{len(before)} of them done" in log
    assert {path: path.stat().st_mtime_ns for path in before} == before
    check(target, 12_000)


def test_a_restart_beside_a_run_is_refused(trained_folder: Path, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(6_000))
    target = tmp_path / "out"
    first = jobs.start(*words(source, target, trained_folder, "--to", "jsonl", "--workers", 2))
    wait_for(lambda: (target / "_plan.json").exists())
    second = jobs.start(*words(source, target, trained_folder, "--to", "jsonl", "--restart"))
    _, log = second.communicate(timeout=300)
    assert second.returncode == 1
    assert "another run works in the target" in log
    _, log = first.communicate(timeout=300)
    assert first.returncode == 0, log
    check(target, 6_000)


def test_a_pipeline_replaced_in_a_run_ends_it(trained_folder: Path, ruler: Any, tmp_path: Path) -> None:
    """As a training does to model-best; the process that takes a killed one's place would load the new one."""
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(12_000))
    target, model = tmp_path / "out", shutil.copytree(trained_folder, tmp_path / "best")
    process = jobs.start(*words(source, target, model, "--to", "jsonl", "--workers", 2))
    wait_for(lambda: len(pieces(target)) >= 1)
    shutil.rmtree(model)
    ruler("best", "nothing")
    for worker in jobs.workers_of(process.pid):
        os.kill(worker.pid, signal.SIGKILL)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "is not what the job was begun with" in log
    assert not (target / "_SUCCESS").exists()
    rows = jobs.rows_of(target)
    assert 500 <= len(rows) < 12_000
    assert [jobs.spans(row) for row in rows] == [jobs.KNOWN[int(row["id"][1:]) % 4] for row in rows]

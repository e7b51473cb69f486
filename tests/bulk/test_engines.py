"""Ray and Spark for real, where they are installed: the same rows as one process, and a dead actor."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cloudner
from bulk import jobs
from cloudner.errors import ConfigError

pytestmark = pytest.mark.slow


@pytest.fixture
def job(trained_folder: Path, tmp_path: Path) -> Any:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    rows = jobs.numbered(3_000)
    rows[7]["text"] = None
    source = jobs.write_jsonl(tmp_path / "in.jsonl", rows)

    def call(target: str, **options: Any) -> Any:
        return cloudner.annotate(
            source, tmp_path / target, model=trained_folder, id_column="key", columns=["n"], rows_per_piece=250,
            device="cpu", **{"log": False, **options},
        )  # fmt: skip

    return call


def same(tmp_path: Path, one: str, other: str) -> None:
    first, second = (jobs.rows_of(tmp_path / name) for name in (one, other))
    assert len(first) == len(second) == 3_000
    for row, twin in zip(first, second, strict=True):
        assert (row["id"], row["n"], row["error"], jobs.spans(row)) == (
            twin["id"], twin["n"], twin["error"], jobs.spans(twin),
        )  # fmt: skip
        for ent, other_ent in zip(row["entities"] or (), twin["entities"] or (), strict=True):
            assert ent["confidence"] == pytest.approx(other_ent["confidence"], abs=1e-4)


def test_ray(job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra cloudner[ray]")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray leaves a token in the home directory
    job("local", workers=1)
    killed = threading.Thread(target=kill_an_actor, args=(tmp_path / "ray",), daemon=True)
    killed.start()
    log = io.StringIO()
    done = job("ray", engine="ray", workers=2, log=log)
    killed.join(5)
    assert "it is done again" in log.getvalue()
    assert (done.rows, done.failed, done.pieces, done.complete) == (3_000, 1, 12, True)
    same(tmp_path, "local", "ray")


def kill_an_actor(target: Path) -> None:
    import psutil

    while not list(target.glob("part-*")):
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        if process.name().startswith("ray::_Actor"):
            os.kill(process.pid, signal.SIGKILL)
            return
    raise AssertionError("no actor was seen")


def test_spark(job: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs the extra cloudner[spark]")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")
    job("local", workers=1)
    done = job("spark", engine="spark", workers=2)
    assert (done.rows, done.failed, done.pieces, done.complete) == (3_000, 1, 12, True)
    same(tmp_path, "local", "spark")


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("spark", "pyspark")])
def test_a_missing_engine_says_what_to_type(engine: str, package: str, job: Any) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(ConfigError, match=rf'pip install "cloudner\[{engine}\]"'):
        job("out", engine=engine)

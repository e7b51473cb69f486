"""Prepares encoder and data, and runs a job in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT, SENTENCES, SPLITS, make_encoder, read_folder, write_synthetic
from benchmarks.peers import Job


def run_job(job: Job, work: Path, seconds: float = math.inf) -> dict[str, Any]:
    """The job's result from a new process with the job's number of threads, ended after `seconds`; its output goes to
    `work/logs`."""
    logs = work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{job.kind}-{job.peer}-{os.getpid()}-{time.monotonic_ns()}.log"
    threads = str(job.threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "RAYON_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p),
        "TOKENIZERS_PARALLELISM": "true",
    }
    with tempfile.TemporaryDirectory() as name:
        job_file, result_file = Path(name) / "job.json", Path(name) / "result.json"
        job_file.write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
        with open(log, "w", encoding="utf-8") as stream:
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.one", str(job_file), str(result_file)],
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=ROOT,
                    timeout=None if seconds == math.inf else max(seconds, 0),
                )
            except subprocess.TimeoutExpired:
                return {"not_measured": f"ended after {seconds:.0f} s: out of time"}
        if not result_file.exists():
            return {
                "not_measured": f"its process ended with code {done.returncode} ({_last_line(log)})",
                "failed": True,
            }
        return json.loads(result_file.read_text(encoding="utf-8"))


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"


def prepare_encoder(name: str, work: Path) -> str:
    """`random:SHAPE` is made once in `work`; every other name is taken as cloudner takes it."""
    if name.startswith("random:"):
        folder = work / "encoders" / name.split(":", 1)[1]
        if not (folder / "config.json").is_file():
            make_encoder(folder, name.split(":", 1)[1])
        return str(folder)
    if (Path(name).expanduser() / "config.json").is_file():
        return str(Path(name).expanduser().resolve())
    return name


def prepare_data(folder: str | None, work: Path, limit: int = 0, length: int = 0) -> Path:
    """The folder given, or a synthetic corpus as large as CoNLL-2003 (or `limit` sentences a split)."""
    if folder:
        path = Path(folder).resolve()
        read_folder(path, 1)  # says what is missing
        return path
    counts = {split: min(limit or SENTENCES[split], SENTENCES[split]) for split in SPLITS}
    name = "-".join(str(counts[split]) for split in SPLITS) + (f"-length-{length}" if length else "")
    made = work / "data" / f"synthetic-{name}"
    if not all((made / f"{split}.conll").is_file() for split in SPLITS):
        write_synthetic(made, counts, length=length)
    return made

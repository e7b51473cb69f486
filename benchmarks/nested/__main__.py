"""F1 on nested entities, speed and memory of `cloudner_spans` beside spaCy's `spancat` and the flat tagger.

    python -m benchmarks.nested --test                       # seeds 0, 1, 2 of each; a finished run is not run again
    python -m benchmarks.nested --system spancat:lr=1e-4,steps=600 --system spancat:lr=3e-4   # on dev alone
    python -m benchmarks.nested --table                      # what the file holds

All train on assets/nested with the same encoder, sixteen sentences a step, and their own rate and number of steps. The last step
counts. Systems take turns within each seed, each training and each prediction in a process of its own. The thresholds of
`spancat` and of `cloudner_spans` are set on dev. Scores are over all gold spans, by bounds and label; the tagger learns
entities that lie in no other, so the rest counts as missed. Words/s are words over CPU seconds of the process: training without reading
and evaluation, prediction the median of five passes over the split.

A system may have settings: lr, steps, or a dotted name of cloudner's config.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import say, shown_command
from benchmarks.data import ASSETS, PACKAGE, ROOT
from benchmarks.jobs import prepare_encoder
from benchmarks.machine import machine, versions
from benchmarks.nested.corpus import digest
from benchmarks.nested.systems import SYSTEMS
from benchmarks.nested.tables import summarise, table
from benchmarks.recipes import _value
from benchmarks.runs import Runs


def parsed(choice: str) -> tuple[str, dict[str, Any]]:
    """`spancat:lr=1e-4,steps=600` as a system and its settings. Raises SystemExit for what is neither."""
    system, _, rest = choice.partition(":")
    settings = {}
    for part in filter(None, rest.split(",")):
        name, separator, text = part.partition("=")
        if not separator or ("." not in name and name not in ("lr", "steps")):
            raise SystemExit(
                f"--system {choice}: found {part!r}, expected lr=, steps= or a dotted name of the config"
            )
        settings[name] = _value(text)
    if system not in SYSTEMS:
        raise SystemExit(f"--system {choice}: expected one of {', '.join(SYSTEMS)}")
    return system, settings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nested",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--system", action="append", default=[], help=f"default: {', '.join(SYSTEMS)}")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", type=Path, default=ASSETS / "nested")
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--test", action="store_true", help="score the test split too")
    parser.add_argument("--table", action="store_true", help="only show what the file holds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "nested.json")
    given = parser.parse_args(arguments)
    runs = Runs(given.json)
    failed = not given.table and measure(given, arguments, runs)
    runs.head["summary"] = summarise(runs.rows)
    runs.write()
    say(table(runs.head["summary"]))
    return int(failed)


def measure(given: Any, arguments: list[str], runs: Runs) -> bool:
    """Runs what the file does not hold yet; whether any failed."""
    choices = {choice: parsed(choice) for choice in given.system or SYSTEMS}
    runs.head |= {
        "command": shown_command(["benchmarks.nested", *arguments]),
        "machine": machine("cpu"),
        "versions": versions(),
        "threads": given.threads,
        "systems": SYSTEMS,
    }
    failed, work = False, given.work.resolve()
    encoder = prepare_encoder(given.encoder, work)
    for seed in map(int, given.seeds.split(",")):
        for choice, (system, settings) in choices.items():
            key = {"system": choice, "seed": seed, "data": digest(given.data), "encoder": given.encoder}
            row = runs.find(key)
            if row and ("test" in row["predict"] or not given.test):
                continue
            job = {
                "system": system,
                "settings": settings,
                "seed": seed,
                "encoder": encoder,
                "data": str(given.data.resolve()),
                "threads": given.threads,
                "choose": [] if system == "cloudner" else ["threshold"],
                "score": ["test", "dev"] if given.test else ["dev"],
            }
            result = both(job, work)
            if result is None:
                failed = True
                continue
            if row:
                runs.rows.remove(row)
            row = runs.add(key, result)
            shown = row["predict"]
            say(
                f"seed {seed}, {choice}: dev F1 {shown['dev']['f1']:.4f}, {row['train']['steps']} steps, "
                f"{row['train']['cpu_seconds']:.0f} s of CPU time"
            )
    return failed


def both(job: dict[str, Any], work: Path) -> dict[str, Any] | None:
    """Trains and predicts in two processes; None, with the log's last lines shown, where one failed."""
    work.mkdir(parents=True, exist_ok=True)
    model = Path(tempfile.mkdtemp(prefix="nested-", dir=work))
    try:
        made = {}
        for kind in ("train", "predict"):
            result = process({**job, "kind": kind, "model": str(model)}, work / "logs")
            if result is None:
                return None
            made[kind] = result
        return made
    finally:
        shutil.rmtree(model)


def process(job: dict[str, Any], logs: Path) -> dict[str, Any] | None:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"nested-{job['system']}-{job['kind']}-{time.monotonic_ns()}.log"
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    environment = (
        os.environ | {name: str(job["threads"]) for name in names} | {"TOKENIZERS_PARALLELISM": "false"}
    )
    with tempfile.TemporaryDirectory() as name:
        job_file, result_file = Path(name) / "job.json", Path(name) / "result.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        with open(log, "w", encoding="utf-8") as stream:
            subprocess.run(
                [sys.executable, "-m", "benchmarks.nested.one", str(job_file), str(result_file)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
                check=False,
            )
        if result_file.exists():
            found: dict[str, Any] = json.loads(result_file.read_text(encoding="utf-8"))
            return found
    say(f"{job['system']}, {job['kind']}: failed, see {log}\n" + log.read_text(encoding="utf-8")[-600:])
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

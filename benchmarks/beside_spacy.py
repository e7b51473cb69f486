"""What `cloudner train` takes beside stock `spacy train` of the config that it has resolved: the same loop, to the byte.

    OMP_NUM_THREADS=1 python -m benchmarks.beside_spacy --epochs 3 --pairs 5

Whole commands, from the start of Python to its end, in turn: `cloudner train`, the same with `--no-calibrate`, and
`spacy train`. Shown are medians, and the median over the rounds of the difference to `spacy train`, in seconds of the clock
and of the CPU; on a machine that others use too, the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import shown_command
from benchmarks.data import ROOT, read_folder, write_docbin
from benchmarks.gpu.record import write_atomically
from benchmarks.jobs import prepare_data, prepare_encoder
from benchmarks.machine import machine, versions

ROWS = ("cloudner train", "cloudner train --no-calibrate", "spacy train")


def timed(command: list[str], log: Path) -> dict[str, float]:
    """Seconds of a command and of the processes it starts."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with open(log, "w", encoding="utf-8") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(log.read_text(encoding="utf-8")[-2000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": round(wall, 2), "cpu": round(cpu, 2)}


def compared(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ROWS:
        found[name] = {key: statistics.median(row[name][key] for row in rounds) for key in ("wall", "cpu")}
        for key in ("wall", "cpu"):
            extra = [row[name][key] - row["spacy train"][key] for row in rounds]
            found[name][f"{key}_more"] = round(statistics.median(extra), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="random:tiny", help="as for python -m benchmarks")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    kept = ROOT / "build" / "benchmarks"
    encoder = prepare_encoder(args.encoder, kept)
    sentences = read_folder(prepare_data(None, kept, args.sentences), 0)
    python, rounds = [sys.executable, "-m"], []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for split in ("train", "dev"):
            write_docbin(work / f"{split}.spacy", sentences[split])
        ours = [
            *python, "cloudner", "train", str(ROOT / "configs" / "cpu.cfg"), "--gpu-id", "-1", "--encoder", encoder,
            "--paths.train", str(work / "train.spacy"), "--paths.dev", str(work / "dev.spacy"),
            "--training.max_epochs", str(args.epochs), "--output", str(work / "ours"),
        ]  # fmt: skip
        timed(ours, work / "log.txt")  # for the config, and to warm the disk
        shutil.copy(work / "ours" / "resolved.cfg", work / "resolved.cfg")
        commands = {
            "cloudner train": ours,
            "cloudner train --no-calibrate": [*ours, "--no-calibrate"],
            "spacy train": [*python, "spacy", "train", str(work / "resolved.cfg"), "--output", str(work / "stock")],
        }  # fmt: skip
        for number in range(args.pairs):
            row = {}
            for which in ROWS if number % 2 else ROWS[::-1]:
                for folder in ("ours", "stock"):
                    shutil.rmtree(work / folder, ignore_errors=True)
                (work / "ours").mkdir()  # the log of both is there
                row[which] = timed(commands[which], work / "log.txt")
            rounds.append(row)
            print(json.dumps(row), flush=True)
    made = {
        "command": shown_command(["benchmarks.beside_spacy", *sys.argv[1:]]),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "machine": machine("cpu"),
        "versions": versions(),
        "result": compared(rounds),
        "rounds": rounds,
    }
    print(json.dumps(made["result"], indent=1))
    if args.json:
        write_atomically(args.json, made)


if __name__ == "__main__":
    main()

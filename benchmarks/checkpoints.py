"""What checkpoints cost a training: `cloudner train --checkpoint-minutes` beside the same training without any.

    python -m benchmarks.checkpoints --minutes 0.25 --steps 400 --pairs 5 --json benchmarks/results/checkpoints.json

Runs alternate, each in a process of its own, and so does which of a pair is first. Compared are the seconds of the loop, as
run.json has them, and the process's CPU seconds; a checkpoint is weights, AdamW's two moments and the place in the data.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil

from benchmarks.command import shown_command
from benchmarks.data import ROOT, read_folder, write_docbin
from benchmarks.gpu.record import write_atomically
from benchmarks.jobs import prepare_data, prepare_encoder
from benchmarks.machine import machine, versions

NEVER = 1e6  # minutes


class Watch:
    """A training's process: its CPU seconds, and the checkpoints that have been in its folder."""

    def __init__(self, process: psutil.Popen, folder: Path) -> None:
        self.steps: dict[str, int] = {}  # bytes by name
        self.cpu = 0.0
        self._process, self._folder = process, folder
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while self._process.poll() is None:
            for state in self._folder.glob("step-*/state.json"):
                try:
                    size = sum(path.stat().st_size for path in state.parent.iterdir())
                except OSError:  # deleted meanwhile
                    continue
                self.steps.setdefault(state.parent.name, size)
            try:
                times = self._process.cpu_times()
                self.cpu = times.user + times.system
            except psutil.Error:
                pass
            try:
                self._process.wait(0.05)
            except psutil.TimeoutExpired:
                continue

    def join(self) -> None:
        self._thread.join()


def train(work: Path, encoder: str, minutes: float, args: argparse.Namespace) -> dict[str, Any]:
    output = work / "training"
    shutil.rmtree(output, ignore_errors=True)
    values = {
        "paths.train": work / "train.spacy",
        "paths.dev": work / "dev.spacy",
        "corpora.dev.limit": 20,
        "training.max_epochs": 0,
        "training.max_steps": args.steps,
        "training.eval_frequency": args.steps,
        "training.optimizer.learn_rate.total_steps": args.steps + 1,
        "training.batcher.batch_size": args.batch,
        "components.cloudner.model.mixed_precision": args.precision,
    }
    command = [
        sys.executable, "-c", "from cloudner.cli import main; main()", "train", str(ROOT / "configs" / "cpu.cfg"),
        "--output", str(output), "--gpu-id", args.gpu_id, "--encoder", encoder, "--no-calibrate",
        "--checkpoint-minutes", str(minutes), *(word for key, value in values.items() for word in (f"--{key}", str(value))),
    ]  # fmt: skip
    with open(work / "log.txt", "w", encoding="utf-8") as log:
        process = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        watch = Watch(process, output / "checkpoints")
        watch.join()
    if process.returncode:
        raise SystemExit((work / "log.txt").read_text(encoding="utf-8")[-2000:])
    seconds = json.loads((output / "run.json").read_text(encoding="utf-8"))["seconds"]
    return {
        "seconds": seconds,
        "cpu_seconds": round(watch.cpu, 1),
        "checkpoints": len(watch.steps),
        "megabytes": round(max(watch.steps.values(), default=0) / 1e6, 1),
    }


def compared(rows: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Medians over the pairs. overhead: of the run with checkpoints over the one without, less 1."""
    found: dict[str, Any] = {}
    for key in ("seconds", "cpu_seconds"):
        extra = [row["with"][key] - row["without"][key] for row in rows]
        shares = [e / row["without"][key] for e, row in zip(extra, rows, strict=True)]
        each = [e / max(1, row["with"]["checkpoints"]) for e, row in zip(extra, rows, strict=True)]
        found[key] = {
            "without": statistics.median(row["without"][key] for row in rows),
            "overhead_percent": round(100 * statistics.median(shares), 2),
            "overhead_percent_range": [round(100 * min(shares), 2), round(100 * max(shares), 2)],
            "a_checkpoint": round(statistics.median(each), 3),
        }
    found["checkpoints"] = statistics.median(row["with"]["checkpoints"] for row in rows)
    found["megabytes"] = max(row["with"]["megabytes"] for row in rows)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.25, help="from one checkpoint to the next")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=16, help="sentences a step")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--encoder", default="random:minilm", help="as for python -m benchmarks")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--gpu-id", default="-1")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    kept = ROOT / "build" / "benchmarks"
    encoder = prepare_encoder(args.encoder, kept)
    sentences = read_folder(prepare_data(None, kept, 2000), 0)
    rows: list[dict[str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for split in ("train", "dev"):
            write_docbin(work / f"{split}.spacy", sentences[split])
        for number in range(args.pairs):
            order = [("with", args.minutes), ("without", NEVER)][:: 1 if number % 2 else -1]
            rows.append({which: train(work, encoder, minutes, args) for which, minutes in order})
            print(json.dumps(rows[-1]), flush=True)
    made = {
        "command": shown_command(["benchmarks.checkpoints", *sys.argv[1:]]),
        "machine": machine("cpu" if args.gpu_id == "-1" else "cuda:0"),
        "versions": versions(),
        "result": compared(rows),
        "pairs": rows,
    }
    print(json.dumps(made["result"], indent=1))
    if args.json:
        write_atomically(args.json, made)


if __name__ == "__main__":
    main()

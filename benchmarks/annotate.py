"""`cloudner annotate` over many rows, killed at random: every id once, memory flat, throughput beside `nlp.pipe`.

    python -m benchmarks.annotate --rows 1000000 --kills 10 --model FOLDER --json FILE
    python -m benchmarks.annotate --speed 20000 --model FOLDER
    python -m benchmarks.annotate --engines --rows 100000 --model FOLDER

model: any pipeline; without it one with a tiny random encoder is made. A kill is SIGKILL of one worker or of the whole
run, which is then begun again by the same command; when, is drawn by the share of rows that are done.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, versions

NAMES = (
    "Ada Lovelace",
    "Marie Curie",
    "Angela Merkel",
    "Charles Babbage",
    "王小明",
    "Jörg Müller",
    "José Núñez",
)
PLACES = ("Paris", "Warsaw", "Košice", "Brussels", "北京", "São Paulo", "Lyon", "Turin")


def text(number: int) -> str:
    return (
        f"{NAMES[number % 7]} met {NAMES[(number * 5 + 1) % 7]} in {PLACES[number % 8]} on day {number % 9973}, "
        f"says word{number % 100_003}."
    )


def write_source(folder: Path, rows: int, files: int = 8) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    for file in range(files):
        numbers = range(file * rows // files, (file + 1) * rows // files)
        table = pa.table({"key": [f"k{n}" for n in numbers], "text": [text(n) for n in numbers]})
        pq.write_table(table, folder / f"{file}.parquet", row_group_size=20_000)


def make_model(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    import tiny

    tiny.overfit(tiny.make_nlp(tiny.write_encoder("bert", folder / "encoder"))).to_disk(folder / "pipeline")
    return folder / "pipeline"


def workers_of(process: int) -> list[Any]:
    import psutil

    try:
        children = psutil.Process(process).children(recursive=True)
        return [child for child in children if "cloudner.bulk.engines.worker" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def resident(process: int) -> list[int]:
    """MiB of each process that annotates."""
    import psutil

    found = []
    for worker in workers_of(process) or [
        psutil.Process(process)
    ]:  # a single one is the command's own process
        try:
            found.append(worker.memory_info().rss >> 20)
        except psutil.Error:
            continue
    return found


class Killed:
    """One job: started, killed, begun again until it ends."""

    def __init__(
        self, command: list[str], target: Path, rows: int, per_piece: int, kills: int, seed: int
    ) -> None:
        self.command, self.target, self.rows, self.per_piece = command, target, rows, per_piece
        rng = random.Random(seed)
        self.shares = sorted(rng.uniform(0.02, 0.95) for _ in range(kills))
        self.random = rng
        self.killed = {"worker": 0, "run": 0}
        self.memory: list[tuple[float, int]] = []  # share of the rows done, MiB of the largest worker

    def done(self) -> float:
        return len(list(self.target.glob("part-*"))) * self.per_piece / self.rows

    def work(self) -> float:
        started = time.monotonic()
        process = self._start()
        while process.poll() is None:
            time.sleep(1.0)
            if sizes := resident(process.pid):
                self.memory.append((self.done(), max(sizes)))
            if self.shares and self.done() >= self.shares[0]:
                self.shares.pop(0)
                time.sleep(self.random.uniform(0, 2))
                process = self._kill(process)
        if process.returncode:
            raise SystemExit(f"exit code {process.returncode}")
        return time.monotonic() - started

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def _kill(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        workers = workers_of(process.pid)
        if workers and self.random.random() < 0.5:
            self.killed["worker"] += 1
            self.random.choice(workers).send_signal(signal.SIGKILL)
            return process
        self.killed["run"] += 1
        process.kill()
        process.wait()
        return self._start()

    def peak(self, begin: float, end: float) -> int | None:
        return max((size for share, size in self.memory if begin <= share < end), default=None)


def check(target: Path, rows: int) -> dict[str, Any]:
    """Counts the ids of all pieces; raises where one is missing or comes twice."""
    import pyarrow.parquet as pq

    seen = bytearray(rows)
    entities = 0
    for path in sorted(target.glob("part-*.parquet")):
        table = pq.read_table(path, columns=["id", "entities"])
        for key in table["id"].to_pylist():
            number = int(key[1:])
            assert not seen[number], f"{key} comes twice"
            seen[number] = 1
        entities += sum(len(found) for found in table["entities"].to_pylist())
    assert all(seen), f"{rows - sum(seen)} ids are missing"
    assert (target / "_SUCCESS").exists()
    return {"ids": sum(seen), "entities": entities, "pieces": len(list(target.glob("part-*")))}


def killed_job(
    rows: int, kills: int, per_piece: int, workers: int, model: Path, folder: Path, seed: int
) -> dict[str, Any]:
    write_source(folder / "in", rows)
    command = [
        sys.executable, "-W", "ignore", "-m", "spacy", "cloudner", "annotate", str(folder / "in"), str(folder / "out"),
        "--model", str(model), "--id-column", "key", "--rows-per-piece", str(per_piece), "--workers", str(workers),
        "--gpu-id", "-1",
    ]  # fmt: skip
    job = Killed(command, folder / "out", rows, per_piece, kills, seed)
    seconds = job.work()
    quarters = [job.peak(quarter / 4, (quarter + 1) / 4) for quarter in range(4)]
    return {
        "rows": rows, "workers": workers, "rows_per_piece": per_piece, "seed": seed, "killed": job.killed,
        "seconds": round(seconds), "worker_mib_peak_by_quarter": quarters, **check(folder / "out", rows),
    }  # fmt: skip


def speed(rows: int, model: Path, folder: Path, rounds: int = 5) -> dict[str, Any]:
    """CPU seconds of `nlp.pipe` and of a piece by `annotate` in this process, one thread, over the same texts, in turn; the
    pipeline loaded once, as a worker does. The least of the rounds counts."""
    import torch

    import cloudner
    from cloudner.bulk.piece import PieceWorker
    from cloudner.bulk.plan import open_plan
    from cloudner.bulk.store import Store

    torch.set_num_threads(1)
    write_source(folder / "in", rows, files=1)
    target = str(folder / "out")
    options: dict[str, Any] = {"id_column": "key", "rows_per_piece": rows, "log": False}
    done = cloudner.annotate(folder / "in", target, model=model, workers=1, device="cpu", **options)
    plan = open_plan(Store(target))
    assert plan is not None
    worker = PieceWorker(target, str(model), plan.key, "cpu")
    texts = [text(number) for number in range(rows)]
    plain, whole = [], []
    for _ in range(rounds):
        started = time.process_time()
        entities = sum(len(doc.ents) for doc in worker.annotator.nlp.pipe(texts))
        plain.append(time.process_time() - started)
        started = time.process_time()
        worker.do(0)
        whole.append(time.process_time() - started)
        assert done.entities == entities
    return {
        "rows": rows, "nlp_pipe_cpu_seconds": [round(each, 2) for each in plain],
        "annotate_cpu_seconds": [round(each, 2) for each in whole],
        "throughput_beside_nlp_pipe": round(min(plain) / min(whole), 3),
    }  # fmt: skip


def engines(rows: int, per_piece: int, workers: int, model: Path, folder: Path) -> dict[str, Any]:
    """The same job by every engine that is installed: seconds, and whether the rows are the same."""
    import cloudner
    from cloudner.errors import ConfigError

    write_source(folder / "in", rows)
    found: dict[str, Any] = {"rows": rows, "workers": workers}
    first: list[Any] = []
    for engine in ("local", "ray", "spark"):
        started = time.monotonic()
        try:
            cloudner.annotate(
                folder / "in", folder / engine, model=model, id_column="key", rows_per_piece=per_piece, workers=workers,
                device="cpu", engine=engine,
            )  # fmt: skip
        except ConfigError as error:
            found[engine] = f"not measured: {error}"
            continue
        seconds = round(time.monotonic() - started)
        rows_of = _rows(folder / engine)
        first = first or rows_of
        same = [row[:2] for row in rows_of] == [row[:2] for row in first]
        largest = max(
            abs(a - b) for x, y in zip(rows_of, first, strict=True) for a, b in zip(x[2], y[2], strict=True)
        )
        found[engine] = {
            "seconds": seconds, "same_ids_and_spans": same, "largest_difference_of_confidence": largest,
            **check(folder / engine, rows),
        }  # fmt: skip
    return found


def _rows(target: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return [
        (
            row["id"],
            [(e["start"], e["end"], e["label"]) for e in row["entities"]],
            [e["confidence"] for e in row["entities"]],
        )
        for path in sorted(target.glob("part-*.parquet"))
        for row in pq.read_table(path, columns=["id", "entities"]).to_pylist()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rows-per-piece", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speed", type=int, default=0, help="compare so many rows with nlp.pipe instead")
    parser.add_argument(
        "--engines", action="store_true", help="the job by local processes, Ray and Spark instead"
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudner-annotate-") as name:
        folder = Path(name)
        model = args.model or make_model(folder)
        if args.speed:
            result = speed(args.speed, model, folder)
        elif args.engines:
            result = engines(args.rows, args.rows_per_piece, args.workers, model, folder)
        else:
            result = killed_job(
                args.rows, args.kills, args.rows_per_piece, args.workers, model, folder, args.seed
            )
    result["machine"], result["versions"] = machine("cpu"), versions()
    text_ = json.dumps(result, indent=2, ensure_ascii=False)
    print(text_)
    if args.json:
        args.json.write_text(text_ + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Training on a CPU beside a process that keeps one core busy, with the waiting that cloudner sets and without.

    python -m benchmarks.shared_cores
    python -m benchmarks.shared_cores --spins 0,1000,10000,100000 --rounds 7

`spacy cloudner train` itself, on the synthetic corpus; the ways take turns, quiet and beside `while True: pass`, so that
what else the machine does falls on all of them. Figures are medians of words per second after the first evaluation.
`unset` is what OpenMP does by itself. Wanted: at least 0.45 of the quiet rate beside a busy core, and at least 0.98 of
`unset` when quiet.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.command import say, shown_command
from benchmarks.data import PACKAGE, ROOT, config_path, read_folder, write_docbin
from benchmarks.jobs import prepare_data, prepare_encoder
from benchmarks.machine import machine, versions


@contextlib.contextmanager
def busy_core(wanted: bool) -> Iterator[None]:
    """One process that computes all the time, for as long as the block lasts."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def environment(way: str) -> dict[str, str]:
    """way: "ours" (as the command does by itself), "unset", or a spin count."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OMP_", "GOMP_", "KMP_", "CLOUDNER_RESTARTED"))
    }
    if way == "unset":
        own["CLOUDNER_RESTARTED"] = "1"
    elif way != "ours":
        own |= {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": way}
    return own


def rate(way: str, data: Path, encoder: str, output: Path, epochs: int) -> float:
    """Words per second of one training: the median of its log after the first evaluation."""
    shutil.rmtree(output, ignore_errors=True)
    command = [
        sys.executable, "-m", "spacy", "cloudner", "train", str(config_path("cpu")), "--output", str(output),
        "--gpu-id", "-1", "--encoder", encoder, "--no-calibrate", "--paths.train", str(data / "train.spacy"),
        "--paths.dev", str(data / "dev.spacy"), "--training.max_epochs", str(epochs),
    ]  # fmt: skip
    subprocess.run(command, env=environment(way), check=True, stdout=subprocess.DEVNULL)
    records = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    return statistics.median(r["words_per_second"] for r in records[1:] if "words_per_second" in r)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shared_cores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="", help="folder with train and dev.conll; default: synthetic")
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--spins", default="", help="spin counts to try beside")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--max-sentences", type=int, default=2000)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "shared_cores.json")
    given = parser.parse_args(arguments)
    work = given.work.resolve()
    data = prepare_data(given.data or None, work, given.max_sentences)
    (work / "shared_cores_data").mkdir(parents=True, exist_ok=True)
    for split, sentences in read_folder(data).items():
        write_docbin(work / "shared_cores_data" / f"{split}.spacy", sentences)
    data = work / "shared_cores_data"
    encoder = prepare_encoder(given.encoder, work)
    ways = ["ours", "unset", *filter(None, given.spins.split(","))]
    rates: dict[str, dict[str, list[float]]] = {way: {"quiet": [], "beside": []} for way in ways}
    for number in range(given.rounds):
        for place in ("quiet", "beside"):
            for way in ways if number % 2 == 0 else reversed(ways):
                with busy_core(place == "beside"):
                    found = rate(way, data, encoder, work / "shared_cores", given.epochs)
                rates[way][place].append(round(found, 1))
                say(f"round {number + 1}, {place}, {way}: {found:,.0f} words/s")
    middle = {way: {k: statistics.median(v) for k, v in places.items()} for way, places in rates.items()}
    record: dict[str, Any] = {
        "command": shown_command(["benchmarks.shared_cores", *arguments]),
        "machine": machine("cpu"),
        "versions": versions(),
        "words_per_second": rates,
        "beside_over_quiet": {way: round(m["beside"] / m["quiet"], 3) for way, m in middle.items()},
        "quiet_over_unset": {
            way: round(m["quiet"] / middle["unset"]["quiet"], 3) for way, m in middle.items()
        },
    }
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf8")
    for way, m in middle.items():
        say(f"{way:>8}: quiet {m['quiet']:8,.0f}   beside a busy core {m['beside']:8,.0f}")
    return (
        0 if record["beside_over_quiet"]["ours"] >= 0.45 and record["quiet_over_unset"]["ours"] >= 0.98 else 1
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

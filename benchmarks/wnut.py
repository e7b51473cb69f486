"""Quality beside Hugging Face's Trainer: each side's learning rate is chosen on dev, then test F1 over seeds.

    python -m benchmarks.wnut --data FOLDER --epochs 5 --seeds 0,1,2

FOLDER holds train, dev and test.conll (TOKEN<TAB>TAG), such as WNUT-2017. Each side trains at 5e-5, 1e-4 and 3e-4 with
the first seed; the rate of the best dev F1 is then trained with the other seeds (--all-rates: every rate with every
seed, and the best mean decides). Same encoder, epochs and sentences a step; the last weights count on both sides, the
test split decides nothing. Every finished run is added to the JSON file and not run again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.data import PACKAGE, ROOT, config_digest
from benchmarks.machine import machine, versions
from benchmarks.peers import Job, find
from benchmarks.runs import Runs, mean_sd
from benchmarks.suite import choose_device, cores, prepare_data, prepare_encoder, run_job, say, shown_command

RATES = (5e-5, 1e-4, 3e-4)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.wnut",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--sides", default="cloudner,hf", help="training peers of python -m benchmarks")
    parser.add_argument("--rates", default=",".join(f"{rate:g}" for rate in RATES))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-sentences", type=int, default=0)
    parser.add_argument("--all-rates", action="store_true")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "wnut.json")
    given = parser.parse_args(arguments)
    work = given.work.resolve()
    data, encoder = prepare_data(given.data, work), prepare_encoder(given.encoder, work)
    device, threads = choose_device(given.device), given.threads or cores()
    sides = [find("train", name).name for name in given.sides.split(",")]
    rates = [float(rate) for rate in given.rates.split(",")]
    seeds = [int(seed) for seed in given.seeds.split(",")]
    runs = Runs(given.json)
    runs.head |= {
        "command": shown_command(["benchmarks.wnut", *arguments]),
        "machine": machine(device),
        "versions": versions(),
    }
    failed = False

    def measure(side: str, rate: float, seed: int) -> dict[str, Any] | None:
        nonlocal failed
        key = {
            "side": side,
            "rate": rate,
            "seed": seed,
            "epochs": given.epochs,
            "batch": given.batch,
            "data": data.name,
            "sentences": given.max_sentences,
            "encoder": Path(given.encoder).name if Path(given.encoder).is_absolute() else given.encoder,
        }
        if side == "cloudner":
            key["config"] = config_digest(device)
        if row := runs.find(key):
            return row
        job = Job(
            kind="train",
            peer=side,
            encoder=encoder,
            data=str(data),
            device=device,
            epochs=given.epochs,
            batch=given.batch,
            lr=rate,
            seed=seed,
            threads=threads,
            limit=given.max_sentences,
            score=["dev", "test"],
        )
        result = run_job(job, work)
        if "not_measured" in result:
            failed = True
            say(f"{side}, rate {rate:g}, seed {seed}: not measured: {result['not_measured']}")
            return None
        row = runs.add(
            key, {name: result[name] for name in ("seconds", "words_per_second", "steps", "dev", "test")}
        )
        say(
            f"{side}, rate {rate:g}, seed {seed}: dev F1 {row['dev']['f1']:.4f}, test F1 {row['test']['f1']:.4f}, "
            f"{row['seconds']:.0f} s"
        )
        return row

    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for seed in seeds if given.all_rates else seeds[:1]:
        for rate in rates:
            for side in sides:
                if row := measure(side, rate, seed):
                    found.setdefault((side, rate), []).append(row)
    chosen = {side: best_rate(found, side) for side in sides if any(s == side for s, _ in found)}
    if not given.all_rates:
        for seed in seeds[1:]:
            for side, rate in chosen.items():
                if row := measure(side, rate, seed):
                    found[side, rate].append(row)
    runs.head["summary"] = [summarise(side, rate, found[side, rate]) for side, rate in chosen.items()]
    runs.write()
    say("")
    say("| side | rate chosen on dev | seeds | dev F1 | test F1 | test F1, lenient | seconds a run |")
    say("|---|---|---|---|---|---|---|")
    for row in runs.head["summary"]:
        say(
            f"| {row['side']} | {row['rate']:g} | {row['seeds']} | {row['dev_f1'][0]:.4f} | {row['test_f1'][0]:.4f} ± "
            f"{row['test_f1'][1]:.4f} | {row['test_f1_lenient'][0]:.4f} ± {row['test_f1_lenient'][1]:.4f} | "
            f"{row['seconds']:.0f} |"
        )
    return int(failed)


def best_rate(found: dict[tuple[str, float], list[dict[str, Any]]], side: str) -> float:
    """The rate of the best mean dev F1; the lower of two alike."""
    means = {
        rate: mean_sd([r["dev"]["f1"] for r in rows])[0] for (s, rate), rows in found.items() if s == side
    }
    return max(sorted(means), key=lambda rate: means[rate])


def summarise(side: str, rate: float, rows: list[dict[str, Any]]) -> dict[str, Any]:
    def of(split: str, name: str) -> list[float]:
        return [round(value, 5) for value in mean_sd([row[split][name] for row in rows])]

    return {
        "side": side,
        "rate": rate,
        "seeds": len(rows),
        "dev_f1": of("dev", "f1"),
        "test_f1": of("test", "f1"),
        "test_f1_lenient": of("test", "f1_lenient"),
        "seconds": round(mean_sd([row["seconds"] for row in rows])[0], 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

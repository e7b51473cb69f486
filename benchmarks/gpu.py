"""On a CUDA machine: train and predict beside the others, model FLOP utilisation, and a whole training run.

    benchmarks/gpu.sh
    python -m benchmarks.gpu --parts train,long,whole,predict --minutes 9
    python -m benchmarks.gpu --smoke        # the same on a CPU, tiny: does it run?

train, predict: the peers of `python -m benchmarks` on a synthetic corpus as large as CoNLL-2003, 1 epoch. long:
cloudner alone on documents of 400 tokens, the utilisation that long batches reach. whole: `spacy cloudner train` from
command to saved pipeline, 3 epochs, evaluation and saving included. With random weights F1 says nothing. Utilisation
is 6 FLOP a parameter (embeddings aside) and word piece, over the card's rated peak of the precision in use.

Each part has its share of --minutes, and what an earlier one left. Every peer is measured once before any is measured
again; a run that would not end in time is left out, and the files, written after each run, say so.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT, read_folder, write_docbin
from benchmarks.machine import machine, versions
from benchmarks.suite import Suite, choose_device, prepare_data, prepare_encoder, say, shown_command

RESULTS = ROOT / "benchmarks" / "results"
SHARES = {"train": 0.42, "long": 0.1, "whole": 0.2, "predict": 0.28}  # of the time
SMOKE = {"encoder": "random:tiny", "max_sentences": 24, "runs": 1, "whole_epochs": 1, "device": "cpu"}
SMOKE_PEERS = {"train": "cloudner,hf", "predict": "cloudner,hf-pipeline-16"}


def peak_tflops(name: str) -> tuple[float | None, str]:
    """The card's rated TFLOP/s in half precision and where that comes from; None for a card not in the table."""
    from cloudner.hardware.machine import GPU
    from cloudner.hardware.speed import accelerator_of

    row = accelerator_of(GPU(index=0, name=name, memory_total=0))
    if row is None:
        return None, f"{name} is not in hardware/accelerators.json"
    return float(row["half"]), row["source"]


def add_utilisation(record: dict[str, Any]) -> None:
    """`mfu` of every measured training peer, as a share of the rated peak."""
    peak, source = peak_tflops(record["machine"].get("gpu", ""))
    record["peak_tflops"] = {"half": peak, "source": source}
    for row in record["peers"].values():
        if peak and "model_tflops" in row:
            row["mfu"] = round(row["model_tflops"] / peak, 4)


def deadlines(parts: list[str], minutes: float) -> dict[str, float]:
    """When each part, in this order, has to be done: a time of `time.monotonic()`."""
    end, total, ends = time.monotonic(), sum(SHARES[part] for part in parts), {}
    for part in parts:
        end += minutes * 60 * SHARES[part] / total if minutes else math.inf
        ends[part] = end
    return ends


def whole_run(
    encoder: str, data: Path, work: Path, device: str, epochs: int, limit: int, seconds: float
) -> dict[str, Any]:
    """Seconds of the command line that a user types, as it stands; it is ended after `seconds`."""
    folder = work / "whole"
    folder.mkdir(parents=True, exist_ok=True)
    sentences = read_folder(data, limit)
    for split in ("train", "dev"):
        write_docbin(folder / f"{split}.spacy", sentences[split])
    command = [
        sys.executable, "-m", "spacy", "cloudner", "train", "configs/gpu.cfg", "--output", str(folder / "training"),
        "--paths.train", str(folder / "train.spacy"), "--paths.dev", str(folder / "dev.spacy"),
        "--components.cloudner.model.encoder", encoder, "--training.max_epochs", str(epochs),
        "--gpu-id", "-1" if device == "cpu" else device.split(":")[1],
    ]  # fmt: skip
    started = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=max(seconds, 0))
    except subprocess.TimeoutExpired:
        return {"not_measured": f"spacy cloudner train was ended after {seconds:.0f} s: out of time"}
    seconds = time.perf_counter() - started
    if done.returncode:
        (work / "whole.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        return {
            "not_measured": f"spacy cloudner train ended with {done.returncode}: {done.stderr.strip()[-200:]}"
        }
    run = json.loads((folder / "training" / "run.json").read_text(encoding="utf-8"))
    return {
        "epochs": epochs,
        "sentences": len(sentences["train"]),
        "seconds_command": round(seconds, 2),
        "seconds_training_evaluation_saving": run["seconds"],
        "settings": run["settings"],
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--encoder", default="random:bert-base")
    parser.add_argument("--data", default=None)
    parser.add_argument("--parts", default=",".join(SHARES))
    parser.add_argument("--peers", default="all")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1, help="of train and predict")
    parser.add_argument("--whole-epochs", type=int, default=3)
    parser.add_argument("--max-sentences", type=int, default=0)
    parser.add_argument("--device", default="cuda", help="cpu only to try the script")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything; 0: no limit")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny, on the CPU; files go into the work folder"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--results", type=Path, default=None, help="default: benchmarks/results")
    if "--smoke" in arguments:
        parser.set_defaults(**SMOKE)
    given = parser.parse_args(arguments)
    work = given.work.resolve()
    results = given.results or (work / "results" if given.smoke else RESULTS)
    parts = given.parts.split(",")
    if unknown := set(parts) - set(SHARES):
        raise SystemExit(f"--parts {','.join(sorted(unknown))}: expected {', '.join(SHARES)}")
    ends = deadlines(parts, given.minutes)
    device = choose_device(given.device)
    shown = shown_command(["benchmarks.gpu", *arguments])

    def suite(kind: str, name: str, **changed: Any) -> dict[str, Any]:
        peers = SMOKE_PEERS[kind] if given.smoke and given.peers == "all" else given.peers
        settings: dict[str, Any] = {
            "kind": kind,
            "encoder": given.encoder,
            "data": given.data,
            "peers": peers,
            "deadline": ends[name],
            "device": device,
            "runs": given.runs,
            "epochs": given.epochs,
            "lr": 2e-5,
            "limit": given.max_sentences,
            "work": work,
            "json_file": results / f"gpu-{name}.json",
            "markdown_file": results / f"gpu-{name}.md",
            "command": shown,
        }
        record = Suite(**settings | changed).run()
        if kind == "train":
            add_utilisation(record)
            (results / f"gpu-{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return record

    for part in parts:
        if part in {"train", "predict"}:
            suite(part, part)
        elif part == "long":
            count = min(given.max_sentences or 2_000, 2_000)
            record = suite("train", "long", data=None, peers="cloudner", limit=count, length=400, epochs=1)
            say(f"long batches: {record['peers']['cloudner'].get('mfu', 'not measured')} of the rated peak")
        elif part == "whole":
            encoder = prepare_encoder(given.encoder, work)
            data = prepare_data(given.data, work, given.max_sentences)
            left = ends[part] - time.monotonic()
            made = whole_run(
                encoder, data, work, device, given.whole_epochs, given.max_sentences, min(left, 86_400)
            )
            record = {"command": shown, "machine": machine(device), "versions": versions(), "whole_run": made}
            results.mkdir(parents=True, exist_ok=True)
            (results / "gpu-whole.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            say(f"whole run: {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

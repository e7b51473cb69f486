"""On a CUDA machine: train and predict beside the others, model FLOP utilisation, and a whole training run.

    benchmarks/gpu.sh
    python -m benchmarks.gpu --parts train,predict,long,whole

train, predict: the peers of `python -m benchmarks` on a synthetic corpus as large as CoNLL-2003, 3 epochs. long:
cloudner alone on documents of 400 tokens, the utilisation that long batches reach. whole: `spacy cloudner train` from
command to saved pipeline, 3 epochs, evaluation and saving included. With random weights F1 says nothing. Utilisation
is 6 FLOP a parameter (embeddings aside) and word piece, over the card's rated peak of the precision in use.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT, read_folder, write_docbin
from benchmarks.machine import machine, versions
from benchmarks.suite import Suite, choose_device, prepare_data, prepare_encoder, say, shown_command

RESULTS = ROOT / "benchmarks" / "results"


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


def whole_run(encoder: str, data: Path, work: Path, epochs: int, limit: int) -> dict[str, Any]:
    """Seconds of the command line that a user types, as it stands."""
    folder = work / "whole"
    folder.mkdir(parents=True, exist_ok=True)
    sentences = read_folder(data, limit)
    for split in ("train", "dev"):
        write_docbin(folder / f"{split}.spacy", sentences[split])
    command = [
        sys.executable, "-m", "spacy", "cloudner", "train", "configs/gpu.cfg", "--output", str(folder / "training"),
        "--paths.train", str(folder / "train.spacy"), "--paths.dev", str(folder / "dev.spacy"),
        "--components.cloudner.model.encoder", encoder, "--training.max_epochs", str(epochs),
    ]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
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
    parser.add_argument("--parts", default="train,predict,long,whole")
    parser.add_argument("--peers", default="all")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--max-sentences", type=int, default=0)
    parser.add_argument("--device", default="cuda", help="cpu only to try the script")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    work, results = given.work.resolve(), given.results
    device = choose_device(given.device)
    shown = shown_command(["benchmarks.gpu", *arguments])

    def suite(kind: str, name: str, **changed: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "kind": kind,
            "encoder": given.encoder,
            "data": given.data,
            "peers": given.peers,
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

    for part in given.parts.split(","):
        if part in {"train", "predict"}:
            suite(part, part)
        elif part == "long":
            count = min(given.max_sentences or 2_000, 2_000)
            record = suite("train", "long", data=None, peers="cloudner", limit=count, length=400, epochs=1)
            say(f"long batches: {record['peers']['cloudner'].get('mfu', 'not measured')} of the rated peak")
        elif part == "whole":
            encoder = prepare_encoder(given.encoder, work)
            data = prepare_data(given.data, work, given.max_sentences)
            made = whole_run(encoder, data, work, given.epochs, given.max_sentences)
            record = {"command": shown, "machine": machine(device), "versions": versions(), "whole_run": made}
            results.mkdir(parents=True, exist_ok=True)
            (results / "gpu-whole.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            say(f"whole run: {made}")
        else:
            raise SystemExit(f"--parts {part}: expected train, predict, long, whole")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Speed, memory and F1 of cloudner and others on the same encoder, data, epochs and sentences a step.

    python -m benchmarks train
    python -m benchmarks predict --json benchmarks/results/predict-cpu.json
    python -m benchmarks train --data FOLDER --encoder bert-base-cased --peers cloudner,hf,hf-grouped

Peers run in turn (A B C A B C ...), each in a process of its own with the same number of threads. Training: the words
of all steps over their seconds; batching, tokenising and alignment are timed, loading, evaluation and saving are not;
then the test split is predicted for its F1. Prediction: each family's model is trained once with the same settings
(kept in --work for the next command), then the test split is predicted; loading and the first 64 sentences are not
timed, tokenising is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.command import shown_command
from benchmarks.data import PACKAGE, ROOT, SHAPES
from benchmarks.peers import PREDICT, TRAIN
from benchmarks.suite import Suite
from benchmarks.summaries import markdown


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="peers:\n"
        + "\n".join(
            f"  {p.name:22} {kind}: {p.what}"
            for kind, ps in (("train", TRAIN), ("predict", PREDICT))
            for p in ps
        ),
    )
    parser.add_argument("kind", choices=["train", "predict"])
    shapes = ", ".join(SHAPES)
    parser.add_argument(
        "--encoder", default=PACKAGE, help=f"hub name, folder, {PACKAGE}, or random:SHAPE ({shapes})"
    )
    parser.add_argument(
        "--data", default=None, help="folder of train, dev, test.conll (default: a synthetic corpus)"
    )
    parser.add_argument("--peers", default="all", help="all, or names with commas between them")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16, help="sentences a step")
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="of each process (default: usable cores)")
    parser.add_argument("--max-sentences", type=int, default=0, help="of each split (default: all)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks", help="models, data, logs")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--markdown", type=Path, default=None)
    parser.add_argument("--gliner", default="", help="GLiNER weights (predict)")
    parser.add_argument("--flair", default="", help="Flair weights (predict)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    given = parse(arguments)
    suite = Suite(
        kind=given.kind,
        encoder=given.encoder,
        data=given.data,
        peers=given.peers,
        device=given.device,
        runs=given.runs,
        epochs=given.epochs,
        batch=given.batch,
        lr=given.lr,
        seed=given.seed,
        threads=given.threads,
        limit=given.max_sentences,
        work=given.work,
        json_file=given.json,
        markdown_file=given.markdown,
        options={"gliner": given.gliner, "flair": given.flair},
        command=shown_command(["benchmarks", *arguments]),
    )
    record = suite.run()
    print("\n" + markdown(record))
    return int(any(row.get("failed") for name, row in record["peers"].items() if name.startswith("cloudner")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Few sentences: what `min_steps` is worth.

    python -m benchmarks.small --data WNUT17_FOLDER

Trains configs/cpu.cfg on the first sentences of a shuffled training file, for three epochs and then with `min_steps`, and
prints the best F1 on all of dev. The result goes to benchmarks/results/small.json.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import srsly

from benchmarks.machine import machine, versions
from cloudner.corpus.convert.convert import convert
from cloudner.training import train

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "small.json"
MIN_STEPS = "training.optimizer.learn_rate.min_steps"


def first_sentences(source: Path, target: Path, count: int) -> None:
    """`count` sentences of a CoNLL file, drawn with a fixed seed."""
    sentences = [part for part in source.read_text(encoding="utf-8").split("\n\n") if part.strip()]
    random.Random(1).shuffle(sentences)
    target.write_text("\n\n".join(sentences[:count]) + "\n", encoding="utf-8")


def run(folder: Path, train_path: Path, dev_path: Path, steps: int, seed: int) -> dict[str, float]:
    output = folder / f"{train_path.stem}-{steps}-{seed}"
    best = train(
        ROOT / "configs" / "cpu.cfg",
        output,
        gpu_id=-1,
        overrides={
            "paths.train": str(train_path),
            "paths.dev": str(dev_path),
            "system.seed": seed,
            MIN_STEPS: steps,
        },
        calibrate=False,
    )
    performance = srsly.read_json(best / "meta.json")["performance"]
    return {
        "f1": round(100 * performance["ents_f"], 2),
        "seconds": srsly.read_json(output / "run.json")["seconds"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.small",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of train.conll and dev.conll")
    parser.add_argument("--sentences", default="50,100,300,1000")
    parser.add_argument("--min-steps", default="0,300")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--json", type=Path, default=RESULT)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        convert(given.data / "dev.conll", folder / "dev.spacy")
        for count in map(int, given.sentences.split(",")):
            first_sentences(given.data / "train.conll", folder / f"{count}.conll", count)
            convert(folder / f"{count}.conll", folder / f"{count}.spacy")
            for seed in map(int, given.seeds.split(",")):
                for steps in map(int, given.min_steps.split(",")):
                    made = run(folder, folder / f"{count}.spacy", folder / "dev.spacy", steps, seed)
                    rows.append({"sentences": count, "min_steps": steps, "seed": seed, **made})
                    print(json.dumps(rows[-1]), flush=True)
    given.json.write_text(
        json.dumps({"machine": machine("cpu"), "versions": versions(), "rows": rows}, indent=2) + "\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

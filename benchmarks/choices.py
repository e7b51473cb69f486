"""What each choice of the design is worth: dev F1 and seconds with one setting changed, over seeds.

    python -m benchmarks.choices --data FOLDER --seeds 0,1,2 --epochs 5
    python -m benchmarks.choices --data FOLDER --choice base --choice head=crf --choice head=crf,tag_scheme=BILUO

A choice is `base` or settings with commas between them: those of the architecture (head, pooling, tag_scheme,
case_features, label_smoothing, freeze_layers, ...), of the optimizer (layer_decay, head_factor, weight_decay,
grad_clip), lr, warmup, drop, buffer_batches, or any dotted name of the config. Choices take turns within each seed;
every finished run is added to the JSON file and not run again. The test split is not looked at.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import Any

from benchmarks.data import PACKAGE, ROOT
from benchmarks.machine import machine, versions
from benchmarks.peers import Job
from benchmarks.runs import Runs, mean_sd
from benchmarks.suite import choose_device, cores, prepare_data, prepare_encoder, run_job, say, shown_command

MODEL = "components.cloudner.model."
OPTIMIZER = "training.optimizer."
HOMES = {
    **{
        name: MODEL + name
        for name in (
            "head", "pooling", "tag_scheme", "case_features", "label_smoothing", "freeze_embeddings", "freeze_layers",
            "dropout", "window", "context", "mixed_precision", "batch_pieces", "gradient_checkpointing",
        )
    },
    **{name: OPTIMIZER + name for name in ("layer_decay", "head_factor", "weight_decay", "grad_clip", "beta2", "eps")},
    "lr": OPTIMIZER + "learn_rate.initial_rate",
    "warmup": OPTIMIZER + "learn_rate.warmup",
    "drop": "training.dropout",
    "buffer_batches": "training.batcher.buffer_batches",
    "max_pieces": "training.batcher.max_pieces",
    "batch_size": "training.batcher.batch_size",
}  # fmt: skip
DEFAULT = (
    "base", "head=crf", "pooling=mean", "tag_scheme=BILUO", "case_features=false", "label_smoothing=0.1",
    "layer_decay=0.9", "head_factor=10", "freeze_embeddings=true",
)  # fmt: skip


def overrides_of(choice: str) -> dict[str, Any]:
    """`head=crf,layer_decay=0.9` as dotted config names and values. Raises SystemExit for a name without a home."""
    made: dict[str, Any] = {}
    for part in [] if choice == "base" else choice.split(","):
        name, separator, text = part.partition("=")
        home = HOMES.get(name.strip(), name.strip() if "." in name else "")
        if not home or not separator:
            raise SystemExit(
                f"--choice {choice}: found {part!r}, expected base or NAME=VALUE with {', '.join(HOMES)}"
            )
        made[home] = _value(text.strip())
    return made


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.choices",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default=None, help="folder of train, dev, test.conll (default: synthetic)")
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--choice", action="append", default=None)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument(
        "--max-sentences", type=int, default=0, help="of train (default: all); dev stays whole"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "choices.json")
    given = parser.parse_args(arguments)
    choices = given.choice or list(DEFAULT)
    wanted = {choice: overrides_of(choice) for choice in choices}
    work = given.work.resolve()
    data, encoder = prepare_data(given.data, work), prepare_encoder(given.encoder, work)
    device, threads = choose_device(given.device), given.threads or cores()
    runs = Runs(given.json)
    runs.head |= {
        "command": shown_command(["benchmarks.choices", *arguments]),
        "machine": machine(device),
        "versions": versions(),
    }
    found: dict[str, list[dict[str, Any]]] = {choice: [] for choice in choices}
    failed = False
    for seed in (int(seed) for seed in given.seeds.split(",")):
        for choice in choices:
            key = {
                "choice": wanted[choice],
                "seed": seed,
                "epochs": given.epochs,
                "batch": given.batch,
                "lr": given.lr,
                "data": data.name,
                "sentences": given.max_sentences,
                "encoder": Path(given.encoder).name if Path(given.encoder).is_absolute() else given.encoder,
            }
            row = runs.find(key)
            if row is None:
                job = Job(
                    kind="train",
                    peer="cloudner",
                    encoder=encoder,
                    data=str(data),
                    device=device,
                    epochs=given.epochs,
                    batch=given.batch,
                    lr=given.lr,
                    seed=seed,
                    threads=threads,
                    train_limit=given.max_sentences,
                    overrides=wanted[choice],
                    score=["dev"],
                )
                result = run_job(job, work)
                if "not_measured" in result:
                    failed = True
                    say(f"{choice}, seed {seed}: not measured: {result['not_measured']}")
                    continue
                row = runs.add(
                    key, {name: result[name] for name in ("seconds", "words_per_second", "steps", "dev")}
                )
                say(f"{choice}, seed {seed}: dev F1 {row['dev']['f1']:.4f}, {row['seconds']:.0f} s")
            found[choice].append(row)
    runs.head["summary"] = [summarise(choice, rows) for choice, rows in found.items() if rows]
    runs.write()
    say("\n| choice | seeds | dev F1, mean | sd | seconds |\n|---|---|---|---|---|")
    for line in runs.head["summary"]:
        say(
            f"| {line['choice']} | {line['seeds']} | {line['dev_f1_mean']:.4f} | {line['dev_f1_sd']:.4f} "
            f"| {line['seconds']:.1f} |"
        )
    return int(failed)


def summarise(choice: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    mean, sd = mean_sd([row["dev"]["f1"] for row in rows])
    return {
        "choice": choice,
        "seeds": len(rows),
        "dev_f1_mean": round(mean, 5),
        "dev_f1_sd": round(sd, 5),
        "seconds": round(mean_sd([row["seconds"] for row in rows])[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What each choice of the design is worth: dev F1 and seconds with one setting changed, over seeds.

    python -m benchmarks.choices --data FOLDER --seeds 0,1,2 --epochs 5
    python -m benchmarks.choices --data FOLDER --variants base,r_drop,fgm --threads 1
    python -m benchmarks.choices --data FOLDER --choice base --choice head=crf --choice head=crf,tag_scheme=BILUO

A choice is the name of a variant (`--list` shows them), or settings with commas between them: those of the architecture
(head, pooling, tag_scheme, case_features, class_weights, r_drop, fgm, label_smoothing, ...), of the optimizer
(layer_decay, head_factor, weight_decay, grad_clip), lr, warmup, drop, buffer_batches, or any dotted name of the config.
Choices take turns within each seed; every finished run is added to the JSON file and not run again. Several commands may
write one file at a time: `--threads 1` each, and other variants or seeds. The test split is not looked at.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import Any

from benchmarks.data import PACKAGE, ROOT, config_digest
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
            "dropout", "attention_dropout", "window", "window_unit", "context", "mixed_precision", "batch_pieces", "gradient_checkpointing",
            "class_weights", "r_drop", "fgm",
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
# name -> settings, as --choice takes them; without --variants or --choice all of them are run
VARIANTS = {
    "base": "",
    "crf": "head=crf",
    "pooling_mean": "pooling=mean",
    "biluo": "tag_scheme=BILUO",
    "no_case_features": "case_features=false",
    "head_factor": "head_factor=1",
    "freeze_embeddings": "freeze_embeddings=true",
    "label_smoothing": "label_smoothing=0.1",
    "layer_decay": "layer_decay=0.9",
    "class_weights": "class_weights=balanced",
    "r_drop": "r_drop=1.0",
    "fgm": "fgm=1.0",
}


def overrides_of(choice: str) -> dict[str, Any]:
    """A variant's name, or `head=crf,layer_decay=0.9`, as dotted config names and values. Raises SystemExit for a name
    without a home."""
    made: dict[str, Any] = {}
    for part in filter(None, VARIANTS.get(choice, choice).split(",")):
        name, separator, text = part.partition("=")
        home = HOMES.get(name.strip(), name.strip() if "." in name else "")
        if not home or not separator:
            raise SystemExit(
                f"--choice {choice}: found {part!r}, expected one of {', '.join(VARIANTS)}, or NAME=VALUE with "
                + ", ".join(HOMES)
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
    parser.add_argument("--variants", default=None, help="names with commas between them; see --list")
    parser.add_argument(
        "--choice", action="append", default=None, help="a name, or NAME=VALUE,...; repeat it"
    )
    parser.add_argument("--list", action="store_true", help="show the variants and end")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument(
        "--max-sentences", type=int, default=0, help="of train (default: all); dev stays whole"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="of each run (default: all cores)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "choices.json")
    given = parser.parse_args(arguments)
    if given.list:
        say("\n".join(f"{name:<18} {settings}".rstrip() for name, settings in VARIANTS.items()))
        return 0
    choices = [*(given.variants.split(",") if given.variants else []), *(given.choice or [])] or list(
        VARIANTS
    )
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
                "config": config_digest(device),
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
                measured = {name: result[name] for name in ("seconds", "words_per_second", "steps", "dev")}
                row = runs.add(key, {**measured, "threads": threads})
                say(f"{choice}, seed {seed}: dev F1 {row['dev']['f1']:.4f}, {row['seconds']:.0f} s")
            found[choice].append(row)
    summary = [summarise(choice, rows) for choice, rows in found.items() if rows]
    runs.update("summary", summary, by="choice")
    say("\n| choice | seeds | dev F1, mean | sd | seconds |\n|---|---|---|---|---|")
    for line in summary:
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

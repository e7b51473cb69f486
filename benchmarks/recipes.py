"""Which recipe gives more right answers: F1 and seconds of settings, over corpora, sizes and seeds.

    python -m benchmarks.recipes --data build/assets WNUT17 BC5CDR --sentences 300,1000 --choice base --choice layer_decay=0.9
    python -m benchmarks.recipes --data WNUT17 --sentences 0 --choice base --choice hf:3e-4:3 --choice hf-grouped:1e-4:10 --test
    python -m benchmarks.recipes --table                                # what the file holds, and nothing run

Each corpus is a folder of train, dev and test.conll; a size takes that many sentences of train, drawn with a fixed seed
(0: all). Dev decides; the test split is scored with --test alone. A choice is compared with `base`, the config as it is,
by the mean over corpora of the paired differences; its standard error comes from the seeds.

A choice is `base`, or settings with commas between them: those of the architecture (head, pooling, tag_scheme,
case_features, class_weights, r_drop, fgm, label_smoothing, ...), of the optimizer (layer_decay, head_factor, weight_decay,
grad_clip), lr, steps (the least number), warmup, drop, buffer_batches, or any dotted name of the config; or a peer with its
rate and epochs, `hf:RATE:EPOCHS`, `hf-grouped:RATE:EPOCHS` or `edsnlp:RATE:EPOCHS` (`pip install edsnlp`). The config's
own epochs and least steps count unless a choice says otherwise. Choices take turns within each seed; every finished run is
added to the JSON file and not run again. Several commands may write one file at a time, with `--threads 1` each and other
corpora or seeds.
"""

from __future__ import annotations

import argparse
import ast
import random
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.command import choose_device, cores, say, shown_command
from benchmarks.data import PACKAGE, ROOT, config_digest, read_folder, write_conll
from benchmarks.jobs import prepare_encoder, run_job
from benchmarks.machine import machine, versions
from benchmarks.peers import Job
from benchmarks.runs import Runs

BASE = "base"
PEERS = ("hf", "hf-grouped", "edsnlp")
# Of a run; `unshifted`: without the shift of O's score that calibration on dev has found.
KEPT = ("seconds", "steps", "precision", "o_shift", "dev", "test", "dev_unshifted", "test_unshifted")
MODEL = "components.cloudner.model."
OPTIMIZER = "training.optimizer."
HOMES = {
    **{
        name: MODEL + name
        for name in (
            "head", "pooling", "tag_scheme", "case_features", "label_smoothing", "freeze_embeddings", "freeze_layers",
            "dropout", "attention_dropout", "window", "window_unit", "context", "mixed_precision", "batch_pieces", "gradient_checkpointing",
            "class_weights", "r_drop", "fgm", "swap_entities", "mask_words",
        )
    },
    **{name: OPTIMIZER + name for name in ("layer_decay", "head_factor", "weight_decay", "grad_clip", "beta2", "eps")},
    "o_shift": "components.cloudner.o_shift",
    "steps": OPTIMIZER + "learn_rate.min_steps",
    "lr": OPTIMIZER + "learn_rate.initial_rate",
    "warmup": OPTIMIZER + "learn_rate.warmup",
    "drop": "training.dropout",
    "buffer_batches": "training.batcher.buffer_batches",
    "max_pieces": "training.batcher.max_pieces",
    "batch_size": "training.batcher.batch_size",
}  # fmt: skip


def overrides_of(choice: str) -> dict[str, Any]:
    """`head=crf,layer_decay=0.9` as dotted config names and values. Raises SystemExit for a name without a home."""
    made: dict[str, Any] = {}
    for part in filter(None, ("" if choice == BASE else choice).split(",")):
        name, separator, text = part.partition("=")
        home = HOMES.get(name.strip(), name.strip() if "." in name else "")
        if not home or not separator:
            raise SystemExit(
                f"--choice {choice}: found {part!r}, expected {BASE}, or NAME=VALUE with {', '.join(HOMES)}"
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
        prog="python -m benchmarks.recipes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", default=[], help="folders of train, dev and test.conll")
    parser.add_argument("--sentences", default="1000", help="sizes of train with commas between them; 0: all")
    parser.add_argument("--choice", action="append", default=[], help="base, NAME=VALUE,..., or a peer")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--test", action="store_true", help="score the test split too")
    parser.add_argument("--table", action="store_true", help="only show what the file holds")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="of each run (default: all cores)")
    parser.add_argument(
        "--keep-scores", type=Path, help="folder for the scores on dev and test, for benchmarks.calibration"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "recipes.json")
    given = parser.parse_args(arguments)
    runs = Runs(given.json)
    failed = False
    if not given.table:
        failed = measure(given, arguments, runs)
    summary = summarise(runs.rows)
    runs.head["summary"] = summary
    runs.write()
    say(table(summary))
    return int(failed)


def measure(given: Any, arguments: list[str], runs: Runs) -> bool:
    """Runs what the file does not hold yet; whether any failed."""
    work, device = given.work.resolve(), choose_device(given.device)
    encoder, threads = prepare_encoder(given.encoder, work), given.threads or cores()
    choices = {choice: parsed(choice) for choice in given.choice or [BASE]}
    runs.head |= {
        "command": shown_command(["benchmarks.recipes", *arguments]),
        "machine": machine(device),
        "versions": versions(),
    }
    failed = False
    for key, folder, choice, seed in _plan(given, choices, work, device):
        if (row := runs.find(key)) and ("test" in row or not given.test):
            continue
        result = run_job(
            Job(
                **choices[choice],
                kind="train",
                encoder=encoder,
                data=str(folder),
                device=device,
                seed=seed,
                threads=threads,
                score=["dev", "test"] if given.test else ["dev"],
                options=_options(given, key, choice),
            ),
            work,
        )
        told = f"{key['data']}, {key['sentences'] or 'all'}, seed {seed}, {choice}"
        if "not_measured" in result:
            failed = True
            say(f"{told}: not measured: {result['not_measured']}")
            continue
        kept = {name: result[name] for name in KEPT if name in result}
        if row:
            runs.rows.remove(row)
        row = runs.add(key, {**kept, "threads": threads})
        say(f"{told}: dev F1 {row['dev']['f1']:.4f}, {row['steps']} steps, {row['seconds']:.0f} s")
    return failed


def _options(given: Any, key: dict[str, Any], choice: str) -> dict[str, Any]:
    if given.keep_scores is None:
        return {}
    name = f"{key['data']}-{key['sentences'] or 'all'}-{key['seed']}-{choice.replace('=', '_').replace(',', '-')}.npz"
    return {"scores": str(given.keep_scores.resolve() / name)}


def parsed(choice: str) -> dict[str, Any]:
    """Peer, epochs, rate and settings of a choice, as a `Job` has them; 0: the config's own."""
    peer, *rest = choice.split(":")
    if peer in PEERS and len(rest) == 2:
        return {"peer": peer, "lr": float(rest[0]), "epochs": int(rest[1])}
    return {"peer": "cloudner", "lr": 0.0, "epochs": 0, "batch": 0, "overrides": overrides_of(choice)}


def _plan(
    given: Any, choices: dict[str, dict[str, Any]], work: Path, device: str
) -> Iterator[tuple[dict[str, Any], Path, str, int]]:
    """(key of the run, folder of the data, choice, seed): every choice of a seed before the next seed."""
    for size in map(int, given.sentences.split(",")):
        for seed in map(int, given.seeds.split(",")):
            for data in map(Path, given.data):
                folder = part_of(data.resolve(), size, work)
                for choice, job in choices.items():
                    key = {
                        "choice": choice,
                        "data": data.resolve().name,
                        "sentences": size,
                        "seed": seed,
                        "encoder": Path(given.encoder).name
                        if Path(given.encoder).is_absolute()
                        else given.encoder,
                    }
                    if job["peer"] == "cloudner":
                        key["config"] = config_digest(device)
                    yield key, folder, choice, seed


def part_of(folder: Path, size: int, work: Path) -> Path:
    """The corpus with `size` sentences of train, drawn with a fixed seed (0: the corpus itself); dev and test whole."""
    if not size:
        return folder
    made = work / "data" / f"{folder.name}-{size}"
    splits = read_folder(folder)
    order = list(range(len(splits["train"])))
    random.Random(1).shuffle(order)
    splits["train"] = [splits["train"][i] for i in order[:size]]
    made.mkdir(parents=True, exist_ok=True)
    for split, sentences in splits.items():
        write_conll(made / f"{split}.conll", sentences)
    return made


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each size and choice: mean F1 over the corpora that it shares with `base`, the mean paired difference
    from `base` with its standard error over seeds, the worst corpus's difference, and seconds over those of `base`."""
    known = {(r["key"]["sentences"], r["key"]["choice"], r["key"]["data"], r["key"]["seed"]): r for r in rows}
    lines = []
    for size, choice in dict.fromkeys((size, choice) for size, choice, *_ in known):
        pairs = {
            (data, seed): (row, known[size, BASE, data, seed])
            for (s, c, data, seed), row in known.items()
            if (s, c) == (size, choice) and (size, BASE, data, seed) in known
        }
        if pairs:
            lines.append({"sentences": size, "choice": choice, **_compared(pairs)})
    return sorted(lines, key=lambda line: (line["sentences"] or 10**9, -line["gain"]))


def _compared(pairs: dict[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    corpora = sorted({data for data, _ in pairs})
    split = "test" if all("test" in row for pair in pairs.values() for row in pair) else "dev"
    gains = {
        data: [100 * (a[split]["f1"] - b[split]["f1"]) for (d, _), (a, b) in pairs.items() if d == data]
        for data in corpora
    }
    means = {data: statistics.fmean(values) for data, values in gains.items()}
    seeds = sorted({seed for _, seed in pairs})
    whole = [seed for seed in seeds if all((data, seed) in pairs for data in corpora)]
    by_seed = [statistics.fmean(_gain(pairs[data, seed], split) for data in corpora) for seed in whole]
    error = statistics.stdev(by_seed) / len(by_seed) ** 0.5 if len(by_seed) > 1 else None
    return {
        "split": split,
        "corpora": len(corpora),
        "seeds": len(seeds),
        "f1": round(
            100 * statistics.fmean(statistics.fmean(a[split]["f1"] for (d, _), (a, _) in pairs.items() if d == data) for data in corpora), 2,
        ),
        "gain": round(statistics.fmean(means.values()), 2),
        "standard_error": None if error is None else round(error, 2),
        "by_corpus": {data: round(value, 2) for data, value in means.items()},
        "worst": round(min(means.values()), 2),
        "times_the_seconds": round(statistics.fmean(a["seconds"] / b["seconds"] for a, b in pairs.values()), 2),
    }  # fmt: skip


def _gain(pair: tuple[dict[str, Any], dict[str, Any]], split: str) -> float:
    return 100 * float(pair[0][split]["f1"] - pair[1][split]["f1"])


def table(summary: list[dict[str, Any]]) -> str:
    lines = [
        "| train sentences | choice | split | corpora x seeds | mean F1 | against base | worst corpus | times the seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in summary:
        error = "" if line["standard_error"] is None else f" ± {line['standard_error']:.2f}"
        corpora = ", ".join(f"{name} {gain:+.1f}" for name, gain in line["by_corpus"].items())
        lines.append(
            f"| {line['sentences'] or 'all'} | {line['choice']} | {line['split']} | {line['corpora']} x {line['seeds']} "
            f"| {line['f1']:.1f} | {line['gain']:+.2f}{error} | {line['worst']:+.1f} ({corpora}) "
            f"| {line['times_the_seconds']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

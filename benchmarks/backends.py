"""What each backend and precision of prediction is worth on a CPU: words/s, and F1 where there is a trained pipeline.

    python -m benchmarks.backends
    python -m benchmarks.backends --model training/model-best --data corpus/dev.spacy --json benchmarks/results/backends.json

All sides take turns in one process, with the same number of threads, on the same documents: `nlp.pipe` in batches of 256
with tokenised documents, so word pieces, micro-batches and decoding are in. Two ratios to torch in fp32 are printed:
of the time that passed, and of the CPU time of the process, which other programs on the machine disturb less (but
which counts waiting threads that spin). Without --model the head is random: speed only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.command import say, shown_command
from benchmarks.data import PACKAGE, ROOT, make_docs, synthetic
from benchmarks.machine import machine, versions

SIDES = (
    "torch-fp32", "torch-bf16", "torch-int8", "onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32", "openvino-int8",
)  # fmt: skip
BATCH = 256


def load_sides(names: list[str], model: str | None) -> dict[str, Any]:
    """A pipeline a side; what is not installed is left out, with a line that says so."""
    from benchmarks.growth import pipeline
    from cloudner.errors import ConfigError
    from cloudner.loading import cloudner_pipes, load, set_precision
    from cloudner.model.precision import cpu_has_bf16

    random = None if model else pipeline(PACKAGE, "cpu").to_bytes()
    made = {}
    for name in names:
        backend, _, precision = name.partition("-")
        if precision == "bf16" and not cpu_has_bf16():
            say(f"{name}: not measured (this CPU does not multiply in bf16)")
            continue
        try:
            began = time.perf_counter()
            if model:
                nlp = load(model, device="cpu", precision=precision, backend=backend)
            else:
                nlp = pipeline(PACKAGE, "cpu").from_bytes(random)
                for pipe in cloudner_pipes(nlp):
                    set_precision(pipe, precision, backend)
            for pipe in cloudner_pipes(nlp):
                pipe.model.shims[0].predictor()
        except ConfigError as error:
            say(f"{name}: not measured ({error})")
            continue
        say(f"{name}: ready after {time.perf_counter() - began:.1f} s")
        made[name] = nlp
    return made


def texts_of(nlp: Any, data: str | None) -> list[Any]:
    """The gold documents of a .spacy file, or 1,000 synthetic sentences."""
    if data is None:
        return list(make_docs(nlp.vocab, synthetic("dev", 1000)))
    from spacy.tokens import DocBin

    return list(DocBin().from_disk(data).get_docs(nlp.vocab))


def fresh(nlp: Any, gold: list[Any]) -> list[Any]:
    from spacy.tokens import Doc

    return [
        Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]) for doc in gold
    ]


def at_most(docs: list[Any], words: int) -> list[Any]:
    """The first documents that have this many words together."""
    made, count = [], 0
    for doc in docs:
        if made and count + len(doc) > words:
            break
        made.append(doc)
        count += len(doc)
    return made


def measure(sides: dict[str, Any], gold: list[Any], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds that passed, and seconds of CPU time, a round and side. Each side warms up on all documents once."""
    taken: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in sides}
    for round_ in range(rounds + 1):
        for name, nlp in sides.items():
            docs = fresh(nlp, gold)
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in nlp.pipe(docs, batch_size=BATCH):
                pass
            if round_:
                taken[name]["wall"].append(time.perf_counter() - wall)
                taken[name]["cpu"].append(time.process_time() - cpu)
    return taken


def quality(sides: dict[str, Any], data: str) -> dict[str, dict[str, float]]:
    """F1 by spaCy's own scorer, and the share of tokens whose label is that of torch in fp32."""
    from spacy.training import Example

    made: dict[str, dict[str, float]] = {}
    reference: list[list[tuple[str, str]]] = []
    for name, nlp in sides.items():
        gold = texts_of(nlp, data)
        found = list(nlp.pipe(fresh(nlp, gold), batch_size=BATCH))
        scored = nlp.get_pipe("cloudner").score(
            [Example(doc, gold_doc) for doc, gold_doc in zip(found, gold, strict=True)]
        )
        tags = [[(t.ent_iob_, t.ent_type_) for t in doc] for doc in found]
        reference = reference or tags
        same = [a == b for x, y in zip(reference, tags, strict=True) for a, b in zip(x, y, strict=True)]
        made[name] = {"f1": round(float(scored["ents_f"]), 4), "same_tags": round(sum(same) / len(same), 5)}
    return made


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.backends",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default=None, help="a trained pipeline (default: a random head)")
    parser.add_argument("--data", default=None, help="a .spacy file (default: synthetic sentences)")
    parser.add_argument(
        "--sides", default=",".join(SIDES), help="the first is what the others are compared to"
    )
    parser.add_argument("--words", type=int, default=3000, help="words a round and side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's own number")
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args(arguments)
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    before = machine("cpu")
    sides = load_sides(args.sides.split(","), args.model)
    if not sides:
        return 1
    first = next(iter(sides))
    timed = at_most(texts_of(sides[first], args.data), args.words)
    words = sum(len(doc) for doc in timed)
    taken = measure(sides, timed, args.rounds)
    scores = quality(sides, args.data) if args.model and args.data else {}
    rows: dict[str, Any] = {}
    middle = {name: {k: statistics.median(v) for k, v in times.items()} for name, times in taken.items()}
    print(f"| side | words/s | times {first} | by CPU time | F1 | same tags |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, times in middle.items():
        rows[name] = {
            "words_per_second": round(words / times["wall"]),
            "times_as_fast": round(middle[first]["wall"] / times["wall"], 2),
            "times_as_fast_by_cpu_time": round(middle[first]["cpu"] / times["cpu"], 2),
            **scores.get(name, {}),
            "seconds": [round(s, 3) for s in taken[name]["wall"]],
            "cpu_seconds": [round(s, 3) for s in taken[name]["cpu"]],
        }
        row = rows[name]
        print(
            f"| {name} | {row['words_per_second']:,} | {row['times_as_fast']:.2f}x | "
            f"{row['times_as_fast_by_cpu_time']:.2f}x | {row.get('f1', '-')} | {row.get('same_tags', '-')} |"
        )
    if args.json:
        made = {
            "command": shown_command(["benchmarks.backends", *arguments]),
            "machine": before,
            "threads": torch.get_num_threads(),
            "versions": versions(),
            "words": words,
            "sides": rows,
        }
        args.json.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        say(f"written to {args.json.relative_to(ROOT) if args.json.is_relative_to(ROOT) else args.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

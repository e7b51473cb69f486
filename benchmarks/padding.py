"""How much of what is computed is padding, batch by batch: the recipe's, grouped by length, and cloudner's.

    python -m benchmarks.padding
    python -m benchmarks.padding --data FOLDER --batch 32

Counts word pieces, special tokens included, over one epoch of the training split; nothing is trained. A micro-batch
as a GPU plans it costs more padding than a CPU's, since a call costs more there.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import say, shown_command
from benchmarks.data import PACKAGE, ROOT, make_docs
from benchmarks.jobs import prepare_data, prepare_encoder


def share(batches: list[np.ndarray]) -> float:
    """Padded places over all places of batches of sequence lengths."""
    places = sum(len(batch) * int(batch.max()) for batch in batches)
    return 1 - sum(int(batch.sum()) for batch in batches) / places


def measure(examples: list[Any], batch: int, cache: Any) -> dict[str, float]:
    from cloudner.corpus.training.batcher import batch_by_pieces, register_counter
    from cloudner.model.runners.budgets import DEFAULT_BUDGET
    from cloudner.model.runners.micro_batches import OVERHEAD, plan

    lengths = cache.count(examples) + 2  # with the special tokens
    order = list(range(len(lengths)))
    random.Random(0).shuffle(order)
    at_random = [lengths[order[i : i + batch]] for i in range(0, len(order), batch)]
    # transformers' LengthGroupedSampler: megabatches of 50 batches, sorted inside
    mega = [order[i : i + 50 * batch] for i in range(0, len(order), 50 * batch)]
    sorted_rows = [row for rows in mega for row in sorted(rows, key=lambda r: -lengths[r])]
    grouped = [lengths[sorted_rows[i : i + batch]] for i in range(0, len(order), batch)]
    shuffled = [examples[i] for i in order]
    register_counter(cache)
    random.seed(0)
    steps = [cache.count(egs) + 2 for egs in batch_by_pieces(batch)(shuffled)]
    found = {"random": share(at_random), "grouped": share(grouped), "steps": share(steps)}
    for kind in ("cpu", "cuda"):
        budget = DEFAULT_BUDGET[kind]["train"]
        found[f"micro-batches, {kind}"] = share(
            [s[g] for s in steps for g in plan(s, budget, OVERHEAD[kind])]
        )
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.padding", description=__doc__)
    parser.add_argument("--data", default="")
    parser.add_argument("--encoder", default=PACKAGE)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-sentences", type=int, default=0)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "padding.json")
    given = parser.parse_args(arguments)
    work = given.work.resolve()

    import spacy
    from spacy.training import Example

    from benchmarks.data import read_conll
    from cloudner.model.network.encoder import load_tokenizer
    from cloudner.pieces.cache import PieceCache

    data, encoder = prepare_data(given.data, work), prepare_encoder(given.encoder, work)
    sentences = read_conll(Path(data) / "train.conll", given.max_sentences)
    nlp = spacy.blank("en")
    examples = [Example(doc, doc) for doc in make_docs(nlp.vocab, sentences)]
    found = measure(examples, given.batch, PieceCache(load_tokenizer(encoder)))
    for name, value in found.items():
        say(f"{name:22} {100 * value:5.1f} % padding")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    made = {
        "command": shown_command(["benchmarks.padding", *arguments]),
        "sentences": len(sentences),
        "batch": given.batch,
        "padding": {name: round(value, 4) for name, value in found.items()},
    }
    given.json.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

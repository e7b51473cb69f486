"""Self-training: what texts without annotations add to a small corpus.

    python -m benchmarks.self_training --data DANISH WNUT17 --sentences 300 --seeds 0 --threshold 0.8

A teacher learns from some sentences of train and annotates the rest of train, whose own annotations are left out; a student
learns from both, anew. Entities whose calibrated confidence is below the threshold count as not annotated. Both are
configs/cpu.cfg with calibration; F1 on dev and test of both, in benchmarks/results/self-training.json.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.command import say, shown_command, trainings, trainings_parser
from benchmarks.data import PACKAGE, ROOT, Sentence, config_digest, make_docs, read_folder
from benchmarks.machine import machine, versions
from benchmarks.recipes import part_of
from benchmarks.runs import Runs
from benchmarks.score import scores, tags_of_doc


def fitted(labelled: list[Any], dev: list[Any], folder: Path, seed: int) -> Any:
    """The pipeline that these Docs give."""
    import cloudner

    shutil.rmtree(folder, ignore_errors=True)
    made = cloudner.train(
        labelled, dev, output=folder, encoder=PACKAGE, device="cpu", show=False, overrides={"system.seed": seed}
    )  # fmt: skip
    return cloudner.load(made.path, device="cpu")


def annotated(nlp: Any, sentences: list[Sentence], threshold: float) -> list[Any]:
    """Docs with the entities that the pipeline is sure of; of the others it is not known what they are."""
    bare = [(words, ["O"] * len(words)) for words, _ in sentences]
    docs = list(nlp.pipe(make_docs(nlp.vocab, bare)))
    for doc in docs:
        sure = [span for span in doc.ents if span._.confidence >= threshold]
        doc.set_ents(sure, missing=[span for span in doc.ents if span._.confidence < threshold])
    return docs


def f1(nlp: Any, sentences: list[Sentence]) -> float:
    bare = [(words, ["O"] * len(words)) for words, _ in sentences]
    found = [tags_of_doc(doc) for doc in nlp.pipe(make_docs(nlp.vocab, bare))]
    return float(scores([tags for _, tags in sentences], found)["f1"])


def compared(data: Path, size: int, seed: int, threshold: float, work: Path) -> dict[str, Any]:
    from spacy.vocab import Vocab

    part = read_folder(part_of(data, size, work))
    taken = {tuple(words) for words, _ in part["train"]}
    rest = [each for each in read_folder(data)["train"] if tuple(each[0]) not in taken]
    docs = {split: list(make_docs(Vocab(), part[split])) for split in ("train", "dev")}
    folder = work / "self-training" / f"{data.name}-{size}-{seed}"
    began = time.process_time()
    nlp = fitted(docs["train"], docs["dev"], folder, seed)
    row: dict[str, Any] = {"teacher": {split: f1(nlp, part[split]) for split in ("dev", "test")}}
    row["teacher"]["cpu_seconds"], began = round(time.process_time() - began), time.process_time()
    added = annotated(nlp, rest, threshold)
    unsure = sum(any(token.ent_iob == 0 for token in doc) for doc in added)
    nlp = fitted(docs["train"] + added, docs["dev"], folder, seed)
    row["student"] = {split: f1(nlp, part[split]) for split in ("dev", "test")}
    row["student"]["cpu_seconds"] = round(time.process_time() - began)
    shutil.rmtree(folder)
    return {**row, "added": len(added), "with_unsure": unsure}


def main(arguments: list[str]) -> int:
    import torch

    parser = trainings_parser("self_training", __doc__, "300", ROOT / "benchmarks" / "results")
    parser.add_argument(
        "--threshold", type=float, default=0.8, help="confidence from which on an entity counts"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs = Runs(given.json)
    runs.head |= {
        "command": shown_command(["benchmarks.self_training", *arguments]),
        "machine": machine("cpu"),
        "versions": versions(),
    }
    for data, size, seed in trainings(given):
        key = {
            "data": data.name, "sentences": size, "seed": seed, "threshold": given.threshold,
            "config": config_digest("cpu"),
        }  # fmt: skip
        if runs.find(key):
            continue
        row = compared(data, size, seed, given.threshold, given.work.resolve())
        runs.add(key, row)
        told = (
            f"{who} {100 * row[who]['dev']:.1f} and {100 * row[who]['test']:.1f}"
            for who in ("teacher", "student")
        )
        say(f"{data.name}, {size}, seed {seed}: F1 on dev and test of the {', of the '.join(told)}")
    runs.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

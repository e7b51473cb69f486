"""Does it grow? Words/s by number of documents, memory over a long stream, and one very long document.

    python -m benchmarks.growth
    python -m benchmarks.growth --docs 1000,10000,100000,1000000 --slope-docs 200000

The encoder is tiny and random, so that what is around it shows: speed is what is asked to stay flat, not what is
compared. Texts are made as they are read and never repeat, half of their words are new: a string store that keeps
them grows. `nlp.pipe` runs inside `nlp.memory_zone()`, a zone for each 1,000 documents. Memory is the resident set after
each zone; its slope is that of a straight line fitted to the readings after the first quarter.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.command import choose_device, say, shown_command
from benchmarks.data import ROOT, lengths, make_docs, synthetic
from benchmarks.jobs import prepare_encoder
from benchmarks.machine import machine, resident, versions

ZONE = 1_000
ARCHITECTURE = "cloudner.TransformerNER.v1"


def pipeline(encoder: str, device: str) -> Any:
    """A cloudner pipeline on this encoder, initialised on 20 sentences, not trained."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe(
        "cloudner",
        config={
            "model": {"@architectures": ARCHITECTURE, "encoder": encoder, "device": device, "dropout": 0.0}
        },
    )
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in make_docs(nlp.vocab, synthetic("dev", 20))]
    nlp.initialize(lambda: examples)
    return nlp


def texts(count: int, seed: int = 0) -> Iterator[str]:
    """Sentences as long as CoNLL-2003's. Every second word is a number that comes once."""
    rng = random.Random(seed)
    words = [word for sentence, _ in synthetic("train", 200) for word in sentence]
    sizes = lengths(1_000, rng)
    fresh = seed * 10**9
    for i in range(count):
        made = []
        for n in range(sizes[i % len(sizes)]):
            if n % 2:
                fresh += 1
                made.append(f"n{fresh}")
            else:
                made.append(rng.choice(words))
        yield " ".join(made)


def speed(nlp: Any, count: int) -> dict[str, Any]:
    """Words/s of `nlp.pipe` over `count` texts, in memory zones; making the texts is not timed."""
    seconds, words, seed = 0.0, 0, 1
    stream = texts(count, seed)
    while part := [text for text, _ in zip(stream, range(ZONE), strict=False)]:
        started = time.perf_counter()
        with nlp.memory_zone():
            for doc in nlp.pipe(part):
                words += len(doc)
        seconds += time.perf_counter() - started
    return {
        "docs": count,
        "words": words,
        "seconds": round(seconds, 2),
        "words_per_second": round(words / seconds),
    }


def memory(nlp: Any, count: int) -> dict[str, Any]:
    """Slope of the resident set in bytes a document."""
    import numpy as np

    stream = texts(count, 2)
    seen, at, rss = 0, [], []
    while part := [text for text, _ in zip(stream, range(ZONE), strict=False)]:
        with nlp.memory_zone():
            for _ in nlp.pipe(part):
                seen += 1
        at.append(seen)
        rss.append(resident())
    rest = slice(len(at) // 4, None)
    slope = float(np.polyfit(at[rest], rss[rest], 1)[0]) if len(at[rest]) > 2 else float("nan")
    return {
        "docs": count,
        "bytes_a_document": round(slope, 1),
        "rss_first_mb": round(rss[0] / 1e6, 1),
        "rss_quarter_mb": round(rss[len(rss) // 4] / 1e6, 1),
        "rss_last_mb": round(rss[-1] / 1e6, 1),
        "rss_max_mb": round(max(rss) / 1e6, 1),
    }


def long_document(nlp: Any, tokens: int) -> dict[str, Any]:
    """Seconds for one document of this many tokens."""
    from spacy.tokens import Doc

    words = [word for sentence, _ in synthetic("train", 2_000) for word in sentence]
    doc = Doc(nlp.vocab, words=(words * (tokens // len(words) + 1))[:tokens])
    gc.collect()
    started = time.perf_counter()
    (doc,) = nlp.pipe([doc])
    seconds = time.perf_counter() - started
    return {
        "tokens": len(doc),
        "seconds": round(seconds, 2),
        "microseconds_a_token": round(1e6 * seconds / tokens, 2),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--docs", default="1000,10000,100000")
    parser.add_argument("--slope-docs", type=int, default=40_000)
    parser.add_argument("--long", default="10000,100000,1000000", help="tokens of the long documents")
    parser.add_argument("--encoder", default="random:tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "growth.json")
    given = parser.parse_args(arguments)
    device = choose_device(given.device)
    nlp = pipeline(prepare_encoder(given.encoder, given.work.resolve()), device)
    record: dict[str, Any] = {
        "command": shown_command(["benchmarks.growth", *arguments]),
        "encoder": given.encoder,
        "device": device,
        "machine": machine(device),
        "versions": versions(),
        "speed": [],
        "memory": None,
        "long_documents": [],
    }

    def write() -> None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    speed(nlp, 200)  # what happens once
    for count in (int(n) for n in given.docs.split(",") if n):
        record["speed"].append(speed(nlp, count))
        say(f"{count} documents: {record['speed'][-1]['words_per_second']} words/s")
        write()
    if record["speed"]:
        first = record["speed"][0]["words_per_second"]
        record["speed_last_over_first"] = round(record["speed"][-1]["words_per_second"] / first, 3)
    if given.slope_docs:
        record["memory"] = memory(nlp, given.slope_docs)
        say(
            f"memory over {given.slope_docs} documents: {record['memory']['bytes_a_document']} bytes a document"
        )
        write()
    for tokens in (int(n) for n in given.long.split(",") if n):
        record["long_documents"].append(long_document(nlp, tokens))
        line = record["long_documents"][-1]
        say(
            f"a document of {tokens} tokens: {line['seconds']} s, {line['microseconds_a_token']} microseconds a token"
        )
        write()
    if len(record["long_documents"]) > 1:
        costs = [line["microseconds_a_token"] for line in record["long_documents"]]
        record["long_cost_last_over_first"] = round(costs[-1] / costs[0], 3)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Peak memory and rate of converting a large corpus of CoNLL columns, generated first (one new word a sentence).

    OMP_NUM_THREADS=1 python benchmarks/convert_memory.py --documents 1000000

The result goes to benchmarks/results/convert_memory.json. Peak memory is the resident set of the whole process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
from pathlib import Path

from cloudner.corpus.convert.convert import convert
from convert import sentences

RESULT = Path(__file__).parent / "results" / "convert_memory.json"


def write_corpus(path: Path, documents: int) -> None:
    """CoNLL columns, one sentence a document; the words are those of 20,000 sentences and one new one in each."""
    base, rng = list(sentences(20_000, seed=1)), random.Random(2)
    with open(path, "w", encoding="utf-8") as stream:
        for number in range(documents):
            words, tags = base[number % len(base)]
            new = rng.randrange(len(words))
            lines = (
                f"{w if i != new else f'x{number}'}\t{t}\n"
                for i, (w, t) in enumerate(zip(words, tags, strict=True))
            )
            stream.write("".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "large.conll"
        write_corpus(source, arguments.documents)
        report = convert(source, Path(name) / "large.spacy", lang="en")
    result = {
        "command": "OMP_NUM_THREADS=1 python " + " ".join(sys.argv),
        "documents": report.docs,
        "tokens": report.tokens,
        "seconds": round(report.seconds, 1),
        "documents_per_second": round(report.docs / report.seconds),
        "peak_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

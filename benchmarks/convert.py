"""Sentences a second: `cloudner.convert` beside `spacy convert`, and beside `datasets` for CSV. One core.

    OMP_NUM_THREADS=1 python benchmarks/convert.py

Both read the same generated files in this process, start-up not counted, and write a `.spacy` file; the best of the
repetitions counts. spaCy keeps part-of-speech tags where the file has them, cloudner the entities only. Every pair
of outputs is compared: the same tokens and the same entities. Processor time is given beside wall-clock time, since
others may use the machine. The result goes to benchmarks/results/convert.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.convert.convert import convert

RESULT = Path(__file__).parent / "results" / "convert.json"
LABELS = ("PER", "ORG", "LOC", "MISC")


def sentences(count: int, seed: int = 0) -> Iterable[tuple[list[str], list[str]]]:
    """Words and BIO tags; 8 to 32 tokens, one in eight in an entity, a vocabulary of 20,000 words (Zipf)."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    pool = rng.choices(words, weights, k=500_000)
    at = 0
    for _ in range(count):
        size = rng.randint(8, 32)
        at = at + size if at + 2 * size < len(pool) else 0
        tokens, tags = pool[at : at + size], ["O"] * size
        for start in range(0, size - 3, 8):
            label, length = rng.choice(LABELS), rng.randint(1, 2)
            tags[start] = f"B-{label}"
            tags[start + 1 : start + length] = [f"I-{label}"] * (length - 1)
            for token in range(start, start + length):
                tokens[token] = tokens[token].capitalize()
        yield tokens, tags


def write_iob(path: Path, data: list[tuple[list[str], list[str]]]) -> None:
    lines = (" ".join(f"{w}|{t}" for w, t in zip(*pair, strict=True)) for pair in data)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_conll(path: Path, data: list[tuple[list[str], list[str]]]) -> None:
    blocks = ("".join(f"{w}\t{t}\n" for w, t in zip(*pair, strict=True)) for pair in data)
    path.write_text("\n".join(blocks), encoding="utf-8")


def write_json(path: Path, data: list[tuple[list[str], list[str]]]) -> None:
    from spacy.training import iob_to_biluo

    documents = [
        {
            "id": number,
            "paragraphs": [
                {
                    "sentences": [
                        {
                            "tokens": [
                                {"id": i, "orth": w, "ner": t}
                                for i, (w, t) in enumerate(zip(words, iob_to_biluo(tags), strict=True))
                            ]
                        }
                    ]
                }
            ],
        }
        for number, (words, tags) in enumerate(data)
    ]
    path.write_text(json.dumps(documents), encoding="utf-8")


def write_csv(path: Path, data: list[tuple[list[str], list[str]]]) -> None:
    import csv

    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "entities"))
        for words, tags in data:
            starts = [0]
            for word in words:
                starts.append(starts[-1] + len(word) + 1)
            spans = []
            for i, tag in enumerate(tags):
                if tag.startswith("B-"):
                    end = i + 1
                    while end < len(tags) and tags[end].startswith("I-"):
                        end += 1
                    spans.append([starts[i], starts[end] - 1, tag[2:]])
            writer.writerow((" ".join(words), json.dumps(spans)))


def spacy_convert(source: Path, folder: Path, converter: str) -> Path:
    from spacy.cli.convert import convert as spacy_convert_function

    with contextlib.redirect_stdout(io.StringIO()):
        spacy_convert_function(source, folder, file_type="spacy", converter=converter, n_sents=1, silent=True)
    return folder / f"{source.stem}.spacy"


def datasets_convert(source: Path, folder: Path) -> Path:
    """`load_dataset("csv")`, then what every tutorial does: make_doc, char_span, DocBin."""
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    nlp = spacy.blank("en")
    rows = load_dataset("csv", data_files=str(source), cache_dir=str(folder / f"cache-{time.time()}"))[
        "train"
    ]
    frame = DocBin(store_user_data=True)
    for row in rows:
        doc = nlp.make_doc(row["text"])
        spans = [
            doc.char_span(a, b, label=label, alignment_mode="expand")
            for a, b, label in json.loads(row["entities"])
        ]
        doc.ents = [span for span in spans if span is not None]
        frame.add(doc)
    path = folder / "datasets.spacy"
    frame.to_disk(path)
    return path


def content(path: Path) -> list[Any]:
    """Tokens and entities of each document; spaCy's IOB converter adds an empty one, which is left out."""
    docs = DocBin().from_disk(path).get_docs(Vocab())
    return [
        ([token.text for token in doc], [(ent.start, ent.end, ent.label_) for ent in doc.ents])
        for doc in docs
        if len(doc)
    ]


def timed(function: Callable[[], Any]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(
    name: str, count: int, repeat: int, ours: Callable[[], Path], theirs: Callable[[], Path]
) -> dict[str, Any]:
    # In turns, so that whatever else the machine does meets both.
    pairs = [(timed(ours), timed(theirs)) for _ in range(repeat)]
    fast, slow = min(ours[0] for ours, _ in pairs), min(theirs[0] for _, theirs in pairs)
    fast_cpu, slow_cpu = min(ours[1] for ours, _ in pairs), min(theirs[1] for _, theirs in pairs)
    same = content(ours()) == content(theirs())
    row = {
        "input": name,
        "sentences": count,
        "cloudner_sentences_per_second": round(count / fast),
        "other_sentences_per_second": round(count / slow),
        "times_as_fast": round(slow / fast, 2),
        "cloudner_sentences_per_cpu_second": round(count / fast_cpu),
        "other_sentences_per_cpu_second": round(count / slow_cpu),
        "times_as_fast_by_cpu": round(slow_cpu / fast_cpu, 2),
        "same_tokens_and_entities": same,
    }
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    data = list(sentences(arguments.sentences))
    count, repeat = len(data), arguments.repeat
    rows = []
    Aligner("en")  # language data is loaded before anything is timed, for both sides
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ours(source: Path) -> Callable[[], Path]:
            def run() -> Path:
                convert(source, folder / "ours.spacy", lang="en")
                return folder / "ours.spacy"

            return run

        for label, converter, suffix, write in (
            ("spaCy IOB (word|tag)", "iob", ".iob", write_iob),
            ("CoNLL columns (word, tag)", "conll", ".conll", write_conll),
            ("spaCy JSON", "json", ".json", write_json),
        ):
            source = folder / f"data{suffix}"
            write(source, data)
            theirs = lambda s=source, c=converter: spacy_convert(s, folder, c)  # noqa: E731
            rows.append({"other": "spacy convert", **compare(label, count, repeat, ours(source), theirs)})
        source = folder / "data.csv"
        write_csv(source, data)
        try:
            import datasets
        except ImportError:
            rows.append({"other": "datasets", "input": "CSV", "not_measured": "datasets is not installed"})
        else:
            row = compare(
                "CSV text and entities", count, repeat, ours(source), lambda: datasets_convert(source, folder)
            )
            rows.append({"other": f"datasets {datasets.__version__} load_dataset + char_span", **row})
    result = {
        "command": "OMP_NUM_THREADS=1 python " + " ".join(sys.argv),
        "python": platform.python_version(),
        "spacy": spacy.__version__,
        "machine": platform.processor() or platform.machine(),
        "repeat": repeat,
        "rows": rows,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()

"""Annotate what the pipeline is least sure of: pick, annotate elsewhere, add, train again.

    python examples/active_learning.py pick pool.txt round-1.json --count 50          # Label Studio
    python examples/active_learning.py pick pool.txt round-1.jsonl --to doccano
    python examples/active_learning.py add export.json corpus/train/round-1.spacy
    python -m spacy cloudner train configs/cpu.cfg --paths.train corpus/train

`pool.txt` has one text a line. Texts that were picked before (`picked.txt` beside the pool) are not picked again.
The exports hold what the pipeline would say, so that an annotator corrects instead of starting from nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language

import cloudner

SPANS = "cloudner"


@dataclass(frozen=True)
class Candidate:
    """A text, what the pipeline finds in it as (start, end, label, probability), and how unsure it is: 0 to 1."""

    text: str
    entities: list[tuple[int, int, str, float]]
    uncertainty: float


def load(model: str | None) -> Language:
    """The pipeline with its candidate spans on: also spans that did not win, of probability 0.05 or more."""
    return cloudner.load(
        model, config={"components": {"cloudner": {"spans_key": SPANS, "spans_floor": 0.05}}}
    )


def judge(nlp: Language, texts: Sequence[str]) -> Iterator[Candidate]:
    """The uncertainty of a text is that of its least certain span: 1 at a probability of one half, 0 at 0 and 1.
    Spans that were rejected count like those that were found: a missed entity is what one wants to see."""
    for doc in nlp.pipe(texts):
        probabilities = doc.spans[SPANS].attrs["scores"] if SPANS in doc.spans else []
        entities = [(e.start_char, e.end_char, e.label_, float(e._.confidence or 0.0)) for e in doc.ents]
        uncertainty = max((1 - abs(2 * p - 1) for p in probabilities), default=0.0)
        yield Candidate(doc.text, entities, uncertainty)


def pick(nlp: Language, pool: Path, target: Path, *, count: int, to: str) -> list[Candidate]:
    """Write the `count` least certain texts of the pool that were not picked before."""
    if target.exists():
        raise SystemExit(f"{target} is there already: its texts would be lost, for they are not picked again")
    memory = pool.parent / "picked.txt"
    known = set(memory.read_text(encoding="utf-8").splitlines()) if memory.exists() else set()
    lines = (line.strip() for line in pool.read_text(encoding="utf-8").splitlines())
    texts = list(dict.fromkeys(line for line in lines if line and line not in known))
    chosen = sorted(judge(nlp, texts), key=lambda c: -c.uncertainty)[:count]
    if to == "doccano":
        srsly.write_jsonl(target, [doccano_row(c) for c in chosen])
    else:
        version = f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}"
        srsly.write_json(target, [label_studio_task(c, version) for c in chosen])
    with memory.open("a", encoding="utf-8") as stream:
        stream.writelines(c.text + "\n" for c in chosen)
    return chosen


def label_studio_task(candidate: Candidate, version: str) -> dict[str, Any]:
    """A task with a prediction, for a labelling config with <Labels name="label" toName="text">."""
    text = candidate.text
    result = [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {
                "start": utf16(text, start),
                "end": utf16(text, end),
                "text": text[start:end],
                "labels": [label],
            },
            "score": probability,
        }
        for start, end, label, probability in candidate.entities
    ]
    # Label Studio sorts tasks by this score: the least certain first in ascending order.
    prediction = {"model_version": version, "score": 1 - candidate.uncertainty, "result": result}
    return {"data": {"text": text}, "predictions": [prediction]}


def utf16(text: str, position: int) -> int:
    """The offset as Label Studio counts, in UTF-16 code units: an emoji is two."""
    return len(text[:position].encode("utf-16-le")) // 2


def doccano_row(candidate: Candidate) -> dict[str, Any]:
    """A line of JSONL for doccano's sequence labelling import."""
    labels = [[start, end, label] for start, end, label, _ in candidate.entities]
    return {"text": candidate.text, "label": labels, "uncertainty": round(candidate.uncertainty, 4)}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    picking = commands.add_parser("pick", help="write the least certain texts of a pool")
    picking.add_argument("pool", type=Path, help="one text a line")
    picking.add_argument("target", type=Path)
    picking.add_argument("--count", type=int, default=50)
    picking.add_argument("--to", choices=["label-studio", "doccano"], default="label-studio")
    picking.add_argument("--model", default=None, help="default: as cloudner.load() finds it")
    adding = commands.add_parser("add", help="turn what was annotated into training data")
    adding.add_argument("export", type=Path, help="the annotation tool's export")
    adding.add_argument("corpus", type=Path, help="a new .spacy file in the folder of the training corpus")
    adding.add_argument("--lang", default="en")
    args = parser.parse_args(argv)
    if args.command == "pick":
        chosen = pick(load(args.model), args.pool, args.target, count=args.count, to=args.to)
        for candidate in chosen[:3]:
            print(f"{candidate.uncertainty:.2f}  {candidate.text[:90]}")
        print(f"{args.target}: {len(chosen)} texts")
    else:
        report = cloudner.convert(args.export, args.corpus, lang=args.lang)
        print("\n".join(report.lines()))


if __name__ == "__main__":
    main()

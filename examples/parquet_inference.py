"""Entities of a Parquet file of any size: read in batches, predicted, written; the memory stays flat.

    python examples/parquet_inference.py texts.parquet entities.parquet --model training/model-best

The output has the input's columns and one more, `entities`: a list of {start, end, label, text, confidence}.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from spacy.language import Language

import cloudner

ENTITY = pa.struct(
    [
        ("start", pa.int32()),  # characters of the text, as Python counts them
        ("end", pa.int32()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("confidence", pa.float32()),
    ]
)


def find_entities(nlp: Language, texts: Sequence[str | None]) -> Iterator[list[dict[str, Any]]]:
    """One list of entities a text; a null is a text without entities."""
    # New words go into the pipeline's vocabulary; a memory zone takes them out again when the batch is done.
    with nlp.memory_zone():
        for doc in nlp.pipe(text or "" for text in texts):
            yield [
                {
                    "start": ent.start_char,
                    "end": ent.end_char,
                    "label": ent.label_,
                    "text": ent.text,
                    "confidence": ent._.confidence,
                }
                for ent in doc.ents
            ]


def annotate(
    nlp: Language, source: Path, target: Path, *, column: str = "text", batch_size: int = 2048
) -> int:
    """Write `target`; returns the number of entities. Row groups of `target` have `batch_size` rows."""
    count = 0
    with pq.ParquetFile(source) as table:
        schema = table.schema_arrow
        if column not in schema.names:
            raise SystemExit(
                f"{source} has no column {column!r}, only {', '.join(schema.names)}; try --column"
            )
        with pq.ParquetWriter(target, schema.append(pa.field("entities", pa.list_(ENTITY)))) as writer:
            for batch in table.iter_batches(batch_size=batch_size):
                found = list(find_entities(nlp, batch.column(column).to_pylist()))
                count += sum(map(len, found))
                entities = pa.array(found, type=pa.list_(ENTITY))
                writer.write_batch(
                    pa.RecordBatch.from_arrays([*batch.columns, entities], schema=writer.schema)
                )
    return count


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument(
        "--model", default=None, help="folder or package; default: as cloudner.load() finds it"
    )
    parser.add_argument("--column", default="text")
    parser.add_argument("--batch-size", type=int, default=2048, help="rows in memory at a time")
    parser.add_argument("--precision", default="auto", help="auto, fp32, bf16, fp16 or int8")
    args = parser.parse_args(argv)
    nlp = cloudner.load(args.model, precision=args.precision)
    count = annotate(nlp, args.source, args.target, column=args.column, batch_size=args.batch_size)
    print(f"{args.target}: {count} entities")


if __name__ == "__main__":
    main()

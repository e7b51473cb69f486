"""One way to each format: columns checked, a file cut into parts, a part read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from cloudner.bulk.contract import Batch, InputFile, Options, Part, Record
from cloudner.bulk.inputs import columnar, documents, jsonl, tables
from cloudner.bulk.inputs.lines import check_line_ends
from cloudner.bulk.inputs.values import KINDS, Kinds
from cloudner.errors import InputError

# A batch ends with so many documents, or with the document that brings it to so many characters.
BATCH_DOCS, BATCH_CHARACTERS = 2048, 1_000_000


def check_file(file: InputFile, options: Options) -> Any:
    """Raises InputError for a file without the columns asked for. Gives the kept columns' Arrow schema, where the file
    has one."""
    if file.format == "parquet":
        return columnar.check_columns(file, options)
    if not file.size:
        return None
    if file.format == "jsonl":
        jsonl.check_jsonl(file, options)
    elif file.format == "csv":
        tables.check_table(file, options)
    elif file.format == "text":
        if options.text_unit == "line":
            check_line_ends(file)
        for column in (*options.columns, *filter(None, [options.id_column])):
            if column != options.text_column or column == options.id_column:
                raise jsonl.missing(file, column, [options.text_column], options)
    return None


def schema_of(file: InputFile, options: Options, kinds: Kinds) -> Any:
    """The Arrow schema of the kept columns of a file without one of its own; kinds: what was seen in it."""
    pa = columnar.pyarrow()
    # A column that was never filled fits any type of another file.
    kind = {name: seen if file.format in ("jsonl", "spacy") else "text" for name, seen in kinds.of.items()}
    return pa.schema(
        [
            (name, pa.null() if kind[name] is None else getattr(pa, KINDS[str(kind[name])])())
            for name in options.columns
        ]
    )


def cut(number: int, file: InputFile, options: Options, kinds: Kinds | None) -> Iterator[Part]:
    """Parts of at most `rows_per_piece` records. Reads the whole file, but for Parquet, whose footer is enough."""
    most = options.rows_per_piece
    if file.format == "parquet":
        yield from columnar.parts(number, file, most)
    elif file.format == "spacy":
        total = documents.count(file, options, kinds) if file.size else 0
        for first in range(0, total, most):
            yield Part(number, first, min(most, total - first))
    else:
        found = tables.marks(file) if file.format == "csv" else jsonl.marks(file, options, kinds)
        first = 0
        for offset, line in found:
            rows = 1 + sum(1 for _ in islice(found, most - 1))
            yield Part(number, first, rows, offset, line)
            first += rows


def read(
    file: InputFile, part: Part, options: Options, beyond: int | None = tables.ANYWHERE
) -> Iterator[Batch]:
    """The documents of a part in batches. beyond: where the file's next record begins, in bytes as in the plan; None where
    there is none. Raises InputError where there are fewer than when the plan was made, or where they end elsewhere."""
    count = 0
    for batch in _batches(file, part, options, beyond):
        count += len(batch.records)
        yield batch
    if count != part.rows:
        raise InputError(
            f"{count} records where the plan has {part.rows}, from record {part.first + 1} on",
            file=file.name,
            expected="the file as it was when the plan was made",
            fix="--restart",
        )


def _batches(file: InputFile, part: Part, options: Options, beyond: int | None) -> Iterator[Batch]:
    if file.format == "parquet":
        for batch in columnar.batches(file, part, options, BATCH_DOCS):
            yield from _smaller(batch)
        return
    if file.format == "csv":
        yield from _filled(tables.records(file, part, options, beyond))
        return
    yield from _filled((documents if file.format == "spacy" else jsonl).records(file, part, options))


def _smaller(batch: Batch) -> Iterator[Batch]:
    """The same rows, in batches of fewer characters."""
    at = 0
    for piece in _filled(iter(batch.records)):
        arrays = {name: array.slice(at, len(piece.records)) for name, array in batch.arrays.items()}
        yield Batch(piece.records, arrays)
        at += len(piece.records)


def _filled(records: Iterator[Record]) -> Iterator[Batch]:
    taken: list[Record] = []
    characters = 0
    for record in records:
        taken.append(record)
        text = record.text
        characters += 0 if text is None else len(text) if isinstance(text, str) else 5 * len(text.words)
        if len(taken) >= BATCH_DOCS or characters >= BATCH_CHARACTERS:
            yield Batch(taken)
            taken, characters = [], 0
    if taken:
        yield Batch(taken)

"""Parquet and Arrow files: data sets saved by the datasets library, or downloaded from its hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cloudner.corpus.align.tag_shapes import UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.huggingface.class_names import Names, class_names, names_beside
from cloudner.corpus.formats.huggingface.rows import records_of_rows
from cloudner.corpus.formats.words import unused
from cloudner.errors import InputError

_BATCH_ROWS = 1024


def _pyarrow(file: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "reading Arrow and Parquet needs the package pyarrow",
            file=file,
            fix="python -m pip install 'cloudner[parquet]'",
        ) from error
    return pyarrow


def _sniff_parquet(sample: Sample) -> Match | None:
    return Match(1.0, "a Parquet file") if sample.raw[:4] == b"PAR1" else None


def _sniff_arrow(sample: Sample) -> Match | None:
    if sample.raw[:6] == b"ARROW1":
        return Match(1.0, "an Arrow file")
    if sample.raw[:4] == b"\xff\xff\xff\xff" and b"schema" in sample.raw[:4096].lower() + b"schema":
        return Match(0.9, "an Arrow stream (a saved Hugging Face data set)")
    return None


def _schema_names(schema: Any) -> Names | None:
    raw = (schema.metadata or {}).get(b"huggingface")
    if not raw:
        return None
    try:
        return class_names(json.loads(raw))
    except ValueError:
        return None


def _rows(batches: Iterable[Any], schema: Any, source: Source, options: ReadOptions) -> Iterator[Record]:
    names = _schema_names(schema) or names_beside(source)
    items = (item for batch in batches for item in batch.to_pylist())
    found = False
    for record in records_of_rows(enumerate(items, start=1), names, source.name, options):
        found = True
        yield record
    if not found:
        raise InputError("no rows in it", file=source.name, expected="one document a row")


def _handle(source: Source, stream: Any) -> Any:
    """Something pyarrow can seek in: the file itself, or its bytes where it is compressed or remote."""
    import io

    return source.path if source.path is not None else io.BytesIO(stream.read())


def _read_parquet(source: Source, options: ReadOptions) -> Iterator[Record]:
    pyarrow = _pyarrow(source.name)
    with source.open_bytes() as stream:
        try:
            file = pyarrow.parquet.ParquetFile(_handle(source, stream))
            yield from _rows(file.iter_batches(_BATCH_ROWS), file.schema_arrow, source, options)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, error) from error


def _read_arrow(source: Source, options: ReadOptions) -> Iterator[Record]:
    pyarrow = _pyarrow(source.name)
    with source.open_bytes() as stream:
        try:
            handle = _handle(source, stream)
            opened = pyarrow.memory_map(handle) if isinstance(handle, str) else handle
            if source.sample().raw[:6] == b"ARROW1":
                file = pyarrow.ipc.open_file(opened)
                batches: Any = (file.get_batch(i) for i in range(file.num_record_batches))
                yield from _rows(_small(batches), file.schema, source, options)
            else:
                reader = pyarrow.ipc.open_stream(opened)
                yield from _rows(_small(reader), reader.schema, source, options)
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(source, error) from error


def _small(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(start, _BATCH_ROWS)


def _damaged(source: Source, error: BaseException) -> InputError:
    return InputError(
        f"not a complete file: {str(error).splitlines()[0]}",
        file=source.name,
        expected="a whole Parquet or Arrow file",
        fix="copy or export it again",
    )


def _write_parquet(records: Iterable[Record], path: Path) -> None:
    """Columns id, tokens and ner_tags (texts); a list of tags and not of numbers, since names come with the data."""
    from itertools import islice

    pyarrow = _pyarrow(str(path))
    schema = pyarrow.schema(
        [
            ("id", pyarrow.string()),
            ("tokens", pyarrow.list_(pyarrow.string())),
            ("ner_tags", pyarrow.list_(pyarrow.string())),
        ]
    )
    iterator, number, used = iter(records), 0, set[str]()
    with pyarrow.parquet.ParquetWriter(str(path), schema) as writer:
        while batch := list(islice(iterator, 4096)):
            columns = {
                "id": [
                    unused(str(record.meta.get("id", at)), at, used)
                    for at, record in enumerate(batch, start=number)
                ],
                "tokens": [record.tokens or [] for record in batch],
                "ner_tags": [[tag or UNKNOWN for tag in record.tags or ()] for record in batch],
            }
            number += len(batch)
            writer.write_table(pyarrow.table(columns, schema=schema))


PARQUET = Format(
    "parquet", "Parquet with tokens and ner_tags, or text and entities", (".parquet",), _sniff_parquet, _read_parquet,
    write_path=_write_parquet,
)  # fmt: skip


def _arrow_example() -> bytes:
    """A stream, as the datasets library saves it. Raises InputError without pyarrow."""
    import io

    pyarrow = _pyarrow("an example of Arrow")
    words = ["Marie", "Curie", "was", "born", "in", "Warsaw", "."]
    tags = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
    table = pyarrow.table({"tokens": [words], "ner_tags": [tags]})
    stream = io.BytesIO()
    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


ARROW = Format(
    "arrow", "Arrow files and data sets saved by the datasets library", (".arrow",), _sniff_arrow, _read_arrow,
    example=_arrow_example,
)  # fmt: skip

"""The texts of files, annotated or not, and of whatever Python holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudner.corpus.contract import ReadOptions, Record
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.reading import read_records, read_safely
from cloudner.corpus.soundness import whole
from cloudner.errors import InputError
from cloudner.inference.inputs import documents_of
from cloudner.json_files import json_of

_TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def texts_of(data: Any, text_column: str | None = None, lang: str = "en") -> Iterator[str]:
    """The texts one after another.

    data: a path, a folder or a URL: annotated files of any format, tables (CSV, TSV, JSON lines, Parquet) with a column of
    texts, plain text with a document a line; or what `cloudner.predict` takes. Raises InputError for what holds no texts.
    """
    if not (isinstance(data, os.PathLike) or (isinstance(data, str) and _is_place(data))):
        if isinstance(data, str):
            raise InputError("no such file", file=data, expected="a file with texts, or a list of texts")
        for number, (_, text) in enumerate(documents_of(data, text_column), start=1):
            yield whole(text if isinstance(text, str) else text.text, "the texts", number)
        return
    for source in open_sources(str(data), None):
        for record in read_safely(_of_file(source, text_column, lang), source):
            yield whole(_text(record), source.name, record.line)


def _is_place(text: str) -> bool:
    return "://" in text or "*" in text or Path(text).exists()


def _of_file(source: FileSource, text_column: str | None, lang: str) -> Iterator[Record]:
    name = source.base_name.lower()
    suffix = Path(name).suffix
    if suffix == ".txt" and text_column is None:
        for number, line in source.lines():
            if line.strip():
                yield Record(source.name, number, line.strip())
    elif suffix == ".parquet":
        yield from _of_parquet(source, text_column)
    elif suffix in _TABLES or suffix in (".jsonl", ".ndjson"):
        yield from _of_rows(source, suffix, text_column)
    else:
        _, _, records = read_records(source, ReadOptions(lang=lang))
        yield from records


def _text(record: Record) -> str:
    if record.text is not None:
        return record.text
    return " ".join(record.tokens or ())


def _of_rows(source: FileSource, suffix: str, text_column: str | None) -> Iterator[Record]:
    import csv

    csv.field_size_limit(1 << 30)
    with source.open_text() as stream:
        rows: Any = csv.DictReader(stream, delimiter=_TABLES[suffix]) if suffix in _TABLES else None
        if rows is None:
            rows = (json_of(line) for line in stream if line.strip())
        number = 0
        try:
            for number, row in enumerate(rows, start=1):
                yield Record(source.name, number, _cell(row, text_column, source.name, number))
        except (ValueError, csv.Error) as error:
            if isinstance(error, InputError):
                raise
            what = "no table" if isinstance(error, csv.Error) else "no JSON"
            raise InputError(f"{what}: {error}", file=source.name, line=number + 1) from error


def _of_parquet(source: FileSource, text_column: str | None) -> Iterator[Record]:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow", file=source.name, fix='pip install "cloudner[parquet]"'
        ) from error
    with source.open_bytes() as stream:
        number = 0
        for batch in parquet.ParquetFile(stream).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield Record(source.name, number, _cell(row, text_column, source.name, number))


def _cell(row: Any, text_column: str | None, file: str, number: int) -> str:
    """The text of a row, or its tokens in a line. Raises InputError where it has neither."""
    if isinstance(row, dict):
        lower = {str(name).lower(): name for name in row}
        for name in (text_column,) if text_column is not None else (*TEXT, "tokens", "words"):
            value = row.get(lower.get(str(name).lower()))
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                return " ".join(value)
            if isinstance(value, str):
                return value
    raise InputError(
        "no text",
        file=file,
        line=number,
        expected=f"a column {text_column or 'text'}",
        fix="--text-column NAME",
    )

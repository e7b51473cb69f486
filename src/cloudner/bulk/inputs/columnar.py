"""Parquet: planned by its footer, read a few thousand rows at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from cloudner.bulk.contract import Batch, InputFile, Options, Part, Record
from cloudner.bulk.inputs.arrow import python_values
from cloudner.bulk.inputs.jsonl import missing
from cloudner.bulk.inputs.opening import open_raw
from cloudner.bulk.inputs.values import identity, text_of
from cloudner.errors import ConfigError, InputError

_BUFFER = 1 << 20  # bytes of a column that are read at a time


def pyarrow() -> Any:
    """Raises ConfigError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(
            "Parquet needs the package pyarrow",
            fix='pip install "cloudner[parquet]", or JSON lines with --to jsonl',
        ) from error
    return pyarrow


@contextlib.contextmanager
def opened(file: InputFile) -> Iterator[Any]:
    """A ParquetFile. Raises InputError for a file that is none or is damaged."""
    pa = pyarrow()
    try:
        with open_raw(file) as stream, pa.parquet.ParquetFile(stream, buffer_size=_BUFFER) as table:
            yield table
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"not a complete Parquet file: {str(error).splitlines()[0]}",
            file=file.name,
            expected="a whole one",
            fix="copy or export it again",
        ) from error


def check_columns(file: InputFile, options: Options) -> Any:
    """The kept columns' Arrow schema. Raises InputError for a column that is missing, and for a text column of another
    type."""
    pa = pyarrow()
    with opened(file) as table:
        schema = table.schema_arrow
    for column in (options.text_column, *options.columns, *filter(None, [options.id_column])):
        if column not in schema.names:
            raise missing(file, column, schema.names, options)
        if schema.names.count(column) > 1:
            raise InputError(f"the column {column!r} comes twice", file=file.name, expected="it once")
    kind = schema.field(options.text_column).type
    if not _is_text(pa, kind):
        raise InputError(
            f"the column {options.text_column!r} holds {kind}",
            file=file.name,
            expected="texts",
            fix="--text-column NAME",
        )
    return pa.schema([schema.field(name) for name in options.columns])


def _is_text(pa: Any, kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    names = ("is_string", "is_large_string", "is_string_view", "is_null")
    return any(getattr(pa.types, name)(kind) for name in names if hasattr(pa.types, name))


def parts(number: int, file: InputFile, most: int) -> Iterator[Part]:
    """Row groups together up to `most` rows; a larger one in ranges."""
    with opened(file) as table:
        sizes = [table.metadata.row_group(i).num_rows for i in range(table.metadata.num_row_groups)]
    begin, rows = 0, 0
    for group, size in enumerate(sizes):
        if rows and rows + size > most:
            yield Part(number, 0, rows, groups=(begin, group))
            begin, rows = group, 0
        if size > most:
            for first in range(0, size, most):
                yield Part(number, first, min(most, size - first), groups=(group, group + 1))
            begin = group + 1
        else:
            rows += size
    if rows:
        yield Part(number, 0, rows, groups=(begin, len(sizes)))


def batches(file: InputFile, part: Part, options: Options, size: int) -> Iterator[Batch]:
    """The documents of a part, at most `size` at a time, with the kept columns as Arrow arrays."""
    wanted = list(dict.fromkeys([options.text_column, *options.columns, *filter(None, [options.id_column])]))
    groups = list(range(*part.groups))
    with opened(file) as table:
        before = sum(table.metadata.row_group(i).num_rows for i in range(part.groups[0]))
        skip, left = part.first, part.rows
        for table_rows in table.iter_batches(batch_size=size, row_groups=groups, columns=wanted):
            if skip >= table_rows.num_rows:
                skip -= table_rows.num_rows
                continue
            taken = table_rows.slice(skip, left)
            number = before + part.first + part.rows - left
            skip, left = 0, left - taken.num_rows
            yield Batch(
                list(_records(file.name, number, taken, options)),
                {name: taken.column(name) for name in options.columns},
            )
            if not left:
                return


def fits(file: InputFile, column: str, kind: Any) -> bool:
    """Can every value of a column become one of another type, without loss? Reads the column."""
    pa = pyarrow()
    with opened(file) as table:
        for rows in table.iter_batches(columns=[column]):
            try:
                rows.column(column).cast(kind)
            except pa.ArrowException:
                return False
    return True


def _records(name: str, before: int, rows: Any, options: Options) -> Iterator[Record]:
    texts = python_values(rows.column(options.text_column))
    ids = python_values(rows.column(options.id_column)) if options.id_column else [None] * len(texts)
    for number, (text, given) in enumerate(zip(texts, ids, strict=True), start=before + 1):
        yield Record(
            identity(name, number, given), *text_of({options.text_column: text}, options.text_column)
        )

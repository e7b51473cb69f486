"""CSV and TSV with a header, one row a document."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from cloudner.bulk.contract import InputFile, Options, Part, Record
from cloudner.bulk.inputs.jsonl import missing
from cloudner.bulk.inputs.lines import MAX_LINE, decoded, lines
from cloudner.bulk.inputs.values import record
from cloudner.errors import InputError


class _Feed:
    """Decoded lines for csv.reader, and where in the file they end."""

    def __init__(self, file: InputFile, offset: int, line: int) -> None:
        self.file, self.end, self.line = file, offset, line
        self._lines = lines(file, offset, line)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        found = next(self._lines)
        self.end, self.line = found.offset + found.size, found.number
        return "\n" if found.raw is None else decoded(found.raw, self.file.encoding) + "\n"


def _rows(
    file: InputFile, offset: int = 0, line: int = 0
) -> Iterator[tuple[int, int, list[str], str | None]]:
    """(offset, lines before, cells, what is wrong with it) of each row that is not empty."""
    csv.field_size_limit(MAX_LINE)
    feed = _Feed(file, offset, line)
    reader = csv.reader(feed, delimiter=file.delimiter)
    while True:
        offset, line = feed.end, feed.line
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield offset, line, [], f"not CSV: {error}"
            reader = csv.reader(feed, delimiter=file.delimiter)
            continue
        if cells:
            yield offset, line, cells, None


def header(file: InputFile) -> list[str]:
    """The names of the columns; none for an empty file."""
    for _, _, cells, _ in _rows(file):
        return [cell.strip() for cell in cells]
    return []


def check_table(file: InputFile, options: Options) -> None:
    """Raises InputError for a header without the text, or without a column that is to be kept, or with one twice."""
    names = header(file)
    for column in (options.text_column, *options.columns, *filter(None, [options.id_column])):
        if names and column not in names:
            raise missing(file, column, names, options)
        if names.count(column) > 1:
            raise InputError(f"the column {column!r} comes twice", file=file.name, line=1, expected="it once")


def marks(file: InputFile) -> Iterator[tuple[int, int]]:
    """(offset, lines before) of each record."""
    rows = _rows(file)
    next(rows, None)
    for offset, line, _, _ in rows:
        yield offset, line


def records(file: InputFile, part: Part, options: Options) -> Iterator[Record]:
    """The documents of a part."""
    names = header(file)
    rows = _rows(file, part.offset, part.line)
    for index in range(part.first, part.first + part.rows):
        row = next(rows, None)
        if row is None:
            return
        _, _, cells, problem = row
        if problem is None and len(cells) != len(names):
            problem = f"{len(cells)} cells where the header has {len(names)}: a quote that is not closed, or a text without"
        values = dict(zip(names, cells, strict=False))
        made = record(file.name, index + 1, values, options, file.encoding)
        yield made._replace(text=None, problem=problem) if problem else made

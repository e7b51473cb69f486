"""CSV and TSV with a header, one row a document."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from cloudner.bulk.contract import InputFile, Options, Part, Record
from cloudner.bulk.inputs.jsonl import missing
from cloudner.bulk.inputs.lines import MAX_LINE, TOO_LONG, Line, check_line_ends, decoded, lines
from cloudner.bulk.inputs.values import record
from cloudner.errors import InputError

ANYWHERE = -1


class _Feed:
    """Decoded lines for csv.reader, and where in the file they end. taken: those of the row that is being read."""

    def __init__(self, file: InputFile, offset: int, line: int) -> None:
        self.file, self.end, self.line = file, offset, line
        self.taken: list[Line] = []
        self._again: deque[Line] = deque()
        self._lines = lines(file, offset, line)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        found = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(found)
        self.end, self.line = _end(found)
        if found.raw is None:
            raise csv.Error(TOO_LONG)
        return self._text(found.raw)

    def _text(self, raw: bytes) -> str:
        return decoded(raw, self.file.encoding) + "\n"

    def keep_first(self) -> None:
        """The row that is being read is its first line alone; the others are given again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.end, self.line = _end(self.taken[0])

    def alone(self) -> tuple[list[str], str | None]:
        """The cells of that line, quotes taken as they are in the middle of a cell; or what is wrong with it."""
        raw, closed = self.taken[0].raw, True
        if raw is None:
            return [], TOO_LONG

        def line() -> Iterator[str]:
            nonlocal closed
            yield self._text(raw)
            closed = False  # another line is asked for

        try:
            cells = next(csv.reader(line(), delimiter=self.file.delimiter))
        except csv.Error as error:
            return [], "a CR inside a line" if "new-line" in str(error) else f"not CSV: {error}"
        return (cells, None) if closed else ([], "a quote that is not closed")


def _end(line: Line) -> tuple[int, int]:
    return line.offset + line.size, line.number


def _rows(
    file: InputFile, offset: int = 0, line: int = 0
) -> Iterator[tuple[int, int, list[str], str | None]]:
    """(offset, lines before, cells, what is wrong with it) of each row that is not empty.

    A quote that is not closed, or closed by the next one in the file, costs the line that it is in: the row ends with that
    line, and the next begins behind it.
    """
    csv.field_size_limit(MAX_LINE)
    feed = _Feed(file, offset, line)
    reader = csv.reader(feed, delimiter=file.delimiter, strict=True)
    while True:
        offset, line, feed.taken, problem = feed.end, feed.line, [], None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            feed.keep_first()
            cells, problem = feed.alone()
            reader = csv.reader(feed, delimiter=file.delimiter, strict=True)
        if cells or problem:
            yield offset, line, cells, problem


def header(file: InputFile) -> list[str]:
    """The names of the columns; none for an empty file. Raises InputError where they cannot be read."""
    for _, line, cells, problem in _rows(file):
        if problem is not None:
            raise InputError(problem, file=file.name, line=line + 1, expected="a header")
        return [cell.strip() for cell in cells]
    return []


def check_table(file: InputFile, options: Options) -> None:
    """Raises InputError for a header without the text, or without a column that is to be kept, or with one twice."""
    check_line_ends(file)
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


def records(file: InputFile, part: Part, options: Options, beyond: int | None = ANYWHERE) -> Iterator[Record]:
    """The documents of a part. beyond: see `read`."""
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
    following = next(rows, None)
    if beyond not in (ANYWHERE, None if following is None else following[0]):
        raise InputError(
            f"the plan has another row behind record {part.first + part.rows}",
            file=file.name,
            expected="a plan that finds the same rows: earlier versions skipped lines of more than 32 MiB, and what followed a "
            "quote that is not closed",
            fix="--restart, which annotates everything again",
        )

"""Delimited tables: which delimiter, rows with the lines they begin on, columns by name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import IO, Literal

from cloudner.corpus.contract import ReadOptions, Sample, Source
from cloudner.corpus.files.encoding import decode_errors
from cloudner.corpus.formats.keys import CHINESE
from cloudner.corpus.formats.spans import Where
from cloudner.errors import InputError

_DELIMITERS = (",", "\t", ";", "|")
_NAMED = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel's own first line, which names the delimiter
# Between the entities of a cell: these always, commas where it cannot be one entity.
PARTS, COMMAS = re.compile(r"[;；|\n]"), re.compile(r"[,，、]")
# Characters in a cell: far over what spaCy takes for one text, and an end to a quote that is never closed.
_FIELD_LIMIT = 32 * 1024 * 1024


def plain_name(name: str) -> str:
    """A column's name without regard to case; of a Chinese one, the English one that it stands for."""
    plain = name.strip().strip("\ufeff").lower().replace("-", "_")
    return CHINESE.get(plain, plain)


def find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The first column with one of the names, in the order of the names."""
    plain = [plain_name(name) for name in header]
    for name in names:
        if name in header:  # beside another that only reads the same
            return header.index(name)
        if plain_name(name) in plain:
            return plain.index(plain_name(name))
    return None


@dataclass(frozen=True)
class _Table:
    delimiter: str
    rows: list[list[str]]


def _parse(sample: Sample, delimiter: str) -> list[list[str]]:
    text = sample.text
    if sample.truncated:
        text = text[: text.rfind("\n") + 1] or text
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        # Python 3.10 parses no line with a NUL; `table_rows` refuses it in any version, with its place.
        rows = csv.reader(text.replace("\0", " ").splitlines(keepends=True), delimiter=delimiter)
        return [row for row in rows if not _is_blank(row)][:200]
    except csv.Error:
        return []


def _is_blank(row: Sequence[str]) -> bool:
    """Is the row a line of nothing but white space?"""
    return not row or (len(row) == 1 and not row[0].strip())


def first_line(sample: Sample) -> str:
    """The first line that is not blank, which is a table's header; "" where there is none."""
    return next((line for line in sample.lines if line.strip()), "")


def tables(sample: Sample) -> Iterator[_Table]:
    first = first_line(sample)
    if not first:
        return
    if first.lstrip()[:1] in ("{", "["):
        return
    named = _NAMED.fullmatch(first.strip("\ufeff"))
    if named is not None:
        rows = _parse(sample, named[1])[1:]
        if rows and len(rows[0]) >= 2:
            yield _Table(named[1], rows)
        return
    ordered = sorted(_DELIMITERS, key=lambda d: -first.count(d))
    for delimiter in ordered:
        if delimiter not in first:
            continue
        rows = _parse(sample, delimiter)
        if len(rows) >= 1 and len(rows[0]) >= 2:
            yield _Table(delimiter, rows)


def name_of(delimiter: str) -> str:
    return {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}.get(delimiter, repr(delimiter))


class _Raw:
    """The lines of a stream; those since `lines` was last emptied are kept."""

    def __init__(self, stream: IO[str]) -> None:
        self._next = stream.__next__
        self.lines: list[str] = []

    def __iter__(self) -> _Raw:
        return self

    def __next__(self) -> str:
        line = self._next()
        self.lines.append(line)
        return line


def _nul(source: Source, line: int) -> InputError:
    return InputError(
        "a NUL byte in the text",
        file=source.name,
        line=line,
        expected="text; NUL means a binary or a damaged file",
        fix="tr -d '\\000' < FILE > CLEAN",
    )


def table_rows(
    source: Source,
    options: ReadOptions,
    delimiter: str,
    *,
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL,
    keep_blank: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins on; blank lines only where asked for."""
    csv.field_size_limit(_FIELD_LIMIT)
    with (
        decode_errors(source.name, source.encoding, source.open_bytes),
        source.open_text(newline="") as stream,
    ):
        raw = _Raw(stream)
        reader = csv.reader(raw, delimiter=delimiter, quoting=quoting)
        by_row = getattr(source, "line_is_row", False)
        line = 1
        last: list[str] = []
        while True:
            try:
                row = next(reader)
            except StopIteration:
                _check_end(source, line, last, delimiter, quoting)
                return
            except csv.Error as error:
                if "NUL" in str(error):
                    raise _nul(source, reader.line_num) from error
                raise InputError(
                    f"not a table: {error}",
                    file=source.name,
                    line=line,
                    expected="CSV with quoted cells",
                    fix="look for a quote that is not closed, or give --delimiter",
                ) from error
            last, raw.lines = raw.lines, []
            if _is_blank(row):
                row = []
            if line == 1 and last and _NAMED.fullmatch(last[0].rstrip("\r\n")):
                row = []
            if (row or keep_blank) and line not in getattr(source, "hidden", ()):
                if "\x00" in "".join(row):
                    raise _nul(source, line)
                yield line, row
            line = line + 1 if by_row else reader.line_num + 1


def read_header(source: Source, rows: Iterator[tuple[int, list[str]]]) -> tuple[list[str], Where]:
    """The first of `rows` that is not blank, and its place for errors. Raises InputError where there is none."""
    first = next(((line, row) for line, row in rows if row), None)
    if first is None:
        raise InputError("the file is empty", file=source.name, expected="a header and rows")
    line, header = first
    return header, Where(source.name, line, "header")


def ragged_row(
    source: Source, line: int, row: Sequence[str], width: int, delimiter: str, part: str = "the text"
) -> InputError:
    """The error of a row that has not as many cells as the header, `width`; `part`: what the delimiter may stand in."""
    return InputError(
        f"a row of {len(row)} cells under a header of {width}",
        file=source.name,
        line=line,
        expected=f"{width} cells, quoted where the {name_of(delimiter)} is part of {part}",
        fix="write the table with a CSV library, or give --delimiter",
    )


def _check_end(source: Source, line: int, last: list[str], delimiter: str, quoting: Literal[0, 3]) -> None:
    """Raises InputError where the end of the file lies inside a quoted cell."""
    try:
        list(csv.reader(last, delimiter=delimiter, quoting=quoting, strict=True))
    except csv.Error as error:
        if "end of data" in str(error):
            raise InputError(
                "a quote that is never closed",
                file=source.name,
                line=line - len(last),
                expected="a closing quote before the end of the file",
                fix="look at that line; a cut file can be copied again",
            ) from error


def _closest(wanted: str, header: list[str], names: Sequence[str]) -> str:
    """The column that was probably meant: spelt alike, else of a usual name, else the first."""
    alike = get_close_matches(wanted, header, n=1)
    usual = find_column(header, names)
    return alike[0] if alike else header[usual or 0]


def column_of(
    header: list[str], wanted: str | int | None, names: Sequence[str], what: str, where: Where
) -> int:
    """The number of the wanted column, or of the first with one of the names. Raises InputError without it."""
    flag = "--group-by" if what == "group" else f"--{what}-column"
    if wanted is not None:
        if isinstance(wanted, int) or (wanted not in header and str(wanted).isdigit()):
            if int(wanted) < len(header):
                return int(wanted)
        elif (there := find_column(header, [wanted])) is not None:
            return there
        raise where.error(
            f"no column {wanted!r} among {', '.join(header)}",
            "the name of a column",
            f"{flag} {_closest(str(wanted), header, names)}",
        )
    found = find_column(header, names)
    if found is None:
        raise where.error(
            f"no {what} column among {', '.join(map(repr, header))}",
            "one of " + ", ".join(names[:4]),
            f"{flag} NAME",
        )
    return found

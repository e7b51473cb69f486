"""Which columns of a table with a document a row hold spans, which of them is read, and what is said of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.formats.json.label_studio_min import is_results
from cloudner.corpus.formats.keys import META, SPANS, TOKENS
from cloudner.corpus.formats.literals import NO_LITERAL
from cloudner.corpus.formats.spans import Where, looks_like_spans, parse_cell
from cloudner.corpus.formats.tables.csv_rows import find_column, plain_name
from cloudner.errors import InputError

_ROWS = 20  # rows that are looked at
_EMPTY = ("", "[]", "{}", "null")
Rows = Sequence[Sequence[str]]


def _filled(body: Rows, column: int) -> list[str]:
    cells = [row[column].strip() for row in body[:_ROWS] if len(row) > column]
    return [cell for cell in cells if cell not in _EMPTY]


def holds_spans(body: Rows, column: int, begins: str) -> bool:
    """Are there spans in each of the column's cells, or an empty list? begins: what a cell may begin with."""
    filled = _filled(body, column)
    return bool(filled) and all(cell[0] in begins and looks_like_spans(cell) for cell in filled)


def span_column(header: Sequence[str], body: Rows) -> int | None:
    """The column of a usual name that holds spans, or nothing yet; else the first of any name that holds some; or None."""
    named = [column for name in SPANS if (column := find_column(header, [name])) is not None]
    for column in named:
        if any(map(looks_like_spans, cells := _filled(body, column))) or not cells:
            return column
    for begins in ("[{(", "0123456789"):
        for column in range(len(header)):
            if holds_spans(body, column, begins):
                return column
    return named[0] if named else None


def controls(header: Sequence[str], body: Rows, first: int) -> list[int]:
    """The columns of spans in Label Studio's CSV export, one for each control; else `first` alone."""
    if find_column(header, ["annotation_id"]) is None:
        return [first]
    results = [column for column in range(len(header)) if any(map(_are_results, _filled(body, column)))]
    return results if first in results else [first]


def _are_results(cell: str) -> bool:
    try:
        return is_results(json.loads(cell))
    except NO_LITERAL:
        return False


def further(header: Sequence[str], body: Rows, text: int, read: Sequence[int]) -> list[int]:
    """Columns that hold spans of the texts too, and are not among those that are read."""
    others = [
        column
        for column, name in enumerate(header)
        if column not in (text, *read) and plain_name(name) not in (*META, *TOKENS)
    ]
    return [column for column in others if _marks_texts(body, column, text)]


def _marks_texts(body: Rows, column: int, text: int) -> bool:
    rows = [row for row in body[:_ROWS] if len(row) > max(column, text) and row[column].strip() not in _EMPTY]
    for row in rows:
        try:
            spans = parse_cell(row[column], ReadOptions(), Where("", 0, "", row[text]))
        except InputError:
            return False
        # a date, 12-31-2020, has the shape of offsets and a label
        if not all(s.start < s.end and any(map(str.isalpha, s.label)) for s in spans):
            return False
    return bool(rows)

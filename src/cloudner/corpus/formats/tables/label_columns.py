"""Tables with a column a label, as people keep entities in spreadsheets: `text,person,place`, the words in the cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.keys import SENTENCE, SPANS, TAG, TEXT, TOKEN
from cloudner.corpus.formats.surfaces import locate
from cloudner.corpus.formats.tables.csv_rows import (
    COMMAS,
    PARTS,
    column_of,
    find_column,
    plain_name,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.errors import InputError

_EMPTY = frozenset(("", "-", "nan", "NaN", "None", "none", "null", "[]", "n/a", "N/A"))
# Columns that say something else, though their cells may be words of the text.
_OTHERS = frozenset(
    (*SPANS, *TAG, *TOKEN, *SENTENCE, *TEXT, "title", "lang", "language", "source", "split",
     "start", "end", "type", "category", "sentiment", "topic", "intent", "author", "url", "summary", "answer", "question")
)  # fmt: skip
_LISTS = "、"  # stands between the items of a list, and hardly ever in a name


def _words(cell: str, text: str) -> list[str]:
    """The words of a cell: all of it where it stands in the text so, else what semicolons, bars or commas part; 、 always
    parts."""
    cell = cell.strip()
    if cell in _EMPTY:
        return []
    if cell[:1] == "[" and cell[-1:] == "]":
        return [part.strip(" '\"") for part in cell[1:-1].split(",") if part.strip(" '\"")]
    if cell in text and _LISTS not in cell:
        return [cell]
    items = [item.strip() for part in PARTS.split(cell) for item in part.split(_LISTS)]
    parts = [item for item in items if item]
    return parts if len(parts) > 1 else [part.strip() for part in COMMAS.split(cell) if part.strip()]


class _Columns(NamedTuple):
    text: int
    labels: list[int]  # two or more, whose words stand in the texts
    others: list[int]  # half of their words do


def _columns(rows: Sequence[Sequence[str]]) -> _Columns | None:
    """The columns of a table; None where there is not a column a label."""
    header, body = rows[0], [row for row in rows[1:51] if len(row) == len(rows[0])]
    text = find_column(header, TEXT)
    if text is None:
        return None
    labels, others = list[int](), list[int]()
    for column, name in enumerate(header):
        if column == text or plain_name(name) in _OTHERS or not name.strip():
            continue
        words = [(word, row[text]) for row in body for word in _words(row[column], row[text])]
        there = sum(word in where for word, where in words)
        if 2 * there < len(words) or all(word.isdecimal() for word, _ in words):
            continue
        (labels if 10 * there >= 9 * len(words) else others).append(column)
    return _Columns(text, labels, others) if len(labels) > 1 else None


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        results = _columns(table.rows)
        if results is not None:
            names = ", ".join(repr(table.rows[0][column]) for column in results.labels[:4])
            return Match(0.7, f"a column a label ({names}) with words of {table.rows[0][results.text]!r}")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    results = [t for t in tables(source.sample()) if options.delimiter in (None, t.delimiter)]
    table = next((t for t in results if _columns(t.rows)), results[0] if results else None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    columns = _columns(table.rows) if table else None
    text = column_of(header, options.text_column, TEXT, "text", place)
    labels = [column for column in columns.labels if column != text] if columns else []
    if not labels:
        raise place.error(
            f"no columns with words of {header[text]!r}", "a column a label, words of the text in it"
        )
    identity = find_column(header, ["id", "doc_id", "document_id"])
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    notes = [_not_read(header[column], header[text]) for column in columns.others] if columns else []
    count = 0
    for line, row in rows:
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        record = Record(source.name, line, row[text], notes=notes)
        notes = []
        names = [options.labels.get(header[column], header[column].strip()) for column in labels]
        mentions = [
            (word, name)
            for column, name in zip(labels, names, strict=True)
            for word in _words(row[column], row[text])
        ]
        locate(record, row[text], mentions)
        if identity is not None and row[identity]:
            record.meta["id"] = row[identity]
        if group is not None:
            record.meta["group"] = row[group]
        count += 1
        yield record
    if count == 0:
        raise InputError("a header and no rows", file=source.name, line=1, expected="a text a row")


def _not_read(column: str, text: str) -> tuple[str, str, str]:
    done = f"{column!r} is not read: too many of its words are not in {text!r}; write them as they stand there, or part them by ;"
    return "unsupported", "dropped", done


_EXAMPLE = """text,PER,LOC
Marie Curie was born in Warsaw.,Marie Curie,Warsaw
"""
LABEL_COLUMNS = Format(
    "label-columns",
    "a table with a text and a column a label, words of the text in its cells",
    (".csv", ".tsv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

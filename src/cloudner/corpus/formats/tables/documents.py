"""CSV and TSV with one document a row: a text and its entities."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.keys import META, SPANS, TEXT, text_names
from cloudner.corpus.formats.notes import left_out, note_missing
from cloudner.corpus.formats.spans import Where, looks_like_spans, parse_cell, text_and_spans
from cloudner.corpus.formats.tables.csv_rows import (
    column_of,
    find_column,
    name_of,
    plain_name,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.corpus.formats.tables.span_columns import controls, further, holds_spans, span_column
from cloudner.corpus.formats.words import Ids, is_unannotated, refuse_missing
from cloudner.errors import InputError


def _sniff_documents(sample: Sample, tab: bool) -> Match | None:
    for table in tables(sample):
        if (table.delimiter == "\t") != tab:
            continue
        header, body = table.rows[0], table.rows[1:]
        text, entities = find_column(header, text_names(header)), find_column(header, SPANS)
        if text is not None and entities is not None and text != entities:
            cells = [row[entities] for row in body[:50] if len(row) > entities and row[entities].strip()]
            good = sum(looks_like_spans(cell) or cell.strip() in ("[]", "{}") for cell in cells)
            spans = [cell for cell in cells if cell.lstrip()[:1] in ("[", "{", "(") or ":" in cell]
            if not cells or good * 2 >= len(cells) or len(spans) * 2 >= len(cells):
                reason = (
                    f"columns {header[text]!r} and {header[entities]!r}, {name_of(table.delimiter)} between"
                )
                return Match(0.95, reason)
        if found := _columns_of_row(header):
            return Match(0.75, f"spans in column {found[1]} of the first row already: no header")
        # Names nobody thought of: a column that parses as spans gives it away.
        for column in range(len(header)):
            if holds_spans(body, column, begins="[{"):
                return Match(0.75, f"the column {header[column]!r} holds spans")
    return None


def _columns_of_row(row: Sequence[str]) -> tuple[int, int] | None:
    """Text and spans of a row that stands where the header should: the longest cell beside one with spans."""
    spans = next(
        (i for i, cell in enumerate(row) if cell.strip()[:1] in ("[", "{") and looks_like_spans(cell)), None
    )
    if spans is None or len(row) < 2:
        return None
    return max((i for i in range(len(row)) if i != spans), key=lambda i: len(row[i])), spans


def _read_documents(source: Source, options: ReadOptions) -> Iterator[Record]:
    sample = source.sample()
    delimiter = options.delimiter or next(
        (t.delimiter for t in tables(sample) if find_column(t.rows[0], TEXT) is not None),
        next((t.delimiter for t in tables(sample)), ","),
    )
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    table = next((t for t in tables(sample) if t.delimiter == delimiter), None)
    body = table.rows[1:] if table is not None else []
    wanted = options.entities_column
    entity_column: int | None = None
    text_column: int | None = None
    if found := _columns_of_row(header):
        rows, body = itertools.chain([(place.line, header)], rows), [header, *body]
        header = [f"column {number}" for number in range(len(header))]
        text_column, entity_column = found
    if wanted is not None or entity_column is None:
        entity_column = span_column(header, body) if wanted is None else None
    if entity_column is None:
        entity_column = column_of(header, wanted, SPANS, "entities", place)
    if text_column is None:
        names = [
            name
            for name in text_names([header[entity_column]])
            if find_column(header, [name]) != entity_column
        ]
        text_column = column_of(header, options.text_column, names, "text", place)
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    columns = controls(header, body, entity_column) if wanted is None else [entity_column]
    others = further(header, body, text_column, columns) if wanted is None else []
    names = list(map(str, range(len(header)))) if found else header
    notes = [left_out(names[other], names[entity_column], "entities") for other in others]
    keep = [
        (i, name)
        for i, name in enumerate(header)
        if i not in (text_column, *columns) and plain_name(name) in META
    ]
    who = find_column(header, ("annotator",))
    count = 0
    for line, row in rows:
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        record = Record(source.name, line, row[text_column], notes=notes)
        notes = []
        for column in columns:
            where = Where(source.name, line, f"column {header[column]!r}", row[text_column])
            record.spans += parse_cell(row[column], options, where)
        if len(columns) > 1:
            record.spans.sort(key=lambda span: (span.start, -span.end))
        record.complete = any(row[column].strip() != "null" for column in columns)
        if len(columns) == 1:
            note_missing(record, row[columns[0]])
        for index, name in keep:
            if row[index]:
                record.meta[plain_name(name)] = row[index]
        if group is not None:
            record.meta["group"] = row[group]
        if who is not None:
            record.annotator = row[who].strip() or None
        count += 1
        yield record
    if count == 0:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one document a row")


def _write(delimiter: str) -> Any:
    def write(records: Iterable[Record], stream: IO[str]) -> None:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        named: bool | None = None
        ids = Ids()
        for number, record in enumerate(records, start=1):
            if named is None:  # a column of ids where the first document has one
                named = "id" in record.meta
                writer.writerow(("id", "text", "entities") if named else ("text", "entities"))
            text, spans = text_and_spans(record)
            cell = json.dumps([[s.start, s.end, s.label] for s in spans], ensure_ascii=False)
            if not record.complete:
                if spans or not is_unannotated(record):
                    refuse_missing(record, name_of(delimiter) + " separated table")
                cell = "null"  # [] would say that somebody looked and saw nothing
            identity = ids.of(record, number) if named and "id" in record.meta else ""
            writer.writerow((identity, text, cell) if named else (text, cell))
        if named is None:
            writer.writerow(("text", "entities"))

    return write


CSV = Format(
    "csv",
    "comma, semicolon or bar separated table: a text and its entities (JSON, Python literal, start:end:LABEL)",
    (".csv",),
    lambda sample: _sniff_documents(sample, tab=False),
    _read_documents,
    _write(","),
)
TSV = Format(
    "tsv",
    "tab separated table: a text and its entities",
    (".tsv", ".tab"),
    lambda sample: _sniff_documents(sample, tab=True),
    _read_documents,
    _write("\t"),
)

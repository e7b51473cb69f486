"""Rows, of a table or of JSON objects, with a text in one cell that has its entities marked as XML elements.

`1,<PER>Ann</PER> left.` and `{"tagged": "<PER>Ann</PER> left."}`: the cell is read as inline XML, never its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.keys import SENTENCE, SPANS, TAG, TEXT, TOKEN
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.spans import Where
from cloudner.corpus.formats.tables.csv_rows import (
    column_of,
    find_column,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.corpus.formats.xml.inline import parse_line
from cloudner.errors import InputError

_ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)(?:\s[^<>]*)?>[^<>]+</\1>")
_HTML = frozenset(
    [
        "a",
        "abbr",
        "article",
        "aside",
        "b",
        "blockquote",
        "body",
        "br",
        "center",
        "cite",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "html",
        "i",
        "img",
        "kbd",
        "label",
        "li",
        "link",
        "main",
        "mark",
        "math",
        "nav",
        "ol",
        "p",
        "pre",
        "q",
        "ref",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "url",
        "var",
        "video",
    ]
)
_NAMES = frozenset((*TEXT, *SPANS, *TOKEN, *TAG, *SENTENCE, "start", "end", "type"))


def holds_rows(sample: Sample) -> bool:
    """Does a sample hold JSON objects, or a table whose first row names columns?"""
    if some_objects(sample):
        return True
    for table in tables(sample):
        header, body = table.rows[0], table.rows[1:]
        even = bool(body) and all(len(row) == len(header) for row in body[:50])
        named = find_column(header, tuple(_NAMES)) is not None or sample.name.endswith((".csv", ".tsv"))
        if even and named and not any(_ELEMENT.search(cell) or len(cell) > 60 for cell in header):
            return True
    return False


def _tagged_keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of cells with elements around words. HTML is mark-up of a page and names no entities."""
    found = []
    for key in dict.fromkeys(key for row in rows for key in row):
        cells = [row[key] for row in rows if isinstance(row.get(key), str) and row[key]]
        names = [match[1] for cell in cells for match in _ELEMENT.finditer(cell)]
        if names and not any(name.lower() in _HTML for name in names) and _whole(cells):
            found.append(key)
    return found


def _whole(cells: Iterable[str]) -> bool:
    try:
        return bool([span for cell in cells for span in parse_line(cell, "", 0)[1]])
    except InputError:
        return False


def _table_rows(sample: Sample, delimiter: str | None) -> tuple[str, list[dict[str, str]]] | None:
    """The delimiter and the rows by column name of the table that a sample begins."""
    for table in tables(sample):
        header, body = table.rows[0], table.rows[1:51]
        if delimiter in (None, table.delimiter) and body and all(len(row) == len(header) for row in body):
            return table.delimiter, [dict(zip(header, row, strict=True)) for row in body]
    return None


def _sniff(sample: Sample) -> Match | None:
    items: Sequence[Mapping[str, Any]] = some_objects(sample)[:50]
    if not items:
        results = _table_rows(sample, None)
        items = results[1] if results else ()
    keys = _tagged_keys(items)
    return Match(0.6, f"{keys[0]!r} holds texts with entities as elements") if keys else None


def _chosen(
    rows: Sequence[Mapping[str, Any]], options: ReadOptions
) -> tuple[str | None, list[tuple[str, str, str]]]:
    """The key of the texts that are read, and notes on the others."""
    if options.text_column is not None:
        return options.text_column, []
    keys = _tagged_keys(rows)
    return keys[0] if keys else None, [left_out(other, keys[0], "text") for other in keys[1:]]


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a row. Raises InputError for a row without the text, and for elements that do not pair."""
    sample = source.sample()
    items = some_objects(sample)[:50]
    if items:
        key, notes = _chosen(items, options)
        for line, item in objects(source):
            where = Where(source.name, line, "row")
            if key is None or not isinstance(item.get(key), str):
                raise where.error(
                    f"no text {key!r} among {', '.join(map(repr, item))}",
                    "one in each row",
                    "--text-column KEY",
                )
            text, spans = parse_line(item[key], source.name, line)
            yield Record(source.name, line, text, spans, meta=meta_of(item, options), notes=notes)
            notes = []
        return
    results = _table_rows(sample, options.delimiter)
    delimiter = options.delimiter or (results[0] if results else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    key, notes = _chosen(results[1] if results else [], options)
    column = column_of(header, key, (), "text", place)
    identity = find_column(header, ("id", "doc_id", "document_id"))
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    for line, row in rows:
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        text, spans = parse_line(row[column].strip(), source.name, line)
        record = Record(source.name, line, text, spans, notes=notes)
        notes = []
        if identity is not None and identity != column and row[identity]:
            record.meta["id"] = row[identity]
        if group is not None:
            record.meta["group"] = row[group]
        yield record


_EXAMPLE = """id,text
1,<PER>Marie Curie</PER> was born in <LOC>Warsaw</LOC>.
"""
TAGGED_CELLS = Format(
    "tagged-cells",
    "tables and JSON objects with a text whose entities are XML elements, <PER>Ann</PER>",
    (".csv", ".tsv", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

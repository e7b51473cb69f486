"""Tables with one span a row: a text, its start, its end, its label; the text is in the row of each of its spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.keys import ID, TEXT
from cloudner.corpus.formats.spans import Where, label_of, offset
from cloudner.corpus.formats.tables.csv_rows import (
    column_of,
    find_column,
    plain_name,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.errors import InputError

_START_NAMES = (
    "start",
    "start_offset",
    "begin",
    "begin_offset",
    "start_char",
    "char_start",
    "start_index",
    "start_pos",
)
_END_NAMES = ("end", "end_offset", "stop", "end_char", "char_end", "end_index", "end_pos")
_LABEL_NAMES = (
    "label",
    "entity_type",
    "type",
    "tag",
    "category",
    "ner_label",
    "entity_label",
    "class",
    "entity",
    "ner",
)
_SURFACE_NAMES = ("span", "surface", "span_text", "entity_text", "mention", "word", "value", "entity")


class _Columns(NamedTuple):
    text: int
    start: int
    end: int
    label: int
    surface: int | None
    id: int | None


def _columns(header: Sequence[str], text: str | None = None) -> _Columns | None:
    plain = [plain_name(name).replace(" ", "_") for name in header]
    found = [find_column(plain, names) for names in (_START_NAMES, _END_NAMES, _LABEL_NAMES)]
    texts = find_column(header, [text]) if text else find_column(plain, TEXT)
    if texts is None or None in found:
        return None
    start, end, label = (column for column in found if column is not None)
    surface = find_column(plain, _SURFACE_NAMES)
    surface = None if surface in (label, texts) else surface
    return _Columns(texts, start, end, label, surface, find_column(plain, ID))


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        columns = _columns(table.rows[0])
        if columns is None:
            continue
        rows = [row for row in table.rows[1:20] if len(row) == len(table.rows[0])]
        cells = [row[i].strip() for row in rows for i in (columns.start, columns.end)]
        if all(cell.replace(".0", "").isdigit() or cell in ("", "nan") for cell in cells) and any(cells):
            header = table.rows[0]
            return Match(
                0.97,
                f"a span a row: {header[columns.start]!r}, {header[columns.end]!r}, {header[columns.label]!r}",
            )
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    table = next((t for t in tables(source.sample()) if _columns(t.rows[0], options.text_column)), None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    columns = _columns(header, options.text_column)
    if columns is None:
        raise place.error(
            f"not all of text, start, end, label among {', '.join(map(repr, header))}", "these columns"
        )
    if options.text_column is None:
        columns = _whole_texts(table, header, columns, place)
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    counter = _is_counter(table, columns)
    held: Record | None = None
    for line, row in rows:
        where = Where(source.name, line, "row")
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        identity = row[columns.id] if columns.id is not None else None
        numbered = identity is not None and held is not None and held.meta.get("id") == identity
        # a cell that is merged with those below it has its text once
        goes_on = (
            not row[columns.text].strip()
            and bool(row[columns.start].strip())
            and (numbered or not identity or counter)
        )
        same = held is not None and held.text == row[columns.text] and (numbered or counter)
        if held is None or not (same or goes_on):
            if held is not None:
                yield held
            held = Record(source.name, line, row[columns.text])
            if identity and not counter:
                held.meta["id"] = identity
            if group is not None:
                held.meta["group"] = row[group]
        start, end = row[columns.start].strip(), row[columns.end].strip()
        if start in ("", "nan") and end in ("", "nan"):
            continue  # a text without spans
        surface = row[columns.surface] if columns.surface is not None else None
        label = label_of(row[columns.label], options, where)[0]
        held.spans.append(SpanRecord(offset(start, where), offset(end, where), label, surface or None))
    if held is None:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one span a row")
    yield held


def _whole_texts(table: Any, header: Sequence[str], columns: _Columns, place: Where) -> _Columns:
    """The columns, where that of the text holds the words of the spans alone with the one that has whole texts instead.

    Raises InputError where there is none.
    """
    rows = [row for row in table.rows[1:] if len(row) == len(header)] if table is not None else []
    if not _holds_words(rows, columns):
        return columns
    plain = [plain_name(name) for name in header]
    for name in TEXT:
        other = find_column(plain, [name])
        if other not in (None, columns.text, columns.label):
            found = columns._replace(text=cast(int, other), surface=columns.text)
            if not _holds_words(rows, found) and _reaches(rows, found):
                return found
    raise place.error(
        f"the texts under {header[columns.text]!r} are the words of the spans, and offsets count in others",
        "the whole text in a column of each row",
        "--text-column NAME, or join the texts to the rows",
    )


def _holds_words(rows: Sequence[Sequence[str]], columns: _Columns) -> bool:
    """Are all texts as long as their span, also where it begins later?"""
    spans = _spans(rows, columns)
    return any(start > 0 for start, _, _ in spans) and all(
        len(text) in (end - start, end - start + 1) for start, end, text in spans
    )


def _reaches(rows: Sequence[Sequence[str]], columns: _Columns) -> bool:
    """Do most spans lie within their texts? A column called "document" may number the documents."""
    spans = _spans(rows, columns)
    return 2 * sum(end <= len(text) for _, end, text in spans) > len(spans)


def _spans(rows: Sequence[Sequence[str]], columns: _Columns) -> list[tuple[int, int, str]]:
    """Start, end and text of the rows that have a span."""
    return [
        (int(start), int(end), row[columns.text])
        for row in rows
        if (start := row[columns.start].strip().removesuffix(".0")).isdecimal()
        and (end := row[columns.end].strip().removesuffix(".0")).isdecimal()
    ]


def _is_counter(table: Any, columns: _Columns) -> bool:
    """Is there no id of the document, or one that numbers the rows?"""
    if columns.id is None or table is None:
        return True
    cells = [row[columns.id] for row in table.rows[1:] if len(row) > columns.id]
    texts = {row[columns.text] for row in table.rows[1:] if len(row) > columns.text}
    return len(set(cells)) == len(cells) and len(texts) < len(cells)


_EXAMPLE = """id,text,start,end,label
1,Marie Curie was born in Warsaw.,0,11,PER
1,Marie Curie was born in Warsaw.,24,30,LOC
"""
SPAN_TABLE = Format(
    "span-table",
    "a table with one span a row: text, start, end, label",
    (".csv", ".tsv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

"""Tables with a text and its entities as words without offsets: in a cell of their own, or an entity a row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cloudner.corpus.align.tag_shapes import POSITION_TAG
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.keys import SPANS, text_names
from cloudner.corpus.formats.literals import NO_LITERAL, printed
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.spans import Where, label_of, looks_like_spans, short
from cloudner.corpus.formats.surfaces import in_order, locate, mentions_of
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

_ENTITY_NAMES = (*SPANS, "output", "answer")
_WORDS_NAMES = ("entities", "entity", "ents", "ner", "spans", "mentions", "named_entities")
_SURFACE_NAMES = (
    "entity", "entity_text", "mention", "span", "surface", "span_text", "entity_name", "value", "word", "term",
)  # fmt: skip
_LABEL_NAMES = (
    "label",
    "entity_type",
    "entity_label",
    "type",
    "tag",
    "category",
    "ner_label",
    "ner_tag",
    "class",
)
_BETWEEN = re.compile(r"->|=>|[:：=]")
_BRACKETED = re.compile(r"(?P<first>.+?)[(\[（【](?P<second>[^()\[\]（）【】]+)[)\]）】]")
_MOST_BETWEEN = 20  # colons of a pair that are looked at
_EMPTY = ("", "[]", "{}", "nan", "none", "null", "-")
_SHAPES = '[["Paris", "LOC"]], {"LOC": ["Paris"]} or Paris:LOC; Bonn:LOC'


def _value(cell: str) -> Any:
    """What JSON or Python would read in a cell, or None."""
    if cell[:1] not in "[{(":
        return None
    for load in (json.loads, printed):
        try:
            value = load(cell)
        except NO_LITERAL:
            continue
        if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value):
            return [value]
        return list(value) if isinstance(value, (tuple, set)) else value
    return None


def cell_mentions(cell: str, options: ReadOptions, where: Where) -> list[tuple[str, str]]:
    """Pairs of surface and label in a cell. Raises InputError for another shape, and for words without labels."""
    cell = cell.strip()
    if cell.lower() in _EMPTY:
        return []
    value = _value(cell)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        parts = value
    elif value is not None:
        return mentions_of(value, options, where)
    else:
        parts = [part.strip() for part in PARTS.split(cell) if part.strip()]
        if len(parts) == 1:
            by_comma = [part.strip() for part in COMMAS.split(cell) if part.strip()]
            parts = by_comma if all(_pair(part, where.text) for part in by_comma) else parts
    found = []
    for part in parts:
        pair = _pair(part, where.text)
        if pair is None:
            raise where.error(f"no label for {short(part)}", _SHAPES, "write a label beside each entity")
        found.append(in_order(*pair, options, where))
    return found


def _pair(part: str, text: str) -> tuple[str, str] | None:
    """Two words with a colon, an arrow or brackets between them; of several colons the one beside the longest words
    that stand in the text, or the last."""
    if match := _BRACKETED.fullmatch(part):
        return match["first"].strip(), match["second"].strip()
    between = list(_BETWEEN.finditer(part))[-_MOST_BETWEEN:]
    cut = [(part[: m.start()].strip(), part[m.end() :].strip()) for m in between]
    cut = [(first, second) for first, second in reversed(cut) if first and second]
    return max(cut, key=lambda pair: max((len(w) for w in pair if w in text), default=0), default=None)


class _Columns(NamedTuple):
    text: int
    entities: int  # with their labels; or one surface
    label: int | None  # its label


def _columns(rows: Sequence[Sequence[str]]) -> _Columns | None:
    header = rows[0]
    body = [row for row in rows[1:51] if len(row) == len(header)]
    text = find_column(header, text_names(header))
    if text is None:
        return None
    surface, label = (find_column(header, names) for names in (_SURFACE_NAMES, _LABEL_NAMES))
    if surface is not None and label is not None and len({text, surface, label}) == 3:
        texts = _filled([row[text] for row in body])
        cells = [
            (t, row[surface].strip(), row[label])
            for t, row in zip(texts, body, strict=True)
            if row[surface].strip()
        ]
        tagged = any(tag.strip() == "O" or POSITION_TAG.fullmatch(tag.strip()) for _, _, tag in cells)
        if cells and not tagged and 2 * sum(word in where for where, word, _ in cells) >= len(cells):
            return _Columns(text, surface, label)
    fitting = _fitting(header, body, text)
    return _Columns(text, fitting[0], None) if fitting else None


def _filled(texts: Sequence[str]) -> list[str]:
    """The texts, in the place of a blank one that above it: a cell that is merged with those below it has its text once."""
    made: list[str] = []
    for text in texts:
        made.append(text if text.strip() or not made else made[-1])
    return made


def _fitting(header: Sequence[str], body: Sequence[Sequence[str]], text: int) -> list[int]:
    """The columns of a usual name that hold entities as words of the texts."""
    named = (find_column(header, [name]) for name in _ENTITY_NAMES)
    return [column for column in named if column not in (None, text) and _fits(body, text, column)]


def _fits(body: Sequence[Sequence[str]], text: int, column: int) -> bool:
    """Do the column's cells name words of the texts? Half of them may have been written otherwise."""
    words = here = 0
    for row in body:
        cell = row[column].strip()
        if cell.lower() in _EMPTY:
            continue
        if looks_like_spans(cell):
            return False
        try:
            found = cell_mentions(cell, ReadOptions(), Where("", 0, "", row[text]))
        except InputError:
            return False
        words += len(found)
        here += sum(surface in row[text] for surface, _ in found)
    return words > 0 and 2 * here >= words


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        columns = _columns(table.rows)
        if columns is not None:
            text, entities = (table.rows[0][i] for i in columns[:2])
            return Match(
                0.96 if columns.label is None else 0.9, f"{entities!r} holds words of {text!r}, no offsets"
            )
        if _words_only(table.rows):  # for the error that says what is missing
            return Match(0.55, "a column of words of the text that have no label")
    return None


def _words_only(rows: Sequence[Sequence[str]]) -> bool:
    """Is there a column of entities with nothing in it but words of the text?"""
    header = rows[0]
    text, column = find_column(header, text_names(header)), find_column(header, _WORDS_NAMES)
    if text is None or column is None or text == column:
        return False
    body = [row for row in rows[1:51] if len(row) == len(header) and row[column].strip()]
    parts = [
        (row[text], part.strip(" []'\""))
        for row in body for piece in PARTS.split(row[column]) for part in COMMAS.split(piece)
    ]  # fmt: skip
    return bool(parts) and all(part in where for where, part in parts)


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    found = [t for t in tables(source.sample()) if options.delimiter in (None, t.delimiter)]
    table = next((t for t in found if _columns(t.rows)), found[0] if found else None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    seen = (_columns(table.rows) if table else None) or _Columns(-1, -1, None)
    text = seen.text if options.text_column is None else -1
    text = column_of(header, options.text_column, text_names(header), "text", place) if text < 0 else text
    entities = seen.entities if options.entities_column is None else -1
    label = seen.label if entities >= 0 else None
    if entities < 0:
        entities = column_of(header, options.entities_column, _ENTITY_NAMES, "entities", place)
    ids = find_column(header, ["id", "doc_id", "document_id"]) if label is None else None
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    notes = []
    if options.entities_column is None and table is not None:
        body = [row for row in table.rows[1:51] if len(row) == len(header)]
        others = _fitting(header, body, text) if label is None else []
        notes = [left_out(header[i], header[entities], "entities") for i in others if i != entities]
    held: Record | None = None
    mentions: list[tuple[str, str]] = []
    for line, row in rows:
        where = Where(source.name, line, f"column {header[entities]!r}", row[text] if len(row) > text else "")
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        goes_on = label is not None and not row[text].strip() and bool(row[entities].strip())
        if held is not None and not goes_on and (label is None or held.text != row[text]):
            locate(held, held.text or "", mentions)
            yield held
            held, mentions = None, []
        if held is None:
            held = Record(source.name, line, row[text], notes=notes)
            notes = []
            if ids is not None and ids not in (text, entities) and row[ids]:
                held.meta[plain_name("id")] = row[ids]
            if group is not None:
                held.meta["group"] = row[group]
        if label is None:
            mentions = cell_mentions(row[entities], options, where)
        elif row[entities].strip():
            mentions += [(row[entities].strip(), name) for name in label_of(row[label], options, where)]
    if held is None:
        raise InputError("a header and no rows", file=source.name, line=1, expected="a text a row")
    locate(held, held.text or "", mentions)
    yield held


_EXAMPLE = """text,entities
Marie Curie was born in Warsaw.,Marie Curie:PER; Warsaw:LOC
"""
MENTION_TABLE = Format(
    "mention-table",
    "a table with texts and their entities as words without offsets",
    (".csv", ".tsv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

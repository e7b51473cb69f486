"""CSV and TSV: one document a row (a text and its entities), or one token a row (Kaggle's NER corpora)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from cloudner.corpus.encoding import decode_errors
from cloudner.corpus.formats._spans import Where, looks_like_spans, parse_cell, text_and_spans
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record
from cloudner.errors import InputError

TEXT_NAMES = ("text", "sentence", "content", "document", "data", "body", "sentence_text", "raw_text", "input")
ENTITY_NAMES = (
    "entities", "spans", "labels", "label", "annotations", "annotation", "ents", "ner", "entity", "ner_spans",
)  # fmt: skip
TOKEN_NAMES = ("word", "words", "token", "tokens", "form", "term")
TAG_NAMES = (
    "tag",
    "tags",
    "ner",
    "ner_tag",
    "ner_tags",
    "label",
    "labels",
    "entity",
    "iob",
    "bio",
    "ne",
    "target",
)
SENTENCE_NAMES = (
    "sentence #", "sentence", "sentence_id", "sentence id", "sent_id", "sentid", "sentence_number", "sentence_idx",
    "sent", "sentence number", "doc_id", "document_id", "document", "id",
)  # fmt: skip
_DELIMITERS = (",", "\t", ";", "|")
# Characters in a cell: far over what spaCy takes for one text, and an end to a quote that is never closed.
_FIELD_LIMIT = 32 * 1024 * 1024


def plain_name(name: str) -> str:
    return name.strip().strip("\ufeff").lower().replace("-", "_")


def find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The first column with one of the names, in the order of the names."""
    plain = [plain_name(name) for name in header]
    for name in names:
        if name in plain:
            return plain.index(name)
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
        return [row for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter) if row][:200]
    except csv.Error:
        return []


def tables(sample: Sample) -> Iterator[_Table]:
    if not sample.lines:
        return
    first = sample.lines[0]
    if first.lstrip()[:1] in ("{", "["):
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


def _sniff_documents(sample: Sample, tab: bool) -> Match | None:
    for table in tables(sample):
        if (table.delimiter == "\t") != tab:
            continue
        header, body = table.rows[0], table.rows[1:]
        text, entities = find_column(header, TEXT_NAMES), find_column(header, ENTITY_NAMES)
        if text is not None and entities is not None and text != entities:
            cells = [row[entities] for row in body[:50] if len(row) > entities and row[entities].strip()]
            good = sum(looks_like_spans(cell) or cell.strip() in ("[]", "{}") for cell in cells)
            spans = [cell for cell in cells if cell.lstrip()[:1] in ("[", "{", "(") or ":" in cell]
            if not cells or good * 2 >= len(cells) or len(spans) * 2 >= len(cells):
                reason = (
                    f"columns {header[text]!r} and {header[entities]!r}, {name_of(table.delimiter)} between"
                )
                return Match(0.95, reason)
        # Names nobody thought of: a column that parses as spans gives it away.
        for column in range(len(header)):
            if _holds_spans(body, column):
                return Match(0.75, f"the column {header[column]!r} holds spans")
    return None


def _holds_spans(body: Sequence[Sequence[str]], column: int) -> bool:
    """Is there a list of spans, which may be empty, in each of the column's cells?"""
    cells = [row[column].strip() for row in body[:20] if len(row) > column and row[column].strip()]
    filled = [cell for cell in cells if cell not in ("[]", "{}")]
    return bool(filled) and all(cell[0] in "[{" and looks_like_spans(cell) for cell in filled)


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


def _nul(source: Any, line: int) -> InputError:
    return InputError(
        "a NUL byte in the text",
        file=source.name,
        line=line,
        expected="text; NUL means a binary or a damaged file",
        fix="tr -d '\\000' < FILE > CLEAN",
    )


def table_rows(
    source: Any,
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
            if row or keep_blank:
                if "\x00" in "".join(row):
                    raise _nul(source, line)
                yield line, row
            line = reader.line_num + 1


def _check_end(source: Any, line: int, last: list[str], delimiter: str, quoting: Literal[0, 3]) -> None:
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


def column_of(
    header: list[str], wanted: str | int | None, names: Sequence[str], what: str, where: Where
) -> int:
    if wanted is not None:
        if isinstance(wanted, int) or (wanted not in header and str(wanted).isdigit()):
            if int(wanted) < len(header):
                return int(wanted)
        elif plain_name(wanted) in [plain_name(name) for name in header]:
            return [plain_name(name) for name in header].index(plain_name(wanted))
        raise where.error(
            f"no column {wanted!r} among {', '.join(header)}",
            "the name of a column",
            f"--{what}-column {header[0]}",
        )
    found = find_column(header, names)
    if found is None:
        raise where.error(
            f"no {what} column among {', '.join(map(repr, header))}",
            "one of " + ", ".join(names[:4]),
            f"--{what}-column NAME",
        )
    return found


def _read_documents(source: Any, options: ReadOptions) -> Iterator[Record]:
    sample = source.sample()
    delimiter = options.delimiter or next(
        (t.delimiter for t in tables(sample) if find_column(t.rows[0], TEXT_NAMES) is not None),
        next((t.delimiter for t in tables(sample)), ","),
    )
    rows = table_rows(source, options, delimiter)
    first = next(rows, None)
    if first is None:
        raise InputError("the file is empty", file=source.name, expected="a header and rows")
    header = first[1]
    place = Where(source.name, first[0], "header")
    entity_column: int | None = None
    if options.entities_column is None and find_column(header, ENTITY_NAMES) is None:
        table = next((t for t in tables(sample) if t.delimiter == delimiter), None)
        for column in range(len(header)):
            if table is not None and _holds_spans(table.rows[1:], column):
                entity_column = column
    if entity_column is None:
        entity_column = column_of(header, options.entities_column, ENTITY_NAMES, "entities", place)
    text_names = [name for name in TEXT_NAMES if find_column(header, [name]) != entity_column]
    text_column = column_of(header, options.text_column, text_names, "text", place)
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    keep = [
        (i, name)
        for i, name in enumerate(header)
        if i not in (text_column, entity_column) and plain_name(name) in ("id", "doc_id", "split", "source")
    ]
    what = f"column {header[entity_column]!r}"
    count = 0
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"a row of {len(row)} cells under a header of {len(header)}",
                file=source.name,
                line=line,
                expected=f"{len(header)} cells, quoted where the {name_of(delimiter)} is part of the text",
                fix="write the table with a CSV library, or give --delimiter",
            )
        spans = parse_cell(row[entity_column], options, Where(source.name, line, what))
        record = Record(source.name, line, row[text_column], spans)
        for index, name in keep:
            if row[index]:
                record.meta[plain_name(name)] = row[index]
        if group is not None:
            record.meta["group"] = row[group]
        count += 1
        yield record
    if count == 0:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one document a row")


def _write(delimiter: str) -> Any:
    def write(records: Iterable[Record], stream: IO[str]) -> None:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(("text", "entities"))
        for record in records:
            text, spans = text_and_spans(record)
            cell = json.dumps([[s.start, s.end, s.label] for s in spans], ensure_ascii=False)
            writer.writerow((text, cell))

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

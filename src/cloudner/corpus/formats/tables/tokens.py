"""Tables with one token a row, such as Kaggle's `Sentence #,Word,POS,Tag`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from cloudner.corpus.align.tag_schemes import encode
from cloudner.corpus.align.tag_shapes import NOTHING, UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.keys import TAG, TOKEN
from cloudner.corpus.formats.literals import LIST_BEGINS
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.tables.csv_rows import (
    column_of,
    ragged_row,
    read_header,
    table_rows,
    tables,
)
from cloudner.corpus.formats.tables.quotes import check_rows, quoting_of
from cloudner.corpus.formats.tables.token_columns import (
    TokenColumns,
    choose,
    place,
    tag_columns,
    token_column,
)
from cloudner.corpus.formats.words import refuse, without_white_space, words_of
from cloudner.errors import InputError

_TAG = re.compile(r"^([BIOLUSEM]-.+|O)$")
_END = {".", "!", "?", "。", "！", "？"}
_LINE_END = re.compile(r"[\r\n]")
_MAX_SENTENCE = 500  # tokens; only where nothing marks sentences


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        header, body = table.rows[0], table.rows[1:]
        if any(_TAG.match(cell.strip()) and cell.strip() != "O" for cell in header):
            continue  # no header: columns, not a table
        found = choose(header, body)
        if found is not None:
            first = body[0][found.token].strip() if body and len(body[0]) > found.token else ""
            if len(first) > 1 and first.startswith(LIST_BEGINS):
                return None  # a list, and so a sentence a row
            return Match(0.93, f"one token a row: {_shown(header, found)}")
    return None


def _shown(header: Sequence[str], found: TokenColumns) -> str:
    shown = f"{header[found.token]!r} and {header[found.tag]!r}"
    for what, column in (("sentences", found.sentence), ("documents", found.document)):
        shown += f", {what} by {header[column]!r}" if column is not None else ""
    return shown


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    sample = source.sample()
    table = next((t for t in tables(sample) if options.delimiter in (None, t.delimiter)), None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    quoting = quoting_of(sample, delimiter)
    rows = table_rows(source, options, delimiter, quoting=quoting, keep_blank=True)
    header, at = read_header(source, rows)
    body = table.rows[1:] if table else []
    if quoting == csv.QUOTE_NONE:
        body = [line.split(delimiter) for line in sample.lines[1:201] if line.strip()]
    if options.tag_column is not None:
        tag: int | None = column_of(header, options.tag_column, TAG, "tag", at)
    else:
        tag = next(iter(tag_columns(header, body)), None)
    if tag is None:
        raise at.error(f"no tag column among {', '.join(map(repr, header))}", "Tag", "--tag-column NAME")
    token = token_column(header, body) if options.token_column is None else None
    if token is None:
        token = column_of(header, options.token_column, TOKEN, "token", at)
    named = options.sentence_column
    sentence = column_of(header, named, (), "sentence", at) if named else None
    columns = place(header, body, token, tag, sentence)
    group = column_of(header, options.group_by, (), "group", at) if options.group_by else None
    notes = [left_out(other, header[tag]) for other in columns.others if options.tag_column is None]
    for record in _records(source, rows, len(header), delimiter, columns, group):
        record.notes, notes = [*notes, *record.notes], []
        yield record


class _Document:
    """The rows of one record while they are read: a sentence, or a document where a column says which."""

    def __init__(self, file: str, line: int) -> None:
        self.file, self.line = file, line
        self.tokens: list[str] = []
        self.tags: list[str | None] = []
        self.starts: list[int] = [0]
        self.meta: dict[str, str] = {}
        self.notes: list[tuple[str, str, str]] = []

    def record(self) -> Record:
        return Record(
            self.file,
            self.line,
            tokens=self.tokens,
            tags=self.tags,
            sent_starts=self.starts,
            meta=self.meta,
            notes=self.notes,
        )


def _records(
    source: Source,
    rows: Iterator[tuple[int, list[str]]],
    width: int,
    delimiter: str,
    columns: TokenColumns,
    group: int | None,
) -> Iterator[Record]:
    held: _Document | None = None
    document = sentence = number = grouped = ""
    blank_lines = False
    count = 0
    empty: list[tuple[str, str, str]] = []  # notes on rows without a token, for the sentence of the next one
    for line, row in rows:
        if not row or not any(cell.strip() for cell in row):
            blank_lines = True
            if held is not None and columns.sentence is None:
                if columns.document is None:
                    yield held.record()
                    held = None
                else:
                    held.starts.append(len(held.tokens))
            continue
        if len(row) != width:
            raise ragged_row(source, line, row, width, delimiter, "the token")
        word, tag = _word_and_tag(source.name, line, row, delimiter, columns)
        new_document, document = _changed(row, columns.document, document)
        new_sentence, sentence = _changed(row, columns.sentence, sentence)
        if columns.counter is not None and columns.sentence is None and not blank_lines:
            before, number = number, row[columns.counter].strip()
            new_sentence = before.isdecimal() and number.isdecimal() and int(number) < int(before)
        _, grouped = _changed(row, group, grouped)
        if held is not None and (new_document or (new_sentence and columns.document is None)):
            yield held.record()
            held = None
        elif held is not None and new_sentence:
            held.starts.append(len(held.tokens))
        if not word and not row[columns.token]:  # a space is a token of a text that was cut into characters
            if tag and tag not in NOTHING and tag != "O":
                raise InputError(
                    f"the tag {tag!r} without a token",
                    file=source.name,
                    line=line,
                    expected="a token in every tagged row",
                )
            if tag:
                empty.append(
                    ("empty-token", "noted", f"left out: line {line} has the tag {tag!r} and no token")
                )
            continue
        if held is None:
            held = _Document(source.name, line)
            if columns.document is not None and document:
                held.meta["doc_id"] = document
            if grouped:
                held.meta["group"] = grouped
        held.notes += empty
        empty = []
        held.tokens.append(word)
        held.tags.append(tag)
        count += 1
        alone = columns.sentence is None and columns.document is None and columns.counter is None
        ends = word in _END or len(held.tokens) >= _MAX_SENTENCE
        if alone and not blank_lines and ends and not tag.startswith(("B-", "I-")):
            yield held.record()
            held = None
    if held is not None:
        held.notes += empty
        yield held.record()
    if count == 0:
        raise InputError("a header and no tokens", file=source.name, line=1, expected="one token a row")


def _word_and_tag(
    file: str, line: int, row: Sequence[str], delimiter: str, columns: TokenColumns
) -> tuple[str, str]:
    """Raises InputError where there are several of them in the row."""
    check_rows(file, line, row, delimiter, row[columns.token], row[columns.tag])
    word, tag = row[columns.token].strip(), row[columns.tag].strip()
    if tag[:1] == "[" and tag[-1] == "]" and "," in tag:
        raise InputError(
            f"a list where one tag belongs: {tag[:60]!r}",
            file=file,
            line=line,
            expected="a token a row, or a list of tags each in quotes",
            fix="write the column as JSON",
        )
    return word, tag


def _changed(row: Sequence[str], column: int | None, current: str) -> tuple[bool, str]:
    """Is there another id than before, and which it is now? An empty cell and NaN go on with the one above."""
    if column is None:
        return False, current
    value = row[column].strip()
    if value in NOTHING or value == current:
        return False, current
    return True, value


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("Sentence #", "Word", "Tag"))
    number = 0
    for record in records:
        words = without_white_space(words_of(record, "token-table"))
        tags = encode(len(words.tokens), words.spans, "BIO", words.missing, UNKNOWN)
        starts = set(words.sent_starts) | {0}
        for index, (token, tag) in enumerate(zip(words.tokens, tags, strict=True)):
            number += index in starts
            if "\r" in token or _LINE_END.search(token.strip()) or _LINE_END.search(tag):
                refuse(record, "token-table", f"the token {token!r} with the tag {tag!r}")
            writer.writerow((f"Sentence: {number}" if index in starts else "", token, tag))


TOKEN_TABLE = Format(
    "token-table", "one token a row with a header (Kaggle: Sentence #, Word, POS, Tag)", (".csv", ".tsv"), _sniff, _read,
    _write,
)  # fmt: skip

"""Tables with one token a row, such as Kaggle's `Sentence #,Word,POS,Tag`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Literal

from cloudner.corpus.align.tag_shapes import UNKNOWN
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.tables.csv_rows import (
    SENTENCE_NAMES,
    TAG_NAMES,
    TOKEN_NAMES,
    column_of,
    find_column,
    name_of,
    plain_name,
    read_header,
    table_rows,
    tables,
)
from cloudner.errors import InputError

_TAG = re.compile(r"^([BIOLUSEM]-.+|O)$")
_END = {".", "!", "?", "。", "！", "？"}
_MAX_SENTENCE = 500  # tokens; only where nothing marks sentences


def _tag_like(cells: Sequence[str]) -> float:
    filled = [cell for cell in cells if cell.strip()]
    return sum(bool(_TAG.match(cell)) for cell in filled) / len(filled) if filled else 0.0


def tag_column(header: Sequence[str], body: Sequence[Sequence[str]]) -> int | None:
    """The column of the entity tags: by its content among those with a likely name, then among all."""
    shares = [_tag_like([row[i] for row in body if len(row) > i]) for i in range(len(header))]
    plain = [plain_name(name) for name in header]
    named = [plain.index(name) for name in TAG_NAMES if name in plain]
    for column in named:
        if shares[column] >= 0.9:
            return column
    # Features of the words before and after have tags too (prev-iob); the plain name comes first.
    likely = [i for i, share in enumerate(shares) if share >= 0.9 and not re.match(r"(prev|next)", plain[i])]
    if likely:
        return likely[-1]
    return named[0] if named else None


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        header, body = table.rows[0], table.rows[1:]
        if any(_TAG.match(cell.strip()) and cell.strip() != "O" for cell in header):
            continue  # no header: columns, not a table
        words = find_column(header, TOKEN_NAMES)
        tags = tag_column(header, body)
        if words is not None and tags is not None and words != tags:
            if body and len(body[0]) > words and body[0][words].lstrip()[:1] == "[":
                return None
            return Match(0.93, f"one token a row: {header[words]!r} and {header[tags]!r}")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    sample = source.sample()
    table = next((t for t in tables(sample) if options.delimiter in (None, t.delimiter)), None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    # A quote character is a token of its own in tab-separated files, which nobody quotes.
    quoting: Literal[0, 3] = (
        csv.QUOTE_NONE
        if delimiter == "\t" and not re.search(r'(^|\t)"[^"\n]+"(\t|$)', sample.text, re.M)
        else csv.QUOTE_MINIMAL
    )
    rows = table_rows(source, options, delimiter, quoting=quoting, keep_blank=True)
    header, place = read_header(source, rows)
    body = table.rows[1:] if table else []
    tags = (
        column_of(header, options.tag_column, TAG_NAMES, "tag", place)
        if options.tag_column is not None
        else tag_column(header, body)
    )
    if tags is None:
        raise place.error(f"no tag column among {', '.join(map(repr, header))}", "Tag", "--tag-column NAME")
    words = column_of(header, options.token_column, TOKEN_NAMES, "token", place)
    sentence = (
        column_of(header, options.sentence_column, (), "sentence", place)
        if options.sentence_column
        else find_column(header, SENTENCE_NAMES)
    )
    if sentence in (words, tags) or (
        sentence is not None and options.sentence_column is None and _is_counter(body, sentence)
    ):
        sentence = None
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    yield from _sentences(source, rows, len(header), delimiter, words, tags, sentence, group)


def _is_counter(body: Sequence[Sequence[str]], column: int) -> bool:
    """Is it a different value in every row, and so no sentence but the row's own number?"""
    cells = [row[column] for row in body if len(row) > column and row[column].strip()]
    return len(cells) > 3 and len(cells) == len(body) and len(set(cells)) == len(cells)


class _Sentence:
    def __init__(self, file: str, line: int) -> None:
        self.file, self.line = file, line
        self.tokens: list[str] = []
        self.tags: list[str | None] = []
        self.group = ""
        self.notes: list[tuple[str, str, str]] = []

    def record(self) -> Record:
        record = Record(
            self.file, self.line, tokens=self.tokens, tags=self.tags, sent_starts=[0], notes=self.notes
        )
        if self.group:
            record.meta["group"] = self.group
        return record


def _sentences(
    source: Source,
    rows: Iterator[tuple[int, list[str]]],
    width: int,
    delimiter: str,
    words: int,
    tags: int,
    sentence: int | None,
    group: int | None,
) -> Iterator[Record]:
    held: _Sentence | None = None
    current: str | None = None
    blank_lines = False
    count = 0
    empty: list[tuple[str, str, str]] = []  # notes on rows without a token, for the sentence of the next one
    for line, row in rows:
        if not row or not any(cell.strip() for cell in row):
            blank_lines = True
            if held is not None and sentence is None:
                yield held.record()
                held = None
            continue
        if len(row) != width:
            raise InputError(
                f"a row of {len(row)} cells under a header of {width}",
                file=source.name,
                line=line,
                expected=f"{width} cells, quoted where the {name_of(delimiter)} is part of the token",
                fix="write the table with a CSV library, or give --delimiter",
            )
        word, tag = row[words].strip(), row[tags].strip()
        if sentence is not None and (row[sentence].strip() or None) not in (None, current):
            if held is not None:
                yield held.record()
                held = None
            current = row[sentence].strip()
        if not word:
            if tag and tag not in ("O", "-", "_"):
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
            held = _Sentence(source.name, line)
        held.notes += empty
        empty = []
        held.tokens.append(word)
        held.tags.append(tag)
        count += 1
        if group is not None and not held.group:
            held.group = row[group]
        ends = word in _END or len(held.tokens) >= _MAX_SENTENCE
        if sentence is None and not blank_lines and ends and not tag.startswith(("B-", "I-")):
            yield held.record()
            held = None
    if held is not None:
        held.notes += empty
        yield held.record()
    if count == 0:
        raise InputError("a header and no tokens", file=source.name, line=1, expected="one token a row")


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("Sentence #", "Word", "Tag"))
    number = 0
    for record in records:
        starts = set(record.sent_starts or [0]) | {0}
        for index, (token, tag) in enumerate(zip(record.tokens or (), record.tags or (), strict=True)):
            number += index in starts
            writer.writerow((f"Sentence: {number}" if index in starts else "", token, tag or UNKNOWN))


TOKEN_TABLE = Format(
    "token-table", "one token a row with a header (Kaggle: Sentence #, Word, POS, Tag)", (".csv", ".tsv"), _sniff, _read,
    _write,
)  # fmt: skip

"""Tables with a sentence a row and a tag for each of its words: `sentence,word_labels` or lists `tokens,ner_tags`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.huggingface.rows import names_tags, tag_name
from cloudner.corpus.formats.keys import TAGS, TEXT, TOKENS
from cloudner.corpus.formats.literals import LIST_BEGINS, NO_LITERAL, literal, printed
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.spans import Where, short
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

# What PaddleNLP's tables have between the words of a cell and between its tags.
_PART = "\x02"
_WORD_NAMES = (*TOKENS, *TEXT)
_TAG = re.compile(r"[BIOLUSEM][-_].+|O|-|_|0")
_ENTITY = re.compile(r"[BIOLUSEM][-_].")
# What numpy prints, which pandas writes into a table: values with spaces between them, texts quoted.
_ARRAY = "array(["
_PRINTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,]+""")


def _is_list(cell: str) -> bool:
    cell = cell.strip()
    return (cell.startswith("[") and cell.endswith("]")) or (cell.startswith(_ARRAY) and cell.endswith(")"))


def _values(cell: str) -> list[Any] | None:
    """The values of a list as JSON, Python or numpy write it; None where the cell is no list."""
    cell = cell.strip()
    if not _is_list(cell):
        return None
    try:
        value = json.loads(cell)
        return value if isinstance(value, list) else None
    except (ValueError, RecursionError):
        pass
    # Python would join texts that have no comma between them, so numpy's way comes first.
    inner = cell[1:-1]
    try:
        if cell.startswith(_ARRAY):
            return list(printed(cell))
        if "," not in _PRINTED.sub("", inner):
            return [literal(part) for part in _PRINTED.findall(inner)]
        value = literal(cell)
    except NO_LITERAL:
        return None
    return list(value) if isinstance(value, list) else None


def _words(cell: str) -> list[str]:
    if _PART in cell:
        return cell.split(_PART)
    values = _values(cell)
    if values is None and "|" in cell and not re.search(r"\s", cell.strip()):
        return cell.strip().split("|")
    return cell.split() if values is None else [str(value) for value in values]


def _tags(cell: str, count: int) -> list[Any]:
    """The tags of a cell; `count` words decide between commas, bars and spaces."""
    values = _values(cell)
    if values is not None:
        return values
    for separator in (",", "|", _PART):
        parts = [part.strip() for part in cell.split(separator)]
        if len(parts) == count > 1:
            return parts
    return cell.split()


def _by_character(cell: str, words: int, tags: Sequence[Any]) -> bool:
    """Has each character of a text its tag, the spaces among them too, and not each word?"""
    return words != len(tags) == len(cell) and not _is_list(cell)


def _fits(words: str, tags: str, named: bool) -> int:
    """How many words a row has, where each has a tag, or the tags are a list of such; 0 otherwise. named: the column's
    name says tags, so that a list of as many texts is one of bare labels."""
    tokens = _words(words)
    listed = tags.lstrip().startswith(LIST_BEGINS)
    numbers = listed and words.lstrip().startswith(LIST_BEGINS)
    values = _tags(tags, len(tokens))
    good = all(
        bool(_TAG.fullmatch(value))
        if isinstance(value, str)
        else value is ... or (numbers and type(value) is int)
        for value in values
    ) or (named and numbers and len(values) == len(tokens) and all(isinstance(v, str) for v in values))
    texts = listed and any(isinstance(value, str) for value in values)
    if good and _by_character(words, len(tokens), values):
        return len(values)
    return len(tokens) if good and (len(values) == len(tokens) or texts) else 0


def _tag_columns(rows: Sequence[Sequence[str]], words: int) -> list[int]:
    """The columns that fit for tags of the words, those with a likely name first."""
    header, body = rows[0], rows[1:51]
    found = []
    for tags in sorted(range(len(header)), key=lambda i: plain_name(header[i]) not in TAGS):
        counts = [
            _fits(row[words], row[tags], plain_name(header[tags]) in TAGS)
            for row in body
            if len(row) == len(header) and row[words].strip()
        ]
        if tags != words and max(counts, default=0) > 1 and 10 * sum(map(bool, counts)) >= 9 * len(counts):
            found.append(tags)
    return found


def _columns(rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """The columns of words and of tags; None without a name for the first or a column that fits for the second."""
    for name in _WORD_NAMES:
        words = find_column(rows[0], [name])
        tags = [] if words is None else _tag_columns(rows, words)
        if words is not None and tags:
            return words, tags[0]
    return None


def _sniff(sample: Sample) -> Match | None:
    for table in tables(sample):
        found = _columns(table.rows)
        if found is not None:
            words, tags = (table.rows[0][i] for i in found)
            return Match(0.96, f"a sentence a row, words in {words!r} and a tag for each in {tags!r}")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    found = [t for t in tables(source.sample()) if options.delimiter in (None, t.delimiter)]
    table = next((t for t in found if _columns(t.rows)), found[0] if found else None)
    delimiter = options.delimiter or (table.delimiter if table else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    seen = (table and _columns(table.rows)) or (None, None)
    wanted = options.token_column if options.token_column is not None else options.text_column
    words = seen[0] if wanted is None else None
    words = column_of(header, wanted, _WORD_NAMES, "token", place) if words is None else words
    tags = seen[1] if options.tag_column is None else None
    tags = column_of(header, options.tag_column, TAGS, "tag", place) if tags is None else tags
    group = column_of(header, options.group_by, (), "group", place) if options.group_by else None
    ids = find_column(header, ["id"])
    others = _tag_columns(table.rows, words) if table is not None and options.tag_column is None else []
    notes = [
        left_out(header[i], header[tags]) for i in others if i != tags and names_tags(plain_name(header[i]))
    ]
    first = table.rows[1:51] if table is not None else []
    # among tags a 0 is typed for the letter O; among numbers it names one
    zeros = any(_ENTITY.match(str(tag)) for row in first if tags < len(row) for tag in _tags(row[tags], 0))
    count = 0
    for line, row in rows:
        where = Where(source.name, line, f"column {header[tags]!r}")
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter, "one")
        tokens = _words(row[words])
        if _is_list(row[tags]) and _values(row[tags]) is None:
            # Cut at its commas, the list's brackets would become part of the first and the last label.
            raise where.error(
                f"a list that neither JSON nor Python reads: {short(row[tags])}",
                "one tag a word, each in quotes",
                "write the column as JSON",
            )
        values = _tags(row[tags], len(tokens))
        if ... in values or ... in (_values(row[words]) or ()):
            raise where.error("a list that was shortened to `...`", "whole lists", "export it as JSON lines")
        spaces = None
        if _by_character(row[words], len(tokens), values):
            text = row[words]
            kept = [at for at, character in enumerate(text) if not character.isspace()]
            tokens, values = [text[at] for at in kept], [values[at] for at in kept]
            spaces = [text[at + 1 : at + 2].isspace() for at in kept]
        if len(values) != len(tokens):
            raise where.error(
                f"{len(tokens)} words but {len(values)} tags: {short(row[tags])}", "one tag a word"
            )
        record = Record(source.name, line, tokens=tokens, spaces=spaces, sent_starts=[0])
        if zeros:
            values = ["O" if value == "0" else value for value in values]
        record.tags = [tag_name(value, None, options, where) for value in values]
        record.notes, notes = notes, []
        if ids is not None and ids not in (words, tags) and row[ids]:
            record.meta["id"] = row[ids]
        if group is not None:
            record.meta["group"] = row[group]
        count += 1
        yield record
    if count == 0:
        raise InputError("a header and no rows", file=source.name, line=1, expected="one sentence a row")


_EXAMPLE = """sentence,tags
Marie Curie was born in Warsaw .,B-PER I-PER O O O B-LOC O
"""
TAG_TABLE = Format(
    "tag-table",
    "a sentence a row, and a tag for each of its words in another column",
    (".csv", ".tsv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

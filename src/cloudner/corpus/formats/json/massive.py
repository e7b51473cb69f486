"""MASSIVE and SLURP: utterances whose slots stand in brackets, `wake me at [time : nine am]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, short
from cloudner.corpus.formats.tables.csv_rows import (
    column_of,
    find_column,
    ragged_row,
    read_header,
    table_rows,
    tables,
)

_KEYS = ("annot_utt", "sentence_annotation")
# No two parts that may match the same white space: brackets that nothing closes cost no time.
_SLOT = re.compile(r"\[\s*(?P<label>[^\s\[\]:]+)\s+:\s+(?=[^\s\[\]])(?P<words>[^\[\]]*)\]")
_SHAPE = "wake me at [time : nine am]"


def is_massive(item: Mapping[str, Any]) -> bool:
    """Is there an utterance with its slots in brackets, or one that may have some?"""
    return any(isinstance(item.get(key), str) for key in _KEYS)


def record_of(item: Mapping[str, Any], file: str, line: int, options: ReadOptions) -> Record:
    """The record of a row. Raises InputError for a row without such an utterance, and for brackets that are no slot."""
    where = Where(file, line, "utterance")
    marked = next((item[key] for key in _KEYS if isinstance(item.get(key), str)), None)
    if marked is None:
        raise where.error(f"none among {', '.join(map(repr, list(item)[:12]))}", f'"{_KEYS[0]}": "{_SHAPE}"')
    record = Record(file, line, "", meta=meta_of(item, options))
    if item.get("slurp_id") is not None:
        record.meta.setdefault("id", item["slurp_id"])
    text, at = "", 0
    for slot in _SLOT.finditer(marked):
        text += _plain(marked[at : slot.start()], where)
        words = slot["words"].rstrip()
        label = label_of(slot["label"], options, where)[0]
        record.spans.append(SpanRecord(len(text), len(text) + len(words), label))
        text += words
        at = slot.end()
    record.text = text + _plain(marked[at:], where)
    return record


def _plain(text: str, where: Where) -> str:
    if "[" in text or "]" in text:
        raise where.error(f"a bracket that is no slot in {short(text.strip())}", _SHAPE)
    return text


def _tables(sample: Sample) -> list[tuple[str, list[list[str]]]]:
    """Delimiter and rows of the tables that a sample may be, with a column of such utterances."""
    return [(t.delimiter, t.rows) for t in tables(sample) if find_column(t.rows[0], _KEYS) is not None]


def _sniff(sample: Sample) -> Match | None:
    rows = some_objects(sample)
    if not rows:
        rows = [dict(zip(cells[0], row, strict=False)) for _, cells in _tables(sample) for row in cells[1:]]
    marked = [item[key] for item in rows for key in _KEYS if isinstance(item.get(key), str)]
    if any(map(_SLOT.search, marked)):
        return Match(0.97, "utterances with slots in brackets (MASSIVE, SLURP)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a row, of JSON or of a table."""
    rows = objects(source) if some_objects(source.sample()) else _table(source, options)
    return (record_of(item, source.name, line, options) for line, item in rows)


def _table(source: Source, options: ReadOptions) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = _tables(source.sample())
    delimiter = options.delimiter or (found[0][0] if found else ",")
    rows = table_rows(source, options, delimiter)
    header, place = read_header(source, rows)
    column_of(header, None, _KEYS, "text", place)
    count = 0
    for line, row in rows:
        if len(row) != len(header):
            raise ragged_row(source, line, row, len(header), delimiter)
        count += 1
        yield line, dict(zip(header, row, strict=True))
    if count == 0:
        raise place.error("a header and no rows", "an utterance a row")


_EXAMPLE = """{"id": "curie", "locale": "en-US", "utt": "Marie Curie was born in Warsaw.", "annot_utt": "[PER : Marie Curie] was born in [LOC : Warsaw]."}
"""
MASSIVE = Format(
    "massive",
    "MASSIVE and SLURP: utterances with slots in brackets, [time : nine am]",
    (".jsonl", ".json", ".csv", ".tsv"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

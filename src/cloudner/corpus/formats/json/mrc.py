"""Entities as answers to questions (MRC for NER): a row a sentence and label, with the first and last words of the entities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between

_KEYS = frozenset(("context", "entity_label", "start_position", "end_position"))
_PLACE = re.compile(r"\s*(\d{1,9})\s*[;,]\s*(\d{1,9})\s*")
_SHAPE = '{"context": "Ann left .", "entity_label": "PER", "start_position": [0], "end_position": [0]}'


def _sniff(sample: Sample) -> Match | None:
    if any(set(item) >= _KEYS and isinstance(item["start_position"], list) for item in some_objects(sample)):
        return Match(0.97, "context, entity_label, start_position and end_position (MRC)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a sentence, of all rows that ask it for labels, wherever they stand in the file."""
    records: list[Record] = []
    found: dict[tuple[str, str], tuple[Record, list[int]]] = {}  # with where its words begin
    asked: dict[tuple[str, str], set[str]] = {}
    for line, item in objects(source):
        where = Where(source.name, line, f"row {item.get('qas_id', '')}".strip())
        key = number, text = _sentence(item, where)
        label = label_of(item["entity_label"], options, where)[0]
        # without ids, a text that is asked for a label again is another sentence of these words
        if key not in found or (not number and label in asked[key]):
            asked[key] = set()
            found[key] = _record(number, text, source.name, line, item, options)
            records.append(found[key][0])
        asked[key].add(label)
        _mark(*found[key], label, item, where)
    for record in records:
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record


def _sentence(item: Mapping[str, Any], where: Where) -> tuple[str, str]:
    """What rows of one sentence share: the first part of their ids, `12.3`, and the text."""
    if not set(item) >= _KEYS or not isinstance(item["context"], str):
        raise where.error(f"a row with {', '.join(map(repr, list(item)[:12]))}", _SHAPE)
    number, dot, _ = str(item.get("qas_id", "")).rpartition(".")
    return (number if dot else "", item["context"])


def _record(
    number: str, text: str, file: str, line: int, item: Mapping[str, Any], options: ReadOptions
) -> tuple[Record, list[int]]:
    """A sentence without entities, and where its words begin."""
    words = text.split()
    spaces = spaces_between(words) if is_unspaced("".join(words)) else [True] * len(words)
    joined, starts = join(words, spaces)
    meta = {"id": number} if number else {}
    return Record(
        file, line, joined, tokens=words, spaces=spaces, meta=meta | group_of(item, options)
    ), starts


def _mark(record: Record, starts: list[int], label: str, item: Mapping[str, Any], where: Where) -> None:
    """Adds the entities of a row to its sentence."""
    words = record.tokens or []
    for start, end in _places(item, where):
        if not start <= end < len(words):
            raise where.error(f"the words {start} to {end}", f"first and last of {len(words)} words")
        record.spans.append(SpanRecord(starts[start], starts[end] + len(words[end]), label))


def _places(item: Mapping[str, Any], where: Where) -> list[tuple[int, int]]:
    """First and last words: those that are paired, where a row says it (entities nest), else one beside the other."""
    pairs = item.get("span_position")
    if isinstance(pairs, list) and pairs:
        found = [_PLACE.fullmatch(pair) if isinstance(pair, str) else None for pair in pairs]
        if None in found:
            raise where.error(f"the places {short(pairs)}", '"span_position": ["0;1"]')
        return [(int(match[1]), int(match[2])) for match in found if match]
    starts, ends = item["start_position"], item["end_position"]
    if not isinstance(starts, list) or not isinstance(ends, list) or len(starts) != len(ends):
        raise where.error(f"starts {short(starts)} and ends {short(ends)}", "as many ends as starts")
    return [(offset(start, where), offset(end, where)) for start, end in zip(starts, ends, strict=True)]


_EXAMPLE = """[
  {"qas_id": "0.1", "context": "Marie Curie was born in Warsaw .", "query": "names of persons", "entity_label": "PER",
   "impossible": false, "start_position": [0], "end_position": [1], "span_position": ["0;1"]},
  {"qas_id": "0.2", "context": "Marie Curie was born in Warsaw .", "query": "names of places", "entity_label": "LOC",
   "impossible": false, "start_position": [5], "end_position": [5], "span_position": ["5;5"]}
]
"""
MRC = Format(
    "mrc",
    "Entities as answers: a row a sentence and label, with start_position and end_position in words",
    (".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

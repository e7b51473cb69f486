"""JSON with an object an entity: the text again in each, its start, its end, its label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import TEXT, label_key, offsets_of
from cloudner.corpus.formats.spans import Where, span_of

_LONGER = ("sentence", "context", "content", "document", "full_text", "doc", "body")


def _text_key(item: Mapping[str, Any]) -> str | None:
    """The key of the text around the entity, not of the entity's own words."""
    for key in (*_LONGER, *TEXT):
        if isinstance(item.get(key), str):
            return key
    return None


def _is_row(item: Mapping[str, Any]) -> bool:
    key, pair = _text_key(item), offsets_of(item)
    if key is None or pair is None or label_key(item) is None:
        return False
    text = item[key]
    return (
        all(type(x) is int for x in pair)
        and 0 <= pair[0] < pair[1] <= len(text)
        and isinstance(item[label_key(item) or ""], str)
    )


def _sniff(sample: Sample) -> Match | None:
    items = some_objects(sample)[:20]
    if items and all(map(_is_row, items)):
        return Match(0.8, f"an entity an object, in {_text_key(items[0])!r}")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record for each run of objects with one text."""
    held: Record | None = None
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column or _text_key(item), where)
        if held is None or held.text != text:
            if held is not None:
                yield held
            held = Record(source.name, line, text, meta=meta_of(item, options))
        if offsets_of(item) is None and label_key(item) is None:
            continue  # a text without any
        rest = {key: value for key, value in item.items() if value != text}
        held.spans += span_of(rest, options, where)
    if held is not None:
        yield held


_EXAMPLE = """{"text": "Marie Curie was born in Warsaw.", "entity": "Marie Curie", "type": "PER", "start": 0, "end": 11}
{"text": "Marie Curie was born in Warsaw.", "entity": "Warsaw", "type": "LOC", "start": 24, "end": 30}
"""
ENTITY_ROWS = Format(
    "entity-rows",
    "JSON with an object an entity, the text in each",
    (".jsonl", ".json"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

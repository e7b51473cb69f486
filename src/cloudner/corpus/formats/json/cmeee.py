"""CMeEE: `{"entities": [{"start_idx": 0, "end_idx": 2, "type": "dis"}]}`, the end being the last character."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import SPANS
from cloudner.corpus.formats.spans import Where, label_of, offset, short


def _with_idx(item: Mapping[str, Any]) -> str | None:
    """The key of entities with `start_idx`, such as `entities` or `entity_list`."""
    for key in SPANS:
        value = item.get(key)
        if isinstance(value, list) and any(
            isinstance(e, dict) and "start_idx" in e and "end_idx" in e for e in value
        ):
            return key
    return None


def _sniff_cmeee(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("text"), str) and (key := _with_idx(item)):
            return Match(0.95, f"{key!r} with start_idx and end_idx (CMeEE)")
    return None


def _read_cmeee(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where, ("text",))
        record = Record(source.name, line, text, meta=meta_of(item, options))
        key = _with_idx(item) or next((k for k in SPANS if item.get(k)), None)
        record.complete = any(k in item for k in SPANS)  # a test file has texts alone
        if key and not _with_idx(item):
            raise where.error(short(item[key]), '[{"start_idx": 0, "end_idx": 2, "type": "PER"}]')
        for entity in item[key] if key else ():
            start, end = offset(entity.get("start_idx"), where), offset(entity.get("end_idx"), where)
            surface = entity.get("entity", entity.get("text"))
            surface = surface if isinstance(surface, str) else None
            exclusive = surface is not None and text[start:end] == surface != text[start : end + 1]
            for label in label_of(entity.get("type", entity.get("label")), options, where):
                record.spans.append(SpanRecord(start, end if exclusive else end + 1, label, surface))
        yield record


_EXAMPLE = """[{"text": "Marie Curie was born in Warsaw.", "entities": [
  {"start_idx": 0, "end_idx": 10, "type": "PER", "entity": "Marie Curie"},
  {"start_idx": 24, "end_idx": 29, "type": "LOC", "entity": "Warsaw"}
]}]
"""
CMEEE = Format(
    "cmeee",
    "CMeEE: start_idx and the last character",
    (".json",),
    _sniff_cmeee,
    _read_cmeee,
    example=_EXAMPLE,
)

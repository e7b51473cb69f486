"""Watson Natural Language Understanding: entities with their mentions, and the text that was analysed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, label_of, offset, short

_TEXTS = ("analyzed_text", *TEXT)


def _entities(item: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    entities = item.get("entities")
    if not isinstance(entities, list) or not entities:
        return None
    good = all(isinstance(e, Mapping) and "type" in e and _located(e.get("mentions")) for e in entities)
    return entities if good else None


def _located(mentions: Any) -> bool:
    return (
        isinstance(mentions, list)
        and bool(mentions)
        and all(isinstance(m, Mapping) and isinstance(m.get("location"), list) for m in mentions)
    )


def _sniff(sample: Sample) -> Match | None:
    if any(_entities(item) for item in some_objects(sample)):
        return Match(0.95, "entities with mentions by location (Watson NLU)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "document")
        key = options.text_column or next((k for k in _TEXTS if isinstance(item.get(k), str)), None)
        if key is None or not isinstance(item.get(key), str):
            raise where.error(
                "the text that was analysed is not in it",
                "analyzed_text, which Watson returns with return_analyzed_text=true",
                "analyze again with it, or put the text into each object and name its key with --text-column",
            )
        record = Record(source.name, line, item[key], meta=meta_of(item, options))
        where.what = "entity"
        if item.get("entities") and _entities(item) is None:
            raise where.error(
                short(item["entities"]), '"mentions": [{"text": ..., "location": [0, 5]}] in each'
            )
        for entity in item.get("entities") or ():
            for mention in entity["mentions"]:
                if len(mention["location"]) != 2:
                    raise where.error(f"the location {short(mention['location'])}", "[start, end]")
                start, end = (offset(value, where) for value in mention["location"])
                stored = mention.get("text") if isinstance(mention.get("text"), str) else None
                for label in label_of(entity["type"], options, where):
                    record.spans.append(SpanRecord(start, end, label, stored))
        record.spans.sort(key=lambda span: (span.start, -span.end))
        if item.get("relations"):
            record.notes.append(("unsupported", "noted", f"{len(item['relations'])} relations left out"))
        yield record


_EXAMPLE = """{"language": "en", "analyzed_text": "Marie Curie was born in Warsaw.", "entities": [
  {"type": "PER", "text": "Marie Curie", "mentions": [{"text": "Marie Curie", "location": [0, 11]}]},
  {"type": "LOC", "text": "Warsaw", "mentions": [{"text": "Warsaw", "location": [24, 30]}]}
]}
"""
WATSON_NLU = Format(
    "watson-nlu",
    "Watson NLU output: entities with mentions, and analyzed_text",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

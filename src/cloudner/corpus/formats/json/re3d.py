"""re3d: entities in entities.json that name the document they are in, texts in documents.json beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short
from cloudner.errors import InputError

_TEXTS = "documents.json"
_KEYS = frozenset(("documentId", "begin", "end", "type"))
_SHAPE = '{"documentId": "1", "begin": 0, "end": 3, "type": "Person", "value": "Ann"}'


def _sniff(sample: Sample) -> Match | None:
    items = some_objects(sample)
    if items and set(items[0]) >= _KEYS:
        return Match(0.97, "entities with documentId, begin, end and type (re3d)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document, those without entities too."""
    spans: dict[str, list[SpanRecord]] = {}
    lines: dict[str, int] = {}
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        if not set(item) >= _KEYS:
            raise where.error(short(item), _SHAPE)
        words = item.get("value")
        span = SpanRecord(
            offset(item["begin"], where),
            offset(item["end"], where),
            label_of(item["type"], options, where)[0],
            words if isinstance(words, str) else None,
        )
        spans.setdefault(str(item["documentId"]), []).append(span)
        lines.setdefault(str(item["documentId"]), line)
    texts = text_beside(source, _TEXTS, "the texts that the entities are in")
    for line, item in objects(texts):
        identity, text = _document(item, Where(texts.name, line, "document"))
        record = Record(texts.name, line, text, meta={"id": identity} | group_of(item, options))
        record.spans = sorted(spans.pop(identity, ()), key=lambda span: (span.start, -span.end))
        yield record
    if spans:
        identity = next(iter(spans))
        raise InputError(
            f"entities of the document {identity!r}, which is not in {_TEXTS}",
            file=source.name,
            line=lines[identity],
            expected="the _id of a document there",
        )


def _document(item: Mapping[str, Any], where: Where) -> tuple[str, str]:
    """Id and text of a document."""
    if not isinstance(item.get("text"), str) or not isinstance(item.get("_id"), (str, int)):
        raise where.error(short(item), '{"_id": "1", "text": "Ann left."}')
    return str(item["_id"]), item["text"]


_EXAMPLE = {
    "entities.json": """{"_id": "e1", "documentId": "curie", "type": "PER", "begin": 0, "end": 11, "value": "Marie Curie", "confidence": 1}
{"_id": "e2", "documentId": "curie", "type": "LOC", "begin": 24, "end": 30, "value": "Warsaw", "confidence": 1}
""",
    "documents.json": """{"_id": "curie", "text": "Marie Curie was born in Warsaw.", "title": "Curie"}
""",
}
RE3D = Format(
    "re3d",
    "re3d: entities.json beside the texts in documents.json",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

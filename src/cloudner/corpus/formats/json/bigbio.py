"""The knowledge base schema of BigBio: passages with texts as lists, entities with offsets as lists of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short
from cloudner.corpus.formats.words import gap


def is_bigbio(item: Mapping[str, Any]) -> bool:
    """Has a row passages and entities as that schema has them?"""
    passages, entities = item.get("passages"), item.get("entities")
    return (
        isinstance(passages, list)
        and bool(passages)
        and all(isinstance(p, Mapping) and "text" in p and "offsets" in p for p in passages)
        and isinstance(entities, list)
        and all(isinstance(e, Mapping) and "offsets" in e and "type" in e for e in entities)
    )


def record_of(item: Mapping[str, Any], file: str, line: int, options: ReadOptions) -> Record:
    """The document of a row: its passages at their offsets, an entity in several parts as one span over them.

    Raises InputError (file, line) for offsets that are none.
    """
    where = Where(file, line, "passage")
    text, shifts = _text(item["passages"], where)
    record = Record(file, line, text)
    name = item.get("document_id") or item.get("id")
    if name:
        record.meta["id"] = name
    record.meta |= group_of(item, options)
    where.what = "entity"
    for entity in item["entities"]:
        parts = _pairs(entity["offsets"], where)
        if not parts:
            done = f"{short(entity.get('text'))} ({entity['type']}) has no offsets"
            record.notes.append(("outside-text", "dropped", done))
            continue
        stored = _joined(entity.get("text"))
        for label in label_of(entity["type"], options, where):
            if len(parts) > 1:
                done = f"{label} {short(entity.get('text'))} in {len(parts)} parts made one span"
                record.notes.append(("unsupported", "changed", done))
                stored = None
            start, end = parts[0][0], parts[-1][1]
            first = max((moved for at, moved in shifts if at <= start), default=0)
            last = max((moved for at, moved in shifts if at < end), default=0)
            record.spans.append(SpanRecord(start + first, end + last, label, stored))
    record.spans.sort(key=lambda span: (span.start, -span.end))
    others = sum(len(item.get(key) or ()) for key in ("relations", "events", "coreferences"))
    if others:
        record.notes.append(("unsupported", "noted", f"{others} relations, events and coreferences left out"))
    return record


def _pairs(value: Any, where: Where) -> list[tuple[int, int]]:
    if not isinstance(value, list) or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in value):
        raise where.error(f"the offsets {short(value)}", "pairs in a list, [[0, 5]]")
    return sorted((offset(a, where), offset(b, where)) for a, b in value)


def _joined(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value) or None
    return value if isinstance(value, str) else None


def _text(passages: list[Mapping[str, Any]], where: Where) -> tuple[str, list[tuple[int, int]]]:
    """The passages with a line end between two, and for each its first offset and how far the text lies behind it.

    Some data sets count passages that touch, as if nothing stood between them; a space is put there.
    """
    text = ""
    moved = 0
    shifts: list[tuple[int, int]] = []
    placed = [(_pairs(p["offsets"], where) or [(0, 0)], _joined(p["text"]) or "") for p in passages]
    for pairs, passage in sorted(placed, key=lambda p: p[0][0][0]):
        start = pairs[0][0]
        if text and start + moved == len(text) and not text[-1].isspace():
            moved += 1
            text += " "
        elif text and start + moved < len(text):
            text += " "  # passages that overlap: the stored words tell where the entities are
        elif start + moved > len(text):
            gap(start + moved - len(text), where.file, where.line)
            text = text.ljust(start + moved - 1) + ("\n" if text else " ")
        shifts.append((start, moved))
        text += passage
    return text, shifts


def _sniff(sample: Sample) -> Match | None:
    if any(is_bigbio(item) for item in some_objects(sample)):
        return Match(0.98, "passages and entities with lists of offsets (BigBio)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        if not is_bigbio(item):
            raise Where(source.name, line, "document").error(
                f"no passages and entities with offsets among {', '.join(map(repr, list(item)[:12]))}",
                '{"passages": [{"text": [...], "offsets": [[0, 5]]}], "entities": [...]}',
            )
        yield record_of(item, source.name, line, options)


_EXAMPLE = '{"id": "0", "document_id": "curie", "passages": [{"id": "1", "type": "title", "text": ["Marie Curie was born in Warsaw."], "offsets": [[0, 31]]}], "entities": [{"id": "2", "type": "PER", "text": ["Marie Curie"], "offsets": [[0, 11]], "normalized": []}, {"id": "3", "type": "LOC", "text": ["Warsaw"], "offsets": [[24, 30]], "normalized": []}]}\n'
BIGBIO = Format(
    "bigbio",
    "BigBio's knowledge base schema: passages and entities",
    (".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

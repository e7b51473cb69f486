"""DiaKG: paragraphs of sentences, whose entities have offsets within the sentence or within the paragraph.

Which of them is not said, nor whether the end is the last character: the words that are stored beside the offsets tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short

_SHAPE = '{"doc_id": "1", "paragraphs": [{"paragraph": ..., "sentences": [{"sentence": ..., "entities": [{"entity": ..., "entity_type": ..., "start_idx": 0, "end_idx": 3}]}]}]}'


def _paragraphs(item: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The paragraphs of a document; None for another object."""
    paragraphs = item.get("paragraphs")
    if not isinstance(paragraphs, list) or not paragraphs:
        return None
    whole = all(
        isinstance(each, Mapping)
        and isinstance(each.get("paragraph"), str)
        and isinstance(each.get("sentences"), list)
        for each in paragraphs
    )
    return paragraphs if whole else None


def _sniff(sample: Sample) -> Match | None:
    if any(_paragraphs(item) for item in some_objects(sample)):
        return Match(0.99, "paragraphs of sentences with entities (DiaKG)")
    return None


class _Entity:
    """An entity, and where it may stand in its paragraph."""

    def __init__(self, given: Any, sentence: int, options: ReadOptions, where: Where) -> None:
        if not isinstance(given, Mapping) or not {"entity_type", "start_idx", "end_idx"} <= set(given):
            raise where.error(f"the entity {short(given)}", _SHAPE)
        start, end = offset(given["start_idx"], where), offset(given["end_idx"], where)
        self.label = label_of(given["entity_type"], options, where)[0]
        stored = given.get("entity")
        self.words = stored if isinstance(stored, str) else None
        self.places = [(at + start, at + end + last) for at in (sentence, 0) for last in (0, 1)]


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a paragraph."""
    for line, item in objects(source):
        where = Where(source.name, line, "document")
        paragraphs = _paragraphs(item)
        if paragraphs is None:
            raise where.error("no paragraphs of sentences", _SHAPE)
        found = [(each["paragraph"], _entities(each, options, where)) for each in paragraphs]
        fits = Counter(
            way
            for text, entities in found
            for entity in entities
            for way, (start, end) in enumerate(entity.places)
            if entity.words is not None and text[start:end] == entity.words
        )
        way = max(range(4), key=lambda each: fits[each])  # of the whole document
        relations = sum(len(s.get("relations") or ()) for each in paragraphs for s in each["sentences"])
        for number, (text, entities) in enumerate(found):
            record = Record(source.name, line, text, meta=group_of(item, options))
            if isinstance(item.get("doc_id"), (str, int)):
                record.meta |= {"id": f"{item['doc_id']}-{number}", "doc_id": item["doc_id"]}
            record.spans = [SpanRecord(*each.places[way], each.label, each.words) for each in entities]
            record.spans.sort(key=lambda span: (span.start, -span.end))
            if relations:
                record.notes.append(("unsupported", "noted", f"{relations} relations left out"))
                relations = 0
            yield record


def _entities(paragraph: Mapping[str, Any], options: ReadOptions, where: Where) -> list[_Entity]:
    text, at = paragraph["paragraph"], 0
    found: list[_Entity] = []
    for sentence in paragraph["sentences"]:
        words = sentence.get("sentence") if isinstance(sentence, Mapping) else None
        entities = sentence.get("entities") if isinstance(sentence, Mapping) else None
        if not isinstance(words, str) or not isinstance(entities, list):
            raise where.error(f"the sentence {short(sentence)}", _SHAPE)
        place = text.find(words, at)
        if place < 0:
            raise where.error(
                f"the sentence {short(words)} is not in its paragraph", "the paragraph's own text"
            )
        at = place + len(words)
        found += [_Entity(entity, place, options, where) for entity in entities]
    return found


_EXAMPLE = """{"doc_id": "curie", "paragraphs": [{"paragraph_id": "0", "paragraph": "Marie Curie was born in Warsaw.", "sentences": [
  {"sentence_id": "0", "sentence": "Marie Curie was born in Warsaw.", "start_idx": 0, "end_idx": 31, "entities": [
    {"entity_id": "T0", "entity": "Marie Curie", "entity_type": "PER", "start_idx": 0, "end_idx": 11},
    {"entity_id": "T1", "entity": "Warsaw", "entity_type": "LOC", "start_idx": 24, "end_idx": 30}
  ], "relations": []}
]}]}
"""
DIAKG = Format(
    "diakg",
    "DiaKG: paragraphs of sentences with entities",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

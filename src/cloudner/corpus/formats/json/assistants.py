"""Training data of dialogue assistants in JSON: Rasa (older), LUIS, Snips, Watson Assistant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.spans import Where, label_of, offset, short


def _kind(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("rasa_nlu_data"), dict):
        return "rasa_nlu_data"
    if "luis_schema_version" in value or (isinstance(value.get("utterances"), list) and "culture" in value):
        return "luis_schema_version"
    intents = value.get("intents")
    if isinstance(intents, list) and any(
        isinstance(i, dict) and isinstance(i.get("examples"), list) for i in intents
    ):
        return "intents with examples"
    for group in [*(intents.values() if isinstance(intents, dict) else ()), *value.values()]:
        pieces = group.get("utterances") if isinstance(group, dict) else group
        if isinstance(pieces, list) and pieces and isinstance(pieces[0], dict):
            data = pieces[0].get("data")
            if isinstance(data, list) and data and all(isinstance(p, dict) and "text" in p for p in data):
                return "utterances in pieces"
    return None


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for value in seen.items[:1] if seen and seen.kind != "array" else ():
        kind = _kind(value)
        if kind:
            return Match(0.96, f"{kind} (data of a dialogue assistant)")
    return None


def _utterances(kind: str | None, value: Any) -> Iterator[Any]:
    if kind == "rasa_nlu_data":
        for key in ("common_examples", "entity_examples", "intent_examples"):
            yield from value["rasa_nlu_data"].get(key) or ()
    elif kind == "luis_schema_version":
        yield from value.get("utterances") or ()
    elif kind == "intents with examples":
        for intent in value["intents"]:
            yield from intent.get("examples") or ()
    elif kind == "utterances in pieces":
        intents = value.get("intents", value)
        for group in intents.values():
            yield from (group.get("utterances") if isinstance(group, dict) else group) or ()


def _span(entity: Any, options: ReadOptions, where: Where) -> SpanRecord:
    """start and end (Rasa), startPos and the last character (LUIS), location (Watson). A `value` may be a synonym."""
    if isinstance(entity, Mapping):
        label = label_of(entity.get("entity"), options, where)[0]
        if "startPos" in entity:
            return SpanRecord(
                offset(entity["startPos"], where), offset(entity.get("endPos"), where) + 1, label
            )
        location = entity.get("location")
        if isinstance(location, list) and len(location) == 2:
            return SpanRecord(offset(location[0], where), offset(location[1], where), label)
        if "start" in entity and "end" in entity:
            return SpanRecord(offset(entity["start"], where), offset(entity["end"], where), label)
    raise where.error(f"cannot read the entity {short(entity)}", '{"start": 0, "end": 5, "entity": "city"}')


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    count = 0
    for line, value in values(source):
        kind = _kind(value)
        for item in _utterances(kind, value):
            where = Where(source.name, line, "utterance")
            if not isinstance(item, Mapping):
                raise where.error(f"{short(item)} is not an object", '{"text": ..., "entities": [...]}')
            count += 1
            record = Record(source.name, line, "")
            if isinstance(item.get("intent"), str):
                record.meta["intent"] = item["intent"]
            record.meta |= group_of(item, options)
            if kind == "utterances in pieces":
                _join(record, item.get("data") or (), options, where)
            elif isinstance(item.get("text"), str):
                record.text = item["text"]
                entities = item.get("entities") or item.get("mentions") or ()
                record.spans = [_span(entity, options, where) for entity in entities]
            else:
                raise where.error(f"no text in {short(dict(item))}", '{"text": ..., "entities": [...]}')
            yield record
    if count == 0:
        raise Where(source.name, 1, "file").error("no utterance in it", "intents with annotated examples")


def _join(record: Record, pieces: Any, options: ReadOptions, where: Where) -> None:
    text = ""
    for piece in pieces:
        start, text = len(text), text + str(piece.get("text", ""))
        label = piece.get("slot_name") if piece.get("entity") is None else piece["entity"]
        if label is not None:
            record.spans.append(SpanRecord(start, len(text), label_of(label, options, where)[0]))
    record.text = text


_EXAMPLE = """{"rasa_nlu_data": {"common_examples": [{"text": "Marie Curie was born in Warsaw.", "intent": "tell", "entities": [
  {"start": 0, "end": 11, "value": "Marie Curie", "entity": "PER"},
  {"start": 24, "end": 30, "value": "Warsaw", "entity": "LOC"}
]}]}}
"""
ASSISTANTS = Format(
    "assistants",
    "JSON of dialogue assistants: Rasa, LUIS, Snips, Watson Assistant",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

"""Dialogflow's intents: utterances in parts, `{"data": [{"text": "Paris", "alias": "to", "meta": "@city"}, ...]}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, meta_of
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.json.without_text import NoText, texts_only
from cloudner.corpus.formats.spans import Where, label_of, short

# Where an intent has its utterances, and an utterance its parts: in exported agents, and as the service answers.
_LISTS = (("userSays", "data"), ("trainingPhrases", "parts"))
_TYPES = ("meta", "entityType")
_PARAMETER = "parameterId"  # of Dialogflow CX, which says its type in another file
_NO_ENTITY = "sys.ignore"
_SHAPE = '{"data": [{"text": "Paris", "meta": "@city", "alias": "to"}, {"text": " please"}]}'


def _utterances(value: Any) -> list[Any] | None:
    """The utterances of an intent, or the one that a value is; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    if _parts(value) is not None:
        return [value]
    return next((value[key] for key, _ in _LISTS if isinstance(value.get(key), list)), None)


def _parts(item: Any) -> list[Mapping[str, Any]] | None:
    parts = next((item[key] for _, key in _LISTS if key in item), None) if isinstance(item, Mapping) else None
    if not isinstance(parts, list) or not all(isinstance(p, Mapping) and "text" in p for p in parts):
        return None
    return parts


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for value in seen.items if seen else ():
        for item in _utterances(value) or ():
            parts = _parts(item) or ()
            if any(any(key in p for key in ("userDefined", _PARAMETER, *_TYPES)) for p in parts):
                return Match(0.97, "utterances in parts with alias and meta (Dialogflow)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    return texts_only(_records(source, options))


def _records(source: Source, options: ReadOptions) -> Iterator[Record | NoText]:
    found = False
    roles: set[str] = set()
    for line, value in values(source):
        for item in [value] if (items := _utterances(value)) is None else items:
            where = Where(source.name, line, "utterance")
            parts = _parts(item)
            if parts is None:
                raise where.error(f"no parts with a text in {short(item)}", _SHAPE)
            found = True
            if item.get("isTemplate"):
                error = where.error("a template, in which types stand in the place of words", _SHAPE)
                yield NoText(error, "a template and no text")
                continue
            record = Record(source.name, line, "", meta=meta_of(item, options))
            record.meta |= group_of(value, options)
            _join(record, parts, options, where, roles)
            yield record
    if not found:
        raise Where(source.name, 1, "file").error("no utterance in it", _SHAPE)


def _join(
    record: Record, parts: list[Mapping[str, Any]], options: ReadOptions, where: Where, roles: set[str]
) -> None:
    """The text of all parts and a span for each that has a type. roles: names that were told already."""
    text = ""
    for part in parts:
        start, text = len(text), text + str(part["text"])
        alias = part.get("alias", part.get(_PARAMETER))
        kind = next((part[key] for key in _TYPES if part.get(key)), None)
        label = alias if kind is None else str(kind).removeprefix("@")
        if not label or label == _NO_ENTITY:
            continue
        record.spans.append(SpanRecord(start, len(text), label_of(label, options, where)[0]))
        if alias and alias != label.removeprefix("sys.") and alias not in roles:
            roles.add(alias)
            record.notes.append(("unsupported", "noted", f"the parameter {alias!r} of a {label} left out"))
    record.text = text


_EXAMPLE = """[{"id": "curie", "isTemplate": false, "data": [
  {"text": "Marie Curie", "alias": "PER", "meta": "@PER", "userDefined": true},
  {"text": " was born in ", "userDefined": false},
  {"text": "Warsaw", "alias": "LOC", "meta": "@LOC", "userDefined": true},
  {"text": ".", "userDefined": false}
]}]
"""
DIALOGFLOW = Format(
    "dialogflow",
    "Dialogflow's intents: utterances in parts (userSays, trainingPhrases)",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

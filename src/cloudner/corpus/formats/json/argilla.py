"""Argilla 2: records with fields, and to each question the responses of people and the suggestions of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.annotators import choose
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, is_spans, spans_of


def _questions(item: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Each question about spans with (who, value) of its answers: responses, or else the suggestion."""
    results: dict[str, list[tuple[str, Any]]] = {}
    responses, suggestions = item.get("responses"), item.get("suggestions")
    for name, answers in responses.items() if isinstance(responses, Mapping) else ():
        for number, answer in enumerate(answers if isinstance(answers, list) else [answers], start=1):
            done = isinstance(answer, Mapping) and answer.get("status", "submitted") == "submitted"
            if done and isinstance(answer.get("value"), list):
                results.setdefault(name, []).append((str(answer.get("user_id", number)), answer["value"]))
    for name, answer in suggestions.items() if isinstance(suggestions, Mapping) else ():
        if name not in results and isinstance(answer, Mapping) and is_spans(answer.get("value")):
            results[name] = [(str(answer.get("agent") or "suggestion"), answer["value"])]
    return [
        (name, answers)
        for name, answers in results.items()
        if all(not value or is_spans(value) for _, value in answers)
    ]


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("fields"), dict) and ("responses" in item or "suggestions" in item):
            return Match(0.97, "fields with responses and suggestions (Argilla)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record each; of several questions the first, of several people the first, unless an option names another."""
    for line, item in objects(source):
        where = Where(source.name, line, "record" if item.get("id") is None else f"record {item['id']}")
        fields = item.get("fields")
        if not isinstance(fields, Mapping):
            raise where.error("no fields in it", '{"fields": {"text": ...}, "responses": {...}}')
        strings = [key for key, value in fields.items() if isinstance(value, str)]
        key = options.text_column or next((k for k in TEXT if k in strings), strings[0] if strings else None)
        record = Record(source.name, line, text_of(fields, key, where))
        if item.get("id") is not None:
            record.meta["id"] = item["id"]
        record.meta |= group_of(item, options)
        questions = _questions(item)
        if options.entities_column is not None:
            questions = [each for each in questions if each[0] == options.entities_column]
        answers = questions[0][1] if questions else []
        where.text = record.text or ""
        choose(record, [(who, spans_of(value, options, where)) for who, value in answers], options)
        for name, _ in questions[1:]:
            record.notes.append(
                ("unsupported", "noted", f"the question {name} left out; --entities-column {name}")
            )
        yield record


_EXAMPLE = """[{"fields": {"text": "Marie Curie was born in Warsaw."}, "responses": {"spans": [{"user_id": "u1", "status": "submitted", "value": [
  {"start": 0, "end": 11, "label": "PER"},
  {"start": 24, "end": 30, "label": "LOC"}
]}]}}]
"""
ARGILLA = Format(
    "argilla",
    "Argilla 2 records",
    (".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

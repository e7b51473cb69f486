"""Argilla 2, and the feedback data sets before: records with fields, and to each question the responses of people and the
suggestions of models, which nobody has confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.annotators import choose
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, is_spans, spans_of

# Columns of a row that are no fields
_OF_RECORDS = ("id", "_server_id", "status", "inserted_at", "updated_at", "external_id")
_Question = tuple[str, list[tuple[str, Any]]]  # its name; who answered, and what


def _questions(item: Mapping[str, Any], annotator: str | None) -> tuple[list[_Question], list[str]]:
    """Each question about spans with its answers, people's and the suggestion of the one who is wanted; who else suggested
    something where nobody has answered."""
    results: dict[str, list[tuple[str, Any]]] = {}
    for name, who, value in _responses(item.get("responses")):
        results.setdefault(name, []).append((who, value))
    left_out = []
    suggestions = item.get("suggestions")
    for name, answer in suggestions.items() if isinstance(suggestions, Mapping) else ():
        if isinstance(answer, Mapping) and is_spans(answer.get("value")):
            agent = str(answer.get("agent") or "suggestion")
            if agent == annotator:
                results.setdefault(name, []).append((agent, answer["value"]))
            elif name not in results:
                left_out.append(agent)
    questions = [
        (name, answers)
        for name, answers in results.items()
        if all(not value or is_spans(value) for _, value in answers)
    ]
    return questions, left_out


def _responses(responses: Any) -> Iterator[tuple[str, str, Any]]:
    """Question, who answered and what, of submitted answers: a list of answers a question (Argilla 2), or a list of people's
    answers to all questions (the feedback data sets before)."""
    if isinstance(responses, Mapping):
        for name, answers in responses.items():
            for number, answer in enumerate(answers if isinstance(answers, list) else [answers], start=1):
                if _is_submitted(answer) and isinstance(answer.get("value"), list):
                    yield name, str(answer.get("user_id", number)), answer["value"]
    for number, person in enumerate(responses if isinstance(responses, list) else (), start=1):
        values = person.get("values") if _is_submitted(person) else None
        for name, answer in values.items() if isinstance(values, Mapping) else ():
            if isinstance(answer, Mapping) and isinstance(answer.get("value"), list):
                yield name, str(person.get("user_id") or number), answer["value"]


def _is_submitted(answer: Any) -> bool:
    """Neither a draft nor discarded?"""
    return isinstance(answer, Mapping) and answer.get("status", "submitted") == "submitted"


def is_flat(item: Mapping[str, Any]) -> bool:
    """Is this a record in columns, `spans.responses` and `spans.responses.users`, as Argilla makes rows of a data set?"""
    return any(
        isinstance(key, str)
        and key.endswith(".responses")
        and (f"{key}.users" in item or f"{key}.status" in item)
        for key in item
    )


def _nested(item: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a row in columns. Of its texts all that are no times, states or numbers of it are fields."""
    responses: dict[str, list[dict[str, Any]]] = {}
    suggestions: dict[str, dict[str, Any]] = {}
    for key, value in item.items():
        name, _, part = key.rpartition(".")
        if part == "responses":
            users, states = item.get(f"{key}.users") or (), item.get(f"{key}.status") or ()
            for number, each in enumerate(value or ()):
                answer = {"value": _rows(each)}
                if number < len(users):
                    answer["user_id"] = users[number]
                if number < len(states):
                    answer["status"] = states[number]
                responses.setdefault(name, []).append(answer)
        elif part == "suggestion" and value is not None:
            suggestions[name] = {"value": _rows(value), "agent": item.get(f"{key}.agent")}
    fields = {k: v for k, v in item.items() if "." not in k and k not in _OF_RECORDS}
    return {"id": item.get("id"), "fields": fields, "responses": responses, "suggestions": suggestions}


def _rows(value: Any) -> Any:
    """Spans in a list, where a data set has them by columns."""
    if isinstance(value, Mapping) and value and all(isinstance(part, list) for part in value.values()):
        return [dict(zip(value, row, strict=False)) for row in zip(*value.values(), strict=False)]
    return value


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("fields"), dict) and ("responses" in item or "suggestions" in item):
            return Match(0.97, "fields with responses and suggestions (Argilla)")
        if is_flat(item):
            return Match(0.97, "columns of responses and who gave them (Argilla)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        yield record_of(item, source.name, line, options)


def record_of(row: Mapping[str, Any], file: str, line: int, options: ReadOptions) -> Record:
    """A record, nested or in columns; of several questions the first, of several people the first, unless an option names
    another. Raises InputError (file, line) where it has no text, or spans that cannot be read."""
    item = _nested(row) if is_flat(row) else row
    where = Where(file, line, "record" if item.get("id") is None else f"record {item['id']}")
    fields = item.get("fields")
    if not isinstance(fields, Mapping):
        raise where.error("no fields in it", '{"fields": {"text": ...}, "responses": {...}}')
    strings = [key for key, value in fields.items() if isinstance(value, str)]
    key = options.text_column or next((k for k in TEXT if k in strings), strings[0] if strings else None)
    record = Record(file, line, text_of(fields, key, where))
    if item.get("id") is not None:
        record.meta["id"] = item["id"]
    record.meta |= group_of(row, options)
    questions, suggested = _questions(item, options.annotator)
    if options.entities_column is not None:
        questions = [each for each in questions if each[0] == options.entities_column]
    answers = questions[0][1] if questions else []
    where.text = record.text or ""
    choose(record, [(who, spans_of(value, options, where)) for who, value in answers], options)
    for agent in suggested if options.annotator is None and not answers else ():
        done = f"answered by nobody: the suggestion of {agent} is left out; --annotator {agent} takes it"
        record.notes.append(("rejected", "noted", done))
    for name, _ in questions[1:]:
        record.notes.append(
            ("unsupported", "noted", f"the question {name} left out; --entities-column {name}")
        )
    return record


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

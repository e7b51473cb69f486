"""Conversations that teach a language model: a text in the user's message, its entities in the answer, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.json.questions import Asked, asked, mentions
from cloudner.corpus.formats.spans import Where, is_spans, short, spans_of
from cloudner.corpus.formats.surfaces import locate, mentions_of
from cloudner.errors import InputError

_LISTS = ("messages", "conversations", "conversation", "chat")
_SPEAKERS = {"human": "user", "assistant": "model", "gpt": "model"}
_SHAPE = '{"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": JSON}]}'


def _turn(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The last question and its answer."""
    for answer in ("completion", "response"):
        if isinstance(item.get("prompt"), str) and isinstance(item.get(answer), str):
            return item["prompt"], item[answer]
    said = dict(_turns(item))
    return (said["user"], said["model"]) if "user" in said and "model" in said else None


def _turns(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Speaker (`user`, `model` or as it is) and words of each turn; none of what is no conversation."""
    turns = next((item[key] for key in _LISTS if isinstance(item.get(key), list)), None)
    said = []
    for turn in turns or ():
        if not isinstance(turn, Mapping):
            return []
        who, what = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
        if isinstance(who, str) and isinstance(what, str):
            said.append((_SPEAKERS.get(who, who), what))
    return said


def _instruction(questions: Sequence[str]) -> str:
    """What all questions begin with, up to a colon or a line end: what is to be done, and not the text."""
    if len(set(questions)) < 2:
        return ""
    short, long = min(questions), max(questions)  # what these two share, all share
    size = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    common = short[:size]
    ends = [match.end() for match in re.finditer(r"[:\n]\s*", common)]
    return common[: ends[-1]] if ends else ""


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample)[:5]:
        if asked(_turns(item)) is not None:
            return Match(0.92, "a text and a question for each label (Universal NER)")
        turn = _turn(item)
        if turn is not None and isinstance(answer_of(turn[1]), (list, dict)):
            return Match(0.9, "messages of a user and answers in JSON")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    first = [turn[0] for item in some_objects(source.sample()) if (turn := _turn(item))]
    head = _instruction(first)
    noted = False
    for line, item in objects(source):
        where = Where(source.name, line, "conversation")
        found = asked(_turns(item))
        if found is not None:
            yield _answered(
                Record(source.name, line, found.text, meta=meta_of(item, options)), found, options
            )
            continue
        turn = _turn(item)
        if turn is None:
            raise where.error(f"no question and answer in {short(item)}", _SHAPE)
        text = turn[0].removeprefix(head)
        record = Record(source.name, line, text, meta=meta_of(item, options))
        value = answer_of(turn[1])
        where.text = text
        if not isinstance(value, (list, dict)):
            raise where.error(f"the answer {short(turn[1])}", "JSON with the entities")
        if isinstance(value, dict) and is_spans(value.get("entities")):
            value = value["entities"]
        if is_spans(value):
            record.spans = spans_of(value, options, where)
        elif value:
            try:
                locate(record, text, mentions_of(_inner(value), options, where))
            except InputError as error:
                raise where.error(error.found.partition(": ")[2] or error.found, error.expected) from None
        if head and not noted:
            record.notes.append(("unsupported", "noted", f"each question begins {short(head)}: left out"))
            noted = True
        yield record


def _answered(record: Record, found: Asked, options: ReadOptions) -> Record:
    """The record with what was answered to the questions for its labels."""
    where = Where(record.file, record.line, "conversation", found.text)
    locate(record, found.text, mentions(found, options, where))
    if found.others:
        record.notes.append(("unsupported", "noted", f"{found.others} questions of another kind left out"))
    return record


def _inner(value: Any) -> Any:
    """The entities within `{"entities": [...]}`."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), (list, dict)):
        key, inner = next(iter(value.items()))
        return inner if key.lower() in ("entities", "ner", "named_entities", "result", "output") else value
    return value


_EXAMPLE = '{"messages": [{"role": "user", "content": "Marie Curie was born in Warsaw."}, {"role": "assistant", "content": "[{\\"text\\": \\"Marie Curie\\", \\"type\\": \\"PER\\"}, {\\"text\\": \\"Warsaw\\", \\"type\\": \\"LOC\\"}]"}]}\n'
CHAT = Format(
    "chat",
    "conversations with a language model whose answers are entities in JSON",
    (".jsonl", ".json"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

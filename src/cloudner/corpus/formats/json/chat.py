"""Conversations that teach a language model: a text in the user's message, its entities in the answer, as JSON or as
elements in the text said again."""

from __future__ import annotations

from collections.abc import Iterator

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.answers import answer_of, entities_in
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.json.questions import Asked, asked, mentions
from cloudner.corpus.formats.json.turns import exchanges, frame, turns_of
from cloudner.corpus.formats.spans import Where, is_spans, short, spans_of
from cloudner.corpus.formats.surfaces import locate, mentions_of
from cloudner.corpus.formats.xml.inline import parse_line
from cloudner.errors import InputError

_SHAPE = '{"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": JSON}]}'
_Pair = tuple[str, str]


def _sniff(sample: Sample) -> Match | None:
    items = some_objects(sample)[:5]
    if any("instruction" in item and item.get("input") for item in items):
        return None  # the text is the input: `mentions`
    for item in items:
        if asked(turns_of(item)) is not None:
            return Match(0.92, "a text and a question for each label (Universal NER)")
        pairs = exchanges(item)
        if any(isinstance(answer_of(answer), (list, dict)) for _, answer in pairs):
            return Match(0.9, "messages of a user and answers in JSON")
        if any(_tagged(pair) is not None for pair in pairs):
            return Match(0.9, "messages of a user and answers that mark their words with elements")
    return None


def _tagged(pair: _Pair) -> tuple[str, list[SpanRecord]] | None:
    """The text and the entities of an answer that says the text again, `<PER>Ann</PER> left.`; None for another one."""
    if "</" not in pair[1]:
        return None
    try:
        text, spans = parse_line(pair[1].strip(), "", 0)
    except InputError:
        return None
    return (text, spans) if spans and _says_again(pair[0], text) else None


def _says_again(question: str, text: str) -> bool:
    return bool(text.strip()) and "".join(text.split()) in "".join(question.split())


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    some = [pair for item in some_objects(source.sample()) for pair in exchanges(item)]
    head, tail = frame([question for question, _ in some])
    again = any(_tagged(pair) is not None for pair in some)  # answers that say the text again
    noted = False
    for line, item in objects(source):
        where = Where(source.name, line, "conversation")
        found = asked(turns_of(item))
        if found is not None:
            yield _answered(
                Record(source.name, line, found.text, meta=meta_of(item, options)), found, options
            )
            continue
        pairs = exchanges(item)
        if not pairs:
            raise where.error(f"no question and answer in {short(item)}", _SHAPE)
        told = [pair for pair in pairs if not _talk(pair, again)] if len(pairs) > 1 else []
        for number, pair in enumerate(told or pairs, start=1):
            record = Record(source.name, line, meta=meta_of(item, options))
            if number > 1 and "id" in record.meta:
                record.meta["id"] = f"{record.meta['id']}:{number}"
            if number == 1 and told and len(told) < len(pairs):
                done = f"{len(pairs) - len(told)} answers without entities left out"
                record.notes.append(("unsupported", "noted", done))
            _fill(record, pair[0].removeprefix(head).removesuffix(tail), pair[1], again, options, where)
            if (head or tail) and not noted:
                for part, name in ((head, "begins"), (tail, "ends")):
                    if part:
                        done = f"each question {name} {short(part)}: left out"
                        record.notes.append(("unsupported", "noted", done))
                noted = True
            yield record


def _talk(pair: _Pair, again: bool) -> bool:
    """Is this answer neither JSON, whole or broken off, nor the text said again?"""
    answer = pair[1].strip()
    if isinstance(answer_of(answer), (list, dict)) or answer.startswith(("{", "[", "`")):
        return False
    return not (again and (_tagged(pair) is not None or _says_again(pair[0], answer)))


def _fill(record: Record, text: str, answer: str, again: bool, options: ReadOptions, where: Where) -> None:
    """Gives the record its text and the entities of the answer. Raises InputError for an answer without any in JSON or marks."""
    record.text = where.text = text
    value = answer_of(answer)
    if not isinstance(value, (list, dict)):
        marked = _tagged((text, answer))
        if marked is not None:
            record.text, record.spans = marked
        elif not again or not _says_again(text, answer):
            raise where.error(
                f"the answer {short(answer)}",
                "the text again, its entities in elements" if again else "JSON with the entities",
            )
        return
    if isinstance(value, dict) and is_spans(value.get("entities")):
        value = value["entities"]
    if is_spans(value):
        record.spans = spans_of(value, options, where)
    elif value:
        try:
            locate(record, text, mentions_of(entities_in(value), options, where))
        except InputError as error:
            raise where.error(error.found.partition(": ")[2] or error.found, error.expected) from None


def _answered(record: Record, found: Asked, options: ReadOptions) -> Record:
    """The record with what was answered to the questions for its labels."""
    where = Where(record.file, record.line, "conversation", found.text)
    locate(record, found.text, mentions(found, options, where))
    if found.others:
        record.notes.append(("unsupported", "noted", f"{found.others} questions of another kind left out"))
    return record


_EXAMPLE = '{"messages": [{"role": "user", "content": "Marie Curie was born in Warsaw."}, {"role": "assistant", "content": "[{\\"text\\": \\"Marie Curie\\", \\"type\\": \\"PER\\"}, {\\"text\\": \\"Warsaw\\", \\"type\\": \\"LOC\\"}]"}]}\n'
CHAT = Format(
    "chat",
    "conversations with a language model whose answers are entities in JSON or marks in the text",
    (".jsonl", ".json"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

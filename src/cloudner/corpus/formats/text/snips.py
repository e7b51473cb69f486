"""Snips NLU's data in YAML: documents of intents whose utterances mark their slots, `[to:city](Oslo)`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Record, Source, SpanRecord
from cloudner.corpus.formats.json.without_text import NoText
from cloudner.errors import InputError

_SLOT = re.compile(r"\[(?P<slot>[^\[\]():]+)(?::(?P<entity>[^\[\]()]+))?\](?:\((?P<surface>[^()]+)\))?")
_TYPE = re.compile(r"^type: *(?:intent|entity)\b", re.MULTILINE)
_UTTERANCES = re.compile(r"^utterances:", re.MULTILINE)
_DOCUMENT = re.compile(r"^---.*$", re.MULTILINE)


def is_snips(text: str) -> bool:
    """Is this a document with `type: intent` and its utterances?"""
    return _TYPE.search(text) is not None and _UTTERANCES.search(text) is not None


def parts_of(text: str) -> Iterator[tuple[int, str]]:
    """The YAML documents of a file, each with the number of line ends before it."""
    at = 0
    for mark in _DOCUMENT.finditer(text):
        yield text.count("\n", 0, at), text[at : mark.start()]
        at = mark.end()
    yield text.count("\n", 0, at), text[at:]


def utterances(source: Source, first: int, text: str, data: Any) -> Iterator[Record | NoText]:
    """One record an utterance of an intent; entities' values are no annotated text. first: line ends before the document."""
    if not isinstance(data, Mapping) or data.get("type") != "intent":
        return
    slots = {
        slot["name"]: str(slot["entity"])
        for slot in data.get("slots") or ()
        if isinstance(slot, Mapping) and "name" in slot and "entity" in slot
    }
    lines = text.split("\n")
    at = 0
    for each in data.get("utterances") or ():
        if not isinstance(each, str):
            raise InputError(
                f"the utterance {each!r} of the intent {data.get('name')!r}",
                file=source.name,
                line=first + 1,
                expected="a text",
                fix="put it into quotes",
            )
        head = each.split("\n", 1)[0]
        at = next((n for n in range(at, len(lines)) if head in lines[n]), at)
        yield _record(source.name, first + at + 1, each, slots, str(data.get("name", "")))


def _record(file: str, line: int, utterance: str, slots: Mapping[str, str], intent: str) -> Record | NoText:
    pieces: list[str] = []
    spans: list[SpanRecord] = []
    length = position = 0
    for match in _SLOT.finditer(utterance):
        surface, slot = match["surface"], match["slot"].strip()
        if surface is None:
            error = InputError(
                f"{match[0]!r} of the intent {intent!r} stands in the place of words",
                file=file,
                line=line,
                expected="the words in it, such as [to:city](Oslo)",
                fix="let `snips-nlu generate-dataset en FILE` fill it in, and convert what it writes",
            )
            return NoText(error, "a template and no text")
        before = utterance[position : match.start()]
        pieces += (before, surface)
        length += len(before)
        label = (match["entity"] or slots.get(slot, slot)).strip()
        spans.append(SpanRecord(length, length + len(surface), label, surface))
        length += len(surface)
        position = match.end()
    pieces.append(utterance[position:])
    return Record(file, line, text="".join(pieces), spans=spans, meta={"intent": intent})

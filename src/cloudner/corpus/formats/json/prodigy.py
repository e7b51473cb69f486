"""Prodigy: texts with tokens and spans, and an annotator's answer to each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, text_of
from cloudner.corpus.formats.json.stream import peek
from cloudner.corpus.formats.json.without_text import NoText, medium, texts_only
from cloudner.corpus.formats.spans import Where, label_of, offset, text_and_spans
from cloudner.corpus.formats.words import Ids

# Views in which one suggestion is judged, or something else than entities is asked: nothing is known about the rest of the text.
_OTHER_VIEWS = ("ner", "classification", "choice", "text", "text_input", "compare", "diff")


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items if seen else ():
        if isinstance(item, dict) and isinstance(item.get("text"), str):
            if "_input_hash" in item or "_task_hash" in item:
                return Match(0.98, "_input_hash (Prodigy)")
            if item.get("answer") in ("accept", "reject", "ignore"):
                return Match(0.96, f"an answer {item['answer']!r} (Prodigy)")
            spans = item.get("spans")
            if isinstance(spans, list) and spans and isinstance(spans[0], dict) and "token_start" in spans[0]:
                return Match(0.92, "spans with token_start (Prodigy)")
    return None


def _tokens(item: dict[str, Any], text: str) -> tuple[list[str], list[bool]] | None:
    """Words and following spaces, where the tokens cover the text the way a spaCy Doc can hold it."""
    given = item.get("tokens")
    if not isinstance(given, list) or not given:
        return None
    words, spaces, at = [], [], 0
    for token in given:
        if not isinstance(token, dict) or token.get("start") != at or not isinstance(token.get("end"), int):
            return None
        end = token["end"]
        words.append(text[at:end])
        space = text[end : end + 1] == " "
        spaces.append(space)
        at = end + space
    return (words, spaces) if at == len(text) and all(words) else None


def _offsets(span: dict[str, Any], tokens: Any, where: Where) -> tuple[int, int]:
    """Start and end of a span, from its tokens (first and last) where it has none of its own."""
    start, end = span.get("start"), span.get("end")
    first, last = span.get("token_start"), span.get("token_end")
    if start is None and end is None and isinstance(first, int) and isinstance(last, int):
        if not isinstance(tokens, list) or not 0 <= first <= last < len(tokens):
            raise where.error(f"the tokens {first} to {last}", "tokens of the text")
        start, end = tokens[first].get("start"), tokens[last].get("end")
    return offset(start, where), offset(end, where)


def _is(who: str, wanted: str) -> bool:
    """Is it that annotator? Prodigy puts the data set's name and a hyphen before the session's."""
    return who == wanted or who.endswith("-" + wanted)


def _medium(item: dict[str, Any]) -> str | None:
    """The key of an image, a recording or a film that a task is about; its text, if any, is then a file's name."""
    key = next((key for key in ("image", "audio", "video") if isinstance(item.get(key), str)), None)
    spans = item.get("spans")
    marked = isinstance(spans, list) and any(isinstance(s, dict) and "start" in s for s in spans)
    return None if marked or item.get("tokens") else key


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    return texts_only(_tasks(source, options))


def _tasks(source: Source, options: ReadOptions) -> Iterator[Record | NoText]:
    for line, item in objects(source):
        where = Where(source.name, line, "span")
        key = _medium(item)
        if key is not None and options.text_column is None:
            yield medium(key, item, where)
            continue
        who = item.get("_annotator_id") or item.get("_session_id")
        text = text_of(item, options.text_column, where, ("text",))
        spans = []
        for span in item.get("spans") or ():
            start, end = _offsets(span, item.get("tokens"), where)
            surface = span.get("text") if isinstance(span.get("text"), str) else None
            spans.append(SpanRecord(start, end, label_of(span.get("label"), options, where)[0], surface))
        record = Record(source.name, line, text, meta=meta_of(item, options))
        if isinstance(who, str):
            wanted = options.annotator
            record.annotator = wanted if wanted is not None and _is(who, wanted) else who
        answer = item.get("answer", "accept")
        if answer == "reject":
            record.complete = False
            if str(item.get("_view_id")).endswith("_manual"):
                done = "rejected with all that was marked by hand in it: kept as unannotated"
                record.notes.append(("rejected", "noted", done))
            elif spans:
                record.negative = spans
            else:
                record.notes.append(
                    ("rejected", "noted", "rejected without a span: nothing is known about it")
                )
        elif answer == "ignore":
            record.complete = False
            record.notes.append(("rejected", "noted", "ignored by the annotator: kept as unannotated"))
        elif answer == "accept":
            record.spans = spans
            record.complete = item.get("_view_id") not in _OTHER_VIEWS
        else:
            raise where.error(f"the answer {answer!r}", "accept, reject or ignore")
        tokens = _tokens(item, text)
        if tokens is not None:
            record.tokens, record.spaces = tokens
        if item.get("relations"):
            record.notes.append(("unsupported", "noted", f"{len(item['relations'])} relations left out"))
        yield record


def _write(records: Iterable[Record], stream: IO[str]) -> None:
    ids = Ids()
    for number, record in enumerate(records, start=1):
        text, spans = text_and_spans(record)
        row: dict[str, Any] = {"text": text}
        if "id" in record.meta:
            row["id"] = ids.of(record, number)
            row["meta"] = {"id": row["id"]}  # what Prodigy shows beside the text
        words = record.tokens
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        if words and record.spaces is not None:
            tokens, at = [], 0
            for index, (word, space) in enumerate(zip(words, record.spaces, strict=True)):
                starts[at], ends[at + len(word)] = index, index
                tokens.append(
                    {"text": word, "start": at, "end": at + len(word), "id": index, "ws": bool(space)}
                )
                at += len(word) + bool(space)
            row["tokens"] = tokens
        rejected = bool(record.negative) and not spans
        row["spans"] = [_span(s, starts, ends) for s in (record.negative if rejected else spans)]
        # A view that judges one suggestion says that the rest is unknown.
        row["_view_id"] = "ner_manual" if record.complete else "ner"
        row["answer"] = "reject" if rejected else "accept"
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _span(span: SpanRecord, starts: dict[int, int], ends: dict[int, int]) -> dict[str, Any]:
    made: dict[str, Any] = {"start": span.start, "end": span.end, "label": span.label}
    if span.start in starts and span.end in ends:
        made["token_start"], made["token_end"] = starts[span.start], ends[span.end]
    return made


PRODIGY = Format(
    "prodigy", "Prodigy annotations (accept, reject, ignore)", (".jsonl",), _sniff, _read, _write
)

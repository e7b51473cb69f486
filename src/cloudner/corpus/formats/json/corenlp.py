"""JSON of taggers of Stanford: CoreNLP (`sentences[].tokens[]`, `entitymentions`) and Stanza's `Document.to_dict`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeGuard

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.spans import Where, offset, short
from cloudner.corpus.formats.words import join

_MISC_START = re.compile(r"start_char=(\d+)")
_MISC_END = re.compile(r"end_char=(\d+)")
Tokens = list[Mapping[str, Any]]


def _objects_only(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


# CoreNLP


def _sentences(item: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    sentences = item.get("sentences")
    if not _objects_only(sentences) or not all(isinstance(s.get("tokens"), list) for s in sentences):
        return None
    tokens = [token for sentence in sentences for token in sentence["tokens"]]
    return sentences if tokens and all(isinstance(t, Mapping) and "word" in t for t in tokens) else None


def _sniff_corenlp(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        sentences = _sentences(item)
        if sentences and ("ner" in sentences[0]["tokens"][0] or "entitymentions" in sentences[0]):
            return Match(0.97, "sentences with tokens that have word and ner (CoreNLP)")
        if sentences:
            return Match(0.4, "sentences of CoreNLP without ner")
    return None


def _read_corenlp(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "document")
        sentences = _sentences(item)
        if sentences is None:
            raise where.error("no sentences with tokens", '{"sentences": [{"tokens": [{"word": ...}]}]}')
        tokens = [token for sentence in sentences for token in sentence["tokens"]]
        if not any("ner" in token for token in tokens) and not any("entitymentions" in s for s in sentences):
            raise where.error("tokens without ner", "the output of the annotator ner", "-annotators ...,ner")
        record = record_of(source.name, line, tokens, [s["tokens"] for s in sentences], "originalText", where)
        if isinstance(item.get("docId"), str):
            record.meta["id"] = item["docId"]
        record.meta |= group_of(item, options)
        if all("entitymentions" in sentence for sentence in sentences):
            _mentions(record, sentences, where)
        else:
            record.tags = [str(token.get("ner") or "O") for token in tokens]
        yield record


def _mentions(record: Record, sentences: list[Mapping[str, Any]], where: Where) -> None:
    """Spans by the mentions of each sentence; pronouns among them, whose tokens are O, are told and left out."""
    tokens = record.tokens or []
    record.text, places = join(tokens, record.spaces or [])
    first, pronouns = 0, 0
    for sentence in sentences:
        inside = sentence["tokens"]
        for mention in sentence["entitymentions"]:
            start, end = (
                offset(mention.get("tokenBegin"), where),
                offset(mention.get("tokenEnd"), where),
            )
            if not start < end <= len(inside):
                raise where.error(f"the mention {short(mention)} of {len(inside)} tokens")
            if all(token.get("ner", "") == "O" for token in inside[start:end]):
                pronouns += 1
                continue
            a, b = first + start, first + end - 1
            label = str(mention.get("ner", ""))
            record.spans.append(SpanRecord(places[a], places[b] + len(tokens[b]), label))
        first += len(inside)
    if pronouns:
        done = f"{pronouns} mentions whose tokens have the ner O (pronouns that were resolved) left out"
        record.notes.append(("unsupported", "noted", done))


# Stanza: a list of sentences, each a list of tokens


def _is_stanza(value: Any) -> bool:
    return _objects_only(value) and all("id" in t and "text" in t for t in value) and "ner" in value[0]


def _sniff_stanza(sample: Sample) -> Match | None:
    seen = peek(sample)
    for value in seen.items[:3] if seen else ():
        if _is_stanza(value) or (isinstance(value, list) and value and _is_stanza(value[0])):
            return Match(0.96, "sentences of tokens that have id, text and ner (Stanza)")
    return None


def _read_stanza(source: Source, options: ReadOptions) -> Iterator[Record]:
    held: list[Tokens] = []
    begin = 0
    for line, value in values(source):
        where = Where(source.name, line, "sentence")
        if _objects_only(value):
            sentence = _surface_tokens(value)
            if held and _start(sentence[0]) is not None and (_start(sentence[0]) or 0) < begin:
                yield _stanza_record(source.name, line, held)  # the offsets begin anew with each document
                held = []
            held.append(sentence)
            begin = _start(sentence[-1]) or 0
        elif isinstance(value, list) and all(map(_objects_only, value)):
            if value:
                yield _stanza_record(source.name, line, [_surface_tokens(s) for s in value])
        else:
            raise where.error(short(value), 'a list of tokens, [{"id": 1, "text": "Ann", "ner": "S-PER"}]')
    if held:
        yield _stanza_record(source.name, 1, held)


def _surface_tokens(sentence: Tokens) -> Tokens:
    """The tokens of the text: the words that a multi-word token (`"id": [3, 4]`) is made of are not in it."""
    kept: Tokens = []
    until = 0
    for token in sentence:
        numbers = token.get("id")
        if isinstance(numbers, list) and len(numbers) == 2:
            until = int(numbers[1])
        elif int(numbers[0] if isinstance(numbers, list) else numbers or 0) <= until:
            continue
        kept.append(token)
    return kept


def _stanza_record(file: str, line: int, sentences: list[Tokens]) -> Record:
    tokens = [token for sentence in sentences for token in sentence]
    record = record_of(file, line, tokens, sentences, "text", Where(file, line, "token"))
    record.tags = [None if token.get("ner") is None else str(token["ner"]) for token in tokens]
    return record


# Both


def record_of(
    file: str, line: int, tokens: Tokens, sentences: list[Tokens], surface: str, where: Where
) -> Record:
    """Words, the spaces between them as the offsets have them, and sentences."""
    words = [token.get(surface) or token.get("word") for token in tokens]
    if not all(isinstance(word, str) for word in words):
        raise where.error("a token without its text", "a text in each token")
    starts: list[int] = []
    at = 0
    for sentence in sentences:
        if sentence:
            starts.append(at)
            at += len(sentence)
    spaces = [_gap(one, next_) for one, next_ in pairwise(tokens)] + [False]
    return Record(file, line, tokens=[str(word) for word in words], spaces=spaces, sent_starts=starts)


def _gap(token: Mapping[str, Any], following: Mapping[str, Any]) -> bool:
    end, start = _end(token), _start(following)
    return end is None or start is None or start > end


def _start(token: Mapping[str, Any]) -> int | None:
    return _number(token, ("characterOffsetBegin", "start_char"), _MISC_START)


def _end(token: Mapping[str, Any]) -> int | None:
    return _number(token, ("characterOffsetEnd", "end_char"), _MISC_END)


def _number(token: Mapping[str, Any], keys: tuple[str, ...], in_misc: re.Pattern[str]) -> int | None:
    for key in keys:
        if isinstance(token.get(key), int):
            return int(token[key])
    match = in_misc.search(str(token.get("misc") or ""))
    return int(match[1]) if match else None


_CORENLP_EXAMPLE = """{"sentences": [{"index": 0, "tokens": [
  {"index": 1, "word": "Marie", "characterOffsetBegin": 0, "characterOffsetEnd": 5, "ner": "PER"},
  {"index": 2, "word": "Curie", "characterOffsetBegin": 6, "characterOffsetEnd": 11, "ner": "PER"},
  {"index": 3, "word": "was", "characterOffsetBegin": 12, "characterOffsetEnd": 15, "ner": "O"},
  {"index": 4, "word": "born", "characterOffsetBegin": 16, "characterOffsetEnd": 20, "ner": "O"},
  {"index": 5, "word": "in", "characterOffsetBegin": 21, "characterOffsetEnd": 23, "ner": "O"},
  {"index": 6, "word": "Warsaw", "characterOffsetBegin": 24, "characterOffsetEnd": 30, "ner": "LOC"},
  {"index": 7, "word": ".", "characterOffsetBegin": 30, "characterOffsetEnd": 31, "ner": "O"}
]}]}
"""
CORENLP = Format(
    "corenlp",
    "CoreNLP's JSON: sentences, tokens and entitymentions",
    (".json",),
    _sniff_corenlp,
    _read_corenlp,
    example=_CORENLP_EXAMPLE,
)
_STANZA_EXAMPLE = """[[
  {"id": 1, "text": "Marie", "start_char": 0, "end_char": 5, "ner": "B-PER"},
  {"id": 2, "text": "Curie", "start_char": 6, "end_char": 11, "ner": "I-PER"},
  {"id": 3, "text": "was", "start_char": 12, "end_char": 15, "ner": "O"},
  {"id": 4, "text": "born", "start_char": 16, "end_char": 20, "ner": "O"},
  {"id": 5, "text": "in", "start_char": 21, "end_char": 23, "ner": "O"},
  {"id": 6, "text": "Warsaw", "start_char": 24, "end_char": 30, "ner": "B-LOC"},
  {"id": 7, "text": ".", "start_char": 30, "end_char": 31, "ner": "O"}
]]
"""
STANZA = Format(
    "stanza",
    "Stanza's Document.to_dict as JSON: sentences of tokens with ner",
    (".json",),
    _sniff_stanza,
    _read_stanza,
    example=_STANZA_EXAMPLE,
)

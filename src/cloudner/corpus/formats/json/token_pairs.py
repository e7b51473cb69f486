"""JSON sentences as lists of pairs of a token and its tag: `[["Ann", "B-PER"], ["left", "O"]]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.align.tag_shapes import POSITION_TAG, is_tag
from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import meta_of
from cloudner.corpus.formats.json.stream import Peek, peek, values
from cloudner.corpus.formats.literals import NO_LITERAL, literal
from cloudner.corpus.formats.spans import Where, short

_TUPLES = re.compile(r"\s*\[\s*\[?\s*\(\s*['\"]")
_KEYS = ("tokens", "words", "sentence", "data", "labels", "tags", "entities")


def _pairs(value: Any) -> list[list[str]] | None:
    """A sentence of pairs, itself or under a key of an object."""
    if isinstance(value, dict):
        value = next((value[key] for key in _KEYS if _pairs(value.get(key)) is not None), None)
    if not isinstance(value, (list, tuple)) or not value:
        return None
    good = all(isinstance(p, (list, tuple)) and len(p) == 2 and isinstance(p[0], str) for p in value)
    return list(value) if good and all(isinstance(p[1], str) and is_tag(p[1]) for p in value) else None


def _sentences(value: Any) -> list[Any]:
    """A sentence, or the sentences of a document."""
    if _pairs(value) is None and isinstance(value, list) and value and all(not p or _pairs(p) for p in value):
        return value
    return [value]


def _python(text: str) -> list[Any] | None:
    """The sentences of a list as Python prints it, with tuples; None for anything else."""
    if not _TUPLES.match(text):
        return None
    try:
        results = literal(text.strip())
    except NO_LITERAL:
        return None
    return results if isinstance(results, list) else None


def _printed(sample: Sample) -> list[Any]:
    """The first sentences of a file that Python printed: all of it, or a line each."""
    lines = [line for line in sample.lines[:3] if line.strip()]
    return _python(sample.text) or [results for line in lines if (results := _python(line))]


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    items = list(seen.items) if seen else _printed(sample)
    for item in [items] if _pairs(items) else items[:3]:
        results = [pairs for sentence in _sentences(item) if (pairs := _pairs(sentence))]
        tags = [tag for pairs in results for _, tag in pairs]
        if any(map(POSITION_TAG.fullmatch, tags)) or ("O" in tags and len(set(tags)) > 1):
            return Match(0.94, "sentences as lists of a token and its tag")
    return None


def _of_python(source: Source) -> Iterator[tuple[int, Any]]:
    whole = _python(source.text())
    if whole is not None:
        yield from ((1, sentence) for sentence in ([whole] if _pairs(whole) else whole))
        return
    for number, line in source.lines():
        if line.strip():
            results = _python(line)
            if results is None:
                raise Where(source.name, number, "sentence").error(
                    short(line), "[('Ann', 'B-PER'), ('left', 'O')]"
                )
            yield number, results


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    sample = source.sample()
    printed = peek(sample) is None and bool(_printed(sample))
    stream = _of_python(source) if printed else values(source)
    if not printed and _pairs(
        list((peek(sample) or Peek("", [])).items)
    ):  # the only sentence is the list itself
        stream = iter([(1, [value for _, value in stream])])
    for line, value in stream:
        record = Record(source.name, line, tokens=[], tags=[], sent_starts=[])
        for sentence in _sentences(value):
            if sentence in ([], None):
                continue
            pairs = _pairs(sentence)
            if pairs is None:
                raise Where(source.name, line, "sentence").error(
                    short(sentence), '[["Ann", "B-PER"], ["left", "O"]]'
                )
            record.sent_starts.append(len(record.tokens))  # type: ignore[union-attr, arg-type]
            record.tokens += [token for token, _ in pairs]  # type: ignore[operator]
            record.tags += [tag for _, tag in pairs]  # type: ignore[operator]
        if isinstance(value, dict):
            record.meta = meta_of(value, options)
        yield record


_EXAMPLE = '[[["Marie", "B-PER"], ["Curie", "I-PER"], ["was", "O"], ["born", "O"], ["in", "O"], ["Warsaw", "B-LOC"], [".", "O"]]]\n'
TOKEN_PAIRS = Format(
    "token-pairs",
    "JSON sentences as lists of a token and its tag",
    (".json", ".jsonl"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

"""Sentences of words that are objects with their text and tag; of EstNER, with a tag on every level of nesting.

`"ner": ["B-ORG", "B-GPE", "O"]` in a word, `"ner_1": "B-ORG", "ner_2": "B-GPE"`, or a single `"ner": "B-ORG"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import group_of, meta_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, short
from cloudner.corpus.formats.words import join, tagged_spans

_LEVEL = re.compile(r"ner_\d+")
_SHAPE = '{"sentences": [{"words": [{"text": "Ann", "ner": ["B-PER", "O"]}]}]}'


def _words(item: Mapping[str, Any]) -> list[list[Any]] | None:
    """The words of each sentence of a document, or of one that is a sentence itself; None for another object."""
    sentences = item.get("sentences", [item])
    if not isinstance(sentences, list) or not sentences:
        return None
    words = [
        each.get("words", each.get("tokens")) if isinstance(each, Mapping) else None for each in sentences
    ]
    return words if all(isinstance(each, list) for each in words) else None  # type: ignore[return-value]


def _tags(word: Any) -> list[str] | None:
    """The tags of a word from the outermost level to the innermost; None where it has none, or is no word."""
    if not isinstance(word, Mapping) or not isinstance(word.get("text"), str):
        return None
    given = word.get("ner")
    if given is None:
        given = [word[key] for key in sorted(filter(_LEVEL.fullmatch, word))] or None
    tags = [given] if isinstance(given, str) else given
    return tags if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) else None


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        first = next((word for sentence in _words(item) or () for word in sentence), None)
        if _tags(first) and not isinstance(item.get("text"), str):
            return Match(0.96, "sentences of words that have text and ner (EstNER)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a document. Its levels are spans: the inner ones lie within the outer ones."""
    for line, item in objects(source):
        where = Where(source.name, line, "document")
        sentences = _words(item)
        if sentences is None:
            raise where.error("no sentences of words", _SHAPE)
        tokens: list[str] = []
        rows: list[list[str]] = []
        starts: list[int] = []
        for sentence in filter(None, sentences):
            starts.append(len(tokens))
            for word in sentence:
                tags = _tags(word)
                if tags is None:
                    raise where.error(f"the word {short(word)}", _SHAPE)
                tokens.append(word["text"])
                rows.append(tags)
        if not tokens:
            continue
        spaces = [*map(bool, tokens[:-1]), False]
        text, places = join(tokens, spaces)
        record = Record(source.name, line, text, tokens=tokens, spaces=spaces, sent_starts=starts)
        record.meta = meta_of(item, options) | group_of(item, options)
        if isinstance(item.get("fname"), str):
            record.meta.setdefault("id", item["fname"])
        for level in range(max(map(len, rows))):
            tags = [row[level] if level < len(row) else "O" for row in rows]
            for span in tagged_spans(tokens, places, tags, starts):
                record.spans.append(span._replace(label=options.labels.get(span.label, span.label)))
        record.spans.sort(key=lambda span: (span.start, -span.end))
        yield record


_EXAMPLE = """{"documents": [{"sentences": [{"words": [
  {"text": "Marie", "ner": ["B-PER", "O"]}, {"text": "Curie", "ner": ["I-PER", "O"]},
  {"text": "was", "ner": ["O", "O"]}, {"text": "born", "ner": ["O", "O"]}, {"text": "in", "ner": ["O", "O"]},
  {"text": "Warsaw", "ner": ["B-LOC", "O"]}, {"text": ".", "ner": ["O", "O"]}
]}]}]}
"""
ESTNER = Format(
    "estner",
    "EstNER: sentences of words with a tag on every level of nesting",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

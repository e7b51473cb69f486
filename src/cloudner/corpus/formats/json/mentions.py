"""JSON objects with a text and its entities as words without offsets, as language models write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.answers import answer_of
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import SPANS, TEXT
from cloudner.corpus.formats.spans import Where
from cloudner.corpus.formats.surfaces import locate, mentions_of
from cloudner.errors import InputError

_KEYS = (
    *SPANS,
    "output",
    "response",
    "answer",
    "target",
    "completion",
    "entityMentions",
)


def _judges(key: str, value: Any) -> bool:
    """Is this what somebody says of the whole text, `"label": {"sentiment": "nice"}`, though a word of it?"""
    return (
        key in ("label", "labels", "tags", "annotation")
        and isinstance(value, Mapping)
        and any(isinstance(each, str) for each in value.values())
    )


def _span_key(item: Mapping[str, Any], text: str) -> str | None:
    for key in _KEYS:
        if item.get(key) and not _judges(key, item[key]):
            try:
                if mentions_of(answer_of(item[key]), ReadOptions(), Where("", 0, "", text)):
                    return key
            except InputError:
                continue
    return None


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        text = next((k for k in TEXT if isinstance(item.get(k), str)), None)
        key = None if text is None else _span_key(item, item[text])
        if text is None or key is None or text == key:
            continue
        where = Where("", 0, "", item[text])
        words = [surface for surface, _ in mentions_of(answer_of(item[key]), ReadOptions(), where)]
        if 2 * sum(word in item[text] for word in words) >= len(words):
            return Match(0.75, f"{text!r}, and {key!r} with words of it and no offsets")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where)
        key = options.entities_column or next(
            (k for k in _KEYS if isinstance(answer_of(item.get(k)), (list, dict))), None
        )
        record = Record(source.name, line, text, meta=meta_of(item, options))
        where.text = text
        if key is not None and item.get(key):
            locate(record, text, mentions_of(answer_of(item[key]), options, where))
        yield record


_EXAMPLE = '{"text": "Marie Curie was born in Warsaw.", "entities": [{"text": "Marie Curie", "label": "PER"}, {"text": "Warsaw", "label": "LOC"}]}\n'
MENTIONS = Format(
    "mentions", "JSON: a text and its entities as words without offsets (output of language models)", (".json", ".jsonl"),
    _sniff, _read,
    example=_EXAMPLE,
)  # fmt: skip

"""JSON objects with a text and its entities as words without offsets, as language models write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.formats._objects import SPAN_KEYS, TEXT_KEYS, meta_of, objects, some_objects, text_of
from cloudner.corpus.formats._span_keys import label_key, offsets_of, surface_of
from cloudner.corpus.formats._spans import Where, label_of, short
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record, SpanRecord
from cloudner.errors import InputError

_SHAPES = '[{"text": "Paris", "label": "LOC"}], [["Paris", "LOC"]] or {"LOC": ["Paris"]}'
_NO = Where("", 0, "")


def _mentions(value: Any, options: ReadOptions, where: Where) -> list[tuple[str, str]]:
    """Pairs of surface and label. Raises InputError for what has another shape, offsets too."""
    if isinstance(value, Mapping):
        if not all(
            isinstance(words, list) and all(isinstance(w, str) for w in words) for words in value.values()
        ):
            raise where.error(f"cannot read the entities {short(dict(value))}", _SHAPES)
        return [
            (word, name)
            for label, words in value.items()
            for word in words
            for name in label_of(label, options, where)
        ]
    found: list[tuple[str, str]] = []
    for item in value if isinstance(value, list) else (None,):
        if isinstance(item, Mapping) and offsets_of(item) is None:
            key, surface = label_key(item), surface_of(item)
            if key is not None and surface is not None:
                found += [(surface, label) for label in label_of(item[key], options, where)]
                continue
        elif isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item):
            found.append((item[0], label_of(item[1], options, where)[0]))
            continue
        raise where.error(f"cannot read the entity {short(item)}", _SHAPES)
    return found


def _span_key(item: Mapping[str, Any]) -> str | None:
    for key in SPAN_KEYS:
        if item.get(key):
            try:
                if _mentions(item[key], ReadOptions(), _NO):
                    return key
            except InputError:
                continue
    return None


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        text = next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
        key = _span_key(item)
        if text is None or key is None or text == key:
            continue
        words = [surface for surface, _ in _mentions(item[key], ReadOptions(), _NO)]
        if 2 * sum(word in item[text] for word in words) >= len(words):
            return Match(0.75, f"{text!r}, and {key!r} with words of it and no offsets")
    return None


def _places(text: str, surface: str) -> list[int]:
    """Where a surface stands in a text as whole words; within words where it does only that."""
    if not surface:
        return []
    left = r"\b" if re.match(r"\w", surface) else ""
    right = r"\b" if re.search(r"\w$", surface) else ""
    plain = re.escape(surface)
    whole = [match.start() for match in re.finditer(left + plain + right, text)]
    return whole or [match.start() for match in re.finditer(plain, text)]


def _locate(record: Record, text: str, mentions: list[tuple[str, str]]) -> None:
    """Puts the mentions at their places: all of a surface that is given once, in order those given several times."""
    for (surface, label), times in Counter(mentions).items():
        places = _places(text, surface)
        if not places:
            done = f"{surface!r} ({label}) is not in the text"
            record.notes.append(("surface-mismatch", "dropped", done))
            continue
        inside = [
            at for at in places
            if any(len(s) > len(surface) and surface in s
                   and any(b <= at and at + len(surface) <= b + len(s) for b in _places(text, s)) for s, _ in mentions)
        ]  # fmt: skip
        free = [at for at in places if at not in inside] or places
        if times > 1 and times < len(free):
            free = free[:times]
        if len(free) != times or len(free) != len(places):
            done = f"{surface!r} ({label}) has no offsets and {len(places)} places: marked {len(free)}"
            record.notes.append(("surface-mismatch", "noted", done))
        record.spans += [SpanRecord(at, at + len(surface), label, surface) for at in free]
    record.spans.sort(key=lambda span: (span.start, -span.end))


def _read(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where)
        key = options.entities_column or next(
            (k for k in SPAN_KEYS if isinstance(item.get(k), (list, dict))), None
        )
        record = Record(source.name, line, text, meta=meta_of(item, options))
        if key is not None and item.get(key):
            _locate(record, text, _mentions(item[key], options, where))
        yield record


MENTIONS = Format(
    "mentions", "JSON: a text and its entities as words without offsets (output of language models)", (".json", ".jsonl"),
    _sniff, _read,
)  # fmt: skip

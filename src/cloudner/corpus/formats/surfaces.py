"""Entities given as words without offsets: pairs of surface and label, and where in a text they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.formats.keys import by_columns, label_key, offsets_of, surface_of
from cloudner.corpus.formats.spans import Where, label_of, short

_BETWEEN = "<>"  # between words, label and what the label means, as NuNER's data have it
# What stands in a masked text for its first name of a person: `[FIRSTNAME_1]`
_PLACEHOLDER = re.compile(r"\[(?P<label>\w*[^\W\d_])_\d+\]")
SHAPES = '[{"text": "Paris", "label": "LOC"}], [["Paris", "LOC"]] or {"LOC": ["Paris"]}'


def mentions_of(value: Any, options: ReadOptions, where: Where) -> list[tuple[str, str]]:
    """Pairs of surface and label. Of two words that could be either, the surface is the one in `where.text`.

    Raises InputError for what has another shape, offsets too.
    """
    rows = by_columns(value) if isinstance(value, Mapping) else None
    if rows is not None:
        return mentions_of(rows, options, where)
    if isinstance(value, Mapping):
        found = _of_placeholders(value, options, where) or _by_key(value, options, where)
        if found is None:
            raise where.error(f"cannot read the entities {short(dict(value))}", SHAPES)
        return found
    found = []
    for item in value if isinstance(value, (list, tuple)) else (None,):
        if isinstance(item, Mapping) and offsets_of(item) is None:
            key, surface = label_key(item), surface_of(item)
            if key is not None and surface is not None:
                found += [(surface, label) for label in label_of(item[key], options, where)]
                continue
            pairs = _by_key(item, options, where) if len(item) == 1 else None
            if pairs is not None:
                found += pairs
                continue
        elif isinstance(item, (list, tuple)) and len(item) == 2 and all(isinstance(x, str) for x in item):
            found.append(in_order(item[0], item[1], options, where))
            continue
        elif isinstance(item, str) and len(parts := item.split(_BETWEEN)) > 1:
            found.append((parts[0].strip(), label_of(parts[1], options, where)[0]))
            continue
        raise where.error(f"cannot read the entity {short(item)}", SHAPES)
    return found


def _of_placeholders(
    value: Mapping[str, Any], options: ReadOptions, where: Where
) -> list[tuple[str, str]] | None:
    """`{"[CITY_1]": "Oslo", "[CITY_2]": "Rome"}`, what each placeholder of a masked text stands for; None for other keys."""
    labels = [_PLACEHOLDER.fullmatch(key) for key in value if isinstance(key, str)]
    if None in labels or not all(isinstance(words, str) for words in value.values()):
        return None
    return [
        (words, label_of(match["label"], options, where)[0])
        for match, words in zip(labels, value.values(), strict=True)
        if match is not None
    ]


def _by_key(value: Mapping[str, Any], options: ReadOptions, where: Where) -> list[tuple[str, str]] | None:
    """`{"LOC": ["Paris"]}`, `{"LOC": "Paris"}` or `{"Paris": "LOC"}`; None for what is none of them."""
    found = []
    for key, words in value.items():
        if isinstance(words, str):
            if words:
                found.append(in_order(words, key, options, where))
        elif isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
            found += [(word, name) for word in words for name in label_of(key, options, where)]
        elif words is not None:
            return None
    return found


def in_order(surface: str, label: str, options: ReadOptions, where: Where) -> tuple[str, str]:
    """Surface and label, changed for one another where only the label stands in the text."""
    if where.text and surface not in where.text and label in where.text:
        surface, label = label, surface
    return surface, label_of(label, options, where)[0]


def _places(text: str, surface: str) -> list[int]:
    """Where a surface stands in a text as whole words; within words where it does only that."""
    if not surface:
        return []
    left, right = re.match(r"\w", surface) is not None, re.search(r"\w$", surface) is not None
    whole, plain, size = list[int](), list[int](), len(surface)
    at = text.find(
        surface
    )  # many times as fast as an expression, and a long text may have thousands of mentions
    while at >= 0:
        end = at + size
        inner = (left and at > 0 and _is_word(text[at - 1])) or (
            right and end < len(text) and _is_word(text[end])
        )
        if not inner:
            whole.append(at)
        if not plain or at >= plain[-1] + size:
            plain.append(at)
        at = text.find(surface, at + 1 if inner else end)
    return whole or plain


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _outside(places: list[int], size: int, around: list[tuple[int, int]]) -> list[int]:
    """The places, in order, at which `size` characters do not lie within one of the stretches, sorted too."""
    free = []
    at = furthest = 0
    for place in places:
        while at < len(around) and around[at][0] <= place:
            furthest = max(furthest, around[at][1])
            at += 1
        if place + size > furthest:
            free.append(place)
    return free


def locate(record: Record, text: str, mentions: list[tuple[str, str]]) -> None:
    """Puts the mentions at their places: all of a surface that is given once, in order those given several times."""
    distinct = {surface for surface, _ in mentions}
    known = {surface: _places(text, surface) for surface in distinct}
    for (surface, label), times in Counter(mentions).items():
        places = known[surface]
        if not places:
            done = f"{surface!r} ({label}) is not in the text"
            record.notes.append(("surface-mismatch", "dropped", done))
            continue
        longer = [s for s in distinct if surface in s and s != surface]
        around = sorted((at, at + len(s)) for s in longer for at in known[s])
        free = _outside(places, len(surface), around) or places
        if times > 1 and times < len(free):
            free = free[:times]
        if len(free) != times or len(free) != len(places):
            done = f"{surface!r} ({label}) has no offsets and {len(places)} place{'s' if len(places) != 1 else ''}: marked {len(free)}"
            record.notes.append(("surface-mismatch", "noted", done))
        record.spans += [SpanRecord(at, at + len(surface), label, surface) for at in free]
    record.spans.sort(key=lambda span: (span.start, -span.end))

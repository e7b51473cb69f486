"""JSON objects with a text and its entities as words without offsets, as language models write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.answers import entities_in
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import META, SPANS, text_names
from cloudner.corpus.formats.notes import left_out
from cloudner.corpus.formats.spans import Where, short
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

# What an answer says where there is no entity.
_NOTHING = ("", "none", "null", "nan", "n/a", "-", "no entities", "no entities found")


def _judges(key: str, value: Any) -> bool:
    """Is this what somebody says of the whole text, `"label": {"sentiment": "nice"}`, though a word of it?"""
    return (
        key in ("label", "labels", "tags", "annotation")
        and isinstance(value, Mapping)
        and any(isinstance(each, str) for each in value.values())
    )


def _words(item: Mapping[str, Any], key: str, text: str) -> list[str]:
    """The words of the entities under a key; none where it holds something else."""
    if not item.get(key) or _judges(key, item[key]):
        return []
    try:
        found = mentions_of(entities_in(item[key]), ReadOptions(), Where("", 0, "", text))
    except InputError:
        return []
    return [surface for surface, _ in found]


def _span_key(item: Mapping[str, Any], text: str) -> str | None:
    return next((key for key in _KEYS if _words(item, key, text)), None)


def _further(item: Mapping[str, Any], read: str, text: str) -> list[str]:
    """Keys of lists with entities of the text, beside the one that is read."""
    lists = [
        key for key, value in item.items() if key != read and key not in META and isinstance(value, list)
    ]
    found = {key: _words(item, key, text) for key in lists}
    return [key for key, words in found.items() if words and all(word in text for word in words)]


def _usual_key(sample: Sample) -> str | None:
    """The key that holds entities in the first object that has some."""
    items = some_objects(sample)
    return next((key for item in items if (key := _span_key(item, "")) is not None), None)


def _check_empty(item: Mapping[str, Any], usual: str | None, where: Where) -> None:
    """Raises InputError for a row without entities that does not say there are none: an answer that breaks off, no key."""
    if not any(key in item for key in _KEYS):
        raise where.error(
            f"no entities among the keys {', '.join(map(repr, list(item)[:12]))}",
            f"the key {usual!r}" if usual else "one of " + ", ".join(SPANS[:5]),
            "--entities-column KEY",
        )
    answer = item.get(usual) if usual else None
    if isinstance(answer, str) and answer.strip().rstrip(".").lower() not in _NOTHING:
        raise where.error(
            f"{usual!r} is {short(answer.strip())}",
            'a whole list, [{"text": "Ann", "label": "PER"}], or [] for none',
            "mend it, or `cloudner convert --skip-bad 1`, which leaves it out",
        )


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        text = next((k for k in text_names(item) if isinstance(item.get(k), str)), None)
        key = None if text is None else _span_key(item, item[text])
        if text is None or key is None or text == key:
            continue
        words = _words(item, key, item[text])
        if 2 * sum(word in item[text] for word in words) >= len(words):
            return Match(0.75, f"{text!r}, and {key!r} with words of it and no offsets")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    told: set[str] = set()
    usual = _usual_key(source.sample())
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where)
        key = options.entities_column or next(
            (k for k in _KEYS if isinstance(entities_in(item.get(k)), (list, dict))), None
        )
        record = Record(source.name, line, text, meta=meta_of(item, options))
        where.text = text
        if key is None:
            _check_empty(item, usual, where)
        if key is not None and item.get(key):
            locate(record, text, mentions_of(entities_in(item[key]), options, where))
            if options.entities_column is None:
                others = [other for other in _further(item, key, text) if other not in told]
                record.notes += [left_out(other, key, "entities") for other in others]
                told.update(others)
        yield record


_EXAMPLE = '{"text": "Marie Curie was born in Warsaw.", "entities": [{"text": "Marie Curie", "label": "PER"}, {"text": "Warsaw", "label": "LOC"}]}\n'
MENTIONS = Format(
    "mentions", "JSON: a text and its entities as words without offsets (output of language models)", (".json", ".jsonl"),
    _sniff, _read,
    example=_EXAMPLE,
)  # fmt: skip

"""TACRED and its like: words, and the subject and the object of one relation by their first and last word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset
from cloudner.corpus.formats.words import is_unspaced, join, spaces_between

_SIDES = ("subj", "obj")
_KEYS = frozenset(f"{side}_{part}" for side in _SIDES for part in ("start", "end", "type"))
_TAGS = "stanford_ner"
_WORDS = ("token", "tokens")


def _words(item: Mapping[str, Any]) -> list[str] | None:
    words = next((item[key] for key in _WORDS if key in item), None)
    return words if isinstance(words, list) and all(isinstance(w, str) for w in words) else None


def _sniff(sample: Sample) -> Match | None:
    if any(set(item) >= _KEYS and _words(item) for item in some_objects(sample)):
        return Match(0.97, "words with subj_start, obj_start and their types (TACRED)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a row, with the two entities of its relation."""
    told = False
    for line, item in objects(source):
        where = Where(source.name, line, "row" if item.get("id") is None else f"row {item['id']}")
        words = _words(item)
        if words is None or not set(item) >= _KEYS:
            raise where.error("no words, or no subject and object", "token, subj_start, subj_end, subj_type, obj_start, ...")  # fmt: skip
        spaces = spaces_between(words) if is_unspaced("".join(words)) else [True] * len(words)
        text, starts = join(words, spaces)
        record = Record(source.name, line, text, tokens=words, spaces=spaces, meta=meta_of(item, options))
        for side in _SIDES:
            first, last = offset(item[f"{side}_start"], where), offset(item[f"{side}_end"], where)
            if not first <= last < len(words):
                raise where.error(f"the words {first} to {last}", f"first and last of {len(words)} words")
            label = label_of(item[f"{side}_type"], options, where)[0]
            record.spans.append(SpanRecord(starts[first], starts[last] + len(words[last]), label))
        record.spans.sort(key=lambda span: (span.start, -span.end))
        if not told and _names_more(item, record, starts):
            told = True
            done = "a row marks the subject and the object of one relation; other names in it are not marked"
            record.notes.append(
                ("unsupported", "noted", f"{done}; --tag-column {_TAGS} reads a program's tags")
            )
        yield record


def _names_more(item: Mapping[str, Any], record: Record, starts: list[int]) -> bool:
    """Did a program tag words that are in neither of the two entities?"""
    tags = item.get(_TAGS)
    return isinstance(tags, list) and any(
        tag not in ("O", "", None) and not any(span.start <= start < span.end for span in record.spans)
        for tag, start in zip(tags, starts, strict=False)
    )


_EXAMPLE = """[{"id": "curie", "relation": "per:city_of_birth", "token": ["Marie", "Curie", "was", "born", "in", "Warsaw", "."],
  "subj_start": 0, "subj_end": 1, "subj_type": "PER", "obj_start": 5, "obj_end": 5, "obj_type": "LOC"}]
"""
TACRED = Format(
    "tacred",
    "TACRED: words, and the subject and object of a relation as its two entities",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

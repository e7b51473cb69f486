"""BioC as JSON, as PubTator 3 and the PMC service answer: collections, documents a line, or documents in a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.objects import group_of
from cloudner.corpus.formats.json.stream import peek, values
from cloudner.corpus.formats.passages import Annotation, document
from cloudner.corpus.formats.spans import Where, label_of, offset, short
from cloudner.errors import InputError

_COLLECTIONS = ("documents", "PubTator3")
_SHAPE = '{"documents": [{"id": "1", "passages": [{"offset": 0, "text": ..., "annotations": [...]}]}]}'


def _documents(value: Any) -> list[Any] | None:
    """What stands in the place of documents in a collection, or the one document that a value is; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    if _is_document(value):
        return [value]
    return next((value[key] for key in _COLLECTIONS if isinstance(value.get(key), list)), None)


def _is_document(value: Any) -> bool:
    passages = value.get("passages") if isinstance(value, Mapping) else None
    return isinstance(passages, list) and all(isinstance(p, Mapping) for p in passages)


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    for item in seen.items[:3] if seen else ():
        # of several documents a later one may be cut
        first: Any = next(iter(_documents(item) or ()), None)
        if _is_document(first) and first["passages"] and "offset" in first["passages"][0]:
            return Match(0.98, "documents of passages with an offset (BioC JSON)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    any_document = False
    for line, value in values(source):
        found = _documents(value)
        for item in [value] if found is None else found:
            where = Where(source.name, line, "document")
            if not _is_document(item):
                raise where.error(f"no passages in {short(item)}", _SHAPE)
            any_document = True
            yield _record(item, where, options)
    if not any_document:
        raise InputError("no document in it", file=source.name, line=1, expected=_SHAPE)


def _record(item: Mapping[str, Any], where: Where, options: ReadOptions) -> Record:
    identity = "" if item.get("id") is None else str(item["id"])
    where.what = f"document {identity}" if identity else "document"
    pieces: list[tuple[int, str]] = []
    found: list[Annotation] = []
    relations = _size(item.get("relations"))
    for passage in item["passages"]:
        # a sentence has the keys of a passage, and one of the two has the text and the annotations
        for part in (passage, *_mappings(passage.get("sentences"))):
            if isinstance(part.get("text"), str):
                pieces.append((offset(part.get("offset"), where), part["text"]))
            found += [
                a for given in _mappings(part.get("annotations")) for a in _annotations(given, options, where)
            ]
            relations += _size(part.get("relations"))
    record = document(where.file, where.line, identity, pieces, found, relations)
    record.meta |= group_of(item, options)
    return record


def _annotations(given: Mapping[str, Any], options: ReadOptions, where: Where) -> list[Annotation]:
    infons, text = given.get("infons"), given.get("text")
    places = []
    for location in _mappings(given.get("locations")):
        start = offset(location.get("offset"), where)
        places.append((start, start + offset(location.get("length"), where)))
    labels = label_of(infons.get("type") if isinstance(infons, Mapping) else None, options, where)
    return [Annotation(label, text if isinstance(text, str) else "", places) for label in labels]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


_EXAMPLE = """{"documents": [{"id": "curie", "passages": [{"offset": 0, "text": "Marie Curie was born in Warsaw.", "annotations": [
  {"id": "1", "infons": {"type": "PER"}, "text": "Marie Curie", "locations": [{"offset": 0, "length": 11}]},
  {"id": "2", "infons": {"type": "LOC"}, "text": "Warsaw", "locations": [{"offset": 24, "length": 6}]}
]}]}]}
"""
BIOC_JSON = Format(
    "bioc-json",
    "BioC JSON (PubTator 3): passages with annotations by offsets",
    (".json", ".jsonl", ".biocjson"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

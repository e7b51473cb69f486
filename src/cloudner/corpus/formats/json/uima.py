"""UIMA CAS as JSON, as INCEpTION exports it: `%TYPES`, `%FEATURE_STRUCTURES`, `%VIEWS`.

Format: https://github.com/apache/uima-uimaj-io-jsoncas
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.cas import TYPE, record_of
from cloudner.corpus.formats.json.objects import only_object
from cloudner.corpus.formats.json.stream import peek
from cloudner.errors import InputError

_STRUCTURES = "%FEATURE_STRUCTURES"


def _sniff(sample: Sample) -> Match | None:
    seen = peek(sample)
    first = seen.items[0] if seen and seen.items else None
    if isinstance(first, dict) and ("%TYPES" in first or _STRUCTURES in first):
        return Match(0.99, "%TYPES and %FEATURE_STRUCTURES (UIMA CAS, INCEpTION)")
    return None


def _structures(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    results = tree.get(_STRUCTURES)
    if isinstance(results, Mapping):  # by their ids
        results = [{"%ID": key, **value} for key, value in results.items() if isinstance(value, Mapping)]
    return [each for each in results or () if isinstance(each, dict)]


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a view with a text."""
    structures = _structures(only_object(source, "a CAS"))
    views = [each for each in structures if isinstance(each.get("sofaString"), str)]
    for view in views:
        mine = [
            {TYPE: each.get("%TYPE", ""), **{k: v for k, v in each.items() if k[:1] not in "%@"}}
            for each in structures
            if "begin" in each and each.get("@sofa", view.get("%ID")) == view.get("%ID")
        ]
        yield record_of(source.name, 1, view["sofaString"], mine, options)
    if not views:
        raise InputError(
            "no view with a text",
            file=source.name,
            line=1,
            expected="a Sofa with its sofaString",
            fix="export it again",
        )


_EXAMPLE = """{"%TYPES": {}, "%FEATURE_STRUCTURES": [
  {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": "Marie Curie was born in Warsaw."},
  {"%ID": 2, "%TYPE": "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity", "@sofa": 1, "begin": 0, "end": 11, "value": "PER"},
  {"%ID": 3, "%TYPE": "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity", "@sofa": 1, "begin": 24, "end": 30, "value": "LOC"}
], "%VIEWS": {}}
"""
UIMA_JSON = Format(
    "uima-json",
    "UIMA CAS as JSON (INCEpTION, DKPro)",
    (".json",),
    _sniff,
    _read,
    example=_EXAMPLE,
)

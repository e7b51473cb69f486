"""CLUENER: `{"label": {"name": {"surface": [[start, end]]}}}`, the end being the last character."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.spans import Where, offset, short, text_and_spans
from cloudner.corpus.formats.words import refuse_missing


def _sniff_cluener(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        label = item.get("label")
        if isinstance(item.get("text"), str) and isinstance(label, dict) and label:
            inner = next(iter(label.values()))
            if isinstance(inner, dict) and all(isinstance(v, list) for v in inner.values()):
                return Match(0.97, "label by name, surface and positions")
    return None


def _read_cluener(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "label")
        text = text_of(item, options.text_column, where)
        label = item.get("label")
        spans: list[SpanRecord] = []
        if label is not None and not isinstance(label, dict):
            raise where.error(f"{short(label)} is not an object", '{"name": {"surface": [[0, 2]]}}')
        for name, surfaces in (label or {}).items():
            if not isinstance(surfaces, dict):
                raise where.error(f"{short(surfaces)} is not an object", '{"surface": [[0, 2]]}')
            for surface, places in surfaces.items():
                for place in places:
                    if not isinstance(place, list) or len(place) != 2:
                        raise where.error(f"the position {short(place)}", "[start, end], end inclusive")
                    start, end = offset(place[0], where), offset(place[1], where) + 1
                    spans.append(SpanRecord(start, end, options.labels.get(str(name), str(name)), surface))
        spans.sort()
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=label is not None)


def _write_cluener(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        refuse_missing(record, "cluener")
        text, spans = text_and_spans(record)
        label: dict[str, dict[str, list[list[int]]]] = {}
        for s in spans:
            label.setdefault(s.label, {}).setdefault(text[s.start : s.end], []).append([s.start, s.end - 1])
        stream.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


CLUENER = Format(
    "cluener", "CLUENER: labels by name and surface text (inclusive ends)", (".json", ".jsonl"), _sniff_cluener,
    _read_cluener, _write_cluener,
)  # fmt: skip

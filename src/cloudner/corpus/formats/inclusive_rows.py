"""JSON objects whose spans end on their last character: DataTurks, CLUENER and CMeEE."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from cloudner.corpus.formats._objects import SPAN_KEYS, meta_of, objects, some_objects, text_of
from cloudner.corpus.formats._spans import Where, label_of, offset, short, text_and_spans
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record, SpanRecord

# DataTurks: ends are inclusive


def _sniff_dataturks(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if "content" in item and "annotation" in item:
            annotation = item["annotation"]
            if annotation is None or (
                isinstance(annotation, list) and (not annotation or "points" in annotation[0])
            ):
                return Match(0.95, "content, and annotation with points")
    return None


def _read_dataturks(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        text = text_of(item, options.text_column, where, ("content", "text"))
        spans: list[SpanRecord] = []
        for annotation in item.get("annotation") or ():
            for point in annotation.get("points") or ():
                start, end = offset(point.get("start"), where), offset(point.get("end"), where)
                surface = point.get("text") if isinstance(point.get("text"), str) else None
                # A few exports were made with exclusive ends: the surface text tells.
                exclusive = surface is not None and text[start:end] == surface != text[start : end + 1]
                for label in label_of(annotation.get("label"), options, where):
                    spans.append(SpanRecord(start, end if exclusive else end + 1, label, surface))
        annotated = item.get("annotation") is not None
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=annotated)


def _write_dataturks(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        text, spans = text_and_spans(record)
        annotation = [
            {
                "label": [s.label],
                "points": [{"start": s.start, "end": s.end - 1, "text": text[s.start : s.end]}],
            }
            for s in spans
        ]
        stream.write(json.dumps({"content": text, "annotation": annotation}, ensure_ascii=False) + "\n")


# CLUENER: {"label": {"name": {"surface": [[start, inclusive end]]}}}


def _sniff_cluener(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        label = item.get("label")
        if isinstance(item.get("text"), str) and isinstance(label, dict) and label:
            inner = next(iter(label.values()))
            if isinstance(inner, dict) and all(isinstance(v, list) for v in inner.values()):
                return Match(0.97, "label by name, surface and positions")
    return None


def _read_cluener(source: Any, options: ReadOptions) -> Iterator[Record]:
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
        text, spans = text_and_spans(record)
        label: dict[str, dict[str, list[list[int]]]] = {}
        for s in spans:
            label.setdefault(s.label, {}).setdefault(text[s.start : s.end], []).append([s.start, s.end - 1])
        stream.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


# CMeEE: {"entities": [{"start_idx": 0, "end_idx": 2, "type": "dis"}]}


def _with_idx(item: Mapping[str, Any]) -> str | None:
    """The key of entities with `start_idx`, such as `entities` or `entity_list`."""
    for key in SPAN_KEYS:
        value = item.get(key)
        if isinstance(value, list) and any(
            isinstance(e, dict) and "start_idx" in e and "end_idx" in e for e in value
        ):
            return key
    return None


def _sniff_cmeee(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("text"), str) and (key := _with_idx(item)):
            return Match(0.95, f"{key!r} with start_idx and end_idx (CMeEE)")
    return None


def _read_cmeee(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        text = text_of(item, options.text_column, where, ("text",))
        record = Record(source.name, line, text, meta=meta_of(item, options))
        key = _with_idx(item)
        for entity in item[key] if key else ():
            start, end = offset(entity.get("start_idx"), where), offset(entity.get("end_idx"), where)
            surface = entity.get("entity", entity.get("text"))
            surface = surface if isinstance(surface, str) else None
            exclusive = surface is not None and text[start:end] == surface != text[start : end + 1]
            for label in label_of(entity.get("type", entity.get("label")), options, where):
                record.spans.append(SpanRecord(start, end if exclusive else end + 1, label, surface))
        yield record


DATATURKS = Format(
    "dataturks", "DataTurks export (inclusive ends)", (".json", ".jsonl"), _sniff_dataturks, _read_dataturks,
    _write_dataturks,
)  # fmt: skip
CLUENER = Format(
    "cluener", "CLUENER: labels by name and surface text (inclusive ends)", (".json", ".jsonl"), _sniff_cluener,
    _read_cluener, _write_cluener,
)  # fmt: skip
CMEEE = Format("cmeee", "CMeEE: start_idx and the last character", (".json",), _sniff_cmeee, _read_cmeee)

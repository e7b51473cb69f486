"""DataTurks: content, and annotation with points whose end is the last character."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.spans import Where, label_of, offset, text_and_spans
from cloudner.corpus.formats.words import refuse_missing


def _sniff_dataturks(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if "content" in item and "annotation" in item:
            annotation = item["annotation"]
            if annotation is None or (
                isinstance(annotation, list) and (not annotation or "points" in annotation[0])
            ):
                return Match(0.95, "content, and annotation with points")
    return None


def _read_dataturks(source: Source, options: ReadOptions) -> Iterator[Record]:
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
        details = item.get("metadata")
        status = details.get("status") if isinstance(details, dict) else None
        annotated = item.get("annotation") is not None and status in (None, "done")
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=annotated)


def _write_dataturks(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        refuse_missing(record, "dataturks")
        text, spans = text_and_spans(record)
        annotation = [
            {
                "label": [s.label],
                "points": [{"start": s.start, "end": s.end - 1, "text": text[s.start : s.end]}],
            }
            for s in spans
        ]
        stream.write(json.dumps({"content": text, "annotation": annotation}, ensure_ascii=False) + "\n")


DATATURKS = Format(
    "dataturks", "DataTurks export (inclusive ends)", (".json", ".jsonl"), _sniff_dataturks, _read_dataturks,
    _write_dataturks,
)  # fmt: skip

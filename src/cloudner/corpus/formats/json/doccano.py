"""doccano exports of all versions; read as any JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.json.jsonl import read_rows, span_key
from cloudner.corpus.formats.json.objects import some_objects
from cloudner.corpus.formats.spans import text_and_spans
from cloudner.corpus.formats.words import Ids, refuse_missing


def _sniff_doccano(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        text = next((k for k in ("text", "data") if isinstance(item.get(k), str)), None)
        if text is None:
            continue
        key = span_key(item)
        if "relations" in item and key == "entities":
            return Match(0.9, "text, entities with start_offset, and relations")
        annotations = item.get("annotations")
        if isinstance(annotations, list) and any(
            "start_offset" in a for a in annotations[:1] if isinstance(a, dict)
        ):
            return Match(0.9, "annotations with start_offset and end_offset")
        if key in ("label", "labels") and isinstance(item[key], list) and isinstance(item[key][0], list):
            extra = {"annotation_approver", "Comments", "meta", "id"} & set(item)
            return Match(0.9 if extra else 0.85, f"{text!r} with {key!r} as [start, end, label]")
    return None


_NO_NAMES = ("all", "train", "dev", "valid", "validation", "test")


def _read_doccano(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A project whose members annotate each for themselves is exported as an archive with a file for each."""
    archive, mark, inner = source.name.rpartition("!")
    stem = inner.rsplit(".", 1)[0]
    who = stem if mark and archive and "/" not in inner and stem.lower() not in _NO_NAMES else None
    for record in read_rows(source, options):
        record.annotator = record.annotator or who
        yield record


def _write_doccano(records: Iterable[Record], stream: IO[str]) -> None:
    ids = Ids()
    for number, record in enumerate(records, start=1):
        refuse_missing(record, "doccano")
        text, spans = text_and_spans(record)
        row = {
            "id": ids.of(record, number),
            "text": text,
            "label": [[s.start, s.end, s.label] for s in spans],
        }
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


DOCCANO = Format(
    "doccano", "doccano exports of all versions (labels, label, annotations, entities and relations)",
    (".jsonl", ".json"), _sniff_doccano, _read_doccano, _write_doccano,
)  # fmt: skip

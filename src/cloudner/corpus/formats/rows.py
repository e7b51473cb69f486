"""JSON objects with a text and its spans: plain JSON lines, and doccano."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from cloudner.corpus.formats._hf_rows import left_out
from cloudner.corpus.formats._objects import SPAN_KEYS, TEXT_KEYS, meta_of, objects, some_objects, text_of
from cloudner.corpus.formats._spans import Where, is_spans, spans_of, text_and_spans
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record


def _read_rows(source: Any, options: ReadOptions) -> Iterator[Record]:
    told: set[str] = set()
    for line, item in objects(source):
        where = Where(source.name, line, "row")
        text = text_of(item, options.text_column, where)
        key = options.entities_column
        if key is None:
            key = next((k for k in SPAN_KEYS if isinstance(item.get(k), (list, dict))), None)
            if key is None and not any(k in item for k in SPAN_KEYS):
                raise where.error(
                    f"no entities among the keys {', '.join(map(repr, list(item)[:12]))}",
                    "one of " + ", ".join(SPAN_KEYS[:5]),
                    "--entities-column KEY",
                )
        elif key not in item:
            raise where.error(f"no key {key!r}", "that key in every row", "--entities-column KEY")
        value = item.get(key) if key else None
        record = Record(source.name, line, text, [], meta=meta_of(item, options))
        where.text = text
        if key:
            where.what = f"key {key!r}"
        record.spans = spans_of(value, options, where)
        for span in record.spans:
            if span.label.isdigit():
                record.notes.append(
                    (
                        "unknown-tag",
                        "noted",
                        f"the label is the number {span.label}; name it with --label {span.label}=NAME",
                    )
                )
                break
        others = [k for k in SPAN_KEYS if k != key and k not in told and is_spans(item.get(k))]
        if key is not None and options.entities_column is None:
            record.notes += [left_out(other, key, "entities") for other in others]
            told.update(others)
        relations = item.get("relations")
        if isinstance(relations, list) and relations:
            record.notes.append(("unsupported", "noted", f"{len(relations)} relations left out"))
        if item.get("complete") is False:
            record.complete = False
        yield record


def _span_key(item: Mapping[str, Any]) -> str | None:
    return next((key for key in SPAN_KEYS if is_spans(item.get(key))), None)


def _sniff_doccano(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        text = next((k for k in ("text", "data") if isinstance(item.get(k), str)), None)
        if text is None:
            continue
        key = _span_key(item)
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


def _sniff_rows(sample: Sample) -> Match | None:
    items = some_objects(sample)
    for item in items:
        text = next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
        key = _span_key(item)
        if text is not None and key is not None:
            return Match(0.8, f"objects with {text!r} and {key!r}")
    for item in items[:1]:
        text = next((k for k in TEXT_KEYS if isinstance(item.get(k), str)), None)
        key = next((k for k in SPAN_KEYS if item.get(k) == []), None)
        if text is not None and key is not None:
            return Match(0.6, f"objects with {text!r} and an empty {key!r}")
    return None


def _write_jsonl(records: Iterable[Record], stream: IO[str]) -> None:
    for record in records:
        text, spans = text_and_spans(record)
        row: dict[str, Any] = {
            "text": text,
            "entities": [{"start": s.start, "end": s.end, "label": s.label} for s in spans],
        }
        if not record.complete:
            row["complete"] = False
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_doccano(records: Iterable[Record], stream: IO[str]) -> None:
    for number, record in enumerate(records, start=1):
        text, spans = text_and_spans(record)
        row = {"id": number, "text": text, "label": [[s.start, s.end, s.label] for s in spans]}
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


JSONL = Format(
    "jsonl", "JSON lines or a JSON list: a text and its spans", (".jsonl", ".ndjson", ".json"), _sniff_rows, _read_rows,
    _write_jsonl,
)  # fmt: skip
DOCCANO = Format(
    "doccano", "doccano exports of all versions (labels, label, annotations, entities and relations)",
    (".jsonl", ".json"), _sniff_doccano, _read_rows, _write_doccano,
)  # fmt: skip

"""JSON objects with a text and its spans: JSON lines, or a list of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.annotators import apart, by_user, choose, named, share
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import SPANS, surface_of, text_names
from cloudner.corpus.formats.notes import further_spans, left_out, mark_failed, note_missing
from cloudner.corpus.formats.spans import Where, is_spans, spans_of, text_and_spans
from cloudner.corpus.formats.words import Ids

_UNFINISHED = ("Default", "Discarded")  # what Argilla 1 calls a record that nobody has validated


def read_rows(source: Source, options: ReadOptions) -> Iterator[Record]:
    told: set[str] = set()
    overlap = False  # do people mark the same texts, each for themselves?
    for line, item in objects(source):
        where = Where(source.name, line, "row")
        text = text_of(item, options.text_column, where)
        key = options.entities_column
        if key is None:
            key = next((k for k in SPANS if isinstance(item.get(k), (list, dict))), None)
            if key is None and not any(k in item for k in SPANS):
                raise where.error(
                    f"no entities among the keys {', '.join(map(repr, list(item)[:12]))}",
                    "one of " + ", ".join(SPANS[:5]),
                    "--entities-column KEY",
                )
        elif key not in item:
            raise where.error(f"no key {key!r}", "that key in every row", "--entities-column KEY")
        value = item.get(key) if key else None
        record = Record(source.name, line, text, [], meta=meta_of(item, options))
        where.text = text
        if key:
            where.what = f"key {key!r}"
        record.annotator = named(item.get("annotator", item.get("annotator_id")))
        mark_failed(record, item, value)
        value = _placed(_approved(value, record), record)
        parts = by_user(value)
        if not parts:
            record.spans = spans_of(value, options, where)
        else:
            versions = [(who, spans_of(part, options, where)) for who, part in parts.items()]
            overlap = overlap or apart(versions)
            if len(versions) == 1 or overlap or options.annotator is not None:
                choose(record, versions, options)
            else:
                record.spans = sorted(
                    (span for _, spans in versions for span in spans), key=lambda s: (s.start, -s.end)
                )
                share(record, versions)
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
        others = [k for k in further_spans(item, key) if k not in told]
        if key is not None and options.entities_column is None:
            record.notes += [left_out(other, key, "entities") for other in others]
            told.update(others)
        relations = item.get("relations")
        if isinstance(relations, list) and relations:
            record.notes.append(("unsupported", "noted", f"{len(relations)} relations left out"))
        unseen = item.get("seen_by") == [] and not record.spans  # LightTag's text that nobody has opened
        if item.get("complete") is False or item.get("status") in _UNFINISHED or unseen:
            record.complete = False
        note_missing(record, value)
        yield record


def _approved(value: Any, record: Record) -> Any:
    """The annotations without those that a reviewer called wrong (`"correct": false`, LightTag), which are noted."""
    if not isinstance(value, list) or not any(map(_is_wrong, value)):
        return value
    approved = [each for each in value if not _is_wrong(each)]
    done = f"{len(value) - len(approved)} annotations that a reviewer called wrong left out"
    record.notes.append(("rejected", "noted", done))
    return approved


def _placed(value: Any, record: Record) -> Any:
    """The annotations without those for which LangExtract found no place in the text, which are noted."""
    if not isinstance(value, list):
        return value
    lost = [e for e in value if isinstance(e, Mapping) and e.get("char_interval", ()) is None]
    for each in lost:
        done = f"{surface_of(each)!r} ({each.get('extraction_class')}) has no place in the text"
        record.notes.append(("surface-mismatch", "dropped", done))
    return [each for each in value if each not in lost] if lost else value


def _is_wrong(span: Any) -> bool:
    return isinstance(span, Mapping) and span.get("correct") is False


def span_key(item: Mapping[str, Any]) -> str | None:
    return next((key for key in SPANS if is_spans(item.get(key))), None)


def _sniff_rows(sample: Sample) -> Match | None:
    items = some_objects(sample)
    for item in items:
        text = next((k for k in text_names(item) if isinstance(item.get(k), str)), None)
        key = span_key(item)
        if text is not None and key is not None:
            return Match(0.8, f"objects with {text!r} and {key!r}")
    for item in items[:1]:
        text = next((k for k in text_names(item) if isinstance(item.get(k), str)), None)
        key = next((k for k in SPANS if item.get(k) == []), None)
        if text is not None and key is not None:
            return Match(0.6, f"objects with {text!r} and an empty {key!r}")
    return None


def _write_jsonl(records: Iterable[Record], stream: IO[str]) -> None:
    ids = Ids()
    for number, record in enumerate(records, start=1):
        text, spans = text_and_spans(record)
        row: dict[str, Any] = {
            **({"id": ids.of(record, number)} if "id" in record.meta else {}),
            "text": text,
            "entities": [{"start": s.start, "end": s.end, "label": s.label} for s in spans],
        }
        if not record.complete:
            row["complete"] = False
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


JSONL = Format(
    "jsonl", "JSON lines or a JSON list: a text and its spans", (".jsonl", ".ndjson", ".json"), _sniff_rows, read_rows,
    _write_jsonl,
)  # fmt: skip

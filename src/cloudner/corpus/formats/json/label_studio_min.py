"""Label Studio's JSON-MIN export, and the spans of both its exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import named
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, label_of, offset


def is_results(value: Any) -> bool:
    """Are these the results of one control, `[{"start": 0, "end": 5, "labels": ["PER"]}]`?"""
    return isinstance(value, list) and any(
        isinstance(each, dict)
        and ("labels" in each or "hypertextlabels" in each)
        and ({"start", "end"} <= set(each) or "globalOffsets" in each)
        for each in value
    )


def _min_key(item: Mapping[str, Any]) -> str | None:
    return next((key for key, value in item.items() if is_results(value)), None)


def _sniff_json_min(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        key = _min_key(item)
        if key is not None and "annotation_id" in item:
            return Match(0.97, f"annotation_id, and {key!r} with start, end and labels")
        if key is not None:
            return Match(0.82, f"{key!r} with start, end and labels")
    return None


def _read_json_min(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a task, with the spans of all its controls, or of the one that `entities_column` names."""
    for line, item in objects(source):
        where = Where(source.name, line, "task")
        fields = {
            k: v
            for k, v in item.items()
            if isinstance(v, str) and k not in ("created_at", "updated_at", "annotator")
        }
        key = options.text_column or next((k for k in TEXT if k in fields), None)
        if key is None and fields:
            key = max(fields, key=lambda k: len(fields[k]))
        text = text_of(item, key or options.text_column, where)
        wanted = options.entities_column
        controls = [v for k, v in item.items() if (is_results(v) if wanted is None else k == wanted)]
        results = [value for control in controls for value in control or ()]
        spans = [
            span
            for value in results
            if isinstance(value, dict) and ("labels" in value or "hypertextlabels" in value)
            for span in spans_of_value(value, options, where)
        ]
        if len(controls) > 1:
            spans.sort(key=lambda span: (span.start, -span.end))
        yield Record(
            source.name,
            line,
            text,
            spans,
            meta=meta_of(item, options),
            complete="annotation_id" in item or bool(spans),
            annotator=named(item.get("annotator")),
        )


def spans_of_value(value: Mapping[str, Any], options: ReadOptions, where: Where) -> list[SpanRecord]:
    whole = value.get("globalOffsets")
    start, end = value.get("start"), value.get("end")
    if isinstance(whole, Mapping):
        start, end = whole.get("start"), whole.get("end")
    surface = value.get("text")
    if isinstance(surface, list):
        surface = "".join(map(str, surface))
    labels = label_of(value.get("labels") or value.get("hypertextlabels") or [None], options, where)
    first, last = offset(start, where), offset(end, where)
    return [SpanRecord(first, last, label, surface if isinstance(surface, str) else None) for label in labels]


_EXAMPLE = """[{"id": 1, "text": "Marie Curie was born in Warsaw.", "label": [
  {"start": 0, "end": 11, "text": "Marie Curie", "labels": ["PER"]},
  {"start": 24, "end": 30, "text": "Warsaw", "labels": ["LOC"]}
]}]
"""
JSON_MIN = Format(
    "label-studio-min", "Label Studio's JSON-MIN export", (".json",), _sniff_json_min, _read_json_min,
    example=_EXAMPLE,
)  # fmt: skip

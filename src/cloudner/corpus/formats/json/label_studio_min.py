"""Label Studio's JSON-MIN export, and the spans of both its exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import named
from cloudner.corpus.formats.json.dialogue import Dialogue, dialogue
from cloudner.corpus.formats.json.label_studio_page import shown
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.json.without_text import (
    NoText,
    file_name,
    is_media,
    medium,
    names_a_file,
    texts_only,
)
from cloudner.corpus.formats.keys import TEXT
from cloudner.corpus.formats.spans import Where, label_of, offset

# Where a region has its labels, in a text, in a page of HTML and in a dialogue.
_LABELS = ("labels", "hypertextlabels", "paragraphlabels")
# What an export says of a task that somebody has annotated, with or without a region.
_DONE = ("annotation_id", "annotator", "lead_time")


def is_results(value: Any) -> bool:
    """Are these the results of one control, `[{"start": 0, "end": 5, "labels": ["PER"]}]`?"""
    return isinstance(value, list) and any(
        isinstance(each, dict)
        and any(key in each for key in _LABELS)
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
    return texts_only(_tasks(source, options))


def _tasks(source: Source, options: ReadOptions) -> Iterator[Record | NoText]:
    """One record a task, with the spans of all its controls, or of the one that `entities_column` names."""
    for line, item in objects(source):
        where = Where(source.name, line, "task")
        fields = {
            k: v
            for k, v in item.items()
            if isinstance(v, str) and k not in ("created_at", "updated_at", "annotator")
        }
        key = options.text_column or next(
            (k for k in TEXT if k in fields or (k in item and item[k] is None)), None
        )
        other = _without_text(item, fields, key, where)
        if other is not None:
            yield other
            continue
        turns = dialogue({k: v for k, v in item.items() if not is_results(v)}, options.text_column)
        if key is None and fields and turns is None:
            key = max(fields, key=lambda k: len(fields[k]))
        text = text_of(item, key or options.text_column, where) if turns is None else turns.text
        wanted = options.entities_column
        controls = [v for k, v in item.items() if (is_results(v) if wanted is None else k == wanted)]
        results = [value for control in controls for value in control or ()]
        spans = [
            span
            for value in results
            if isinstance(value, dict) and any(key in value for key in _LABELS)
            for span in _spans(value, turns, options, where)
        ]
        if len(controls) > 1:
            spans.sort(key=lambda span: (span.start, -span.end))
        record = Record(
            source.name,
            line,
            text,
            spans,
            meta=meta_of(item, options),
            complete=bool(spans) or any(item.get(key) is not None for key in _DONE),
            annotator=named(item.get("annotator")),
        )
        shown(record, any(isinstance(each, dict) and "hypertextlabels" in each for each in results))
        yield record


def _spans(
    value: Mapping[str, Any], turns: Dialogue | None, options: ReadOptions, where: Where
) -> list[SpanRecord]:
    if "paragraphlabels" not in value:
        return spans_of_value(value, options, where)
    if turns is None:
        raise where.error("labels of a dialogue's turns, and no turns", '[{"author": ..., "text": ...}]')
    return turns.spans(value, options, where)


def _without_text(
    item: Mapping[str, Any], fields: Mapping[str, str], key: str | None, where: Where
) -> NoText | None:
    """What a task holds in the place of a text: an image, say, or the name of a file; None where it may have a text."""
    media = next((k for k, value in item.items() if is_media(value)), None)
    if media is not None and (key is None or key == media):
        return medium(media, item, where)
    if key is None or key not in fields:
        return None
    marks = [value for results in item.values() if is_results(results) for value in results]
    words = [value.get("text") for value in marks if isinstance(value, Mapping)]
    return file_name(key, fields[key], len(marks), where) if names_a_file(fields[key], key, words) else None


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

"""Labelbox: data rows with the labels of each project, in the export of today and the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.annotators import choose
from cloudner.corpus.formats.json.objects import group_of, objects, some_objects
from cloudner.corpus.formats.spans import Where, label_of, offset, short

_OLD = "Labeled Data"


def _sniff(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("data_row"), dict) and "projects" in item:
            return Match(0.98, "data_row and projects (Labelbox)")
        if _OLD in item and "Label" in item:
            return Match(0.98, "Labeled Data and Label (Labelbox)")
    return None


def _spans(objects_: Any, options: ReadOptions, where: Where) -> list[SpanRecord]:
    spans = []
    for each in objects_ or ():
        place = (
            each.get("location") or (each.get("data") or {}).get("location")
            if isinstance(each, Mapping)
            else None
        )
        if not isinstance(place, Mapping):
            continue  # a box on an image
        start, end = offset(place.get("start"), where), offset(place.get("end"), where)
        name = each.get("name", each.get("title", each.get("value")))
        spans += [SpanRecord(start, end, label) for label in label_of(name, options, where)]
    return sorted(spans, key=lambda span: (span.start, -span.end))


def _labels(
    item: Mapping[str, Any], options: ReadOptions, where: Where
) -> list[tuple[str, list[SpanRecord]]]:
    if _OLD in item:
        label = item["Label"]
        if not isinstance(label, Mapping) or "objects" not in label:
            return []
        return [(str(item.get("Created By", 1)), _spans(label["objects"], options, where))]
    results = []
    for project in item["projects"].values() if isinstance(item["projects"], Mapping) else ():
        for number, label in enumerate(project.get("labels") or (), start=1):
            who = (label.get("label_details") or {}).get("created_by", number)
            results.append(
                (str(who), _spans((label.get("annotations") or {}).get("objects"), options, where))
            )
    return results


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "data row")
        given = item.get("data_row")
        row: Mapping[str, Any] = given if isinstance(given, Mapping) else item
        text = row.get("row_data", row.get(_OLD))
        if not isinstance(text, str) or (
            text.startswith(("http://", "https://")) and not any(map(str.isspace, text))
        ):
            raise where.error(
                f"no text in {short(text)}",
                "the text itself as row_data",
                "export with the data rows' content",
            )
        record = Record(source.name, line, text)
        name = row.get("external_id") or row.get("id") or row.get("External ID") or row.get("ID")
        if name is not None:
            record.meta["id"] = name
        record.meta |= group_of(row, options) or group_of(item, options)
        choose(record, _labels(item, options, where), options)
        yield record


_EXAMPLE = '{"data_row": {"id": "curie", "row_data": "Marie Curie was born in Warsaw."}, "projects": {"p": {"labels": [{"label_details": {"created_by": "ann@example.org"}, "annotations": {"objects": [{"name": "PER", "location": {"start": 0, "end": 11}}, {"name": "LOC", "location": {"start": 24, "end": 30}}]}}]}}}\n'
LABELBOX = Format(
    "labelbox",
    "Labelbox's export of texts",
    (".ndjson", ".json"),
    _sniff,
    _read,
    example=_EXAMPLE,
)

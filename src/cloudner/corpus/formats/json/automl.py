"""Google AutoML and Vertex AI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source, SpanRecord
from cloudner.corpus.formats.beside import text_beside
from cloudner.corpus.formats.json.objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats.spans import Where, label_of, offset

_VERTEX = ("textSegmentAnnotations", "textContent", "textGcsUri")


def _sniff_automl(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if "textSegmentAnnotations" in item:
            return Match(0.98, "textSegmentAnnotations (Vertex AI)")
        if isinstance(item.get("text_snippet") or item.get("textSnippet"), dict) and "annotations" in item:
            return Match(0.98, "text_snippet with annotations (AutoML)")
    return None


def _read_automl(source: Source, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        annotated = True
        if any(key in item for key in _VERTEX):
            text = _text(source, item, where)
            annotated = "textSegmentAnnotations" in item
            pairs = [(a, a.get("displayName")) for a in item.get("textSegmentAnnotations") or ()]
        else:
            snippet = item.get("text_snippet") or item.get("textSnippet") or {}
            text = text_of(snippet, "content", where)
            pairs = []
            for annotation in item.get("annotations") or ():
                extraction = annotation.get("text_extraction") or annotation.get("textExtraction") or {}
                segment = extraction.get("text_segment") or extraction.get("textSegment") or {}
                pairs.append((segment, annotation.get("display_name") or annotation.get("displayName")))
        spans: list[SpanRecord] = []
        for segment, label in pairs:
            # protobuf leaves out a start of 0
            start = offset(segment.get("start_offset", segment.get("startOffset", 0)), where)
            end = offset(segment.get("end_offset", segment.get("endOffset")), where)
            spans.append(SpanRecord(start, end, label_of(label, options, where)[0], segment.get("content")))
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=annotated)


def _text(source: Source, item: Mapping[str, Any], where: Where) -> str:
    """The text of a Vertex row: its own, or that of the file which its address ends with, beside the source."""
    address = item.get("textGcsUri")
    if "textContent" in item or not isinstance(address, str):
        return text_of(item, "textContent", where)
    name = address.rsplit("/", 1)[-1]
    return text_beside(source, name, f"the texts, which are stored apart ({address})").text()


_EXAMPLE = '{"textContent": "Marie Curie was born in Warsaw.", "textSegmentAnnotations": [{"startOffset": 0, "endOffset": 11, "displayName": "PER"}, {"startOffset": 24, "endOffset": 30, "displayName": "LOC"}]}\n'
AUTOML = Format(
    "automl",
    "Google AutoML and Vertex AI text entities",
    (".jsonl",),
    _sniff_automl,
    _read_automl,
    example=_EXAMPLE,
)

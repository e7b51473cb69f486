"""Exports of hosted labelling: AutoML and Vertex AI, SageMaker and Comprehend manifests, UBIAI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudner.corpus.formats._objects import meta_of, objects, some_objects, text_of
from cloudner.corpus.formats._spans import Where, label_of, offset, span_of
from cloudner.corpus.formats.base import Format, Match, ReadOptions, Sample
from cloudner.corpus.records import Record, SpanRecord

# Google AutoML and Vertex AI


def _sniff_automl(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if "textSegmentAnnotations" in item:
            return Match(0.98, "textSegmentAnnotations (Vertex AI)")
        if isinstance(item.get("text_snippet") or item.get("textSnippet"), dict) and "annotations" in item:
            return Match(0.98, "text_snippet with annotations (AutoML)")
    return None


def _read_automl(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        if "textSegmentAnnotations" in item:
            text = text_of(item, "textContent" if "textContent" in item else None, where)
            pairs = [(a, a.get("displayName")) for a in item["textSegmentAnnotations"] or ()]
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
        yield Record(source.name, line, text, spans, meta=meta_of(item, options))


# SageMaker Ground Truth manifests, which Comprehend reads


def _manifest_key(item: Mapping[str, Any]) -> str | None:
    return next(
        (k for k, v in item.items() if isinstance(v, dict) and isinstance(v.get("annotations"), dict)
         and "entities" in v["annotations"]),
        None,
    )  # fmt: skip


def _sniff_manifest(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        key = _manifest_key(item)
        if "source" in item and key:
            return Match(0.98, f"source, and {key!r} with annotations.entities (Ground Truth, Comprehend)")
        if isinstance(item.get("Entities"), list) and "File" in item:
            return Match(0.9, "Entities with BeginOffset (Comprehend)")
    return None


def _read_manifest(source: Any, options: ReadOptions) -> Iterator[Record]:
    key: str | None = options.entities_column
    for line, item in objects(source):
        where = Where(source.name, line, "entity")
        if "source" not in item and "Entities" in item:
            raise where.error(
                "Comprehend's results have offsets but no text",
                "an augmented manifest",
                "--format comprehend with the input",
            )
        text = text_of(item, options.text_column or "source", where)
        key = key or _manifest_key(item)
        content = item.get(key or "") or {}
        entities = (content.get("annotations") or {}).get("entities") or ()
        spans = [span for entity in entities for span in span_of(entity, options, where)]
        yield Record(source.name, line, text, spans, meta=meta_of(item, options), complete=key in item)


# UBIAI


def _sniff_ubiai(sample: Sample) -> Match | None:
    for item in some_objects(sample):
        if isinstance(item.get("document"), str) and (
            "documentName" in item or "tokens" in item or "annotation" in item
        ):
            return Match(0.95, "document with tokens or annotation (UBIAI)")
    return None


def _read_ubiai(source: Any, options: ReadOptions) -> Iterator[Record]:
    for line, item in objects(source):
        where = Where(source.name, line, "annotation")
        text = text_of(item, options.text_column or "document", where)
        spans: list[SpanRecord] = []
        for token in item.get("annotation") or item.get("tokens") or ():
            label = token.get("entityLabel", token.get("label"))
            if not label:
                continue  # a word of the text, not an entity
            start, end = offset(token.get("start"), where), offset(token.get("end"), where)
            surface = token.get("text") if isinstance(token.get("text"), str) else None
            spans.append(SpanRecord(start, end, label_of(label, options, where)[0], surface))
        record = Record(source.name, line, text, spans, meta=meta_of(item, options))
        if item.get("documentName"):
            record.meta["id"] = item["documentName"]
        if item.get("relations"):
            record.notes.append(("unsupported", "noted", f"{len(item['relations'])} relations left out"))
        yield record


AUTOML = Format(
    "automl", "Google AutoML and Vertex AI text entities", (".jsonl",), _sniff_automl, _read_automl
)
MANIFEST = Format(
    "ground-truth", "SageMaker Ground Truth / Comprehend augmented manifest", (".manifest", ".jsonl"), _sniff_manifest,
    _read_manifest,
)  # fmt: skip
UBIAI = Format("ubiai", "UBIAI's JSON export", (".json",), _sniff_ubiai, _read_ubiai)
